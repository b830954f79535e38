from digitcore.evaluation.metrics import Evaluation
from digitcore.samples import SampleSet
from digitcore.training.calibration import calibrate
from digitcore.training.settings import TrainSettings
from digitcore.training.trainer import train


def test_calibration_lowers_the_loss_and_keeps_the_predictions(random_mlp, data):
    settings = TrainSettings(mnist_samples=1000, epochs=2, label_smoothing=0.3, validation_samples=100)
    before = train(random_mlp, SampleSet(), settings).model
    after = calibrate(before)
    digits, labels = data.test
    first, second = (Evaluation.from_probabilities(labels, model.predictor().probabilities(digits)) for model in (before, after))
    assert second.loss < first.loss
    assert second.calibration_error < first.calibration_error
    assert (first.predictions == second.predictions).mean() > 0.999
    assert after.card.metrics["temperature"] < 1
