import json

import numpy as np
import pytest

from digitcore.data import pens
from digitcore.data.strokes import MAX_VARIANTS, paint
from digitcore.errors import SettingsError
from digitcore.images import digit_from_ink
from digitcore.samples import SampleSet
from digitcore.training.dataset import TrainingDataset, validation_data
from digitcore.training.settings import TrainSettings

QUICK = TrainSettings(mnist_samples=320, epochs=1, batch_size=50, validation_samples=100).resolved(is_trained=True)


def test_oversampled_digits_are_half_of_the_mnist_digits():
    dataset = TrainingDataset(SampleSet(), QUICK.replace(mnist_samples=2000, oversample="79"))
    assert np.isin(dataset.targets.argmax(1), [7, 9]).mean() > 0.55


def test_each_epoch_has_every_digit_once_in_another_order():
    dataset = TrainingDataset(SampleSet(), QUICK)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.prepare_epoch(epoch)
        epochs.append(np.concatenate([images for images, _, _ in dataset.batches().as_numpy_iterator()]))
    first, second, again = epochs
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert len(first) == dataset.samples_per_epoch == 320
    assert sorted(map(bytes, first)) == sorted(map(bytes, second))


def test_skipped_batches_are_left_out_of_the_epoch():
    dataset = TrainingDataset(SampleSet(), QUICK)
    dataset.prepare_epoch(3)
    whole, dataset.skipped_batches = list(dataset.batches().as_numpy_iterator()), 5
    rest = list(dataset.batches().as_numpy_iterator())
    assert [len(targets) for _, targets, _ in rest] == [50, 20]
    for batch, expected in zip(rest, whole[5:], strict=True):
        assert [np.array_equal(part, other) for part, other in zip(batch, expected, strict=True)] == [True] * 3


def test_samples_have_their_weight_and_non_digits_have_uniform_targets(few):
    settings = QUICK.replace(sample_weight=20.0, synthetic_samples=30, pen_samples=40, non_digit_samples=10)
    dataset = TrainingDataset(few, settings)
    assert dataset.part_sizes == [20, 320, 90, 40, 30]
    assert dataset.samples_per_epoch == 20 + 320 + 30 + 40 + 10
    assert dataset.weights[0] / dataset.weights[-1] == pytest.approx(20)
    dataset.prepare_epoch(0)
    assert dataset.weights[dataset.epoch_indices].mean() == pytest.approx(1, abs=1e-5)
    assert np.allclose(dataset.targets[-30:], 0.1)
    assert np.allclose(dataset.targets.sum(1), 1)


def test_each_epoch_prepares_different_synthetic_digits_and_non_digits(few):
    dataset = TrainingDataset(few, QUICK.replace(synthetic_samples=30, pen_samples=40, non_digit_samples=10))
    used = []
    for epoch in (0, 1):
        dataset.prepare_epoch(epoch)
        assert len(dataset.epoch_images) == len(dataset.epoch_indices) == 20 + 320 + 30 + 40 + 10
        used.append(np.split(dataset.epoch_indices, [20 + 320, 20 + 320 + 30, -10]))
    for part, size, is_random in zip(range(4), (340, 90, 40, 30), (False, True, False, True), strict=True):
        both = np.concatenate([epoch[part] for epoch in used])
        assert np.array_equal(used[0][part], used[1][part]) != is_random
        assert len(set(used[0][part])) == len(used[0][part])
        assert np.ptp(both) < size


@pytest.mark.parametrize("changes", [{"noise": "salt-pepper"}, {"noise": "gaussian"}, {"augment": True}, {"corrupted_share": 1}])
def test_noise_and_augmentation_do_not_change_samples(few, changes):
    dataset = TrainingDataset(few, QUICK.replace(**changes))
    dataset.prepare_epoch(0)
    assert np.array_equal(dataset.epoch_images[:20, ..., 0], few.digits)
    assert np.mean(dataset.epoch_images[20:] != dataset.images[20:]) > 0.05


def test_each_epoch_paints_the_pen_digits_of_the_training_writers_differently():
    dataset = TrainingDataset(SampleSet(), QUICK.replace(mnist_samples=0, pen_samples=50))
    painted = []
    for epoch in (0, 1):
        dataset.prepare_epoch(epoch)
        painted.append(dataset.epoch_images[..., 0].copy())
    assert (painted[0] != painted[1]).any((1, 2)).all()
    assert painted[0].any((1, 2)).all(), "no image is blank"
    drawings = pens.load().training
    assert np.array_equal(dataset.targets.argmax(1), drawings.labels[dataset.pen_indices])


def test_each_epoch_corrupts_a_different_share_of_the_digits(few):
    dataset = TrainingDataset(few, QUICK.replace(mnist_samples=1000, corrupted_share=0.3, non_digit_samples=100))
    changed = []
    for epoch in (0, 1):
        dataset.prepare_epoch(epoch)
        before = dataset.images[dataset.epoch_indices]
        changed.append((dataset.epoch_images[20:] != before[20:]).any((1, 2, 3)))
    assert [0.2 < some.mean() < 0.35 for some in changed] == [True, True]
    assert (changed[0] != changed[1]).any()


def drawn_seven():
    """Return the strokes of a seven and the digit that they draw."""
    strokes = [[[90, 60], [190, 60], [130, 230]]]
    digit = digit_from_ink(paint([np.array(stroke, float) for stroke in strokes], 20))
    return json.dumps({"side": 280, "width": 20, "strokes": strokes}), digit


def test_variants_of_a_drawing_share_its_weight(few):
    drawing, digit = drawn_seven()
    digits = np.concatenate([np.repeat(digit[None], 5, axis=0), few.digits[5:]])
    samples = SampleSet.from_arrays(digits, few.labels, strokes=[drawing] * 5 + [""] * 15)
    dataset = TrainingDataset(samples, QUICK.replace(redraws=8, sample_weight=20.0))
    assert dataset.part_sizes == [5 * 8 + 15, 320, 0, 0, 0]
    assert np.array_equal(dataset.images[[0, 8, 40], ..., 0], digits[[0, 1, 5]])
    assert len({image.tobytes() for image in dataset.images[:8]}) == 8
    assert dataset.targets[:8].argmax(1).tolist() == [few.labels[0]] * 8
    assert np.allclose(dataset.weights[[0, 7, 40]] / dataset.weights[-1], [20 / 8, 20 / 8, 20])
    assert TrainingDataset(samples, QUICK.replace(redraws=1)).part_sizes[0] == 20


def test_many_drawings_get_fewer_variants(few):
    drawing, digit = drawn_seven()
    samples = SampleSet.from_arrays(np.repeat(digit[None], 100, axis=0), np.arange(100) % 10, strokes=[drawing] * 100)
    assert TrainingDataset(samples, QUICK.replace(redraws=16)).part_sizes[0] == 100 * (MAX_VARIANTS // 100)


def test_training_set_without_digits_is_refused():
    with pytest.raises(SettingsError, match="Label a drawing"):
        TrainingDataset(SampleSet(), QUICK.replace(mnist_samples=0))


def test_unresolved_settings_are_refused():
    with pytest.raises(SettingsError, match="resolved"):
        TrainingDataset(SampleSet(), TrainSettings())


def test_validation_set_is_the_validation_part_of_mnist(data):
    images, targets = validation_data(QUICK)
    assert np.array_equal(images[..., 0], data.validation[0][:100])
    assert targets.shape == (100, 10)
