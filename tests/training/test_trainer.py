"""Trainings with the smallest network and few digits. Fixtures train the runs that several tests need."""

import gc
import random
import threading
import weakref
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from digitcore import models
from digitcore.errors import ModelError, SettingsError
from digitcore.models import keras_io
from digitcore.models.bundle import TrainingData
from digitcore.models.calibration import divide_logits
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.training import callbacks, history, trainer
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.dataset import TrainingDataset
from digitcore.training.settings import TrainSettings
from digitcore.training.snapshots import Snapshots
from digitcore.training.trainer import train

QUICK = TrainSettings(mnist_samples=320, epochs=1, validation_samples=100)


@pytest.fixture(scope="module")
def first_run(random_mlp, few):
    """Return a run from scratch and its reported points."""
    points = []
    run = train(random_mlp, few, QUICK, on_progress=points.append)
    return run, points


@pytest.fixture
def reports_at_once(monkeypatch):
    """Check for a stop at every execution, so that a training stops at a fixed batch and not at a fixed time."""
    monkeypatch.setattr(callbacks, "UPDATE_INTERVAL", 0)


def stop_at(n):
    """Return a `should_stop` that returns True from its n-th call on."""
    calls = iter(range(1, 10_000))
    return lambda: next(calls) >= n


def weights(bundle):
    """Return all weights of a model as one vector."""
    return np.concatenate([weight.ravel() for weight in keras_io.open_model(bundle).get_weights()])


def test_curves_of_a_run_start_before_the_training_and_end_with_the_last_epoch(first_run):
    run, points = first_run
    assert run.history[0]["epoch"] == 0
    assert run.history[-1]["epoch"] == 1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(run.history[-1])
    assert [point for point in points if point in run.history] == run.history


def test_card_of_a_run_describes_the_training(first_run):
    run, _ = first_run
    assert run.model.card.trained
    assert run.model.card.history == run.history
    assert run.model.card.training_data == TrainingData(drawings=20, mnist_digits=320)
    assert TrainSettings.from_dict(run.model.card.settings) == QUICK.resolved(is_trained=False)


def test_run_keeps_its_parent_and_its_settings(first_run):
    run, _ = first_run
    assert run.parent == "untrained"
    assert run.settings == QUICK
    assert not run.stopped


def test_repr_of_a_run_fits_on_one_line(first_run):
    assert repr(first_run[0]) == "Run('trained', epochs=1, parent='untrained', stopped=False)"


def test_training_does_not_change_the_initial_model(first_run, random_mlp):
    assert first_run[0].model.hash != random_mlp.hash


def test_same_seed_gives_the_same_model(first_run, random_mlp, few, data):
    digits = data.test_images[:50]
    first, second = (run.model.predictor().probabilities(digits) for run in (first_run[0], train(random_mlp, few, QUICK)))
    assert np.allclose(first, second, atol=1e-4)


def test_result_does_not_depend_on_earlier_trainings(random_mlp, few, data, monkeypatch):
    """Only the compiled model is reused, without its weights and the state of its optimizer."""
    monkeypatch.setattr(trainer, "_compiled", {})
    settings, probabilities = QUICK.replace(learning_rate=2e-3, schedule="constant"), []
    for between in (None, few.take([1, 2]), few):
        if between is not None:
            train(random_mlp, between, settings.replace(mnist_samples=0, epochs=3, learning_rate=5e-4))
        run = train(random_mlp, few, settings)
        probabilities.append(run.model.predictor().probabilities(data.test_images[:50]))
    assert np.allclose(probabilities[0], probabilities[1], atol=1e-4)
    assert np.allclose(probabilities[0], probabilities[2], atol=1e-4)


def test_model_that_keras_copies_with_other_weights_is_refused(random_mlp, few, monkeypatch):
    other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    monkeypatch.setattr(trainer, "_compiled", {})
    monkeypatch.setattr(keras.models, "clone_model", lambda model: other)
    with pytest.raises(ModelError, match="cannot be trained"):
        train(random_mlp, few, QUICK)


@pytest.mark.parametrize(("n_variables", "n_values"), [(1, 2), (2, 1)])
def test_variables_and_values_are_never_assigned_in_part(n_variables, n_values):
    variables = [keras.Variable(0.0) for _ in range(n_variables)]
    with pytest.raises(ValueError, match="zip"):
        trainer._assign(variables, [np.array(0.0)] * n_values)


