"""models/README.md: the shipped models side by side, written from their cards."""

from pathlib import Path

from digitcore import handwriting, models, stress
from digitcore.models import ModelCard

HEAD = """# The shelf of models

Written by `python -m digitcore evaluate --write` from the cards beside it. Every model can be made again from MNIST and
this repository: `python -m digitcore train NAME`. Accuracies are on MNIST's 10,000 test digits, with their 95 % interval
(Wilson); no model saw them, and none was chosen by them.

"""
COLUMNS = {
    "model": lambda card: f"`{card.name}`",
    "network": lambda card: card.network,
    "parameters": lambda card: f"{card.parameters:,}",
    "served, kB": lambda card: f"{card.figures['bytes'] / 1000:,.0f}",
    "ms a digit": lambda card: f"{card.figures['milliseconds']:.2f}",
    "accuracy": lambda card: f"{card.figures['mnist_accuracy']:.2%}",
    "95 % interval": lambda card: " to ".join(f"{bound:.2%}" for bound in card.figures["mnist_interval"]),
    "loss": lambda card: f"{card.figures['mnist_loss']:.4f}",
    "calibration error": lambda card: f"{card.figures['calibration_error']:.2%}",
    "spoilt digits read": lambda card: f"{stress.mean(card.figures['robustness']):.1%}",
    "no digit: unsure": lambda card: f"{card.figures['unsure_nondigits']['all']:.0%}",
    "training, s": lambda card: f"{card.seconds:,.0f}",
}
FOOT = """
- *spoilt digits read*: mean over ten corruptions at five strengths, first thousand test digits (`digitcore/corruptions.py`).
- *no digit: unsure*: share of a thousand letters, shapes, scribbles, noises and blots (`digitcore/nondigits.py`) whose best guess
  stays below the threshold that 99 % of MNIST's validation digits reach.
- *training, s*: on the machine that the card names; machines differ.

## Under noise

Accuracy at five strengths, from slight to strong.

"""
LAST = """
## Digits drawn by code

`genius` also learnt from digits of our own (`digitcore/handwriting.py`), in the forms that MNIST lacks:

![One digit of each form](handwriting.png)
"""


def page(cards: list[ModelCard]) -> str:
    """The text of models/README.md."""
    rows = [[show(card) for show in COLUMNS.values()] for card in cards]
    noise = [
        [f"`{card.name}`", *(", ".join(f"{share:.1%}" for share in card.figures["robustness"][name]) for name in _NOISES)]
        for card in cards
    ]
    return HEAD + _table(list(COLUMNS), rows) + FOOT + _table(["model", *_NOISES], noise) + LAST


def write(folder: Path = models.FOLDER) -> None:
    """Write the page and its contact sheet."""
    cards = [models.load(name, folder).card for name in models.names(folder)]
    (folder / "README.md").write_text(page(cards), encoding="utf-8")
    handwriting.contact_sheet().quantize(16).save(folder / "handwriting.png", optimize=True)


_NOISES = ("salt and pepper", "gaussian noise")


def _table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
