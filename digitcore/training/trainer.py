"""Training: a model, samples and settings in, a run out. Knows no display: progress goes to a plain function."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle, ModelCard, TrainingData
from digitcore.samples import SampleSet
from digitcore.training import averaging, history
from digitcore.training.callbacks import HistoryCallback
from digitcore.training.dataset import TrainingDataset, validation_data
from digitcore.training.divergence import StopOnDivergence
from digitcore.training.run import Point, Run
from digitcore.training.schedules import learning_rate_schedule
from digitcore.training.settings import TrainSettings

STEPS_PER_EXECUTION = 4  # batches between two calls of the callbacks; each call costs more than a millisecond
PROBE_SIZE = 100  # validation digits by which dead units are found
CHECKED_DIGITS = 20  # on which the served file must agree with Keras
COMPILED_SETTINGS = ("schedule", "beta_2", "ema_momentum", "label_smoothing")  # that a compiled model holds


def train(
    start: ModelBundle,
    samples: SampleSet,
    settings: TrainSettings,
    *,
    on_progress: Callable[[Point], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume_from: Run | None = None,
    checkpoints: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Train a model on the user's samples, weighted, among random MNIST digits.

    Args:
        start: the initial model; it is not changed.
        samples: the user's labelled digits; may be empty when MNIST digits are asked for.
        settings: how.
        on_progress: called with each new point of the curves, a few times a second.
        should_stop: asked a few times a second; when it returns True the training ends and keeps what was learnt.
        resume_from: a stopped run of this start, samples and settings: the training continues with the optimizer's state.
        checkpoints: folder to keep the state in after each epoch, so that a killed training resumes from there;
            removed at the end.
        callbacks: more Keras callbacks, for experiments; they follow our own.

    Returns:
        The run, with the trained model and its curves.

    Raises:
        SettingsError: when there is nothing to train on.
        DatasetNotFoundError: when MNIST is not here and cannot be downloaded.
        TrainingError: when the loss is no longer a number, or, from random weights, hardly a ReLU unit is left alive.
    """
    resolved = settings.resolved(start.card.trained)
    dataset = TrainingDataset(samples, resolved)
    keras.utils.set_random_seed(settings.seed)
    recorder = HistoryCallback(dataset, validation_data(settings), on_progress, should_stop)
    if resume_from is not None and resume_from.resume_state:
        recorder.resume(resume_from)
        initial, model = keras_io.open_model(start), keras_io.open_keras(resume_from.resume_state, start.name)
    else:
        recorder.begin(start.predictor())
        initial = keras_io.open_model(start)
        model = _compile(initial, resolved, dataset.steps_per_epoch * settings.epochs)
    probes = recorder.validation[0][:PROBE_SIZE] if recorder.validation and not start.card.trained else None
    _fit(model, dataset, recorder, checkpoints, (StopOnDivergence(probes), *callbacks))
    if settings.ema_momentum:
        averaging.update_batch_statistics(model, dataset.epoch_images)
    _interpolate_weights(model, initial, resolved.weight_interpolation or 0.0)
    return Run(
        model=keras_io.to_bundle_like(
            start, initial, model, _card(start, samples, resolved, recorder), dataset.images[-CHECKED_DIGITS:]
        ),
        history=recorder.points,
        settings=settings,
        parent=start.name,
        seconds=recorder.seconds(),
        stopped=recorder.stopped,
        resume_state=recorder.resume_state,
        snapshots=recorder.snapshots.result() if recorder.snapshots else b"",
    )


def _fit(
    model: keras.Model,
    dataset: TrainingDataset,
    recorder: HistoryCallback,
    checkpoints: Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Fit from where the recorder's curves end to the last epoch."""
    every: list[keras.callbacks.Callback] = [recorder, *callbacks]
    if checkpoints:
        _compiled.clear()  # BackupAndRestore leaves its mark on the model
        recorder.record = checkpoints / "history.json"
        every.append(keras.callbacks.BackupAndRestore(checkpoints / "state", double_checkpoint=True))
    options = {"shuffle": False, "callbacks": every, "verbose": 0}
    epoch, epochs = dataset.initial_epoch, dataset.settings.epochs
    if dataset.skipped_batches:  # the rest of the epoch in which the run was stopped
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epoch + 1, **options)
        dataset.skipped_batches, epoch = 0, epoch + 1
    if epoch < epochs and not recorder.stopped:
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epochs, **options)
    if checkpoints:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _interpolate_weights(model: keras.Model, initial: keras.Model, share: float) -> None:
    """Average the trained weights with a share of the initial ones.

    Source: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
    """
    if share:
        pairs = zip(model.get_weights(), initial.get_weights(), strict=True)
        model.set_weights([(1 - share) * trained + share * before for trained, before in pairs])


_compiled: dict[tuple[object, ...], tuple[keras.Model, list[np.ndarray]]] = {}  # the last model and its optimizer's first state


def _compile(initial: keras.Model, settings: TrainSettings, steps: int) -> keras.Model:
    """A compiled model with the weights of another. Tracing its graph takes seconds, so the last one is used again."""
    is_constant = settings.schedule == "constant"
    schedule = () if is_constant else (settings.learning_rate, steps)
    key = (initial.to_json(), *schedule, *(getattr(settings, name) for name in COMPILED_SETTINGS))
    if key not in _compiled:
        model = keras.models.clone_model(initial)
        assert settings.learning_rate is not None
        rate = learning_rate_schedule(settings.schedule, settings.learning_rate, steps)
        model.compile(
            optimizer=keras.optimizers.Adam(
                rate, beta_2=settings.beta_2, use_ema=settings.ema_momentum > 0, ema_momentum=settings.ema_momentum
            ),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
            metrics=["accuracy"],
            steps_per_execution=STEPS_PER_EXECUTION,
        )
        model.optimizer.build(model.trainable_variables)
        _compiled.clear()
        _compiled[key] = model, [np.array(variable) for variable in model.optimizer.variables]
    model, optimizer_state = _compiled[key]
    variables, values = [*model.variables, *model.optimizer.variables], [*initial.variables, *optimizer_state]
    for variable, value in zip(variables, values, strict=False):
        variable.assign(value)
    if is_constant:
        model.optimizer.learning_rate = settings.learning_rate
    _seed_dropout(model, settings.seed)
    return model


def _seed_dropout(model: keras.Model, seed: int) -> None:
    """Begin the random numbers of each layer that has some: Keras gives layers seeds from a generator that all threads share."""
    states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    for state, number in zip(states, np.random.SeedSequence(seed).generate_state(len(states)), strict=True):
        state.assign([int(number), 0])


def _card(start: ModelBundle, samples: SampleSet, settings: TrainSettings, recorder: HistoryCallback) -> ModelCard:
    return ModelCard(
        name="trained",
        network=start.card.network,
        parameters=start.card.parameters,
        parent=start.name,
        trained=True,
        training_data=TrainingData(
            len(samples), settings.mnist_samples, settings.synthetic_samples, settings.non_digit_samples, settings.corrupted_share
        ),
        settings=asdict(settings),
        history=history.thin(recorder.points),
        seconds=round(recorder.seconds(), 1),
        **keras_io.provenance(),
    )
