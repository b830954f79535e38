"""Leaks as figures: memory per cycle, per training and per opened lab, and what is left of processes that have ended.

`growth.py --leaks` runs this module.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from scipy import stats
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.load import Labeller, Visitor
from digitcore import mnist, models
from digitcore.jobs.service import JobService
from digitcore.samples import SampleSet
from digitcore.storage.database import LabStore, new_token
from digitcore.storage.snapshot import LabSnapshot
from digitcore.training.settings import TrainSettings
from tests.support.browser import SHAPES, Server
from tests.support.jobs import answers, dask_processes, is_alive, own_cluster, submit_training, until

BLOCK = 10  # Neighbouring measurements are not independent, so the line goes through the means of blocks.
N_ENDS = 3  # times that each process is ended
CYCLES_PER_TRAINING = 3  # A training takes as long as several cycles.
PATIENCE = 180  # s
# Caches and the heap grow at first. Memory was level after 300 of 900 cycles, 700 of 1,300 opened labs, and 120 of 300 trainings.
WARM_UP_CYCLES, WARM_UP_LABS, WARM_UP_TRAININGS = 300, 700, 150


@dataclass(frozen=True)
class Slope:
    """The slope of a line through measurements, with a 95 % interval of a t distribution.

    Attributes:
        value: Slope, in bytes per step.
        half: Half of the width of the interval.
        n: Number of steps.
    """

    value: float
    half: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Slope":
        """Return the slope of values that were measured after each step.

        Args:
            values: At least 30 values.
        """
        size = min(BLOCK, len(values) // 3)
        n_blocks = len(values) // size
        means = np.asarray(values[-n_blocks * size :]).reshape(n_blocks, size).mean(axis=1)
        line = stats.linregress(size * np.arange(n_blocks), means)
        return cls(float(line.slope), float(line.stderr * stats.t.ppf(0.975, n_blocks - 2)), len(values))

    @property
    def contains_zero(self) -> bool:
        """Whether the interval contains zero."""
        return abs(self.value) <= self.half

    def __str__(self) -> str:
        low, high = ((self.value + sign * self.half) / 1000 for sign in (-1, 1))
        verdict = "contains zero" if self.contains_zero else "does not contain zero"
        return f"{self.value / 1000:+.1f} kB ({low:+.1f} to {high:+.1f}) in {self.n} steps; the interval {verdict}"


class Cycler(Labeller):
    """A websocket that draws a digit, labels it, and takes the label back, so that its lab does not grow."""

    shifts = (0,)  # The predictions of each further drawing would be cached.

    async def cycle(self, digit: int) -> None:
        """Draw a digit, label it, and press Undo."""
        await self.draw_and_label(digit)
        undo = BackMsg(rerun_script={"page_script_hash": self.page_hash, "query_string": self.query})
        self.press(undo, "undo_label")
        await self.send(undo)


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.stop()


def memory(pid: int) -> int:
    """Return the memory that only this process uses, in bytes."""
    return psutil.Process(pid).memory_full_info().uss


def measure_cycles(n: int) -> Slope:
    """Return the memory of the server per cycle of drawing, labelling and taking the label back."""

    async def work(server: Server) -> list[int]:
        visitor, sizes = Cycler(server.url, 0), []
        async with visitor.connect():
            await visitor.send(BackMsg(rerun_script={"page_name": "Draw"}))
            for number in range(WARM_UP_CYCLES + n):
                await visitor.cycle(list(SHAPES)[number % len(SHAPES)])
                sizes.append(memory(server.process.pid))
        return sizes[WARM_UP_CYCLES:]

    with tempfile.TemporaryDirectory() as folder, _running(Server(Path(folder))) as server:
        return Slope.of(asyncio.run(work(server)))


def measure_opened_labs(n: int) -> Slope:
    """Return the memory of the server per lab that a visitor opens and leaves."""
    digits = mnist.load().test_images[:20]
    lab = LabSnapshot(SampleSet.from_arrays(digits, np.zeros(len(digits), int)))

    async def work(server: Server, tokens: list[str]) -> list[int]:
        sizes = []
        for token in tokens:
            visitor = Visitor(server.url, 0, f"lab={token}")
            async with visitor.connect():
                await visitor.send(BackMsg(rerun_script={"page_name": "Draw", "query_string": visitor.query}))
            sizes.append(memory(server.process.pid))
        return sizes[WARM_UP_LABS:]

    with tempfile.TemporaryDirectory() as folder:
        url, tokens = f"sqlite:///{folder}/labs.sqlite", [new_token() for _ in range(n + WARM_UP_LABS)]
        store = LabStore.from_url(url)
        for token in tokens:
            store.save(token, lab)
        with _running(Server(Path(folder), DIGITLAB_STORE=url)) as server:
            return Slope.of(asyncio.run(work(server, tokens)))


def measure_trainings(n: int) -> tuple[Slope, Slope]:
    """Return the memory of the process that submits trainings, and of the worker, per training."""
    digits = mnist.load().test_images[:20]
    samples = SampleSet.from_arrays(digits, np.arange(20) % 10)
    settings, start = TrainSettings(mnist_samples=0, epochs=1), models.load("mlp")
    with own_cluster(imports_training=True) as own:
        own_sizes, worker_sizes = [], []
        for _ in range(WARM_UP_TRAININGS + n):
            submit_training(own.service, start, samples, settings).wait(PATIENCE)
            own_sizes.append(memory(os.getpid()))
            worker_sizes.append(memory(own.worker.pid))
    return Slope.of(own_sizes[WARM_UP_TRAININGS:]), Slope.of(worker_sizes[WARM_UP_TRAININGS:])


def count_left(kind: str, how: signal.Signals) -> tuple[int, int]:
    """End a process of a cluster several times, and let a job run after each end.

    Args:
        kind: "Worker", "Nanny" or "Scheduler".
        how: The signal.

    Returns:
        How many file descriptors and child processes this process has more than before.
    """
    with own_cluster() as own:
        assert answers(own.service)
        process, before = psutil.Process(), _count()
        for _ in range(N_ENDS):
            (nanny,) = own.running("Nanny")
            workers = sorted(nanny.children(), key=lambda child: child.memory_info().rss)
            ended = workers[-1] if kind == "Worker" else own.running(kind)[0]
            ended.send_signal(how)
            until(lambda ended=ended: not is_alive(ended))
            until(lambda: _works(own.service))
        until(lambda: len(process.children(recursive=True)) <= before[1])
        after = _count()
    return after[0] - before[0], after[1] - before[1]


def _works(service: JobService) -> bool:
    """Return whether a job is completed. A job that was sent to the process before its end is reported as dead."""
    with contextlib.suppress(Exception):
        return answers(service)
    return False


def _count() -> tuple[int, int]:
    process = psutil.Process()
    return process.num_fds(), len(process.children(recursive=True))


def count_left_of_server(how: signal.Signals) -> tuple[int, int]:
    """End a dashboard with a running cluster. Return the numbers of its processes and temporary files that are left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        server = Server(folder, TMPDIR=str(folder / "tmp"))
        visitor = Visitor(server.url, 0)

        async def visit() -> None:
            async with visitor.connect():
                await visitor.send(BackMsg(rerun_script={"page_name": "Train"}))
                main = psutil.Process(server.process.pid)
                await asyncio.to_thread(until, lambda: dask_processes("Nanny", main.children()))

        asyncio.run(visit())
        below = psutil.Process(server.process.pid).children(recursive=True)
        server.process.send_signal(how)
        server.process.wait(PATIENCE)
        with contextlib.suppress(AssertionError):
            until(lambda: not any(map(is_alive, below)) and not list((folder / "tmp").iterdir()), seconds=30)
        left = sum(map(is_alive, below)), len(list((folder / "tmp").iterdir()))
        for process in filter(is_alive, below):
            process.kill()
    return left


