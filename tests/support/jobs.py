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

from digitcore.jobs.tasks import ReadSamplesTask, TrainTask
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


def submit_training(service, start, samples, settings, resume_from=None, **options):
    """Submit a training."""
    return service.submit(TrainTask(start, samples, settings, resume_from), **options)


@dataclass(frozen=True)
class EndlessTask:
    """Runs until it is asked to stop, or for ever; it shows what happens around a task in less time than a training.

    Attributes:
        heeds_stop: whether it ends when asked to; its result is "stopped" then.
    """

    heeds_stop: bool = True

    def with_limits(self, limits):
        return self

    def run(self, progress, should_stop):
        progress({"share": 0.0})
        while not (self.heeds_stop and should_stop()):
            time.sleep(0.1)
        return "stopped"


def answers(service):
    """Whether a worker does what it is asked to, with a task that needs no TensorFlow."""
    one = SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), np.array([3]))
    return len(service.submit(ReadSamplesTask(one.to_npz())).wait(PATIENCE).samples) == 1


def worker_process():
    """The one that trains: the largest below the nannies of this process; a dashboard that it has started has its own."""
    nannies = [child for child in psutil.Process().children() if "distributed.Nanny" in " ".join(child.cmdline())]
    below = [process for nanny in nannies for process in nanny.children()]
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
