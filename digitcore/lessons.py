"""What a training learns from, in batches."""

import math
import weakref

import keras
import numpy as np
import tensorflow as tf

from digitcore import augmentation, corruptions, handwriting, mnist, nondigits
from digitcore.errors import SettingsError
from digitcore.images import SIDE

VARIETY = 3  # times as many digits are drawn as an epoch sees
MOST_NOISE = 0.3  # of the noise recipes: share of pixels, or deviation as a share of full ink
AHEAD = 2  # batches made ready while one is learnt
_NOTHING = np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.uint8)
_BATCH = tuple(tf.TensorSpec(shape, tf.float32) for shape in ((None, SIDE, SIDE, 1), (None, 10), (None,)))


class Lesson:
    """What is learnt, in batches: shuffled anew, and moved or spoilt a little where asked for, in every epoch.

    The settings must be settled, and an epoch prepared before its batches are read.
    """

    def __init__(self, samples, settings):
        self.settings = settings
        self.epoch = 0  # where to begin
        self.skipped = 0  # batches of that epoch that were seen before
        parts = [(samples.digits, samples.labels), self._from_mnist(), self._drawn()]
        strange = self._strange()
        self.sizes = [*(len(labels) for _, labels in parts), len(strange)]
        if not sum(self.sizes):
            raise SettingsError("There is nothing to learn from: label a drawing, or mix in MNIST digits.")
        digits = np.concatenate([*(digits for digits, _ in parts), strange])
        self.digits = digits[..., None]  # (N, 28, 28, 1) uint8
        named = keras.utils.to_categorical(np.concatenate([labels for _, labels in parts]), 10)
        self.answers = np.concatenate([named, np.full((len(strange), 10), 0.1, np.float32)])  # (N, 10)
        weights = np.ones(len(digits), np.float32)
        weights[: len(samples)] = settings.sample_weight
        self.weights = weights / weights.mean()  # so that the loss stays comparable whatever the weights
        self.seen = len(digits) - self.sizes[2] + settings.drawn_samples  # in one epoch
        self.steps = math.ceil(self.seen / settings.batch_size)

    def batches(self):
        """A `tf.data` set for `model.fit`: the pictures, answers and weights of the epoch that was prepared last."""
        options = tf.data.Options()
        options.autotune.enabled = False  # its thread can hold up the end of a fit for as long as the fit took
        lesson = weakref.proxy(self)  # TensorFlow keeps for ever what it is given here
        data = tf.data.Dataset.from_generator(lambda: lesson._batches(), output_signature=_BATCH)
        count = tf.data.experimental.assert_cardinality(self.steps - self.skipped)
        return data.apply(count).prefetch(AHEAD).with_options(options)

    def _batches(self):
        order, shown, size = self.order, self.shown, self.settings.batch_size
        for first in range(self.skipped * size, len(order), size):
            chosen = order[first : first + size]
            yield shown[chosen], self.answers[chosen], self.weights[chosen]

    def prepare(self, epoch):
        """Set the order and the shown pictures of an epoch; they depend on the seed and the epoch alone."""
        rng = np.random.default_rng([self.settings.seed, epoch])
        self.order = rng.permutation(self._chosen(rng))
        self.shown = self._changed(rng)

    def _chosen(self, rng):
        """Everything but the drawn digits that other epochs see."""
        before = sum(self.sizes[:2])
        after = before + self.sizes[2]
        drawn = before + rng.choice(self.sizes[2], self.settings.drawn_samples, replace=False)
        return np.concatenate([np.arange(before), drawn, np.arange(after, len(self.digits))])

    def _from_mnist(self):
        if not self.settings.mnist_samples:
            return _NOTHING
        digits, labels = mnist.load().training
        rng, count = np.random.default_rng(self.settings.seed), self.settings.mnist_samples
        chosen = rng.choice(len(digits), count, replace=False)
        if self.settings.focus:
            wanted = np.flatnonzero(np.isin(labels, [int(digit) for digit in self.settings.focus]))
            chosen[: count // 2] = rng.choice(wanted, count // 2, replace=count // 2 > len(wanted))
        return digits[chosen], labels[chosen]

    def _drawn(self):
        if not self.settings.drawn_samples:
            return _NOTHING
        return handwriting.draw(VARIETY * self.settings.drawn_samples, self.settings.seed)

    def _strange(self):
        return nondigits.draw(self.settings.strange_samples, self.settings.seed + 1, nondigits.TAUGHT)[0]

    def _changed(self, rng):
        """The pictures as this epoch shows them: moved, bent or spoilt as the settings say."""
        if not self.settings.augment and not self.settings.augment_samples and self.settings.noise == "none":
            return self.digits
        yours, of_mnist, drawn, strange = np.split(self.digits, np.cumsum(self.sizes)[:-1])
        if self.settings.augment_samples:
            yours = augmentation.moved(yours, rng, augmentation.DRAWN)
        if self.settings.augment:
            of_mnist = augmentation.moved(of_mnist, rng, augmentation.MNIST)
            drawn = augmentation.moved(drawn, rng, augmentation.DRAWN)
            strange = augmentation.moved(strange, rng, augmentation.MNIST)
        return np.concatenate([yours, self._spoilt(of_mnist, rng), drawn, strange])

    def _spoilt(self, digits, rng):
        degrees = rng.uniform(0, MOST_NOISE, (len(digits), 1, 1, 1)).astype(np.float32)
        if self.settings.noise == "salt-pepper":
            return corruptions.salt_and_pepper(digits, degrees, rng)
        if self.settings.noise == "gaussian":
            return corruptions.gaussian_noise(digits, degrees, rng)
        return digits
