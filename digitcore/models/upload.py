"""Import of untrusted .keras files. A file is checked first, and then opened in a separate process.

The check accepts a small file that contains exactly the members that Keras writes, and only layers that compute. Then
`digitcore.models.sandbox` opens it in Keras's safe mode, with limits of time and memory, and measures the cost of a prediction.
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

MAX_BYTES = 20_000_000  # size of a file
MAX_UNPACKED = 60_000_000  # size of all members in bytes
MAX_CONFIG = 1_000_000  # size of config.json in bytes
MAX_LAYERS = 300
MAX_NESTING = 60  # levels of lists and objects in config.json
STARTUP_TIMEOUT = 240  # s to start Keras on a busy machine
TIMEOUT_PER_MODEL = 40  # s to open a model
POLL_INTERVAL = 0.1  # s
TOO_LONG = "The model took too long to check. Try again later, or use a smaller model."
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
NOT_KERAS = "The file is not a model saved by Keras. Choose a .keras file."
TOO_COSTLY = "The model needs more memory or time than the limit. Use a smaller model."
MAX_MESSAGE = 300  # characters of an error message from the sandbox


def check(content: bytes) -> bytes:
    """Check a .keras file without opening it in Keras.

    Args:
        content: Content of the untrusted file.

    Returns:
        Content of a new file with the same network and weights, without the compile configuration.

    Raises:
        ModelError: If the file is too large or damaged, or contains something that a network does not need. The message says
            which.

    Example:
        >>> from digitcore import models
        >>> checked = check(models.load("mlp").keras_bytes)
        >>> check(checked) == checked
        True
        >>> check(b"hello")
        Traceback (most recent call last):
        digitcore.errors.ModelError: The file is not a model saved by Keras. Choose a .keras file.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive.infolist())
            config = archive.read(CONFIG_FILE).decode()
            weights = archive.read(WEIGHTS_FILE)
            metadata = archive.read(METADATA_FILE)
    except ZIP_ERRORS as error:
        raise ModelError(NOT_KERAS) from error
    return _pack(_check_config(config), weights, metadata)


def _never_stop() -> bool:
    """Return False: the default of `should_stop`."""
    return False


def open_checked(files: list[bytes], should_stop: ShouldStop = _never_stop) -> list[ModelBundle]:
    """Open .keras files in a separate process, which takes seconds.

    Args:
        files: Contents of .keras files from `check`.
        should_stop: Called several times a second. If it returns True, the work is cancelled.

    Returns:
        The models, adapted as by `keras_io.adapt`. Their names are numbers.

    Raises:
        ModelError: If a model cannot be opened in time, does not classify digits, or is too slow or too large.
        CancelledError: If `should_stop` returned True.

    Example:
        >>> from digitcore import models
        >>> open_checked([check(models.load("mlp").keras_bytes)])  # doctest: +SKIP
        [ModelBundle('0', network='imported', parameters=238510, trained=True, mnist_accuracy=None)]
    """
    outcomes = open_each(files, should_stop)
    for outcome in outcomes:
        if isinstance(outcome, ModelError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, ModelBundle)]


def open_each(files: list[bytes], should_stop: ShouldStop = _never_stop) -> list[ModelBundle | ModelError]:
    """Open .keras files in a separate process, and return an error for each model that cannot be opened.

    Args:
        files: Contents of .keras files from `check`.
        should_stop: Called several times a second. If it returns True, the work is cancelled.

    Returns:
        For each file the model, or the error that `open_checked` would raise.

    Raises:
        CancelledError: If `should_stop` returned True.

    Example:
        >>> open_each([])
        []
    """
    if not files:
        return []
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(files):
            (Path(folder) / f"{number}.in").write_bytes(content)
        command = [sys.executable, "-m", "digitcore.models.sandbox", folder]
        if not _run(command, STARTUP_TIMEOUT + TIMEOUT_PER_MODEL * len(files), should_stop):
            return [ModelError(TOO_LONG) for _ in files]
        return [_read_outcome(Path(folder), number) for number in range(len(files))]


