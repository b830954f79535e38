"""The searches and the early stopping of `digitlab sweep`, with a function in place of the trainings."""

import json

import numpy as np
import pytest

from digitcore.cli import main
from digitcore.sweeps.trial import SCORES, TrialResult, TrialTask


@pytest.fixture(autouse=True)
def quick_trials(monkeypatch, tmp_path):
    """Let trials score how near the learning rate is to 0.01, and keep the results in a folder of the test."""

    def run(self, progress, should_stop):
        score = 1 - abs(np.log10(self.settings.learning_rate) + 2) / 10 + self.settings.seed / 1e6
        return TrialResult(dict.fromkeys(SCORES, score), [])

    monkeypatch.setattr(TrialTask, "run", run)
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))


def rows(capsys, *arguments):
    capsys.readouterr()
    assert main(["sweep", "--start", "mlp", *arguments, "--json"]) == 0
    found = capsys.readouterr()
    return json.loads(found.out), found.err


def test_tpe_uses_the_results_so_far(capsys):
    found, said = rows(capsys, "--set", "learning_rate=0.0001..0.1", "--search", "tpe", "--draws", "20")
    errors = [abs(np.log10(row["learning_rate"]) + 2) for row in found]
    assert len(found) == 20
    assert np.mean(errors[10:]) < np.mean(errors[:5]), "later trials are nearer to the best value"
    assert "Importance for good scores (PED-ANOVA)" in said or "Highest mean" in said


def test_stopping_by_epochs_is_the_default(capsys):
    values = ["--set", "learning_rate=0.0001,0.001,0.01,0.1", "epochs=4"]
    by_epochs, _ = rows(capsys, "--stop-early", *values)
    assert {row["status"] for row in by_epochs} == {"done", "stopped early"}
    again, _ = rows(capsys, "--stop-early", "halving", *values)
    assert again == by_epochs
    by_seeds, _ = rows(capsys, "--stop-early", "wilcoxon", "--seeds", "5", *values)
    assert len(by_seeds) == 20


def test_wrong_searches_get_one_sentence(capsys):
    for arguments, sentence in (
        (["--search", "tpe", "--set", "batch_size=8,16"], "The search is tpe. Set the number of combinations to draw."),
        (["--search", "grid", "--set", "batch_size=8..16", "--draws", "2"], "A grid search needs lists of values."),
        (["--stop-early", "wilcoxon", "--set", "batch_size=8,16"], "Wilcoxon's test needs at least 5 seeds"),
    ):
        assert main(["sweep", *arguments]) == 1
        assert sentence in capsys.readouterr().err
