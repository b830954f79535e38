"""Numbers and names as the pages show them."""

import re
from collections.abc import Sequence

from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.values import percent, plural, with_article

__all__ = [
    "about_seconds",
    "drawings",
    "escape",
    "file_size",
    "interval",
    "model_summary",
    "percent",
    "plural",
    "samples",
    "score",
    "with_article",
]

WORD_JOINER = "\u2060"  # invisible; no line may be broken here
MAX_SHOWN_SECONDS = 100  # Longer estimates are shown in minutes.


def escape(name: str) -> str:
    """Escape a name or a text of an address for use in Markdown, so that it holds no link, picture, emoji or entity.

    Streamlit's browser code looks for addresses and emojis in the text without its backslashes, so an invisible character divides
    them.
    """
    divided = re.sub(r"(?i):(?=[/\w+-])|www(?=\.)|(?=@)", rf"\g<0>{WORD_JOINER}", name)
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$&])", r"\\\1", divided)


def drawings(n: int) -> str:
    """Return a number of drawings: "1 drawing", "12 drawings"."""
    return plural(n, "drawing")


def samples(found: SampleSet) -> str:
    """Return the number of drawings and of labelled MNIST examples: "12 drawings", "3 drawings, 1 example"."""
    n_examples = int(found.is_example.sum())
    examples = f", {plural(n_examples, 'example')}" * bool(n_examples)
    return f"{drawings(len(found) - n_examples)}{examples}"


def file_size(n_bytes: int) -> str:
    """Format a number of bytes as "3 kB" or "1.2 MB"."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{max(1, round(n_bytes / 1000))} kB"


def about_seconds(seconds: float) -> str:
    """Format an estimated duration as "less than a second", "about 5 s" or "about 3 min"."""
    if seconds < 1:
        return "less than a second"
    return f"about {seconds:.0f} s" if seconds < MAX_SHOWN_SECONDS else f"about {seconds / 60:.0f} min"


def interval(bounds: Sequence[float] | None, places: int) -> str:
    """Format an interval of shares as "99.5–99.7 %"; "" if it is not known."""
    return "{:.{places}f}–{:.{places}f} %".format(*(100 * bound for bound in bounds), places=places) if bounds else ""


def score(found: Score | None) -> str:
    """Format a score as "95 % of 20"; "" if nothing was evaluated."""
    return f"{percent(found.accuracy)} of {found.n}" if found and found.n else ""


def model_summary(model: ModelBundle) -> str:
    """Return a model's number of parameters, and its MNIST accuracy if that is known."""
    accuracy = model.card.metrics.get("mnist_accuracy")
    mnist = f", {percent(accuracy, 2)} of MNIST's test digits correct" if accuracy is not None else ""
    return f"{model.card.parameters:,} parameters{mnist}."
