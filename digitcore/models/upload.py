"""Imported .keras files: checked before anything opens them, then opened in a process of their own.

A file passes when it is small, holds what Keras writes and nothing else, and is built of layers that only compute. Only then
does `digitcore.models.sandbox` open it, with Keras's safe mode and limits of time and memory, and measure what it costs.
"""

import contextlib
import functools
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digitcore.errors import ZIP_ERRORS, CancelledError, ModelError
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle, ModelCard

MAX_BYTES = 20_000_000  # of a file
MAX_UNPACKED = 60_000_000  # of its members together
MAX_CONFIG = 1_000_000  # characters of its config.json
MAX_LAYERS = 300
MAX_NESTING = 60  # lists and objects inside each other
STARTUP_TIMEOUT = 240  # s for opening the first model, Keras's start on a busy machine included
TIMEOUT_PER_MODEL = 40  # s for each further one
POLL_INTERVAL = 0.1  # s
TOO_LONG = "Opening the model took too long. Try again when less goes on here, or give a smaller one."
ShouldStop = Callable[[], bool]
CONFIG_FILE, WEIGHTS_FILE, METADATA_FILE = "config.json", "model.weights.h5", "metadata.json"
MEMBERS = {METADATA_FILE, CONFIG_FILE, WEIGHTS_FILE}
LAYERS = frozenset(
    [
        "InputLayer",
        "Sequential",
        "Functional",
        "Model",
        "Dense",
        "Conv2D",
        "SeparableConv2D",
        "DepthwiseConv2D",
        "MaxPooling2D",
        "AveragePooling2D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "Flatten",
        "Reshape",
        "Permute",
        "Dropout",
        "SpatialDropout2D",
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "Activation",
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "ELU",
        "Softmax",
        "Rescaling",
        "Normalization",
        "ZeroPadding2D",
        "Cropping2D",
        "Add",
        "Average",
        "Concatenate",
        "Maximum",
        "Multiply",
        "GaussianNoise",
        "GaussianDropout",
        "ActivityRegularization",
    ]
)
LAYER_MODULES = ("keras.layers", "keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential")
HELPER_MODULES = ("keras.initializers", "keras.regularizers", "keras.constraints")
NOT_KERAS = "This is no model that Keras has saved: a .keras file is needed."


