"""Files that are not Keras models. The error message names their kind."""

import gzip
import pickle

import pytest

from digitcore.errors import ModelError
from digitcore.models import upload
from digitcore.models.file_kinds import HDF5_SIGNATURE
from tests.support import fuzz

KINDS = {
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n",
    "TensorFlow Lite": b"\x1c\0\0\0TFL3" + bytes(100),
    "ONNX": b"\x08\x08\x12\x07pytorch\x1a\x032.0\x3a\x02\x0a\0\x42\x02\x10\x0d",
    "PyTorch": fuzz.make_zip({"model/data.pkl": b"\x80\x02", "model/data/0": b"", "model/version": "3"}),
    "SavedModel": fuzz.make_zip({"m/saved_model.pb": b"\x08\x01", "m/variables/variables.index": b""}),
    "TensorFlow.js": fuzz.make_zip({"model.json": "{}", "group1-shard1of1.bin": b""}),
    "only weights and no network": fuzz.make_zip({"model.weights.h5": b""}),
    "the end of the ZIP file is missing": fuzz.make_zip({"config.json": bytes(300), "model.weights.h5": bytes(300)})[:-60],
    "damaged": b"PK\x03\x04" + b"PK\5\6" + b"\xff" * 16 + bytes(2),
    "pickle file": pickle.dumps({"a": 1}),
    "text file": "Größe: 3\n".encode(),
    "web page": b"\n<!DOCTYPE html>\n<html><head></head></html>",
    "describes a network": b'{"class_name": "Sequential", "config": {}}',
    "file is empty": b"",
    "a whole lab": fuzz.make_zip({"lab.json": "{}", "samples.npz": b""}),
    "not a model saved": bytes(range(256)),
    "SavedModel, which": b"\x08\x01\x12\x04\x0a\x02\x12\0",
    "frozen": b"\x0a\x04\x0a\x02xy" * 2 + b"\x22\x02\x08\x01",
    "ONNX model": b"\x08\x07\x12\x04mine\x3a\x03abc\x42\x02\x10\x0d",
    "ONNX model\\.": fuzz.make_zip({"m/mine.onnx": b"\x08\x07\x3a\x03abc\x42\x02\x10\x0d", "m/README.md": "#"}),
    "a tar archive": gzip.compress(bytes(257) + b"ustar" + bytes(250)),
    "a gzip file": gzip.compress(b"PK\3\4"),
    "a 7z archive": b"7z\xbc\xaf" + bytes(99),
    "another archive, “a/m.zip”": fuzz.make_zip({"a/m.zip": fuzz.make_zip({"m.keras": b""}), "a/README.md": "#"}),
    "TensorFlow Lite model": fuzz.make_zip({"model_unquant.tflite": b"\x1c\0\0\0TFL3" + bytes(100), "labels.txt": "0 a"}),
}


@pytest.mark.parametrize("words", KINDS)
def test_kind_is_named(words):
    with pytest.raises(ModelError, match=words):
        upload.check(KINDS[words])


def test_model_in_a_zip_file_of_macos_is_found(genius):
    expected = upload.check(genius.keras_bytes)
    metadata = {"__MACOSX/._genius.keras": b"\0\5\x16\7", ".DS_Store": b"x"}
    assert upload.check(fuzz.make_zip({"models/genius.keras": genius.keras_bytes} | metadata)) == expected
    unpacked = {f"genius/{name}": content for name, content in fuzz.read_zip(genius.keras_bytes).items()}
    assert upload.check(fuzz.make_zip(unpacked | metadata)) == expected


def test_zip_files_within_each_other_are_not_unpacked(genius):
    once = fuzz.make_zip({"a.keras": genius.keras_bytes})
    with pytest.raises(ModelError, match="not a model"):
        upload.check(fuzz.make_zip({"a.keras": once}))


@pytest.mark.parametrize("suffix", ["keras", "h5", "HDF5"])
def test_model_in_the_zip_file_of_a_repository_is_found(suffix, genius):
    content = genius.keras_bytes if suffix == "keras" else HDF5_SIGNATURE + b"checked in the sandbox"
    files = {
        "repo-main/README.md": "# Mine",
        "repo-main/train.py": "",
        "repo-main/labels.txt": "0 a",
        "repo-main/x/config.json": "",
    }
    assert upload.check(fuzz.make_zip({f"repo-main/keras_model.{suffix}": content} | files)) == upload.check(content)


def test_several_models_in_a_zip_file_are_named(genius):
    content = fuzz.make_zip({"r/a.keras": genius.keras_bytes, "r/b.h5": HDF5_SIGNATURE, "r/mine.weights.h5": HDF5_SIGNATURE})
    with pytest.raises(ModelError, match=r"several models: “a.keras”, “b.h5”\. Unpack it"):
        upload.check(content)
