"""The handwriting of pupils in the feature space of a network. The functions run on the worker."""

from dataclasses import dataclass

import numpy as np

from digitcore.evaluation.feature_map import FeatureMap, feature_map
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet


@dataclass(frozen=True, eq=False)
class Handwriting:
    """The drawings of a class on the map of MNIST's digits.

    Attributes:
        map: The map with the drawings as its placed digits.
        distances: Distance of each drawing to the nearest drawing of the same digit by another pupil, (N,) float, NaN if no other
            pupil has drawn the digit. 0 means equal features.

    Example:
        >>> found = FeatureMap(np.zeros(1, np.uint8), np.zeros((1, 2)), (np.zeros((2, 2)),))
        >>> Handwriting(found, np.array([0.25, 0.75])).unusual(np.array([0, 1]), 2)
        array([0.25, 0.75])
    """

    map: FeatureMap
    distances: np.ndarray

    def unusual(self, owners: np.ndarray, n_pupils: int) -> np.ndarray:
        """Return the mean distance of the drawings of each pupil.

        Args:
            owners: Index of the pupil of each drawing, (N,) int.
            n_pupils: Number of pupils.

        Returns:
            (n_pupils,) float, NaN for pupils without such a distance.
        """
        is_known = ~np.isnan(self.distances)
        counts = np.bincount(owners[is_known], minlength=n_pupils)
        sums = np.bincount(owners[is_known], self.distances[is_known], minlength=n_pupils)
        means: np.ndarray = np.divide(sums, counts, out=np.full(n_pupils, np.nan), where=counts > 0)
        return means


def handwriting(model: ModelBundle, samples: SampleSet, owners: np.ndarray) -> Handwriting:
    """Place the drawings of a class on the map of MNIST's digits, and measure how unusual each drawing is.

    Args:
        model: The model whose features are used.
        samples: The drawings.
        owners: Index of the pupil of each drawing, (N,) int.

    Returns:
        The map and the distances.

    Raises:
        ModelError: If Keras cannot open the model.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import mnist, models
        >>> digits, labels = (part[:4] for part in mnist.load_test())
        >>> found = handwriting(models.load("fast"), SampleSet.from_arrays(digits, labels), np.array([0, 0, 1, 1]))
        >>> found.distances.shape
        (4,)
    """
    from digitcore.evaluation import activations

    found = feature_map([model], samples.digits)
    return Handwriting(found, _distances(activations.unit_features(model, samples.digits), samples.labels, owners))


def _distances(features: np.ndarray, labels: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Return the distance of each drawing to the nearest drawing of the same digit by another pupil."""
    distances = np.full(len(labels), np.nan)
    for digit in np.unique(labels):
        indices = np.flatnonzero(labels == digit)
        similarity = features[indices] @ features[indices].T
        similarity[owners[indices][:, None] == owners[indices]] = -np.inf
        best = similarity.max(axis=1)
        distances[indices] = np.where(np.isfinite(best), np.sqrt(np.maximum(0, 2 - 2 * best)), np.nan)
    return distances