def check(content: bytes) -> bytes:
    """Check a .keras file without opening it.

    Args:
        content: the file.

    Returns:
        The same model as a new file that holds the network and its weights, and nothing of how it was compiled.

    Raises:
        ModelError: when it is too large, broken, or holds what a network of digits does not need; the message says which.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"The model's file is larger than {MAX_BYTES // 1_000_000} MB. Give a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive.infolist())
            config = archive.read(CONFIG_FILE).decode()
            weights = archive.read(WEIGHTS_FILE)
            metadata = archive.read(METADATA_FILE)
    except ZIP_ERRORS as error:
        raise ModelError(NOT_KERAS) from error
    return _pack(_check_config(config), weights, metadata)


def _go_on() -> bool:
    return False


def open_checked(files: list[bytes], should_stop: ShouldStop = _go_on) -> list[ModelBundle]:
    """Open .keras files that `check` has passed, in a process of its own; takes seconds.

    Args:
        files: .keras files.
        should_stop: asked a few times a second.

    Returns:
        Each model as by `keras_io.adapt`, under a placeholder name.

    Raises:
        ModelError: when one cannot be opened in time, is no model of digits, or costs too much to use.
        CancelledError: when it was stopped.
    """
    outcomes = open_each(files, should_stop)
    for outcome in outcomes:
        if isinstance(outcome, ModelError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, ModelBundle)]


def open_each(files: list[bytes], should_stop: ShouldStop = _go_on) -> list[ModelBundle | ModelError]:
    """As `open_checked`, but a model that cannot be opened gives its error in its place."""
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(files):
            (Path(folder) / f"{number}.in").write_bytes(content)
        command = [sys.executable, "-m", "digitcore.models.sandbox", folder]
        if not _run(command, STARTUP_TIMEOUT + TIMEOUT_PER_MODEL * len(files), should_stop):
            return [ModelError(TOO_LONG) for _ in files]
        return [_read_outcome(Path(folder), number) for number in range(len(files))]


def _run(command: list[str], timeout: float, should_stop: ShouldStop) -> bool:
    """Run a process to its end, and all that it starts; False when it was ended because it took too long.

    Raises:
        CancelledError: when it was stopped.
    """
    end = time.monotonic() + timeout
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True) as process:
        try:
            while process.poll() is None:
                if should_stop():
                    raise CancelledError("Stopped. Nothing was opened.")
                if time.monotonic() > end:
                    return False
                time.sleep(POLL_INTERVAL)
            return True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def find_shipped(content: bytes) -> ModelBundle | None:
    """The shipped model whose .keras file this is, or None."""
    return _shipped_by_content().get(content)


@functools.cache
def _shipped_by_content() -> dict[bytes, ModelBundle]:
    """The shipped models by their .keras files; loaded once a process, since a lab asks for each of its models."""
    return {bundle.keras_bytes: bundle for bundle in map(registry.load, registry.names())}


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    found = [member.filename for member in members]
    if len(found) != len(set(found)) or set(found) != MEMBERS:
        raise ModelError(NOT_KERAS)
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise ModelError(f"Unpacked, the model is larger than {MAX_UNPACKED // 1_000_000} MB. Give a smaller one.")
    if next(member.file_size for member in members if member.filename == CONFIG_FILE) > MAX_CONFIG:
        raise ModelError("The model's description is too long for a network of digits.")


def _check_config(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(NOT_KERAS) from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ModelError(NOT_KERAS)
    config = {name: value for name, value in config.items() if name not in ("compile_config", "build_config")}
    n_layers = _count_layers(config)
    if n_layers > MAX_LAYERS:
        raise ModelError(f"The model has {n_layers:,} layers; {MAX_LAYERS} is the most.")
    return config


def _count_layers(value: Any, depth: int = 0) -> int:
    """Check every class that the configuration names; returns the number of layers."""
    if depth > MAX_NESTING:
        raise ModelError("The model's description is nested too deeply.")
    if isinstance(value, list):
        return sum(_count_layers(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return 0
    nested = sum(_count_layers(item, depth + 1) for item in value.values())
    return nested + (_check_class(value) if "class_name" in value else 0)


def _check_class(value: dict[str, Any]) -> int:
    """1 for a layer, 0 for an allowed helper."""
    name, module = value["class_name"], value.get("module")
    if name in ("__tuple__", "__keras_tensor__") or (name == "DTypePolicy" and module in ("keras", "keras.dtype_policies")):
        return 0
    if value.get("registered_name") not in (None, name, "Functional", "Sequential"):
        raise ModelError(f"The model holds “{_shorten(value['registered_name'])}”, which is not Keras's own.")
    if isinstance(name, str) and module in LAYER_MODULES and name in LAYERS:
        return 1
    if module in HELPER_MODULES and isinstance(name, str) and name.isidentifier():
        return 0
    raise ModelError(f"The model holds a “{_shorten(name)}”, which is not allowed here. Plain Keras layers are.")


def _shorten(name: object) -> str:
    return str(name)[:40]


def _pack(config: dict[str, Any], weights: bytes, metadata: bytes) -> bytes:
    file = io.BytesIO()
    members: dict[str, bytes | str] = {METADATA_FILE: metadata, CONFIG_FILE: json.dumps(config), WEIGHTS_FILE: weights}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time: a model is known by its bytes
    return file.getvalue()


def _read_outcome(folder: Path, number: int) -> ModelBundle | ModelError:
    keras_file, tflite_file, card, message = (folder / f"{number}.{suffix}" for suffix in ("keras", "tflite", "json", "error"))
    if message.exists():
        return ModelError(message.read_text(encoding="utf-8")[:300])
    if not card.exists():
        return ModelError("The model cannot be opened: it needs more memory or time than is allowed.")
    return ModelBundle(ModelCard.from_json(card.read_text(encoding="utf-8")), keras_file.read_bytes(), tflite_file.read_bytes())
