"""Training: a model, samples and settings in, a run out. Knows no display: progress goes to a plain function."""

import datetime
import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from digitcore import mnist, models, networks
from digitcore.errors import ModelError
from digitcore.layers import Layer
from digitcore.lessons import Lesson
from digitcore.models import ModelBundle, ModelCard
from digitcore.runs import Point, Run, Score, TrainSettings
from digitcore.samples import SampleSet
from digitcore.watching import Watch, answers_of, validation_digits

__all__ = ["Point", "Run", "SampleSet", "Score", "TrainSettings", "fresh", "train"]

MOST_POINTS = 300  # on a card
SHOWN = {"Conv2D": "Convolution", "ReLU": "ReLU", "MaxPooling2D": "Pooling", "Dense": "Dense"}  # layers that are looked at
ASKED, MOST_PICTURES = 500, 12
SHAPES = ((28, 28, 1), (28, 28), (784,))  # of the inputs of models from elsewhere
BROUGHT = "Brought from a file."
NOT_DIGITS = "The model must turn one picture of 28 × 28 into ten numbers; this one does not."
AT_ONCE = 4  # batches between two calls of the callbacks; each call costs more than a millisecond
WARM_UP = 1 / 12  # share of the steps in which a cosine schedule rises
VERSIONS = ("tensorflow", "keras", "numpy", "ai-edge-litert")


