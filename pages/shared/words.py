"""Sentences that pages share."""

from digitcore.evaluation import Evaluation
from digitcore.jobs import Job
from digitcore.runs import Run

NO_MNIST = (
    "The MNIST data set is not on this machine yet. The first training fetches it; without a network, "
    "run “python -m digitcore data --path mnist.npz” and press Train again."
)


def drawings(number: int) -> str:
    """“1 drawing”, “12 drawings”."""
    return f"{number:,} drawing{'s' * (number != 1)}"


def count(number: int) -> str:
    """A number as people read it, “none” for 0."""
    return f"{number:,}" if number else "none"


def progress(job: Job, epochs: int) -> str:
    """Where a training stands: “epoch 2 of 3 · 4 s left”."""
    if not job.messages:
        return "starting …"
    last = job.messages[-1]
    if job.stopping:
        return "stopping …"
    if last["epoch"] >= epochs:
        return "scoring the new model …"
    words = f"epoch {min(int(last['epoch']) + 1, epochs)} of {epochs}"
    if last["epoch"] > 0.1:
        left = last["seconds"] / last["epoch"] * (epochs - last["epoch"])
        words += f" · {left:.0f} s left"
    return words


def outcome(run: Run, read_before: int, read_after: int, learnt: int) -> list[str]:
    """What a training changed, in a sentence or two."""
    how = "Stopped early. " if run.stopped else ""
    sentences = [f"{how}{run.model.card.lesson} Started from {run.parent}; took {run.seconds:.0f} s."]
    changes = []
    if learnt:
        changes.append(f"Of the {drawings(learnt)} it learnt from it read {read_before} before, {read_after} now.")
    if run.before and run.after:
        changes.append(f"MNIST {run.before.share:.2%} → {run.after.share:.2%} ({run.after.of:,} test digits).")
    return [*sentences, " ".join(changes)] if changes else sentences


def models(number: int) -> str:
    """“1 model”, “2 models”."""
    return f"{number} model{'s' * (number != 1)}"


def share(judged: Evaluation) -> str:
    """“98.20 % of 10,000 (97.9 to 98.4)”; “none yet” when nothing was judged."""
    if not judged.of:
        return "none yet"
    low, high = judged.interval
    return f"{judged.accuracy:.2%} of {judged.of:,} ({100 * low:.1f} to {100 * high:.1f})"
