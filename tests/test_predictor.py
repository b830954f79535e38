import os
import threading
import warnings

import numpy as np
import pytest

from digitcore import native_messages
from digitcore.errors import ModelError, SampleError
from digitcore.models import registry
from digitcore.predictor import Predictor


def test_probabilities_have_one_row_per_digit_and_sum_to_one(predictor, data):
    for count in (0, 1, 3, 250):
        answers = predictor.probabilities(data.test_images[:count])
        assert answers.shape == (count, 10)
        assert answers.dtype == np.float32
        assert np.allclose(answers.sum(1), 1, atol=1e-5)


def test_batch_size_does_not_change_the_probabilities(predictor, data):
    together = predictor.probabilities(data.test_images[:7])
    alone = np.concatenate([predictor.probabilities(digit[None]) for digit in data.test_images[:7]])
    assert np.allclose(together, alone, atol=1e-5)


def test_file_and_its_bytes_give_the_same_probabilities(genius, data):
    path = registry.SHIPPED_FOLDER / "genius" / "model.tflite"
    digits = data.test_images[:5]
    assert np.array_equal(Predictor.load(path).probabilities(digits), Predictor.load(genius.tflite_bytes).probabilities(digits))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 100])
def test_invalid_model_raises(content):
    with pytest.raises(ModelError):
        Predictor.load(content)


def test_threads_can_share_a_predictor(predictor, data):
    digits = data.test_images[:200]
    expected = predictor.probabilities(digits)
    results = {}

    def predict(size):
        parts = [predictor.probabilities(digits[i : i + size]) for i in range(0, 200, size)]
        results[size] = np.concatenate(parts)

    threads = [threading.Thread(target=predict, args=(size,)) for size in (1, 7, 50, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(result, expected, atol=1e-5) for result in results.values())


def test_one_digit_does_not_wait_for_all_batches_of_another_thread(genius, data, monkeypatch):
    shared, order = genius.predictor(), []
    predict = shared._predict_batch
    other = threading.Thread(target=lambda: shared.probabilities(data.test_images[:1]))

    def record(images):
        order.append(len(images))
        if len(order) == 1:
            other.start()
            while not shared._turn.locked():  # The other thread waits for its turn.
                pass
        return predict(images)

    monkeypatch.setattr(shared, "_predict_batch", record)
    shared.probabilities(data.test_images[:100])
    other.join()
    assert order == [20, 1, 20, 20, 20, 20]


def test_repr_fits_on_one_line(genius):
    assert repr(Predictor.load(genius.tflite_bytes, batch_size=50)) == "Predictor(batch_size=50)"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_numbers_are_refused(predictor, value):
    digits = np.zeros((2, 28, 28), np.float32)
    digits[1, 3, 3] = value
    with pytest.raises(SampleError, match="NaN or infinite"):
        predictor.probabilities(digits)


@pytest.mark.parametrize("shape", [(28, 28), (2, 784), (2, 27, 28)])
def test_another_shape_is_refused(predictor, shape):
    with pytest.raises(SampleError, match="have the shape"):
        predictor.probabilities(np.zeros(shape, np.uint8))


def test_digits_from_0_to_1_give_a_warning(predictor, data):
    with pytest.warns(UserWarning, match="Multiply digits from 0 to 1 by 255"):
        predictor.probabilities(data.test_images[:3] / 255)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor.probabilities(np.zeros((1, 28, 28), np.uint8))
        predictor.probabilities(data.test_images[:3])


def test_nothing_is_written_when_a_model_is_loaded(genius, capfd):
    genius.predictor()
    assert capfd.readouterr().err == ""


def test_a_native_error_is_not_dropped(capfd):
    with native_messages.dropped():
        os.write(2, b"INFO: unimportant\nERROR: important\n")
    assert capfd.readouterr().err == "ERROR: important\n"


@pytest.mark.parametrize(("low", "high"), [(-1, 255), (0, 25_500), (-0.5, 0.5)])
def test_values_outside_0_to_255_are_refused(predictor, low, high):
    digits = np.zeros((2, 28, 28), np.float32)
    digits[0, 0, 0], digits[1, 5, 5] = low, high
    with pytest.raises(SampleError, match=rf"values from {low:,g} to {high:,g}. Pass numbers from 0 \(paper\) to 255"):
        predictor.probabilities(digits)
