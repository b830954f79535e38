"""What a session waits for from the worker: asked once, cached for all sessions."""

from collections.abc import Callable
from typing import Any

from digitcore.errors import JobError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Task
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized

QueryKey = tuple[str, ...]  # the kind of query, then what it is about


class QueryList(SessionPart):
    """The queries of a session.

    Attributes:
        pending: jobs by what was asked.
        is_paused: whether nothing is asked until `resume`: the user has stopped it, or it has failed.
        error: why it failed, in a sentence.
        onnx_model: the key of the model that is wanted as ONNX.
    """

    def __init__(self, services: ServerResources, owner: str, lock: Any = None) -> None:
        super().__init__(lock)
        self._services, self._owner = services, owner
        self.pending: dict[QueryKey, Job[Any]] = {}
        self.is_paused = False
        self.error = ""
        self.onnx_model = ""

    @synchronized
    def find(self, key: QueryKey, make_task: Callable[[], Task[Any]]) -> Any:
        """The cached result of a query, or None; then it is asked, unless asking is paused."""
        self.collect()
        result = self.known(key)
        if result is None and key not in self.pending and not self.is_paused:
            try:
                self.pending[key] = self._services.jobs().submit(make_task(), owner=self._owner)
            except JobError as error:
                self._pause(str(error))
        return result

    def known(self, key: QueryKey) -> Any:
        """The cached result of a query, or None; nothing is asked."""
        return self._services.results().get(key)

    @synchronized
    def collect(self) -> bool:
        """Cache the results that have come; whether any has."""
        done = {key: job for key, job in self.pending.items() if job.done}
        for key, job in done.items():
            del self.pending[key]
            if job.status == JobStatus.DONE:
                self._services.results()[key] = job.result
            else:
                self._pause(job.error)
        return bool(done)

    @synchronized
    def stop(self) -> None:
        """Stop all that is asked."""
        for job in self.pending.values():
            job.stop()
        self.pending = {}
        self._pause("")

    @synchronized
    def resume(self) -> None:
        """Ask again."""
        self.is_paused, self.error = False, ""

    def progress(self) -> float:
        """The share done of all that is asked, 0 to 1."""
        jobs = list(self.pending.values())
        share = sum(job.events[-1]["share"] for job in jobs if job.events) / max(1, len(jobs))
        return min(1.0, share)

    def _pause(self, error: str) -> None:
        self.is_paused, self.error = True, error
