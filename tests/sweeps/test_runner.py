import io
import json
import shlex

import numpy as np
import pandas as pd
import pytest

from digitcore import displays, mnist
from digitcore.errors import QueueFullError, SettingsError, WorkerDiedError
from digitcore.jobs.job import Job, JobStatus
from digitcore.models.network_spec import NetworkSpec
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.plan import MAX_TRIALS, SweepPlan
from digitcore.sweeps.runner import Sweep, was_running
from digitcore.sweeps.space import Range
from digitcore.sweeps.trial import MAX_TRIES, SCORES, TrialResult, TrialTask
from digitcore.training.settings import TrainSettings
from tests.support.jobs import until

BASE = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)
NETWORK = '{"blocks": [{"kind": "conv", "size": 4, "pooling": true}, {"kind": "dense", "size": 8}]}'
POINT = {"epoch": 1.0, "samples_seen": 200.0, "seconds": 1.0, "val_loss": 0.5, "val_accuracy": 0.8}


def advance_until(condition, sweep, service, seconds=240):
    """Advance a sweep until a condition holds."""

    def is_met():
        sweep.advance(service)
        return condition()

    until(is_met, seconds)


def run(sweep, service):
    sweep.resume(service)
    advance_until(lambda: not sweep.is_running, sweep, service)


class Service:
    """A job service that runs no jobs. Each test finishes the jobs."""

    is_closed = False
    capacity = 1

    def __init__(self):
        self.jobs = []

    def submit(self, task, *, owner=""):
        self.jobs.append(Job(task, owner=owner))
        return self.jobs[-1]


class SmallService(Service):
    """A job service whose queue holds two jobs."""

    def submit(self, task, *, owner=""):
        if sum(job.status in (JobStatus.WAITING, JobStatus.RUNNING) for job in self.jobs) == 2:
            raise QueueFullError("The queue is full.")
        return super().submit(task, owner=owner)


def finish(sweep, score=lambda trial: 0.5):
    for trial in sweep.trials:
        if trial.job:
            trial.job.finish(TrialResult(dict.fromkeys(SCORES, score(trial)), [POINT]))


def test_trials_are_all_combinations_and_seeds(genius, few):
    sweep = Sweep(genius, few, SweepPlan({"sample_weight": [1, 20, 1], "epochs": [1, 2]}, BASE, n_seeds=3))
    assert len(sweep.trials) == 12
    assert sweep.trials[-1].settings == BASE.replace(sample_weight=20, epochs=2, seed=2)
    assert sweep.best() is None
    assert sweep.means().empty
    assert len(sweep.table()) == 12


@pytest.mark.parametrize("name", parameter_space.parameters(NETWORK))
def test_the_table_of_every_parameter_can_be_written_to_parquet(name, genius):
    values = parameter_space.usual_values(name, NETWORK)
    table = Sweep(genius, SampleSet(), SweepPlan({name: [*values, values[0]]}, BASE, NETWORK)).table()
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(table.to_parquet(index=False))), table)


def test_random_combinations_are_a_part_of_all_combinations(genius, few):
    space = {"sample_weight": [1, 5, 20, 50], "epochs": [1, 2, 3], "mnist_samples": [200] * 2}
    drawn, again = (SweepPlan(space, BASE, n_seeds=2, n_combinations=5).trials() for _ in range(2))
    assert len(drawn) == 10
    assert len({tuple(trial.values.values()) for trial in drawn}) == 5
    assert [trial.settings for trial in drawn] == [trial.settings for trial in again]
    other = SweepPlan(space, BASE.replace(seed=7), n_seeds=2, n_combinations=5).trials()
    assert [trial.values for trial in other] != [trial.values for trial in drawn]
    assert len(SweepPlan(space, BASE, n_combinations=99).trials()) == 12


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ({"epochs": [0]}, {}),
        ({"nothing": [1]}, {}),
        ({"epochs": []}, {}),
        ({"batch_size": [1]}, {"n_seeds": MAX_TRIALS + 1}),
        ({"learning_rate": Range(1e-4, 1e-2)}, {}),
        ({"epochs": [1, 2]}, {"pruner": "halving"}),
        ({"batch_size": [8, 16]}, {"pruner": "halving"}),
        ({"batch_size": [8, 16]}, {"pruner": "wilcoxon", "n_seeds": 4}),
        ({"batch_size": [8, 16]}, {"pruner": "median"}),
        ({"batch_size": [8, 16]}, {"search": "cma"}),
        ({"batch_size": [8, 16]}, {"search": "tpe"}),
        ({"learning_rate": Range(1e-4, 1e-2)}, {"search": "grid", "n_combinations": 2}),
        ({"blocks.1.size": [8]}, {}),
        ({}, {}),
        ({"seed": [1, 2]}, {}),
        ({"learning_rate": Range(1e308, float("inf"))}, {"n_combinations": 2}),
        ({"mnist_samples": Range(1, 1e9, True)}, {"n_combinations": 2}),
    ],
)
def test_wrong_plans_are_rejected(space, options):
    with pytest.raises(SettingsError):
        SweepPlan(space, BASE, **options).trials()