def print_leaks(n_cycles: int) -> None:
    """Print all figures.

    Args:
        n_cycles: Number of cycles and of opened labs. Trainings take longer, so a third is measured.
    """
    n_trainings = max(30, n_cycles // CYCLES_PER_TRAINING)
    slopes: dict[str, Callable[[], Slope | tuple[Slope, Slope]]] = {
        "server, per cycle of draw, label and undo": lambda: measure_cycles(n_cycles),
        "server, per opened lab": lambda: measure_opened_labs(n_cycles),
        "server and worker, per training": lambda: measure_trainings(n_trainings),
    }
    for name, measure in slopes.items():
        begin = time.monotonic()
        found = measure()
        for slope in found if isinstance(found, tuple) else (found,):
            print(f"{name}: {slope} ({time.monotonic() - begin:.0f} s)", flush=True)
    for how in (signal.SIGTERM, signal.SIGKILL):
        processes, files = count_left_of_server(how)
        print(f"{how.name} of the server: {processes} processes and {files} temporary files are left", flush=True)
        for kind in ("Worker", "Nanny", "Scheduler"):
            descriptors, processes = count_left(kind, how)
            print(
                f"{how.name} of the {kind.lower()}, {N_ENDS} times: {descriptors:+d} file descriptors, {processes:+d} processes"
            )
