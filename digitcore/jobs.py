"""Long work on Dask, away from the server process: submit, progress, stop.

By default a scheduler and one worker are started as processes of their own when first wanted, and let go when idle.
Where DASK_SCHEDULER_ADDRESS is set, that cluster is used instead.
"""

import atexit
import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from digitcore import preload, worker
from digitcore.errors import DigitLabError, JobError
from digitcore.models import ModelBundle
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet

ADDRESS = "DASK_SCHEDULER_ADDRESS"
IDLE = 600  # s without a job before the worker is let go
LOST = "The worker died. Your drawings and models are safe. Press the button again: a new worker takes over."

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


class Job:
    """One piece of work on the worker, as its session sees it. Filled in from other threads; read it at any time.

    Attributes:
        state: waiting, running, done or failed.
        messages: what the work has told so far, oldest first.
        result: what it returned, once done.
        error: why it failed, in one sentence.
    """

    def __init__(self, stop: Callable[["Job"], None]):
        self.id = uuid.uuid4().hex
        self.state = WAITING
        self.messages: list[dict[str, float]] = []
        self.result: Any = None
        self.error = ""
        self.stopping = False
        self.began = time.monotonic()
        self._stop = stop
        self._ended = threading.Event()

    @property
    def over(self) -> bool:
        """True when nothing more will come."""
        return self._ended.is_set()

    def stop(self) -> None:
        """Ask the work to end soon and to keep what it has."""
        self.stopping = True
        self._stop(self)

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
        """Note a word of progress; an empty one says that the work has begun."""
        self.state = RUNNING
        if message:
            self.messages.append(message)

    def end(self, result: Any = None, error: str = "") -> None:
        """Note the end. Only the first one counts."""
        if self.over:
            return
        self.result, self.error = result, error
        self.state = FAILED if error else DONE
        self._ended.set()


class JobService:
    """Runs jobs on one Dask cluster for a whole server. Every method returns at once."""

    def __init__(self, address: str | None = None, idle: float = IDLE):
        self._address = address or os.environ.get(ADDRESS)
        self._idle = idle
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="jobs")  # one after the other: starting, submitting
        self._cluster: Any = None
        self._client: Any = None
        self._futures: dict[str, Any] = {}
        self._timer: threading.Timer | None = None
        atexit.register(self.close)

    def warm(self) -> None:
        """Start the worker now, so that the next job need not wait for it."""
        self._hands.submit(self._quietly_connected)

    def train(self, start: ModelBundle, samples: SampleSet, settings: TrainSettings) -> Job:
        """A job whose messages are the points of the curves and whose result is a run."""
        return self._submit(worker.train, start, samples, settings)

    def compare(self, bundles: list[ModelBundle], samples: SampleSet) -> Job:
        """A job whose messages tell the share done and whose result is a `worker.Comparison`."""
        return self._submit(worker.compare, bundles, samples)

    def close(self) -> None:
        """Let the worker go. The next job starts a new one."""
        try:
            self._hands.submit(self._disconnect).result(timeout=30)
        except RuntimeError:  # the interpreter is on its way out and takes no more work
            self._disconnect()

    def _later(self, work, *arguments):
        with contextlib.suppress(RuntimeError):  # the interpreter is on its way out
            self._hands.submit(work, *arguments)

    def _submit(self, work, *arguments):
        job = Job(stop=self._ask_to_stop)
        self._hands.submit(self._hand_over, job, work, arguments)
        return job

    def _hand_over(self, job, work, arguments):
        try:
            client = self._connected()
            client.subscribe_topic(job.id, lambda event: job.tell(_without_sender(event[1])))
            future = client.submit(_perform, work, arguments, job.id, key=job.id, pure=False, retries=0)
        except Exception as error:  # noqa: BLE001 whatever went wrong, the session must hear of it
            job.end(error=f"No worker could be started ({error}). Try again in a moment.")
            return
        self._futures[job.id] = future
        future.add_done_callback(lambda done: self._later(self._settle, job, done))

    def _settle(self, job, future):
        if future.status == "finished":
            try:
                job.end(result=future.result(timeout=30))
            except Exception:  # noqa: BLE001 the worker may die between its answer and our asking for it
                job.end(error=LOST)
        else:
            job.end(error=_in_words(future))
        self._futures.pop(job.id, None)
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic(job.id)
        self._wait_for_idle()

    def _ask_to_stop(self, job):
        def ask():
            from distributed import Event

            with contextlib.suppress(Exception):
                Event(job.id, client=self._client).set()

        self._hands.submit(ask)

    def _quietly_connected(self):
        with contextlib.suppress(Exception):
            self._connected()

    def _connected(self):
        """A client of a living cluster; called on our one thread only."""
        from distributed import Client

        if self._client is not None and self._client.status != "running":
            self._disconnect()
        if self._client is None:
            if not self._address:
                self._cluster = _start_cluster()
            self._client = Client(self._address or self._cluster, set_as_default=False, timeout=20)
        self._wait_for_idle()
        return self._client

    def _disconnect(self):
        for part in (self._client, self._cluster):
            with contextlib.suppress(Exception):
                if part is not None:
                    part.close(timeout=10)
        self._client = self._cluster = None
        self._futures.clear()

    def _wait_for_idle(self):
        if self._timer:
            self._timer.cancel()
        if self._cluster is not None:
            self._timer = threading.Timer(self._idle, lambda: self._hands.submit(self._let_go))
            self._timer.daemon = True
            self._timer.start()

    def _let_go(self):
        if self._futures:
            self._wait_for_idle()
        else:
            self._disconnect()


def _start_cluster():
    """A scheduler, a nanny and one worker, each a process of its own."""
    from distributed.deploy.subprocess import SubprocessCluster

    root = str(Path(__file__).resolve().parent.parent)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, *paths]))
    setup = [preload.__name__]
    return SubprocessCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,  # type: ignore[arg-type]  # None is documented as “no dashboard”
        scheduler_kwargs={"preload": setup, "allowed_failures": 0},
        worker_kwargs={"preload": setup, "preload_nanny": setup},
    )


def _perform(work, arguments, topic):
    """Runs in the worker: gives the work its way to tell and its stop sign."""
    from distributed import Event, get_worker

    here, sign = get_worker(), Event(topic)
    here.log_event(topic, {})
    return work(*arguments, tell=lambda message: here.log_event(topic, message), stop=sign.is_set)


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
