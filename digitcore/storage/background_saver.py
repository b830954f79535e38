"""Saving of labs on a background thread."""

import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from digitcore.errors import LabDeletedError, LabError, StoreUnreachableError
from digitcore.storage.changes import LabChanges, PartIds, Uncertain
from digitcore.storage.database import DAY, LabStore, new_token
from digitcore.storage.snapshot import LabSnapshot

logger = logging.getLogger(__name__)
UNWRITABLE = "This lab cannot be saved. Export the lab to keep your changes. The server's log contains the reason."
RETRY_INTERVAL = 5.0  # s between two attempts to write the labs that could not be written
POLL_INTERVAL = 1.0  # s between two looks for the changes of other sessions


class SaveStatus(StrEnum):
    """The outcome of the last write of a lab.

    Attributes:
        OK: The lab was written, or no write was necessary yet.
        UNREACHABLE: The database did not answer. The write is tried again.
        UNWRITABLE: The lab cannot be stored. It is written again after its next change.
        DELETED: The lab was deleted. This session does not write it any more.

    Example:
        >>> SaveStatus("deleted") is SaveStatus.DELETED
        True
    """

    OK = "ok"
    UNREACHABLE = "unreachable"
    UNWRITABLE = "unwritable"
    DELETED = "deleted"


_STATUSES: dict[type[LabError], SaveStatus] = {
    StoreUnreachableError: SaveStatus.UNREACHABLE,
    LabDeletedError: SaveStatus.DELETED,
}


