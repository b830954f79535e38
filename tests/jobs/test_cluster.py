"""The processes of a cluster: their start, permitted clients, replacement after a crash, and remaining files.

A test that kills or stops a process has a separate cluster.
"""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client, get_worker
from distributed.security import Security
from distributed.system import MEMORY_LIMIT

from digitcore.errors import JobError, WorkerDiedError
from digitcore.jobs import cluster, cluster_folder, preload
from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import Task
from digitcore.processes import RESOURCE_TRACKER
from tests.support.jobs import PATIENCE, EndlessTask, OutsideCluster, answers, is_alive, own_cluster, until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own():
    """Start a cluster that only this test uses."""
    with own_cluster() as started:
        yield started


@pytest.fixture(scope="module")
def shared_cluster():
    """Start a cluster that the tests of this module share. No test may kill its processes."""
    with own_cluster() as started:
        yield started


@pytest.fixture
def shared(shared_cluster):
    """Return the service of the shared cluster."""
    return shared_cluster.service


def running_job(service):
    """Return a job whose task runs until it is asked to stop."""
    job = service.submit(EndlessTask())
    until(lambda: job.events)
    return job


def test_a_process_that_starts_after_its_server_has_ended_ends(tmp_path):
    late = "import time; from digitcore.jobs import preload; preload.dask_setup(object()); time.sleep(60); raise SystemExit(1)"
    gone = os.environ | {preload.SERVER_PID: str(max(psutil.pids()) + 1000), cluster_folder.FOLDER: str(tmp_path / "run")}
    assert subprocess.run([sys.executable, "-c", late], env=gone, cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


@dataclass(frozen=True)
class ConfigurationTask(Task):
    """A task that returns the configuration of the worker's Dask."""

    @property
    def label(self):
        return "Reading"

    def run(self, progress, should_stop):
        return dask.config.get("distributed.worker.profile.enabled"), dask.config.get("distributed.admin.tick.interval")


def test_a_worker_records_no_statistics(shared):
    assert shared.submit(ConfigurationTask()).wait(PATIENCE) == (False, "500ms")


def test_a_scheduler_that_writes_a_long_log_still_works(own):
    own.service._client.run_on_scheduler(lambda: sys.stderr.write("x" * 1_000_000))
    assert answers(own.service)


@dataclass(frozen=True)
class KeepMemoryTask(Task):
    """A task whose worker keeps memory until it uses this share of its limit."""

    share: float

    @property
    def label(self):
        return "Keeping memory"

    def run(self, progress, should_stop):
        limit, process = get_worker().memory_manager.memory_limit, psutil.Process()
        sys.kept = b"x" * int(limit * self.share - process.memory_info().rss)
        return process.memory_info().rss / limit


def test_a_worker_that_keeps_much_memory_still_takes_jobs(monkeypatch):
    """Dask would pause the worker at 80 % of its limit, and the next job would wait for a long time."""
    monkeypatch.setattr(cluster, "MEMORY_SHARE", 600e6 / MEMORY_LIMIT)
    with own_cluster() as own:
        assert own.service.submit(KeepMemoryTask(0.85)).wait(PATIENCE) == pytest.approx(0.85, abs=0.05)
        time.sleep(1)  # Dask looks at the memory each 100 ms.
        assert answers(own.service)


@dataclass(frozen=True)
class ModulesTask(Task):
    """A task that returns whether the worker has loaded Keras."""

    @property
    def label(self):
        return "Reading"

    def run(self, progress, should_stop):
        return "keras" in sys.modules


def test_a_worker_imports_training_only_if_its_service_requests_it(shared):
    assert not shared.submit(ModulesTask()).wait(PATIENCE)


def test_two_clusters_of_one_process_start_at_the_same_time():
    services = [JobService(imports_training=False) for _ in range(2)]
    try:
        jobs = [service.submit(ConfigurationTask()) for service in services]
        assert [job.wait(PATIENCE) for job in jobs] == [(False, "500ms")] * 2
    finally:
        for service in services:
            service.close()


def test_a_killed_worker_is_reported_and_replaced(own):
    job = running_job(own.service)
    own.worker.kill()
    with pytest.raises(WorkerDiedError):
        job.wait(PATIENCE)
    assert answers(own.service)
    assert is_alive(own.scheduler), "only the worker is replaced"


def test_a_killed_or_terminated_process_is_reported_and_replaced_before_the_next_job(own):
    """Dask would close a terminated nanny or scheduler for seconds, and jobs that were sent to it meanwhile would die."""
    n_loops = count_event_loops()
    for kind, end in itertools.product(("Nanny", "Scheduler"), (signal.SIGKILL, signal.SIGTERM)):
        job = running_job(own.service)
        (process,) = own.running(kind)
        process.send_signal(end)
        with pytest.raises(WorkerDiedError):
            job.wait(PATIENCE)
        assert answers(own.service), (kind, end)
        assert count_event_loops() <= n_loops, "the thread of the dead cluster has ended"


def count_event_loops():
    return sum(thread.name == "IO loop" for thread in threading.enumerate())


def test_a_stopped_worker_is_killed_and_replaced(own):
    """A process that was stopped by a signal does not respond and never ends."""
    job, worker = running_job(own.service), own.worker
    worker.suspend()
    with pytest.raises(WorkerDiedError):
        job.wait(PATIENCE)
    until(lambda: not is_alive(worker))
    assert answers(own.service)


def test_a_killed_worker_of_an_outside_cluster(tmp_path):
    """Jobs run on both workers of a `dask scheduler` at the same time. A job whose worker dies starts again."""
    with OutsideCluster(tmp_path) as outside:
        for _ in range(2):
            outside.start_worker()
        service = JobService(outside.address)
        try:
            service.warm_up()
            until(lambda: service.worker_count() == 2)
            jobs = [service.submit(EndlessTask(), owner=owner) for owner in ("ann", "bob")]
            until(lambda: all(job.events for job in jobs))
            outside.workers[0].kill()
            outside.start_worker()  # The other worker is busy.
            until(lambda: any(job.restarts for job in jobs))
            for job in jobs:
                job.stop()
            assert [job.wait(PATIENCE) for job in jobs] == ["stopped", "stopped"]
            assert sorted(job.restarts for job in jobs) == [0, 1], "the other job goes on"
        finally:
            service.close()


def test_an_interrupt_during_the_start_does_not_reach_the_processes(shared_cluster):
    """A process that imports its modules inherits a mask that blocks SIGINT. A nanny ignores SIGINT before it resets the mask."""
    for process in shared_cluster.processes:
        status = Path(f"/proc/{process.pid}/status").read_text()
        blocked, ignored = (int(re.search(rf"{name}:\s*(\w+)", status)[1], 16) for name in ("SigBlk", "SigIgn"))
        assert (blocked | ignored) & 1 << (signal.SIGINT - 1) or RESOURCE_TRACKER in " ".join(process.cmdline())


def test_idle_workers_are_stopped():
    before = set(psutil.Process().children())
    service = JobService(imports_training=False, idle_timeout=1)
    try:
        job = running_job(service)
        started = set(psutil.Process().children()) - before
        processes = [process for child in started for process in (child, *child.children(recursive=True))]
        assert all(map(is_alive, processes)), "a busy cluster stays"
        job.stop()
        until(lambda: not any(map(is_alive, processes)))
        assert answers(service)
    finally:
        service.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_or_folder_remains_after_the_server(how, tmp_path):
    code = """
        import signal, sys, time
        from digitcore.jobs.service import JobService
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        service = JobService(imports_training=False)
        service.warm_up()
        time.sleep(100)
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"TMPDIR": str(tmp_path)})
    below = []
    try:
        until(lambda: len(psutil.Process(server.pid).children(recursive=True)) >= 4)
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700, "no other account may read the keys"
        below = psutil.Process(server.pid).children(recursive=True)
        os.kill(server.pid, how)
        server.wait(PATIENCE)
        until(lambda: not any(map(is_alive, below)))
        until(lambda: not list(tmp_path.iterdir()))
    finally:
        for process in [server, *filter(is_alive, below)]:
            process.kill()
        server.wait(PATIENCE)


def test_folders_of_killed_servers_are_removed_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, running = (tmp_path / f"{cluster_folder.PREFIX}{pid}-x" for pid in (max(psutil.pids()) + 1000, os.getppid()))
    for folder in (left, running):
        folder.mkdir()
    made = cluster_folder.create()
    assert set(tmp_path.iterdir()) == {running, made}


def test_a_client_without_a_key_cannot_connect(shared, monkeypatch):
    assert answers(shared)
    file = Path(shared._cluster._folder) / cluster_folder.SCHEDULER_FILE
    address = json.loads(file.read_text())["address"]
    assert address.startswith("tls://127.0.0.1:")
    for scheme, security in (("tcp", None), ("tls", Security.temporary())):
        with pytest.raises((OSError, TimeoutError)):
            Client(address.replace("tls", scheme), security=security, timeout=2)


@pytest.mark.parametrize("is_silent", [False, True], ids=["refuses", "silent"])
def test_a_scheduler_that_does_not_answer_is_asked_once_for_all_jobs(is_silent, monkeypatch):
    attempts, connect = [], cluster.connect

    def counted(address):
        attempts.append(address)
        return connect(address)

    monkeypatch.setattr(cluster, "connect", counted)
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT", 0.5)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if is_silent:
            listening.listen()
        service = JobService(f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        try:
            for jobs in (
                [service.submit(EndlessTask(), owner=owner) for owner in ("ann", "bob")],
                [service.submit(EndlessTask())],
            ):
                for job in jobs:
                    with pytest.raises(JobError, match="DASK_SCHEDULER_ADDRESS"):
                        job.wait(PATIENCE)
            assert len(attempts) == 1
        finally:
            service.close()


def test_released_workers_are_replaced(own):
    own.service.release_workers()
    assert own.service.worker_count() == 0
    assert not any(map(is_alive, own.processes))
    assert answers(own.service)


def test_the_number_of_workers_is_configured(monkeypatch):
    monkeypatch.setenv("DIGITLAB_WORKERS", "2")
    for given, expected in ((None, 2), (3, 3)):
        service = JobService(n_workers=given)
        assert service.n_workers == expected
        service.close()
