"""Dask clusters: a cluster on this machine, and a client of an existing cluster."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digitcore.jobs import cluster_folder, preload
from digitcore.jobs.job import JobStatus
from digitcore.jobs.tasks.task import Task

CONNECT_TIMEOUT = 4  # s, to reach a scheduler
START_TIMEOUT = 60  # s, to start a cluster
CLOSE_TIMEOUT = 10  # s
KILL_TIMEOUT = 1  # s, until killed processes have ended; without an init process in a container, some remain as zombies
MEMORY_SHARE = 0.6  # share of the machine's memory for all workers together
TLS_ROLES = ("scheduler", "worker", "client")
COMM = "DASK_DISTRIBUTED__COMM"  # prefix of Dask's environment variables for communication
QUIET = {  # Dask's own statistics took three quarters of the processor time of idle processes.
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}
# A worker that uses much memory takes jobs until its nanny replaces it. By default, Dask would pause it, and jobs would wait.
UNPAUSED = {"DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "False"}
# Python's resource tracker removes the semaphores of killed processes, and would print a warning about them.
NO_TRACKER_WARNING = "ignore:resource_tracker:UserWarning"
_environment_lock = threading.Lock()


class OwnCluster:
    """A cluster on this machine, which consists of a scheduler process, and of a nanny process and a worker process per worker.

    The processes communicate with TLS. The keys are created at the start and stored in a folder that only this user can read,
    because any program that can connect to a scheduler can run code on its workers.

    Args:
        n_workers: Number of workers.
        imports_training: Whether the workers import TensorFlow before the first training needs it.

    Example:
        >>> cluster = OwnCluster(1)  # doctest: +SKIP
        >>> cluster.connect().submit(sum, [1, 2]).result()  # doctest: +SKIP
        3
        >>> cluster.close()  # doctest: +SKIP
    """

    def __init__(self, n_workers: int, *, imports_training: bool = True):
        self._folder = cluster_folder.create()
        try:
            self._cluster = self._start(n_workers, imports_training)
        except BaseException:
            cluster_folder.remove(self._folder)
            raise

    def _start(self, n_workers: int, imports_training: bool) -> Any:
        from distributed.deploy.subprocess import SubprocessCluster
        from distributed.security import Security
        from distributed.system import MEMORY_LIMIT

        keys = _make_keys(self._folder)
        modules = [preload.__name__]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "TMPDIR": str(self._folder)}
        environment[preload.IMPORTS_TRAINING] = "yes" if imports_training else "no"
        if n_workers > 1:
            environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, (os.cpu_count() or 1) // n_workers))
        inherited = {
            preload.SERVER_PID: str(os.getpid()),
            cluster_folder.FOLDER: str(self._folder),
            "DASK_TEMPORARY_DIRECTORY": str(self._folder),
            "PYTHONWARNINGS": ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), NO_TRACKER_WARNING])),
        }
        with _blocked_interrupts(), _environment(_to_environment(keys) | QUIET | UNPAUSED | inherited):
            return SubprocessCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                dashboard_address=None,  # type: ignore[arg-type]  # None is documented as “no dashboard”
                security=Security(require_encryption=True, **keys),  # type: ignore[no-untyped-call]
                scheduler_kwargs={
                    "protocol": "tls://",
                    "preload": modules,
                    "allowed_failures": 0,
                    "scheduler_file": str(self._folder / cluster_folder.SCHEDULER_FILE),
                },
                worker_kwargs={
                    "protocol": "tls://",
                    "preload": modules,
                    "preload_nanny": modules,
                    "env": environment,
                    "memory_limit": int(MEMORY_LIMIT * MEMORY_SHARE / n_workers),
                },
            )

    def connect(self) -> Any:
        """Return a client of the scheduler."""
        return _connect(self._cluster, START_TIMEOUT)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler and all nannies run. Without its nanny, a dead worker is not replaced."""
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess, AttributeError):
            return all(psutil.Process(part.process.pid).status() != psutil.STATUS_ZOMBIE for part in self._parts())
        return False

    def _parts(self) -> list[Any]:
        return [self._cluster.scheduler, *self._cluster.workers.values()]

    def kill_stopped(self) -> None:
        """Kill processes that were stopped by a signal. Such processes neither respond nor end."""
        import psutil

        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    process.kill()

    def _processes(self) -> list[Any]:
        """Return the running processes of the cluster."""
        import psutil

        found: list[Any] = []
        for pid in [part.process.pid for part in self._parts() if part.process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        return found

    def close(self) -> None:
        """End all processes and remove their files."""
        import psutil

        processes = self._processes()
        _close(self._cluster, CLOSE_TIMEOUT)
        for process in processes:  # A nanny whose scheduler was killed would wait for it.
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, KILL_TIMEOUT)
        cluster_folder.remove(self._folder)


