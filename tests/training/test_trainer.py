import gc
import random
import threading
import weakref

import numpy as np
import pytest

from digitcore import models
from digitcore.errors import SettingsError
from digitcore.models import keras_io
from digitcore.models.bundle import TrainingData
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.training import callbacks, trainer
from digitcore.training.dataset import TrainingDataset
from digitcore.training.settings import TrainSettings
from digitcore.training.trainer import train

QUICK = TrainSettings(mnist_samples=320, epochs=1, validation_samples=100)


@pytest.fixture(scope="module")
def first_run(random_mlp, few):
    points = []
    run = train(random_mlp, few, QUICK, on_progress=points.append)
    return run, points


def test_run_says_what_it_did(first_run, few):
    run, points = first_run
    assert run.history == run.model.card.history  # short enough to stand on the card in full
    assert [point for point in points if point in run.history] == run.history
    assert run.history[0]["epoch"] == 0 and run.history[-1]["epoch"] == 1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(run.history[-1])
    assert run.parent == "untrained" and not run.stopped and run.model.card.trained
    assert run.model.card.training_data == TrainingData(drawings=20, mnist_digits=320)
    assert run.settings == QUICK and TrainSettings.from_dict(run.model.card.settings) == QUICK.resolved(is_trained=False)


def test_start_is_left_alone(first_run, random_mlp):
    assert first_run[0].model.hash != random_mlp.hash


def test_same_seed_same_model(random_mlp, few, data):
    first, second = (train(random_mlp, few, QUICK).model.predictor() for _ in range(2))
    digits = data.test_images[:50]
    assert np.allclose(first.probabilities(digits), second.probabilities(digits), atol=1e-4)


def test_a_second_training_owes_nothing_to_the_first(few, data):
    """The compiled model is used again; its weights and its optimizer's state are not."""
    start, digits, settings = models.load("mlp"), data.test_images[:50], QUICK.replace(learning_rate=2e-3)
    probabilities = []
    for between in (None, few.take([1, 2]), few):
        train(start, few, settings.replace(beta_2=0.99))  # another compiled model takes the place of the last one
        if between is not None:
            train(start, between, settings.replace(mnist_samples=0, epochs=3, learning_rate=5e-4))
        probabilities.append(train(start, few, settings).model.predictor().probabilities(digits))
    assert np.allclose(probabilities[0], probabilities[1], atol=1e-4)
    assert np.allclose(probabilities[0], probabilities[2], atol=1e-4)


def test_from_stupid_2000_digits_and_5_epochs_reach_93_percent(untrained, data):
    run = train(untrained, SampleSet(), TrainSettings(mnist_samples=2000, epochs=5))
    digits, labels = data.test
    assert (run.model.predictor().probabilities(digits).argmax(1) == labels).mean() >= 0.93


def test_samples_weigh_more(random_mlp, data):
    """Sevens that are called threes: at a high weight the model believes them, at a low one MNIST."""
    digits, labels = data.training
    wrong = SampleSet.from_arrays(digits[labels == 7][:20], np.full(20, 3))
    settings = QUICK.replace(mnist_samples=1000, epochs=3)
    read = {
        weight: train(random_mlp, wrong, settings.replace(sample_weight=weight)).model.predictor().probabilities(wrong.digits)
        for weight in (0.1, 100)
    }
    assert read[100][:, 3].mean() > 0.9 > 0.5 > read[0.1][:, 3].mean()


def test_stop_keeps_what_was_learnt(random_mlp, few):
    points = []
    run = train(
        random_mlp,
        few,
        QUICK.replace(mnist_samples=20_000, epochs=50, batch_size=32),
        on_progress=points.append,
        should_stop=lambda: points[-1].get("accuracy", 0) > 0.9,
    )
    assert run.stopped and 0 < run.history[-1]["epoch"] < 50
    assert run.history[-1]["val_loss"] < run.history[0]["val_loss"]


def test_averaged_weights_are_what_the_curves_show_and_what_a_stopped_run_goes_on_without(random_mlp, data):
    settings = QUICK.replace(mnist_samples=1000, epochs=3, ema_momentum=0.9, validation_samples=1000)
    digits, labels = data.validation[0][:1000], data.validation[1][:1000]
    looks = []
    whole, last = (train(random_mlp, SampleSet(), settings.replace(ema_momentum=momentum)) for momentum in (0.9, 0.0))
    probabilities = whole.model.predictor().probabilities(digits)
    loss = -np.log(probabilities[np.arange(len(labels)), labels].clip(1e-7)).mean()
    assert loss == pytest.approx(whole.history[-1]["val_loss"], rel=0.02)
    assert not np.allclose(probabilities, last.model.predictor().probabilities(digits), atol=0.01)
    part = train(random_mlp, SampleSet(), settings, should_stop=lambda: looks.append(1) or len(looks) > 1)
    raw = keras_io.open_keras(part.resume_state, "x").get_weights()[0]
    assert part.stopped and not np.allclose(raw, keras_io.open_model(part.model).get_weights()[0], atol=1e-4)
    both = train(random_mlp, SampleSet(), settings, resume_from=part)
    assert both.history[-1]["epoch"] == 3 and (both.model.predictor().probabilities(digits).argmax(1) == labels).mean() > 0.8


