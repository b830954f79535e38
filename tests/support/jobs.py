"""Helpers for tests of the worker."""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from digitcore.jobs.service import JobService
from digitcore.jobs.tasks import Priority, Progress, ReadSamplesTask, Task, TrainTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

LONG = TrainSettings(mnist_samples=20_000, epochs=50)
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # s
POLLING_INTERVAL = 0.05  # s


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a condition holds, and fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            print_stacks()
            raise AssertionError("the condition was not met in time")
        time.sleep(POLLING_INTERVAL)


def print_stacks() -> None:
    """Print the stacks of this process and of its workers, so that a hang of a test shows its cause."""
    faulthandler.dump_traceback()
    for nanny in dask_processes("Nanny", psutil.Process().children()):
        _largest_child([nanny]).send_signal(signal.SIGUSR1)
    time.sleep(1)


def submit_training(service, start, samples, settings, resume_from=None, *, owner=""):
    """Submit a training, and return its job."""
    return service.submit(TrainTask(start, samples, settings, resume_from=resume_from), owner=owner)


@dataclass(frozen=True)
class EndlessTask(Task):
    """A task that runs until it is stopped. It needs no TensorFlow, so its worker starts quickly.

    Attributes:
        heeds_stop: Whether the task ends when it is stopped. Its result is then "stopped".
    """

    heeds_stop: bool = True

    @property
    def label(self):
        return "Running"

    def run(self, progress, should_stop):
        progress(Progress(0.0))
        while not (self.heeds_stop and should_stop()):
            time.sleep(POLLING_INTERVAL)
        return "stopped"


class EndlessLowPriorityTask(EndlessTask):
    """An endless task of low priority."""

    priority = Priority.LOW


def answers(service: JobService) -> bool:
    """Check whether a worker completes a task that needs no TensorFlow."""
    sample = SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), np.array([3]))
    return len(service.submit(ReadSamplesTask(sample.to_npz())).wait(PATIENCE).samples) == 1


@dataclass(frozen=True)
class OwnCluster:
    """A job service with a cluster that no other test uses.

    Attributes:
        service: The service.
        scheduler, nannies: Processes that the service has started.
        processes: All processes of the cluster when it had started, including the workers' processes.
        other: Processes that are not of this cluster.
    """

    service: JobService
    scheduler: psutil.Process
    nannies: list[psutil.Process]
    processes: list[psutil.Process]
    other: set[psutil.Process]

    def running(self, kind: str) -> list[psutil.Process]:
        """Return the schedulers or nannies that run now, also if they have been replaced; `kind` as in `dask_processes`."""
        return dask_processes(kind, filter(is_alive, set(psutil.Process().children()) - self.other))

    @property
    def worker(self) -> psutil.Process:
        """Return the process of the worker."""
        return _largest_child(self.nannies)


@contextlib.contextmanager
def own_cluster(**options) -> Iterator[OwnCluster]:
    """Start a job service with a cluster for one test. The options are arguments of `JobService`."""
    before = set(psutil.Process().children())
    service = JobService(**{"imports_training": False, "housekeeping_interval": 0.2} | options)
    try:
        service.warm_up()
        until(lambda: service.worker_count() == service.n_workers)
        started = set(psutil.Process().children()) - before
        (scheduler,) = dask_processes("Scheduler", started)
        nannies = dask_processes("Nanny", started)
        below = [child for nanny in nannies for child in nanny.children(recursive=True)]
        yield OwnCluster(service, scheduler, nannies, [scheduler, *nannies, *below], before)
    finally:
        service.close()


def dask_processes(kind: str, processes) -> list[psutil.Process]:
    """Return the processes that are schedulers or nannies; `kind` is "Scheduler" or "Nanny"."""
    return [process for process in processes if f"distributed.{kind}" in " ".join(process.cmdline())]


def worker_process(server: int) -> psutil.Process:
    """Return the worker of a server that runs in the process with this id."""
    return _largest_child(dask_processes("Nanny", psutil.Process(server).children()))


def _largest_child(nannies: list[psutil.Process]) -> psutil.Process:
    """Return the worker of the nannies: a nanny has a small helper process beside it."""
    below = [process for nanny in nannies for process in nanny.children()]
    return max(below, key=lambda process: process.memory_info().rss)


def is_alive(process: psutil.Process) -> bool:
    """Check whether a process runs. A process that has ended and was not waited for does not run."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class OutsideCluster:
    """A `dask scheduler` that the service did not start, with as many workers as a test starts. Use it in a `with` statement."""

    def __init__(self, folder: Path):
        self.folder, self.workers = folder, []

    def __enter__(self):
        file = self.folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        until(file.exists)
        self.address = json.loads(file.read_text())["address"]
        return self

    def start_worker(self) -> None:
        self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny"))

    def _start(self, *arguments: str) -> subprocess.Popen:
        environment = os.environ | {"DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(message)s"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, "-m", "dask", *arguments], env=environment, cwd=ROOT, **quiet)

    def __exit__(self, *_):
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()
