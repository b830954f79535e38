"""The real worker: a scheduler, a nanny and a worker process, started by the service as the dashboard does."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

from digitcore.errors import JobError
from digitcore.jobs import JobService
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet

LONG = TrainSettings(mnist_samples=20_000, epochs=50)
PATIENCE = 120  # s


def until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


def worker_process():
    """The one that trains: the largest below us."""
    return max(psutil.Process().children(recursive=True), key=lambda process: process.memory_info().rss)


def test_training_tells_and_returns(service, stupid, few):
    job = service.train(stupid, few, TrainSettings(mnist_samples=2000, epochs=1))
    run = job.wait(PATIENCE)
    assert job.messages == run.history
    assert run.before.of == run.after.of == 10_000 and run.after.correct > run.before.correct
    assert run.model.card.figures["mnist_accuracy"] == pytest.approx(run.after.share, abs=1e-4)


def test_server_process_needs_no_keras(service, stupid):
    """What the server imports, in a process of its own: pytest's has Keras from other tests."""
    code = """
        import sys
        from digitcore import charts, jobs, models, worker
        models.load("genius").predictor()
        assert not {"keras", "tensorflow", "sklearn"} & set(sys.modules), "the server must stay small"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_compare(service, stupid, genius, few):
    job = service.compare([stupid, genius], few)
    found = job.wait(PATIENCE)
    assert found.mnist[1].accuracy == pytest.approx(genius.card.figures["mnist_accuracy"], abs=1e-4)
    assert [judged.of for judged in found.yours] == [len(few)] * 2
    assert len(found.pictures) == 60 and found.pictures.dtype == np.uint8
    assert job.messages[-1] == {"share": 1.0}


def test_stop(service, stupid):
    job = service.train(stupid, SampleSet(), LONG)
    until(lambda: len(job.messages) > 2)
    job.stop()
    run = job.wait(PATIENCE)
    assert run.stopped and run.history[-1]["epoch"] < 50


def test_an_error_is_a_sentence(service, stupid):
    job = service.train(stupid, SampleSet(), TrainSettings(mnist_samples=0))
    with pytest.raises(JobError, match="label a drawing"):
        job.wait(PATIENCE)


def test_a_killed_worker_is_reported_and_replaced(service, stupid):
    job = service.train(stupid, SampleSet(), LONG)
    until(lambda: len(job.messages) > 2)
    worker_process().kill()
    with pytest.raises(JobError, match="worker died"):
        job.wait(PATIENCE)
    again = service.train(stupid, SampleSet(), TrainSettings(mnist_samples=500, epochs=1))
    assert again.wait(PATIENCE).after.of == 10_000


def test_an_idle_worker_is_let_go(stupid):
    before = set(psutil.Process().children(recursive=True))
    idle = JobService(idle=1)
    try:
        idle.train(stupid, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
        until(lambda: set(psutil.Process().children(recursive=True)) <= before)
        assert idle.train(stupid, SampleSet(), TrainSettings(mnist_samples=200, epochs=1)).wait(PATIENCE)
    finally:
        idle.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(how):
    code = """
        import signal, sys, time
        from digitcore.jobs import JobService
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
