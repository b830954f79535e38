"""Long work on Dask, away from the server process: submit, wait in line, progress, stop.

By default a scheduler and one worker are started as processes of their own when first wanted, and let go when idle.
Where DASK_SCHEDULER_ADDRESS is set, that cluster is used instead, with as many jobs at once as it has workers.
"""

import atexit
import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from digitcore import preload
from digitcore.errors import DigitLabError, JobError
from digitcore.models import ModelBundle
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet

ADDRESS = "DASK_SCHEDULER_ADDRESS"
IDLE = 600  # s without a job before the worker is let go
LOOK = 5  # s between two looks at who is still there
LOST = "The worker died. Your drawings and models are safe. Press the button again: a new worker takes over."
WITHDRAWN = "Withdrawn. Nothing was trained."

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True)
class Limits:
    """What one job may ask for, and how many may wait. Each is also an environment variable: DIGITLAB_MAX_EPOCHS and so on.

    Attributes:
        samples: the user's samples in one training.
        epochs: of one training.
        jobs: running and waiting, of all sessions.
        seconds: of one training; then it stops and keeps what it learnt.
    """

    samples: int = 5000
    epochs: int = 50
    jobs: int = 200
    seconds: int = 900

    @classmethod
    def from_environment(cls) -> "Limits":
        """The defaults, changed by the environment.

        Raises:
            JobError: when a variable is not a whole number above 0.
        """
        values = {}
        for field in fields(cls):
            if number := _from_environment(f"DIGITLAB_MAX_{field.name.upper()}"):
                values[field.name] = number
        return cls(**values)


def _from_environment(name) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdigit() or not int(text):
        raise JobError(f"{name} must be a whole number above 0, not “{text}”.")
    return int(text)


class Job:
    """One piece of work on a worker, as its session sees it. Filled in from other threads; read it at any time.

    Attributes:
        owner: whose it is: a session.
        patient: True when it gives way to jobs that are not, and may run beside others of its owner.
        state: waiting, running, done or failed.
        messages: what the work has told so far, oldest first.
        result: what it returned, once done.
        error: why it failed, in one sentence.
        restarts: how often the cluster began it anew because its worker died.
    """

    def __init__(self, service: "JobService", work: Callable, arguments: tuple, owner: str, patient: bool):
        self.id = uuid.uuid4().hex
        self.work, self.arguments = work, arguments
        self.owner, self.patient = owner, patient
        self.state = WAITING
        self.messages: list[dict[str, float]] = []
        self.result: Any = None
        self.error = ""
        self.stopping = False
        self.restarts = 0
        self._service = service
        self._begun = False
        self._ended = threading.Event()

    @property
    def over(self) -> bool:
        """True when nothing more will come."""
        return self._ended.is_set()

    @property
    def ahead(self) -> int:
        """How many jobs are served before this one, while it waits."""
        return self._service.ahead(self)

    def stop(self) -> None:
        """Ask the work to end soon and to keep what it has; a job that waits is withdrawn."""
        self.stopping = True
        self._service.ask_to_stop(self)

    def wait(self, seconds: float | None = None) -> Any:
        """The result, when it comes.

        Raises:
            JobError: when the work failed, or did not end in time.
        """
        if not self._ended.wait(seconds):
            raise JobError("The work has not ended in time.")
        if self.state == FAILED:
            raise JobError(self.error)
        return self.result

    def tell(self, message: dict[str, float]) -> None:
        """Note a word of progress; an empty one says that the work has begun, for a second time where a worker died."""
        if message:
            self.messages.append(message)
            return
        self.restarts += self._begun
        self._begun, self.messages = True, []

    def end(self, result: Any = None, error: str = "") -> None:
        """Note the end. Only the first one counts."""
        if self.over:
            return
        self.result, self.error = result, error
        self.state = FAILED if error else DONE
        self._ended.set()


