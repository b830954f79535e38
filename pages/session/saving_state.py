"""How a session's lab is saved."""

import time
from typing import Any

from digitcore.storage.background_saver import SaveState
from digitcore.storage.snapshot import LabSnapshot
from pages.session.session_part import SessionPart, synchronized

RETRY_INTERVAL = 5.0  # s between two tries to open a lab whose store does not answer


class SavingState(SessionPart):
    """The saving of a session's lab.

    Attributes:
        state: in the store; None while there is nothing to save.
        awaited_token: of the lab that the page's address names and that could not be opened yet; "" when none is awaited.
        view_token: under which a copy of somebody's lab was opened; "" when this is no copy, or one that has changed.
        copied: that lab, so that a copy is saved only when it differs.
        is_begun: whether the page's address was looked at.
        notice: why this is not the lab of the page's address, or not saved, in a sentence.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.state: SaveState | None = None
        self.awaited_token = self.view_token = ""
        self.copied: LabSnapshot | None = None
        self.is_begun = False
        self.notice = ""
        self._tried_at = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be written, or the lab to be opened."""
        return bool(self.awaited_token) or (self.state is not None and self.state.is_behind)

    @property
    def is_saved(self) -> bool:
        """Whether all of the lab is in the store."""
        return self.state is not None and not self.is_behind and not self.state.is_lost

    @synchronized
    def begin(self, token: str = "", view_token: str = "") -> None:
        """The page's address names this lab, or a copy, or none: called at every run, and heeded at the first."""
        if not self.is_begun:
            self.is_begun, self.awaited_token = True, token or view_token
            self.view_token = "" if token else view_token

    @synchronized
    def take_turn(self) -> bool:
        """Whether the awaited lab shall be opened now: once in a while."""
        now = time.monotonic()
        if not self.awaited_token or (self._tried_at and now - self._tried_at < RETRY_INTERVAL):
            return False
        self._tried_at = now
        return True

    @synchronized
    def end_waiting_for_copy(self, copied: LabSnapshot, notice: str) -> None:
        """The awaited copy was opened; `copied` is what this session's snapshot is as long as nothing was changed."""
        self.awaited_token, self.copied, self.notice = "", copied, notice

    @synchronized
    def end_waiting(self, state: SaveState | None = None, notice: str = "") -> None:
        """The awaited lab was opened, or there is none."""
        self.awaited_token = self.view_token = ""
        self.state, self.notice = state, notice
