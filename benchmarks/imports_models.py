"""Generate model files in the conventions of Keras 1 to 3 and of other programs, import them, and count the outcomes.

`generate(count, seed)` yields the files with their expected outcomes. `main` imports them and prints the counts. A file is
silently wrong if it is opened with other predictions than the saved model, or although it had to be refused, and no first
sentence warns of it.

    python benchmarks/imports_models.py [--count 100] [--seed 0]
"""

import argparse
import collections
import dataclasses
import io
import json
import random
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from keras import layers

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models import upload
from digitcore.models.adaptation import Inputs
from digitcore.models.bundle import ModelBundle
from tests.support import foreign, fuzz

N_DIGITS = 500  # test digits on which a model must agree with the saved model
MIN_AGREEMENT = 0.99
MAX_DIFFERENCE = 0.02  # of probabilities, on average
SCALES = [(0.0, 255.0), (0.0, 1.0), (-1.0, 1.0), (-0.4242, 2.8215)]
SHAPES = [(28, 28, 1), (28, 28), (784,), (1, 28, 28)]


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A generated file.

    Attributes:
        name: What it is.
        content: The bytes.
        refused_for: Words of the sentence that must refuse the file, or "" if it must be opened.
        is_calibrated: Whether the saved model's probabilities are known. Those of ten sigmoids are not.
    """

    name: str
    content: bytes
    refused_for: str = ""
    is_calibrated: bool = True


def generate(count: int = 100, seed: int = 0) -> Iterator[ModelFile]:
    """Yield files: two thirds can be opened, and one third must be refused."""
    rng = random.Random(seed)
    broken = list(_broken())
    for number in range(count):
        if number % 3 == 2:
            yield broken[number // 3 % len(broken)]
        else:
            yield _good(rng)


def _good(rng: random.Random) -> ModelFile:
    """Return a file that can be opened, of random conventions."""
    background, ink = rng.choice(SCALES)
    if rng.random() < 0.3:
        background, ink = ink, background
    inputs = Inputs(background, ink, transposed=rng.random() < 0.2)
    activation = rng.choice(["softmax", "softmax", "linear", "log_softmax", "sigmoid"])
    shape = rng.choice(SHAPES)
    functional, as_lists = rng.random() < 0.5, rng.random() < 0.3
    first = _identities(rng) if shape == (28, 28, 1) else ()
    batch_size = rng.choice([None, None, 32])
    model = foreign.linear_model(inputs, activation, shape, first, functional, as_lists, batch_size)
    form, content = _packed(rng, model, can_be_keras_1=not first and not functional)
    name = f"{form}, {background:g} to {ink:g}{' transposed' * inputs.transposed}, {activation}, shape {shape}"
    return ModelFile(name, content, is_calibrated=activation != "sigmoid")


def _identities(rng: random.Random) -> tuple[keras.layers.Layer, ...]:
    """Return layers that do not change an image in a prediction."""
    makers: list[Callable[[], keras.layers.Layer]] = [
        lambda: layers.Dropout(0.2),
        lambda: layers.SpatialDropout2D(0.2),
        lambda: layers.GaussianNoise(0.1),
        lambda: layers.RandomRotation(0.1),
        lambda: layers.RandomZoom(0.1),
        lambda: layers.RandomTranslation(0.1, 0.1),
        lambda: layers.Conv2D(1, 1, kernel_initializer="ones"),
        lambda: layers.SeparableConv2D(1, 1, depthwise_initializer="ones", pointwise_initializer="ones"),
        lambda: layers.DepthwiseConv2D(1, depthwise_initializer="ones"),
        lambda: layers.BatchNormalization(epsilon=1e-7),
        lambda: layers.LeakyReLU(negative_slope=1.0),
        lambda: layers.Activation("linear"),
    ]
    return tuple(make() for make in rng.sample(makers, rng.randint(0, 3)))


def _packed(rng: random.Random, model: keras.Model, can_be_keras_1: bool) -> tuple[str, bytes]:
    """Return the name and the content of a file of a random version of Keras."""
    forms = ["keras 3", "h5 of 3", "keras 2.15", "h5 of 2.15", "windows", "keras 2.13", "zipped", "unpacked"]
    match form := rng.choice(forms + ["keras 1", "theano"] * can_be_keras_1):
        case "keras 3":
            return form, foreign.to_keras(model)
        case "h5 of 3":
            return form, foreign.to_hdf5(model)
        case "keras 2.15":
            return form, foreign.with_config(foreign.to_keras(model), foreign.as_keras_2)
        case "h5 of 2.15":
            return form, foreign.with_config(foreign.to_hdf5(model), foreign.as_keras_2)
        case "windows":
            old = foreign.with_config(foreign.to_keras(model), foreign.as_keras_2)
            return form, foreign.with_group_names(old, foreign.as_windows)
        case "keras 2.13":
            old = foreign.with_config(foreign.to_keras(model), foreign.as_keras_2)
            return form, foreign.with_group_names(old, foreign.as_keras_2_13)
        case "zipped":
            return form, fuzz.make_zip({"__MACOSX/._m.keras": b"\0", "m.keras": foreign.to_keras(model)})
        case "unpacked":
            members = fuzz.read_zip(foreign.to_keras(model))
            return form, fuzz.make_zip({f"model/{name}": content for name, content in members.items()} | {".DS_Store": b"x"})
    return form, foreign.as_keras_1(model, backend="theano" if form == "theano" else "tensorflow")


def _broken() -> Iterator[ModelFile]:
    """Yield files that must be refused, with words of the true reason."""
    good = foreign.to_keras(foreign.linear_model())
    members = fuzz.read_zip(good)

    def network(*parts: keras.layers.Layer, shape: tuple[int, ...] = (28, 28, 1)) -> bytes:
        return foreign.to_keras(keras.Sequential([keras.Input(shape), *parts]))

    def changed(**values: object) -> bytes:
        def change(config: dict) -> dict:
            config["config"]["layers"][-1]["config"] |= values
            return config

        return foreign.with_config(good, change)

    no_numbers = foreign.linear_model()
    no_numbers.set_weights([weight * np.nan for weight in no_numbers.get_weights()])
    with_weights = io.BytesIO()
    with zipfile.ZipFile(with_weights, "w") as archive:
        archive.writestr("weights/model.weights.h5", members["model.weights.h5"])
    yield ModelFile("wrong size", network(layers.Flatten(), layers.Dense(10), shape=(32, 32, 1)), "32 × 32 × 1")
    yield ModelFile("colour", network(layers.GlobalAveragePooling2D(), layers.Dense(10), shape=(224, 224, 3)), "224 × 224 × 3")
    yield ModelFile("letters", network(layers.Flatten(), layers.Dense(26)), "outputs of shape 26")
    yield ModelFile("Lambda", network(layers.Flatten(), layers.Lambda(lambda x: x), layers.Dense(10)), "“Lambda”")
    yield ModelFile("LSTM", network(layers.LSTM(8), layers.Dense(10), shape=(28, 28)), "“LSTM”")
    yield ModelFile("NaN", foreign.to_keras(no_numbers), "not numbers")
    yield ModelFile("huge", changed(units=10**11), "weights. Use a model of at most")
    yield ModelFile("other units", changed(units=11), "Keras cannot open the model")
    yield ModelFile("unknown activation", changed(activation="os.system"), "os.system")
    yield ModelFile("unknown key", changed(colour="red"), "colour")
    yield ModelFile("cut", good[: len(good) // 2], "incomplete")
    yield ModelFile("cut h5", foreign.to_hdf5(foreign.linear_model())[:3000], "damaged")
    yield ModelFile("LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS")
    yield ModelFile("tflite", b"\x1c\0\0\0TFL3" + bytes(400), "TensorFlow Lite")
    yield ModelFile("onnx", b"\x08\x08\x12\x07pytorch\x3a\x02\x0a\x00", "ONNX")
    yield ModelFile("pt", fuzz.make_zip({"m/data.pkl": b"", "m/data/0": b""}), "PyTorch")
    yield ModelFile("SavedModel", fuzz.make_zip({"m/saved_model.pb": b"\x08\x01"}), "SavedModel")
    yield ModelFile("empty in a ZIP file", fuzz.make_zip({"keras_model.h5": b"", "labels.txt": "0 a"}), "file is empty")
    yield ModelFile("weights only", with_weights.getvalue(), "only weights and no network")
    yield ModelFile("text", b"hello", "text file")
    yield ModelFile("empty", b"", "file is empty")
    yield ModelFile("picture", b"\x89PNG\r\n\x1a\n" + bytes(99), "not a model saved by Keras")
    yield ModelFile("JSON only", json.dumps({"class_name": "Sequential"}).encode(), "contains no weights")


def judge(file: ModelFile, outcome: ModelBundle | ModelError, digits: np.ndarray) -> str:
    """Return "right", "refused" or "silently wrong". A refusal with a false reason is also wrong."""
    if isinstance(outcome, ModelError):
        return "refused" if file.refused_for and file.refused_for in str(outcome) else "wrongly refused"
    if file.refused_for:
        return "silently wrong"
    expected = foreign.expected_logits(digits)
    probabilities = outcome.predictor().probabilities(digits)
    agrees = (probabilities.argmax(1) == expected.argmax(1)).mean() >= MIN_AGREEMENT
    if file.is_calibrated:
        exponentials = np.exp(expected - expected.max(1, keepdims=True))
        agrees &= np.abs(probabilities - exponentials / exponentials.sum(1, keepdims=True)).mean() < MAX_DIFFERENCE
    is_warned = upload.describe_import(outcome).startswith("The model predicts only")
    return "right" if agrees else "right, with a warning" if is_warned else "silently wrong"


def main() -> None:
    """Import the files and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    files = list(generate(arguments.count, arguments.seed))
    begin = time.monotonic()
    outcomes: dict[int, ModelBundle | ModelError] = {}
    checked: dict[int, bytes] = {}
    tracebacks = 0
    for number, file in enumerate(files):
        try:
            checked[number] = upload.check(file.content)
        except ModelError as error:
            outcomes[number] = error
        except Exception as error:  # noqa: BLE001 Every other error is a fault that this program counts.
            tracebacks += 1
            print(f"traceback: {file.name}: {type(error).__name__}: {error}")
    outcomes |= dict(zip(checked, upload.open_each(list(checked.values())), strict=True))
    digits = mnist.load().test_images[:N_DIGITS]
    counts: collections.Counter[str] = collections.Counter()
    for number, outcome in sorted(outcomes.items()):
        verdict = judge(files[number], outcome, digits)
        counts[verdict] += 1
        if verdict not in ("right", "refused"):
            print(f"{verdict}: {files[number].name}: {outcome!r}")
    names = ("right", "refused", "right, with a warning", "wrongly refused", "silently wrong")
    print(
        f"{len(files)} files in {time.monotonic() - begin:.0f} s: " + ", ".join(f"{counts[name]} {name}" for name in names),
        end="",
    )
    print(f", {tracebacks} tracebacks")


if __name__ == "__main__":
    main()
