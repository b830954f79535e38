"""Which MNIST digits look most like a digit to a model: nearest in the space of its features. Runs in the worker."""

from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models import ModelBundle

AMONG = 20_000  # MNIST training digits, the first, that are searched
COMPARED = 1000  # of these, from which the usual distance is taken
KEPT = 2  # models whose features are remembered, some 20 MB each

_remembered: LRU[str, np.ndarray] = LRU(KEPT, {})


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each of N digits the K nearest of MNIST's training digits, nearest first.

    Attributes:
        pictures: (N, K, 28, 28) uint8.
        labels: (N, K) uint8.
        distances: (N, K) float, between the directions of the features (what is no digit has small ones, near to all), in
            units of the mean distance to the nearest among MNIST digits themselves.
        far: a distance to the nearest that one MNIST digit in a hundred exceeds, in the same unit.
    """

    pictures: np.ndarray
    labels: np.ndarray
    distances: np.ndarray
    far: float


def nearest(bundle: ModelBundle, digits: np.ndarray, count: int = 8) -> Neighbours:
    """Search.

    Args:
        bundle: whose eyes.
        digits: (N, 28, 28) uint8, N ≥ 1.
        count: how many of each, K.

    Raises:
        ModelError: when Keras cannot open the model.
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    from sklearn.neighbors import NearestNeighbors

    from digitcore import training

    pictures, labels = (part[:AMONG] for part in mnist.load().training)
    known = _remembered.get(bundle.hash)
    wanted = digits if known is not None else np.concatenate([digits, pictures])
    features = _directions(training.features(bundle, wanted))
    if known is None:
        known = _remembered[bundle.hash] = features[len(digits) :]
    search = NearestNeighbors(n_neighbors=count).fit(known)
    distances, found = search.kneighbors(features[: len(digits)])
    among = search.kneighbors(known[:: AMONG // COMPARED], 2)[0][:, 1]
    usual = among.mean()
    return Neighbours(pictures[found], labels[found], distances / usual, float(np.quantile(among, 0.99) / usual))


def _directions(features):
    """Each scaled to length 1."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)