def test_training_from_scratch_with_1000_digits_reaches_85_percent(untrained, data):
    run = train(untrained, SampleSet(), TrainSettings(mnist_samples=1000, epochs=2, validation_samples=100))
    digits, labels = data.test_images[:2000], data.test_labels[:2000]
    assert (run.model.predictor().probabilities(digits).argmax(1) == labels).mean() >= 0.85


def test_sample_weight_decides_between_samples_and_mnist(random_mlp, data):
    """Sevens are labelled 3. With a high weight the model learns the wrong label, with a low weight it does not."""
    digits, labels = data.training
    wrong = SampleSet.from_arrays(digits[labels == 7][:20], np.full(20, 3))
    settings = QUICK.replace(mnist_samples=1000, epochs=3)
    threes = {
        weight: train(random_mlp, wrong, settings.replace(sample_weight=weight))
        .model.predictor()
        .probabilities(wrong.digits)[:, 3]
        .mean()
        for weight in (0.1, 100)
    }
    assert threes[100] > 0.9
    assert threes[0.1] < 0.5


def test_stopped_run_keeps_its_weights(random_mlp, few):
    points = []
    run = train(
        random_mlp,
        few,
        QUICK.replace(mnist_samples=2000, epochs=50),
        on_progress=points.append,
        should_stop=lambda: points[-1].get("accuracy", 0) > 0.8,
    )
    assert run.stopped
    assert 0 < run.history[-1]["epoch"] < 50
    assert run.history[-1]["val_loss"] < run.history[0]["val_loss"]


AVERAGED = QUICK.replace(mnist_samples=500, epochs=3, ema_momentum=0.9, validation_samples=500)


@pytest.fixture(scope="module")
def averaged_run(random_mlp):
    return train(random_mlp, SampleSet(), AVERAGED)


def validation_loss(run, data):
    """Return the loss of a trained model on 500 validation digits. The curves show the model before the calibration."""
    digits, labels = (part[:500] for part in data.validation)
    model = keras_io.open_model(run.model)
    divide_logits(model, 1 / run.model.card.metrics["temperature"])
    probabilities = keras_io.predict_in_batches(model, digits[..., None].astype(np.float32))
    return -np.log(probabilities[np.arange(len(labels)), labels].clip(1e-7)).mean()


def test_curves_show_the_averaged_weights(averaged_run, data):
    assert validation_loss(averaged_run, data) == pytest.approx(averaged_run.history[-1]["val_loss"], rel=0.02)


def test_curves_show_the_mean_of_old_and_new_weights(data, few):
    run = train(models.load("mlp"), few, QUICK.replace(validation_samples=500, learning_rate=0.01))
    assert validation_loss(run, data) == pytest.approx(run.history[-1]["val_loss"], rel=0.02)


def test_averaged_weights_differ_from_the_last_weights(averaged_run, random_mlp):
    last = train(random_mlp, SampleSet(), AVERAGED.replace(ema_momentum=0.0))
    assert not np.allclose(weights(averaged_run.model), weights(last.model), atol=1e-4)


def test_curves_do_not_count_non_digits_as_errors():
    """A trained model predicts nearly all digits correctly. Half of these images are not digits, and have no correct class."""
    run = train(models.load("genius"), SampleSet(), QUICK.replace(mnist_samples=100, non_digit_samples=100))
    assert run.history[-1]["accuracy"] > 0.95


RESUMED = NetworkSpec((Block("conv", 2, batch_normalization=True, pooling=True), Block("dense", 8, dropout=0.5)))
RESUMED_SETTINGS = QUICK.replace(
    mnist_samples=1600, epochs=2, batch_size=32, schedule="cosine", ema_momentum=0.9, augment=True, weight_decay=1e-3
)


@pytest.fixture(scope="module")
def resumable():
    """Return a network with every kind of state: random numbers, batch statistics, averaged weights, a schedule."""
    return keras_io.random_model(RESUMED.to_json(), name="built")


@pytest.fixture(scope="module")
def whole(resumable):
    """Return a run that was not interrupted."""
    return train(resumable, SampleSet(), RESUMED_SETTINGS)


def is_same(first, second):
    """Check whether two runs have the same weights and the same validated points."""
    curves = [
        [{**point, "seconds": 0} for point in run.history if "val_loss" in point and point["epoch"] in (0, 1, 2)]
        for run in (first, second)
    ]
    return curves[0] == curves[1] and np.allclose(weights(first.model), weights(second.model), atol=1e-6)


