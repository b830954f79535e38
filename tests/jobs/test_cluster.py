"""Processes that train: how they start, who may speak with them, what happens when they die or hang, what they leave."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client
from distributed.security import Security

from digitcore.errors import JobError
from digitcore.jobs import cluster_folder, preload
from digitcore.jobs.cluster import CONNECT_TIMEOUT
from digitcore.jobs.service import HOUSEKEEPING_INTERVAL, JobService
from digitcore.jobs.tasks import Unlimited
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings
from tests.support.jobs import (
    LONG,
    PATIENCE,
    EndlessTask,
    OutsideCluster,
    answers,
    dask_processes,
    is_alive,
    submit_training,
    until,
    worker_process,
)

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_that_starts_when_its_server_is_gone_ends(tmp_path):
    late = "import time; from digitcore.jobs import preload; preload.dask_setup(object()); time.sleep(60); raise SystemExit(1)"
    gone = os.environ | {preload.SERVER_PID: str(max(psutil.pids()) + 1000), cluster_folder.FOLDER: str(tmp_path / "run")}
    assert subprocess.run([sys.executable, "-c", late], env=gone, cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


@dataclass(frozen=True)
class ConfigurationTask(Unlimited):
    """Returns what the worker's Dask is configured to."""

    def run(self, progress, should_stop):
        return dask.config.get("distributed.worker.profile.enabled"), dask.config.get("distributed.admin.tick.interval")


def test_an_idle_worker_keeps_no_statistics_of_itself(service):
    assert service.submit(ConfigurationTask()).wait(PATIENCE) == (False, "500ms")


def test_two_clusters_of_one_process_start_at_once():
    services = [JobService(), JobService()]
    try:
        jobs = [service.submit(ConfigurationTask()) for service in services]
        assert [job.wait(PATIENCE) for job in jobs] == [(False, "500ms")] * 2
    finally:
        for service in services:
            service.close()


def test_a_killed_worker_is_reported_and_replaced(service, random_mlp):
    job = submit_training(service, random_mlp, SampleSet(), LONG)
    until(lambda: len(job.events) > 2)
    worker_process().kill()
    with pytest.raises(JobError, match="worker died"):
        job.wait(PATIENCE)
    again = submit_training(service, random_mlp, SampleSet(), TrainSettings(mnist_samples=500, epochs=1))
    assert again.wait(PATIENCE).mnist_after.n == 10_000


def test_a_killed_scheduler_is_reported_and_replaced():
    served = JobService()
    try:
        before = dask_processes("Scheduler")
        job = served.submit(EndlessTask())
        until(lambda: job.events)
        [scheduler] = set(dask_processes("Scheduler")) - set(before)
        scheduler.kill()
        with pytest.raises(JobError, match="worker died"):
            job.wait(PATIENCE)
        assert answers(served)
    finally:
        served.close()


def test_a_killed_nanny_is_replaced(service):
    job = service.submit(EndlessTask())
    until(lambda: job.events)
    for nanny in dask_processes("Nanny"):
        nanny.kill()
    with pytest.raises(JobError, match="worker died"):
        job.wait(PATIENCE)
    assert answers(service)


def test_an_outside_cluster_with_a_worker_killed(tmp_path, random_mlp):
    """A real `dask scheduler` and two `dask worker`s: jobs run on both at once, and one whose worker dies begins again."""
    with OutsideCluster(tmp_path) as cluster:
        for _ in range(2):
            cluster.start_worker()
        outside = JobService(cluster.address)
        outside.warm_up()
        until(lambda: outside.worker_count() == 2)
        settings = TrainSettings(mnist_samples=10_000, epochs=2, batch_size=128)
        jobs = [submit_training(outside, random_mlp, SampleSet(), settings, owner=owner) for owner in ("ann", "bob")]
        until(lambda: all(len(job.events) > 2 for job in jobs))
        assert [job.status for job in jobs] == ["running", "running"]
        cluster.workers[0].kill()
        until(lambda: any(job.restarts for job in jobs))
        for job in jobs:
            job.stop()
        assert all(job.wait(PATIENCE).mnist_after.n == 10_000 for job in jobs)
        outside.close()


def test_an_idle_worker_is_let_go():
    before = set(psutil.Process().children())
    idle = JobService(idle_timeout=1)
    try:
        assert answers(idle)
        below = [one for child in set(psutil.Process().children()) - before for one in (child, *child.children(recursive=True))]
        until(lambda: not any(map(is_alive, below)))
        assert answers(idle)
    finally:
        idle.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_server(how, tmp_path):
    code = """
        import signal, sys, time
        from digitcore.jobs.service import JobService
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        service = JobService()
        service.warm_up()
        time.sleep(100)
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"TMPDIR": str(tmp_path)})
    below = []
    try:
        until(lambda: len(psutil.Process(server.pid).children(recursive=True)) >= 4)
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700, "nobody else may read the keys"
        below = psutil.Process(server.pid).children(recursive=True)
        os.kill(server.pid, how)
        server.wait(PATIENCE)
        until(lambda: not any(map(is_alive, below)))
        until(lambda: not list(tmp_path.iterdir()))
    finally:
        for process in below:
            if process.is_running():
                process.kill()


def test_what_killed_processes_left_behind_is_removed_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, running = (tmp_path / f"{cluster_folder.PREFIX}{pid}-x" for pid in (max(psutil.pids()) + 1000, os.getppid()))
    for folder in (left, running):
        folder.mkdir()
    made = cluster_folder.create()
    assert set(tmp_path.iterdir()) == {running, made}


def test_who_has_no_key_cannot_speak_with_the_cluster(service):
    assert answers(service)
    files = list(Path(tempfile.gettempdir()).glob(f"{cluster_folder.PREFIX}{os.getpid()}-*/{cluster_folder.SCHEDULER_FILE}"))
    assert files
    for address in (json.loads(file.read_text())["address"] for file in files):
        assert address.startswith("tls://127.0.0.1:")
        for scheme, security in (("tcp", None), ("tls", Security.temporary())):
            with pytest.raises((OSError, TimeoutError)):
                Client(address.replace("tls", scheme), security=security, timeout=2)


def test_a_stopped_worker_is_noticed(service):
    job = service.submit(EndlessTask())
    until(lambda: job.events)
    worker_process().suspend()
    begin = time.monotonic()
    with pytest.raises(JobError, match="The worker died"):
        job.wait(PATIENCE)
    assert time.monotonic() - begin < 3 * HOUSEKEEPING_INTERVAL
    assert answers(service)


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_scheduler_that_does_not_answer_is_said_at_once_and_remembered(random_mlp, is_silent):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if is_silent:
            listening.listen()
        outside = JobService(f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        try:
            jobs = [submit_training(outside, random_mlp, SampleSet(), LONG, owner=owner) for owner in ("ann", "bob", "cem")]
            begin = time.monotonic()
            for job in jobs:
                with pytest.raises(JobError, match=r"does not answer\. Check DASK_SCHEDULER_ADDRESS"):
                    job.wait(PATIENCE)
            first = time.monotonic() - begin
            with pytest.raises(JobError, match="does not answer"):
                submit_training(outside, random_mlp, SampleSet(), LONG).wait(PATIENCE)
            assert time.monotonic() - begin - first < first or first < 1, "one attempt for all"
            assert first < 2 * CONNECT_TIMEOUT
        finally:
            outside.close()


def test_released_workers_are_replaced():
    releasing = JobService()
    try:
        for _ in range(2):
            assert answers(releasing)
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