def train(
    start: ModelBundle,
    samples: SampleSet,
    settings: TrainSettings,
    *,
    on_progress: Callable[[Point], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    goes_on: Run | None = None,
    checkpoints: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Teach a model the user's samples, weighted, among random MNIST digits.

    Args:
        start: where to begin; it is not changed.
        samples: the user's labelled digits; may be empty when MNIST digits are asked for.
        settings: how.
        on_progress: called with each new point of the curves, a few times a second.
        should_stop: asked a few times a second; when it says True the training ends and keeps what was learnt.
        goes_on: a stopped run of this start, samples and settings: the training goes on from there, optimizer and all.
        checkpoints: folder to keep the state in after each epoch, so that a training that was killed goes on from there;
            emptied at the end.
        callbacks: more of Keras's, for experiments; they follow our own.

    Returns:
        The run, with the trained model and its curves.

    Raises:
        SettingsError: when there is nothing to learn from.
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    settled = settings.settled(start.card.trained)
    lesson = Lesson(samples, settled)
    keras.utils.set_random_seed(settings.seed)
    watch = Watch(lesson, validation_digits(settings), on_progress, should_stop)
    if goes_on is not None and goes_on.state:
        old, model = opened(start), _opened(goes_on.state, start.name)
        watch.go_on(goes_on)
    else:
        watch.begin(start.predictor())
        old = opened(start)
        model = _compiled(old, settled, lesson.steps * settings.epochs)
    _fit(model, lesson, watch, checkpoints, callbacks)
    state = _saved(model, whole=True) if watch.stopped else None
    _mix_back(model, old, settled.gentle)
    return Run(
        model=_bundle(model, _card(start, samples, settled, watch)),
        history=watch.points,
        settings=settings,
        parent=start.name,
        seconds=watch.seconds(),
        stopped=watch.stopped,
        state=state,
    )


def _fit(model, lesson, watch, checkpoints, more):
    """From where the watch stands to the last epoch."""
    callbacks: list[keras.callbacks.Callback] = [watch, *more]
    if checkpoints:
        _ready.clear()  # BackupAndRestore leaves its mark on the model
        watch.record = checkpoints / "history.json"
        callbacks.append(keras.callbacks.BackupAndRestore(checkpoints / "state", double_checkpoint=True))
    options = {"shuffle": False, "callbacks": callbacks, "verbose": 0}
    epoch, epochs = lesson.epoch, lesson.settings.epochs
    if lesson.skipped:  # the rest of the epoch in which the run was stopped
        model.fit(lesson.batches(), initial_epoch=epoch, epochs=epoch + 1, **options)
        lesson.skipped, epoch = 0, epoch + 1
    if epoch < epochs and not watch.stopped:
        model.fit(lesson.batches(), initial_epoch=epoch, epochs=epochs, **options)
    if checkpoints:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _mix_back(model, old, share):
    """Average the taught weights with a share of the old ones: forgets less, learns less.

    Source: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
    """
    if share:
        model.set_weights(
            [(1 - share) * new + share * was for new, was in zip(model.get_weights(), old.get_weights(), strict=True)]
        )


def fresh(network: str, *, name: str = "stupid", seed: int = 0) -> ModelBundle:
    """A model with random weights."""
    model = networks.build(network, seed)
    card = ModelCard(
        name=name,
        network=network,
        parameters=model.count_params(),
        lesson="Random weights: it has learnt nothing yet.",
        settings={"seed": seed},
        **_circumstances(),
    )
    return _bundle(model, card)


_ready: dict[tuple, tuple[keras.Model, list]] = {}  # the last compiled model and its optimizer's first state, to use again
FIXED = ("schedule", "learning_rate", "beta_2", "label_smoothing")  # what a compiled model holds of the settings


def _compiled(old, settings, steps):
    """A model with the weights of another, ready to fit: tracing its graph takes seconds, so the last one is used again."""
    length = 0 if settings.schedule == "constant" else steps
    plan = (old.to_json(), length, *(getattr(settings, name) for name in FIXED))
    if plan not in _ready:
        model = keras.models.clone_model(old)
        rate = _schedule(settings.schedule, settings.learning_rate, steps)
        model.compile(
            optimizer=keras.optimizers.Adam(rate, beta_2=settings.beta_2),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
            metrics=["accuracy"],
            steps_per_execution=AT_ONCE,
        )
        model.optimizer.build(model.trainable_variables)
        _ready.clear()
        _ready[plan] = model, [np.array(variable) for variable in model.optimizer.variables]
    model, beginning = _ready[plan]
    places, values = [*model.variables, *model.optimizer.variables], [*old.variables, *beginning]
    for place, value in zip(places, values, strict=False):
        place.assign(value)
    return model


def _schedule(name, rate, steps):
    if name == "cosine":
        rise = max(1, round(steps * WARM_UP))
        return keras.optimizers.schedules.CosineDecay(
            rate / 20, max(1, steps - rise), alpha=0.01, warmup_target=rate, warmup_steps=rise
        )
    if name == "triangular":
        rise = max(1, steps // 4)
        return _Triangular(rate, rise, max(rise + 1, steps))
    return rate


@keras.saving.register_keras_serializable("digit-lab")
class _Triangular(keras.optimizers.schedules.LearningRateSchedule):
    """Up to the peak for a quarter of the steps, then down to 0."""

    def __init__(self, peak, rise, steps):
        self.peak, self.rise, self.steps = peak, rise, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        up, down = (step + 1) / self.rise, (self.steps - step) / (self.steps - self.rise)
        return self.peak * keras.ops.minimum(up, down)

    def get_config(self):
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}


def calibrated(bundle: ModelBundle) -> ModelBundle:
    """The same model, as sure of itself as it is right.

    Its logits are divided by the temperature that fits MNIST's validation digits best; the temperature is worked into the
    weights of the last layer, so that both files answer calibrated, and noted on the card. No guess changes.
    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
    """
    from scipy.optimize import minimize_scalar

    model = opened(bundle)
    digits, labels = mnist.load().validation
    logits = np.log(np.clip(answers_of(model, digits[..., None].astype(np.float32)), 1e-12, 1)).astype(np.float64)

    def loss(logarithm):
        scaled = logits / np.exp(logarithm)
        return float((np.logaddexp.reduce(scaled, 1) - scaled[np.arange(len(labels)), labels]).mean())

    temperature = float(np.exp(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x))
    last = model.layers[-1]
    last.set_weights([weight / temperature for weight in last.get_weights()])
    figures = bundle.card.figures | {"temperature": round(temperature, 4)}
    return _bundle(model, replace(bundle.card, figures=figures))


def opened(bundle: ModelBundle) -> keras.Model:
    """The Keras model of a bundle, not compiled.

    Raises:
        ModelError: when Keras cannot open it.
    """
    return _opened(bundle.keras_bytes, bundle.name)


def adapted(keras_bytes: bytes, name: str) -> ModelBundle:
    """A model from elsewhere, made like ours: 28 × 28 × 1 pixels from 0 to 255 in, ten probabilities out.

    Pixels from 0 to 1, other input shapes and logits are noticed by what the model makes of MNIST's validation digits.

    Raises:
        ModelError: when Keras cannot open it, or it is no model of digits.
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    model = _opened(keras_bytes, name, compile=False)
    if len(model.inputs) != 1 or len(model.outputs) != 1 or model.outputs[0].shape[1:] != (10,):
        raise ModelError(NOT_DIGITS)
    shape = tuple(model.inputs[0].shape[1:])
    if shape not in SHAPES:
        raise ModelError(NOT_DIGITS)
    digits, labels = (part[:ASKED] for part in mnist.load().validation)
    answers = {scale: answers_of(model, (digits * scale).reshape(-1, *shape).astype(np.float32)) for scale in (1.0, 1 / 255)}
    scale = max(answers, key=lambda one: (answers[one].argmax(1) == labels).mean())
    sure = bool(np.allclose(answers[scale].sum(1), 1, atol=1e-3) and (answers[scale] >= 0).all())
    if (shape, scale, sure) != (SHAPES[0], 1.0, True):
        inputs = keras.Input(SHAPES[0], name="digit")
        inner = keras.layers.Rescaling(scale)(keras.layers.Reshape(shape)(inputs))
        model = keras.Model(inputs, model(inner) if sure else keras.layers.Softmax()(model(inner)))
    card = ModelCard(
        name=name, network="brought", parameters=model.count_params(), trained=True, lesson=BROUGHT, **_circumstances()
    )
    return _bundle(model, card)


def to_onnx(bundle: ModelBundle) -> bytes:
    """The model as an ONNX file, with the same inputs and outputs.

    Raises:
        ModelError: when Keras cannot open it.
    """
    model = opened(bundle)
    model(np.zeros((1, *SHAPES[0]), np.float32))  # the export asks for a model that was called
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        model.export(file, format="onnx", verbose=False)
        return file.read_bytes()


def features(bundle: ModelBundle, digits: np.ndarray) -> np.ndarray:
    """What a model's last layer decides by: (N, 28, 28) uint8 → (N, D) float32.

    Raises:
        ModelError: when Keras cannot open it.
    """
    model = opened(bundle)
    before = keras.Model(model.inputs, model.layers[-1].input)
    return answers_of(before, digits[..., None].astype(np.float32)).reshape(len(digits), -1)


def layers(bundle: ModelBundle, digit: np.ndarray) -> list[Layer]:
    """What each layer that computes makes of a digit, (28, 28) uint8, from the first to the last.

    Raises:
        ModelError: when Keras cannot open it.
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    model = opened(bundle)
    shown = [layer for layer in model.layers if type(layer).__name__ in SHOWN and not _is_half(layer)]
    inside = keras.Model(model.inputs, [layer.output for layer in shown])
    digits = np.concatenate([digit[None], mnist.load().validation[0][:ASKED]])[..., None].astype(np.float32)
    answers = [np.asarray(answer) for answer in inside.predict_on_batch(digits)]
    return [
        _layer(f"{number}. {SHOWN[type(layer).__name__]}", layer, answer)
        for number, (layer, answer) in enumerate(zip(shown, answers, strict=True), 1)
    ]


def _is_half(layer):
    """A convolution whose ReLU follows as a layer of its own."""
    return isinstance(layer, keras.layers.Conv2D) and layer.activation is keras.activations.linear


def _layer(name, layer, answers):
    """One layer's answers, (1 + 500, …, units): the first is the digit's."""
    units = answers.shape[-1]
    own, others = answers[0], answers[1:].reshape(-1, units)
    switches = isinstance(layer, keras.layers.ReLU) or getattr(layer, "activation", None) is keras.activations.relu
    if own.ndim == 1:
        pictures = own[None, None]
    else:
        liveliest = np.argsort(-own.std((0, 1)), kind="stable")[:MOST_PICTURES]
        pictures = np.moveaxis(own[..., np.sort(liveliest)], -1, 0)
    low, high = pictures.min(), pictures.max()
    scaled = (pictures - low) * (255 / max(high - low, 1e-6))
    return Layer(name, units, scaled.round().astype(np.uint8), float((others.max(0) <= 0).mean()) if switches else None)


def _opened(keras_bytes, name, compile=True):
    """A Keras model from the bytes of its file, compiled if it was saved so and nothing else is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_bytes)
        try:
            return keras.saving.load_model(file, compile=compile, safe_mode=True)
        except (ValueError, OSError) as error:
            raise ModelError(f"The model “{name}” cannot be opened by Keras.") from error


def _saved(model, *, whole=False):
    """The bytes of a .keras file; whole: with the optimizer's state."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file, include_optimizer=whole)
        return file.read_bytes()


def _bundle(model, card) -> ModelBundle:
    """Export a Keras model to both of its files."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        model.export(file, format="litert", verbose=False)
        tflite_bytes = file.read_bytes()
    keras_bytes = _saved(model)
    return ModelBundle(replace(card, sha256=models.sums(keras_bytes, tflite_bytes)), keras_bytes, tflite_bytes)


def _card(start, samples, settings, watch) -> ModelCard:
    return ModelCard(
        name="trained",
        network=start.card.network,
        parameters=start.card.parameters,
        parent=start.name,
        trained=True,
        lesson=lesson_in_words(len(samples), settings),
        settings=asdict(settings),
        history=_thinned(watch.points),
        seconds=round(watch.seconds(), 1),
        **_circumstances(),
    )


def _thinned(points):
    """Every point with a validation, and so many of the others that a card stays short."""
    step = max(1, len(points) // MOST_POINTS)
    return [point for number, point in enumerate(points) if number % step == 0 or "val_loss" in point]


def lesson_in_words(samples: int, settings: TrainSettings) -> str:
    """One sentence: what was learnt from."""
    parts = [
        f"your {samples:,} drawing{'s' * (samples != 1)}" if samples else "",
        f"{settings.mnist_samples:,} MNIST digits" if settings.mnist_samples else "",
        f"{settings.drawn_samples:,} digits drawn by code" if settings.drawn_samples else "",
        f"{settings.strange_samples:,} pictures of no digit" if settings.strange_samples else "",
    ]
    *most, last = filter(None, parts)
    return f"Trained on {', '.join(most)}{' and ' * bool(most)}{last}."


def _circumstances():
    return {
        "versions": {name: _version(name) for name in VERSIONS} | {"python": platform.python_version()},
        "machine": f"{platform.system()} {platform.machine()}, CPU",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _version(package):
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"
