"""Training of a model on samples and MNIST digits. Progress is reported to a plain function, independent of any display."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from digitcore.errors import ModelError
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

STEPS_PER_EXECUTION = 4  # Batches between two calls of the callbacks, because each call takes more than a millisecond.
PROBE_SIZE = 100  # validation digits by which dead units are found
CHECKED_DIGITS = 20  # digits for which the .tflite file must agree with Keras
COMPILED_SETTINGS = ("schedule", "beta_2", "ema_momentum", "label_smoothing")  # settings that a compiled model contains


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
    """Train a model on the user's samples and on random MNIST digits.

    Args:
        start: The initial model. It is not changed.
        samples: The user's labelled digits; may be empty if the settings add MNIST digits.
        settings: The settings.
        on_progress: Called with each new point of the curves, and a few times a second with a preview of the next point.
        should_stop: Called a few times a second. When it returns True, the training stops and its present model is returned.
        resume_from: A stopped run of the same initial model, samples and settings. The training continues with the
            optimizer's state.
        checkpoints: Folder in which the state is saved after each epoch. A later call with the same folder resumes a killed
            training. The folder is removed at the end.
        callbacks: Additional Keras callbacks, called after the built-in callbacks.

    Returns:
        The run with the trained model and its curves.

    Raises:
        SettingsError: If there are no digits to train on.
        ModelError: If the model cannot be opened or copied by Keras.
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.
        TrainingError: If the loss is not finite, or if nearly all ReLU units are dead in a training from scratch.

    Example:
        >>> from digitcore import mnist, models
        >>> digits, labels = mnist.load().validation
        >>> samples = SampleSet.from_arrays(digits[:8], labels[:8])
        >>> train(models.load("mlp"), samples, TrainSettings(mnist_samples=100, epochs=1, validation_samples=100))
        Run('trained', epochs=1, parent='mlp', stopped=False)
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
        sample_hashes=frozenset(samples.digit_hashes),
        snapshots=recorder.snapshots.result() if recorder.snapshots else b"",
    )


def _fit(
    model: keras.Model,
    dataset: TrainingDataset,
    recorder: HistoryCallback,
    checkpoints: Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Fit the model from the end of the recorded curves to the last epoch."""
    all_callbacks: list[keras.callbacks.Callback] = [recorder, *callbacks]
    if checkpoints:
        _compiled.clear()  # BackupAndRestore changes the model, so the model must not be used for another training.
        recorder.record = checkpoints / "history.json"
        all_callbacks.append(keras.callbacks.BackupAndRestore(checkpoints / "state", double_checkpoint=True))
    options = {"shuffle": False, "callbacks": all_callbacks, "verbose": 0}
    epoch, epochs = dataset.initial_epoch, dataset.settings.epochs
    if dataset.skipped_batches:  # The epoch in which the run was stopped is completed first.
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epoch + 1, **options)
        dataset.skipped_batches, epoch = 0, epoch + 1
    if epoch < epochs and not recorder.stopped:
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epochs, **options)
    if checkpoints:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _interpolate_weights(model: keras.Model, initial: keras.Model, share: float) -> None:
    """Replace the weights by the weighted mean of the trained and the initial weights.

    Source: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
    """
    if share:
        pairs = zip(model.get_weights(), initial.get_weights(), strict=True)
        model.set_weights([(1 - share) * trained + share * before for trained, before in pairs])


# The last compiled model and the first state of its optimizer. Tracing a graph takes seconds, so the model is used again.
_compiled: dict[tuple[object, ...], tuple[keras.Model, list[np.ndarray]]] = {}


def _compile(initial: keras.Model, settings: TrainSettings, steps: int) -> keras.Model:
    """Return a compiled copy of a model with a new optimizer. The last compiled model is used again if it fits.

    Raises:
        ModelError: If Keras copies the model with other variables.
    """
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
    if [variable.shape for variable in model.variables] != [variable.shape for variable in initial.variables]:
        _compiled.clear()
        raise ModelError("This model cannot be trained: Keras copies it with other weights. Use a model of plain Keras layers.")
    _assign(model.variables, initial.variables)
    _assign(model.optimizer.variables, optimizer_state)
    if is_constant:
        model.optimizer.learning_rate = settings.learning_rate
    _seed_dropout(model, settings.seed)
    return model


def _assign(variables: Sequence[keras.Variable], values: Sequence[keras.Variable | np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _seed_dropout(model: keras.Model, seed: int) -> None:
    """Seed each layer that uses random numbers. Keras takes its seeds from a generator that other threads use too."""
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
            len(samples.drawn_part()),
            settings.mnist_samples + int(samples.is_example.sum()),
            settings.synthetic_samples,
            settings.non_digit_samples,
            settings.corrupted_share,
        ),
        settings=asdict(settings),
        history=history.thin(recorder.points),
        seconds=round(recorder.seconds(), 1),
        **keras_io.provenance(),
    )
