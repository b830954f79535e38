"""Training: a model, samples and settings in, a run out. Knows no display: progress goes to a plain function."""

import datetime
import importlib.metadata
import json
import math
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np

from digitcore import augmentation, corruptions, handwriting, mnist, models, networks, nondigits
from digitcore.errors import ModelError, SettingsError
from digitcore.images import SIDE
from digitcore.models import ModelBundle, ModelCard
from digitcore.runs import Point, Run, Score, TrainSettings
from digitcore.samples import SampleSet

__all__ = ["Point", "Run", "SampleSet", "Score", "TrainSettings", "fresh", "train"]

MOST_POINTS = 300  # on a card
UPDATE = 0.25  # s between two points of the curves, and between two looks at the stop sign
TAUGHT_RATE, FRESH_RATE = 5e-4, 3e-3  # Adam's step size for a model that can read, and for random weights
VARIETY = 3  # times as many digits are drawn as an epoch sees
MOST_NOISE = 0.3  # of the noise recipes: share of pixels, or deviation as a share of full ink
WARM_UP = 1 / 12  # share of the steps in which a cosine schedule rises
_NOTHING = np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.uint8)
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

    Returns:
        The run, with the trained model and its curves.

    Raises:
        SettingsError: when there is nothing to learn from.
        DataMissing: when MNIST is not here and cannot be fetched.
    """
    lesson = _Lesson(samples, settings)
    keras.utils.set_random_seed(settings.seed)
    watch = _Watch(lesson, _validation(settings), on_progress, should_stop)
    if goes_on is not None and goes_on.state:
        model = _opened(goes_on.state, start.name)
        watch.go_on(goes_on)
    else:
        model = opened(start)
        _compile(model, start, settings, len(lesson) * settings.epochs)
    _fit(model, lesson, watch, checkpoints)
    state = _saved(model, whole=True) if watch.stopped else None
    if settings.gentle:
        _mix_back(model, opened(start), settings.gentle)
    return Run(
        model=_bundle(model, _card(start, samples, settings, watch)),
        history=watch.points,
        settings=settings,
        parent=start.name,
        seconds=watch.seconds(),
        stopped=watch.stopped,
        state=state,
    )


def _fit(model, lesson, watch, checkpoints):
    """From where the watch stands to the last epoch."""
    callbacks: list[keras.callbacks.Callback] = [watch]
    if checkpoints:
        watch.record = checkpoints / "history.json"
        callbacks = [keras.callbacks.BackupAndRestore(checkpoints / "state", double_checkpoint=True), watch]
    options = {"shuffle": False, "callbacks": callbacks, "verbose": 0}
    epoch, epochs = lesson.epoch, lesson.settings.epochs
    if lesson.skipped:  # the rest of the epoch in which the run was stopped
        model.fit(lesson, initial_epoch=epoch, epochs=epoch + 1, **options)
        lesson.skipped, epoch = 0, epoch + 1
    if epoch < epochs and not watch.stopped:
        lesson.prepare(epoch)
        model.fit(lesson, initial_epoch=epoch, epochs=epochs, **options)
    if checkpoints:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _mix_back(model, old, share):
    """Average the taught weights with a share of the old ones: forgets less, learns less.

    Source: M. Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).
    """
    model.set_weights([(1 - share) * new + share * was for new, was in zip(model.get_weights(), old.get_weights(), strict=True)])


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


class _Lesson(keras.utils.PyDataset):
    """What is learnt, in batches: shuffled anew, and moved or spoilt a little where asked for, in every epoch."""

    def __init__(self, samples, settings):
        super().__init__()
        self.settings = settings
        self.skipped = 0  # batches of the present epoch that were seen before
        parts = [(samples.digits, samples.labels), self._from_mnist(), self._drawn()]
        strange = self._strange()
        self.sizes = [*(len(labels) for _, labels in parts), len(strange)]
        if not sum(self.sizes):
            raise SettingsError("There is nothing to learn from: label a drawing, or mix in MNIST digits.")
        digits = np.concatenate([*(digits for digits, _ in parts), strange])
        self.digits = digits[..., None].astype(np.float32)  # (N, 28, 28, 1), 0 to 255
        named = keras.utils.to_categorical(np.concatenate([labels for _, labels in parts]), 10)
        self.answers = np.concatenate([named, np.full((len(strange), 10), 0.1, np.float32)])  # (N, 10)
        weights = np.ones(len(digits), np.float32)
        weights[: len(samples)] = settings.sample_weight
        self.weights = weights / weights.mean()  # so that the loss stays comparable whatever the weights
        self.seen = len(digits) - self.sizes[2] + settings.drawn_samples  # in one epoch
        self.steps = math.ceil(self.seen / settings.batch_size)
        self.prepare(0)

    def __len__(self):
        return self.steps - self.skipped

    def __getitem__(self, batch):
        first = (self.skipped + batch) * self.settings.batch_size
        chosen = self.order[first : first + self.settings.batch_size]
        return self.shown[chosen], self.answers[chosen], self.weights[chosen]

    def on_epoch_end(self):
        self.prepare(self.epoch + 1)

    def prepare(self, epoch):
        """Set the order and the shown pictures of an epoch; they depend on the seed and the epoch alone."""
        self.epoch = epoch
        rng = np.random.default_rng([self.settings.seed, epoch])
        self.order = rng.permutation(self._chosen(rng))
        self.shown = self._changed(rng)

    def _chosen(self, rng):
        """Everything but the drawn digits that other epochs see."""
        before = sum(self.sizes[:2])
        after = before + self.sizes[2]
        drawn = before + rng.choice(self.sizes[2], self.settings.drawn_samples, replace=False)
        return np.concatenate([np.arange(before), drawn, np.arange(after, len(self.digits))])

    def _from_mnist(self):
        if not self.settings.mnist_samples:
            return _NOTHING
        digits, labels = mnist.load().training
        rng, count = np.random.default_rng(self.settings.seed), self.settings.mnist_samples
        chosen = rng.choice(len(digits), count, replace=False)
        if self.settings.focus:
            wanted = np.flatnonzero(np.isin(labels, [int(digit) for digit in self.settings.focus]))
            chosen[: count // 2] = rng.choice(wanted, count // 2, replace=count // 2 > len(wanted))
        return digits[chosen], labels[chosen]

    def _drawn(self):
        if not self.settings.drawn_samples:
            return _NOTHING
        return handwriting.draw(VARIETY * self.settings.drawn_samples, self.settings.seed)

    def _strange(self):
        return nondigits.draw(self.settings.strange_samples, self.settings.seed + 1, nondigits.TAUGHT)[0]

    def _changed(self, rng):
        """The pictures as this epoch shows them: moved, bent or spoilt as the settings say."""
        if not self.settings.augment and not self.settings.augment_samples and self.settings.noise == "none":
            return self.digits
        yours, of_mnist, drawn, strange = np.split(self.digits, np.cumsum(self.sizes)[:-1])
        if self.settings.augment_samples:
            yours = augmentation.moved(yours, rng, augmentation.DRAWN)
        if self.settings.augment:
            of_mnist = augmentation.moved(of_mnist, rng, augmentation.MNIST)
            drawn = augmentation.moved(drawn, rng, augmentation.DRAWN)
            strange = augmentation.moved(strange, rng, augmentation.MNIST)
        return np.concatenate([yours, self._spoilt(of_mnist, rng), drawn, strange])

    def _spoilt(self, digits, rng):
        degrees = rng.uniform(0, MOST_NOISE, (len(digits), 1, 1, 1)).astype(np.float32)
        if self.settings.noise == "salt-pepper":
            return corruptions.salt_and_pepper(digits, degrees, rng).astype(np.float32)
        if self.settings.noise == "gaussian":
            return corruptions.gaussian_noise(digits, degrees, rng).astype(np.float32)
        return digits


def _validation(settings):
    """Digits that are never learnt from: (N, 28, 28, 1) float32, (N, 10) float32."""
    if not mnist.is_here() and not settings.mnist_samples:
        return None
    digits, labels = mnist.load().validation
    count = settings.validation_samples
    return digits[:count, ..., None].astype(np.float32), keras.utils.to_categorical(labels[:count], 10)


def _compile(model, start, settings, steps):
    rate = settings.learning_rate or (TAUGHT_RATE if start.card.trained else FRESH_RATE)
    schedule = settings.schedule
    if schedule == "auto":
        schedule = "constant" if start.card.trained else "cosine"
    model.compile(
        optimizer=keras.optimizers.Adam(_schedule(schedule, rate, steps), beta_2=settings.beta_2),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )


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


class _Watch(keras.callbacks.Callback):
    """Collects the points of the curves, tells about them, and ends the training when asked to."""

    def __init__(self, lesson, validation, on_progress, should_stop):
        super().__init__()
        self.lesson, self.validation = lesson, validation
        self.on_progress = on_progress or (lambda point: None)
        self.should_stop = should_stop or (lambda: False)
        self.points: list[Point] = []
        self.stopped = False
        self.record: Path | None = None  # where the points are kept beside the checkpoints
        self._epoch = self._batches = 0
        self._began = self._looked = time.perf_counter()
        self._sums = np.zeros(3)  # batches, loss, accuracy of this epoch up to the last point

    def seconds(self):
        return time.perf_counter() - self._began

    def go_on(self, run):
        """Stand where a stopped run ended."""
        self.points, self._began = list(run.history), self._began - run.seconds
        done = round(run.history[-1]["epoch"] * self.lesson.steps)
        self.lesson.prepare(done // self.lesson.steps)
        self.lesson.skipped = done % self.lesson.steps

    def on_train_begin(self, logs=None):
        restored = getattr(self.model, "_initial_epoch", None) or 0  # set by BackupAndRestore
        if restored and self.record and self.record.exists():
            self.lesson.prepare(restored)
            kept = json.loads(self.record.read_text())
            self.points = [point for point in kept if point["epoch"] <= restored]
            self._began -= self.points[-1]["seconds"]
        elif not self.points:
            self._note(0.0, **self._validated())

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._sums = epoch, np.zeros(3)

    def on_train_batch_end(self, batch, logs=None):
        self._batches, now = batch + 1, time.perf_counter()
        if now - self._looked < UPDATE or self._batches == self.params["steps"]:
            return
        self._looked = now
        self._note_batches(logs)
        if self.should_stop():
            self.stopped = self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._note_batches(logs, **self._validated())
        if self.record:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            self.record.write_text(json.dumps(self.points))
        if not self.stopped and epoch + 1 < self.lesson.settings.epochs and self.should_stop():
            self.stopped = self.model.stop_training = True

    def _note_batches(self, logs, **more):
        """Keras reports the mean since the epoch began; a curve wants the mean since its last point."""
        total = np.array([self._batches, logs["loss"] * self._batches, logs["accuracy"] * self._batches])
        since, self._sums = total - self._sums, total
        if since[0]:
            more |= {"loss": float(since[1] / since[0]), "accuracy": float(np.clip(since[2] / since[0], 0, 1))}
        elif "loss" in self.points[-1]:  # nothing new since the last point: the end of the epoch takes its place
            more |= {name: self.points[-1][name] for name in ("loss", "accuracy")}
            self.points.pop()
        self._note(self._epoch + (self.lesson.skipped + self._batches) / self.lesson.steps, **more)

    def _note(self, epoch, **values):
        point = {"epoch": round(epoch, 4), "seen": round(epoch * self.lesson.seen), "seconds": round(self.seconds(), 3)}
        self.points.append(point | {name: round(value, 5) for name, value in values.items()})
        self.on_progress(self.points[-1])

    def _validated(self):
        if self.validation is None:
            return {}
        digits, answers = self.validation
        probabilities = _answers(self.model, digits)
        right = (probabilities * answers).sum(1)
        return {
            "val_loss": float(-np.log(np.clip(right, 1e-7, 1)).mean()),
            "val_accuracy": float((probabilities.argmax(1) == answers.argmax(1)).mean()),
        }


def _answers(model, digits):
    """(N, 28, 28, 1) float32 → (N, 10) float32."""
    return np.concatenate([model.predict_on_batch(digits[i : i + 500]) for i in range(0, len(digits), 500)])


def calibrated(bundle: ModelBundle) -> ModelBundle:
    """The same model, as sure of itself as it is right.

    Its logits are divided by the temperature that fits MNIST's validation digits best; the temperature is worked into the
    weights of the last layer, so that both files answer calibrated, and noted on the card. No guess changes.
    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks" (2017).
    """
    from scipy.optimize import minimize_scalar

    model = opened(bundle)
    digits, labels = mnist.load().validation
    logits = np.log(np.clip(_answers(model, digits[..., None].astype(np.float32)), 1e-12, 1)).astype(np.float64)

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


def _opened(keras_bytes, name):
    """A Keras model from the bytes of its file, compiled if it was saved so."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(keras_bytes)
        try:
            return keras.saving.load_model(file)
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
