"""`python -m digitcore.models.sandbox FOLDER` opens untrusted models with limits of time and memory; see `upload`.

Each N.in of the folder becomes N.keras, N.tflite and N.json, or N.error with a sentence. `--measure FILE` prints what a
prediction by a .tflite file costs; a process of its own, so that its memory can be told from Keras's.
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
from digitcore.errors import ModelError
from digitcore.images import SIDE
from digitcore.models.upload import WEIGHTS_FILE
from digitcore.predictor import Predictor

MAX_ADDRESS_SPACE = 8 << 30  # bytes; TensorFlow reserves much
MAX_CPU_SECONDS = 200
MAX_FILE_SIZE = 200 << 20  # bytes
MAX_WEIGHTS = 5_000_000
MAX_MILLISECONDS = 20  # of one prediction on one thread
MAX_MEGABYTES = 64  # in use after a batch of predictions
BATCH_SIZE = 100  # digits
MEASURE_TIMEOUT = 60  # s
N_TIMED = 5  # predictions
TOO_COSTLY = "The model needs more memory or time than is allowed. Give a smaller one."


@dataclass(frozen=True)
class Cost:
    """What predictions cost.

    Attributes:
        milliseconds: processor time of one prediction on one thread.
        megabytes: memory in use after a batch of `BATCH_SIZE`.
    """

    milliseconds: float
    megabytes: float

    def check(self) -> None:
        """Compare with the limits.

        Raises:
            ModelError: when it is more; the message says how much.
        """
        if self.milliseconds > MAX_MILLISECONDS:
            raise ModelError(f"The model takes {self.milliseconds:,.0f} ms a digit; {MAX_MILLISECONDS} is the most.")
        if self.megabytes > MAX_MEGABYTES:
            raise ModelError(f"The model needs {self.megabytes:,.0f} MB for {BATCH_SIZE} digits; {MAX_MEGABYTES} is the most.")


def main(folder: Path) -> None:
    """Open every N.in."""
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
        except Exception as error:  # noqa: BLE001 whatever an untrusted file makes Keras raise
            file.with_suffix(".error").write_text(f"Keras cannot open the model ({type(error).__name__}).", encoding="utf-8")
        else:
            file.with_suffix(".keras").write_bytes(bundle.keras_bytes)
            file.with_suffix(".json").write_text(bundle.card.to_json(), encoding="utf-8")


def measure(tflite: bytes) -> Cost:
    """Measure in this process, which should have done nothing else yet.

    Raises:
        ModelError: when it is no model of digits.
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
    """Of the processor, so that a busy machine does not count."""
    begin = time.process_time()
    predictor.probabilities(digits)
    return time.process_time() - begin


def _measure_apart(tflite: Path) -> Cost:
    command = [sys.executable, "-m", __spec__.name, "--measure", str(tflite)]
    try:
        done = subprocess.run(command, timeout=MEASURE_TIMEOUT, capture_output=True, check=True)
        return Cost(**json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as error:
        raise ModelError(TOO_COSTLY) from error


def check_weights(file: Path) -> None:
    """Reject what HDF5 can hold beside numbers: links to other files, external data, sizes out of reach.

    Raises:
        ModelError: with what was found.
    """
    try:
        with zipfile.ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS_FILE)), "r") as weights:
            total = sum(_count_weights(weights, name) for name in _hard_link_names(weights))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ModelError("The model's weights cannot be read: the file is damaged.") from error
    if total > MAX_WEIGHTS:
        raise ModelError(f"The model has {total:,} weights; {MAX_WEIGHTS:,} is the most.")


def _hard_link_names(weights: h5py.File) -> list[str]:
    """Names of all that the file holds; hard links only, so that nothing leads outside."""
    found: list[str] = []
    weights.visit_links(found.append)
    return found


def _count_weights(weights: h5py.File, name: str) -> int:
    """Number of weights under a name."""
    if not isinstance(weights.get(name, getlink=True), h5py.HardLink):
        raise ModelError("The model's weights point outside their file.")
    item = weights[name]
    if not isinstance(item, h5py.Dataset):
        return 0
    if item.external or item.is_virtual or item.dtype.kind not in "fiub":
        raise ModelError("The model's weights are not plain numbers.")
    return int(item.size)


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        print(json.dumps(asdict(measure(Path(sys.argv[2]).read_bytes()))))
    else:
        main(Path(sys.argv[1]))
