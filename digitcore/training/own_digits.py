"""The user's samples and their redrawn variants as a part of a training set. This module needs no TensorFlow."""

import numpy as np

from digitcore.data import strokes
from digitcore.images import SIDE
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings


def own_digits(
    samples: SampleSet, settings: TrainSettings, sample_weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the samples and their redrawn variants.

    A sample whose strokes are known shares its weight with its variants.

    Args:
        samples: The user's samples in the training set.
        settings: Settings of the training.
        sample_weights: Relative weight of each sample, shape (N,), float. None gives each sample the same weight.

    Returns:
        Digits, (N, 28, 28) uint8; labels, (N,) uint8; and weights relative to the weight of a sample, (N,) float.

    Example:
        >>> digits, labels, weights = own_digits(SampleSet().add(np.zeros((28, 28), np.uint8), 7), TrainSettings())
        >>> digits.shape, labels.tolist(), weights.tolist()
        ((1, 28, 28), [7], [1.0])
    """
    rng = np.random.default_rng(settings.seed)
    n_variants = strokes.variants_of_each(settings.redraws, sum(map(bool, samples.strokes)))
    drawn = zip(samples.strokes, samples.digits, strict=True)
    variants = [strokes.redraw(text, digit, n_variants, rng) for text, digit in drawn]
    counts = np.array([1 + len(some) for some in variants], int)
    digits = [part for digit, some in zip(samples.digits, variants, strict=True) for part in (digit[None], some)]
    blank = np.zeros((0, SIDE, SIDE), np.uint8)
    weights = (1 if sample_weights is None else sample_weights) / counts
    return np.concatenate([blank, *digits]), samples.labels.repeat(counts), weights.repeat(counts)
