"""The service that runs jobs on one Dask cluster for the whole server.

By default, the service starts a scheduler and workers as separate processes for the first job, and stops them when they are idle.
If the address of a scheduler is configured, the service uses its cluster, with one job per worker.
"""

import atexit
import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from digitcore.config import load_config
from digitcore.errors import DigitLabError, JobError, WithdrawnError, WorkerDiedError
from digitcore.jobs import cluster
from digitcore.jobs.cluster import OwnCluster
from digitcore.jobs.job import Job
from digitcore.jobs.limits import Limits
from digitcore.jobs.queue import JobQueue
from digitcore.jobs.tasks.task import Progress, Task

IDLE_TIMEOUT = 600  # s without a job before the workers are stopped
HOUSEKEEPING_INTERVAL = 5  # s
RESULT_TIMEOUT = 30  # s
RETRY_INTERVAL = 30  # s before the next attempt to connect to a scheduler that did not answer
STOP_TIMEOUT = 300  # s after which a job that does not stop is ended with its worker
OVERDUE = "The job did not stop in time and was cancelled. Your drawings and models are safe. Start it again."
CLOSED = "This server is shutting down. Try again in a moment."

T = TypeVar("T")
AnyJob = Job[Any]


class TaskRunner(Protocol):
    """An object that runs tasks, such as a `JobService`.

    Example:
        >>> hasattr(JobService, "submit")
        True
    """

    @property
    def is_closed(self) -> bool:
        """Whether the runner does not accept tasks any more."""

    @property
    def capacity(self) -> int:
        """Number of tasks that run at the same time."""

    def submit(self, task: Task[T], *, owner: str = "") -> Job[T]:
        """Queue a task, and return its job."""


