"""Open untrusted models with limits of time and memory. `upload` runs this module as a separate process.

`python -m digitcore.models.sandbox FOLDER` reads each file N.in of the folder. It writes N.keras, N.tflite and N.json, or
N.error with an error message. `python -m digitcore.models.sandbox --measure FILE` prints the cost of predictions with a .tflite
file. A separate process measures the cost, because the memory of Keras would be counted otherwise.
"""

import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
import psutil

from digitcore import processes
from digitcore.errors import ZIP_ERRORS, ModelError
from digitcore.images import SIDE
from digitcore.models.upload import TOO_COSTLY, WEIGHTS_FILE
from digitcore.predictor import Predictor

MAX_ADDRESS_SPACE = 8 << 30  # bytes, more than TensorFlow reserves
MAX_CPU_SECONDS = 200
MAX_FILE_SIZE = 200 << 20  # bytes
MAX_WEIGHTS = 5_000_000
MAX_MILLISECONDS = 20  # CPU time of one prediction on one thread
MAX_MEGABYTES = 64  # memory in use after a batch of predictions
BATCH_SIZE = 100  # digits
MEASURE_TIMEOUT = 60  # s
N_TIMED = 5  # predictions


@dataclass(frozen=True)
class Cost:
    """The cost of predictions.

    Attributes:
        milliseconds: CPU time of one prediction on one thread.
        megabytes: Memory in use after a batch of `BATCH_SIZE` digits.

    Example:
        >>> Cost(milliseconds=0.2, megabytes=3.0).check()
        >>> Cost(milliseconds=40.0, megabytes=3.0).check()
        Traceback (most recent call last):
        digitcore.errors.ModelError: The model takes 40 ms for a digit. The limit is 20 ms. Use a smaller model.
    """

    milliseconds: float
    megabytes: float

    def check(self) -> None:
        """Compare the cost with the limits.

        Raises:
            ModelError: If the cost exceeds a limit. The message states the cost and the limit.

        Example:
            >>> Cost(milliseconds=0.2, megabytes=3.0).check()
        """
        if self.milliseconds > MAX_MILLISECONDS:
            raise ModelError(
                f"The model takes {self.milliseconds:,.0f} ms for a digit. The limit is {MAX_MILLISECONDS} ms. "
                "Use a smaller model."
            )
        if self.megabytes > MAX_MEGABYTES:
            raise ModelError(
                f"The model needs {self.megabytes:,.0f} MB for {BATCH_SIZE} digits. The limit is {MAX_MEGABYTES} MB. "
                "Use a smaller model."
            )


def main(folder: Path) -> None:
    """Open every file N.in of a folder, in the order of the names.

    The process gets limits that cannot be lifted, so call this function only in a separate process.

    Args:
        folder: The folder of the files. The results are written beside them.

    Example:
        >>> main(Path("models-to-open"))  # doctest: +SKIP
    """
    processes.end_with_parent(os.getppid(), exit_status=1)
    for kind, limit in (
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_FSIZE, MAX_FILE_SIZE),
    ):
        resource.setrlimit(kind, (limit, limit))
    from digitcore.models import keras_io

    for file in sorted(folder.glob("*.in")):
        try:
            check_weights(file)
            bundle = keras_io.adapt(file.read_bytes(), file.stem)
            tflite = file.with_suffix(".tflite")
            tflite.write_bytes(bundle.tflite_bytes)
            _measure_apart(tflite).check()
        except ModelError as error:
            file.with_suffix(".error").write_text(str(error), encoding="utf-8")
        except Exception as error:  # noqa: BLE001 An untrusted file can make Keras raise any error.
            file.with_suffix(".error").write_text(
                f"Keras cannot open the model ({type(error).__name__}). Save it again with Keras 3.", encoding="utf-8"
            )
        else:
            file.with_suffix(".keras").write_bytes(bundle.keras_bytes)
            file.with_suffix(".json").write_text(bundle.card.to_json(), encoding="utf-8")


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
    process, digits = psutil.Process(), np.zeros((BATCH_SIZE, SIDE, SIDE), np.uint8)
    before = process.memory_info().rss
    predictor = Predictor.load(tflite, batch_size=BATCH_SIZE)
    milliseconds = 1000 * min(_seconds(predictor, digits[:1]) for _ in range(N_TIMED))
    if milliseconds > MAX_MILLISECONDS:
        return Cost(milliseconds, 0.0)
    predictor.probabilities(digits)
    return Cost(milliseconds, (process.memory_info().rss - before) / 1e6)


def _seconds(predictor: Predictor, digits: np.ndarray) -> float:
    """Return the CPU seconds of one prediction."""
    begin = time.process_time()
    predictor.probabilities(digits)
    return time.process_time() - begin


def _measure_apart(tflite: Path) -> Cost:
    """Measure the cost of predictions in a separate process."""
    command = [sys.executable, "-m", __spec__.name, "--measure", str(tflite)]
    try:
        done = subprocess.run(command, timeout=MEASURE_TIMEOUT, capture_output=True, check=True)
        return Cost(**json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as error:
        raise ModelError(TOO_COSTLY) from error


def check_weights(file: Path) -> None:
    """Check that the weights of a .keras file are plain numbers, and not too many.

    HDF5 files can also contain links to other files, external data and huge sizes. These are rejected.

    Args:
        file: A .keras file.

    Raises:
        ModelError: If the weights are damaged, too many, or not plain numbers.

    Example:
        >>> from digitcore import models
        >>> check_weights(models.SHIPPED_FOLDER / "mlp" / "model.keras")
    """
    try:
        with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS_FILE)), "r") as weights:
            total = sum(_count_weights(weights, name) for name in _hard_link_names(weights))
    except (*ZIP_ERRORS, TypeError) as error:
        raise ModelError("The model's weights cannot be read, because the file is damaged. Save the model again.") from error
    if total > MAX_WEIGHTS:
        raise ModelError(f"The model has {total:,} weights. Use a model of at most {MAX_WEIGHTS:,}.")


def _hard_link_names(weights: h5py.File) -> list[str]:
    """Return the names of all objects in the file. Only hard links are followed, so that none leads outside the file."""
    found: list[str] = []
    weights.visit_links(found.append)
    return found


def _count_weights(weights: h5py.File, name: str) -> int:
    """Return the number of weights under a name; 0 for a group."""
    if not isinstance(weights.get(name, getlink=True), h5py.HardLink):
        raise ModelError("The model's weights contain a link. Save the model again with Keras 3.")
    item = weights[name]
    if not isinstance(item, h5py.Dataset):
        return 0
    if item.external or item.is_virtual or item.dtype.kind not in "fiub":
        raise ModelError("The model's weights are not plain numbers. Save the model again with Keras 3.")
    return int(item.size)


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        print(json.dumps(asdict(measure(Path(sys.argv[2]).read_bytes()))))
    else:
        main(Path(sys.argv[1]))
