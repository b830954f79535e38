"""A map of MNIST digits by what a network makes of them. Runs on the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

MAPPED_DIGITS = 2000  # of MNIST's test digits, the first
COMPONENTS = 50  # principal components that t-SNE gets
PERPLEXITY = 30
MAX_ITER = 500  # of t-SNE: the neighbors are as right as after 1000, in half the time
N_NEIGHBORS = 5  # by which other digits are placed
CACHED_MODELS = 4

_mnist_features: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})  # (2000, D) of length 1
_layouts: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})  # (2000, 2)


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Digits in the plane; what a network holds alike lies close together. Distances between groups say little.

    Attributes:
        labels: (2000,) of the first MNIST test digits.
        positions: (2000, 2) float32, from -1 to 1.
        placed: (N, 2) float32 for each of the models, where it places the other digits.
    """

    labels: np.ndarray
    positions: np.ndarray
    placed: tuple[np.ndarray, ...]

    def agreement(self, k: int = 10) -> float:
        """Share of the MNIST digits whose label is that of most of their k nearest on the map, 0 to 1."""
        from sklearn.neighbors import KNeighborsClassifier

        found = KNeighborsClassifier(k + 1).fit(self.positions, self.labels).kneighbors(self.positions, return_distance=False)
        votes = np.array([np.bincount(self.labels[row[row != i]][:k], minlength=10).argmax() for i, row in enumerate(found)])
        return float((votes == self.labels).mean())


def feature_map(models: Sequence[ModelBundle], digits: np.ndarray) -> FeatureMap:
    """Lay out MNIST's digits by the input of a model's last layer, and place others among their nearest.

    Args:
        models: the first makes the map; each places the other digits on it, by the MNIST digits that are nearest for it.
        digits: (N, 28, 28) uint8, N ≥ 0, to be placed.

    Raises:
        ModelError: when Keras cannot open the model.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.

    Source:
        L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE" (2008).
    """
    from digitcore.evaluation import activations

    images, labels = (part[:MAPPED_DIGITS] for part in mnist.load().test)
    for model in models if len(digits) else models[:1]:
        if model.hash not in _mnist_features:
            _mnist_features[model.hash] = activations.unit_features(model, images)
    first = models[0].hash
    if first not in _layouts:
        _layouts[first] = _lay_out(_mnist_features[first])
    nowhere = np.zeros((0, 2), np.float32)
    placed = tuple(_place(model, digits, _layouts[first]) if len(digits) else nowhere for model in models)
    return FeatureMap(labels, _layouts[first], placed)


def _lay_out(features: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    components = PCA(min(COMPONENTS, *features.shape), random_state=0).fit_transform(features)
    with threadpool_limits(1):  # threads would wait for each other while others use the machine
        positions = TSNE(perplexity=PERPLEXITY, max_iter=MAX_ITER, init="pca", random_state=0).fit_transform(components)
    return np.asarray(positions / np.abs(positions).max(), np.float32)


def _place(model: ModelBundle, digits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """In the middle of their nearest neighbors: the median, which one far neighbor does not move."""
    from sklearn.neighbors import NearestNeighbors

    from digitcore.evaluation import activations

    search = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(_mnist_features[model.hash])
    nearest = search.kneighbors(activations.unit_features(model, digits), return_distance=False)
    return np.asarray(np.median(positions[nearest], axis=1), np.float32)
