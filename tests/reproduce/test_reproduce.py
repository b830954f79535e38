"""A run as a command, as a script and as a notebook: all three train the model again."""

import io
import json
import runpy
import shlex
import zipfile
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from digitcore import mnist, models
from digitcore.cli import main
from digitcore.errors import ModelError
from digitcore.evaluation import benchmark
from digitcore.reproduce import Experiment, PackageTask, command, keras_code, notebook, script, to_zip
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord
from digitcore.training import Run, TrainSettings, train

NETWORK = '{"activation":"relu","blocks":[{"kind":"conv","size":4,"pooling":true},{"kind":"dense","size":16}]}'
SMALL = {"epochs": 2, "validation_samples": 100}
TOLERANCE = 0.06  # of the accuracy; two seeds of these small trainings differ by up to 4 points


def run_of(start: models.ModelBundle, samples: SampleSet, settings: TrainSettings) -> RunRecord:
    run = train(start, samples.training_part(), settings)
    return RunRecord(replace(run, model=run.model.rename("run 1")), start)


@pytest.fixture(scope="module")
def fine_tuning(few) -> tuple[RunRecord, SampleSet]:
    samples = replace(few, held_out=np.arange(len(few)) % 4 == 0)
    return run_of(models.load("mlp"), samples, TrainSettings(mnist_samples=300, **SMALL)), samples


@pytest.fixture(scope="module")
def from_scratch(few) -> tuple[RunRecord, SampleSet]:
    from digitcore.models import keras_io

    settings = TrainSettings(mnist_samples=3000, batch_size=32, seed=3, sample_weight=2.0, **SMALL)
    return run_of(keras_io.random_model(NETWORK, seed=3), few, settings), few


@pytest.fixture
def unmeasured(monkeypatch):
    """Measure only one metric of trained models, because all metrics take half a minute."""
    monkeypatch.setattr(benchmark, "measure", lambda model: model.with_card(model.card.with_metrics({"mnist_accuracy": 0.9})))


