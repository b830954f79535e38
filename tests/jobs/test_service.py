"""The real worker: a scheduler, a nanny and a worker process, started by the service as the dashboard does."""

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from digitcore import models
from digitcore.errors import JobError
from digitcore.jobs import service as job_service
from digitcore.jobs.job import Priority
from digitcore.jobs.limits import Limits
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import EvaluateTask, NeighborsTask, RobustnessTask, StatisticsTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from tests.support.jobs import LONG, PATIENCE, EndlessTask, OutsideCluster, submit_training, until

ROOT = Path(__file__).resolve().parents[2]


def test_training_reports_and_returns(service, random_mlp, few):
    job = submit_training(service, random_mlp, few, TrainSettings(mnist_samples=2000, epochs=1))
    run = job.wait(PATIENCE)
    assert [event for event in job.events if event in run.history] == run.history
    assert run.mnist_before.n == run.mnist_after.n == 10_000 and run.mnist_after.correct > run.mnist_before.correct
    assert run.model.card.metrics["mnist_accuracy"] == pytest.approx(run.mnist_after.accuracy, abs=1e-4)


def test_server_process_needs_no_keras(service, random_mlp):
    """What the server imports, in a process of its own: pytest's has Keras from other tests."""
    code = """
        import sys
        from digitcore import models
        from digitcore.jobs import service, sweep, tasks
        from digitcore.storage import archive, background_saver
        models.load("genius").predictor()
        assert not {"keras", "tensorflow", "sklearn", "pandas", "scipy"} & set(sys.modules), "the server must stay small"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_evaluate(service, genius):
    job = service.submit(EvaluateTask(genius))
    found = job.wait(PATIENCE)
    assert found.evaluation.accuracy == pytest.approx(genius.card.metrics["mnist_accuracy"], abs=1e-4)
    assert found.milliseconds > 0
    assert service.submit(EvaluateTask(genius)).wait(PATIENCE).evaluation.correct == found.evaluation.correct


def test_robustness_can_be_stopped(service, genius):
    job = service.submit(RobustnessTask(genius))
    until(lambda: job.events)
    job.stop()
    with pytest.raises(JobError, match="Stopped"):
        job.wait(PATIENCE)
    assert 0 < job.events[-1]["share"] < 1


def test_statistics_and_neighbors(service, data):
    assert service.submit(StatisticsTask(3)).wait(PATIENCE).mosaic.shape == (280, 560)
    found = service.submit(NeighborsTask(models.load("mlp"), data.test_images[:1])).wait(PATIENCE)
    assert set(found.labels[0].tolist()) == {7}


def test_stop(service, random_mlp):
    job = submit_training(service, random_mlp, SampleSet(), LONG)
    until(lambda: len(job.events) > 2)
    job.stop()
    run = job.wait(PATIENCE)
    assert run.stopped and run.history[-1]["epoch"] < 50


def test_an_error_is_a_sentence(service, random_mlp):
    job = submit_training(service, random_mlp, SampleSet(), TrainSettings(mnist_samples=0))
    with pytest.raises(JobError, match="label a drawing"):
        job.wait(PATIENCE)


def test_the_queue_is_fair(service, random_mlp):
    """One running job for each owner; the others in order; withdrawn when asked; low priority last."""
    short = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)
    first = submit_training(service, random_mlp, SampleSet(), LONG, owner="ann")
    low = submit_training(service, random_mlp, SampleSet(), short, owner="ann", priority=Priority.LOW)
    second = submit_training(service, random_mlp, SampleSet(), short, owner="ann")
    other = submit_training(service, random_mlp, SampleSet(), short, owner="bob")
    until(lambda: len(first.events) > 2)
    assert [job.status for job in (first, second, other, low)] == ["running", "waiting", "waiting", "waiting"]
    assert (first.position, second.position, other.position, low.position) == (0, 1, 2, 3)
    second.stop()
    with pytest.raises(JobError, match="Withdrawn"):
        second.wait(5)
    first.stop()
    assert first.wait(PATIENCE).stopped
    other.wait(PATIENCE)
    assert not low.done
    low.wait(PATIENCE)


def test_a_session_that_is_gone_frees_its_place():
    there = {"ann"}
    served = JobService(is_connected=lambda owner: owner in there, idle_timeout=30)
    try:
        running, waiting = (served.submit(EndlessTask(), owner="ann") for _ in range(2))
        until(lambda: running.events)
        there.clear()
        until(lambda: waiting.done and running.done)
        assert running.result == "stopped" and waiting.error
    finally:
        served.close()


def test_limits(service, random_mlp, few, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(epochs=4, samples=10, jobs=1))
    with pytest.raises(JobError, match="allows 4 epochs"):
        submit_training(service, random_mlp, few.take([0]), TrainSettings(epochs=5))
    with pytest.raises(JobError, match="allows 10 drawings"):
        submit_training(service, random_mlp, few, TrainSettings(epochs=1))
    with pytest.raises(JobError, match="allows 1 trainings"):
        service.submit(EvaluateTask(random_mlp))
        service.submit(EvaluateTask(random_mlp))


def test_the_limit_of_seconds_stops_and_keeps(service, random_mlp, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(seconds=2))
    run = submit_training(service, random_mlp, SampleSet(), LONG).wait(PATIENCE)
    assert run.stopped and run.model.card.trained


def test_continue_through_the_service(service, random_mlp):
    settings = TrainSettings(mnist_samples=10_000, epochs=2)
    job = submit_training(service, random_mlp, SampleSet(), settings)
    until(lambda: len(job.events) > 2)
    job.stop()
    part = job.wait(PATIENCE)
    assert part.stopped
    whole = submit_training(service, random_mlp, SampleSet(), settings, resume_from=part).wait(PATIENCE)
    assert not whole.stopped and whole.history[: len(part.history)] == part.history
    assert whole.mnist_after.accuracy > 0.9


def test_what_does_not_stop_loses_its_worker(monkeypatch):
    monkeypatch.setattr(job_service, "STOP_TIMEOUT", 1)
    monkeypatch.setattr(job_service, "HOUSEKEEPING_INTERVAL", 0.5)
    ending = JobService(limits=Limits(seconds=1))
    try:
        for is_asked in (True, False):
            job = ending.submit(EndlessTask(heeds_stop=False))
            until(lambda: job.events)  # noqa: B023 waited for at once
            if is_asked:
                job.stop()
            with pytest.raises(JobError, match="was ended"):
                job.wait(PATIENCE)
    finally:
        ending.close()


def test_time_is_counted_from_when_a_worker_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(job_service, "STOP_TIMEOUT", 0.1)
    monkeypatch.setattr(job_service, "HOUSEKEEPING_INTERVAL", 0.2)
    monkeypatch.setattr(job_service, "RESULT_TIMEOUT", 1)
    with OutsideCluster(tmp_path) as outside:
        limited = JobService(outside.address, limits=Limits(seconds=0.1))
        job = limited.submit(EndlessTask(heeds_stop=False))
        until(lambda: job.status == "running")
        assert not job._ended.wait(2), "there is no worker yet"
        outside.start_worker()
        until(lambda: job.done)
        assert job.started_at and job.error == job_service.ENDED
        limited.close()


def test_a_closed_service_has_no_threads_and_takes_no_jobs(random_mlp):
    def threads():
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("jobs")]

    before = threads()
    closed = JobService()
    assert len(threads()) > len(before)
    closed.close()
    closed.close()
    assert threads() == before
    with pytest.raises(JobError, match="shutting down"):
        closed.submit(EvaluateTask(random_mlp))
