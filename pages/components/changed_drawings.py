"""The drawings that one of two models reads and the other does not."""

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from pages.components import figures
from pages.components.figures import Figure
from pages.session import resources

MAX_CHANGED = 8
FIGURE_HEIGHT = 40  # px


def changed_drawings(samples: SampleSet, before: ModelBundle, after: ModelBundle) -> None:
    """The latest of them in a row, each with both predictions and whether the second one is right; nothing without any."""
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
