"""Sentences that pages share."""

import re
from collections.abc import Sequence
from typing import Any

from digitcore.data import sample_files
from digitcore.data.sample_files import ImportResult
from digitcore.evaluation.comparison import SIGNIFICANCE_LEVEL, PairedComparison
from digitcore.evaluation.score import Score
from digitcore.jobs.job import Job, JobStatus
from digitcore.models.bundle import ModelBundle
from digitcore.training.run import Run
from pages.session.training_data import training_data_sentence

NO_MNIST = (
    "The MNIST data set is not on this machine yet. The first training fetches it; without a network, "
    "run “digitlab data --path mnist.npz” and press Train again."
)
WAIT = "The figures come as soon as the digits are read."
MAX_MNIST_LOSS = 0.003  # of the test digits: a training that costs more is warned of


def escape(name: str) -> str:
    """A name of a model or a file inside Markdown, shown as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$])", r"\\\1", name)


def plural(n: int, noun: str) -> str:
    """“1 drawing”, “12 drawings”."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def drawings(n: int) -> str:
    """“1 drawing”, “12 drawings”."""
    return plural(n, "drawing")


def count(n: int) -> str:
    """A number as people read it, “none” for 0."""
    return f"{n:,}" if n else "none"


def percent(share: float, places: int = 0) -> str:
    """A share, 0 to 1, as “96 %”; one that is not quite all is no “100 %”."""
    places = max(places, 1) if 0.995 <= share < 1 else places
    largest = 100 - 10**-places
    value = 100 * share
    return f"{value if value >= 100 else min(value, largest):.{places}f} %"


def file_size(n_bytes: int) -> str:
    """“3 kB”, “1.2 MB”."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{max(1, round(n_bytes / 1000))} kB"


def model_summary(model: ModelBundle) -> str:
    """A model's size, and its accuracy on MNIST where that is known."""
    accuracy = model.card.metrics.get("mnist_accuracy")
    reads = f", reads {percent(accuracy, 2)} of MNIST's test digits" if accuracy is not None else ""
    return f"{model.card.parameters:,} parameters{reads}."


def samples_added(result: ImportResult, n_new: int, n_excess: int) -> str:
    """What an import of samples has brought; those that did not fit are told."""
    n_known = len(result.samples) - n_new
    known = f" {n_known:,} of them here already." * bool(n_known)
    excess = f" {drawings(n_excess)} did not fit: {sample_files.MAX_SAMPLES:,} is the most." * bool(n_excess)
    return f"{escape(str(result))}{known}{excess}"


def queue_position(job: Job[Any]) -> str:
    """Where a waiting job is in the queue: “3 ahead of you”."""
    return f"{job.position} ahead of you" if job.position else "Next in line"


def training_progress(job: Job[Run], epochs: int) -> str:
    """How far a training is: “Epoch 2 of 3 · 4 s left”."""
    if job.status == JobStatus.WAITING:
        return queue_position(job)
    if not job.events:
        return "Starting …"
    last = job.events[-1]
    if job.is_stopping:
        return "Stopping, and keeping what was learnt …"
    if last["epoch"] >= epochs:
        return "Finishing …"
    progress = f"Epoch {min(int(last['epoch']) + 1, epochs)} of {epochs}"
    if last["epoch"] > 0.1:
        remaining = last["seconds"] / last["epoch"] * (epochs - last["epoch"])
        progress += f" · {remaining:.0f} s left"
    return progress + " · began again, its worker had died" * bool(job.restarts)


def scoring_progress(share: float) -> str:
    """How far the scoring of a new model is: “Reading MNIST: 40 %”."""
    return f"Reading MNIST: {percent(share)}"


def epochs(run: Run) -> str:
    """“3”, or “0.4 of 3” where it was stopped."""
    return f"{run.history[-1]['epoch']:.2g} of {run.settings.epochs}" if run.stopped else str(run.settings.epochs)


def outcome(run: Run, scoring: str = "") -> list[str]:
    """What a training changed: how it was done, then before and after.

    Args:
        run: the training.
        scoring: how far its scoring on MNIST is; "" when that does not run.
    """
    how = f"Stopped early, after {epochs(run)} epochs. " if run.stopped else ""
    sentences = [f"{how}{training_data_sentence(run.model.card)} Started from {escape(run.parent)}; took {run.seconds:.0f} s."]
    changes = []
    if run.personal_before and run.personal_after and run.personal_after.n:
        low, high = (round(100 * bound) for bound in run.personal_after.interval)
        which = f"set aside for testing; 95 % interval: {low}–{high} %" if run.personal_is_held_out else "that it learnt from"
        changes.append(
            f"Your handwriting {percent(run.personal_before.accuracy)} → **{percent(run.personal_after.accuracy)}** "
            f"({drawings(run.personal_after.n)} {which})."
        )
    return [*sentences, " ".join([*changes, _mnist_change(run, scoring)])]


