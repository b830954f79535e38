"""A map of MNIST digits by what a network makes of them. Runs on the worker."""

from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

MAPPED_DIGITS = 2000  # of MNIST's test digits, the first
COMPONENTS = 50  # principal components that t-SNE gets
PERPLEXITY = 30
N_NEIGHBORS = 5  # by which other digits are placed
CACHED_MODELS = 4

Layout = tuple[np.ndarray, np.ndarray]  # features (2000, D) of length 1, positions (2000, 2)
_layouts: LRU[str, Layout] = LRU(CACHED_MODELS, {})


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Digits in the plane; what a network holds alike lies close together. Distances between groups say little.

    Attributes:
        labels: (2000,) of the first MNIST test digits.
        positions: (2000, 2) float32, from -1 to 1.
        placed: (N, 2) float32, of the other digits.
    """

    labels: np.ndarray
    positions: np.ndarray
    placed: np.ndarray

    def agreement(self, k: int = 10) -> float:
        """Share of the MNIST digits whose label is that of most of their k nearest on the map, 0 to 1."""
        from sklearn.neighbors import KNeighborsClassifier

        found = KNeighborsClassifier(k + 1).fit(self.positions, self.labels).kneighbors(self.positions, return_distance=False)
        votes = np.array([np.bincount(self.labels[row[row != i]][:k], minlength=10).argmax() for i, row in enumerate(found)])
        return float((votes == self.labels).mean())


def feature_map(bundle: ModelBundle, digits: np.ndarray) -> FeatureMap:
    """Lay out MNIST's digits by the input of a model's last layer, and place others among their nearest.

    Args:
        bundle: the model.
        digits: (N, 28, 28) uint8, N ≥ 0, to be placed.

    Raises:
        ModelError: when Keras cannot open the model.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.

    Source:
        L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE" (2008).
    """
    images, labels = (part[:MAPPED_DIGITS] for part in mnist.load().test)
    if bundle.hash not in _layouts:
        features = _features(bundle, images)
        _layouts[bundle.hash] = features, _lay_out(features)
    features, positions = _layouts[bundle.hash]
    placed = _place(_features(bundle, digits), features, positions) if len(digits) else np.zeros((0, 2), np.float32)
    return FeatureMap(labels, positions, placed)


def _features(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """Scaled to length 1: what is no digit has small ones."""
    from digitcore.evaluation import activations

    features = activations.features(bundle, digits)
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9))


def _lay_out(features: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    components = PCA(min(COMPONENTS, *features.shape), random_state=0).fit_transform(features)
    positions = TSNE(perplexity=PERPLEXITY, init="pca", random_state=0).fit_transform(components)
    return np.asarray(positions / np.abs(positions).max(), np.float32)


def _place(own: np.ndarray, features: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """In the middle of their nearest neighbors: the median, which one far neighbor does not move."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(features).kneighbors(own, return_distance=False)
    return np.asarray(np.median(positions[nearest], axis=1), np.float32)