class JobService:
    """Runs jobs on one Dask cluster for a whole server. Every method returns at once.

    The line is fair: one running job for each owner, the others in the order of their coming; patient jobs (the points of a
    sweep) go when nobody else waits.

    Args:
        address: of a Dask scheduler; None starts a cluster of our own, or uses DASK_SCHEDULER_ADDRESS.
        idle: seconds without a job before our own cluster is let go.
        limits: what one job may ask for.
        is_there: whether an owner still is; the waiting jobs of one who is gone are dropped, the running one is stopped.
        workers: how many our own cluster has; None takes DIGITLAB_WORKERS, or 1.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        idle: float = IDLE,
        limits: Limits | None = None,
        is_there: Callable[[str], bool] = lambda owner: True,
        workers: int | None = None,
    ):
        self.limits = limits or Limits.from_environment()
        self._address = address or os.environ.get(ADDRESS)
        self._idle, self._is_there = idle, is_there
        self._workers = workers or _from_environment("DIGITLAB_WORKERS") or 1
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="jobs")  # all below happens there, one thing after the other
        self._cluster: Any = None
        self._client: Any = None
        self._waiting: list[Job] = []
        self._running: dict[str, tuple[Job, Any]] = {}
        self._last_use = time.monotonic()
        threading.Thread(target=self._watch, name="jobs-watch", daemon=True).start()
        atexit.register(self.close)

    def warm(self) -> None:
        """Start the worker now, so that the next job need not wait for it."""
        self._later(self._quietly_connected)

    def train(
        self,
        start: ModelBundle,
        samples: SampleSet,
        settings: TrainSettings,
        *,
        goes_on: Run | None = None,
        owner: str = "",
        patient: bool = False,
    ) -> Job:
        """A job whose messages are the points of the curves and whose result is a run.

        Raises:
            JobError: when a limit of this server is reached; the sentence names it.
        """
        self._check(len(samples), settings.epochs)
        return self._submit("train", (start, samples, settings, goes_on, self.limits.seconds), owner, patient)

    def evaluate(self, bundle: ModelBundle, *, owner: str = "") -> Job:
        """A job whose messages tell the share done and whose result is a `worker.Judged`."""
        return self._submit("evaluate", (bundle,), owner, False)

    def stress(self, bundle: ModelBundle, *, owner: str = "") -> Job:
        """A job whose messages tell the share done and whose result is a table as of `stress.measure`."""
        return self._submit("stress", (bundle,), owner, False)

    def look_alikes(self, bundle: ModelBundle, digits: np.ndarray, *, owner: str = "") -> Job:
        """A job whose result is a `neighbours.Neighbours` of the digits, (N, 28, 28) uint8."""
        return self._submit("look_alikes", (bundle, digits), owner, False)

    def layers(self, bundle: ModelBundle, digit: np.ndarray, *, owner: str = "") -> Job:
        """A job whose result is a list of `layers.Layer` for a digit, (28, 28) uint8."""
        return self._submit("layers", (bundle, digit), owner, False)

    def explore(self, seed: int, *, owner: str = "") -> Job:
        """A job whose result is an `exploring.Exploration` with the mosaic of this seed."""
        return self._submit("explore", (seed,), owner, False)

    def bring(self, data: bytes, name: str, *, owner: str = "") -> Job:
        """A job whose result is the model of a stranger's .keras file, under this name."""
        return self._submit("bring", (data, name), owner, False)

    def open_lab(self, data: bytes, *, owner: str = "") -> Job:
        """A job whose result is the `labs.LabRecord` of a lab's file."""
        return self._submit("open_lab", (data,), owner, False)

    def to_onnx(self, bundle: ModelBundle, *, owner: str = "") -> Job:
        """A job whose result is the model as an ONNX file."""
        return self._submit("to_onnx", (bundle,), owner, False)

    def ahead(self, job: Job) -> int:
        """How many jobs are served before this one; 0 when it runs or is over."""
        if job.state != WAITING:
            return 0
        line = sorted(self._waiting, key=lambda other: other.patient)
        before = line.index(job) if job in line else 0
        return before + len(self._running)

    def ask_to_stop(self, job: Job) -> None:
        """Withdraw a job that waits; tell a running one to come to an end."""

        def ask():
            from distributed import Event

            if job in self._waiting:
                self._waiting.remove(job)
                job.end(error=WITHDRAWN)
            elif job.id in self._running:
                with contextlib.suppress(Exception):
                    Event(job.id, client=self._client).set()

        self._later(ask)

    def close(self) -> None:
        """Let the worker go. The next job starts a new one."""
        try:
            self._hands.submit(self._disconnect).result(timeout=30)
        except RuntimeError:  # the interpreter is on its way out and takes no more work
            self._disconnect()

    def _check(self, samples, epochs):
        asked = {"samples": samples, "epochs": epochs, "jobs": len(self._waiting) + len(self._running) + 1}
        words = {"samples": "drawings in one training", "epochs": "epochs", "jobs": "trainings at a time"}
        for name, number in asked.items():
            most = getattr(self.limits, name)
            if number > most:
                raise JobError(
                    f"This server allows {most:,} {words[name]}, and this would be {number:,}. Ask for less, or later."
                )

    def _submit(self, work, arguments, owner, patient):
        job = Job(self, work, arguments, owner, patient)
        self._later(self._enqueue, job)
        return job

    def _later(self, work, *arguments):
        with contextlib.suppress(RuntimeError):  # the interpreter is on its way out
            self._hands.submit(work, *arguments)

    def _enqueue(self, job):
        self._waiting.append(job)
        self._serve()

    def _serve(self):
        """Hand over as many waiting jobs as there are free workers."""
        while job := self._next():
            try:
                client = self._connected()
                if len(self._running) >= self._places(client):
                    return
                self._waiting.remove(job)
                self._hand_over(client, job)
            except Exception as error:  # noqa: BLE001 whatever went wrong, the session must hear of it
                if job in self._waiting:
                    self._waiting.remove(job)
                job.end(error=f"No worker could be started ({error}). Try again in a moment.")

    def _next(self):
        busy = {job.owner for job, _ in self._running.values() if not job.patient}
        ready = [job for job in self._waiting if job.patient or job.owner not in busy]
        return min(ready, key=lambda job: job.patient, default=None)

    def _places(self, client):
        if not self._address:
            return self._workers
        return max(1, len(client.scheduler_info(n_workers=-1)["workers"]))

    def _hand_over(self, client, job):
        client.subscribe_topic(job.id, lambda event: job.tell(_without_sender(event[1])))
        future = client.submit(_perform, job.work, job.arguments, job.id, key=job.id, pure=False, retries=0)
        job.state = RUNNING
        self._running[job.id] = job, future
        future.add_done_callback(lambda done: self._later(self._settle, job, done))

    def _settle(self, job, future):
        if future.status == "finished":
            try:
                job.end(result=future.result(timeout=30))
            except Exception:  # noqa: BLE001 the worker may die between its answer and our asking for it
                job.end(error=LOST)
        else:
            job.end(error=_in_words(future))
        self._running.pop(job.id, None)
        self._last_use = time.monotonic()
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic(job.id)
        self._serve()

    def _quietly_connected(self):
        with contextlib.suppress(Exception):
            self._connected()

    def _connected(self):
        """A client of a living cluster."""
        from distributed import Client

        self._last_use = time.monotonic()
        if self._client is not None and self._client.status != "running":
            self._disconnect()
        if self._client is None:
            if not self._address:
                self._cluster = _start_cluster(self._workers)
            self._client = Client(self._address or self._cluster, set_as_default=False, timeout=20)
        return self._client

    def _disconnect(self):
        for job, _ in self._running.values():
            job.end(error=LOST)
        self._running.clear()
        for part in (self._client, self._cluster):
            with contextlib.suppress(Exception):
                if part is not None:
                    part.close(timeout=10)
        self._client = self._cluster = None

    def _watch(self):
        """Now and then: let an idle cluster go, notice a dead one, drop the jobs of those who are gone."""
        while True:
            time.sleep(min(LOOK, max(0.2, self._idle / 2)))
            self._later(self._look)

    def _look(self):
        if self._running and self._client is not None and self._client.status not in ("running", "connecting"):
            self._disconnect()
        for job in [*self._waiting, *(job for job, _ in self._running.values())]:
            if job.owner and not self._is_there(job.owner) and not job.stopping:
                job.stop()
        idle = time.monotonic() - self._last_use > self._idle
        if idle and self._cluster is not None and not self._running and not self._waiting:
            self._disconnect()
        self._serve()