@pytest.mark.parametrize("n", [5, 13], ids=["in the first epoch", "between two epochs"])
def test_stopped_and_resumed_run_equals_an_uninterrupted_run(resumable, whole, reports_at_once, n):
    part = train(resumable, SampleSet(), RESUMED_SETTINGS, should_stop=stop_at(n))
    assert part.stopped
    assert part.history[-1]["epoch"] == pytest.approx({5: 0.4, 13: 1}[n])
    resumed = train(resumable, SampleSet(), RESUMED_SETTINGS, resume_from=part)
    assert not resumed.stopped
    assert resumed.resume_state is None
    assert resumed.history[: len(part.history)] == part.history
    assert is_same(resumed, whole)
    assert not is_same(part, whole)
    epochs, again = (Snapshots.from_bytes(run.snapshots).epochs.tolist() for run in (whole, resumed))
    assert epochs == again == [0, 1, 2]


def test_run_with_a_damaged_state_starts_again(resumable, whole, reports_at_once):
    part = train(resumable, SampleSet(), RESUMED_SETTINGS, should_stop=stop_at(5))
    for state in (None, b"damaged", Checkpoint(20, [history.START], [np.zeros(3)], []).to_bytes()):
        begun = []
        with pytest.raises(KeyboardInterrupt):
            train(
                resumable,
                SampleSet(),
                RESUMED_SETTINGS,
                resume_from=replace(part, resume_state=state),
                on_progress=lambda point, begun=begun: begun.append(point) or end_at(point, 0.1),
            )
        assert begun[0]["epoch"] == 0


def end_at(point, epoch):
    """Interrupt the training at the first point after this number of epochs."""
    if point["epoch"] >= epoch:
        raise KeyboardInterrupt


def test_run_that_was_stopped_between_two_epochs_is_resumed(random_mlp):
    settings = QUICK.replace(mnist_samples=32, epochs=3, batch_size=32)
    part = train(random_mlp, SampleSet(), settings, should_stop=lambda: True)
    assert part.stopped
    assert part.history[-1]["epoch"] == 1
    assert train(random_mlp, SampleSet(), settings, resume_from=part).history[-1]["epoch"] == 3


@pytest.mark.parametrize("fatal", [1.2, 2.0], ids=["in the second epoch", "after the last epoch"])
def test_killed_training_equals_an_uninterrupted_training(resumable, whole, tmp_path, fatal, monkeypatch):
    def dies_after_the_last_epoch(*args, **options):
        if fatal == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer, "shutil", SimpleNamespace(rmtree=dies_after_the_last_epoch))
        train(
            resumable,
            SampleSet(),
            RESUMED_SETTINGS,
            on_progress=lambda point: fatal < 2 and end_at(point, fatal),
            checkpoints=tmp_path / "kept",
        )
    run = train(resumable, SampleSet(), RESUMED_SETTINGS, checkpoints=tmp_path / "kept")
    assert is_same(run, whole)
    assert [{**point, "seconds": 0} for point in run.history] == [{**point, "seconds": 0} for point in whole.history]
    assert [point["seconds"] for point in run.history] == sorted(point["seconds"] for point in run.history)
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_other_optimizers_train_and_resume(random_mlp, reports_at_once, optimizer):
    settings = QUICK.replace(mnist_samples=640, epochs=2, batch_size=32, optimizer=optimizer)
    run = train(random_mlp, SampleSet(), settings)
    assert run.history[-1]["val_loss"] < run.history[0]["val_loss"]
    part = train(random_mlp, SampleSet(), settings, should_stop=stop_at(3))
    resumed = train(random_mlp, SampleSet(), settings, resume_from=part)
    assert np.allclose(weights(run.model), weights(resumed.model), atol=1e-6)


def test_weight_decay_shrinks_the_weights(random_mlp):
    sizes = [
        np.abs(weights(train(random_mlp, SampleSet(), QUICK.replace(weight_decay=decay)).model)).mean() for decay in (0.0, 1.0)
    ]
    assert sizes[1] < sizes[0]


def test_early_stopping_ends_a_training_whose_validation_loss_does_not_fall(random_mlp):
    settings = QUICK.replace(epochs=20, learning_rate=0.3, optimizer="sgd", schedule="constant", early_stopping=2)
    run = train(random_mlp, SampleSet(), settings)
    losses = [point["val_loss"] for point in run.history if "val_loss" in point][1:]
    assert 3 <= len(losses) < 20
    assert min(losses[-2:]) >= min(losses[:-2])
    assert not run.stopped


