"""Moves sweeps on and saves what their trials find, whether a browser looks at them or not."""

import logging
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from digitcore.jobs.job import Job
from digitcore.jobs.service import JobService
from digitcore.sweeps.runner import Sweep
from digitcore.training.run import Run
from pages.session import polling

logger = logging.getLogger(__name__)


@dataclass
class ActiveWork:
    """What runs for a lab of the store: its training and its sweep.

    Attributes:
        owner: the session.
        save: writes the lab soon.
        n_recorded: how many trainings of the sweep had ended when it was last saved.
    """

    job: Job[Run] | None
    sweep: Sweep | None
    owner: str
    save: Callable[[], object]
    n_recorded: int = 0


class SweepRecorder:
    """A thread that looks after the sweeps of a server.

    Args:
        service: that runs the trials.
        works: what runs, by the lab's token; what is complete and whose owner is gone is removed.
        is_present: whether an owner may come back.
        interval: seconds between two looks.
    """

    def __init__(
        self,
        service: JobService,
        works: MutableMapping[str, ActiveWork],
        is_present: Callable[[str], bool],
        interval: float = polling.SLOW,
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
        """Move every sweep on, and save those of which a training has ended."""
        for token, work in list(self._works.items()):
            if work.sweep is None:
                continue
            work.sweep.advance(self._service)
            if work.n_recorded != work.sweep.n_ended:
                work.n_recorded = work.sweep.n_ended
                work.save()
            if work.sweep.is_idle and work.job is None and not self._is_present(work.owner):
                self._works.pop(token, None)

    def _run(self, interval: float) -> None:
        while not self._closed.wait(interval):
            try:
                self.look()
            except Exception:  # one lab must not end the thread that works for all
                logger.exception("A sweep cannot be recorded")
