"""The command `digitlab log`."""

import importlib
from types import SimpleNamespace

import pytest

from digitcore.cli import main
from digitcore.training import mlflow_log


@pytest.fixture
def opened(lab, monkeypatch):
    """Let the command read the lab of the tests, whose models Keras need not open."""
    monkeypatch.setattr(importlib.import_module("digitcore.cli.log"), "read_lab", lambda file: lab)
    return lab


def test_runs_are_written_for_tensorboard(opened, tmp_path, capsys):
    assert main(["log", "lab.zip", "--log-dir", str(tmp_path / "logs")]) == 0
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["run 1", "run 2"]
    assert "run 1, run 2" in capsys.readouterr().out
    assert main(["log", "lab.zip", "--log-dir", str(tmp_path / "one"), "--run", "run 2"]) == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["run 2"]


def test_runs_are_logged_to_mlflow_with_the_report(opened, monkeypatch, capsys):
    logged = []
    monkeypatch.setattr(mlflow_log, "load", lambda: None)
    monkeypatch.setattr(mlflow_log, "log", lambda run, files: logged.append((run.model.name, files)) or "id")
    monkeypatch.setattr("digitcore.report.ReportTask", lambda lab, names: SimpleNamespace(run=lambda *_: "<html>"))
    assert main(["log", "lab.zip", "--mlflow"]) == 0
    assert logged == [(name, {"report.html": b"<html>"}) for name in ("run 1", "run 2")]
    assert "Logged run 2 to MLflow: run id" in capsys.readouterr().out


def test_wrong_arguments_get_one_sentence(opened, capsys):
    assert main(["log", "lab.zip"]) == 2
    assert "--log-dir FOLDER, --mlflow, or both" in capsys.readouterr().err
    assert main(["log", "lab.zip", "--log-dir", "logs", "--run", "run 9"]) == 1
    assert "no run run 9. Its runs are: run 1, run 2." in capsys.readouterr().err
