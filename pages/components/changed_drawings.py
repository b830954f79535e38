"""The drawings that only one of two models predicts correctly."""

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from pages.components.verdict import Thumbnail, thumbnails
from pages.session import resources

MAX_CHANGED = 12


def changed_drawings(samples: SampleSet, before: ModelBundle, after: ModelBundle) -> None:
    """Draw the latest drawings that only one model predicts correctly, with both predictions and a mark."""
    if not len(samples):
        return
    first, second = (resources.probabilities(model, samples.digits).argmax(1) for model in (before, after))
    changed = np.flatnonzero((first == samples.labels) != (second == samples.labels))[-MAX_CHANGED:]
    if len(changed):
        thumbnails(
            [Thumbnail(samples.digits[i], int(samples.labels[i]), int(first[i]), int(second[i])) for i in changed.tolist()]
        )