@pytest.fixture(scope="module")
def partly_held_out(few):
    """Return twenty samples, half of them held out."""
    return SampleSet.from_arrays(few.digits, few.labels, np.arange(20) % 2 == 0)


def test_a_trial_is_scored_on_validation_digits_and_held_out_samples_only(random_mlp, partly_held_out, data, monkeypatch):
    monkeypatch.setattr(mnist.Mnist, "test", property(lambda self: pytest.fail("A trial has read the test digits.")))
    scores = TrialTask(random_mlp, partly_held_out, BASE).run(lambda progress: None, lambda: False).scores
    assert set(scores) == set(SCORES)
    digits, labels = data.validation
    before = random_mlp.predictor().probabilities(digits).argmax(1) == labels
    assert scores["validation_before"] == pytest.approx(before.mean())
    assert scores["added_validation_errors"] == pytest.approx(5000 * (scores["validation_before"] - scores["validation"]))


def test_a_trial_without_held_out_samples_has_no_score_on_them(random_mlp, few):
    scores = TrialTask(random_mlp, few, BASE).run(lambda progress: None, lambda: False).scores
    assert "held_out" not in scores
    assert "held_out_before" not in scores


@pytest.mark.parametrize(("ranked_by", "best"), [("validation", 16), ("held_out", 8)])
def test_trials_are_ranked_by_the_chosen_score(genius, partly_held_out, ranked_by, best):
    plan = SweepPlan({"batch_size": [8, 16]}, BASE.replace(epochs=2), pruner="halving", ranked_by=ranked_by)
    service, sweep = Service(), Sweep(genius, partly_held_out, plan)
    sweep.resume(service)
    while sweep.is_running:
        for trial in sweep.trials:
            if trial.job:
                size = trial.settings.batch_size
                scores = dict.fromkeys(SCORES, 0.5) | {"validation": size / 100, "held_out": 1 - size / 100}
                trial.job.finish(TrialResult(scores, [POINT]))
        sweep.advance(service)
    assert sweep.best() == {"batch_size": best}
    assert best in [trial.values["batch_size"] for trial in sweep.trials if not trial.stopped_early]
    assert ("--rank-by held_out" in sweep.command()) == (ranked_by == "held_out")
    assert SweepPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_ranking_by_held_out_samples_needs_held_out_samples(genius, few):
    with pytest.raises(SettingsError, match="No drawing is held out"):
        Sweep(genius, few, SweepPlan({"epochs": [1, 2]}, BASE, ranked_by="held_out"))
    with pytest.raises(SettingsError, match="The ranking score must be validation or held_out"):
        SweepPlan({"epochs": [1, 2]}, BASE, ranked_by="test")


def test_a_sweep_finds_the_best_and_survives_a_failed_trial(service, random_mlp, few):
    """A trial without MNIST digits and samples has an empty training set. That trial fails, and all other trials run."""
    sweep = Sweep(random_mlp, few.take([]), SweepPlan({"mnist_samples": [0, 200, 1000]}, BASE))
    run(sweep, service)
    table = sweep.table().set_index("mnist_samples")
    assert table["status"].to_dict() == {0: "failed", 200: "done", 1000: "done"}
    assert "Label a drawing" in table.loc[0, "error"]
    assert table.loc[1000, "validation"] > table.loc[200, "validation"]
    assert table["held_out"].isna().all()
    assert sweep.best() == {"mnist_samples": 1000}
    assert set(SCORES) <= set(sweep.means().columns)
    assert len(sweep.means()) == 2
    assert [point["epoch"] for point in sweep.trials[2].history] == [0, 1]


def test_a_network_s_numbers_are_swept(service, random_mlp, few):
    space = {"blocks.1.size": [2, 8], "blocks.2.dropout": [0.0, 0.5]}
    sweep = Sweep(random_mlp, few, SweepPlan(space, BASE, NETWORK))
    run(sweep, service)
    sizes = [NetworkSpec.from_json(trial.network).parameters for trial in sweep.trials]
    assert sweep.table()["parameters"].tolist() == sizes
    assert sizes[0] == sizes[1] < sizes[2]
    assert sweep.n_done == 4
    assert sweep.table()["validation_before"].isna().all()


