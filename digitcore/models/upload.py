"""Import of untrusted models: `.keras` files of Keras 2 and 3, and HDF5 files of Keras 1 to 3.

A file is checked first, and then opened in a separate process. The check accepts a small file that contains exactly the members
that Keras writes, and only layers without code. Then `digitcore.models.sandbox` opens it in Keras's safe mode, with limits of
time and memory, and measures the scale of the inputs, the kind of the outputs and the cost of a prediction. `digitcore.isolation`
keeps the process from foreign files, the network and other processes. An HDF5 file is checked in the sandbox, because a library
in C reads it.
"""

import contextlib
import functools
import importlib.util
import io
import json
import logging
import os
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from digitcore import isolation, mnist
from digitcore.errors import ZIP_ERRORS, CancelledError, DatasetNotFoundError, ModelError
from digitcore.models import registry, size_estimate
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.models.config_translation import translate
from digitcore.models.cost import Cost
from digitcore.models.file_kinds import NOT_KERAS, describe_unsupported, is_hdf5
from digitcore.values import percent
from digitcore.zip_files import user_files, without_top_folder

MAX_BYTES = 20_000_000  # size of a file
MAX_UNPACKED = 60_000_000  # size of all members in bytes
MAX_CONFIG = 1_000_000  # size of config.json in bytes
MAX_LAYERS = 160  # The conversion to .tflite takes 0.2 s of processor time for each layer.
MAX_NESTING = 60  # levels of lists and objects in config.json
MAX_WEIGHTS = 5_000_000
MAX_OUTPUT = 200_000  # values that a layer returns for one digit; a batch then exceeds `cost.MAX_MEGABYTES`
MAX_CPU_SECONDS = 100  # processor time to open a model
MAX_ADDRESS_SPACE = 8 << 30  # bytes of memory to open a model, more than TensorFlow reserves
STARTUP_TIMEOUT = 240  # s to start Keras on a busy machine
TIMEOUT_PER_MODEL = 40  # s to open a model
MEASURE_TIMEOUT = 60  # s to measure the cost of predictions
POLL_INTERVAL = 0.1  # s
SANDBOX = "digitcore.models.sandbox"
PROBES_FILE = "probes.npz"
logger = logging.getLogger(__name__)
MIN_ACCURACY = 0.8  # share of MNIST's digits below which an import warns
INPUT_NAMES = {(0, 255): "0 to 255", (0, 1): "0 to 1", (-1, 1): "-1 to 1"}  # values for background and ink
ZIPPED_SUFFIXES = (".keras", ".h5", ".hdf5")
WEIGHTS_SUFFIX = ".weights.h5"  # of a file of weights, as Keras 3 requires it
MAX_NAMED = 5  # models in an error message
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
        "CenterCrop",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "Flatten",
        "Reshape",
        "Permute",
        "Dropout",
        "SpatialDropout2D",
        "AlphaDropout",
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "UnitNormalization",
        "Activation",
        "Identity",
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "ELU",
        "Softmax",
        "Rescaling",
        "Resizing",
        "Normalization",
        "ZeroPadding2D",
        "Cropping2D",
        "Add",
        "Average",
        "Concatenate",
        "Maximum",
        "Minimum",
        "Multiply",
        "Subtract",
        "GaussianNoise",
        "GaussianDropout",
        "ActivityRegularization",
    ]
)
LAYER_MODULES = ("keras.layers", "keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential")
HELPER_MODULES = ("keras.initializers", "keras.regularizers", "keras.constraints")
TOO_MUCH_MEMORY = "The model needs more memory than the import may use. Use a smaller model."
TOO_MUCH_TIME = f"The model needs more than {MAX_CPU_SECONDS} s of processor time to open. Use a smaller model."
TOO_LONG_CONFIG = "The model's configuration is too long. Use a model with fewer layers."
MEMORY_ERRORS = ("bad_alloc", "MemoryError", "Cannot allocate memory", "OOM when allocating")  # texts on stderr
MAX_MESSAGE = 300  # characters of an error message from the sandbox
STDERR_TAIL = 4000  # bytes


