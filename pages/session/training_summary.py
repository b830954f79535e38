"""Sentences about trainings, imports and comparisons that several pages show."""

from typing import Any

from digitcore.data import sample_files
from digitcore.data.sample_files import ImportResult
from digitcore.evaluation.comparison import SIGNIFICANCE_LEVEL, PairedComparison
from digitcore.evaluation.score import Score
from digitcore.jobs.job import Job, JobStatus
from digitcore.models.bundle import ModelBundle
from digitcore.training.run import Run
from pages.session.formatting import drawings, escape, p_value, percent, plural
from pages.session.training_data import training_data_sentence

NO_MNIST = (
    "The MNIST data set is not on this machine yet. The first training downloads it. Without a network, run "
    "“digitlab data --path mnist.npz” and press Train again."
)
WAIT = "The results appear when the evaluation is done."
MAX_MNIST_LOSS = 0.003  # share of the test digits: a training that loses more gets a warning


def samples_added(result: ImportResult, n_new: int, n_excess: int) -> str:
    """Describe an import of samples.

    Args:
        result: The result of reading the file.
        n_new: Number of samples in the file that the lab did not have.
        n_excess: Number of new samples that did not fit.
    """
    n_known = len(result.samples) - n_new
    known = f" You have {n_known:,} of them already." * bool(n_known)
    excess = f" {drawings(n_excess)} did not fit: a lab holds at most {sample_files.MAX_SAMPLES:,}." * bool(n_excess)
    return f"{escape(str(result))}{known}{excess}"


def job_text(job: Job[Any]) -> str:
    """Describe the progress of a job: "Epoch 2 of 3 · 4 s left", "3 jobs ahead of you"."""
    if job.status == JobStatus.WAITING:
        return f"{plural(job.position, 'job')} ahead of you" if job.position else "Next in the queue"
    if job.is_stopping:
        return "Stopping. What was learnt is kept." if job.task.keeps_partial_result else "Stopping …"
    return job.task.describe(job.progress) + " · started again because its worker died" * bool(job.restarts)


def epochs(run: Run) -> str:
    """Return the number of epochs: "3", or "0.4 of 3" if the run ended earlier."""
    is_partial = run.stopped or run.error or _has_converged(run)
    return f"{run.history[-1]['epoch']:.2g} of {run.settings.epochs}" if is_partial else str(run.settings.epochs)


def outcome(run: Run, scoring: str = "") -> list[str]:
    """Describe a training: how the model was trained, then its scores before and after.

    Args:
        run: The training.
        scoring: The progress of its evaluation on MNIST; "" if no evaluation runs.
    """
    how = f"Stopped early, after {epochs(run)} epochs. " if run.stopped else ""
    if _has_converged(run):
        how = f"Ended after {epochs(run)} epochs, because the validation loss did not fall any more. "
    sentences = [f"{how}{training_data_sentence(run.model.card)} Started from {escape(run.parent)}. It took {run.seconds:.0f} s."]
    return [*sentences, " ".join([*_handwriting_change(run), _mnist_change(run, scoring)])]


def _has_converged(run: Run) -> bool:
    """Check whether early stopping ended the training."""
    return bool(run.settings.early_stopping) and not (run.stopped or run.error) and run.history[-1]["epoch"] < run.settings.epochs


def headline(run: Run, scoring: str = "") -> str:
    """Describe the scores before and after a training in one line. The arguments are those of `outcome`."""
    before, after = run.personal_before, run.personal_after
    parts = []
    if before and after and after.n:
        which = "held-out" if run.personal_is_held_out else "training"
        parts.append(f"**{after.correct} of {after.n}** {which} drawings are predicted correctly (before: {before.correct}).")
    return " ".join([*parts, _mnist_change(run, scoring)])


def warning(run: Run) -> str:
    """Return what to do if a training has made the model worse; "" if it has not."""
    if _is_worse(run.personal_before, run.personal_after, 0):
        return "Your accuracy dropped. Start from the pre-trained model again, or label more drawings."
    if _is_worse(run.mnist_before, run.mnist_after, MAX_MNIST_LOSS):
        return "MNIST accuracy dropped. Add more MNIST examples, or lower the weight of your drawings."
    return ""


