"""What tests of the worker share."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from digitcore.jobs.tasks import Priority, Progress, ReadSamplesTask, Task, TrainTask
from digitcore.samples import SampleSet
from digitcore.training.settings import TrainSettings

LONG = TrainSettings(mnist_samples=20_000, epochs=50)
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # s


def until(condition, seconds=PATIENCE):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)


class LowPriorityTraining(TrainTask):
    """A training of low priority."""

    priority = Priority.LOW


def submit_training(service, start, samples, settings, resume_from=None, *, kind=TrainTask, owner=""):
    """Submit a training."""
    return service.submit(kind(start, samples, settings, resume_from), owner=owner)


@dataclass(frozen=True)
class EndlessTask(Task):
    """Runs until it is asked to stop, or for ever; it shows what happens around a task in less time than a training.

    Attributes:
        heeds_stop: whether it ends when asked to; its result is "stopped" then.
    """

    heeds_stop: bool = True

    @property
    def label(self):
        return "Running"

    def run(self, progress, should_stop):
        progress(Progress(0.0))
        while not (self.heeds_stop and should_stop()):
            time.sleep(0.1)
        return "stopped"


def answers(service):
    """Whether a worker does what it is asked to, with a task that needs no TensorFlow."""
    one = SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), np.array([3]))
    return len(service.submit(ReadSamplesTask(one.to_npz())).wait(PATIENCE).samples) == 1


def dask_processes(kind, server=None):
    """The schedulers or nannies, "Scheduler" or "Nanny", that a process has started: this one, where none is given."""
    return [child for child in psutil.Process(server).children() if f"distributed.{kind}" in " ".join(child.cmdline())]


def worker_process(server=None):
    """The process that trains for a server, given by its number: the largest below its nannies."""
    below = [process for nanny in dask_processes("Nanny", server) for process in nanny.children()]
    return max(below, key=lambda process: process.memory_info().rss)


def is_alive(process):
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class OutsideCluster:
    """A real `dask scheduler`; with workers where one asks for them. Use it in a `with` statement."""

    def __init__(self, folder):
        self.folder, self.workers = folder, []

    def __enter__(self):
        place = self.folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place))
        until(place.exists)
        self.address = json.loads(place.read_text())["address"]
        return self

    def start_worker(self):
        self.workers.append(self._start("worker", self.address, "--nthreads", "1", "--no-nanny"))

    def _start(self, *arguments):
        environment = os.environ | {"DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(message)s"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, "-m", "dask", *arguments], env=environment, cwd=ROOT, **quiet)

    def __exit__(self, *_):
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()
