"""What a Dask process of ours does when it starts. Dask calls `dask_setup` in the scheduler, the nanny and the worker.

It imports nothing large: the scheduler and the nanny stay small.
"""

import logging
import os
import threading
import time

SERVER = "DIGITLAB_SERVER"  # environment variable: the process that started us, which may be gone before we can look


def dask_setup(process) -> None:
    """Make a worker ready to train; let a scheduler or a nanny end with the server that started it."""
    if type(process).__name__ == "Worker":
        _be_polite()
        logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)  # the session is told; its log need not be
        threading.Thread(target=_import_training, daemon=True).start()
    else:
        threading.Thread(target=_end_with, args=(int(os.environ[SERVER]),), daemon=True).start()


def _be_polite():
    """Train only with what nobody else wants, so that drawing stays quick; DIGITLAB_POLITE=0 trains as quickly as it can."""
    if os.environ.get("DIGITLAB_POLITE") == "0":
        return
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _import_training():
    import digitcore.training
    import digitcore.worker  # noqa: F401


def _end_with(parent):
    """End this process and its children when the parent is gone, however it went."""
    import psutil

    while os.getppid() == parent:
        time.sleep(1)
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(0)
