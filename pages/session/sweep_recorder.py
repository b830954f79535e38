"""A thread that advances the sweeps of a server and saves their results, with or without an open browser."""

import logging
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from digitcore.jobs.job import Job
from digitcore.jobs.service import JobService
from digitcore.sweeps.runner import Sweep
from digitcore.training.run import Run
from pages.session.work import SLOW

logger = logging.getLogger(__name__)


@dataclass
class ActiveWork:
    """The running work of a stored lab.

    Attributes:
        jobs: The training jobs.
        sweep: The running sweep, or `None`.
        owner: Identifier of the session.
        save: Saves the lab in the background.
        n_recorded: Number of trainings of the sweep that had ended when the lab was last saved.
    """

    jobs: tuple[Job[Run], ...]
    sweep: Sweep | None
    owner: str
    save: Callable[[], object]
    n_recorded: int = 0


class SweepRecorder:
    """A thread that advances and saves the sweeps of a server.

    Args:
        service: The service that runs the trials.
        works: Running work by the token of the lab. Completed work of a session that has ended is removed.
        is_present: Returns whether a session is connected or may reconnect.
        interval: Seconds between two calls of `look`.
    """

    def __init__(
        self,
        service: JobService,
        works: MutableMapping[str, ActiveWork],
        is_present: Callable[[str], bool],
        interval: float = SLOW,
    ):
        self._service, self._works, self._is_present = service, works, is_present
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(interval,), name="sweep-recorder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def look(self) -> None:
        """Advance all sweeps, and save the sweeps that have new results."""
        for token, work in list(self._works.items()):
            if work.sweep is None:
                continue
            work.sweep.advance(self._service)
            if work.n_recorded != work.sweep.n_ended:
                work.n_recorded = work.sweep.n_ended
                work.save()
            if work.sweep.is_idle and not work.jobs and not self._is_present(work.owner):
                self._works.pop(token, None)

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            try:
                self.look()
            except Exception:  # One lab must not end the thread that works for all labs.
                logger.exception("A sweep cannot be saved")
