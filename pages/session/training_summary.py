"""Sentences about trainings, imports and comparisons that several pages show."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from digitcore.data import sample_files
from digitcore.data.sample_files import ImportResult
from digitcore.evaluation.comparison import SIGNIFICANCE_LEVEL, PairedComparison
from digitcore.evaluation.score import Score, has_collapsed
from digitcore.jobs.job import Job, JobStatus
from digitcore.models.bundle import ModelBundle
from digitcore.storage.changes import LabChanges, PartIds
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import MAX_LOSS_RISE, MAX_MNIST_LOSS, MIN_LOSS, Run
from digitcore.values import format_p_value
from pages.session import formatting
from pages.session.formatting import drawings, escape, percent, plural
from pages.session.training_data import training_data, training_data_sentence

NO_MNIST = (
    "The MNIST data set is not on this machine yet. The first training downloads it. Without an internet connection, run "
    "“digitlab data --path mnist.npz” and press Train again."
)
WAIT = "The results appear when the evaluation is done."
MUCH_WORSE = "Much worse"
RED_MUCH_WORSE = ":red[**much worse**]"
UNSEEN_HELP = "Unseen drawings are held out, or were drawn after the training."


class Tone(StrEnum):
    """Whether a model is better than another, and the color of a verdict."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"


WORDS = {Tone.BETTER: "Better", Tone.SAME: "About the same", Tone.WORSE: "Worse"}


@dataclass(frozen=True)
class Verdict:
    """The outcome of a training in a few words.

    Attributes:
        tone: Whether the trained model is better than its initial model.
        headline: The outcome, such as "Better: 20 of 20 (before: 1)".
        detail: The digits on which it was measured, and the outcome on MNIST, as Markdown.
    """

    tone: Tone
    headline: str
    detail: str


def samples_added(result: ImportResult, n_new: int, n_excess: int) -> str:
    """Describe an import of samples.

    Args:
        result: The result of reading the file.
        n_new: Number of samples in the file that the lab did not have.
        n_excess: Number of new samples that did not fit.
    """
    n_known = len(result.samples) - n_new
    known = f" You have {n_known:,} of these samples already." * bool(n_known)
    excess = f" {drawings(n_excess)} were not imported, because a lab holds at most {sample_files.MAX_SAMPLES:,}." * bool(
        n_excess
    )
    return f"{escape(str(result))}{known}{excess}"


def no_samples_added(result: ImportResult) -> str:
    """Describe an import of samples that the lab has already."""
    rejected = f"{len(result.rejected):,} rejected. " * bool(result.rejected)
    return f"You have all of these samples already. {rejected}{result.remarks}".rstrip()


def taken_over(changes: LabChanges, before: LabSnapshot) -> str:
    """Describe the changes of another device.

    Args:
        changes: The changes.
        before: State of the lab in this session before the changes.

    Returns:
        Sentences, or "" if no change is visible to the user.
    """
    known = PartIds.of(before)
    labels = dict(zip(before.samples.ids, before.samples.labels.tolist(), strict=True))
    pairs = zip(changes.samples.ids, changes.samples.labels.tolist(), strict=True)
    n_relabelled = sum(one in labels and labels[one] != label for one, label in pairs)
    added, gone = changes.ids.difference(known), known.difference(known.difference(changes.removed))
    return " ".join(
        f"{text} another device."
        for text in (
            _list_parts(added, "came from", "came from"),
            _list_parts(gone, "was deleted on", "were deleted on"),
            f"{plural(n_relabelled, 'label')} changed on" if n_relabelled else "",
        )
        if text
    )


def _list_parts(parts: PartIds, singular: str, plural_form: str) -> str:
    """Return "2 drawings and 1 run" with what happened to them; "" if there are no parts."""
    nouns = ("drawing", "run", "imported model", "version")
    texts = [plural(len(ids), noun) for ids, noun in zip(parts, nouns, strict=True) if ids]
    n = sum(map(len, parts))
    return f"{' and '.join(texts)} {plural_form if n > 1 else singular}" if texts else ""


def job_text(job: Job[Any]) -> str:
    """Describe the progress of a job: "Epoch 2 of 3 · 4 s left", "Waiting for 3 other jobs"."""
    if job.status == JobStatus.WAITING:
        return f"Waiting for {plural(job.position, 'other job')}" if job.position else "Next in the queue"
    if job.is_stopping:
        return "Stopping. The current weights are kept." if job.task.keeps_partial_result else "Stopping …"
    return job.task.describe(job.progress) + " · started again because its worker died" * bool(job.restarts)


def progress_text(jobs: Sequence[Job[Any]]) -> str:
    """Describe the progress of one or more jobs. Waiting jobs are mentioned only if none runs: they wait for each other, too."""
    running = [job for job in jobs if job.status != JobStatus.WAITING]
    return "; ".join(dict.fromkeys(map(job_text, running or jobs[:1])))


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
    how = training_data_sentence(run.model.card)
    if run.stopped:
        how = f"The training was stopped after {epochs(run)} epochs of {training_data(run.model.card.training_data)}."
    if _has_converged(run):
        how = f"The training ended after {epochs(run)} epochs, because the validation loss did not fall any more. {how}"
    sentences = [f"{how} Started from {escape(run.parent)}. It took {run.seconds:.0f} s."]
    return [*sentences, " ".join([*_handwriting_change(run), _mnist_change(run, scoring)])]


