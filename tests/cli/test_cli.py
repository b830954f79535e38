import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import digitcore
from digitcore import mnist, models
from digitcore.cli import cli, main
from digitcore.cli.options import read_model, read_samples
from digitcore.data.sample_files import to_idx_zip, to_image_zip
from digitcore.evaluation import benchmark
from digitcore.models import registry
from digitcore.sweeps.runner import Sweep
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.settings import TrainSettings
from tests.support.jobs import until
from tests.support.networks import HOSTILE
from tests.support.photographs import photograph

ROOT = Path(__file__).resolve().parents[2]
cli_train = sys.modules["digitcore.cli.train"]  # The package has a command of the same name.
cli_evaluate = sys.modules["digitcore.cli.evaluate"]
TINY_SWEEP = ["mnist_samples=100", "epochs=1", "validation_samples=100"]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Use a cache folder with MNIST and without stored sweeps and trainings."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "mnist.npz").symlink_to(mnist.cache_file())
    monkeypatch.setenv("DIGITLAB_CACHE", str(cache))
    return cache


@pytest.fixture
def unmeasured(monkeypatch):
    """Measure only one metric of trained models, because all metrics take half a minute."""
    monkeypatch.setattr(benchmark, "measure", lambda model: model.with_card(model.card.with_metrics({"mnist_accuracy": 0.1})))


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    listed = re.findall(r"^  ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
    assert listed == sorted(cli.commands)


def test_table_of_settings_in_the_docs_is_up_to_date(capsys):
    assert main(["settings"]) == 0
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page.endswith(capsys.readouterr().out), "run digitlab settings"


def test_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"digitlab, version {digitcore.__version__}\n"


def test_wrong_options_give_one_message(capsys):
    assert main(["sweep", "--set", "epochs=1", "--out", "table.xlsx"]) == 2
    assert ".csv or .parquet" in capsys.readouterr().err
    assert main(["nothing"]) == 2


def test_data_verifies_mnist(capsys):
    assert main(["data"]) == 0
    assert "60,000 training and 10,000 test digits, verified" in capsys.readouterr().out


def test_predict_gives_digit_and_probabilities(tmp_path, capsys, data):
    file = tmp_path / "digit.png"
    Image.fromarray(255 - data.test_images[0]).resize((200, 200)).save(file)
    assert main(["predict", str(file), "--json"]) == 0
    [answer] = json.loads(capsys.readouterr().out)
    assert answer["digit"] == data.test_labels[0]
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert main(["predict", str(file), "--model", "untrained"]) == 0


def test_blank_file_does_not_hide_the_other_predictions(tmp_path, capsys, data):
    blank, digit = tmp_path / "blank.png", tmp_path / "digit.png"
    Image.new("L", (99, 99), 255).save(blank)
    Image.fromarray(255 - data.test_images[0]).resize((200, 200)).save(digit)
    assert main(["predict", str(blank), str(digit), "--json"]) == 1
    out, err = capsys.readouterr()
    assert [row["file"] for row in json.loads(out)] == [str(digit)]
    assert f"{blank} is blank" in err


def test_predict_finds_every_digit_of_a_photograph(tmp_path, capsys):
    file = tmp_path / "photo.jpg"
    file.write_bytes(photograph("shadow", 3, np.random.default_rng(0), n_digits=3))
    assert main(["predict", str(file), "--all", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["digit"] for answer in answers] == [3, 3, 3]
    assert len({tuple(answer["box"]) for answer in answers}) == 3
    assert [answer["line"] for answer in answers] == [0, 0, 0]
    assert main(["predict", str(file), "--all"]) == 0
    assert capsys.readouterr().out.endswith(f"{file}: the digits form 333\n")
    assert main(["predict", str(file)]) == 0
    assert "the largest of 3" in capsys.readouterr().out


def test_labels_that_do_not_fit_the_pictures_are_refused_unless_accepted(tmp_path, capsys, data):
    digits, labels = (part[:100] for part in data.validation)
    inverted, wrong = tmp_path / "inverted.npz", tmp_path / "wrong.npz"
    np.savez(inverted, digits=255 - digits, labels=labels)
    np.savez(wrong, digits=digits, labels=(labels + 1) % 10)
    assert np.array_equal(read_samples(inverted).digits, digits), "black on white is inverted"
    assert main(["labels", str(wrong)]) == 1
    assert "--accept-doubtful" in capsys.readouterr().err
    assert np.array_equal(read_samples(wrong, accept_doubtful=True).digits, digits)
    assert "do not" in capsys.readouterr().err


def test_an_imported_model_is_described(tmp_path, capsys, genius):
    file = tmp_path / "scaled.keras"
    file.write_bytes(genius.keras_bytes)
    assert read_model(str(file)).key == genius.key
    assert capsys.readouterr().err == "", "a model of Digit Lab needs no adaptation"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "nowhere.png"], "no file nowhere.png"),
        (["predict", __file__], "cannot be read as an image"),
        (["predict", "{blank}"], "is blank"),
        (["predict", "{blank}", "--model", "nobody"], "genius"),
        (["evaluate", "nobody"], "genius"),
        (["train", "nobody"], "genius"),
        (["train", "genius", "--set", "epochs=0"], "epochs must lie between"),
        (["train", "genius", "--set", "seed=-1"], "seed must lie between 0 and 2,147,483,647, not -1."),
        (["train", "genius", "--set", "epoch=1"], "no setting called epoch"),
        (["train", "genius", "--set", "epochs"], "not NAME=VALUE"),
        (["data", "--path", "nowhere"], "nowhere"),
        (["sweep", "--set", "epochs=0"], "epochs must lie between"),
        (["sweep", "--set", "seed=1,2"], "use --seeds N"),
        (["sweep", "--set", "seed=3"], "The sweep has no parameter"),
        (["sweep", "--set", "network=mlp,nope"], "network=nope: The network must be one of"),
        (["sweep", "--set", "learning_rate=1e308..2e308", "--draws", "2"], "learning_rate must lie between"),
        (["sweep", "--set", "nothing=1"], "There is no parameter called nothing"),
        (["sweep", "--set", "blocks.1.size=1,2"], "exists only in a built network"),
        (["sweep", "--set", "learning_rate=0.001..0.01"], "Set the number of combinations"),
        (["sweep", "--set", "epochs=1,2", "--network", "nothing.json"], "no file nothing.json"),
        (["sweep", "--set", "epochs=1,2", "--start", "nothing.keras"], "no file nothing.keras"),
        (["predict", "tests"], "tests is a folder"),
        (["train", "--network", "tests"], "tests is a folder"),
        (["train", "--network", __file__], "The network cannot be read"),
        (["train", "untrained", "--set", "epochs=1"], "Set only its seed"),
        (["train", "mlp", "--out", "models/mlp", "--force"], "is a shipped model"),
        (["train", "mlp", "--out", "tests"], "The folder tests exists"),
        (["train", "mlp", "--out", "README.md"], "README.md is a file"),
        (["sweep", "--set", "epochs=1,2", "--out", "nowhere/a.csv"], "There is no folder nowhere"),
        (["sweep", "--set", "epochs=1,2", "--out", "README.md/a.csv"], "README.md is a file, not a folder"),
        (
            ["train", "mlp", "--out", "nowhere", "--log-dir", "README.md/logs"],
            "README.md is a file. Choose another folder with --log",
        ),
        (["sweep", "--set", "epochs=1,2", "--start", "nothing.tflite"], "no file nothing.tflite"),
        (["labels", "tests"], "tests is a folder"),
        (["sweep", "--set", "epochs=1", "--samples", __file__], "This file cannot be read"),
    ],
)
def test_error_is_a_message_and_exit_status_1(arguments, sentence, tmp_path, capsys):
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50)).save(blank)
    assert main([argument.format(blank=blank) for argument in arguments]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_evaluate_measures_the_figures_of_the_card(capsys):
    assert main(["evaluate", "mlp", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    figures = models.load("mlp").card.metrics
    assert row["mnist_accuracy"] == pytest.approx(figures["mnist_accuracy"], abs=2e-4)
    assert row["robustness"].keys() == figures["robustness"].keys()


def test_train_writes_a_model(tmp_path, capsys):
    small = ["mnist_samples=300", "synthetic_samples=50", "epochs=1", "validation_samples=100"]
    logs = ["--log-dir", str(tmp_path / "logs")]
    assert main(["train", "mlp", "--set", *small, "--out", str(tmp_path / "mine"), *logs]) == 0
    assert [*(tmp_path / "logs").glob("events.out.tfevents*")]
    made = models.load("mine", tmp_path)
    assert made.card.name == "mine"
    assert made.card.settings["mnist_samples"] == 300
    assert 0 < made.card.metrics["mnist_accuracy"] <= 1


def _wait_while_running(process, condition):
    """Wait until a condition holds, and fail if the process ends before. A busy machine imports TensorFlow slowly."""

    def is_met():
        assert process.poll() is None, "the process has ended"
        return condition()

    until(is_met, seconds=600)


def _kept_epochs(folder):
    """Return the number of epochs of the saved state."""
    kept = [Checkpoint.load(file) for file in folder.glob("cache/checkpoints/*/checkpoint.npz")]
    return kept[0].points[-1]["epoch"] if kept and kept[0] else 0


@pytest.mark.slow
def test_killed_training_is_resumed(tmp_path, monkeypatch, unmeasured):
    """The first process is killed with -9 in its third epoch. The second training ends as if it had not been killed."""
    settings = ["mnist_samples=6000", "epochs=4", "validation_samples=500", "seed=7"]
    arguments = ["train", "mlp", "--set", *settings, "--out", str(tmp_path / "mlp")]
    shutil.copytree(mnist.cache_file().parent, tmp_path / "cache", ignore=shutil.ignore_patterns("checkpoints"))
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "digitcore", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_while_running(process, lambda: _kept_epochs(tmp_path) >= 2)
    process.kill()
    process.wait()
    before = Checkpoint.load(next(tmp_path.glob("cache/checkpoints/*/checkpoint.npz"))).points
    assert before[-1]["epoch"] >= 2
    assert main(arguments) == 0
    card = models.load("mlp", tmp_path).card
    assert card.history[: len(before)] == before
    assert main([*arguments[:-1], str(tmp_path / "whole" / "mlp")]) == 0
    killed, whole = models.load("mlp", tmp_path), models.load("mlp", tmp_path / "whole")
    curves = [[{**point, "seconds": 0} for point in model.card.history] for model in (killed, whole)]
    assert curves[0] == curves[1]
    digits, labels = (part[:1000] for part in mnist.load().test)
    probabilities = [model.predictor().probabilities(digits) for model in (killed, whole)]
    assert np.allclose(*probabilities, atol=1e-6)
    assert (probabilities[0].argmax(1) == labels).mean() > 0.85
    assert card.history[-1]["epoch"] == 4
    assert [point["epoch"] for point in card.history] == sorted(point["epoch"] for point in card.history)
    assert not [*tmp_path.glob("cache/checkpoints/*")]


@pytest.mark.slow
def test_sweep_writes_a_table(tmp_path, capsys, few, own_cache):
    (tmp_path / "mine.npz").write_bytes(few.to_npz())
    values = ["sample_weight=1,20", "mnist_samples=100", "epochs=1"]
    out = tmp_path / "sweep.parquet"
    command = ["sweep", "--start", "mlp", "--set", *values, "--samples", str(tmp_path / "mine.npz")]
    assert main([*command, "--out", str(out), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["sample_weight"] for row in rows] == [1, 20]
    assert {row["status"] for row in rows} == {"done"}
    assert pd.read_parquet(out)["validation"].tolist() == pytest.approx([row["validation"] for row in rows])
    assert models.load(tmp_path / "sweep").name == "sweep", "the model of the best trial is kept"
    assert not [*own_cache.glob("sweeps/*/trials")]


@pytest.mark.slow
def test_sweep_of_a_built_network_stops_poor_trainings_early(tmp_path, capsys, own_cache):
    file = tmp_path / "tiny.json"
    file.write_text('{"blocks": [{"kind": "dense", "size": 2}]}')
    values = ["blocks.1.size=2,16", "activation=linear", "mnist_samples=200", "epochs=2", "validation_samples=100"]
    assert main(["sweep", "--network", str(file), "--stop-early", "--set", *values, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["status"] for row in rows} == {"done", "stopped early"}
    assert {row["trained_epochs"] for row in rows if row["status"] == "stopped early"} == {1}
    assert {row["trained_epochs"] for row in rows if row["status"] == "done"} == {2}
    assert {row["parameters"] for row in rows} == {2 * 784 + 2 + 30, 16 * 784 + 16 + 170}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_network_gives_one_line(name, tmp_path, capsys):
    text, sentence = HOSTILE[name]
    (tmp_path / "network.json").write_text(text)
    for command in (["train"], ["sweep", "--set", "epochs=1,2"]):
        assert main([*command, "--network", str(tmp_path / "network.json")]) == 1
        shown = capsys.readouterr().err
        assert sentence in shown
        assert len(shown.splitlines()) == 1


def test_network_of_a_file_is_trained(tmp_path, capsys, unmeasured):
    file = tmp_path / "tiny.json"
    file.write_text('{"blocks": [{"kind": "conv", "size": 4, "pooling": true}, {"kind": "dense", "size": 16}]}')
    few = ["mnist_samples=2000", "epochs=1", "validation_samples=100"]
    assert main(["train", "--network", str(file), "--set", *few]) == 0
    card = json.loads((tmp_path / "tiny" / "card.json").read_text())
    page = TrainSettings(mnist_samples=2000, epochs=1, validation_samples=100).resolved(is_trained=False)
    assert TrainSettings.from_dict(card["settings"]) == page, "the defaults of the page for the same start"
    assert '"size":16' in card["network"]
    assert card["history"][-1]["val_accuracy"] > 0.2
    assert card["name"] == "tiny"
    file.write_text('{"blocks": [{"kind": "conv", "size": 0}]}')
    assert main(["train", "--network", str(file)]) == 1
    assert "Row 1" in capsys.readouterr().err
    assert main(["train", "--network", str(tmp_path / "none.json")]) == 1
    assert "no file" in capsys.readouterr().err
    assert main(["train"]) == main(["train", "genius", "--network", str(file)]) == 2


def test_labels_lists_doubtful_labels(tmp_path, capsys, few):
    file = tmp_path / "mine.npz"
    file.write_bytes(few.relabel([6], 8).to_npz())
    assert main(["labels", str(file), "--start", "fast", "--folds", "2", "--json"]) == 0
    issues = json.loads(capsys.readouterr().out)
    assert issues[0].keys() == {"index", "label", "suggested", "score"}
    assert (issues[0]["index"], issues[0]["label"], issues[0]["suggested"]) == (6, 8, few.labels[6])
    assert [issue["score"] for issue in issues] == sorted(issue["score"] for issue in issues)


def test_a_variant_does_not_replace_a_shipped_model(tmp_path, monkeypatch, capsys, unmeasured):
    shipped = (registry.SHIPPED_FOLDER / "mlp" / "card.json").read_bytes()
    monkeypatch.chdir(tmp_path)
    command = ["train", "mlp", "--set", *TINY_SWEEP]
    assert main(command) == 0
    assert "mlp still names the shipped model. Use ./mlp for this one." in capsys.readouterr().err
    made = models.load("./mlp")
    assert made.card.settings["mnist_samples"] == 100
    assert main(command) == 1
    assert "replace its model with --force" in capsys.readouterr().err
    assert main([*command, "seed=3", "--force"]) == 0
    assert models.load("./mlp").card.settings["seed"] == 3
    assert main([*command, "--write"]) == 2
    assert (registry.SHIPPED_FOLDER / "mlp" / "card.json").read_bytes() == shipped


def test_the_readme_of_the_models_is_written_alone(capsys):
    for arguments in (["mlp"], ["--json"]):
        assert main(["evaluate", "--write", *arguments]) == 2
        assert "Use it without MODEL and --json." in capsys.readouterr().err


def test_the_seed_changes_the_initial_weights(tmp_path, unmeasured, untrained, data):
    assert main(["train", "untrained", "--set", "seed=1", "--out", str(tmp_path / "one")]) == 0
    assert main(["train", "untrained", "--out", str(tmp_path / "zero")]) == 0
    one, zero = (models.load(tmp_path / name).predictor().probabilities(data.test_images[:20]) for name in ("one", "zero"))
    assert np.allclose(zero, untrained.predictor().probabilities(data.test_images[:20]), atol=1e-6)
    assert not np.allclose(one, zero, atol=1e-3)


def test_every_kind_of_model_predicts(tmp_path, capsys, data):
    file, kinds = tmp_path / "digit.png", registry.SHIPPED_FOLDER / "mlp"
    Image.fromarray(255 - data.test_images[0]).resize((200, 200)).save(file)
    answers = []
    for model in ("mlp", kinds, kinds / "model.keras", kinds / "model.tflite"):
        assert main(["predict", str(file), "--model", str(model), "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out)[0]["probabilities"])
    assert answers == answers[:1] * 4


def test_every_kind_of_sample_file_is_read(tmp_path, few):
    for name, content in (("a.npz", few.to_npz()), ("b.zip", to_image_zip(few)), ("c.zip", to_idx_zip(few))):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(read_samples(tmp_path / name).digits, few.digits)


def test_an_existing_table_is_replaced_only_with_force(tmp_path, capsys, own_cache, monkeypatch):
    monkeypatch.setattr(Sweep, "resume", lambda self, runner: None)
    out = tmp_path / "sweep.csv"
    out.write_text("precious")
    command = ["sweep", "--set", "batch_size=8,16", "--out", str(out)]
    assert main(command) == 1
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert main([*command, "--force"]) == 0
    assert "batch_size" in out.read_text()


def test_completion_of_models_recipes_and_settings(monkeypatch, capsys):
    monkeypatch.setenv("_DIGITLAB_COMPLETE", "bash_complete")
    for words, expected in (
        ("digitlab predict --model gen", "genius"),
        ("digitlab train salt", "salt-pepper-5"),
        ("digitlab train mlp --set epo", "epochs="),
        ("digitlab sweep --set network=ml", "network=mlp"),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        with pytest.raises(SystemExit):
            main([])
        assert f"plain,{expected}" in capsys.readouterr().out.splitlines()


def _start(arguments, **options):
    """Start the command in a separate process group, which gets the signals of a terminal.

    A shell lets its background processes ignore Ctrl-C, and a child inherits that. The command must react, as in a terminal.
    """
    command = [sys.executable, "-m", "digitcore", *arguments]
    options |= {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, start_new_session=True, **options)


def test_a_full_disk_gives_one_line():
    with open("/dev/full", "w") as full:
        process = _start(["settings"], stdout=full, stderr=subprocess.PIPE)
        assert process.communicate()[1].splitlines() == [
            "Cannot write the output (No space left on device). Check the disk and its permissions."
        ]
    assert process.returncode == 1


def test_an_interrupt_of_the_evaluation_keeps_the_trained_model(tmp_path, capsys, monkeypatch, genius):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_train, "_fit", lambda *args: genius)
    monkeypatch.setattr(benchmark, "measure", interrupt)
    assert main(["train", "genius", "--out", str(tmp_path / "mine")]) == 130
    assert f"The trained model is in {tmp_path / 'mine'}" in capsys.readouterr().err
    assert registry.load_folder(tmp_path / "mine").hash == genius.hash


def test_tensorflow_writes_no_warnings_of_several_models():
    program = """
from digitcore.cli import main
main(["settings"])
import tensorflow
tensorflow.get_logger().warning("triggered tf.function retracing")
tensorflow.get_logger().error("an error")
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.stderr.strip() == "ERROR:tensorflow:an error"


def test_an_interrupt_before_the_training_is_one_sentence(tmp_path, capsys, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_train, "_check_folder", interrupt)
    assert main(["train", "mlp", "--out", str(tmp_path / "mine")]) == 130
    assert capsys.readouterr().err.strip() == "Interrupted. Run the same command again."


def test_an_interrupt_during_the_imports_is_one_sentence():
    program = """
import sys
from digitcore.__main__ import run

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
run()
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (130, "Interrupted. Run the same command again.\n")


def test_another_optimizer_gets_its_own_learning_rate(tmp_path, unmeasured, capsys, monkeypatch):
    """SGD needs a higher learning rate than the recipe's, which belongs to Adam."""
    used = []
    monkeypatch.setattr(cli_train, "_fit", lambda start, samples, settings, name, log_dir: used.append(settings) or start)
    for number, values in enumerate((["optimizer=sgd"], ["optimizer=sgd", "learning_rate=0.002"], ["epochs=3"])):
        assert main(["train", "mlp", "--set", *values, "--out", str(tmp_path / str(number))]) == 0
    errors = capsys.readouterr().err
    assert [settings.learning_rate for settings in used] == [None, 0.002, 0.001]
    assert "Optimizer sgd, learning rate 0.03" in errors
    assert "Optimizer sgd, learning rate 0.002" in errors
    assert "Optimizer adam, learning rate 0.001" in errors


@pytest.mark.parametrize(("accuracy", "is_warned"), [(0.1135, True), (0.97, False)])
@pytest.mark.parametrize(
    ("momentum", "expected"), [(0, ""), (0.5, ""), (0.999, "(ema_momentum=0.999) needs about 3,000 steps, and there were 78.")]
)
def test_a_model_near_chance_gives_a_warning(accuracy, is_warned, momentum, expected, tmp_path, capsys, monkeypatch):
    """A short training with an average of the weights still consists of its initial weights. It has not collapsed."""
    history = [{"epoch": 1.0, "samples_seen": 10_000, "seconds": 1.0}]
    monkeypatch.setattr(cli_train, "_fit", lambda start, *_: start.with_card(replace(start.card, history=history)))
    measured = {"mnist_accuracy": accuracy}
    monkeypatch.setattr(benchmark, "measure", lambda model: model.with_card(model.card.with_metrics(measured)))
    assert main(["train", "mlp", "--set", f"ema_momentum={momentum}", "--out", str(tmp_path / "model")]) == 0
    errors = capsys.readouterr().err
    assert ("hardly better than chance. It predicts 11.3 % of the test digits" in errors) == is_warned
    assert ("lower learning rate than 0.001." in errors) == is_warned
    assert ("needs about" in errors) == (is_warned and bool(expected))
    assert not is_warned or expected in errors


@pytest.mark.slow
def test_an_interrupted_sweep_prints_and_keeps_its_results_and_is_resumed(tmp_path, own_cache, capsys):
    """The process gets Ctrl-C when its first trial is stored."""
    out = tmp_path / "sweep.csv"
    settings = ["epochs=1,2", "mnist_samples=500", "validation_samples=100"]
    arguments = ["sweep", "--start", "mlp", "--set", *settings, "--seeds", "4", "--out", str(out)]
    process = _start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _wait_while_running(process, lambda: out.exists() and "done" in out.read_text())
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Highest mean so far on MNIST's 5,000 validation digits: Epochs 1." in printed
    n_done = int(re.search("Interrupted after ([1-7]) of 8 trials.", errors)[1])
    assert not re.search("Traceback|distributed|XNNPACK|INFO|WARNING", errors)
    first = pd.read_csv(out)
    assert first["status"].tolist() == ["done"] * n_done + ["waiting"] * (8 - n_done)
    assert models.load(tmp_path / "sweep").card.settings["epochs"] == 1
    assert main(arguments) == 0
    assert f"{n_done} of 8 trials are already done" in capsys.readouterr().err
    table = pd.read_csv(out)
    assert table["status"].tolist() == ["done"] * 8
    assert table.loc[0].equals(first.loc[0]), "the first trial was not trained again"


def test_models_of_one_name_are_told_apart(capsys, monkeypatch):
    mlp = models.load("mlp")
    monkeypatch.setattr(benchmark, "measure", lambda model: model)
    monkeypatch.setattr(cli_evaluate, "read_model", lambda source: mlp.rename(Path(source).stem))
    for sources, names in (
        (["a/m.tflite"], ["m"]),
        (["a/m.tflite", "a/m.keras", "mlp"], ["m.tflite", "m.keras", "mlp"]),
        (["a/m.tflite", "b/m.tflite", "b/m.tflite"], ["a/m.tflite", "b/m.tflite"]),
    ):
        assert main(["evaluate", *sources, "--json"]) == 0
        assert [row["name"] for row in json.loads(capsys.readouterr().out)] == names


def test_a_model_without_a_measured_threshold_is_named(tmp_path, capsys, data):
    shutil.copy(registry.SHIPPED_FOLDER / "mlp" / "model.tflite", tmp_path / "m.tflite")
    Image.fromarray(255 - data.test_images[0]).resize((200, 200)).save(tmp_path / "digit.png")
    sentence = "The confidence threshold of this model was not measured. The default is 50 %."
    for model, is_default in ((tmp_path / "m.tflite", True), (registry.SHIPPED_FOLDER / "mlp" / "model.tflite", False)):
        assert main(["predict", str(tmp_path / "digit.png"), "--model", str(model)]) == 0
        assert (sentence in capsys.readouterr().err) == is_default


def test_a_share_below_1_is_not_printed_as_100_percent(capsys, monkeypatch):
    card = models.load("mlp").card
    measured = card.with_metrics({"mnist_accuracy": 0.99999, "mnist_interval": [0.99998, 0.99999]})
    monkeypatch.setattr(benchmark, "measure", lambda model: model.with_card(measured))
    assert main(["evaluate", "mlp"]) == 0
    assert "100.0" not in capsys.readouterr().out
