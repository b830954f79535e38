"""Generation of models/README.md from the cards of the shipped models."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from digitcore.data import synthetic
from digitcore.evaluation import robustness
from digitcore.models import registry
from digitcore.models.bundle import ModelCard
from digitcore.values import percent

SHEET_FILE = "glyphs.png"
HEAD = """# The shipped models

`digitlab evaluate --write` writes this file from the cards in the folders beside it. `digitlab train NAME` trains a model
again. The accuracies are measured on MNIST's 10,000 test digits, with 95 % Wilson intervals. These digits were
not used to train or to select a model.

"""
COLUMNS: dict[str, Callable[[ModelCard], str]] = {
    "model": lambda card: f"`{card.name}`",
    "network": lambda card: card.network,
    "parameters": lambda card: f"{card.parameters:,}",
    ".tflite, kB": lambda card: f"{card.metrics['bytes'] / 1000:,.0f}",
    "ms for a digit": lambda card: f"{card.metrics['milliseconds']:.2f}",
    "accuracy": lambda card: percent(card.metrics["mnist_accuracy"], 2),
    "95 % interval": lambda card: " to ".join(percent(bound, 2) for bound in card.metrics["mnist_interval"]),
    "loss": lambda card: f"{card.metrics['mnist_loss']:.4f}",
    "calibration error": lambda card: percent(card.metrics["calibration_error"], 2),
    "robustness": lambda card: percent(robustness.mean_accuracy(card.metrics["robustness"]), 1),
    "MNIST-C": lambda card: percent(card.metrics["mnist_c"]["all"], 1),
    "pen writers": lambda card: percent(card.metrics["pen_accuracy"], 1),
    "non-digits: unsure": lambda card: percent(card.metrics["unsure_non_digits"]["all"], 0),
    "training, s": lambda card: f"{card.seconds:,.0f}",
}
NOISES = ("impulse noise", "gaussian noise")
FOOT = """
- *robustness*: mean accuracy with ten corruptions at five severities, on the first 1,000 test digits
  (`digitcore/data/corruptions.py`). `genius` was trained with six of the ten corruptions, at the first four severities, and
  with five others: weak contrast, crooked lines, specks, random filters and erased rectangles. The noise recipes were trained
  with one corruption.
- *MNIST-C*: mean accuracy with the fifteen corruptions of MNIST-C (`digitcore/data/mnist_c.py`), on the first 1,000 test
  digits. No model was trained with these digits. Some corruptions with which `genius` was trained are similar: noise, blur,
  rotation, crooked lines, and random filters, of which some leave only the edges.
- *pen writers*: accuracy on 1,498 pen drawings of six writers (`digitcore/data/pens.py`), each painted in a random style. No
  model was trained with drawings of these writers.
- *non-digits: unsure*: share of 1,000 letters, shapes, scribbles, noise images and blots
  (`digitcore/data/out_of_distribution.py`) whose confidence is below the confidence threshold, which 99 % of MNIST's
  validation digits reach. `genius` was trained with four of the five kinds and with handwritten letters. It was not trained
  with the printed letters of this test. The letters B, D, G, I, O, S, Z, b, g, i, j, l, o, q, s and z are left out, because they
  look like digits. `genius` is sure about most of them, and about shapes that look like digits, such as hearts.
- The recipe of `genius` was selected with validation digits, with the drawings of these six writers, and with other images of the
  same corruptions and kinds of non-digits.
- *training, s*: duration of the training in seconds on the machine that the card names, without the preparation of the training
  set.

## Accuracy with noise

Accuracy at five severities, from the lowest to the highest.

"""
LAST = f"""
## Pen drawings

`genius` was also trained on pen drawings of 24 writers (`digitcore/data/pens.py`), painted again in each epoch. They are by
E. Alpaydin and F. Alimoglu, “Pen-Based Recognition of Handwritten Digits” (1996), UCI Machine Learning Repository, CC BY 4.0.

## Synthetic digits

`genius` was also trained on synthetic digits (`digitcore/data/synthetic.py`), in forms that are rare in MNIST:

![One digit of each glyph]({SHEET_FILE})
"""


def render(cards: Iterable[ModelCard]) -> str:
    """Return the text of models/README.md.

    Args:
        cards: Cards with all metrics of `benchmark.measure`.

    Returns:
        Markdown.

    Example:
        >>> from digitcore import models
        >>> render([models.load("genius").card]).splitlines()[0]
        '# The shipped models'
    """
    cards = list(cards)
    rows = [[column(card) for column in COLUMNS.values()] for card in cards]
    noise_rows = [
        [f"`{card.name}`", *(", ".join(percent(value, 1) for value in card.metrics["robustness"][name]) for name in NOISES)]
        for card in cards
    ]
    return HEAD + _markdown_table(list(COLUMNS), rows) + FOOT + _markdown_table(["model", *NOISES], noise_rows) + LAST


def write(folder: Path = registry.SHIPPED_FOLDER) -> None:
    """Write README.md and the picture of the synthetic glyphs into the folder of the shipped models.

    Args:
        folder: The folder that contains a folder for each model.

    Example:
        >>> write()  # doctest: +SKIP
    """
    cards = [registry.load(name, folder).card for name in registry.names(folder)]
    (folder / "README.md").write_text(render(cards), encoding="utf-8")
    synthetic.contact_sheet().quantize(16).save(folder / SHEET_FILE, optimize=True)


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
