"""Models from strangers: what a .keras file says is checked before anything opens it.

A file passes here when it is small, holds what Keras writes and nothing else, and is built of layers that only compute.
Only then does a process of its own open it (`digitcore.opening`), with Keras's safe mode and limits of time and memory.
"""

import functools
import io
import json
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from digitcore.errors import ModelError
from digitcore.models import ModelBundle, ModelCard, names
from digitcore.models import load as shipped

MOST_BYTES = 20_000_000  # of a file
MOST_UNPACKED = 60_000_000  # of its members together
MOST_CONFIG = 1_000_000  # characters of its config.json
MOST_LAYERS = 300
MOST_DEEP = 60  # lists and objects inside each other
PATIENCE = 240  # s for opening the first model, Keras's start on a busy machine included
EACH = 40  # s for each further one
MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
PLAIN = """
    InputLayer Sequential Functional Model Dense Conv2D SeparableConv2D DepthwiseConv2D MaxPooling2D AveragePooling2D
    GlobalAveragePooling2D GlobalMaxPooling2D Flatten Reshape Permute Dropout SpatialDropout2D BatchNormalization
    LayerNormalization GroupNormalization Activation ReLU LeakyReLU PReLU ELU Softmax Rescaling Normalization ZeroPadding2D
    Cropping2D Add Average Concatenate Maximum Multiply GaussianNoise GaussianDropout ActivityRegularization
"""
LAYERS = frozenset(PLAIN.split())
LAYER_MODULES = ("keras.layers", "keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential")
PLAIN_MODULES = ("keras.initializers", "keras.regularizers", "keras.constraints")
BROKEN = "This is no model that Keras has saved: a .keras file is needed."


def checked(data: bytes) -> bytes:
    """Look at a .keras file without opening it.

    Args:
        data: the file.

    Returns:
        The same model as a new file that holds the network and its weights, and nothing of how it was compiled.

    Raises:
        ModelError: when it is too large, broken, or holds what a network of digits does not need; the sentence says which.
    """
    if len(data) > MOST_BYTES:
        raise ModelError(f"The model's file is larger than {MOST_BYTES // 1_000_000} MB. Give a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
            _check_members(members)
            text = packed.read(CONFIG).decode()
            weights = packed.read(WEIGHTS)
            metadata = packed.read("metadata.json")
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise ModelError(BROKEN) from error
    return _packed(_plain_config(text), weights, metadata)


def opened(files: list[bytes]) -> list[ModelBundle]:
    """Open .keras files that `checked` has passed, in a process of its own; takes seconds.

    Returns:
        For each the model made like ours, see `training.adapted`, under a name that means nothing.

    Raises:
        ModelError: when one cannot be opened in time, or is no model of digits.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(files):
            (Path(folder) / f"{number}.in").write_bytes(data)
        line = [sys.executable, "-m", "digitcore.opening", folder]
        root = Path(__file__).resolve().parent.parent
        try:
            subprocess.run(line, timeout=PATIENCE + EACH * len(files), capture_output=True, cwd=root, check=False)
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                "Opening the model took too long. Try again when less goes on here, or give a smaller one."
            ) from error
        return [_outcome(Path(folder), number) for number in range(len(files))]


def known(data: bytes) -> ModelBundle | None:
    """The shipped model whose .keras file this is, or None."""
    return _shelf().get(data)


@functools.cache
def _shelf() -> dict[bytes, ModelBundle]:
    """The shipped models by their .keras files; opened once a process, since a lab asks for each of its models."""
    return {bundle.keras_bytes: bundle for bundle in map(shipped, names())}


def _check_members(members):
    found = [member.filename for member in members]
    if len(found) != len(set(found)) or set(found) != MEMBERS:
        raise ModelError(BROKEN)
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        raise ModelError(f"Unpacked, the model is larger than {MOST_UNPACKED // 1_000_000} MB. Give a smaller one.")
    if next(member.file_size for member in members if member.filename == CONFIG) > MOST_CONFIG:
        raise ModelError("The model's description is too long for a network of digits.")


def _plain_config(text) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(BROKEN) from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ModelError(BROKEN)
    config = {name: value for name, value in config.items() if name not in ("compile_config", "build_config")}
    count = _check(config)
    if count > MOST_LAYERS:
        raise ModelError(f"The model has {count:,} layers; {MOST_LAYERS} is the most.")
    return config


def _check(value, deep=0) -> int:
    """Go through all that the description names; returns how many layers there are."""
    if deep > MOST_DEEP:
        raise ModelError("The model's description is nested too deeply.")
    if isinstance(value, list):
        return sum(_check(one, deep + 1) for one in value)
    if not isinstance(value, dict):
        return 0
    inside = sum(_check(one, deep + 1) for one in value.values())
    return inside + (_check_class(value) if "class_name" in value else 0)


def _check_class(value):
    name, module = value["class_name"], value.get("module")
    if name in ("__tuple__", "__keras_tensor__") or (name == "DTypePolicy" and module in ("keras", "keras.dtype_policies")):
        return 0
    if value.get("registered_name") not in (None, name, "Functional", "Sequential"):
        raise ModelError(f"The model holds “{_short(value['registered_name'])}”, which is not Keras's own.")
    if module in LAYER_MODULES and name in LAYERS:
        return 1
    if module in PLAIN_MODULES and isinstance(name, str) and name.isidentifier():
        return 0
    raise ModelError(f"The model holds a “{_short(name)}”, which is not allowed here. Plain Keras layers are.")


def _short(name):
    return str(name)[:40]


def _packed(config, weights, metadata):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("metadata.json", metadata)
        packed.writestr(CONFIG, json.dumps(config))
        packed.writestr(WEIGHTS, weights)
    return file.getvalue()


def _outcome(folder, number):
    keras_file, tflite_file, card, said = (folder / f"{number}.{kind}" for kind in ("keras", "tflite", "json", "error"))
    if said.exists():
        raise ModelError(said.read_text(encoding="utf-8")[:300])
    if not card.exists():
        raise ModelError("The model cannot be opened: it needs more memory or time than is allowed.")
    return ModelBundle(ModelCard.from_json(card.read_text(encoding="utf-8")), keras_file.read_bytes(), tflite_file.read_bytes())
