import numpy as np
import pytest

from digitcore.errors import SettingsError
from digitcore.samples import SampleSet
from digitcore.training.dataset import TrainingDataset, validation_data
from digitcore.training.settings import TrainSettings

QUICK = TrainSettings(mnist_samples=320, epochs=1, batch_size=50, validation_samples=100).resolved(is_trained=True)


def test_oversampled_digits_are_half():
    dataset = TrainingDataset(SampleSet(), QUICK.replace(mnist_samples=2000, oversample="79"))
    assert np.isin(dataset.targets.argmax(1), [7, 9]).mean() > 0.55


def test_an_epoch_has_each_digit_once_and_the_next_one_in_another_order():
    dataset = TrainingDataset(SampleSet(), QUICK)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.prepare_epoch(epoch)
        epochs.append(np.concatenate([images for images, _, _ in dataset.batches().as_numpy_iterator()]))
    first, second, again = epochs
    assert np.array_equal(first, again) and not np.array_equal(first, second)
    assert len(first) == dataset.samples_per_epoch == 320 and sorted(map(bytes, first)) == sorted(map(bytes, second))


def test_the_rest_of_an_epoch_is_what_was_not_seen():
    dataset = TrainingDataset(SampleSet(), QUICK)
    dataset.prepare_epoch(3)
    whole, dataset.skipped_batches = list(dataset.batches().as_numpy_iterator()), 5
    rest = list(dataset.batches().as_numpy_iterator())
    assert [len(targets) for _, targets, _ in rest] == [50, 20]
    for batch, expected in zip(rest, whole[5:], strict=True):
        assert [np.array_equal(part, other) for part, other in zip(batch, expected, strict=True)] == [True] * 3


def test_weights_and_targets(few):
    settings = QUICK.replace(sample_weight=20.0, synthetic_samples=30, non_digit_samples=10)
    dataset = TrainingDataset(few, settings)
    assert dataset.part_sizes == [20, 320, 90, 10] and dataset.samples_per_epoch == 20 + 320 + 30 + 10
    assert dataset.weights[0] / dataset.weights[-1] == pytest.approx(20) and dataset.weights.mean() == pytest.approx(1, abs=1e-5)
    assert np.allclose(dataset.targets[-10:], 0.1) and np.allclose(dataset.targets.sum(1), 1)


@pytest.mark.parametrize("noise", ["none", "salt-pepper", "gaussian"])
def test_samples_are_neither_noisy_nor_augmented_unless_asked(few, noise):
    dataset = TrainingDataset(few, QUICK.replace(noise=noise, augment=True))
    dataset.prepare_epoch(0)
    assert np.array_equal(dataset.epoch_images[:20, ..., 0], few.digits)
    assert not np.array_equal(dataset.epoch_images, dataset.images)
    augmented = TrainingDataset(few, QUICK.replace(augment_samples=True))
    augmented.prepare_epoch(0)
    assert not np.array_equal(augmented.epoch_images[:20], augmented.images[:20])
    assert np.array_equal(augmented.epoch_images[20:], augmented.images[20:])


def test_nothing_to_train_on():
    with pytest.raises(SettingsError, match="label a drawing"):
        TrainingDataset(SampleSet(), QUICK.replace(mnist_samples=0))


def test_settings_must_be_resolved():
    with pytest.raises(SettingsError, match="resolved"):
        TrainingDataset(SampleSet(), TrainSettings())


def test_validation_digits_are_never_trained_on(data):
    images, targets = validation_data(QUICK)
    assert np.array_equal(images[..., 0], data.validation[0][:100]) and targets.shape == (100, 10)