def check(content: bytes) -> bytes:
    """Check a model file without opening it in Keras.

    Args:
        content: Content of the untrusted file: a .keras file, an HDF5 file, or a ZIP file that contains one of them and any other
            files.

    Returns:
        Content of a new .keras file with the same network and weights, in the form of Keras 3, without the compile configuration.
        An HDF5 file is returned unchanged. The sandbox checks it.

    Raises:
        ModelError: If the file is too large or damaged, of another kind, or contains a part that a network does not need. The
            message names the reason.

    Example:
        >>> from digitcore import models
        >>> checked = check(models.load("mlp").keras_bytes)
        >>> check(checked) == checked
        True
        >>> check(b"hello")
        Traceback (most recent call last):
        digitcore.errors.ModelError: This is a text file, not a model. Choose a .keras or .h5 file.
    """
    if len(content) > MAX_BYTES:
        raise ModelError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    if is_hdf5(content):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = without_top_folder(user_files(archive))
            models = [] if CONFIG_FILE in members and WEIGHTS_FILE in members else _find_models(members)
            if models:
                inner = _read_only_model(archive, members, models)
            else:
                _check_members(members, content)
                text, weights, metadata = (archive.read(members[name]) for name in (CONFIG_FILE, WEIGHTS_FILE, METADATA_FILE))
                inner = None
        if inner is not None:
            return _check_inner(inner)
        config = check_config(text.decode())
    except ZIP_ERRORS as error:
        raise ModelError(describe_unsupported(content)) from error
    return pack({METADATA_FILE: metadata, CONFIG_FILE: json.dumps(config).encode(), WEIGHTS_FILE: weights})


def _find_models(members: dict[str, zipfile.ZipInfo]) -> list[str]:
    """Return the paths of the model files in a ZIP file, such as a repository. A file of weights is not a model."""
    return [path for path in members if path.lower().endswith(ZIPPED_SUFFIXES) and not path.lower().endswith(WEIGHTS_SUFFIX)]


def _read_only_model(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], models: list[str]) -> bytes:
    if len(models) > 1:
        named = ", ".join(f"“{path[-60:]}”" for path in models[:MAX_NAMED])
        more = f" and {len(models) - MAX_NAMED:,} more" * (len(models) > MAX_NAMED)
        raise ModelError(f"The ZIP file contains several models: {named}{more}. Unpack it, and choose one model alone.")
    if members[models[0]].file_size > MAX_BYTES:
        raise ModelError(f"The model is larger than {MAX_BYTES // 1_000_000} MB. Use a smaller model.")
    return archive.read(members[models[0]])


def _check_inner(content: bytes) -> bytes:
    """Check the only model file of a ZIP file. Deeper nested ZIP files are not unpacked."""
    with contextlib.suppress(*ZIP_ERRORS), zipfile.ZipFile(io.BytesIO(content)) as archive:
        if CONFIG_FILE not in without_top_folder(user_files(archive)):
            raise ModelError(describe_unsupported(content))
    return check(content)


def _never_stop() -> bool:
    """Return False: the default of `should_stop`."""
    return False


def open_checked(files: list[bytes], should_stop: ShouldStop = _never_stop) -> list[ModelBundle]:
    """Open .keras files in a separate process, which takes seconds.

    Args:
        files: Contents of .keras files from `check`.
        should_stop: Called several times a second. If it returns True, the work is cancelled.

    Returns:
        The models, adapted to the inputs and outputs of Digit Lab. Their names are numbers.

    Raises:
        ModelError: If a model cannot be opened in time, does not classify digits, or is too slow or too large.
        CancelledError: If `should_stop` returned True.

    Example:
        >>> from digitcore import models
        >>> open_checked([check(models.load("mlp").keras_bytes)])  # doctest: +SKIP
        [ModelBundle('0', network='imported', parameters=238510, trained=True, mnist_accuracy=None)]
    """
    with contextlib.suppress(DatasetNotFoundError):
        mnist.load_probes()  # A model of Digit Lab needs no MNIST. For another model, the sandbox cannot download it.
    outcomes = open_each(files, should_stop)
    for outcome in outcomes:
        if isinstance(outcome, ModelError):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, ModelBundle)]