def headline(run: Run, scoring: str = "") -> str:
    """Before and after in one line: the test drawings, then MNIST; the arguments are those of `outcome`."""
    parts = []
    before, after = run.personal_before, run.personal_after
    if before and after and after.n:
        which = "Test drawings" if run.personal_is_held_out else "Drawings that it learnt from"
        parts.append(f"{which} {before.correct}/{before.n} → **{after.correct}/{after.n}**.")
    return " ".join([*parts, _mnist_change(run, scoring)])


def _mnist_change(run: Run, scoring: str) -> str:
    """Accuracy on MNIST before and after, and whether the difference is significant."""
    before = f"{100 * run.mnist_before.accuracy:.2f} → " if run.mnist_before else ""
    if not run.mnist_after:
        return f"MNIST {before}… ({scoring or 'not read yet'})."
    sentence = f"MNIST {before}**{percent(run.mnist_after.accuracy, 2)}**"
    if run.mnist_p_value is None:
        return f"{sentence}."
    is_significant = run.mnist_p_value < SIGNIFICANCE_LEVEL
    return f"{sentence}, {'a significant' if is_significant else 'no significant'} difference."


def warning(run: Run) -> str:
    """What to do where a training has made things worse; "" where it has not."""
    if _is_worse(run.personal_before, run.personal_after, 0):
        return "Your accuracy dropped. Start from the pre-trained model again, or label more drawings."
    if _is_worse(run.mnist_before, run.mnist_after, MAX_MNIST_LOSS):
        return "MNIST accuracy dropped. Add more MNIST examples, or lower the weight of your drawings."
    return ""


def interval(bounds: Sequence[float] | None, places: int) -> str:
    """“99.5–99.7 %”; "" when nothing is known."""
    return "{:.{places}f}–{:.{places}f} %".format(*(100 * bound for bound in bounds), places=places) if bounds else ""


def score(found: Score | None) -> str:
    """“95 % of 20”; "" when nothing was evaluated."""
    return f"{percent(found.accuracy)} of {found.n}" if found and found.n else ""


def comparison(pair: PairedComparison, baseline: str, candidate: str, what: str = "test digits") -> str:
    """Which of two models is better, and whether the difference is significant."""
    baseline, candidate = escape(baseline), escape(candidate)
    of = f"{pair.baseline.n:,} {what}"
    changed = f"corrects {len(pair.fixed):,} and adds {plural(len(pair.broken), 'error')}."
    if not pair.net_gain:
        return f"Both read equally many of {of}. {candidate} {changed}"
    chance = "significant" if pair.is_significant else "may be chance"
    how = f"**{abs(pair.net_gain):,} {'more' if pair.net_gain > 0 else 'fewer'}**"
    return f"{candidate} reads {how} of {of} than {baseline}: {chance} ({_p_value(pair)}, McNemar's exact test). It {changed}"


def drawings_headline(pair: PairedComparison, has_learnt: bool) -> str:
    """Two models on the user's drawings; `has_learnt`: one of them has learnt from these."""
    before, after = pair.baseline, pair.candidate
    if not after.n:
        return "No drawings of yours yet."
    counts = f"{before.correct}/{before.n} → **{after.correct}/{after.n}**"
    if has_learnt:
        return f"On drawings that it learnt from {counts}."
    return f"On your handwriting {counts} ({_significance(pair)})."


def mnist_headline(pair: PairedComparison | None, baseline: ModelBundle, candidate: ModelBundle) -> str:
    """Errors of two models on MNIST's test digits; from their cards until they are compared."""
    if pair is None:
        known = [model.card.metrics.get("mnist_errors", "…") for model in (baseline, candidate)]
        return f"On MNIST {known[0]} → **{known[1]}** errors of 10,000."
    errors = [one.n - one.correct for one in (pair.baseline, pair.candidate)]
    return f"On MNIST {errors[0]:,} → **{errors[1]:,}** errors of {pair.baseline.n:,} ({_significance(pair)})."


def _significance(pair: PairedComparison) -> str:
    if not len(pair.fixed) + len(pair.broken):
        return "no difference"
    return f"{'significant' if pair.is_significant else 'may be chance'}, {_p_value(pair)}"


def _p_value(pair: PairedComparison) -> str:
    return f"p = {pair.p_value:.2g}" if pair.p_value >= 0.001 else "p < 0.001"


def _is_worse(before: Score | None, after: Score | None, tolerance: float) -> bool:
    return bool(before and after and after.n and after.accuracy < before.accuracy - tolerance)
