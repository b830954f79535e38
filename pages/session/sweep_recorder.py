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

MAX_ENDED = 20  # sessions that have left and whose ended work is kept, in case they open their lab again

logger = logging.getLogger(__name__)


@dataclass
class ActiveWork:
    """The running work of a session with a stored lab.

    Attributes:
        token: Token of the lab.
        jobs: The training jobs.
        sweep: The running sweep, or `None`.
        owner: Identifier of the session.
        save: Saves the lab in the background.
        n_recorded: Number of trainings of the sweep that had ended when the lab was last saved.
    """

    token: str
    jobs: tuple[Job[Run], ...]
    sweep: Sweep | None
    owner: str
    save: Callable[[], object]
    n_recorded: int = 0

    @property
    def is_ended(self) -> bool:
        """Whether no work is running any more."""
        return all(job.done for job in self.jobs) and (self.sweep is None or self.sweep.is_idle)


def forget_ended(works: MutableMapping[str, ActiveWork], is_present: Callable[[str], bool]) -> None:
    """Remove the oldest ended work of sessions that have left. It holds the whole session.

    Args:
        works: Work by the owner. At most `MAX_ENDED` ended works of sessions that have left remain.
        is_present: Returns whether a session is connected or may reconnect.
    """
    left = [owner for owner, work in list(works.items()) if work.is_ended and not is_present(owner)]
    for owner in left[:-MAX_ENDED]:
        works.pop(owner, None)


class SweepRecorder:
    """A thread that advances and saves the sweeps of a server.

    Args:
        service: The service that runs the trials.
        works: Running work by the identifier of its session. A completed sweep of a session that has ended is removed.
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
        for owner, work in list(self._works.items()):
            if work.sweep is None:
                continue
            work.sweep.advance(self._service)
            if work.n_recorded != work.sweep.n_ended:
                work.n_recorded = work.sweep.n_ended
                work.save()
            if work.sweep.is_idle and not work.jobs and not self._is_present(owner):
                self._works.pop(owner, None)

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            try:
                self.look()
            except Exception:  # One lab must not end the thread that works for all labs.
                logger.exception("A sweep cannot be saved")