def test_stop_then_continue_equals_one_run(random_mlp, data):
    """Same digits in the same order with the optimizer's state kept: only dropout differs."""
    settings = QUICK.replace(mnist_samples=4000, epochs=2, batch_size=32, validation_samples=1000)
    looks, digits = [], data.test_images[:2000]
    whole = train(random_mlp, SampleSet(), settings)
    part = train(random_mlp, SampleSet(), settings, should_stop=lambda: looks.append(1) or len(looks) > 1)
    assert part.stopped and part.resume_state and 0 < part.history[-1]["epoch"] < 2
    both = train(random_mlp, SampleSet(), settings, resume_from=part)
    assert both.history[: len(part.history)] == part.history and not both.stopped and both.resume_state is None
    assert both.history[-1]["epoch"] == 2 and both.history[-1]["samples_seen"] == whole.history[-1]["samples_seen"]
    assert both.history[-1]["val_loss"] == pytest.approx(whole.history[-1]["val_loss"], rel=0.35, abs=0.03)
    read = [run.model.predictor().probabilities(digits).argmax(1) for run in (whole, part, both)]
    assert (read[0] == read[2]).mean() > 0.97 > (read[0] == read[1]).mean()


def test_a_killed_training_is_taken_up_with_its_whole_curve(random_mlp, tmp_path):
    settings = QUICK.replace(epochs=4)
    whole = train(random_mlp, SampleSet(), settings)
    for fatal in (2, 3):

        def on_progress(point, fatal=fatal):
            if point["epoch"] == fatal and "val_loss" in point:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(random_mlp, SampleSet(), settings, on_progress=on_progress, checkpoints=tmp_path / "kept")
    run = train(random_mlp, SampleSet(), settings, checkpoints=tmp_path / "kept")
    assert [point["epoch"] for point in run.history if "val_loss" in point] == [0, 1, 2, 3, 4]
    assert [point["seconds"] for point in run.history] == sorted(point["seconds"] for point in run.history)
    assert run.history[-1]["val_loss"] == pytest.approx(whole.history[-1]["val_loss"], rel=0.02)
    assert not (tmp_path / "kept").exists()


def test_the_dataset_is_released_after_the_training(random_mlp, monkeypatch):
    made = []

    def make(*args):
        dataset = TrainingDataset(*args)
        made.append(weakref.ref(dataset))
        return dataset

    monkeypatch.setattr(trainer, "TrainingDataset", make)
    train(random_mlp, SampleSet(), QUICK)
    gc.collect()
    assert [dataset() for dataset in made] == [None]


def test_continue_at_the_end_of_an_epoch(random_mlp):
    settings = QUICK.replace(mnist_samples=32, epochs=3, batch_size=32)
    part = train(random_mlp, SampleSet(), settings, should_stop=lambda: True)
    assert part.stopped and part.history[-1]["epoch"] == 1
    assert train(random_mlp, SampleSet(), settings, resume_from=part).history[-1]["epoch"] == 3


def test_interpolated_weights_are_between_old_and_new(few):
    start, settings = models.load("mlp"), QUICK.replace(learning_rate=0.01)
    weights = [
        np.concatenate([weight.ravel() for weight in keras_io.open_model(model).get_weights()])
        for model in (
            start,
            *(train(start, few, settings.replace(weight_interpolation=share)).model for share in (0.0, 0.9)),
        )
    ]
    initial, trained, interpolated = weights
    assert np.abs(interpolated - initial).mean() < 0.3 * np.abs(trained - initial).mean()


def test_weights_are_interpolated_when_fine_tuning_and_not_from_scratch(random_mlp, few):
    for start, same in ((models.load("mlp"), 0.3), (random_mlp, 0.0)):
        auto, chosen, other = (
            keras_io.open_model(train(start, few, QUICK.replace(weight_interpolation=share)).model).get_weights()[0]
            for share in (None, same, 0.6)
        )
        assert np.allclose(auto, chosen, atol=1e-5) and not np.allclose(auto, other, atol=1e-5)


def test_nothing_to_learn_from(random_mlp):
    with pytest.raises(SettingsError, match="label a drawing"):
        train(random_mlp, SampleSet(), QUICK.replace(mnist_samples=0))


def test_drawings_alone(few):
    run = train(models.load("mlp"), few, QUICK.replace(mnist_samples=0))
    assert run.model.card.training_data == TrainingData(drawings=20)


def test_recipe_settings_train(random_mlp):
    settings = QUICK.replace(
        synthetic_samples=100,
        non_digit_samples=50,
        augment=True,
        noise="gaussian",
        schedule="triangular",
        label_smoothing=0.1,
        learning_rate=0.01,
    )
    assert train(random_mlp, SampleSet(), settings).history[-1]["epoch"] == 1


def test_a_training_with_dropout_gives_the_same_curve_on_a_busy_worker(monkeypatch):
    """Keras draws the seeds of layers from Python's generator, which other threads use too; reports follow the clock."""
    spec = NetworkSpec((Block("conv", 2, pooling=True), Block("dense", 8, dropout=0.5)))
    settings, ended, curves = QUICK.replace(mnist_samples=1280, epochs=2), threading.Event(), []
    others = threading.Thread(target=lambda: [random.random() for _ in iter(lambda: ended.wait(0.0002), True)])
    others.start()
    try:
        for interval in (0, 60):
            monkeypatch.setattr(callbacks, "UPDATE_INTERVAL", interval)
            start = keras_io.random_model(spec.to_json(), name="built")
            curves.append([{**point, "seconds": 0} for point in train(start, SampleSet(), settings).history])
    finally:
        ended.set()
        others.join()
    assert curves[0] == curves[1] and len(curves[0]) > 6
    epochs = [point["epoch"] for point in curves[0]]
    assert epochs == sorted(set(epochs))
