"""The metrics on the cards are measured again, some of them on a part of the digits."""

import numpy as np
import pytest

from digitcore import models
from digitcore.data import corruptions, mnist_c, out_of_distribution
from digitcore.evaluation import benchmark, robustness
from digitcore.evaluation.metrics import Evaluation

COARSE = {"abs": 0.0021}  # Two of 1,000 digits may differ, because LiteRT's kernels differ between processors.


@pytest.fixture(scope="module", params=models.names())
def shipped(request):
    return models.load(request.param)


def test_mnist_metrics_of_the_card_are_measured_again(shipped, data):
    digits, labels = data.test
    found = benchmark.mnist_metrics(Evaluation.from_probabilities(labels, shipped.predictor().probabilities(digits)))
    card = shipped.card.metrics
    assert found["mnist_errors"] == pytest.approx(card["mnist_errors"], abs=2)
    assert found["mnist_loss"] == pytest.approx(card["mnist_loss"], abs=0.0005)
    assert found["calibration_error"] == pytest.approx(card["calibration_error"], abs=0.001)


@pytest.mark.parametrize("name", ["impulse noise", "rotate"])
def test_robustness_of_the_card_is_measured_again(shipped, data, name):
    digits, labels = data.test
    corrupted = corruptions.corrupt(digits[: robustness.CARD_DIGITS], name, 3)
    accuracy = (shipped.predictor().probabilities(corrupted).argmax(1) == labels[: robustness.CARD_DIGITS]).mean()
    assert accuracy == pytest.approx(shipped.card.metrics["robustness"][name][2], **COARSE)


def test_mnist_c_of_the_card_is_measured_again(shipped, data):
    digits, labels = data.test_images[: robustness.CARD_DIGITS], data.test_labels[: robustness.CARD_DIGITS]
    for kind in ("stripe", "zigzag"):
        accuracy = (shipped.predictor().probabilities(mnist_c.corrupt(digits, kind)).argmax(1) == labels).mean()
        assert accuracy == pytest.approx(shipped.card.metrics["mnist_c"][kind], **COARSE)


def test_share_of_unsure_non_digits_is_measured_again(shipped):
    found = benchmark.unsure_non_digits(shipped.predictor(), shipped.card.metrics["confidence_threshold"])
    assert found["all"] == pytest.approx(shipped.card.metrics["unsure_non_digits"]["all"], abs=0.006)
    assert set(found) == {*out_of_distribution.KINDS, "all", benchmark.HANDWRITTEN_LETTER}


def test_accuracy_on_the_pen_writers_of_the_card_is_measured_again(shipped):
    found = benchmark.pen_metrics(shipped.predictor())
    assert found["pen_errors"] == pytest.approx(shipped.card.metrics["pen_errors"], abs=2)


def test_99_percent_of_the_validation_digits_reach_the_threshold(genius, data):
    sure = genius.predictor().probabilities(data.validation[0]).max(1) >= genius.card.metrics["confidence_threshold"]
    assert sure.mean() == pytest.approx(0.99, abs=0.002)


def test_both_files_give_the_same_probabilities(shipped, data):
    from digitcore.models import keras_io

    digits = data.test_images[:200]
    by_keras = np.asarray(keras_io.open_model(shipped)(digits[..., None].astype(np.float32)))
    assert np.allclose(by_keras, shipped.predictor().probabilities(digits), atol=1e-3)


def test_noise_recipes_improve_the_accuracy_with_their_noise():
    figures = {name: models.load(name).card.metrics["robustness"] for name in ("plain", "salt-pepper", "gaussian")}
    assert figures["salt-pepper"]["impulse noise"][3] > figures["plain"]["impulse noise"][3] + 0.05
    assert figures["gaussian"]["gaussian noise"][3] > figures["plain"]["gaussian noise"][3] + 0.05
