"""Training of a model on samples and MNIST digits. Progress is reported to a plain function, independent of any display."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from digitcore.errors import ModelError, SettingsError
from digitcore.memory_allocator import keep_freed_memory
from digitcore.models import keras_io
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.models.calibration import divide_logits, fit_temperature, logits_of
from digitcore.samples import SampleSet
from digitcore.training import history
from digitcore.training.averaging import set_final_weights
from digitcore.training.callbacks import HistoryCallback, KeepWeights
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.dataset import TrainingDataset, validation_data
from digitcore.training.divergence import StopOnDivergence
from digitcore.training.metrics import DigitAccuracy
from digitcore.training.run import Point, Run, training_data
from digitcore.training.schedules import learning_rate_schedule
from digitcore.training.settings import SGD_MOMENTUM, TrainSettings

STEPS_PER_EXECUTION = 4  # Batches between two calls of the callbacks, because each call takes more than a millisecond.
PROBE_SIZE = 100  # validation digits by which dead units are found
CHECKED_DIGITS = 20  # digits for which the .tflite file must agree with Keras
COMPILED_SETTINGS = (  # settings that a compiled model contains
    "schedule",
    "optimizer",
    "weight_decay",
    "beta_2",
    "ema_momentum",
    "label_smoothing",
)
CHECKPOINT_FILE = "checkpoint.npz"


def train(
    start: ModelBundle,
    samples: SampleSet,
    settings: TrainSettings,
    *,
    on_progress: Callable[[Point], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume_from: Run | None = None,
    checkpoints: Path | None = None,
    sample_weights: np.ndarray | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Train a model on the user's samples and on random MNIST digits.

    At the end, the probabilities are calibrated on the validation digits of the settings, and the card holds the metric
    `temperature`. The curves show the model before the calibration, which does not change the predicted classes.

    Args:
        start: The initial model. It is not changed.
        samples: The user's labelled digits; may be empty if the settings add MNIST digits.
        settings: The settings.
        on_progress: Called with each new point of the curves, and a few times a second with a preview of the next point.
        should_stop: Called a few times a second. When it returns True, the training stops, and the current model is returned.
        resume_from: A stopped run of the same initial model, samples and settings. The training continues, and gives the same
            result as a training that was not stopped. If the run's state was not kept, the training begins again.
        checkpoints: Folder in which the state is saved after each epoch. A later call with the same folder resumes a killed
            training, with the same result as a training that was not killed. The folder is removed at the end.
        sample_weights: Relative weight of each sample, (N,) float. By default, all samples have the same weight.
        callbacks: Additional Keras callbacks, called after the built-in callbacks. At the end of an epoch, their `logs` hold
            `loss`, `accuracy`, `val_loss` and `val_accuracy`.

    Returns:
        The run with the trained model and its curves.

    Raises:
        SettingsError: If there are no digits to train on, or early stopping has no validation digits.
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
    keep_freed_memory()
    resolved = settings.resolved(start.card.trained)
    dataset = TrainingDataset(samples, resolved, sample_weights)
    keras.utils.set_random_seed(settings.seed)
    recorder = HistoryCallback(dataset, validation_data(settings), on_progress, should_stop)
    if settings.early_stopping and recorder.validation is None:
        raise SettingsError("early_stopping needs MNIST's validation digits. Run “digitlab data”, or set early_stopping to 0.")
    initial = keras_io.open_model(start)
    model = _compile(initial, resolved, dataset.steps_per_epoch * settings.epochs)
    recorder.initial_weights = initial.get_weights()
    recorder.checkpoint_file = checkpoints / CHECKPOINT_FILE if checkpoints else None
    kept = Checkpoint.load(recorder.checkpoint_file) if recorder.checkpoint_file else None
    kept = kept or Checkpoint.from_bytes(resume_from.resume_state if resume_from else None)
    if kept and kept.fits(model.variables, model.optimizer.variables):
        recorder.resume(kept)
        _assign(model.variables, kept.model)
        _assign(model.optimizer.variables, kept.optimizer)
    else:
        recorder.begin(start.predictor())
    probes = recorder.validation[0][:PROBE_SIZE] if recorder.validation and not start.card.trained else None
    _fit(model, dataset, recorder, [recorder, StopOnDivergence(probes), *callbacks])
    if checkpoints:
        shutil.rmtree(checkpoints, ignore_errors=True)
    set_final_weights(model, dataset.epoch_images, recorder.initial_weights, resolved.weight_interpolation or 0.0)
    card = _card(start, samples, resolved, recorder).with_metrics(_calibrate(model, recorder.validation))
    return Run(
        model=keras_io.to_bundle_like(start, initial, model, card, dataset.epoch_images[-CHECKED_DIGITS:]),
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
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Fit the model from the end of the recorded curves to the last epoch."""
    options = {"shuffle": False, "verbose": 0}
    epoch, epochs = dataset.initial_epoch, dataset.settings.epochs
    model.stop_training = False  # The last training of this model may have been stopped.
    if dataset.skipped_batches:  # The epoch in which the run was stopped is completed first.
        last = KeepWeights()
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epoch + 1, callbacks=[*callbacks, last], **options)
        dataset.skipped_batches, epoch = 0, epoch + 1
        if epoch < epochs and not model.stop_training:
            _assign(model.trainable_variables, last.values)
    elif recorder.has_converged or epoch == epochs:  # The training was killed after its last epoch.
        dataset.prepare_epoch(epoch - 1)
        return
    if epoch < epochs and not (recorder.has_converged or model.stop_training):
        model.fit(dataset.batches(), initial_epoch=epoch, epochs=epochs, callbacks=callbacks, **options)


def _calibrate(model: keras.Model, validation: tuple[np.ndarray, np.ndarray] | None) -> dict[str, float]:
    """Calibrate the model on the validation digits. Return the temperature for the card, if there is a temperature."""
    if validation is None:
        return {}
    if (logits := logits_of(model, validation[0])) is None:
        return {}
    temperature = fit_temperature(logits, validation[1].argmax(1))
    divide_logits(model, temperature)
    return {"temperature": round(temperature, 4)}


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
            optimizer=_optimizer(settings, rate),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
            metrics=[DigitAccuracy(name="accuracy")],
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


def _optimizer(settings: TrainSettings, rate: float | keras.optimizers.schedules.LearningRateSchedule) -> keras.Optimizer:
    """Return a new optimizer for resolved settings."""
    options = {
        "weight_decay": settings.weight_decay or None,
        "use_ema": settings.ema_momentum > 0,
        "ema_momentum": settings.ema_momentum,
    }
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=SGD_MOMENTUM, **options)
    kind = keras.optimizers.AdamW if settings.optimizer == "adamw" else keras.optimizers.Adam
    return kind(rate, beta_2=settings.beta_2, **options)


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
        training_data=training_data(samples, settings),
        settings=asdict(settings),
        history=history.thin(recorder.points),
        seconds=round(recorder.seconds(), 1),
        start_sha256=hashlib.sha256(start.keras_bytes).hexdigest(),
        sample_hashes=sorted(set(samples.digit_hashes)),
        **keras_io.provenance(),
    )
