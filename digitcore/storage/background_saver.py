"""Saving labs in the background."""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from digitcore.errors import LabDeletedError, LabError, StoreUnreachableError, VersionConflictError
from digitcore.storage.database import DAY, UNREACHABLE, LabStore
from digitcore.storage.snapshot import LabSnapshot

logger = logging.getLogger(__name__)
UNWRITABLE = "This lab cannot be saved as it is. Take it along in a file; the server's log says why."
RETRY_INTERVAL = 5.0  # s between two tries to write what could not be written


@dataclass(eq=False)
class SaveState:
    """How far a session's lab is saved.

    Attributes:
        token: of the lab.
        version: in the store; 0 before the first save.
        saved: the snapshot in the store.
        pending: the newest snapshot.
        is_partial: whether the store holds damaged parts beside `saved`; the next write replaces them.
        error: why it is not saved, in a sentence; "" when it is.
        has_conflict: whether another session has changed the lab.
        is_deleted: whether another session has deleted it.
        writing: the write that waits in the queue and will take `pending`; None when none waits.
        writer: names the session in the store.
    """

    token: str
    version: int = 0
    saved: LabSnapshot | None = None
    pending: LabSnapshot | None = None
    is_partial: bool = False
    error: str = ""
    has_conflict: bool = False
    is_deleted: bool = False
    writing: Future[None] | None = None
    writer: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be written."""
        return self.pending is not None and not self.pending.is_unchanged(self.saved)

    @property
    def is_lost(self) -> bool:
        """Whether the lab under this token is no longer this session's to write."""
        return self.has_conflict or self.is_deleted


class BackgroundSaver:
    """Writes labs one after the other on a thread; of several snapshots of a lab that wait, only the newest is written.

    What cannot be written because the store does not answer is tried again until it can, whether its session is still there
    or not.

    Args:
        store: where to.
        keep_days: labs that were not opened for so many days are deleted, by a check once a day; 0 keeps them for ever.
        retry_interval: seconds between two tries.
    """

    def __init__(self, store: LabStore, keep_days: float, retry_interval: float = RETRY_INTERVAL):
        self.store, self._keep_days = store, keep_days
        self._lock = threading.Lock()
        self._unwritten: list[SaveState] = []
        self._last_writes: dict[str, Future[None]] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="autosave")
        self._closed = threading.Event()
        self._retrying = threading.Thread(target=self._keep_retrying, args=(retry_interval,), name="autosave-retry", daemon=True)
        self._retrying.start()
        self._expired_at = 0.0
        self._executor.submit(self._delete_expired)

    def save(self, state: SaveState, snapshot: LabSnapshot) -> Future[None] | None:
        """Write a lab soon; returns at once, with None when there is nothing to write or the store does not answer now."""
        with self._lock:
            state.pending = snapshot
            return self._enqueue(state)

    def _enqueue(self, state: SaveState) -> Future[None] | None:
        """The write that will take the newest snapshot; None where there is nothing to write. The lock must be held."""
        if not state.is_behind or state.is_lost or state in self._unwritten:
            return None
        if state.writing is None:
            state.writing = self._executor.submit(self._write, state)
            self._last_writes[state.token] = state.writing
        return state.writing

    def mark_used(self, token: str) -> None:
        """Note soon that a lab was opened; where that cannot be written it is left."""
        self._executor.submit(self._try, self.store.mark_used, token)

    def wait(self) -> None:
        """Block until all that was asked for is written, or was tried."""
        self._executor.submit(lambda: None).result()

    def flush(self, token: str, timeout: float) -> None:
        """Block until all that is known of a lab is written, also what could not be written before.

        Raises:
            StoreUnreachableError: when it is not written in so many seconds.
        """
        with self._lock:
            unwritten = [state for state in self._unwritten if state.token == token]
            write = self._executor.submit(self._retry, unwritten) if unwritten else self._last_writes.get(token)
        try:
            if write is not None:
                write.result(timeout)
        except TimeoutError as error:
            raise StoreUnreachableError(UNREACHABLE) from error
        if any(state.token == token for state in self._unwritten):
            raise StoreUnreachableError(UNREACHABLE)

    def delete(self, state: SaveState, timeout: float) -> None:
        """Delete a lab, and write nothing more of it.

        Raises:
            LabError: when it cannot be deleted in so many seconds.
        """
        with self._lock:
            state.is_deleted = True
            self._unwritten = [other for other in self._unwritten if other is not state]
        try:
            self._executor.submit(self.store.delete, state.token).result(timeout)
        except TimeoutError as error:
            raise StoreUnreachableError(UNREACHABLE) from error
        except LabError:
            state.is_deleted = False
            raise

    def retry(self) -> None:
        """Try now to write what could not be written, and wait for the outcome."""
        self._executor.submit(self._retry, list(self._unwritten)).result()

    def close(self) -> None:
        """Write what waits, and end the threads."""
        self._closed.set()
        self._retrying.join()
        self.retry()
        self._executor.shutdown()

    def _write(self, state: SaveState) -> None:
        """Write the newest snapshot."""
        with self._lock:
            snapshot, state.writing = state.pending, None
        if snapshot is not None and state.is_behind and not state.is_lost:
            self._write_snapshot(state, snapshot)
            self._delete_expired()
        elif not state.is_lost:
            state.error = ""  # the change was taken back
        with self._lock:
            if state.writing is None:
                self._last_writes.pop(state.token, None)
            if not state.error:
                self._enqueue(state)  # a newer one may have come meanwhile

    def _write_snapshot(self, state: SaveState, snapshot: LabSnapshot) -> None:
        try:
            saved = None if state.is_partial else state.saved
            state.version = self.store.save(state.token, snapshot, saved, state.version, state.writer)
            state.saved, state.error, state.is_partial = snapshot, "", False
        except LabError as error:
            state.error = str(error)
            state.has_conflict = isinstance(error, VersionConflictError)
            state.is_deleted = isinstance(error, LabDeletedError)
            if isinstance(error, StoreUnreachableError):
                with self._lock:
                    self._unwritten += [state] if state not in self._unwritten else []
        except Exception:  # what no store can hold must not end the thread that writes for all
            logger.exception("A lab cannot be written")
            state.error = UNWRITABLE

    def _keep_retrying(self, interval: float) -> None:
        while not self._closed.wait(interval):
            if self._unwritten:
                self.retry()

    def _retry(self, states: list[SaveState]) -> None:
        """Write what could not be written; the first for which the store does not answer ends the round.

        It may be that lab alone which is locked, so it is the last of the next round.
        """
        for state in states:
            self._write(state)
            if state.error == UNREACHABLE:
                with self._lock:
                    self._unwritten.sort(key=lambda other: other is state)
                return
            with self._lock:
                self._unwritten = [other for other in self._unwritten if other is not state]
                self._enqueue(state)  # while it was in the list nothing newer was taken

    def _delete_expired(self) -> None:
        if time.monotonic() - self._expired_at > DAY or not self._expired_at:
            is_done = self._try(self.store.delete_expired, self._keep_days)
            self._expired_at = time.monotonic() if is_done else 0.0  # again after the next write

    @staticmethod
    def _try(work: Callable[..., Any], *arguments: Any) -> bool:
        try:
            work(*arguments)
        except LabError:
            return False
        return True
