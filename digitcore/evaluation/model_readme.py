"""models/README.md: the shipped models side by side, written from their cards."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from digitcore.data import synthetic
from digitcore.evaluation import robustness
from digitcore.models import registry
from digitcore.models.bundle import ModelCard

SHEET_FILE = "glyphs.png"
HEAD = """# The shipped models

Written by `digitlab evaluate --write` from the cards beside it. Every model can be made again from MNIST and
this repository: `digitlab train NAME`. Accuracies are on MNIST's 10,000 test digits, with their 95 % interval
(Wilson); no model was trained on them, and none was chosen by them.

"""
COLUMNS: dict[str, Callable[[ModelCard], str]] = {
    "model": lambda card: f"`{card.name}`",
    "network": lambda card: card.network,
    "parameters": lambda card: f"{card.parameters:,}",
    ".tflite, kB": lambda card: f"{card.metrics['bytes'] / 1000:,.0f}",
    "ms a digit": lambda card: f"{card.metrics['milliseconds']:.2f}",
    "accuracy": lambda card: f"{card.metrics['mnist_accuracy']:.2%}",
    "95 % interval": lambda card: " to ".join(f"{bound:.2%}" for bound in card.metrics["mnist_interval"]),
    "loss": lambda card: f"{card.metrics['mnist_loss']:.4f}",
    "calibration error": lambda card: f"{card.metrics['calibration_error']:.2%}",
    "robustness": lambda card: f"{robustness.mean_accuracy(card.metrics['robustness']):.1%}",
    "non-digits: unsure": lambda card: f"{card.metrics['unsure_non_digits']['all']:.0%}",
    "training, s": lambda card: f"{card.seconds:,.0f}",
}
NOISES = ("salt and pepper", "gaussian noise")
FOOT = """
- *robustness*: mean accuracy over ten corruptions at five severities, first thousand test digits
  (`digitcore/data/corruptions.py`). `genius` learnt from six of the ten, up to the fourth severity; the noise recipes from one.
- *non-digits: unsure*: share of a thousand letters, shapes, scribbles, noises and blots
  (`digitcore/data/out_of_distribution.py`) whose confidence stays below the threshold that 99 % of MNIST's validation digits
  reach. `genius` learnt from four of the five kinds, and from handwritten letters, never from the font's.
- *training, s*: on the machine that the card names; machines differ.

## Under noise

Accuracy at five severities, from slight to strong.

"""
LAST = f"""
## Synthetic digits

`genius` was also trained on synthetic digits (`digitcore/data/synthetic.py`), in the forms that MNIST lacks:

![One digit of each glyph]({SHEET_FILE})
"""


def render(cards: Iterable[ModelCard]) -> str:
    """The text of models/README.md."""
    cards = list(cards)
    rows = [[column(card) for column in COLUMNS.values()] for card in cards]
    noise_rows = [
        [f"`{card.name}`", *(", ".join(f"{value:.1%}" for value in card.metrics["robustness"][name]) for name in NOISES)]
        for card in cards
    ]
    return HEAD + _markdown_table(list(COLUMNS), rows) + FOOT + _markdown_table(["model", *NOISES], noise_rows) + LAST


def write(folder: Path = registry.SHIPPED_FOLDER) -> None:
    """Write the page and its contact sheet."""
    cards = [registry.load(name, folder).card for name in registry.names(folder)]
    (folder / "README.md").write_text(render(cards), encoding="utf-8")
    synthetic.contact_sheet().quantize(16).save(folder / SHEET_FILE, optimize=True)


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
