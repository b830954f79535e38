"""The training set: samples, MNIST digits, synthetic digits, pen digits and non-digits in batches."""

import math
import weakref
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from digitcore import mnist
from digitcore.data import augmentation, corruptions, out_of_distribution, pens, synthetic
from digitcore.errors import SettingsError
from digitcore.images import SIDE
from digitcore.models.network_spec import N_CLASSES
from digitcore.samples import SampleSet
from digitcore.training.own_digits import own_digits
from digitcore.training.settings import TrainSettings

VARIETY = 3  # Generated synthetic digits and non-digits, as a multiple of those in an epoch.
MAX_NOISE = 0.3  # share of pixels, or standard deviation as a share of full ink
PREFETCH = 2  # batches
_SIGNATURE = tuple(tf.TensorSpec(shape, tf.float32) for shape in ((None, SIDE, SIDE, 1), (None, N_CLASSES), (None,)))
Examples = tuple[np.ndarray, np.ndarray]


def _empty() -> Examples:
    return np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.uint8)


class TrainingDataset:
    """The training set of one training. Its order and its augmentation are different in each epoch.

    Call `prepare_epoch` before reading the batches of an epoch.

    Args:
        samples: The user's labelled digits; may be empty.
        settings: Resolved settings.
        sample_weights: Relative weight of each sample, (N,) float. By default, all samples have the same weight.

    Attributes:
        images: All digits, shape (N, 28, 28, 1), uint8: samples and their variants, MNIST digits, synthetic digits,
            pen digits, non-digits.
        targets: Target probabilities, shape (N, 10), float32.
        weights: Weight of each digit in the loss, shape (N,), float32. Their mean in an epoch is 1.
        part_sizes: Number of digits of each of the five parts.
        pen_indices: Indices of the pen drawings in the drawings of the training writers, shape (n,), int.
        samples_per_epoch: Number of digits in an epoch.
        steps_per_epoch: Number of batches in an epoch.
        initial_epoch: Epoch with which the training begins.
        skipped_batches: Batches of the initial epoch that a stopped run was already trained on.

    Raises:
        SettingsError: If there are no training digits, or the settings are not resolved.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> dataset = TrainingDataset(SampleSet(), TrainSettings(mnist_samples=100).resolved(is_trained=True))
        >>> dataset.prepare_epoch(0)
        >>> [tuple(images.shape) for images, targets, weights in dataset.batches()]
        [(32, 28, 28, 1), (32, 28, 28, 1), (32, 28, 28, 1), (4, 28, 28, 1)]
    """

    def __init__(self, samples: SampleSet, settings: TrainSettings, sample_weights: np.ndarray | None = None):
        if settings.batch_size is None:
            raise SettingsError("The settings are not resolved. Call TrainSettings.resolved first.")
        self.settings = settings
        self.batch_size = settings.batch_size
        self.initial_epoch = 0
        self.skipped_batches = 0
        own, own_labels, own_weights = own_digits(samples, settings, sample_weights)
        parts = [(own, own_labels), self._mnist_part(), self._synthetic_part(), self._pen_part()]
        non_digits = out_of_distribution.generate(
            VARIETY * settings.non_digit_samples, settings.seed + 1, out_of_distribution.TRAINING_KINDS
        )[0]
        self.part_sizes = [*(len(labels) for _, labels in parts), len(non_digits)]
        if not sum(self.part_sizes):
            raise SettingsError("There are no digits to train on. Label a drawing, or add MNIST digits.")
        images = np.concatenate([*(digits for digits, _ in parts), non_digits])
        self.images = images[..., None]
        one_hot = keras.utils.to_categorical(np.concatenate([labels for _, labels in parts]), N_CLASSES)
        uniform = np.full((len(non_digits), N_CLASSES), 1 / N_CLASSES, np.float32)
        self.targets = np.concatenate([one_hot, uniform])
        weights = np.ones(len(images), np.float32)
        weights[: len(own)] = settings.sample_weight * own_weights
        self.samples_per_epoch = sum(self._epoch_sizes())
        mean = 1 + (weights[: len(own)] - 1).sum() / self.samples_per_epoch  # Only the user's samples have other weights.
        self.weights = weights / mean  # The mean of 1 keeps losses comparable between different sample weights.
        self.steps_per_epoch = math.ceil(self.samples_per_epoch / self.batch_size)

    def batches(self) -> tf.data.Dataset:
        """Return the images, targets and weights of the prepared epoch for `model.fit`.

        Example:
            >>> dataset = TrainingDataset(SampleSet(), TrainSettings(mnist_samples=100).resolved(is_trained=True))
            >>> dataset.prepare_epoch(0)
            >>> len(dataset.batches())
            4
        """
        options = tf.data.Options()
        options.autotune.enabled = False  # Its thread can delay the end of a fit by the duration of the fit.
        dataset = weakref.proxy(self)  # TensorFlow never releases the objects that it is given here.
        data = tf.data.Dataset.from_generator(lambda: dataset._iterate(), output_signature=_SIGNATURE)
        cardinality = tf.data.experimental.assert_cardinality(self.steps_per_epoch - self.skipped_batches)
        return data.apply(cardinality).prefetch(PREFETCH).with_options(options)

    def _iterate(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        order, images, size = self.order, self.epoch_images, self.batch_size
        for first in range(self.skipped_batches * size, len(order), size):
            batch = order[first : first + size]
            indices = self.epoch_indices[batch]
            yield images[batch], self.targets[indices], self.weights[indices]

    def prepare_epoch(self, epoch: int) -> None:
        """Set the order and the augmented images of an epoch. Both depend only on the seed and the epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Example:
            >>> dataset = TrainingDataset(SampleSet(), TrainSettings(mnist_samples=3).resolved(is_trained=True))
            >>> dataset.prepare_epoch(0)
            >>> sorted(dataset.order.tolist())
            [0, 1, 2]
        """
        rng = np.random.default_rng([self.settings.seed, epoch])
        self.epoch_indices = self._choose(rng)
        self.order = rng.permutation(self.samples_per_epoch)
        self.epoch_images = self._augment(rng)

    def _choose(self, rng: np.random.Generator) -> np.ndarray:
        """Return the indices of the epoch's digits, part by part. Synthetic digits and non-digits are chosen at random."""
        first, chosen = 0, []
        for size, n in zip(self.part_sizes, self._epoch_sizes(), strict=True):
            chosen.append(first + (rng.choice(size, n, replace=False) if n < size else np.arange(size)))
            first += size
        return np.concatenate(chosen)

    def _epoch_sizes(self) -> list[int]:
        """Return the number of digits of each part in an epoch."""
        own, mnist_digits, _, pen_digits, _ = self.part_sizes
        return [own, mnist_digits, self.settings.synthetic_samples, pen_digits, self.settings.non_digit_samples]

    def _mnist_part(self) -> Examples:
        if not self.settings.mnist_samples:
            return _empty()
        digits, labels = mnist.load().training
        rng, n = np.random.default_rng(self.settings.seed), self.settings.mnist_samples
        chosen = rng.choice(len(digits), n, replace=False)
        if self.settings.oversample:
            wanted = np.flatnonzero(np.isin(labels, [int(digit) for digit in self.settings.oversample]))
            chosen[: n // 2] = rng.choice(wanted, n // 2, replace=n // 2 > len(wanted))
        return digits[chosen], labels[chosen]

    def _synthetic_part(self) -> Examples:
        if not self.settings.synthetic_samples:
            return _empty()
        return synthetic.generate(VARIETY * self.settings.synthetic_samples, self.settings.seed)

    def _pen_part(self) -> Examples:
        """Return blank images with the labels of the pen digits. `prepare_epoch` paints them."""
        if not self.settings.pen_samples:
            self.pen_indices = np.zeros(0, int)
            return _empty()
        drawings, rng = pens.load().training, np.random.default_rng(self.settings.seed)
        self.pen_indices = np.resize(rng.permutation(len(drawings)), self.settings.pen_samples)
        return np.zeros((len(self.pen_indices), SIDE, SIDE), np.uint8), drawings.labels[self.pen_indices]

    def _augment(self, rng: np.random.Generator) -> np.ndarray:
        """Return the images of an epoch with the augmentation, noise and corruption of the settings."""
        settings = self.settings
        images: np.ndarray = self.images[self.epoch_indices]
        own, mnist_digits, drawn, pen_digits, non_digits = np.split(images, np.cumsum(self._epoch_sizes())[:-1])
        if len(pen_digits):
            pen_digits = pens.load().training.paint(rng, self.pen_indices)[..., None]
        if not (settings.augment or settings.corrupted_share or len(pen_digits)) and settings.noise == "none":
            return images
        if settings.augment:
            mnist_digits = augmentation.augment(mnist_digits, rng, augmentation.MNIST_RANGES)
            drawn = augmentation.augment(drawn, rng, augmentation.DRAWING_RANGES)
            non_digits = augmentation.augment(non_digits, rng, augmentation.MNIST_RANGES)
        others = np.concatenate([self._add_noise(mnist_digits, rng), drawn, pen_digits, non_digits])
        return np.concatenate([own, corruptions.corrupt_share(others[..., 0], settings.corrupted_share, rng)[..., None]])

    def _add_noise(self, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        levels = rng.uniform(0, MAX_NOISE, (len(digits), 1, 1, 1)).astype(np.float32)
        if self.settings.noise == "salt-pepper":
            return corruptions.salt_and_pepper(digits, levels, rng)
        if self.settings.noise == "gaussian":
            return corruptions.gaussian_noise(digits, levels, rng)
        return digits


def validation_data(settings: TrainSettings) -> Examples | None:
    """Return the validation set, which no training uses.

    Args:
        settings: Settings of the training.

    Returns:
        Images, shape (N, 28, 28, 1), float32, and one-hot labels, shape (N, 10), float32. None if MNIST is not on this machine
        and the training does not need it.

    Raises:
        DatasetNotFoundError: If the training needs MNIST, and MNIST cannot be downloaded.

    Example:
        >>> images, targets = validation_data(TrainSettings(validation_samples=100))
        >>> images.shape, targets.shape
        ((100, 28, 28, 1), (100, 10))
    """
    if not mnist.is_available() and not settings.mnist_samples:
        return None
    digits, labels = mnist.load().validation
    n = settings.validation_samples
    return digits[:n, ..., None].astype(np.float32), keras.utils.to_categorical(labels[:n], N_CLASSES)
