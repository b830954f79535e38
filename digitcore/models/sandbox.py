"""Opening of untrusted models with limits of time and memory. `upload` runs this module in a process that `isolation` isolates.

`python -m digitcore.models.sandbox FOLDER` reads each file N.in of the folder that has no result yet. It writes N.started, then
N.keras, N.tflite and N.json, or N.error with an error message.

`python -m digitcore.models.sandbox --measure FILE` prints the cost of predictions with a .tflite file. `upload` measures it in
another process, because the process of Keras uses more memory.
"""

import json
import mmap
import os
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from digitcore import processes
from digitcore.errors import DatasetNotFoundError, DigitLabError, ModelError
from digitcore.images import SIDE
from digitcore.models import hdf5_check
from digitcore.models.cost import BATCH_SIZE, MAX_MILLISECONDS, Cost
from digitcore.models.upload import (
    MAX_ADDRESS_SPACE,
    MAX_CPU_SECONDS,
    PROBES_FILE,
    TOO_MUCH_MEMORY,
)
from digitcore.predictor import Predictor

try:
    import resource
except ImportError:  # Windows has no such limits.
    resource = None  # type: ignore[assignment]

MAX_FILE_SIZE = 200 << 20  # bytes
MAX_REASON = 200  # characters of a message from Keras
N_TIMED = 5  # predictions


def main(folder: Path) -> None:
    """Open every file N.in of a folder, in the order of the names.

    The process gets limits that cannot be lifted, so call this function only in a separate process.

    Args:
        folder: The folder of the files. The results are written beside them.

    Example:
        >>> main(Path("models-to-open"))  # doctest: +SKIP
    """
    processes.end_with_parent(os.getppid(), exit_status=1)
    files = sorted(folder.glob("*.in"), key=lambda file: int(file.stem))
    set_limits(len(files))
    waiting = [file for file in files if not any(file.with_suffix(suffix).exists() for suffix in (".started", ".error"))]
    for file in _checked(waiting):
        _set_limit("RLIMIT_CPU", MAX_CPU_SECONDS + int(time.process_time()), hard=None)
        _open_file(file)


def _open_file(file: Path) -> None:
    """Open a model file that has passed the check of HDF5, and write the results beside it."""
    from digitcore.models import adaptation, foreign_models  # They import Keras, which takes seconds.

    file.with_suffix(".started").touch()
    try:
        bundle = adaptation.adapt(foreign_models.load(file.read_bytes()), file.stem, lambda: _read_probes(file.parent))
    except DigitLabError as error:
        file.with_suffix(".error").write_text(str(error), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 An untrusted file can make Keras raise any error.
        file.with_suffix(".error").write_text(explain_error(error), encoding="utf-8")
    else:
        file.with_suffix(".keras").write_bytes(bundle.keras_bytes)
        file.with_suffix(".tflite").write_bytes(bundle.tflite_bytes)
        file.with_suffix(".json").write_text(bundle.card.to_json(), encoding="utf-8")


def _checked(files: list[Path]) -> list[Path]:
    """Return the files that pass the check of HDF5, and write an error message for each other file."""
    passed = []
    for file in files:
        file.with_suffix(".started").touch()
        try:
            hdf5_check.check_file(file)
        except ModelError as error:
            file.with_suffix(".error").write_text(str(error), encoding="utf-8")
        else:
            passed.append(file)
            file.with_suffix(".started").unlink()
    return passed


def _read_probes(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the validation digits that `upload` wrote, because an isolated process can neither read nor download MNIST."""
    if not (folder / PROBES_FILE).exists():
        raise DatasetNotFoundError(
            "The inputs of the model cannot be measured without MNIST. Run “digitlab data”, and open the model again."
        )
    with np.load(folder / PROBES_FILE) as probes:
        return probes["digits"], probes["labels"]


def set_limits(n_files: int) -> list[str]:
    """Limit the resources of this process, as far as the operating system can.

    Args:
        n_files: Number of models that the process opens. Each may use `MAX_CPU_SECONDS`.

    Returns:
        The names of the limits that this operating system does not offer. macOS has no limit of memory. Windows has no limits.

    Example:
        >>> set_limits(1)  # doctest: +SKIP
        []
    """
    limits = {
        "RLIMIT_AS": (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE),
        "RLIMIT_CPU": (MAX_CPU_SECONDS, MAX_CPU_SECONDS * (n_files + 1)),
        "RLIMIT_FSIZE": (MAX_FILE_SIZE, MAX_FILE_SIZE),
    }
    return [name for name, (soft, hard) in limits.items() if not _set_limit(name, soft, hard)]


def _set_limit(name: str, soft: int, hard: int | None) -> bool:
    """Set a limit. If `hard` is None, the hard limit does not change. Return False if the operating system does not offer it."""
    if resource is None:
        return False
    kind = getattr(resource, name)
    try:
        resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1] if hard is None else hard))
    except (ValueError, OSError):
        return False
    return True


def explain_error(error: Exception) -> str:
    """Return the reason why a model could not be opened.

    Args:
        error: An error of Keras, TensorFlow or Python.

    Returns:
        A sentence. Memory is named only if it was exhausted.

    Example:
        >>> explain_error(ValueError("Layer 'dense' expected 2 variables.\\nMore."))
        "Keras cannot open the model: Layer 'dense' expected 2 variables."
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return TOO_MUCH_MEMORY
    innermost = str(error).split("Exception encountered: ")[-1]  # Keras repeats the whole configuration before it.
    lines = [line.strip() for line in innermost.splitlines() if line.strip()]
    reason = re.sub(r"\S*/\S+", "…", lines[0] if lines else type(error).__name__)[:MAX_REASON]  # A path would reveal the machine.
    return f"Keras cannot open the model: {reason.rstrip('.:')}."


def measure(tflite: bytes) -> Cost:
    """Measure the cost of predictions in this process, which should not have allocated much memory before.

    Args:
        tflite: Content of a .tflite file.

    Returns:
        The cost. The memory is 0 if one prediction already takes too long.

    Raises:
        ModelError: If the file is not a model that classifies digits.

    Example:
        >>> from digitcore import models
        >>> measure(models.load("mlp").tflite_bytes).milliseconds < MAX_MILLISECONDS
        True
    """
    digits = np.zeros((BATCH_SIZE, SIDE, SIDE), np.uint8)
    before = _resident_bytes()
    predictor = Predictor.load(tflite, batch_size=BATCH_SIZE)
    milliseconds = 1000 * min(_seconds(predictor, digits[:1]) for _ in range(N_TIMED))
    if milliseconds > MAX_MILLISECONDS:
        return Cost(milliseconds, 0.0)
    predictor.probabilities(digits)
    return Cost(milliseconds, (_resident_bytes() - before) / 1e6)


def _resident_bytes() -> int:
    """Return the memory of this process. On Linux, psutil is not used, because it needs the module `resource` there."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * mmap.PAGESIZE
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)


def _seconds(predictor: Predictor, digits: np.ndarray) -> float:
    """Return the CPU seconds of one prediction."""
    begin = time.process_time()
    predictor.probabilities(digits)
    return time.process_time() - begin


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        print(json.dumps(asdict(measure(Path(sys.argv[2]).read_bytes()))))
    else:
        main(Path(sys.argv[1]))