def open_each(files: list[bytes], should_stop: ShouldStop = _never_stop) -> list[ModelBundle | ModelError]:
    """Open model files in a separate process, and return an error for each model that cannot be opened.

    If a model ends the process, a new process opens the models that follow.

    Args:
        files: Contents of files from `check`.
        should_stop: Called several times a second. If it returns True, the work is cancelled.

    Returns:
        For each file the model, or the error that `open_checked` would raise.

    Raises:
        ModelError: If Keras is not installed.
        CancelledError: If `should_stop` returned True.

    Example:
        >>> open_each([])
        []
    """
    if files and not _has_keras():
        raise ModelError(
            'A model file is opened by Keras, which is not installed. Run pip install "digitlab[train]", or use a .tflite file.'
        )
    _log_missing_isolation()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if mnist.is_available():
            digits, labels = mnist.load_probes()
            np.savez(folder / PROBES_FILE, digits=digits, labels=labels)
        for number, content in enumerate(files):
            (folder / f"{number}.in").write_bytes(content)
        waiting = list(range(len(files)))
        while waiting:
            command = isolation.command(folder, SANDBOX, name)
            reason = _run(command, STARTUP_TIMEOUT + TIMEOUT_PER_MODEL * len(waiting), should_stop, folder / "stderr")
            waiting = [number for number in waiting if not _has_outcome(folder, number)]
            if not waiting:
                break
            begun = [number for number in waiting if (folder / f"{number}.started").exists()]
            for number in begun or waiting:
                (folder / f"{number}.error").write_text(reason, encoding="utf-8")
            waiting = [number for number in waiting if begun and number not in begun]
        return [_check_cost(_read_outcome(folder, number), should_stop) for number in range(len(files))]


@functools.cache
def _has_keras() -> bool:
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.util.find_spec("keras") is not None
    return False


@functools.cache
def _log_missing_isolation() -> None:
    """Warn once in this process if the operating system cannot isolate the processes that open models."""
    if names := isolation.missing():
        logger.warning(
            "This operating system does not offer %s. The process that opens models is isolated less. SECURITY.md has details.",
            " and ".join(names),
        )


def _check_cost(outcome: ModelBundle | ModelError, should_stop: ShouldStop) -> ModelBundle | ModelError:
    """Return an error instead of a model whose predictions take too long or too much memory."""
    if isinstance(outcome, ModelBundle):
        try:
            measure_cost(outcome.tflite_bytes, should_stop).check()
        except ModelError as error:
            return error
    return outcome


