"""Files that are not Keras models. The error message names their kind."""

import pickle

import pytest

from digitcore.errors import ModelError
from digitcore.models import upload
from tests.support import fuzz

KINDS = {
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n",
    "TensorFlow Lite": b"\x1c\0\0\0TFL3" + bytes(100),
    "ONNX": b"\x08\x08\x12\x07pytorch\x1a\x05" + bytes(100),
    "PyTorch": fuzz.make_zip({"model/data.pkl": b"\x80\x02", "model/data/0": b"", "model/version": "3"}),
    "SavedModel": fuzz.make_zip({"m/saved_model.pb": b"\x08\x01", "m/variables/variables.index": b""}),
    "Teachable Machine": fuzz.make_zip({"keras_model.h5": b"", "labels.txt": "0 a\n1 b\n"}),
    "TensorFlow.js": fuzz.make_zip({"model.json": "{}", "group1-shard1of1.bin": b""}),
    "only weights and no network": fuzz.make_zip({"model.weights.h5": b""}),
    "damaged": b"PK\x03\x04" + bytes(30),
    "pickle file": pickle.dumps({"a": 1}),
    "not a model": b"hello",
    "not a model saved": b"",
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
