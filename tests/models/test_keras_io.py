import io
import os
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import onnx
import pytest

from digitcore import models
from digitcore.errors import ModelError
from digitcore.models import keras_io, networks
from digitcore.training.schedules import TriangularSchedule
from tests.support.clock import set_clock

PLAIN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_both_files_of_a_bundle_give_the_same_probabilities(random_mlp, data):
    digits = data.test_images[:100]
    by_keras = keras_io.predict_in_batches(keras_io.open_model(random_mlp), digits[..., None].astype(np.float32))
    assert np.allclose(by_keras, random_mlp.predictor().probabilities(digits), atol=1e-4)


def test_card_of_random_weights(random_mlp):
    assert not random_mlp.card.trained
    assert random_mlp.card.training_data.n_samples == 0
    assert random_mlp.card.sha256.keys() == {"model.keras", "model.tflite"}
    assert {"keras", "tensorflow", "python"} <= random_mlp.card.versions.keys()


def test_file_that_keras_cannot_open_is_rejected(random_mlp):
    with pytest.raises(ModelError, match="cannot open the model “mine”"):
        keras_io.open_keras(random_mlp.keras_bytes[:1000], "mine")


@pytest.fixture(scope="module")
def compiled():
    """Return the file of a compiled model with every kind of layer of the shipped networks and a schedule of this library."""
    model = networks.build("genius", seed=1)
    model.compile(keras.optimizers.Adam(TriangularSchedule(0.1, 2, 8)), "categorical_crossentropy")
    return model, keras_io.save_keras(model)


def config_of(keras_bytes):
    """Return the text of a file's configuration."""
    with zipfile.ZipFile(io.BytesIO(keras_bytes)) as archive:
        return archive.read("config.json").decode()


@pytest.mark.parametrize("name", ["compiled", *models.names()])
def test_file_has_neither_a_compile_configuration_nor_new_keys(name, compiled):
    text = config_of(compiled[1] if name == "compiled" else models.load(name).keras_bytes)
    for word in ("compile_config", "DTypePolicy", "digit-lab", *keras_io.NEW_KEYS):
        assert word not in text


def test_file_holds_only_the_weights_of_a_trained_model(compiled):
    model = compiled[0]
    model.optimizer.build(model.trainable_variables)
    optimizer = model.optimizer
    content = keras_io.save_keras(model)
    assert len(content) < 1.5 * 4 * model.count_params()
    assert model.optimizer is optimizer


@pytest.mark.parametrize("name", models.names())
def test_shipped_file_holds_only_weights(name):
    bundle = models.load(name)
    assert len(bundle.keras_bytes) < 1.5 * 4 * bundle.card.parameters


def test_file_is_opened_by_keras_without_this_library(compiled, tmp_path):
    model, content = compiled
    (tmp_path / "model.keras").write_bytes(content)
    digits = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.float32)
    np.savez(tmp_path / "expected.npz", digits=digits, probabilities=model(digits))
    code = (
        "import keras, numpy as np; data = np.load('expected.npz'); "
        "model = keras.models.load_model('model.keras'); "
        "assert np.allclose(model(data['digits']), data['probabilities'], atol=1e-5)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=PLAIN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_new_key_without_its_default_is_kept():
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.BatchNormalization(renorm=True)])
    assert '"renorm": true' in config_of(keras_io.save_keras(model))


def test_onnx_file_has_the_stated_versions(random_mlp):
    exported = onnx.load_from_string(keras_io.to_onnx(random_mlp))
    assert exported.ir_version == keras_io.ONNX_IR
    assert {entry.domain: entry.version for entry in exported.opset_import}[""] == keras_io.ONNX_OPSET
    assert [value.name for value in exported.graph.input] == ["digit"]


def test_the_file_of_a_model_depends_on_its_network_and_weights_only(monkeypatch):
    """The lineage names models by the SHA-256 of this file, so that a lab that was opened again must have the same files."""
    model = networks.build("mlp")
    first = keras_io.save_keras(model)
    set_clock(monkeypatch, zipfile, localtime=lambda seconds=0.0: time.localtime(1e9))
    later = keras_io.save_keras(model)
    assert keras_io.save_keras(keras_io.open_keras(later, "mlp")) == first == later