def _start_cluster(workers):
    """A scheduler, and for each worker a nanny and the worker itself, each a process of its own."""
    from distributed.deploy.subprocess import SubprocessCluster

    root = str(Path(__file__).resolve().parent.parent)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, *paths]))
    setup = [preload.__name__]
    os.environ[preload.SERVER] = str(os.getpid())
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    share = {"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // workers))} if workers > 1 else {}
    return SubprocessCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,  # type: ignore[arg-type]  # None is documented as “no dashboard”
        scheduler_kwargs={"preload": setup, "allowed_failures": 0},
        worker_kwargs={"preload": setup, "preload_nanny": setup, "env": quiet | share},
    )


def _perform(work, arguments, topic):
    """Runs in the worker, which alone imports what the work needs: gives it its way to tell and its stop sign."""
    from distributed import Event, get_worker

    from digitcore import worker

    here, sign = get_worker(), Event(topic)
    here.log_event(topic, {})
    return getattr(worker, work)(*arguments, tell=lambda message: here.log_event(topic, message), stop=sign.is_set)


def _without_sender(message):
    """Dask adds the worker's address to every message."""
    return {name: value for name, value in message.items() if name != "worker"}


def _in_words(future):
    """Why a future failed."""
    if future.status != "error":
        return LOST
    error = future.exception(timeout=30)
    if isinstance(error, DigitLabError):
        return str(error)
    if type(error).__name__ == "KilledWorker":
        return LOST
    return f"The work failed ({type(error).__name__}: {error}). Your drawings and models are safe."