@dataclass(eq=False)
class SaveState:
    """The state of saving one session's lab.

    Only a `BackgroundSaver` changes the fields, while it holds its lock. All other code may read a field without the lock,
    because each field is replaced as a whole.

    Attributes:
        token: Token of the lab.
        version: Version up to which the changes of other sessions are known, or 0 before the first write.
        saved: What this session knows to be in the database, or `None` before the first write.
        pending: Newest snapshot.
        uncertain: Parts of which it is not known whether the database has them as in `saved`, because the response to a write was
            lost. The next write writes them again.
        damaged: Parts that the database contains and that cannot be read. The next write removes them.
        incoming: Changes of other sessions that this session has not taken over.
        taken: Changes that this session has taken over since its present write has begun.
        status: Outcome of the last write.
        error: Message for a lab that is not saved, or "" if it is saved.
        writing: Queued write of `pending`, or `None` if no write is queued.
        polled_at: Time at which the changes of other sessions were last read, in seconds.
        next_token: New token of a renewal that has begun, or "".
        was_rewritten: Whether the lab was written again because the database was deleted. `take_rewritten` resets it.

    Example:
        >>> state = SaveState("token of a lab", pending=LabSnapshot())
        >>> state.is_behind, state.is_deleted
        (True, False)
    """

    token: str
    version: int = 0
    saved: LabSnapshot | None = None
    pending: LabSnapshot | None = None
    uncertain: Uncertain = field(default_factory=Uncertain)
    damaged: PartIds = field(default_factory=PartIds)
    incoming: LabChanges = field(default_factory=LabChanges)
    taken: LabChanges = field(default_factory=LabChanges)
    status: SaveStatus = SaveStatus.OK
    error: str = ""
    writing: Future[None] | None = None
    polled_at: float = 0.0
    next_token: str = ""
    was_rewritten: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether the newest snapshot may differ from the snapshot in the database."""
        return self.pending is not None and not (self.uncertain.is_empty and self.pending.is_unchanged(self.saved))

    @property
    def has_incoming(self) -> bool:
        """Whether there are changes of other sessions to take over."""
        return not self.incoming.is_empty

    @property
    def is_deleted(self) -> bool:
        """Whether the lab was deleted. This session does not write it any more."""
        return self.status is SaveStatus.DELETED


class BackgroundSaver:
    """A thread that writes one lab at a time.

    If several snapshots of a lab wait, only the newest snapshot is written. If the database does not answer, a write is repeated
    until it succeeds, also after the end of the session. If the file of the database is deleted, a new file is created, and the
    labs of all open sessions are written again.

    Args:
        store: Database of the labs.
        keep_days: Days without use after which a lab is deleted, or 0 to keep every lab. The labs are checked once a day.
        retry_interval: Seconds between two attempts.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> saver = BackgroundSaver(LabStore.from_url(f"sqlite:///{folder.name}/labs.sqlite"), keep_days=90)
        >>> state = SaveState("token of a lab")
        >>> saver.save(state, LabSnapshot(preferences={"epochs": 3})).result()
        >>> state.status, state.version
        (<SaveStatus.OK: 'ok'>, 1)
        >>> saver.close()
        >>> folder.cleanup()
    """

    def __init__(self, store: LabStore, keep_days: float, retry_interval: float = RETRY_INTERVAL):
        self.store, self._keep_days = store, keep_days
        self._lock = threading.Lock()  # guards the next three fields, and the fields of every SaveState
        self._unwritten: list[SaveState] = []
        self._states: weakref.WeakSet[SaveState] = weakref.WeakSet()  # of all open sessions
        self._last_writes: dict[str, Future[None]] = {}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="autosave")
        self._expired_at: float | None = None  # This field and the next are changed on the executor's only thread.
        self._failed_at: float | None = None  # time of the last look for changes without an answer, in s
        self._closed = threading.Event()
        self._retrying = threading.Thread(target=self._keep_retrying, args=(retry_interval,), name="autosave-retry", daemon=True)
        self._retrying.start()
        self._executor.submit(self._delete_expired)

    def save(self, state: SaveState, snapshot: LabSnapshot) -> Future[None] | None:
        """Queue a write of a lab.

        Args:
            state: Saving state of the lab.
            snapshot: Current state of the lab.

        Returns:
            The queued write. It is `None` if nothing has changed, if the lab was deleted, or if the last write failed and will
            be repeated.
        """
        with self._lock:
            state.pending = snapshot
            self._states.add(state)
            return self._enqueue(state)

    def _enqueue(self, state: SaveState) -> Future[None] | None:
        """Return the queued write of the newest snapshot, or `None` if no write is necessary. The caller must hold the lock."""
        if not state.is_behind or state.is_deleted or state in self._unwritten:
            return None
        if state.writing is None:
            state.writing = self._executor.submit(self._write, state)
            self._last_writes[state.token] = state.writing
        return state.writing

    def poll(self, state: SaveState) -> Future[bool] | None:
        """Queue a look for changes of other sessions, at most once per `POLL_INTERVAL`. `take` returns the changes.

        Args:
            state: Saving state of the lab.

        Returns:
            The queued look, or `None` if the last look was not long ago, or a write is queued, which looks too.
        """
        with self._lock:
            now = time.monotonic()
            is_early = state.polled_at and now - state.polled_at < POLL_INTERVAL
            if is_early or not state.version or state.is_deleted or state.writing is not None:
                return None
            state.polled_at = now
        return self._executor.submit(self._look, state)

    def take(self, state: SaveState, snapshot: LabSnapshot) -> LabChanges:
        """Return the changes of other sessions once. The session takes them over, and calls `confirm`.

        No other thread may change the lab or save it between the calls.

        Args:
            state: Saving state of the lab.
            snapshot: Current state of the lab in this session. A part that this session has changed and not written yet keeps
                the change of this session, unless another session has removed the part.

        Returns:
            The changes.
        """
        with self._lock:
            changes, state.incoming = state.incoming, LabChanges()
            if changes.is_empty or state.saved is None:
                return LabChanges()
            unwritten = LabChanges.between(state.saved, snapshot)
            return changes.without(unwritten.ids.union(unwritten.removed))

    def confirm(self, state: SaveState, changes: LabChanges, snapshot: LabSnapshot) -> Future[None] | None:
        """Record that this session has taken over changes of other sessions.

        Args:
            state: Saving state of the lab.
            changes: The changes that `take` has returned.
            snapshot: State of the lab in this session, with the changes.

        Returns:
            The queued write as from `save`.
        """
        with self._lock:
            state.taken = state.taken.then(changes)
            state.saved = changes.apply(state.saved or LabSnapshot())
            state.pending = snapshot
            return self._enqueue(state)

    def renew_token(self, state: SaveState, timeout: float) -> None:
        """Give a lab another token, after its changes are written. The former token opens nothing any more.

        Args:
            state: Saving state of the lab.
            timeout: Maximum waiting time in seconds.

        Raises:
            LabError: If the lab was deleted, or the token is not renewed in this time.
        """
        self.flush(state.token, timeout)
        try:
            self._executor.submit(self._renew_token, state).result(timeout)
        except TimeoutError as error:
            raise StoreUnreachableError from error

    def _renew_token(self, state: SaveState) -> None:
        """Renew the token. If the response of the database is lost, the next write repeats this with the same new token."""
        with self._lock:
            state.next_token = state.next_token or new_token()
        self.store.renew_token(state.token, state.next_token)
        with self._lock:
            state.token, state.next_token = state.next_token, ""

    def _end_renewal(self, state: SaveState) -> bool:
        """Repeat a renewal whose response was lost. Return whether the token of the lab is known."""
        try:
            if state.next_token:
                self._renew_token(state)
        except StoreUnreachableError as error:
            self._postpone(state, error)
            return False
        except LabDeletedError:  # The write that follows reports it.
            pass
        return True

    def _postpone(self, state: SaveState, error: LabError) -> None:
        """Report that the database does not answer, and repeat the write later."""
        with self._lock:
            state.status, state.error = SaveStatus.UNREACHABLE, str(error)
            if state not in self._unwritten:
                self._unwritten.append(state)

    def take_rewritten(self, state: SaveState) -> bool:
        """Return whether a lab was written again since the last call, because the database was deleted.

        Args:
            state: Saving state of the lab.
        """
        with self._lock:
            was_rewritten, state.was_rewritten = state.was_rewritten, False
            return was_rewritten

    def mark_used(self, token: str) -> None:
        """Queue an update of the last use of a lab. If the database does not answer, the update is dropped.

        Args:
            token: Token of the lab.
        """
        self._executor.submit(self._try, self.store.mark_used, token)

    def wait(self) -> None:
        """Block until all queued work was attempted once."""
        self._executor.submit(lambda: None).result()

    def flush(self, token: str, timeout: float) -> None:
        """Block until every change of a lab is written, including writes that have failed before.

        Args:
            token: Token of the lab.
            timeout: Maximum waiting time in seconds.

        Raises:
            StoreUnreachableError: If the changes are not written in this time.
        """
        with self._lock:
            unwritten = [state for state in self._unwritten if state.token == token]
            write = self._executor.submit(self._retry, unwritten) if unwritten else self._last_writes.get(token)
        try:
            if write is not None:
                write.result(timeout)
        except TimeoutError as error:
            raise StoreUnreachableError from error
        if any(state.token == token for state in self._list_unwritten()):
            raise StoreUnreachableError

    def delete(self, state: SaveState, timeout: float) -> None:
        """Delete a lab, and do not write it any more.

        Args:
            state: Saving state of the lab.
            timeout: Maximum waiting time in seconds.

        Raises:
            StoreUnreachableError: If the lab is not deleted in this time.
        """
        with self._lock:
            before = state.status, state.error
            state.status, state.error = SaveStatus.DELETED, ""
            self._unwritten = [other for other in self._unwritten if other is not state]
        try:
            self._executor.submit(self.store.delete, state.token).result(timeout)
        except TimeoutError as error:
            raise StoreUnreachableError from error
        except LabError:
            with self._lock:
                state.status, state.error = before
            raise

    def retry(self) -> None:
        """Write the labs that could not be written before, and wait for the outcome."""
        self._executor.submit(self._retry, self._list_unwritten()).result()

    def close(self) -> None:
        """Write all queued labs, and end the threads."""
        self._closed.set()
        self._retrying.join()
        self.retry()
        self._executor.shutdown()

    def _list_unwritten(self) -> list[SaveState]:
        with self._lock:
            return list(self._unwritten)

    def _write(self, state: SaveState) -> None:
        """Write the newest snapshot of a lab, then queue a newer snapshot if it exists."""
        file_error = self._check_file()
        with self._lock:
            snapshot, saved, state.writing, state.taken = state.pending, state.saved, None, LabChanges()
            is_wanted = state.is_behind and not state.is_deleted
            if not is_wanted and not state.is_deleted:
                state.status, state.error = SaveStatus.OK, ""  # The change was undone.
        if is_wanted and file_error:
            self._postpone(state, file_error)
        elif is_wanted and snapshot is not None and self._end_renewal(state):
            self._write_snapshot(state, snapshot, saved)
            self._delete_expired()
        with self._lock:
            if state.writing is None:
                self._last_writes.pop(state.token, None)
            if state.status is SaveStatus.OK:
                self._enqueue(state)  # A newer snapshot may have been queued during the write.

    def _write_snapshot(self, state: SaveState, snapshot: LabSnapshot, saved: LabSnapshot | None) -> None:
        changes = LabChanges.between(saved or LabSnapshot(), snapshot)
        uncertain = state.uncertain._replace(changed=state.uncertain.changed.union(state.damaged))
        is_equal = saved is not None and (snapshot.preferences, snapshot.sweep) == (saved.preferences, saved.sweep)
        status, message, version = SaveStatus.OK, "", 0
        try:
            if not (is_equal and changes.is_empty and uncertain.is_empty):
                version = self.store.save(state.token, snapshot, saved, uncertain)
        except tuple(_STATUSES) as error:
            status, message = _STATUSES[type(error)], str(error)
        except Exception:  # A lab that cannot be stored must not end the thread.
            logger.exception("A lab cannot be written")
            status, message = SaveStatus.UNWRITABLE, UNWRITABLE
        with self._lock:
            if status is SaveStatus.OK:
                state.saved, state.uncertain, state.damaged = state.taken.apply(snapshot), Uncertain(), PartIds()
            if not state.is_deleted:  # `delete` may have been called during the write.
                state.status, state.error = status, message
                if status is SaveStatus.UNREACHABLE:
                    state.uncertain = state.uncertain.union(changes)
                    if state not in self._unwritten:
                        self._unwritten.append(state)
            is_next = version == state.version + 1
            if is_next:
                state.version = version
        if version and not is_next:  # Other sessions have written the versions between.
            self._try(self._fetch, state, version)

    def _look(self, state: SaveState) -> bool:
        """Read the changes of other sessions, and return whether the database has answered.

        A database that does not answer is not asked again at once, because the writes wait for the answer.
        """
        if self._failed_at is not None and time.monotonic() - self._failed_at < RETRY_INTERVAL:
            return False
        has_answered = self._check_file() is None and self._try(self._fetch, state)
        self._failed_at = None if has_answered else time.monotonic()
        return has_answered

    def _fetch(self, state: SaveState, own_version: int = 0) -> None:
        """Read the changes of other sessions. `own_version` is the version that this session has just written, or 0."""
        with self._lock:
            if state.next_token or not state.uncertain.is_empty:
                return  # The next write reads the changes.
            known = PartIds.of(state.incoming.apply(state.saved or LabSnapshot()))
        try:
            found = self.store.changes(state.token, state.version, known, own_version)
        except LabDeletedError as error:
            with self._lock:
                state.status, state.error = SaveStatus.DELETED, str(error)
            return
        if found is not None:
            with self._lock:
                state.incoming = state.incoming.then(found.changes)
                state.version = found.version

    def _keep_retrying(self, interval: float) -> None:
        while not self._closed.wait(interval):
            self._executor.submit(self._check_file)
            if self._list_unwritten():
                self.retry()

    def _check_file(self) -> LabError | None:
        """Queue the labs of all open sessions again if the file of the database was deleted.

        Returns:
            The reason if a new file is not complete. No lab may be read or written then: it would be missing in the new file.
        """
        try:
            if not self.store.reopen_if_deleted():
                return None
        except LabError as error:
            return error
        with self._lock:
            for state in list(self._states):
                if state.version and not state.is_deleted:
                    state.version, state.saved, state.was_rewritten = 0, None, True
                    state.uncertain, state.damaged = Uncertain(), PartIds()
                    self._enqueue(state)
        return None

    def _retry(self, states: list[SaveState]) -> None:
        """Write labs that could not be written before. Stop at the first lab for which the database does not answer.

        This lab is the last lab of the next attempt, because it may be the only locked lab.
        """
        for state in states:
            self._write(state)
            with self._lock:
                if state.status is SaveStatus.UNREACHABLE:
                    self._unwritten.sort(key=lambda other: other is state)
                    return
                self._unwritten = [other for other in self._unwritten if other is not state]
                self._enqueue(state)  # Newer snapshots were not queued while the lab was in the list.

    def _delete_expired(self) -> None:
        """Delete expired labs once a day. After a failure, the deletion is repeated after the next write."""
        if self._expired_at is None or time.monotonic() - self._expired_at > DAY:
            is_done = self._try(self.store.delete_expired, self._keep_days)
            self._expired_at = time.monotonic() if is_done else None

    @staticmethod
    def _try(work: Callable[..., Any], *arguments: Any) -> bool:
        """Call a function of the store, and return whether the database has answered."""
        try:
            work(*arguments)
        except LabError:
            return False
        return True
