import gc
import weakref

import keras
import numpy as np

from digitcore.evaluation.metrics import Evaluation
from digitcore.jobs.tasks import TrainTask
from digitcore.models import calibration, keras_io, networks
from digitcore.models.calibration import divide_logits, fit_temperature, logits_of
from digitcore.samples import SampleSet
from digitcore.training import trainer
from digitcore.training.settings import TrainSettings

SETTINGS = TrainSettings(mnist_samples=1000, epochs=2, label_smoothing=0.3, validation_samples=500)


def test_calibration_lowers_the_loss_and_keeps_the_predictions(random_mlp, data, monkeypatch):
    after = trainer.train(random_mlp, SampleSet(), SETTINGS).model
    monkeypatch.setattr(trainer, "_calibrate", lambda model, validation: {})
    before = trainer.train(random_mlp, SampleSet(), SETTINGS).model
    digits, labels = data.test
    first, second = (Evaluation.from_probabilities(labels, model.predictor().probabilities(digits)) for model in (before, after))
    assert second.loss < first.loss
    assert second.calibration_error < first.calibration_error
    assert (first.predictions == second.predictions).mean() > 0.999
    assert after.card.metrics["temperature"] < 1
    assert "temperature" not in before.card.metrics


def test_run_of_the_page_is_calibrated_on_validation_digits(random_mlp, few, data):
    run = TrainTask(random_mlp, few, SETTINGS).run(lambda progress: None, lambda: False)
    digits, labels = (part[:500] for part in data.validation)
    assert run.model.card.metrics["temperature"] != 1
    assert abs(np.log(fit_temperature(np.log(run.model.predictor().probabilities(digits)), labels))) < 0.01


def test_model_with_huge_logits_is_calibrated(data):
    digits, labels = (part[:500] for part in data.validation)
    images = digits[..., None].astype(np.float32)
    model = networks.build("mlp", seed=1)
    last = model.layers[-1]
    last.set_weights([weight * 3000 for weight in last.get_weights()])
    before = Evaluation.from_probabilities(labels, model.predict_on_batch(images))
    divide_logits(model, fit_temperature(logits_of(model, images), labels))
    after = Evaluation.from_probabilities(labels, model.predict_on_batch(images))
    assert before.calibration_error > 0.5
    assert after.calibration_error < 0.1
    assert after.loss < 2.31, "not worse than the same probability for each class"


def test_the_graph_of_the_logits_is_kept_as_long_as_the_model():
    """Otherwise, each training would trace a graph, of which TensorFlow keeps a part for good."""
    model, images = networks.build("mlp"), np.ones((2, 28, 28, 1), np.float32)
    before, graph = logits_of(model, images), weakref.ref(calibration._without_last_layer(model))
    model.layers[-2].set_weights([2 * weight for weight in model.layers[-2].get_weights()])
    assert np.allclose(logits_of(model, images), 2 * before, atol=1e-4), "the graph has the new weights"
    assert graph() is calibration._without_last_layer(model)
    del model
    for _ in range(2):  # The first collection ends the model, and the second the graph.
        gc.collect()
    assert graph() is None


def test_imported_model_without_logits_in_its_last_layer_is_not_changed(random_mlp):
    inner = keras_io.open_model(random_mlp)
    model = keras.Sequential([keras.Input((28, 28, 1)), inner])
    assert not divide_logits(model, 2.0)
    assert np.array_equal(model.get_weights()[-1], inner.get_weights()[-1])
