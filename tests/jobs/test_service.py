"""The job service with a real worker, started as the dashboard starts it."""

import gc
import subprocess
import sys
import textwrap
import threading
import weakref
from pathlib import Path

import pytest

from digitcore import models
from digitcore.errors import JobError, WithdrawnError, WorkerDiedError
from digitcore.jobs import service as job_service
from digitcore.jobs.job import Job
from digitcore.jobs.limits import Limits
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import EvaluateTask, RobustnessTask, StatisticsTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from tests.support.jobs import (
    LONG,
    PATIENCE,
    EndlessLowPriorityTask,
    EndlessTask,
    OutsideCluster,
    answers,
    own_cluster,
    submit_training,
    until,
)

ROOT = Path(__file__).resolve().parents[2]


def test_a_training_reports_its_progress_and_returns_a_run(service, random_mlp, few):
    job = submit_training(service, random_mlp, few, TrainSettings(mnist_samples=2000, epochs=1))
    run = job.wait(PATIENCE)
    assert [event.point for event in job.events if event.point in run.history] == run.history
    assert run.model.card.trained


def test_server_process_needs_no_keras():
    """The test runs the imports of the server in another process, because the process of the tests has loaded Keras."""
    code = """
        import sys
        from digitcore import models
        from digitcore.jobs import service, tasks
        from digitcore.storage import archive, background_saver
        from digitcore.sweeps import runner
        models.load("genius").predictor()
        assert not {"keras", "tensorflow", "sklearn", "pandas", "scipy"} & set(sys.modules), "the server must stay small"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, cwd=ROOT)


def test_a_model_is_evaluated(service):
    mlp = models.load("mlp")
    found = service.submit(EvaluateTask(mlp)).wait(PATIENCE)
    assert found.evaluation.accuracy == pytest.approx(mlp.card.metrics["mnist_accuracy"], abs=1e-4)
    assert found.milliseconds > 0
    assert service.submit(EvaluateTask(mlp)).wait(PATIENCE).evaluation.correct == found.evaluation.correct


def test_the_service_keeps_no_ended_job(service):
    job = service.submit(StatisticsTask(seed=1))
    assert job.wait(PATIENCE).mosaic.shape == (280, 560)
    ended = weakref.ref(job)
    del job
    until(lambda: gc.collect() >= 0 and ended() is None)


def test_a_query_is_stopped(service, genius):
    job = service.submit(RobustnessTask(genius))
    until(lambda: job.events)
    job.stop()
    with pytest.raises(Exception, match="stopped"):
        job.wait(PATIENCE)
    assert job.progress.share < 1


def test_a_training_without_data_fails_with_a_message(service, random_mlp):
    job = submit_training(service, random_mlp, SampleSet(), TrainSettings(mnist_samples=0))
    with pytest.raises(Exception, match="Label a drawing"):
        job.wait(PATIENCE)
    assert answers(service), "the worker is not harmed"


def test_each_owner_has_one_running_job_and_low_priority_comes_last(service):
    first = service.submit(EndlessTask(), owner="ann")
    low = service.submit(EndlessLowPriorityTask(), owner="ann")
    second = service.submit(EndlessTask(), owner="ann")
    other = service.submit(EndlessTask(), owner="bob")
    until(lambda: first.events)
    assert [job.status for job in (first, second, other, low)] == ["running", "waiting", "waiting", "waiting"]
    assert [job.position for job in (first, second, other, low)] == [0, 1, 2, 3]
    second.stop()
    with pytest.raises(WithdrawnError):
        second.wait(PATIENCE)
    first.stop()
    assert first.wait(PATIENCE) == "stopped"
    until(lambda: other.events)
    assert low.status == "waiting"
    other.stop()
    until(lambda: low.events)
    low.stop()
    assert low.wait(PATIENCE) == "stopped"


class UnreadableFuture:
    """A future of a worker that died after its error was reported."""

    status = "error"

    def exception(self, timeout):
        raise TimeoutError


def test_a_job_whose_error_cannot_be_read_does_not_block_the_queue():
    service, job = JobService(), Job(EndlessTask())
    service._queue.add(job, limit=1)
    service._queue.start(job)
    service._on_done(job, UnreadableFuture())
    assert isinstance(job.error, WorkerDiedError)
    assert not len(service._queue)
    service.close()


def test_the_jobs_of_a_closed_session_are_stopped():
    present = {"ann", "bob"}
    with own_cluster(is_wanted=lambda job: job.owner in present) as own:
        running, waiting = (own.service.submit(EndlessTask(), owner="ann") for _ in range(2))
        until(lambda: running.events)
        kept = own.service.submit(EndlessTask(), owner="bob")
        present.remove("ann")
        until(lambda: waiting.done and running.done)
        assert running.result == "stopped"
        assert isinstance(waiting.error, WithdrawnError)
        assert not kept.done
        kept.stop()


def test_limits_of_epochs_and_samples(service, random_mlp, few, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(epochs=4, samples=10))
    with pytest.raises(JobError, match="4 epochs"):
        submit_training(service, random_mlp, few.take([0]), TrainSettings(epochs=5))
    with pytest.raises(JobError, match="10 drawings"):
        submit_training(service, random_mlp, few, TrainSettings(epochs=1))


def test_the_limit_of_jobs(service, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(jobs=1))
    job = service.submit(EndlessTask())
    try:
        with pytest.raises(JobError, match="allows 1"):
            service.submit(EndlessTask())
    finally:
        job.stop()
    assert job.wait(PATIENCE) == "stopped"


def test_a_training_at_its_limit_of_seconds_keeps_its_weights(service, random_mlp, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(seconds=1))
    run = submit_training(service, random_mlp, SampleSet(), LONG).wait(PATIENCE)
    assert run.stopped
    assert run.seconds >= 1
    assert run.history[-1]["epoch"] < LONG.epochs
    assert run.model.card.trained
    assert run.model.hash != random_mlp.hash


def test_a_stopped_training_is_continued(service, random_mlp):
    job = submit_training(service, random_mlp, SampleSet(), LONG)
    until(lambda: len(job.events) > 2)
    job.stop()
    first = job.wait(PATIENCE)
    assert first.stopped
    assert first.history[-1]["epoch"] < LONG.epochs
    job = submit_training(service, random_mlp, SampleSet(), LONG, resume_from=first)
    until(lambda: len(job.events) > 2)
    job.stop()
    second = job.wait(PATIENCE)
    assert second.history[: len(first.history)] == first.history
    assert second.history[-1]["epoch"] > first.history[-1]["epoch"]


@pytest.mark.parametrize("is_asked", [True, False], ids=["asked by the user", "at its limit of seconds"])
def test_the_worker_of_a_job_that_does_not_stop_is_replaced(is_asked):
    with own_cluster(limits=Limits(seconds=100 if is_asked else 0.1), stop_timeout=0.1) as own:
        worker = own.worker
        job = own.service.submit(EndlessTask(heeds_stop=False))
        until(lambda: job.events)
        if is_asked:
            assert not job.done, "it has time left"
            job.stop()
        with pytest.raises(JobError, match="did not stop in time"):
            job.wait(PATIENCE)
        until(lambda: not worker.is_running())


class CountingService(JobService):
    """A service that counts how often it has checked its jobs."""

    n_checks = 0

    def _housekeeping(self) -> None:
        super()._housekeeping()
        self.n_checks += 1


def test_the_limit_of_seconds_counts_from_the_start_on_a_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(job_service, "RESULT_TIMEOUT", 1)
    with OutsideCluster(tmp_path) as outside:
        service = CountingService(outside.address, limits=Limits(seconds=0.1), housekeeping_interval=0.2, stop_timeout=0.1)
        try:
            job = service.submit(EndlessTask(heeds_stop=False))
            until(lambda: job.status == "running")
            n_before = service.n_checks
            until(lambda: service.n_checks > n_before + 5)  # This is longer than the limit plus the time to stop.
            assert not job.done, "there is no worker yet"
            outside.start_worker()
            with pytest.raises(JobError, match="did not stop in time"):
                job.wait(PATIENCE)
            assert job.started_at is not None
        finally:
            service.close()


def test_slow_checks_of_the_service_do_not_delay_jobs(monkeypatch):
    """A check of the processes can take longer than the interval on a busy machine."""
    intervals, may_end = [], threading.Event()
    monkeypatch.setattr(JobService, "_housekeeping", lambda service: may_end.wait(PATIENCE))
    service = JobService(housekeeping_interval=0.001)
    wait = service._closed.wait
    monkeypatch.setattr(service._closed, "wait", lambda seconds: intervals.append(seconds) or wait(seconds))
    try:
        until(lambda: len(intervals) > 10)
        assert service._executor._work_queue.qsize() == 0
    finally:
        may_end.set()
        service.close()


def test_a_closed_service_has_no_threads_and_rejects_jobs(random_mlp):
    def threads():
        return {thread for thread in threading.enumerate() if thread.name.startswith("jobs")}

    before = threads()
    closed = JobService()
    assert threads() - before
    closed.close()
    closed.close()
    assert not threads() - before
    with pytest.raises(JobError, match="shutting down"):
        closed.submit(EvaluateTask(random_mlp))
