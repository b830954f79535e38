"""The real worker: a scheduler, a nanny and a worker process, started by the service as the dashboard does."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from digitcore.errors import JobError
from digitcore.jobs import preload
from digitcore.jobs.job import Priority
from digitcore.jobs.limits import Limits
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import EvaluateTask, NeighborsTask, RobustnessTask, StatisticsTask, TrainTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

ROOT = Path(__file__).resolve().parents[2]
LONG = TrainSettings(mnist_samples=20_000, epochs=50)
PATIENCE = 120  # s


def test_a_process_that_starts_when_its_server_is_gone_ends():
    late = "import time; from digitcore.jobs import preload; preload.dask_setup(object()); time.sleep(60); raise SystemExit(1)"
    gone = os.environ | {preload.SERVER_PID: str(max(psutil.pids()) + 1000)}
    assert subprocess.run([sys.executable, "-c", late], env=gone, cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


def until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def submit_training(service, start, samples, settings, resume_from=None, **options):
    return service.submit(TrainTask(start, samples, settings, resume_from), **options)


def worker_process():
    """The one that trains: the largest below us."""
    return max(psutil.Process().children(recursive=True), key=lambda process: process.memory_info().rss)


def test_training_reports_and_returns(service, untrained, few):
    job = submit_training(service, untrained, few, TrainSettings(mnist_samples=2000, epochs=1))
    run = job.wait(PATIENCE)
    assert job.events == run.history
    assert run.mnist_before.n == run.mnist_after.n == 10_000 and run.mnist_after.correct > run.mnist_before.correct
    assert run.model.card.metrics["mnist_accuracy"] == pytest.approx(run.mnist_after.accuracy, abs=1e-4)


def test_server_process_needs_no_keras(service, untrained):
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


def test_statistics_and_neighbors(service, genius, data):
    assert service.submit(StatisticsTask(3)).wait(PATIENCE).mosaic.shape == (280, 560)
    found = service.submit(NeighborsTask(genius, data.test_images[:1])).wait(PATIENCE)
    assert set(found.labels[0].tolist()) == {7}


def test_stop(service, untrained):
    job = submit_training(service, untrained, SampleSet(), LONG)
    until(lambda: len(job.events) > 2)
    job.stop()
    run = job.wait(PATIENCE)
    assert run.stopped and run.history[-1]["epoch"] < 50


def test_an_error_is_a_sentence(service, untrained):
    job = submit_training(service, untrained, SampleSet(), TrainSettings(mnist_samples=0))
    with pytest.raises(JobError, match="label a drawing"):
        job.wait(PATIENCE)


def test_a_killed_worker_is_reported_and_replaced(service, untrained):
    job = submit_training(service, untrained, SampleSet(), LONG)
    until(lambda: len(job.events) > 2)
    worker_process().kill()
    with pytest.raises(JobError, match="worker died"):
        job.wait(PATIENCE)
    again = submit_training(service, untrained, SampleSet(), TrainSettings(mnist_samples=500, epochs=1))
    assert again.wait(PATIENCE).mnist_after.n == 10_000


def test_a_killed_scheduler_is_reported_and_replaced(untrained):
    served = JobService()
    try:
        before = set(psutil.Process().children())
        job = submit_training(served, untrained, SampleSet(), LONG)
        until(lambda: len(job.events) > 1)
        [scheduler] = [
            one for one in set(psutil.Process().children()) - before if "distributed.Scheduler" in " ".join(one.cmdline())
        ]
        scheduler.kill()
        with pytest.raises(JobError, match="worker died"):
            job.wait(PATIENCE)
        again = submit_training(served, untrained, SampleSet(), TrainSettings(mnist_samples=200, epochs=1))
        assert again.wait(PATIENCE).mnist_after.n == 10_000
    finally:
        served.close()


def test_the_queue_is_fair(service, untrained):
    """One running job for each owner; the others in order; withdrawn when asked; low priority last."""
    short = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)
    first = submit_training(service, untrained, SampleSet(), LONG, owner="ann")
    low = submit_training(service, untrained, SampleSet(), short, owner="ann", priority=Priority.LOW)
    second = submit_training(service, untrained, SampleSet(), short, owner="ann")
    other = submit_training(service, untrained, SampleSet(), short, owner="bob")
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


def test_a_session_that_is_gone_frees_its_place(untrained):
    there = {"ann"}
    served = JobService(is_connected=lambda owner: owner in there, idle_timeout=30)
    try:
        running = submit_training(served, untrained, SampleSet(), LONG, owner="ann")
        waiting = submit_training(served, untrained, SampleSet(), LONG, owner="ann")
        until(lambda: len(running.events) > 1)
        there.clear()
        until(lambda: waiting.done and running.done)
        assert running.result.stopped and waiting.error
    finally:
        served.close()


def test_limits(service, untrained, few, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(epochs=4, samples=10, jobs=1))
    with pytest.raises(JobError, match="allows 4 epochs"):
        submit_training(service, untrained, few.take([0]), TrainSettings(epochs=5))
    with pytest.raises(JobError, match="allows 10 drawings"):
        submit_training(service, untrained, few, TrainSettings(epochs=1))
    with pytest.raises(JobError, match="allows 1 trainings"):
        service.submit(EvaluateTask(untrained))
        service.submit(EvaluateTask(untrained))


def test_the_limit_of_seconds_stops_and_keeps(service, untrained, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(seconds=2))
    run = submit_training(service, untrained, SampleSet(), LONG).wait(PATIENCE)
    assert run.stopped and run.model.card.trained


def test_continue_through_the_service(service, untrained):
    settings = TrainSettings(mnist_samples=20_000, epochs=2)
    job = submit_training(service, untrained, SampleSet(), settings)
    until(lambda: len(job.events) > 2)
    job.stop()
    part = job.wait(PATIENCE)
    assert part.stopped
    whole = submit_training(service, untrained, SampleSet(), settings, resume_from=part).wait(PATIENCE)
    assert not whole.stopped and whole.history[: len(part.history)] == part.history
    assert whole.mnist_after.accuracy > 0.9


def test_an_outside_cluster_with_a_worker_killed(tmp_path, untrained):
    """A real `dask scheduler` and two `dask worker`s: jobs run on both at once, and one whose worker dies begins again."""
    place = tmp_path / "scheduler.json"
    here = os.environ | {"DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(message)s"}
    dask = [sys.executable, "-m", "dask"]
    quiet = {"env": here, "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*dask, "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)], **quiet)]
    try:
        until(place.exists)
        address = json.loads(place.read_text())["address"]
        started += [subprocess.Popen([*dask, "worker", address, "--nthreads", "1", "--no-nanny"], **quiet) for _ in range(2)]
        outside = JobService(address)
        outside.warm_up()
        until(lambda: outside.worker_count() == 2)
        settings = TrainSettings(mnist_samples=10_000, epochs=2, batch_size=128)
        jobs = [submit_training(outside, untrained, SampleSet(), settings, owner=owner) for owner in ("ann", "bob")]
        until(lambda: all(len(job.events) > 2 for job in jobs))
        assert [job.status for job in jobs] == ["running", "running"]
        started[1].kill()
        until(lambda: any(job.restarts for job in jobs))
        for job in jobs:
            job.stop()
        assert all(job.wait(PATIENCE).mnist_after.n == 10_000 for job in jobs)
        outside.close()
    finally:
        for process in started:
            process.kill()


def test_an_idle_worker_is_let_go(untrained):
    before = set(psutil.Process().children(recursive=True))
    idle = JobService(idle_timeout=1)
    try:
        submit_training(idle, untrained, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
        until(lambda: set(psutil.Process().children(recursive=True)) <= before)
        assert submit_training(idle, untrained, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
    finally:
        idle.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(how):
    code = """
        import signal, sys, time
        from digitcore.jobs.service import JobService
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        service = JobService()
        service.warm_up()
        time.sleep(100)
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    below = []
    try:
        until(lambda: len(psutil.Process(server.pid).children(recursive=True)) >= 4)
        below = psutil.Process(server.pid).children(recursive=True)
        os.kill(server.pid, how)
        server.wait(PATIENCE)
        until(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in below))
    finally:
        for process in below:
            if process.is_running():
                process.kill()


def test_a_closed_service_has_no_threads_and_takes_no_jobs(untrained):
    def threads():
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("jobs")]

    before = threads()
    closed = JobService()
    assert len(threads()) > len(before)
    closed.close()
    closed.close()
    assert threads() == before
    with pytest.raises(JobError, match="shutting down"):
        closed.submit(EvaluateTask(untrained))


def test_released_workers_are_replaced(untrained):
    releasing = JobService()
    try:
        for _ in range(2):
            job = submit_training(releasing, untrained, SampleSet(), TrainSettings(mnist_samples=200, epochs=1))
            assert job.wait(PATIENCE).mnist_after.n == 10_000
            releasing.release_workers()
            assert releasing.worker_count() == 0
    finally:
        releasing.close()


def test_the_configured_number_of_workers(monkeypatch):
    monkeypatch.setenv("DIGITLAB_WORKERS", "2")
    for given, expected in ((None, 2), (3, 3)):
        configured = JobService(n_workers=given)
        assert configured.n_workers == expected
        configured.close()
