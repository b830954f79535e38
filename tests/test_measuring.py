"""The cards say what the files do: measured again, on a part where the whole would take minutes."""

import numpy as np
import pytest

from digitcore import corruptions, measuring, models, nondigits, stress
from digitcore.evaluation import Evaluation

COARSE = {"abs": 0.0021}  # two of a thousand: LiteRT's kernels differ between processors


@pytest.fixture(scope="module", params=models.names())
def shipped(request):
    return models.load(request.param)


def test_mnist_figures(shipped, data):
    digits, labels = data.test
    found = measuring.on_mnist(Evaluation.from_probabilities(labels, shipped.predictor().probabilities(digits)))
    card = shipped.card.figures
    assert found["mnist_errors"] == pytest.approx(card["mnist_errors"], abs=2)
    assert found["mnist_loss"] == pytest.approx(card["mnist_loss"], abs=0.0005)
    assert found["calibration_error"] == pytest.approx(card["calibration_error"], abs=0.001)


@pytest.mark.parametrize("name", ["salt and pepper", "rotation"])
def test_robustness(shipped, data, name):
    digits, labels = data.test
    spoilt = corruptions.corrupt(digits[: stress.ON_CARD], name, 3)
    right = (shipped.predictor().probabilities(spoilt).argmax(1) == labels[: stress.ON_CARD]).mean()
    assert right == pytest.approx(shipped.card.figures["robustness"][name][2], **COARSE)


def test_unsure(shipped):
    found = measuring.unsure_nondigits(shipped.predictor(), shipped.card.figures["unsure_below"])
    assert found["all"] == pytest.approx(shipped.card.figures["unsure_nondigits"]["all"], abs=0.006)
    assert set(found) == {*nondigits.KINDS, "all"}


def test_threshold_keeps_99_percent_of_digits(genius, data):
    sure = genius.predictor().probabilities(data.validation[0]).max(1) >= genius.card.figures["unsure_below"]
    assert sure.mean() == pytest.approx(0.99, abs=0.002)


def test_both_files_agree(shipped, data):
    from digitcore import training

    digits = data.test_images[:200]
    by_keras = np.asarray(training.opened(shipped)(digits[..., None].astype(np.float32)))
    assert np.allclose(by_keras, shipped.predictor().probabilities(digits), atol=1e-3)


def test_calibration_lowers_the_loss_and_changes_no_guess(stupid, data):
    from digitcore import training
    from digitcore.runs import TrainSettings
    from digitcore.samples import SampleSet

    settings = TrainSettings(mnist_samples=1000, epochs=2, label_smoothing=0.3, validation_samples=100)
    before = training.train(stupid, SampleSet(), settings).model
    after = training.calibrated(before)
    digits, labels = data.test
    first, second = (Evaluation.from_probabilities(labels, model.predictor().probabilities(digits)) for model in (before, after))
    assert second.loss < first.loss and second.calibration_error < first.calibration_error
    assert (first.guesses == second.guesses).mean() > 0.999
    assert after.card.figures["temperature"] < 1


def test_noise_recipes_read_noise():
    figures = {name: models.load(name).card.figures["robustness"] for name in ("plain", "salt-pepper", "gaussian")}
    assert figures["salt-pepper"]["salt and pepper"][3] > figures["plain"]["salt and pepper"][3] + 0.05
    assert figures["gaussian"]["gaussian noise"][3] > figures["plain"]["gaussian noise"][3] + 0.05
