import threading

import numpy as np
import pytest

from digitcore.errors import ModelError
from digitcore.models import registry
from digitcore.predictor import Predictor


def test_shapes_and_sums(predictor, data):
    for count in (0, 1, 3, 250):
        answers = predictor.probabilities(data.test_images[:count])
        assert answers.shape == (count, 10) and answers.dtype == np.float32
        assert np.allclose(answers.sum(1), 1, atol=1e-5)


def test_batches_do_not_change_the_answer(predictor, data):
    together = predictor.probabilities(data.test_images[:7])
    alone = np.concatenate([predictor.probabilities(digit[None]) for digit in data.test_images[:7]])
    assert np.allclose(together, alone, atol=1e-5)


def test_from_path_and_bytes(genius, data):
    path = registry.SHIPPED_FOLDER / "genius" / "model.tflite"
    digits = data.test_images[:5]
    assert np.array_equal(Predictor.load(path).probabilities(digits), Predictor.load(genius.tflite_bytes).probabilities(digits))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 100])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ModelError):
        Predictor.load(content)


def test_threads_share_it(predictor, data):
    digits = data.test_images[:200]
    expected = predictor.probabilities(digits)
    results = {}

    def ask(size):
        parts = [predictor.probabilities(digits[i : i + size]) for i in range(0, 200, size)]
        results[size] = np.concatenate(parts)

    threads = [threading.Thread(target=ask, args=(size,)) for size in (1, 7, 50, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(result, expected, atol=1e-5) for result in results.values())