def _has_converged(run: Run) -> bool:
    """Check whether early stopping ended the training."""
    return bool(run.settings.early_stopping) and not (run.stopped or run.error) and run.history[-1]["epoch"] < run.settings.epochs


def verdict(record: RunRecord, scoring: str = "") -> Verdict:
    """Return the outcome of a training on the user's drawings, or on MNIST if it had no drawings.

    Args:
        record: The run.
        scoring: The progress of its evaluation on MNIST; "" if no evaluation runs.
    """
    run = record.run
    before, after = run.personal_before, run.personal_after
    mnist = _mnist_change(run, scoring)
    collapse_of_mnist = ""
    if run.mnist_before and run.mnist_after and has_collapsed(run.mnist_before, run.mnist_after):
        collapse_of_mnist = f"{MUCH_WORSE}: MNIST {_change(run.mnist_before, run.mnist_after, 1)}"
    if not (before and after and after.n):
        tone = Tone.WORSE if collapse_of_mnist else _mnist_tone(run)
        n_learnt = len(run.model.card.sample_hashes)
        how = f"Trained on {drawings(n_learnt)}" if n_learnt else "Trained without your drawings"
        return Verdict(tone, collapse_of_mnist or how, mnist)
    counts = f"{after.correct} of {after.n} (before: {before.correct})"
    which = "drawings that it learnt from"
    if run.personal_is_held_out:
        which = f"held-out drawings (95 % interval {formatting.interval(after.interval, 0)})"
    if has_collapsed(before, after):
        return Verdict(Tone.WORSE, f"{MUCH_WORSE}: {counts}", f"These are {which}. {mnist}")
    if collapse_of_mnist:
        return Verdict(Tone.WORSE, collapse_of_mnist, f"{counts} {which}. {mnist}")
    tone = _tone(before, after, is_unseen=run.personal_is_held_out)
    if tone == Tone.SAME and run.mnist_before and run.mnist_after and _mnist_tone(run) == Tone.BETTER:
        change = _change(run.mnist_before, run.mnist_after, 1)
        return Verdict(Tone.BETTER, f"Better on MNIST: {change}", f"{counts} {which}. {mnist}")
    return Verdict(tone, f"{WORDS[tone]}: {counts}", f"These are {which}. {mnist}")


def _tone(before: Score, after: Score, *, is_unseen: bool) -> Tone:
    """Compare two scores on the same drawings. On unseen drawings, a small difference may be due to chance."""
    gain = after.correct - before.correct
    if not gain or (is_unseen and 0.5 ** (abs(gain) - 1) >= SIGNIFICANCE_LEVEL):  # the least p value of McNemar's exact test
        return Tone.SAME
    return Tone.BETTER if gain > 0 else Tone.WORSE


def _mnist_tone(run: Run) -> Tone:
    if run.mnist_p_value is None or run.mnist_p_value >= SIGNIFICANCE_LEVEL or _describe_risen_loss(run):
        return Tone.SAME
    is_better = run.mnist_before and run.mnist_after and run.mnist_after.correct > run.mnist_before.correct
    return Tone.BETTER if is_better else Tone.WORSE


def unseen(record: RunRecord, scores: tuple[Score, Score] | None) -> str:
    """Describe the scores of a run on its unseen drawings.

    Args:
        record: The run.
        scores: Scores of the initial and the trained model on these drawings; `None` if there are no such drawings.

    Returns:
        A sentence. It is "" if `outcome` and `verdict` say the same, because the drawings were held out from the training.
    """
    if scores is None or (record.run.personal_is_held_out and scores[1] == record.run.personal_after):
        return ""
    before, after = scores
    low_high = formatting.interval(after.interval, 0)
    return (
        f"{escape(record.name)} predicts **{after.correct} of {after.n}** unseen drawings correctly "
        f"(95 % interval {low_high}; {escape(record.start.name)}: {before.correct})."
    )


def warning(run: Run) -> str:
    """Return advice if a training has made the model worse; "" if it has not."""
    if _is_worse(run.personal_before, run.personal_after, 0):
        return "Your accuracy dropped. Start from genius again, or label more drawings."
    if _is_worse(run.mnist_before, run.mnist_after, MAX_MNIST_LOSS):
        return "MNIST accuracy dropped. Add more MNIST digits, or lower the weight of your drawings."
    return _describe_risen_loss(run)


