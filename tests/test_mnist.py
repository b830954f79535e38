import contextlib
import gzip
import http.server
import io
import resource
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

from digitcore import mnist
from digitcore.data import idx
from digitcore.errors import DatasetNotFoundError


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Return the home of a machine that has no copy of MNIST."""
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


def test_shapes_and_split_are_as_documented(data):
    assert data.train_images.shape == (60000, 28, 28)
    assert data.test_images.shape == (10000, 28, 28)
    assert [len(part[1]) for part in (data.training, data.validation, data.test)] == [55000, 5000, 10000]


@pytest.mark.parametrize("pack", [False, True])
def test_idx_files_are_read_and_cached(empty, data, pack):
    write_idx(empty / "idx", data, pack)
    found, source = mnist.find(empty / "idx")
    assert np.array_equal(found.test_images, data.test_images)
    assert source == str(empty / "idx")
    assert mnist.cache_file().is_file()
    assert mnist.find()[1] == str(mnist.cache_file())
    assert [file.name for file in mnist.cache_file().parent.iterdir()] == ["mnist.npz"]


LAYOUTS = {
    "Kaggle": ("{stem}.idx{axes}-ubyte/{stem}.idx{axes}-ubyte", False),
    "PyTorch": ("MNIST/raw/{stem}-idx{axes}-ubyte", False),
    "gzip without a suffix": ("{stem}-idx{axes}-ubyte", True),
}


def write_layout(folder, data, name):
    pattern, is_packed = LAYOUTS[name]
    arrays = {"x_train": data.train_images, "y_train": data.train_labels, "x_test": data.test_images, "y_test": data.test_labels}
    for key, stem in mnist.IDX_STEMS.items():
        file = folder / pattern.format(stem=stem, axes=arrays[key].ndim)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = idx.encode(arrays[key])
        file.write_bytes(gzip.compress(content, 1) if is_packed else content)


@pytest.mark.parametrize("name", LAYOUTS)
def test_folders_of_other_projects_are_read(empty, data, name):
    write_layout(empty / "idx", data, name)
    (empty / "idx" / ".DS_Store").write_bytes(b"x")
    assert np.array_equal(mnist.find(empty / "idx")[0].test_labels, data.test_labels)


def test_zip_file_of_idx_files_is_read(empty, data):
    write_layout(empty / "idx", data, "PyTorch")
    with zipfile.ZipFile(empty / "mnist.zip", "w") as archive:
        archive.writestr("__MACOSX/._train-images-idx3-ubyte", b"\0\5\x16\7")
        for file in (empty / "idx").rglob("*ubyte"):
            archive.write(file, file.relative_to(empty))
    assert np.array_equal(mnist.find(empty / "mnist.zip")[0].train_labels, data.train_labels)


def test_missing_file_is_named(empty, data):
    write_layout(empty / "idx", data, "gzip without a suffix")
    (empty / "idx" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetNotFoundError, match="Add t10k-labels-idx1-ubyte"):
        mnist.find(empty / "idx")


@pytest.mark.parametrize("pack", [False, True])
def test_damaged_idx_file_is_named(empty, data, pack):
    write_idx(empty / "idx", data, pack)
    file = next((empty / "idx").glob("t10k-labels*"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DatasetNotFoundError, match=f"{file.name} is damaged or incomplete"):
        mnist.find(empty / "idx")


def test_missing_path_is_said(empty):
    with pytest.raises(DatasetNotFoundError, match=r"There is no file .*nowhere"):
        mnist.find(empty / "nowhere")


def test_file_of_keras_is_found(empty, data):
    mnist.keras_file().parent.mkdir(parents=True)
    np.savez(
        mnist.keras_file(), x_train=data.train_images, y_train=data.train_labels, x_test=data.test_images, y_test=data.test_labels
    )
    assert mnist.find()[1] == str(mnist.keras_file())


def test_other_data_raises(empty, data):
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
def test_damaged_file_raises(empty, content):
    (empty / "mnist.npz").write_bytes(content)
    with pytest.raises(DatasetNotFoundError, match=r"mnist\.npz"):
        mnist.find(empty / "mnist.npz")


def test_pickle_is_never_loaded(empty):
    np.savez(empty / "mnist.npz", x_train=np.array([{}], object))
    with pytest.raises(DatasetNotFoundError):
        mnist.find(empty / "mnist.npz")


def test_error_names_the_solution_if_no_source_is_available(empty, monkeypatch):
    monkeypatch.setattr(mnist, "KERAS_URL", "http://127.0.0.1:9/mnist.npz")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    lines = []
    with pytest.raises(DatasetNotFoundError, match="digitlab data"):
        mnist.find(report=lines.append)
    assert any("is not available" in line for line in lines)


def test_two_processes_can_start_at_the_same_time(empty, data):
    write_idx(empty / "idx", data, pack=False)
    command = [sys.executable, "-m", "digitcore", "data", "--path", str(empty / "idx")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert mnist.find()[1] == str(mnist.cache_file())


def test_test_set_is_loaded_separately(data):
    digits, labels = mnist.load_test()
    assert (digits == data.test_images).all()
    assert (labels == data.test_labels).all()


def test_validation_set_is_loaded_separately(data, monkeypatch, tmp_path):
    digits, labels = mnist.load_validation.__wrapped__()
    assert (digits == data.validation[0]).all(), "it does not keep the training digits in memory"
    assert digits.base is None, "it does not keep the training digits in memory"
    assert (labels == data.validation[1]).all()
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path / "empty"))
    assert (mnist.load_validation.__wrapped__()[1] == data.validation[1]).all()


def test_test_set_is_loaded_without_a_cache(data, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))
    assert (mnist.load_test.__wrapped__()[1] == data.test_labels).all()


class Portal(http.server.BaseHTTPRequestHandler):
    """A request handler that sends other data than MNIST."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        kind = self.path.strip("/")
        if kind == "html":
            self.wfile.write(b"<html>Please log in</html>")
        elif kind == "half":
            file = io.BytesIO()
            np.savez_compressed(file, x_train=np.arange(10_000))
            self.wfile.write(file.getvalue()[:5_000])
        else:
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 20))

    def log_message(self, *_):
        pass


@pytest.fixture
def portal():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def no_index(monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.mark.parametrize("kind", ["html", "half", "endless"])
def test_server_that_sends_other_data_is_not_available(empty, portal, no_index, monkeypatch, kind):
    monkeypatch.setattr(mnist, "KERAS_URL", f"{portal}/{kind}")
    lines = []
    with pytest.raises(DatasetNotFoundError, match="digitlab data"):
        mnist.find(report=lines.append)
    assert sum("is not available" in line for line in lines) == 2, "the next source was tried"
    assert not list(empty.rglob("*"))


def test_full_disk_prevents_only_the_cache_and_leaves_no_file(empty, data):
    write_idx(empty / "idx", data, pack=True)
    code = f"""
import resource, signal
from digitcore import mnist
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 20}, {resource.RLIM_INFINITY}))
print(len(mnist.find({str(empty / "idx")!r})[0].test_labels))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "10000"
    assert not list((empty / "cache").iterdir())


def test_unreadable_cache_folder_is_not_an_error(empty, monkeypatch):
    (empty / "file").touch()
    monkeypatch.setenv("DIGITLAB_CACHE", str(empty / "file" / "cache"))
    assert not mnist.is_available()


def test_repr_fits_on_one_line(data):
    assert repr(data) == "Mnist(60,000 training digits, 10,000 test digits)"