def test_stop_and_resume(service, random_mlp, few):
    sweep = Sweep(random_mlp, few, SweepPlan({"sample_weight": [1, 5, 20, 50]}, BASE))
    sweep.resume(service)
    advance_until(lambda: sweep.n_ended, sweep, service)
    sweep.stop()
    advance_until(lambda: sweep.is_idle, sweep, service)
    assert 1 <= sweep.n_done < 4
    run(sweep, service)
    assert sweep.n_done == 4


def test_a_trial_whose_worker_died_is_repeated(genius, few):
    service, sweep = Service(), Sweep(genius, few, SweepPlan({"sample_weight": [1, 5]}, BASE))
    sweep.resume(service)
    service.jobs[1].finish(TrialResult(dict.fromkeys(SCORES, 0.5), []))
    for _ in range(MAX_TRIES):
        assert sweep.is_running
        assert sweep.trials[0].status == JobStatus.WAITING
        service.jobs[-1 if len(service.jobs) > 2 else 0].fail(WorkerDiedError())
        sweep.advance(service)
    assert [trial.status for trial in sweep.trials] == [JobStatus.FAILED, JobStatus.DONE]
    assert not sweep.is_running
    assert len(service.jobs) == 1 + MAX_TRIES
    sweep.resume(service)
    assert sweep.trials[0].status == JobStatus.WAITING
    assert len(service.jobs) == 2 + MAX_TRIES


def test_good_combinations_are_trained_further(genius, few):
    plan = SweepPlan({"batch_size": [8, 16, 32, 64, 128]}, BASE.replace(epochs=8), n_seeds=2, pruner="halving")
    service, sweep = Service(), Sweep(genius, few, plan)
    sweep.resume(service)
    counts = []
    while sweep.is_running:
        counts.append([job.task.settings.epochs for job in sweep.jobs()])
        finish(sweep, lambda trial: trial.settings.batch_size / 1000)
        sweep.advance(service)
        first = sweep.first_rung_table()
        assert first["trained_epochs"].tolist() == [2] * 10, "compared trials have the same number of epochs"
        assert first["validation"].tolist() == [trial.settings.batch_size / 1000 for trial in sweep.trials]
    assert [set(epochs) for epochs in counts] == [{2}, {4}, {8}]
    assert len(counts[0]) == 10 > len(counts[1]) >= len(counts[2]) >= 2
    table = sweep.table()
    assert [table["trained_epochs"].ge(epochs).sum() for epochs in (2, 4, 8)] == list(map(len, counts))
    assert set(table["status"][table["trained_epochs"] < 8]) == {"stopped early"}
    assert set(table["status"][table["trained_epochs"] == 8]) == {"done"}
    assert sweep.n_done == 10
    assert sweep.best() == {"batch_size": 128}


def values_by_size(table, *columns):
    return table.sort_values("batch_size")[list(columns)].values.tolist()


def test_the_table_shows_the_trained_epochs_of_each_score(genius, few):
    plan = SweepPlan({"batch_size": [8, 16]}, BASE.replace(epochs=4), pruner="halving")
    service, sweep = Service(), Sweep(genius, few, plan)
    sweep.resume(service)
    finish(sweep, lambda trial: trial.settings.batch_size / 100)
    sweep.advance(service)
    restored = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())), genius, few)
    for one in (sweep, restored):
        assert values_by_size(one.table(), "trained_epochs", "validation") == [[2, 0.08], [2, 0.16]]
    finish(sweep, lambda trial: 0.5)
    sweep.advance(service)
    restored = Sweep.from_dict(json.loads(json.dumps(sweep.to_dict())), genius, few)
    for one in (sweep, restored):
        assert values_by_size(one.table(), "trained_epochs", "validation")[1] == [4, 0.5]
        assert values_by_size(one.first_rung_table(), "validation") == [[0.08], [0.16]]


def test_a_sweep_is_the_same_after_json(genius, few):
    space = {"sample_weight": [1.0, 5.0], "learning_rate": Range(1e-4, 1e-2)}
    sweep = Sweep(genius, few, SweepPlan(space, BASE, n_seeds=2, n_combinations=2))
    sweep.is_running = True
    done, running, failed, waiting = sweep.trials
    done.status, done.scores, done.history = JobStatus.DONE, dict.fromkeys(SCORES, 0.5), [POINT]
    running.status = JobStatus.RUNNING
    failed.status, failed.error = JobStatus.FAILED, "It failed."
    values = json.loads(json.dumps(sweep.to_dict()))
    restored = Sweep.from_dict(values, genius, few)
    assert [trial.status for trial in restored.trials] == ["done", "waiting", "failed", "waiting"]
    assert [trial.settings for trial in restored.trials] == [trial.settings for trial in sweep.trials]
    assert restored.plan == sweep.plan
    assert restored.best() == done.values
    assert restored.trials[0].history == [POINT]
    assert restored.trials[2].error == "It failed."
    assert waiting.status == JobStatus.WAITING
    assert was_running(values)
    assert not restored.is_running
    assert not was_running(None)


