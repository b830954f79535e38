"""Start-up of the Dask processes. Dask calls `dask_setup` in the scheduler, the nanny and the worker.

This module imports only small modules, so that the scheduler and the nanny need little memory.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from digitcore import native_messages, processes
from digitcore.jobs import cluster_folder

SERVER_PID = "DIGITLAB_SERVER_PID"  # environment variable with the process id of the server
IMPORTS_TRAINING = "DIGITLAB_IMPORTS_TRAINING"  # environment variable: "no" if the workers import TensorFlow at the first use
LOWEST_NICE = 19


def dask_setup(process: Any) -> None:
    """Prepare a worker for training, or let a scheduler or nanny end with the server that started it.

    A terminal sends Ctrl-C to all processes of a command. Only the process that started the cluster must react to it.

    SIGTERM ends a scheduler or nanny at once. Dask would close it for several seconds, and the service would send it jobs.

    Args:
        process: Dask's scheduler, nanny or worker.

    Example:
        >>> dask_setup(worker)  # doctest: +SKIP
    """
    is_worker = type(process).__name__ == "Worker"
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not is_worker:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if is_worker:
        _set_up_worker()
    else:
        if type(process).__name__ == "Scheduler":
            _discard_log()
        folder = Path(os.environ[cluster_folder.FOLDER])
        processes.end_with_parent(int(os.environ[SERVER_PID]), before_exit=lambda: cluster_folder.end(folder))


def _discard_log() -> None:
    """Discard what a scheduler logs after its start. Dask does not read the pipe, and a scheduler stops at a full pipe."""
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), sys.stderr.fileno())


def _set_up_worker() -> None:
    from digitcore.config import load_config
    from digitcore.errors import ConfigError

    try:
        config = load_config()
    except ConfigError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    faulthandler.register(signal.SIGUSR1)  # `kill -USR1` prints what a worker does that does not answer.
    if config.low_priority:
        _lower_priority()
    native_messages.set_environment()
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # The session shows the error.
    if os.environ.get(IMPORTS_TRAINING) != "no":
        threading.Thread(target=_import_training, daemon=True).start()


def _lower_priority() -> None:
    """Use only idle processor time, so that predictions during drawing stay fast."""
    os.nice(LOWEST_NICE)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _import_training() -> None:
    import digitcore.jobs.tasks
    import digitcore.training.trainer  # noqa: F401
