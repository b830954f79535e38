"""The real worker: a scheduler, a nanny and a worker process, started by the service as the dashboard does."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from digitcore import preload
from digitcore.errors import JobError
from digitcore.jobs import JobService, Limits
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet

ROOT = Path(__file__).resolve().parent.parent
LONG = TrainSettings(mnist_samples=20_000, epochs=50)
PATIENCE = 120  # s


def test_a_process_that_starts_when_its_server_is_gone_ends():
    late = "import time; from digitcore import preload; preload.dask_setup(object()); time.sleep(60); raise SystemExit(1)"
    gone = os.environ | {preload.SERVER: str(max(psutil.pids()) + 1000)}
    assert subprocess.run([sys.executable, "-c", late], env=gone, cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


def until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def workers_of(service):
    """The workers that a service's cluster has by now."""
    service.warm()
    return service._client.scheduler_info(n_workers=-1)["workers"] if service._client else {}


def worker_process():
    """The one that trains: the largest below us."""
    return max(psutil.Process().children(recursive=True), key=lambda process: process.memory_info().rss)


def test_training_tells_and_returns(service, blank, few):
    job = service.train(blank, few, TrainSettings(mnist_samples=2000, epochs=1))
    run = job.wait(PATIENCE)
    assert job.messages == run.history
    assert run.before.of == run.after.of == 10_000 and run.after.correct > run.before.correct
    assert run.model.card.figures["mnist_accuracy"] == pytest.approx(run.after.share, abs=1e-4)


