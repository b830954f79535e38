"""Sentences that pages share."""

from digitcore.jobs import WAITING, Job
from digitcore.models import ModelBundle
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


def runs(number: int) -> str:
    """“1 run”, “2 runs”."""
    return f"{number:,} run{'s' * (number != 1)}"


def model_in_figures(model: ModelBundle) -> str:
    """Its size, and what it reads of MNIST where that is known."""
    accuracy = model.card.figures.get("mnist_accuracy")
    reads = f", reads {accuracy:.2%} of MNIST's test digits" if accuracy is not None else ""
    return f"{model.card.parameters:,} parameters{reads}."


def spots(number: int) -> str:
    """“1 spot”, “3 spots”."""
    return f"{number} spot{'s' * (number != 1)}"


def count(number: int) -> str:
    """A number as people read it, “none” for 0."""
    return f"{number:,}" if number else "none"


def in_line(job: Job) -> str:
    """Where a waiting job stands: “3 ahead of you”."""
    return f"{job.ahead} ahead of you" if job.ahead else "Next in line"


ASKING = {
    "mnist": "Reading MNIST's 10,000 test digits",
    "stress": "Reading MNIST's 10,000 test digits, spoilt in ten ways at five strengths",
    "look-alikes": "Looking for digits that look alike",
    "layers": "Looking into the network",
    "explore": "Looking at the data set",
    "onnx": "Making the ONNX file",
}


def asking(what: set[str]) -> str:
    """What the worker is doing for the Evaluate page."""
    return "; ".join(sentence for name, sentence in ASKING.items() if name in what) + " …"


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


def epochs(run: Run) -> str:
    """“3”, or “0.4 of 3” where it was stopped."""
    return f"{run.history[-1]['epoch']:.2g} of {run.settings.epochs}" if run.stopped else str(run.settings.epochs)


def outcome(run: Run) -> list[str]:
    """What a training changed: how it was done, then before and after."""
    how = f"Stopped early, after {epochs(run)} epochs. " if run.stopped else ""
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


def between(interval, places: int) -> str:
    """“99.5 to 99.7 %”; empty when nothing is known."""
    return "{:.{places}f} to {:.{places}f} %".format(*(100 * bound for bound in interval), places=places) if interval else ""


def score(found: Score | None) -> str:
    """“95 % of 20”; empty when nothing was judged."""
    return f"{found.share:.0%} of {found.of}" if found and found.of else ""


def _worse(before, after, by):
    return bool(before and after and after.of and after.share < before.share - by)
