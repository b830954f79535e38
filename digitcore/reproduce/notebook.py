"""A run as a notebook of plain Keras code, which needs TensorFlow and not this package.

The notebook trains the same network on the same digits with the same optimizer. Its batches have another order, so its accuracy
differs from the run's accuracy as two seeds do.
"""

import json
from typing import Any

from digitcore.mnist import TRAINING_SIZE
from digitcore.reproduce import keras_code
from digitcore.reproduce.experiment import START_FOLDER, Experiment
from digitcore.training.settings import SGD_MOMENTUM, TrainSettings

DATA_FILE = "data.npz"
INTRODUCTION = """# {name}

This notebook trains the model “{name}” again with plain Keras. It needs `tensorflow` and the files beside it. The batches have
another order than in Digit Lab, so the accuracy differs as the accuracies of two seeds do."""
SETUP = """import math
from pathlib import Path

import keras
import numpy as np

SEED = {seed}
keras.utils.set_random_seed(SEED)"""
MNIST = """# A file mnist.npz beside the notebook is used, so that the notebook also runs without a network.
if Path("mnist.npz").exists():
    with np.load("mnist.npz") as arrays:
        x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
else:
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_validation, y_validation = x_train[{training}:][:{validation}], y_train[{training}:][:{validation}]
x_train, y_train = x_train[:{training}], y_train[:{training}]"""
CHOICE = """rng = np.random.default_rng(SEED)
chosen = rng.choice(len(x_train), {n}, replace=False)"""
OVERSAMPLE = """wanted = np.flatnonzero(np.isin(y_train, {digits}))
chosen[: {half}] = rng.choice(wanted, {half}, replace={half} > len(wanted))"""
OWN = """# The drawings with their variants, and generated digits. The label -1 marks an image that shows no digit.
with np.load("data.npz") as data:
    x_own, y_own, w_own, x_held_out, y_held_out = (
        data[name] for name in ("images", "labels", "weights", "held_out_images", "held_out_labels")
    )"""
NO_OWN = """x_own, y_own, w_own = np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), np.zeros(0)
x_held_out, y_held_out = x_own, y_own"""
TRAINING_SET = """images = np.concatenate([x_own, x_train[chosen]])[..., None].astype("float32")
labels = np.concatenate([y_own, y_train[chosen]]).astype(int)
targets = np.where(labels[:, None] < 0, 0.1, np.eye(10)[labels]).astype("float32")
weights = np.concatenate([w_own, np.ones(len(chosen))])
weights = weights / weights.mean()
print(len(images), "digits in an epoch")"""
BUILT = """network = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        {layers},
    ]
)
network.summary()"""
START_WEIGHTS = """start = keras.models.load_model("{folder}/model.keras", compile=False)
network.set_weights(start.get_weights())"""
LOADED = """start = keras.models.load_model("{folder}/model.keras", compile=False)
network = keras.models.clone_model(start)
network.set_weights(start.get_weights())"""
SCHEDULES = {
    "constant": "learning_rate = {rate}",
    "cosine": """steps = {epochs} * math.ceil(len(images) / {batch})
rise = max(1, round(steps / 12))
learning_rate = keras.optimizers.schedules.CosineDecay(
    {rate} / 20, max(1, steps - rise), alpha=0.01, warmup_target={rate}, warmup_steps=rise
)""",
    "triangular": """steps = {epochs} * math.ceil(len(images) / {batch})
rise = max(1, steps // 4)
learning_rate = keras.optimizers.schedules.PiecewiseConstantDecay(
    list(range(1, steps)),
    [{rate} * min((step + 1) / rise, (steps - step) / max(1, steps - rise)) for step in range(steps)],
)""",
}
AUGMENTED = """augmentation = [
    keras.layers.RandomRotation(10 / 360, fill_mode="constant"),
    keras.layers.RandomShear(0.2, 0.0, fill_mode="constant"),
    keras.layers.RandomZoom(0.12, fill_mode="constant"),
    keras.layers.RandomTranslation(1.5 / 28, 1.5 / 28, fill_mode="constant"),
]
model = keras.Sequential([keras.Input((28, 28, 1)), *augmentation, network])"""
FIT = """model.compile(
    optimizer={optimizer},
    loss=keras.losses.CategoricalCrossentropy(label_smoothing={smoothing}),
    metrics=["accuracy"],
)
history = model.fit(
    images,
    targets,
    sample_weight=weights,
    batch_size={batch},
    epochs={epochs},
    validation_data=(x_validation[..., None].astype("float32"), np.eye(10)[y_validation]),
    callbacks={callbacks},
    verbose=2,
)"""
INTERPOLATION = """pairs = zip(network.get_weights(), start.get_weights(), strict=True)
network.set_weights([{kept} * trained + {share} * before for trained, before in pairs])"""
RESULT = """def accuracy(digits, labels):
    probabilities = network.predict(digits[..., None].astype("float32"), batch_size=500, verbose=0)
    return float((probabilities.argmax(1) == labels).mean())


mnist_accuracy = accuracy(x_test, y_test)
print(f"MNIST's test digits: {mnist_accuracy:.2%}")
if len(y_held_out):
    print(f"Held-out drawings: {accuracy(x_held_out, y_held_out):.2%}")
network.save("model.keras")"""