def comparison(pair: PairedComparison, baseline: str, candidate: str, what: str = "test digits") -> str:
    """Describe how many digits two models predict correctly, and whether the models differ."""
    baseline, candidate = escape(baseline), escape(candidate)
    of = f"{pair.baseline.n:,} {what}"
    changed = f"It corrects {len(pair.fixed):,} and adds {plural(len(pair.broken), 'error')}."
    if not pair.net_gain:
        return f"{candidate} and {baseline} predict equally many of {of} correctly. {changed}"
    how = f"**{abs(pair.net_gain):,} {'more' if pair.net_gain > 0 else 'fewer'}**"
    test = f"{_verdict(pair)} ({format_p_value(pair.p_value)}, McNemar's exact test)"
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
    if has_learnt:
        return f"{_counts(after.correct, after.n, 'training', before.correct)}."
    counts = _counts(after.correct, after.n, "unseen", before.correct, after.interval)
    return f"{counts}: {_verdict(pair)}{_p_value_of_change(pair)}."


def mnist_headline(pair: PairedComparison | None, baseline: ModelBundle, candidate: ModelBundle) -> str:
    """Describe the errors of two models on MNIST's test digits. The numbers come from the cards until `pair` is known."""
    if pair is None:
        known = [model.card.metrics.get("mnist_errors") for model in (baseline, candidate)]
        before, after = ("…" if n is None else f"{n:,}" for n in known)
        return f"MNIST errors: {before} → **{after}** of 10,000."
    errors = [one.n - one.correct for one in (pair.baseline, pair.candidate)]
    return f"MNIST errors: {errors[0]:,} → **{errors[1]:,}** of {pair.baseline.n:,}: {_verdict(pair)}{_p_value_of_change(pair)}."


def _handwriting_change(run: Run) -> list[str]:
    before, after = run.personal_before, run.personal_after
    if not (before and after and after.n):
        return []
    low, high = (round(100 * bound) for bound in after.interval)
    which = f"held out; 95 % interval: {low}–{high} %" if run.personal_is_held_out else "used for training"
    verdict = f": {RED_MUCH_WORSE}" * has_collapsed(before, after)
    whose = _whose(run)
    return [f"{whose[0].upper()}{whose[1:]} {_change(before, after, 0, '**')} ({drawings(after.n)} {which}){verdict}."]


def _whose(run: Run) -> str:
    return "the class's handwriting" if run.model.card.training_data.pupils else "your handwriting"


def _mnist_change(run: Run, scoring: str) -> str:
    """Describe the MNIST accuracy before and after, and whether the difference is clear."""
    before = f"{percent(run.mnist_before.accuracy, 2)} → " if run.mnist_before else ""
    if not run.mnist_after:
        return f"MNIST {before}… ({scoring or 'not evaluated yet'})."
    sentence = f"MNIST {before}**{percent(run.mnist_after.accuracy, 2)}** of {run.mnist_after.n:,} test digits"
    if run.mnist_p_value is None:
        return f"{sentence}."
    if run.mnist_p_value >= SIGNIFICANCE_LEVEL:
        return f"{sentence}: about the same."
    if run.mnist_before and has_collapsed(run.mnist_before, run.mnist_after):
        return f"{sentence}: {RED_MUCH_WORSE}."
    if _describe_risen_loss(run):
        return f"{sentence}."
    is_better = run.mnist_before is not None and run.mnist_after.correct > run.mnist_before.correct
    return f"{sentence}: clearly {'better' if is_better else 'worse'}."


def _verdict(pair: PairedComparison) -> str:
    if not len(pair.fixed) + len(pair.broken):
        return "no difference"
    if not pair.is_significant:
        return "about the same"
    if pair.has_collapsed:
        return RED_MUCH_WORSE
    return "these two models differ"


def _p_value_of_change(pair: PairedComparison) -> str:
    return f" ({format_p_value(pair.p_value)})" if len(pair.fixed) + len(pair.broken) else ""


def _describe_risen_loss(run: Run) -> str:
    """Return advice if the validation loss is much greater at the end than before the training; "" if it is not."""
    losses = [point["val_loss"] for point in run.history if "val_loss" in point]
    if not losses or losses[-1] <= max(MIN_LOSS, MAX_LOSS_RISE * losses[0]):
        return ""
    return (
        f"The validation loss rose from {losses[0]:.2f} to {losses[-1]:.2f}, so the model is confident about wrong digits. "
        "Use a lower learning rate."
    )


def _counts(correct: int, n: int, which: str, before: int, interval: Sequence[float] | None = None) -> str:
    """Return a score on drawings and the score before. Drawings of the training set have no interval."""
    bounds = f"95 % interval {formatting.interval(interval, 0)}; " if interval else ""
    return f"**{correct} of {n}** {which} drawings are predicted correctly ({bounds}before: {before})"


def _change(before: Score, after: Score, places: int, emphasis: str = "") -> str:
    return f"{percent(before.accuracy, places)} → {emphasis}{percent(after.accuracy, places)}{emphasis}"


def _is_worse(before: Score | None, after: Score | None, tolerance: float) -> bool:
    return bool(before and after and after.n and after.accuracy < before.accuracy - tolerance)