class JobService:
    """A service that submits tasks to workers and updates their jobs.

    Only the methods `close` and `release_workers` wait. The queue is thread-safe. One thread of the service does all work on the
    cluster.

    Args:
        address: Address of a Dask scheduler. With `None`, the configured address is used, or a cluster is started.
        idle_timeout: Seconds without a job before the workers of the started cluster are stopped.
        limits: Limits of a job. With `None`, the configured limits are used.
        is_wanted: Function that returns whether the session of a job still waits for the result. Unwanted jobs are stopped.
        n_workers: Number of workers of the started cluster. With `None`, the configured number is used.
        imports_training: Whether the workers of the started cluster import TensorFlow before the first training needs it.
        housekeeping_interval: Seconds between two checks for idle clusters, dead processes and overdue jobs.
        stop_timeout: Seconds after which a job that does not stop is ended with its worker.

    Example:
        >>> from digitcore.jobs.tasks import StatisticsTask
        >>> service = JobService()
        >>> statistics = service.submit(StatisticsTask(seed=1)).wait()  # doctest: +SKIP
        >>> service.close()
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        idle_timeout: float = IDLE_TIMEOUT,
        limits: Limits | None = None,
        is_wanted: Callable[[AnyJob], bool] = lambda job: True,
        n_workers: int | None = None,
        imports_training: bool = True,
        housekeeping_interval: float = HOUSEKEEPING_INTERVAL,
        stop_timeout: float = STOP_TIMEOUT,
    ):
        config = load_config()
        self.limits = limits or Limits.from_config(config)
        self.n_workers = n_workers or config.workers
        self._address = address or config.dask_scheduler_address
        self._idle_timeout, self._is_wanted = idle_timeout, is_wanted
        self._imports_training = imports_training
        self._housekeeping_interval, self._stop_timeout = housekeeping_interval, stop_timeout
        self._queue = JobQueue()
        self._topic = f"jobs-{uuid.uuid4().hex}"  # All jobs share it, because Dask keeps the handler of each topic.
        self._cluster: OwnCluster | None = None
        self._client: Any = None
        self._unreachable_since: float | None = None
        self._futures: dict[str, Any] = {}  # job id → Dask's future
        self._sent_at: dict[str, float] = {}  # job id → time at which the job was sent to a worker
        self._overdue_since: dict[str, float] = {}  # job id → time at which the job was asked to stop
        self._last_used = time.monotonic()
        self._closed = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="jobs")
        self._housekeeper = threading.Thread(target=self._keep_house, name="jobs-housekeeping", daemon=True)
        self._housekeeper.start()
        atexit.register(self.close)

    def submit(self, task: Task[T], *, owner: str = "") -> Job[T]:
        """Queue a task.

        Args:
            task: The task.
            owner: Identifier of the session that waits for the result.

        Returns:
            The job.

        Raises:
            JobError: If a limit of this server is reached, or the service is closed.
        """
        job: Job[T] = Job(
            task.with_limits(self.limits), owner=owner, on_stop=self._request_stop, get_position=self._queue.position
        )
        self._queue.add(job, self.limits.jobs)
        if not self._run_soon(self._dispatch):
            self._queue.remove(job)
            raise JobError(CLOSED)
        return job

    def warm_up(self) -> None:
        """Start the workers now, so that the next job does not wait for them."""
        self._run_soon(self._connect_quietly)

    def worker_count(self) -> int:
        """Return the number of workers of the connected cluster, or 0 if no cluster is connected."""
        client = self._client
        return len(client.scheduler_info(n_workers=-1).get("workers", ())) if client is not None else 0

    def release_workers(self) -> None:
        """Stop the workers and wait until they have ended. The next job starts new workers."""
        with contextlib.suppress(RuntimeError):  # The service is closed.
            self._executor.submit(self._disconnect).result(timeout=RESULT_TIMEOUT)

    @property
    def is_closed(self) -> bool:
        """Whether the service does not accept tasks any more."""
        return self._closed.is_set()

    def close(self) -> None:
        """Stop the workers and end the threads of the service."""
        if self._closed.is_set():
            return
        self.release_workers()
        self._closed.set()
        self._housekeeper.join()
        self._executor.shutdown(cancel_futures=True)
        self._disconnect()  # At the exit of the interpreter, the executor does not accept work.
        atexit.unregister(self.close)

    def _run_soon(self, work: Callable[..., None], *arguments: Any) -> Future[None] | None:
        """Run work on the service's thread. Return the queued work, or `None` if the service does not accept work any more."""
        try:
            return self._executor.submit(work, *arguments)
        except RuntimeError:
            return None

    def _request_stop(self, job: AnyJob) -> None:
        self._run_soon(self._stop, job)

    def _stop(self, job: AnyJob) -> None:
        from distributed import Event

        if self._queue.remove(job):
            job.fail(WithdrawnError())
        elif self._queue.running(job.id):
            with contextlib.suppress(Exception):
                Event(job.id, client=self._client).set()  # type: ignore[no-untyped-call]

    def _dispatch(self) -> None:
        """Start a waiting job on each free worker."""
        while job := self._queue.next():
            try:
                client = self._connect()
                if self._queue.n_running >= self.capacity:
                    return
                self._start(client, job)
            except Exception as error:  # noqa: BLE001 The session must see any error.
                self._queue.remove(job)
                self._discard(job)
                job.fail(self._connection_error(error))

    def _connection_error(self, error: Exception) -> JobError:
        if self._address:
            return JobError(
                f"The Dask scheduler at {self._address} does not answer. Check DASK_SCHEDULER_ADDRESS, or try again in a minute."
            )
        return JobError(f"No worker could be started ({error}). Try again in a moment.")

    @property
    def capacity(self) -> int:
        """Number of jobs that run at the same time, which is the number of workers."""
        return max(1, self.worker_count()) if self._address else self.n_workers

    def _start(self, client: Any, job: AnyJob) -> None:
        if not self._queue.start(job):  # The job was withdrawn in the meantime.
            return
        future = client.submit(cluster.run_task, job.task, job.id, self._topic, key=job.id, pure=False, retries=0)
        self._futures[job.id], self._sent_at[job.id] = future, time.monotonic()
        future.add_done_callback(lambda done: self._run_soon(self._on_done, job, done))

    def _take_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """Update a running job with an event of `cluster.run_task`."""
        _, values = event
        if (job := self._queue.running(values["job"])) is None:
            return
        if "progress" in values:
            job.on_progress(Progress(**values["progress"]))
        else:
            job.on_start()

    def _on_done(self, job: AnyJob, future: Any) -> None:
        try:
            if future.status == "finished":
                job.finish(future.result(timeout=RESULT_TIMEOUT))
            else:
                job.fail(_failure(future))
        except Exception:  # noqa: BLE001 The worker may die before its result or its error is fetched.
            job.fail(WorkerDiedError())
        self._discard(job)
        self._last_used = time.monotonic()
        self._dispatch()

    def _discard(self, job: AnyJob) -> None:
        """Remove a running job."""
        self._queue.discard(job)
        for known in (self._futures, self._sent_at, self._overdue_since):
            known.pop(job.id, None)

    def _connect_quietly(self) -> None:
        with contextlib.suppress(Exception):
            self._connect()

    def _connect(self) -> Any:
        """Return a client of a cluster that is alive."""
        self._last_used = time.monotonic()
        if self._client is not None and (self._client.status != "running" or not self._is_cluster_alive()):
            self._disconnect()
        if self._client is None:
            self._client = self._connect_to_address(self._address) if self._address else self._start_cluster()
            self._client.subscribe_topic(self._topic, self._take_event)
        return self._client

    def _start_cluster(self) -> Any:
        self._cluster = OwnCluster(self.n_workers, imports_training=self._imports_training)
        return self._cluster.connect()

    def _connect_to_address(self, address: str) -> Any:
        """Connect to the scheduler. After a failure, further attempts fail immediately for some time, so that no job waits."""
        now = time.monotonic()
        if self._unreachable_since is not None and now - self._unreachable_since < RETRY_INTERVAL:
            raise JobError("The scheduler did not answer a moment ago. Try again in a minute.")
        try:
            client = cluster.connect(address)
        except Exception:
            self._unreachable_since = time.monotonic()
            raise
        self._unreachable_since = None
        return client

    def _disconnect(self) -> None:
        for job in self._queue.pop_running():
            job.fail(WorkerDiedError())
            self._discard(job)
        if self._client is not None:
            cluster.disconnect(self._client, is_alive=self._is_cluster_alive())
        if self._cluster is not None:
            self._cluster.close()
        self._client = self._cluster = None

    def _is_cluster_alive(self) -> bool:
        return self._cluster is None or self._cluster.is_alive

    def _keep_house(self) -> None:
        last = None
        while not self._closed.wait(min(self._housekeeping_interval, max(0.2, self._idle_timeout / 2))):
            if last is None or last.done():  # On a busy machine, jobs would wait for a growing queue of checks.
                last = self._run_soon(self._housekeeping)

    def _housekeeping(self) -> None:
        """Disconnect from an idle or dead cluster, and stop jobs that run too long or are not wanted."""
        if self._cluster is not None:
            self._cluster.kill_stopped()
        is_lost = self._client is not None and self._client.status not in ("running", "connecting")
        if not self._is_cluster_alive() or (self._queue.n_running and is_lost):
            self._disconnect()
        for job in self._queue.jobs():
            if job.owner and not self._is_wanted(job) and not job.is_stopping:
                job.stop()
            self._limit_time(job)
        is_idle = time.monotonic() - self._last_used > self._idle_timeout
        if is_idle and self._cluster is not None and not len(self._queue):
            self._disconnect()
        self._dispatch()

    def _limit_time(self, job: AnyJob) -> None:
        """Stop a job that runs too long, and end a job that does not stop."""
        now, sent_at = time.monotonic(), self._sent_at.get(job.id)
        if sent_at is None:
            return
        started_at = job.started_at or sent_at + cluster.START_TIMEOUT  # Its worker may have to start first.
        if (
            not job.is_stopping and now - started_at > self.limits.seconds + self._stop_timeout
        ):  # A training stops itself earlier.
            job.stop()
        if job.is_stopping and now - max(started_at, self._overdue_since.setdefault(job.id, now)) > self._stop_timeout:
            self._end(job)

    def _end(self, job: AnyJob) -> None:
        """End a job by ending its worker. The nanny starts a new worker."""
        future = self._futures.get(job.id)
        self._discard(job)
        job.fail(JobError(OVERDUE))
        with contextlib.suppress(Exception):
            workers = [address for address, keys in self._client.processing().items() if job.id in keys]
            if future is not None:
                future.cancel()
            self._client.restart_workers(workers, timeout=RESULT_TIMEOUT, raise_for_error=False)


def _failure(future: Any) -> DigitLabError:
    """Return the error of a future without a result."""
    if future.status != "error":
        return WorkerDiedError()
    error = future.exception(timeout=RESULT_TIMEOUT)
    if isinstance(error, DigitLabError):
        return error
    if type(error).__name__ == "KilledWorker":
        return WorkerDiedError()
    return JobError(f"The job failed ({type(error).__name__}: {error}). Your drawings and models are safe. Try again.")