def measure_cost(tflite: bytes, should_stop: ShouldStop = _never_stop) -> Cost:
    """Measure the cost of predictions in a separate process.

    Args:
        tflite: Content of an untrusted .tflite file.
        should_stop: Called several times a second. If it returns True, the work is cancelled.

    Returns:
        The cost.

    Raises:
        ModelError: If the cost could not be measured in time.
        CancelledError: If `should_stop` returned True.

    Example:
        >>> from digitcore import models
        >>> measure_cost(models.load("mlp").tflite_bytes).check()  # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(tflite)
        command = isolation.command(folder, SANDBOX, "--measure", str(folder / "model.tflite"))
        reason = _run(command, MEASURE_TIMEOUT, should_stop, folder / "stderr")
        try:
            return Cost(**json.loads((folder / "stdout").read_bytes()))
        except (ValueError, TypeError) as error:
            raise ModelError(reason) from error


def _has_outcome(folder: Path, number: int) -> bool:
    return any((folder / f"{number}.{suffix}").exists() for suffix in ("json", "error"))


def _run(command: list[str], timeout: float, should_stop: ShouldStop, stderr: Path) -> str:
    """Run a process, then kill the processes that it started. Return the reason for its end, for a model without an outcome.

    The files `stdout` and `stderr` of the same folder get its output.

    Raises:
        CancelledError: If `should_stop` returned True.
    """
    end = time.monotonic() + timeout
    variables = isolation.environment(stderr.parent)
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": variables, "start_new_session": True}
    with (
        stderr.open("wb") as log,
        stderr.with_name("stdout").open("wb") as printed,
        subprocess.Popen(command, stdout=printed, stderr=log, **streams) as process,
    ):
        try:
            while process.poll() is None:
                if should_stop():
                    raise CancelledError("The import was stopped. No model was opened. Start the import again.")
                if time.monotonic() > end:
                    return f"The import of the model took longer than {timeout:,.0f} s. Try again later, or use a smaller model."
                time.sleep(POLL_INTERVAL)
            return explain_exit(process.returncode, stderr.read_bytes())
        finally:
            _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if not hasattr(os, "killpg"):  # Windows
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def explain_exit(status: int, stderr: bytes) -> str:
    """Return the reason why a process that opened or measured a model ended without a result.

    Memory or time is named only if the process reached that limit.

    Args:
        status: Exit status of the process, negative for a signal.
        stderr: Output of the process on its standard error.

    Returns:
        One or two sentences.

    Example:
        >>> explain_exit(-9, b"")
        'The process that opens models was ended by SIGKILL. Try again.'
        >>> explain_exit(-6, b"terminate called after throwing an instance of 'std::bad_alloc'")
        'The model needs more memory than the import may use. Use a smaller model.'
    """
    if status == -getattr(signal, "SIGXCPU", 0) != 0:
        return TOO_MUCH_TIME
    tail = stderr[-STDERR_TAIL:].decode("utf-8", "replace")
    if status != 0 and any(text in tail for text in MEMORY_ERRORS):
        return TOO_MUCH_MEMORY
    if status < 0:
        return f"The process that opens models was ended by {signal.Signals(-status).name}. Try again."
    return f"The process that opens models ended with exit status {status}. Report this as a bug."


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


def _check_members(members: dict[str, zipfile.ZipInfo], content: bytes) -> None:
    """Check the names and the unpacked sizes before anything is unpacked."""
    if set(members) != MEMBERS:
        raise ModelError(describe_unsupported(content))
    if sum(member.file_size for member in members.values()) > MAX_UNPACKED:
        raise ModelError(f"The unpacked model is larger than {MAX_UNPACKED // 1_000_000} MB. Use a smaller model.")
    if members[CONFIG_FILE].file_size > MAX_CONFIG:
        raise ModelError(TOO_LONG_CONFIG)


def check_config(text: str) -> dict[str, Any]:
    """Check the configuration of a model, and translate it to the form of Keras 3.

    Args:
        text: JSON of an untrusted file.

    Returns:
        The configuration without the compile configuration.

    Raises:
        ModelError: If the text is no configuration, the model has too many layers or weights, or a class is not allowed.

    Example:
        >>> check_config('{"class_name": "Lambda", "config": {"name": "x"}}')
        Traceback (most recent call last):
        digitcore.errors.ModelError: The model contains “Lambda”, which is not allowed. Use standard Keras layers.
    """
    if len(text) > MAX_CONFIG:
        raise ModelError(TOO_LONG_CONFIG)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(NOT_KERAS) from error
    if not isinstance(config, dict) or not config.get("config") or not isinstance(config["config"], dict | list):
        raise ModelError(NOT_KERAS)
    _check_nesting(config)
    config = translate({name: value for name, value in config.items() if name != "compile_config"})
    n_layers = _count_layers(config)
    if n_layers > MAX_LAYERS:
        raise ModelError(f"The model has {n_layers:,} layers. Use a model of at most {MAX_LAYERS}.")
    size = size_estimate.estimate(config)
    if size.weights > MAX_WEIGHTS:
        raise ModelError(f"The model has {size.weights:,} weights. Use a model of at most {MAX_WEIGHTS:,}.")
    if size.largest_output > MAX_OUTPUT:
        raise ModelError(
            f"A layer of the model returns {size.largest_output:,} values for a digit. The limit is {MAX_OUTPUT:,}. "
            "Use a smaller model."
        )
    return config


def _check_nesting(value: Any, depth: int = 0) -> None:
    if depth > MAX_NESTING:
        raise ModelError("The model's configuration is nested too deeply. Use a simpler model.")
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _check_nesting(item, depth + 1)


def _count_layers(value: Any) -> int:
    """Check every class in the configuration, and return the number of layers."""
    if isinstance(value, list):
        return sum(map(_count_layers, value))
    if not isinstance(value, dict):
        return 0
    own = _check_class(value) if "class_name" in value else 0
    return own + sum(map(_count_layers, value.values()))


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


def pack(members: dict[str, bytes]) -> bytes:
    """Return a .keras file with these members.

    Args:
        members: Content of each member by its name.

    Returns:
        A ZIP file without compression and time stamps, so that equal models have equal bytes.

    Example:
        >>> pack({"config.json": b"{}"})[:2]
        b'PK'
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _read_outcome(folder: Path, number: int) -> ModelBundle | ModelError:
    """Read the files that the sandbox wrote for a model."""
    keras_file, tflite_file, card, message = (folder / f"{number}.{suffix}" for suffix in ("keras", "tflite", "json", "error"))
    if message.exists():
        return ModelError(message.read_text(encoding="utf-8")[:MAX_MESSAGE])
    return ModelBundle(ModelCard.from_json(card.read_text(encoding="utf-8")), keras_file.read_bytes(), tflite_file.read_bytes())


