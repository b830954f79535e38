"""Saving labs in the background."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from digitcore.errors import LabDeletedError, LabError, VersionConflictError
from digitcore.storage.database import DAY, LabStore
from digitcore.storage.snapshot import LabSnapshot


@dataclass(eq=False)
class SaveState:
    """How far a session's lab is saved.

    Attributes:
        token: of the lab.
        version: in the store; 0 before the first save.
        saved: the snapshot in the store.
        pending: the newest snapshot.
        error: why it is not saved, in a sentence; "" when it is.
        has_conflict: whether another session has changed the lab.
        is_deleted: whether another session has deleted it.
    """

    token: str
    version: int = 0
    saved: LabSnapshot | None = None
    pending: LabSnapshot | None = None
    error: str = ""
    has_conflict: bool = False
    is_deleted: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be written."""
        return self.pending is not None and not self.pending.is_unchanged(self.saved)


class BackgroundSaver:
    """Writes labs one after the other on a thread; of several snapshots of a lab that wait, only the newest is written.

    Args:
        store: where to.
        keep_days: labs that were not opened for so many days are deleted, once a day.
    """

    def __init__(self, store: LabStore, keep_days: float):
        self.store, self._keep_days = store, keep_days
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="autosave")
        self._expired_at = 0.0
        self._submit(self._delete_expired)

    def save(self, state: SaveState, snapshot: LabSnapshot) -> Future[None] | None:
        """Write a lab soon; returns at once, with None when there is nothing to write."""
        state.pending = snapshot
        is_writable = state.is_behind and not state.has_conflict and not state.is_deleted
        return self._submit(self._write, state) if is_writable else None

    def wait(self) -> None:
        """Block until all that was asked for is written."""
        self._executor.submit(lambda: None).result()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._executor.shutdown()

    def _submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        return self._executor.submit(work, *arguments)

    def _write(self, state: SaveState) -> None:
        snapshot = state.pending
        if snapshot is None or not state.is_behind:
            return
        try:
            state.version = self.store.save(state.token, snapshot, state.saved, state.version)
            state.saved, state.error = snapshot, ""
        except VersionConflictError as error:
            state.error, state.has_conflict = str(error), True
        except LabDeletedError as error:
            state.error, state.is_deleted = str(error), True
        except LabError as error:
            state.error = str(error)
        self._delete_expired()

    def _delete_expired(self) -> None:
        if time.monotonic() - self._expired_at > DAY or not self._expired_at:
            self._expired_at = time.monotonic()
            try:
                self.store.delete_expired(self._keep_days)
            except LabError:
                self._expired_at = 0.0  # at the next write
