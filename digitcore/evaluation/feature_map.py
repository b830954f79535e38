"""A two-dimensional map of MNIST digits by their features in a network. The functions run on the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from zict import LRU

from digitcore import mnist
from digitcore.models.bundle import ModelBundle

MAPPED_DIGITS = 2000  # first MNIST test digits
COMPONENTS = 50  # principal components, the inputs of t-SNE
PERPLEXITY = 30
MAX_ITER = 500  # iterations of t-SNE; the neighbors are as good as after 1000 iterations
N_NEIGHBORS = 5  # MNIST digits that determine the position of a placed digit
CACHED_MODELS = 4

_mnist_features: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})  # (2000, D) unit vectors by the hash of the model
_layouts: LRU[str, np.ndarray] = LRU(CACHED_MODELS, {})  # (2000, 2) positions by the hash of the model


@dataclass(frozen=True, eq=False, repr=False)
class FeatureMap:
    """A map of digits, on which digits with similar features are close to each other.

    Distances between groups are not meaningful.

    Attributes:
        labels: (2000,) uint8, labels of the first MNIST test digits.
        positions: (2000, 2) float32, positions of the MNIST digits, -1 to 1.
        placed: An array for each model, (N, 2) float32, with the positions of the placed digits.

    Example:
        >>> FeatureMap(np.zeros(4, np.uint8), np.zeros((4, 2), np.float32), (np.zeros((1, 2), np.float32),))
        FeatureMap(n_mapped=4, n_models=1, n_placed=1)
    """

    labels: np.ndarray
    positions: np.ndarray
    placed: tuple[np.ndarray, ...]

    def __repr__(self) -> str:
        n_placed = len(self.placed[0]) if self.placed else 0
        return f"FeatureMap(n_mapped={len(self.labels)}, n_models={len(self.placed)}, n_placed={n_placed})"

    def agreement(self, k: int = 10) -> float:
        """Compute the share of the MNIST digits whose label is the majority label of their neighbors on the map.

        Args:
            k: Number of neighbors.

        Returns:
            The share, 0 to 1.

        Example:
            >>> labels = np.array([0, 0, 1, 1], np.uint8)
            >>> positions = np.array([[-1, 0], [-1, 0.1], [1, 0], [1, 0.1]], np.float32)
            >>> FeatureMap(labels, positions, ()).agreement(k=1)
            1.0
        """
        from sklearn.neighbors import KNeighborsClassifier

        found = KNeighborsClassifier(k + 1).fit(self.positions, self.labels).kneighbors(self.positions, return_distance=False)
        votes = np.array([np.bincount(self.labels[row[row != i]][:k], minlength=10).argmax() for i, row in enumerate(found)])
        return float((votes == self.labels).mean())


def feature_map(models: Sequence[ModelBundle], digits: np.ndarray) -> FeatureMap:
    """Map MNIST digits with t-SNE by the input of a model's last layer, and place other digits on the map.

    Args:
        models: At least one model. The map is computed from the features of the first model. Each model places the other
            digits near the MNIST digits that are nearest in its feature space.
        digits: (N, 28, 28) uint8, N ≥ 0, ink 255 on 0, the other digits.

    Returns:
        The map. The positions of the MNIST digits are cached, so a second call takes less time.

    Raises:
        ModelError: If Keras cannot open a model.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> from digitcore import models
        >>> feature_map([models.load("genius")], np.zeros((1, 28, 28), np.uint8))  # doctest: +SKIP
        FeatureMap(n_mapped=2000, n_models=1, n_placed=1)

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
    with threadpool_limits(1):  # Several threads are slower when other processes use the machine.
        positions = TSNE(perplexity=PERPLEXITY, max_iter=MAX_ITER, init="pca", random_state=0).fit_transform(components)
    return np.asarray(positions / np.abs(positions).max(), np.float32)


def _place(model: ModelBundle, digits: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Place each digit at the median position of its nearest neighbors. The median is robust to a distant neighbor."""
    from sklearn.neighbors import NearestNeighbors

    from digitcore.evaluation import activations

    search = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(_mnist_features[model.hash])
    nearest = search.kneighbors(activations.unit_features(model, digits), return_distance=False)
    return np.asarray(np.median(positions[nearest], axis=1), np.float32)