@pytest.mark.parametrize(
    "change",
    [
        {"trials": []},
        {"trials": 3},
        {"plan": {"space": {"nothing": [1]}, "base": {}}},
        {"plan": {"space": {"epochs": [{}]}, "base": {}}},
        {"plan": {"space": {"epochs": {"low": 5, "high": 1}}, "base": {}, "n_combinations": 3}},
        {"plan": {"space": {"epochs": [1]}, "base": {}, "network": "x" * 10_000}},
        {"trials": [{"values": {}}]},
    ],
)
def test_a_damaged_sweep_is_rejected(genius, few, change):
    values = Sweep(genius, few, SweepPlan({"epochs": [1]}, BASE)).to_dict()
    with pytest.raises(SettingsError):
        Sweep.from_dict(values | change, genius, few)


def test_the_shell_command_runs_the_same_sweep(genius, few):
    plan = SweepPlan({"blocks.1.size": [8, 16], "learning_rate": Range(1e-4, 1e-2)}, BASE, NETWORK, 2, 6)
    line = Sweep(genius, few, plan).command()
    assert line.startswith("digitlab sweep --samples my-drawings.npz --network '{")
    assert "--set mnist_samples=200" in line
    assert "--set blocks.1.size=8,16" in line
    assert "--set learning_rate=0.0001..0.01" in line
    assert line.endswith("--seeds 2 --draws 6")
    searched = SweepPlan({"batch_size": [8, 16]}, BASE, n_seeds=5, n_combinations=2, pruner="wilcoxon", search="tpe")
    assert searched.command("genius").endswith("--seeds 5 --draws 2 --search tpe --stop-early wilcoxon")
    swept = SweepPlan({"batch_size": [8, 16], "mnist_samples": [0, 500]}, BASE.replace(mnist_samples=200), n_combinations=3)
    pairs = [part for part in shlex.split(swept.command("genius")) if "=" in part]
    assert pairs[-2:] == ["batch_size=8,16", "mnist_samples=0,500"], "the order decides which are drawn"


def test_trials_wait_while_the_queue_is_full(genius, few):
    service = SmallService()
    sweeps = [Sweep(genius, few, SweepPlan({"epochs": [1, 2, 3]}, BASE)) for _ in range(2)]
    for sweep in sweeps:
        sweep.resume(service)
    assert len(service.jobs) == 2
    for _ in range(6):
        assert not any(trial.status == JobStatus.FAILED for sweep in sweeps for trial in sweep.trials)
        for sweep in sweeps:
            finish(sweep)
            sweep.advance(service)
    assert [sweep.n_done for sweep in sweeps] == [3, 3]
    assert not any(sweep.is_running for sweep in sweeps)


def test_a_stopped_sweep_does_not_wait_for_the_queue(genius, few):
    service = SmallService()
    first, second = (Sweep(genius, few, SweepPlan({"epochs": [1, 2]}, BASE)) for _ in range(2))
    first.resume(service)
    second.resume(service)
    assert not second.is_idle
    second.stop()
    assert second.is_idle


def test_one_value_has_no_range(genius, few):
    for n_seeds, is_missing in ((1, True), (2, False)):
        sweep = Sweep(genius, few, SweepPlan({"batch_size": [8, 16]}, BASE, n_seeds=n_seeds))
        for trial in sweep.trials:
            trial.status, trial.scores = JobStatus.DONE, dict.fromkeys(SCORES, 0.5)
        assert sweep.means()["range"].isna().tolist() == [is_missing] * 2
        chart = displays.sweep(sweep, "validation")
        assert chart.chart().to_dict()


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (
            {"learning_rate": 0.1},
            r'The values of learning_rate must be a list or a Range, not 0\.1\. Write {"learning_rate": \[0\.1\]}',
        ),
        ({"epochs": "12"}, r"The values of epochs must be a list or a Range, not '12'\. Write {\"epochs\": \['12'\]}"),
        ({"epochs": np.array([1, 2])}, "The values of epochs must be a list or a Range, not array"),
        ({"epochs": {1: 2}}, r"The values of epochs must be a list or a Range, not \{1: 2\}"),
        ({"epochs": [[1, 2]]}, r"A value of epochs must be a number, a short text, a bool or None, not \[1, 2\]"),
        ([("epochs", [1])], "A sweep needs a dictionary"),
    ],
)
def test_values_that_are_no_list_give_one_sentence(space, sentence):
    with pytest.raises(SettingsError, match=sentence):
        SweepPlan(space, BASE)


def test_values_of_a_tuple_are_a_list():
    assert SweepPlan({"epochs": (1, 2)}, BASE).n_trials == 2
