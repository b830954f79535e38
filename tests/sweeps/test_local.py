import pytest

from digitcore import sweeps
from digitcore.errors import ModelError, SettingsError
from digitcore.models import reader, registry
from digitcore.samples import SampleSet
from digitcore.sweeps import summary
from digitcore.sweeps.local import run_locally
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.trial import SCORES, TrialResult, TrialTask
from digitcore.training.settings import TrainSettings

BASE = TrainSettings(mnist_samples=200, epochs=2, validation_samples=100)
POINT = {"epoch": 1.0, "samples_seen": 200.0, "seconds": 1.0, "val_loss": 0.5, "val_accuracy": 0.8}


@pytest.fixture
def quick_trials(monkeypatch):
    """Replace trainings by a function whose score is the batch size divided by 1000."""

    def run(self, progress, should_stop):
        if self.settings.batch_size == 13:
            raise ValueError("unlucky")
        return TrialResult(dict.fromkeys(SCORES, self.settings.batch_size / 1000), [POINT])

    monkeypatch.setattr(TrialTask, "run", run)


def test_the_table_has_all_trials_and_progress_is_reported(quick_trials, few):
    done = []
    table = sweeps.run({"batch_size": [8, 16]}, BASE, samples=few, n_seeds=2, on_progress=lambda sweep: done.append(sweep.n_done))
    assert done == [1, 2, 3, 4]
    assert table["validation"].tolist() == [0.008, 0.008, 0.016, 0.016]
    assert table["seed"].tolist() == [0, 1, 0, 1]


def test_poor_trials_are_stopped_early(quick_trials):
    table = sweeps.run({"batch_size": [8, 16, 32, 64]}, BASE, pruner="halving").set_index("batch_size").sort_index()
    assert set(table["status"]) == {"stopped early", "done"}
    assert table["trained_epochs"].tolist() == [1 if status == "stopped early" else 2 for status in table["status"]]
    assert table.loc[8, "status"] == "stopped early"
    assert table.loc[64, "status"] == "done"


def test_a_stopped_sweep_keeps_completed_trials_and_can_be_resumed(quick_trials, genius):
    sweep = Sweep(genius, SampleSet(), SweepPlan({"batch_size": [8, 16, 32]}, BASE))
    run_locally(sweep, should_stop=lambda: sweep.n_done == 1)
    assert sweep.table()["status"].tolist() == ["done", "waiting", "waiting"]
    assert sweep.is_idle
    run_locally(sweep)
    assert sweep.n_done == 3


def test_a_stopped_training_gives_no_result(quick_trials, genius):
    sweep, calls = Sweep(genius, SampleSet(), SweepPlan({"batch_size": [8]}, BASE)), []

    def should_stop():
        calls.append(None)
        return len(calls) > 1  # The sweep is stopped during the training.

    run_locally(sweep, should_stop=should_stop)
    assert sweep.table()["status"].tolist() == ["waiting"]


def test_an_unexpected_error_fails_only_its_trial(quick_trials):
    table = sweeps.run({"batch_size": [13, 16]}, BASE)
    assert table["status"].tolist() == ["failed", "done"]
    assert table["error"][0] == "The training failed (ValueError: unlucky). Correct the cause, and run the sweep again."


def test_wrong_arguments_are_rejected_before_the_first_training():
    with pytest.raises(SettingsError, match="nothing"):
        sweeps.run({"nothing": [1]}, BASE)
    with pytest.raises(ModelError, match="cannot be trained"):
        sweeps.run({"batch_size": [8]}, BASE, start=reader.load(registry.SHIPPED_FOLDER / "mlp" / "model.tflite"))


def test_a_trial_keeps_its_model_on_request(random_mlp):
    sweep = Sweep(random_mlp, SampleSet(), SweepPlan({"epochs": [1]}, BASE))
    sweep.keeps_models = True
    run_locally(sweep)
    assert sweep.trials[0].model.card.trained


def test_an_unknown_parameter_is_named_with_the_possible_names():
    with pytest.raises(SettingsError, match=r"no parameter called nope\. Choose one of sample_weight, .*, network, activation"):
        sweeps.run({"nope": [1, 2]}, BASE)
    with pytest.raises(SettingsError, match=r"seed cannot be swept\. .* --seeds N .* n_seeds=N"):
        sweeps.run({"seed": [1, 2]}, BASE)


def test_the_best_so_far_is_named_only_while_trials_are_open(quick_trials, genius):
    sweep = Sweep(genius, SampleSet(), SweepPlan({"batch_size": [8, 16, 13]}, BASE))
    run_locally(sweep, should_stop=lambda: sweep.n_done == 1)
    assert summary.describe_best(sweep).startswith("Highest mean so far on")
    run_locally(sweep)
    assert sweep.is_complete, "a failed trial is not open"
    assert summary.describe_best(sweep).startswith("Highest mean on")