def describe_import(model: ModelBundle) -> str:
    """Describe the measurements of the import of a model.

    Args:
        model: A model from `open_checked`, whose accuracy on MNIST may have been measured since.

    Returns:
        Sentences. If the model predicts poorly, the first sentence is a warning. The result is empty for a model of Digit Lab.

    Example:
        >>> from digitcore import models
        >>> describe_import(models.load("mlp"))
        ''
        >>> card = models.ModelCard("mine", "imported", 7850, metrics={"validation_accuracy": 0.16, "input_ink": 1.0})
        >>> describe_import(models.ModelBundle(card, b"", b""))[:59]
        "The model predicts only 16.0 % of MNIST's digits correctly."
    """
    metrics = model.card.metrics
    if "input_ink" not in metrics:
        return ""
    accuracy = metrics.get("mnist_accuracy", metrics.get("validation_accuracy", 0.0))
    warning = f"The model predicts only {percent(accuracy, 1)} of MNIST's digits correctly. "
    background, ink = metrics.get("input_background", 0.0), metrics["input_ink"]
    low, high = sorted((background, ink))
    scale = INPUT_NAMES.get((low, high), "standardized")
    details = ["Pixels are standardized" if scale == "standardized" else f"Pixels are scaled to {scale}"]
    details += ["inverted"] * (background > ink) + ["transposed"] * bool(metrics.get("input_transposed"))
    outputs = "sigmoids" if metrics.get("output_sigmoids") else "logits" if metrics.get("output_logits") else "probabilities"
    calibrated = ". Their confidence was calibrated on MNIST's validation digits" * (metrics.get("output_temperature", 1) != 1)
    return (warning if accuracy < MIN_ACCURACY else "") + f"{', '.join(details)}. The outputs are {outputs}{calibrated}."
