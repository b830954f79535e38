"""The drawings that only one of two models predicts correctly."""

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from pages.components import figures
from pages.components.figures import Figure
from pages.session import resources

MAX_CHANGED = 8
FIGURE_HEIGHT = 40  # px


def changed_drawings(samples: SampleSet, before: ModelBundle, after: ModelBundle) -> None:
    """Draw the latest drawings that only one model predicts correctly.

    Each caption states both predictions. A mark shows whether the second prediction is correct.
    """
    if not len(samples):
        return
    first, second = (resources.probabilities(model, samples.digits).argmax(1) for model in (before, after))
    changed = np.flatnonzero((first == samples.labels) != (second == samples.labels))[::-1][:MAX_CHANGED]
    marks = {True: "✓", False: "✗"}
    shown = [
        Figure(samples.digits[i], f"{first[i]} → {second[i]} {marks[bool(second[i] == samples.labels[i])]}", FIGURE_HEIGHT)
        for i in changed
    ]
    if shown:
        figures.figure_row(shown)