def _run(command: list[str], timeout: float, should_stop: ShouldStop) -> bool:
    """Run a process, then kill the processes that it started. Return False if it exceeded the timeout.

    Raises:
        CancelledError: If `should_stop` returned True.
    """
    end = time.monotonic() + timeout
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True) as process:
        try:
            while process.poll() is None:
                if should_stop():
                    raise CancelledError("The import was stopped. No model was opened.")
                if time.monotonic() > end:
                    return False
                time.sleep(POLL_INTERVAL)
            return True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def find_shipped(content: bytes) -> ModelBundle | None:
    """Find the shipped model with this .keras file.

    Args:
        content: Content of a .keras file.

    Returns:
        The shipped model, or None if no shipped model has this file.

    Example:
        >>> from digitcore import models
        >>> find_shipped(models.load("mlp").keras_bytes).name
        'mlp'
        >>> find_shipped(b"hello") is None
        True
    """
    return _shipped_by_content().get(content)


@functools.cache
def _shipped_by_content() -> dict[bytes, ModelBundle]:
    """Return the shipped models by the content of their .keras files. They are loaded once, because a lab looks up each model."""
    return {bundle.keras_bytes: bundle for bundle in map(registry.load, registry.names())}


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Check the names and the unpacked sizes before anything is unpacked."""
    found = [member.filename for member in members]
    if len(found) != len(set(found)) or set(found) != MEMBERS:
        raise ModelError(NOT_KERAS)
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise ModelError(f"The unpacked model is larger than {MAX_UNPACKED // 1_000_000} MB. Use a smaller model.")
    if next(member.file_size for member in members if member.filename == CONFIG_FILE) > MAX_CONFIG:
        raise ModelError("The model's configuration is too long. Use a model with fewer layers.")


def _check_config(text: str) -> dict[str, Any]:
    """Parse and check config.json. Return it without the compile configuration."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(NOT_KERAS) from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ModelError(NOT_KERAS)
    config = {name: value for name, value in config.items() if name not in ("compile_config", "build_config")}
    n_layers = _count_layers(config)
    if n_layers > MAX_LAYERS:
        raise ModelError(f"The model has {n_layers:,} layers. Use a model of at most {MAX_LAYERS}.")
    return config


def _count_layers(value: Any, depth: int = 0) -> int:
    """Check every class in the configuration, and return the number of layers."""
    if depth > MAX_NESTING:
        raise ModelError("The model's configuration is nested too deeply. Use a simpler model.")
    if isinstance(value, list):
        return sum(_count_layers(item, depth + 1) for item in value)
    if not isinstance(value, dict):
        return 0
    nested = sum(_count_layers(item, depth + 1) for item in value.values())
    return nested + (_check_class(value) if "class_name" in value else 0)


def _check_class(value: dict[str, Any]) -> int:
    """Return 1 for a layer, and 0 for an allowed helper such as an initializer."""
    name, module = value["class_name"], value.get("module")
    if name in ("__tuple__", "__keras_tensor__") or (name == "DTypePolicy" and module in ("keras", "keras.dtype_policies")):
        return 0
    if value.get("registered_name") not in (None, name, "Functional", "Sequential"):
        raise ModelError(
            f"The model contains “{_shorten(value['registered_name'])}”, which is not a Keras class. Use Keras layers."
        )
    if isinstance(name, str) and module in LAYER_MODULES and name in LAYERS:
        return 1
    if module in HELPER_MODULES and isinstance(name, str) and name.isidentifier():
        return 0
    raise ModelError(f"The model contains “{_shorten(name)}”, which is not allowed. Use standard Keras layers.")


def _shorten(name: object) -> str:
    return str(name)[:40]


def _pack(config: dict[str, Any], weights: bytes, metadata: bytes) -> bytes:
    file = io.BytesIO()
    members: dict[str, bytes | str] = {METADATA_FILE: metadata, CONFIG_FILE: json.dumps(config), WEIGHTS_FILE: weights}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # No time stamp: equal models have equal bytes.
    return file.getvalue()


def _read_outcome(folder: Path, number: int) -> ModelBundle | ModelError:
    """Read the files that the sandbox wrote for a model. It wrote none if a limit ended it."""
    keras_file, tflite_file, card, message = (folder / f"{number}.{suffix}" for suffix in ("keras", "tflite", "json", "error"))
    if message.exists():
        return ModelError(message.read_text(encoding="utf-8")[:MAX_MESSAGE])
    if not card.exists():
        return ModelError(TOO_COSTLY)
    return ModelBundle(ModelCard.from_json(card.read_text(encoding="utf-8")), keras_file.read_bytes(), tflite_file.read_bytes())
