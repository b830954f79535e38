"""Nearest MNIST digits in a model's feature space. Runs on the worker."""

from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

SEARCHED_DIGITS = 20_000  # MNIST training digits, the first
REFERENCE_DIGITS = 1000  # of these, from which the usual distance is computed
CACHED_MODELS = 2  # whose features are kept, some 20 MB each
FAR_QUANTILE = 0.99  # of MNIST's own distances

_features_by_model: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})


@dataclass(frozen=True, eq=False)
class Neighbors:
    """For each of N digits the K nearest of MNIST's training digits, nearest first.

    Attributes:
        digits: (N, K, 28, 28) uint8.
        labels: (N, K) uint8.
        distances: (N, K) float, between the directions of the features (what is no digit has small ones, near to all), in
            units of the mean distance to the nearest among MNIST digits themselves.
        far: a distance to the nearest that one MNIST digit in a hundred exceeds, in the same unit.
    """

    digits: np.ndarray
    labels: np.ndarray
    distances: np.ndarray
    far: float


def nearest_neighbors(bundle: ModelBundle, digits: np.ndarray, k: int = 8) -> Neighbors:
    """Find the nearest neighbors.

    Args:
        bundle: the model that gives the features.
        digits: (N, 28, 28) uint8, N ≥ 1.
        k: number of neighbors of each, K.

    Raises:
        ModelError: when Keras cannot open the model.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
    """
    from sklearn.neighbors import NearestNeighbors

    from digitcore.evaluation import activations

    images, labels = (part[:SEARCHED_DIGITS] for part in mnist.load().training)
    known = _features_by_model.get(bundle.hash)
    wanted = digits if known is not None else np.concatenate([digits, images])
    features = activations.unit_features(bundle, wanted)
    if known is None:
        known = _features_by_model[bundle.hash] = features[len(digits) :]
    search = NearestNeighbors(n_neighbors=k).fit(known)
    distances, indices = search.kneighbors(features[: len(digits)])
    reference = search.kneighbors(known[:: SEARCHED_DIGITS // REFERENCE_DIGITS], 2)[0][:, 1]
    usual = reference.mean()
    far = float(np.quantile(reference, FAR_QUANTILE) / usual)
    return Neighbors(images[indices], labels[indices], distances / usual, far)