def comparison(pair: PairedComparison, baseline: str, candidate: str, what: str = "test digits") -> str:
    """Describe which of two models is better, and whether the difference is clear."""
    baseline, candidate = escape(baseline), escape(candidate)
    of = f"{pair.baseline.n:,} {what}"
    changed = f"It corrects {len(pair.fixed):,} and adds {plural(len(pair.broken), 'error')}."
    if not pair.net_gain:
        return f"{candidate} and {baseline} predict equally many of {of} correctly. {changed}"
    how = f"**{abs(pair.net_gain):,} {'more' if pair.net_gain > 0 else 'fewer'}**"
    test = f"{_verdict(pair)} ({p_value(pair.p_value)}, McNemar's exact test)"
    return f"{candidate} predicts {how} of {of} correctly than {baseline}: {test}. {changed}"


def drawings_headline(pair: PairedComparison, has_learnt: bool) -> str:
    """Describe two models on the user's drawings.

    Args:
        pair: The comparison.
        has_learnt: Whether one of the models has learnt from these drawings.
    """
    before, after = pair.baseline, pair.candidate
    if not after.n:
        return "You have no drawings yet."
    counts = f"**{after.correct} of {after.n}** {{}} drawings are predicted correctly (before: {before.correct})"
    if has_learnt:
        return f"{counts.format('training')}."
    return f"{counts.format('held-out')}: {_verdict(pair)}{_p_value_of_change(pair)}."


def mnist_headline(pair: PairedComparison | None, baseline: ModelBundle, candidate: ModelBundle) -> str:
    """Describe the errors of two models on MNIST's test digits. The numbers come from the cards until `pair` is known."""
    if pair is None:
        known = [model.card.metrics.get("mnist_errors", "…") for model in (baseline, candidate)]
        return f"MNIST errors: {known[0]} → **{known[1]}** of 10,000."
    errors = [one.n - one.correct for one in (pair.baseline, pair.candidate)]
    return f"MNIST errors: {errors[0]:,} → **{errors[1]:,}** of {pair.baseline.n:,}: {_verdict(pair)}{_p_value_of_change(pair)}."


def _handwriting_change(run: Run) -> list[str]:
    before, after = run.personal_before, run.personal_after
    if not (before and after and after.n):
        return []
    low, high = (round(100 * bound) for bound in after.interval)
    which = f"held out; 95 % interval: {low}–{high} %" if run.personal_is_held_out else "used for training"
    return [f"Your handwriting {percent(before.accuracy)} → **{percent(after.accuracy)}** ({drawings(after.n)} {which})."]


def _mnist_change(run: Run, scoring: str) -> str:
    """Describe the MNIST accuracy before and after, and whether the difference is clear."""
    before = f"{percent(run.mnist_before.accuracy, 2)} → " if run.mnist_before else ""
    if not run.mnist_after:
        return f"MNIST {before}… ({scoring or 'not evaluated yet'})."
    sentence = f"MNIST {before}**{percent(run.mnist_after.accuracy, 2)}**"
    if run.mnist_p_value is None:
        return f"{sentence}."
    if run.mnist_p_value >= SIGNIFICANCE_LEVEL:
        return f"{sentence}: about the same."
    is_better = run.mnist_before is not None and run.mnist_after.correct > run.mnist_before.correct
    return f"{sentence}: clearly {'better' if is_better else 'worse'}."


def _verdict(pair: PairedComparison) -> str:
    if not len(pair.fixed) + len(pair.broken):
        return "no difference"
    if not pair.is_significant:
        return "about the same"
    return "clearly better" if pair.net_gain > 0 else "clearly worse"


def _p_value_of_change(pair: PairedComparison) -> str:
    return f" ({p_value(pair.p_value)})" if len(pair.fixed) + len(pair.broken) else ""


def _is_worse(before: Score | None, after: Score | None, tolerance: float) -> bool:
    return bool(before and after and after.n and after.accuracy < before.accuracy - tolerance)
