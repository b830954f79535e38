"""What tests of the worker share."""

import time

import psutil

from digitcore.jobs.tasks import TrainTask
from digitcore.training.settings import TrainSettings

LONG = TrainSettings(mnist_samples=20_000, epochs=50)
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


def worker_process():
    """The one that trains: the largest below us."""
    return max(psutil.Process().children(recursive=True), key=lambda process: process.memory_info().rss)