def test_server_process_needs_no_keras(service, blank):
    """What the server imports, in a process of its own: pytest's has Keras from other tests."""
    code = """
        import sys
        from digitcore import charts, jobs, models, worker
        models.load("genius").predictor()
        assert not {"keras", "tensorflow", "sklearn"} & set(sys.modules), "the server must stay small"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_evaluate(service, genius):
    job = service.evaluate(genius)
    found = job.wait(PATIENCE)
    assert found.mnist.accuracy == pytest.approx(genius.card.figures["mnist_accuracy"], abs=1e-4)
    assert found.milliseconds > 0
    assert service.evaluate(genius).wait(PATIENCE).mnist.correct == found.mnist.correct


def test_stress_can_be_stopped(service, genius):
    job = service.stress(genius)
    until(lambda: job.messages)
    job.stop()
    with pytest.raises(JobError, match="Stopped"):
        job.wait(PATIENCE)
    assert 0 < job.messages[-1]["share"] < 1


def test_explore_and_look_alikes(service, genius, data):
    assert service.explore(3).wait(PATIENCE).mosaic.shape == (280, 560)
    found = service.look_alikes(genius, data.test_images[:1]).wait(PATIENCE)
    assert set(found.labels[0].tolist()) == {7}


def test_stop(service, blank):
    job = service.train(blank, SampleSet(), LONG)
    until(lambda: len(job.messages) > 2)
    job.stop()
    run = job.wait(PATIENCE)
    assert run.stopped and run.history[-1]["epoch"] < 50


def test_an_error_is_a_sentence(service, blank):
    job = service.train(blank, SampleSet(), TrainSettings(mnist_samples=0))
    with pytest.raises(JobError, match="label a drawing"):
        job.wait(PATIENCE)


def test_a_killed_worker_is_reported_and_replaced(service, blank):
    job = service.train(blank, SampleSet(), LONG)
    until(lambda: len(job.messages) > 2)
    worker_process().kill()
    with pytest.raises(JobError, match="worker died"):
        job.wait(PATIENCE)
    again = service.train(blank, SampleSet(), TrainSettings(mnist_samples=500, epochs=1))
    assert again.wait(PATIENCE).after.of == 10_000


def test_a_killed_scheduler_is_reported_and_replaced(blank):
    served = JobService()
    try:
        before = set(psutil.Process().children())
        job = served.train(blank, SampleSet(), LONG)
        until(lambda: len(job.messages) > 1)
        [scheduler] = [
            one for one in set(psutil.Process().children()) - before if "distributed.Scheduler" in " ".join(one.cmdline())
        ]
        scheduler.kill()
        with pytest.raises(JobError, match="worker died"):
            job.wait(PATIENCE)
        again = served.train(blank, SampleSet(), TrainSettings(mnist_samples=200, epochs=1))
        assert again.wait(PATIENCE).after.of == 10_000
    finally:
        served.close()


def test_the_line_is_fair(service, blank):
    """One running job for each owner; the others in order; withdrawn when asked; patient jobs last."""
    short = TrainSettings(mnist_samples=200, epochs=1, validation_samples=100)
    first = service.train(blank, SampleSet(), LONG, owner="ann")
    patient = service.train(blank, SampleSet(), short, owner="ann", patient=True)
    second = service.train(blank, SampleSet(), short, owner="ann")
    other = service.train(blank, SampleSet(), short, owner="bob")
    until(lambda: len(first.messages) > 2)
    assert [job.state for job in (first, second, other, patient)] == ["running", "waiting", "waiting", "waiting"]
    assert (first.ahead, second.ahead, other.ahead, patient.ahead) == (0, 1, 2, 3)
    second.stop()
    with pytest.raises(JobError, match="Withdrawn"):
        second.wait(5)
    first.stop()
    assert first.wait(PATIENCE).stopped
    other.wait(PATIENCE)
    assert not patient.over
    patient.wait(PATIENCE)


def test_a_session_that_is_gone_frees_its_place(blank):
    there = {"ann"}
    served = JobService(is_there=lambda owner: owner in there, idle=30)
    try:
        running = served.train(blank, SampleSet(), LONG, owner="ann")
        waiting = served.train(blank, SampleSet(), LONG, owner="ann")
        until(lambda: len(running.messages) > 1)
        there.clear()
        until(lambda: waiting.over and running.over)
        assert running.result.stopped and waiting.error
    finally:
        served.close()


def test_limits(service, blank, few, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MAX_EPOCHS", "4")
    assert Limits.from_environment() == Limits(epochs=4)
    monkeypatch.setattr(service, "limits", Limits(epochs=4, samples=10, jobs=1))
    with pytest.raises(JobError, match="allows 4 epochs"):
        service.train(blank, few.take([0]), TrainSettings(epochs=5))
    with pytest.raises(JobError, match="allows 10 drawings"):
        service.train(blank, few, TrainSettings(epochs=1))
    monkeypatch.setenv("DIGITLAB_WORKERS", "2")
    assert JobService()._workers == 2 and JobService(workers=3)._workers == 3
    monkeypatch.setenv("DIGITLAB_MAX_EPOCHS", "many")
    with pytest.raises(JobError, match="DIGITLAB_MAX_EPOCHS"):
        Limits.from_environment()


def test_the_limit_of_seconds_stops_and_keeps(service, blank, monkeypatch):
    monkeypatch.setattr(service, "limits", Limits(seconds=2))
    run = service.train(blank, SampleSet(), LONG).wait(PATIENCE)
    assert run.stopped and run.model.card.trained


def test_continue_through_the_service(service, blank):
    settings = TrainSettings(mnist_samples=6000, epochs=2)
    job = service.train(blank, SampleSet(), settings)
    until(lambda: len(job.messages) > 2)
    job.stop()
    part = job.wait(PATIENCE)
    if part.stopped:
        whole = service.train(blank, SampleSet(), settings, goes_on=part).wait(PATIENCE)
        assert not whole.stopped and whole.history[: len(part.history)] == part.history
        assert whole.after.share > 0.9


def test_an_outside_cluster_with_a_worker_killed(tmp_path, blank):
    """A real `dask scheduler` and two `dask worker`s: jobs run on both at once, and one whose worker dies begins again."""
    place = tmp_path / "scheduler.json"
    here = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(message)s"}
    dask = [sys.executable, "-m", "dask"]
    quiet = {"env": here, "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*dask, "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)], **quiet)]
    try:
        until(place.exists)
        address = json.loads(place.read_text())["address"]
        started += [subprocess.Popen([*dask, "worker", address, "--nthreads", "1", "--no-nanny"], **quiet) for _ in range(2)]
        outside = JobService(address)
        until(lambda: len(workers_of(outside)) == 2)
        settings = TrainSettings(mnist_samples=10_000, epochs=2, batch_size=128)
        jobs = [outside.train(blank, SampleSet(), settings, owner=owner) for owner in ("ann", "bob")]
        until(lambda: all(len(job.messages) > 2 for job in jobs))
        assert [job.state for job in jobs] == ["running", "running"]
        started[1].kill()
        until(lambda: any(job.restarts for job in jobs))
        for job in jobs:
            job.stop()
        assert all(job.wait(PATIENCE).after.of == 10_000 for job in jobs)
        outside.close()
    finally:
        for process in started:
            process.kill()


def test_an_idle_worker_is_let_go(blank):
    before = set(psutil.Process().children(recursive=True))
    idle = JobService(idle=1)
    try:
        idle.train(blank, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
        until(lambda: set(psutil.Process().children(recursive=True)) <= before)
        assert idle.train(blank, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
    finally:
        idle.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(how):
    code = """
        import signal, sys, time
        from digitcore.jobs import JobService, Limits
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        service = JobService()
        service.warm()
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
