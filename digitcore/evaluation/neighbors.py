"""Nearest MNIST digits in a model's feature space. The functions run on the worker."""

from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

SEARCHED_DIGITS = 20_000  # first MNIST training digits
REFERENCE_DIGITS = 1000  # searched digits that determine the usual distance
CACHED_MODELS = 2  # models whose features are cached, about 20 MB for each
FAR_QUANTILE = 0.99  # quantile of the distances between MNIST digits

_features_by_model: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The K nearest MNIST training digits of each of N digits, nearest first.

    Attributes:
        digits: (N, K, 28, 28) uint8, the neighbors.
        labels: (N, K) uint8, their labels.
        distances: (N, K) float, distances between the feature vectors of length 1. The unit is the mean distance of an MNIST
            digit to its nearest neighbor.
        far: 99 % quantile of the distance between an MNIST digit and its nearest neighbor, in the same unit.

    Example:
        >>> Neighbors(np.zeros((1, 4, 28, 28), np.uint8), np.zeros((1, 4), np.uint8), np.zeros((1, 4)), 2.0)
        Neighbors(n=1, k=4, far=2.00)
    """

    digits: np.ndarray
    labels: np.ndarray
    distances: np.ndarray
    far: float

    def __repr__(self) -> str:
        n, k = self.labels.shape
        return f"Neighbors(n={n}, k={k}, far={self.far:.2f})"


def nearest_neighbors(bundle: ModelBundle, digits: np.ndarray, k: int = 8) -> Neighbors:
    """Find the nearest MNIST training digits in a model's feature space.

    Args:
        bundle: The model.
        digits: (N, 28, 28) uint8, N ≥ 1, ink 255 on 0.
        k: Number of neighbors of each digit, K.

    Returns:
        The neighbors. The features of MNIST are cached, so a second call takes less time.

    Raises:
        ModelError: If Keras cannot open the model.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> nearest_neighbors(models.load("fast"), np.zeros((1, 28, 28), np.uint8), k=4)  # doctest: +SKIP
        Neighbors(n=1, k=4, far=2.35)
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
