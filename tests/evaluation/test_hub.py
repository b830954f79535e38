"""The folder of a model for the Hugging Face Hub: the model card with its metadata, and the files."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from digitcore import models
from digitcore.cli import main
from digitcore.evaluation import hub, model_card
from digitcore.models import keras_io
from digitcore.models.bundle import ModelCard, TrainingData
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.predictor import Predictor


def metadata(text: str) -> dict:
    """Return the metadata at the beginning of a model card."""
    _, head, _ = text.split("---\n", 2)
    return yaml.safe_load(head)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder for a shipped model, without the conversion to ONNX, which takes seconds."""
    target = tmp_path_factory.mktemp("hub") / "mlp"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_io, "to_onnx", lambda bundle: b"onnx")
        assert main(["export", "mlp", "--hub-folder", str(target)]) == 0
    return target


def test_the_folder_has_the_files_of_a_repository(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"README.md", ".gitattributes", "model.keras", "model.tflite", "model.onnx", "card.json", "predict.py"} <= names
    assert (folder / "model.keras").read_bytes() == models.load("mlp").keras_bytes
    assert json.loads((folder / "card.json").read_text())["name"] == "mlp"


def test_the_metadata_is_what_the_hub_reads(folder):
    found, metrics = metadata((folder / "README.md").read_text()), models.load("mlp").card.metrics
    assert found["license"] == "mit"
    assert (found["library_name"], found["pipeline_tag"]) == ("keras", "image-classification")
    assert found["datasets"] == ["ylecun/mnist"]
    [index] = found["model-index"]
    [result] = index["results"]
    assert index["name"] == "mlp"
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"type": "ylecun/mnist", "name": "MNIST", "split": "test"}
    assert result["metrics"] == [{"type": "accuracy", "value": metrics["mnist_accuracy"], "name": "Accuracy"}]


def test_the_card_has_data_metrics_and_limits(folder):
    text = (folder / "README.md").read_text()
    for title in ("Use", "Files", "Network", "Training data", "Training", "Metrics", "Limits"):
        assert f"\n## {title}\n" in text
    assert "55,000 MNIST training digits" in text
    assert "98.09 % (95 % interval" in text


def test_the_initial_model_is_named_in_a_sentence():
    card = ModelCard("mine", "mlp", 10, trained=True, parent="genius", training_data=TrainingData(mnist_digits=300))
    text = model_card.render(replace(models.load("mlp"), card=card), [])
    assert "The last training started from the model `genius` and used:\n\n- 300 MNIST training digits" in text


def test_the_script_of_the_folder_predicts_a_picture(folder, data, tmp_path):
    picture = tmp_path / "digit.png"
    Image.fromarray(255 - data.test_images[0]).resize((200, 200)).save(picture)
    found = subprocess.run([sys.executable, "predict.py", picture], cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout)["digit"] == data.test_labels[0]


def test_an_existing_folder_is_not_replaced(folder, capsys):
    assert main(["export", "mlp", "--hub-folder", str(folder)]) == 2
    assert "--force" in capsys.readouterr().err


def test_a_tflite_file_is_exported_without_keras(tmp_path):
    bundle = replace(models.load("mlp"), keras_bytes=b"")
    files = hub.write(bundle.rename("run 2"), tmp_path / "hub")
    assert "model.keras" not in files and "model.onnx" not in files
    text = (tmp_path / "hub" / "README.md").read_text()
    assert "model.keras" not in text
    assert "license" not in metadata(text)
    digits = np.zeros((1, 28, 28), np.uint8)
    exported = Predictor.load((tmp_path / "hub" / "model.tflite").read_bytes())
    assert (exported.probabilities(digits) == bundle.predictor().probabilities(digits)).all()


@pytest.mark.parametrize("name", ["no", "1.0", "run 2", "null", "a.b"])
def test_a_name_keeps_its_type_in_the_metadata(name):
    card = ModelCard(name, "mlp", 10, trained=True, metrics={"mnist_accuracy": 0.9})
    text = model_card.render(replace(models.load("mlp"), card=card), [], "cc-by-4.0")
    assert metadata(text)["model-index"][0]["name"] == name
    assert metadata(text)["license"] == "cc-by-4.0"


def test_models_without_metrics_and_built_networks_are_described():
    spec = NetworkSpec((Block("dense", 16),)).to_json()
    card = ModelCard("mine", spec, 12_730, trained=False)
    text = model_card.render(replace(models.load("mlp"), card=card), [])
    assert "16 units: 12,560 parameters" in text
    assert "The model was not measured." in text
    assert "The weights are random." in text
    assert "model-index" not in metadata(text)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(keras_io, "to_onnx", lambda bundle: b"onnx")
    file = Path(tmp_path / "file")
    file.write_text("")
    assert main(["export", "mlp", "--hub-folder", str(file / "hub")]) == 1
    assert "cannot be written" in capsys.readouterr().err
