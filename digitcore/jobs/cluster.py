"""Dask clusters: one of our own, or one that is there already."""

import os
from typing import Any

from digitcore.jobs import preload

CONNECT_TIMEOUT = 20  # s
CLOSE_TIMEOUT = 10  # s


def start_cluster(n_workers: int) -> Any:
    """Start a scheduler, and for each worker a nanny and the worker itself, each a process of its own."""
    from distributed.deploy.subprocess import SubprocessCluster

    modules = [preload.__name__]
    os.environ[preload.SERVER_PID] = str(os.getpid())
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    if n_workers > 1:
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, (os.cpu_count() or 1) // n_workers))
    return SubprocessCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        dashboard_address=None,  # type: ignore[arg-type]  # None is documented as “no dashboard”
        scheduler_kwargs={"preload": modules, "allowed_failures": 0},
        worker_kwargs={"preload": modules, "preload_nanny": modules, "env": environment},
    )


def connect(cluster: Any) -> Any:
    """A client of a cluster, or of the scheduler at an address."""
    from distributed import Client

    return Client(cluster, set_as_default=False, timeout=CONNECT_TIMEOUT)  # type: ignore[no-untyped-call]


def run_task(task: Any, topic: str) -> Any:
    """Run a task on a worker: its progress becomes events of the topic, and the topic's Dask Event asks it to stop."""
    from distributed import Event, get_worker

    worker, stop_requested = get_worker(), Event(topic)  # type: ignore[no-untyped-call]
    worker.log_event(topic, {})
    return task.run(lambda event: worker.log_event(topic, event), stop_requested.is_set)
