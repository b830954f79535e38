"""Sentences that pages share."""

from digitcore.evaluation import Evaluation
from digitcore.jobs import WAITING, Job
from digitcore.runs import Run, Score

NO_MNIST = (
    "The MNIST data set is not on this machine yet. The first training fetches it; without a network, "
    "run “python -m digitcore data --path mnist.npz” and press Train again."
)
PRICE = 0.003  # of MNIST's test digits: a lesson that costs more has hurt


def drawings(number: int) -> str:
    """“1 drawing”, “12 drawings”."""
    return f"{number:,} drawing{'s' * (number != 1)}"


def models(number: int) -> str:
    """“1 model”, “2 models”."""
    return f"{number} model{'s' * (number != 1)}"


def count(number: int) -> str:
    """A number as people read it, “none” for 0."""
    return f"{number:,}" if number else "none"


def in_line(job: Job) -> str:
    """Where a waiting job stands: “3 ahead of you”."""
    return f"{job.ahead} ahead of you" if job.ahead else "Next in line"


def comparing(job: Job, number: int) -> str:
    """Where a comparison of so many models stands."""
    return in_line(job) if job.state == WAITING else f"Reading MNIST's 10,000 test digits with {models(number)} …"


def progress(job: Job, epochs: int) -> str:
    """Where a training stands: “Epoch 2 of 3 · 4 s left”."""
    if job.state == WAITING:
        return in_line(job)
    if not job.messages:
        return "Starting …"
    last = job.messages[-1]
    if job.stopping:
        return "Stopping, and keeping what was learnt …"
    if last["epoch"] >= epochs:
        return "Scoring the new model …"
    words = f"Epoch {min(int(last['epoch']) + 1, epochs)} of {epochs}"
    if last["epoch"] > 0.1:
        left = last["seconds"] / last["epoch"] * (epochs - last["epoch"])
        words += f" · {left:.0f} s left"
    return words + " · began again, its worker had died" * bool(job.restarts)


def outcome(run: Run) -> list[str]:
    """What a training changed: how it was done, then before and after."""
    how = "Stopped early. " if run.stopped else ""
    sentences = [f"{how}{run.model.card.lesson} Started from {run.parent}; took {run.seconds:.0f} s."]
    changes = []
    if run.yours_before and run.yours_after and run.yours_after.of:
        which = "held out" if run.on_held_out else "that it learnt from"
        low, high = (round(100 * bound) for bound in run.yours_after.interval)
        changes.append(
            f"Your hand {run.yours_before.share:.0%} → **{run.yours_after.share:.0%}** "
            f"({drawings(run.yours_after.of)} {which}; the true share lies between {low} and {high} %)."
        )
    if run.before and run.after:
        changes.append(f"MNIST {run.before.share:.2%} → **{run.after.share:.2%}** ({run.after.of:,} test digits).")
    return [*sentences, " ".join(changes)] if changes else sentences


def warning(run: Run) -> str:
    """What to do where a lesson has hurt; empty where it has not."""
    if _worse(run.yours_before, run.yours_after, 0):
        return "This lesson hurt: it reads fewer of your drawings than before. Start from genius again, or label more drawings."
    if _worse(run.before, run.after, PRICE):
        return "This lesson cost much of MNIST. Mix in more MNIST digits, or let your drawings count less."
    return ""


def share(judged: Evaluation) -> str:
    """“98.20 % of 10,000 (97.9 to 98.4)”; “none yet” when nothing was judged."""
    if not judged.of:
        return "none yet"
    low, high = judged.interval
    return f"{judged.accuracy:.2%} of {judged.of:,} ({100 * low:.1f} to {100 * high:.1f})"


def score(found: Score | None) -> str:
    """“95 % of 20”; empty when nothing was judged."""
    return f"{found.share:.0%} of {found.of}" if found and found.of else ""


def _worse(before, after, by):
    return bool(before and after and after.of and after.share < before.share - by)