def points(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return a curve without its times, which differ between trainings."""
    return [{name: value for name, value in point.items() if name != "seconds"} for point in history]


def accuracy(model: models.ModelBundle) -> float:
    digits, labels = mnist.load().test
    return float((model.predictor().probabilities(digits).argmax(1) == labels).mean())


def check_all_three(experiment: Experiment, folder, monkeypatch) -> list[dict[str, float]]:
    """Run the command, the script and the notebook of an experiment. Return the curve of the command and the script."""
    with zipfile.ZipFile(io.BytesIO(to_zip(experiment))) as archive:
        archive.extractall(folder)
    (folder / "mnist.npz").symlink_to(mnist.cache_file())
    monkeypatch.chdir(folder)
    [line] = (folder / "train.sh").read_text().splitlines()
    assert main(shlex.split(line)[1:]) == 0
    by_command = models.load(folder / experiment.folder)
    runpy.run_path(str(folder / "train.py"))
    by_script = models.load(folder / experiment.folder)
    assert points(by_command.card.history) == points(by_script.card.history)
    assert by_command.hash == by_script.hash
    book = nbformat.read(folder / "train.ipynb", as_version=4)
    nbformat.validate(book)
    names: dict = {}
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), names)
    assert abs(names["mnist_accuracy"] - accuracy(by_command)) < TOLERANCE
    return by_command.card.history


def test_a_fine_tuning_is_repeated(fine_tuning, tmp_path, monkeypatch, unmeasured, capsys):
    record, samples = fine_tuning
    history = check_all_three(Experiment.of_run(record, samples), tmp_path, monkeypatch)
    assert points(history) == points(record.run.history)
    assert "held-out samples predicted correctly" in capsys.readouterr().out


def test_a_training_from_scratch_of_a_built_network_is_repeated(from_scratch, tmp_path, monkeypatch, unmeasured):
    record, samples = from_scratch
    experiment = Experiment.of_run(record, samples)
    assert experiment.start is None
    assert points(check_all_three(experiment, tmp_path, monkeypatch)) == points(record.run.history)


def test_a_shipped_recipe_is_repeated(tmp_path, monkeypatch, unmeasured):
    experiment = Experiment.of_recipe("mlp", mnist_samples=3000, **SMALL)
    history = check_all_three(experiment, tmp_path, monkeypatch)
    assert [point["epoch"] for point in history if "val_loss" in point] == [0, 1, 2]


def test_the_initial_model_is_named_or_part_of_the_package(fine_tuning):
    record, samples = fine_tuning
    assert "--start mlp --samples drawings.npz" in command(Experiment.of_run(record, samples))
    again = RunRecord(replace(record.run, model=record.model.rename("run 2")), record.model)
    experiment = Experiment.of_run(again, samples)
    assert "--start ./start" in command(experiment)
    assert 'models.load(HERE / "start")' in script(experiment)
    with zipfile.ZipFile(io.BytesIO(to_zip(experiment))) as archive:
        assert {"start/model.keras", "start/model.tflite", "start/card.json"} <= set(archive.namelist())


def test_random_weights_of_another_seed_are_part_of_the_package(from_scratch):
    record, samples = from_scratch
    other = RunRecord(replace(record.run, settings=record.run.settings.replace(seed=4)), record.start)
    assert "--start ./start" in command(Experiment.of_run(other, samples))


def test_only_the_samples_of_the_run_are_used(fine_tuning, few):
    record, samples = fine_tuning
    later = samples.add(np.full((28, 28), 9, np.uint8), 4)
    experiment = Experiment.of_run(record, later)
    assert experiment.samples.training_part().digit_hashes == samples.training_part().digit_hashes
    assert experiment.warning == ""
    deleted = Experiment.of_run(record, later.drop([1, 2]))
    assert deleted.warning == "2 training drawings of this run were deleted, so the result will differ."
    assert deleted.warning in notebook(deleted)


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "triangular", "optimizer": "sgd", "learning_rate": 0.03},
        {"schedule": "constant", "optimizer": "adamw", "weight_decay": 0.01, "early_stopping": 2},
        {"augment": True, "ema_momentum": 0.9, "oversample": "79", "synthetic_samples": 20, "non_digit_samples": 20},
        {"corrupted_share": 0.3, "noise": "gaussian", "pen_samples": 20},
    ],
)
def test_all_settings_give_valid_code(settings, tmp_path):
    experiment = Experiment.of_recipe("mlp", **settings)
    book = nbformat.reads(notebook(experiment), as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            compile(cell.source, cell.id, "exec")
    compile(script(experiment), "train.py", "exec")
    left_out = book.cells[0].source
    assert ("It leaves out corrupted digits and the noise “gaussian”." in left_out) == ("noise" in settings)


def test_generated_digits_are_part_of_the_package():
    with zipfile.ZipFile(io.BytesIO(to_zip(Experiment.of_recipe("mlp", synthetic_samples=5, non_digit_samples=3)))) as archive:
        arrays = np.load(io.BytesIO(archive.read("data.npz")))
    assert arrays["images"].shape == (8, 28, 28)
    assert (arrays["labels"] == -1).sum() == 3


@pytest.mark.parametrize("name", ["synthetic_samples", "pen_samples", "non_digit_samples"])
def test_the_notebook_says_that_its_generated_digits_stay_the_same(name):
    sentence = "It uses the same generated digits and non-digits in each epoch."
    assert sentence in notebook(Experiment.of_recipe("mlp", **{name: 5}))
    assert sentence not in notebook(Experiment.of_recipe("mlp"))


def test_names_from_a_model_file_do_not_become_code():
    evil = {"module": "keras.layers", "class_name": "Dense(print(1))", "config": {}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [evil]}}))
    assert keras_code.layers(file.getvalue()) == []
    with pytest.raises(ModelError):
        keras_code.layers(b"no file")


def test_the_task_writes_the_package_of_a_run(fine_tuning):
    record, samples = fine_tuning
    task = PackageTask(record, samples)
    with zipfile.ZipFile(io.BytesIO(task.run(lambda progress: None, lambda: False))) as archive:
        assert {"train.sh", "train.py", "train.ipynb", "drawings.npz", "data.npz"} <= set(archive.namelist())
    assert task.key != PackageTask(record, samples.relabel([0], 9)).key


def test_a_run_without_samples_has_no_sample_file(genius):
    record = RunRecord(Run(genius.rename("run 1"), [], TrainSettings(), "genius", 1.0), genius)
    assert command(Experiment.of_run(record, SampleSet())) == "digitlab train --start genius --out run-1"