def test_early_stopping_without_validation_digits_is_refused(random_mlp, few, monkeypatch):
    monkeypatch.setattr(trainer, "validation_data", lambda settings: None)
    with pytest.raises(SettingsError, match="early_stopping needs MNIST"):
        train(random_mlp, few, QUICK.replace(mnist_samples=0, early_stopping=1))


def test_callbacks_of_keras_see_the_validation(random_mlp, tmp_path):
    stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=100, patience=1)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy", save_best_only=True)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    run = train(random_mlp, SampleSet(), QUICK.replace(epochs=5), callbacks=[stopping, best, log])
    rows = pd.read_csv(tmp_path / "log.csv")
    last = [point for point in run.history if "val_loss" in point][1:]
    assert len(rows) == len(last) == 2
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert rows[name].notna().all()
    assert rows["val_loss"].tolist() == pytest.approx([point["val_loss"] for point in last], abs=1e-4)
    assert (tmp_path / "best.keras").exists()


def test_dataset_is_released_after_the_training(random_mlp, monkeypatch):
    made = []

    def make(*args):
        dataset = TrainingDataset(*args)
        made.append(weakref.ref(dataset))
        return dataset

    monkeypatch.setattr(trainer, "TrainingDataset", make)
    train(random_mlp, SampleSet(), QUICK)
    gc.collect()
    assert [dataset() for dataset in made] == [None]


@pytest.fixture(scope="module")
def fine_tuned(few):
    """Return the weights of the shipped mlp, and of the mlp after fine-tuning with different shares of old weights."""
    start = models.load("mlp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_calibrate", lambda model, validation: {})  # It changes the weights of the last layer.
        shares = (0.0, 0.9, None)
        trained = {share: weights(train(start, few, QUICK.replace(weight_interpolation=share)).model) for share in shares}
    return weights(start), trained


@pytest.mark.parametrize(("given", "share"), [(0.9, 0.9), (None, 0.5)], ids=["given", "default"])
def test_fine_tuned_weights_are_the_mean_of_old_and_new_weights(fine_tuned, given, share):
    before, trained = fine_tuned
    assert not np.allclose(trained[given], trained[0.0], atol=1e-5)
    assert np.allclose(trained[given], share * before + (1 - share) * trained[0.0], atol=1e-5)


def test_training_from_scratch_keeps_no_old_weights(first_run, random_mlp, few):
    run = train(random_mlp, few, QUICK.replace(weight_interpolation=0.0))
    assert np.allclose(weights(run.model), weights(first_run[0].model), atol=1e-5)


def test_training_without_digits_is_refused(random_mlp):
    with pytest.raises(SettingsError, match="Label a drawing"):
        train(random_mlp, SampleSet(), QUICK.replace(mnist_samples=0))


def test_training_on_drawings_alone_works(random_mlp, few):
    run = train(random_mlp, few, QUICK.replace(mnist_samples=0))
    assert run.history[-1]["epoch"] == 1
    assert run.model.card.training_data == TrainingData(drawings=20)


def test_settings_of_recipes_train(random_mlp):
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


def test_training_with_dropout_gives_the_same_curve_on_a_busy_machine(monkeypatch):
    """Keras draws the seeds of layers from Python's generator, which other threads use too. Reports follow the clock."""
    spec = NetworkSpec((Block("conv", 2, pooling=True), Block("dense", 8, dropout=0.5)))
    start = keras_io.random_model(spec.to_json(), name="built")
    settings, ended, curves = QUICK.replace(mnist_samples=640, epochs=2), threading.Event(), []
    others = threading.Thread(target=lambda: [random.random() for _ in iter(lambda: ended.wait(0.0002), True)])
    others.start()
    try:
        for interval in (0, 60):
            monkeypatch.setattr(callbacks, "UPDATE_INTERVAL", interval)
            monkeypatch.setattr(trainer, "_compiled", {})
            curves.append([{**point, "seconds": 0} for point in train(start, SampleSet(), settings).history])
    finally:
        ended.set()
        others.join()
    assert curves[0] == curves[1]
    assert len(curves[0]) > 6
    epochs = [point["epoch"] for point in curves[0]]
    assert epochs == sorted(set(epochs))