def connect(address: str) -> Any:
    """Return a client of the scheduler at an address. Dask's configuration defines the keys.

    Args:
        address: Address of the scheduler.

    Returns:
        The client.

    Raises:
        OSError: If the scheduler does not answer within `CONNECT_TIMEOUT` seconds.

    Example:
        >>> connect("tcp://127.0.0.1:8786")  # doctest: +SKIP
        <Client: 'tcp://127.0.0.1:8786' processes=1 threads=1, memory=7.60 GiB>
    """
    asyncio.run(asyncio.wait_for(_greet(address), CONNECT_TIMEOUT))
    return _connect(address, CONNECT_TIMEOUT)


def disconnect(client: Any, *, is_alive: bool) -> None:
    """Close a client. It does not wait for a dead cluster.

    Args:
        client: The client.
        is_alive: Whether the cluster runs.

    Example:
        >>> disconnect(client, is_alive=True)  # doctest: +SKIP
    """
    _close(client, CLOSE_TIMEOUT if is_alive else 0)
    client.status = "closed"  # Otherwise, Dask closes the client again when it is collected, and its event loop has ended.


def _close(part: Any, timeout: float) -> None:
    """Close a client or a cluster, and end the thread of its event loop. Dask ends the thread only if nothing fails before."""
    with contextlib.suppress(Exception):
        part.close(timeout=timeout)
    part._loop_runner.stop()


async def _greet(address: str) -> None:
    """Check that a scheduler answers, because a client would wait forever for a scheduler that does not answer."""
    from distributed.comm.core import connect
    from distributed.security import Security

    arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(address, timeout=CONNECT_TIMEOUT, **arguments)  # type: ignore[no-untyped-call]
    comm.abort()


def _connect(cluster: Any, timeout: float) -> Any:
    from distributed import Client

    return Client(cluster, set_as_default=False, timeout=timeout)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes that are started within the context. Only one thread can do this at a time."""
    with _environment_lock:
        before = {name: os.environ.get(name) for name in values}
        os.environ |= values
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@contextlib.contextmanager
def _blocked_interrupts() -> Iterator[None]:
    """Block SIGINT in this thread, and in the processes that are started within the context.

    A terminal sends Ctrl-C to all processes of a command. `preload` lets the processes of a cluster ignore it, but Ctrl-C may
    come while they still import their modules.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _make_keys(folder: Path) -> dict[str, str]:
    """Create one key and certificate for all roles. Return the arguments of `distributed.Security`."""
    from distributed.security import Security

    made = Security.temporary()  # type: ignore[no-untyped-call]
    key, certificate = folder / cluster_folder.KEY_FILE, folder / cluster_folder.CERTIFICATE_FILE
    key.write_text(made.tls_client_key)
    certificate.write_text(made.tls_client_cert)
    files = {"key": str(key), "cert": str(certificate)}
    return {"tls_ca_file": str(certificate)} | {f"tls_{role}_{kind}": file for role in TLS_ROLES for kind, file in files.items()}


def _to_environment(keys: dict[str, str]) -> dict[str, str]:
    """Return the arguments of `distributed.Security` as environment variables of Dask's configuration."""
    names = {name: name.upper().replace("_", "__") for name in keys} | {"tls_ca_file": "TLS__CA_FILE"}
    return {f"{COMM}__{names[name]}": file for name, file in keys.items()} | {f"{COMM}__REQUIRE_ENCRYPTION": "True"}


def run_task(task: Task[Any], job: str, topic: str) -> Any:
    """Run a task on a worker. Its progress is logged as events of a topic. The Dask Event with the job's name asks it to stop.

    Args:
        task: The task.
        job: Identifier of the job, which each event contains.
        topic: Name of the topic.

    Returns:
        Result of the task.

    Example:
        >>> client.submit(run_task, task, "job", "topic").result()  # doctest: +SKIP
    """
    from distributed import Event, get_worker

    worker, stop_requested = get_worker(), Event(job)  # type: ignore[no-untyped-call]
    worker.log_event(topic, {"job": job, "status": str(JobStatus.RUNNING)})
    return task.run(lambda progress: worker.log_event(topic, {"job": job, "progress": asdict(progress)}), stop_requested.is_set)