def notebook(experiment: Experiment) -> str:
    """Return a notebook that trains the model again with plain Keras.

    Args:
        experiment: The experiment.

    Returns:
        A notebook in the format 4.5, as JSON.

    Example:
        >>> json.loads(notebook(Experiment.of_recipe("mlp")))["nbformat"]
        4
    """
    settings = experiment.settings.resolved(experiment.is_fine_tuning)
    cells = [
        _text("introduction", INTRODUCTION.format(name=experiment.name) + _limits(experiment, settings)),
        _code("setup", SETUP.format(seed=settings.seed)),
        _text("data", "## Data"),
        _code("mnist", MNIST.format(training=TRAINING_SIZE, validation=settings.validation_samples)),
        _code("choice", _choice(settings)),
        _code("own", OWN if has_own_digits(experiment) else NO_OWN),
        _code("training-set", TRAINING_SET),
        _text("network", "## Network"),
        *[_code(f"network-{number}", source) for number, source in enumerate(_network(experiment))],
        _text("training", "## Training"),
        _code("fit", _training(settings)),
        *_interpolation(experiment, settings),
        _text("result", "## Result"),
        _code("accuracy", RESULT),
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False)


def has_own_digits(experiment: Experiment) -> bool:
    """Return whether the notebook needs the file with drawings and generated digits.

    Args:
        experiment: The experiment.

    Example:
        >>> has_own_digits(Experiment.of_recipe("mlp")), has_own_digits(Experiment.of_recipe("genius"))
        (False, True)
    """
    settings = experiment.settings
    return bool(len(experiment.samples) or settings.synthetic_samples or settings.pen_samples or settings.non_digit_samples)


def _limits(experiment: Experiment, settings: TrainSettings) -> str:
    """Return sentences about what the notebook leaves out."""
    missing = [
        "corrupted digits" if settings.corrupted_share else "",
        f"the noise “{settings.noise}”" if settings.noise != "none" else "",
    ]
    texts = [f"It leaves out {' and '.join(filter(None, missing))}." if any(missing) else ""]
    if settings.augment:
        texts.append("Its augmentation is Keras's, which has no elastic distortion and also changes the drawings.")
    if settings.synthetic_samples or settings.pen_samples or settings.non_digit_samples:
        texts.append("It uses the same generated digits and non-digits in each epoch.")
    texts.append("It does not calibrate the probabilities, which does not change the predicted digits.")
    return "\n\n" + " ".join(filter(None, [*texts, experiment.warning]))


def _choice(settings: TrainSettings) -> str:
    source = CHOICE.format(n=settings.mnist_samples)
    if settings.oversample and settings.mnist_samples:
        digits = [int(digit) for digit in settings.oversample]
        source += "\n" + OVERSAMPLE.format(digits=digits, half=settings.mnist_samples // 2)
    return source


def _network(experiment: Experiment) -> list[str]:
    """Return the code of the network, and the code that sets its initial weights."""
    found = keras_code.layers(experiment.layers_file)
    if not found:
        return [LOADED.format(folder=START_FOLDER)]
    built = BUILT.format(layers=",\n        ".join(found))
    return [built, START_WEIGHTS.format(folder=START_FOLDER)] if experiment.start else [built]


def _training(settings: TrainSettings) -> str:
    options: dict[str, Any] = {"rate": settings.learning_rate, "epochs": settings.epochs, "batch": settings.batch_size}
    callbacks = (
        f'[keras.callbacks.EarlyStopping("val_loss", patience={settings.early_stopping})]' if settings.early_stopping else "[]"
    )
    fit = FIT.format(optimizer=_optimizer(settings), smoothing=settings.label_smoothing, callbacks=callbacks, **options)
    model = AUGMENTED if settings.augment else "model = network"
    return "\n".join([SCHEDULES[settings.schedule].format(**options), model, fit])


def _optimizer(settings: TrainSettings) -> str:
    options = {
        "weight_decay": settings.weight_decay or None,
        "use_ema": settings.ema_momentum > 0 or None,
        "ema_momentum": settings.ema_momentum or None,
        **({"momentum": SGD_MOMENTUM} if settings.optimizer == "sgd" else {"beta_2": settings.beta_2}),
    }
    kind = {"sgd": "SGD", "adamw": "AdamW"}.get(settings.optimizer, "Adam")
    arguments = ["learning_rate", *(f"{name}={value!r}" for name, value in options.items() if value is not None)]
    return f"keras.optimizers.{kind}({', '.join(arguments)})"


def _interpolation(experiment: Experiment, settings: TrainSettings) -> list[dict[str, Any]]:
    share = settings.weight_interpolation or 0.0
    if not share or experiment.start is None:
        return []
    text = _text("interpolation", "The weights become the weighted mean of the trained and the initial weights.")
    return [text, _code("mean", INTERPOLATION.format(kept=round(1 - share, 6), share=share))]


def _text(id: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(id: str, source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "id": id, "metadata": {}, "outputs": [], "source": lines}
