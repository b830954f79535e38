"""What a Dask process of ours does when it starts. Dask calls `dask_setup` in the scheduler, the nanny and the worker.

It imports nothing large: the scheduler and the nanny stay small.
"""

import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from digitcore.jobs import run_folder

SERVER_PID = "DIGITLAB_SERVER_PID"  # environment variable: the process that started us, which may end before we can look
LOWEST_NICE = 19
PARENT_INTERVAL = 1  # s
CHILD_TIMEOUT = 5  # s


def dask_setup(process: Any) -> None:
    """Make a worker ready to train; let a scheduler or a nanny end with the server that started it."""
    if type(process).__name__ == "Worker":
        _set_up_worker()
    else:
        threading.Thread(
            target=_end_with_parent, args=(int(os.environ[SERVER_PID]), Path(os.environ[run_folder.FOLDER])), daemon=True
        ).start()


def _set_up_worker() -> None:
    from digitcore.config import load_config
    from digitcore.errors import ConfigError

    try:
        config = load_config()
    except ConfigError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    if config.low_priority:
        _lower_priority()
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # the session shows the error; the log need not
    threading.Thread(target=_import_training, daemon=True).start()


def _lower_priority() -> None:
    """Use only processor time that nobody else wants, so that drawing stays quick."""
    os.nice(LOWEST_NICE)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _import_training() -> None:
    import digitcore.jobs.tasks
    import digitcore.training.trainer  # noqa: F401


def _end_with_parent(parent: int, folder: Path) -> None:
    """End this process and its children when the parent has ended, however it did, and leave no file behind."""
    import psutil

    while os.getppid() == parent:
        time.sleep(PARENT_INTERVAL)
    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children, timeout=CHILD_TIMEOUT)
    run_folder.remove(folder)
    os._exit(0)
