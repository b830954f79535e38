"""The state of saving a session's lab."""

import time
from typing import Any

from digitcore.storage import database
from digitcore.storage.background_saver import SaveState
from digitcore.storage.snapshot import LabSnapshot
from pages.session.session_part import SessionPart, synchronized

RETRY_INTERVAL = 5.0  # s between two attempts to open a lab if the store does not respond


class SavingState(SessionPart):
    """The state of saving a session's lab.

    Attributes:
        state: State of the lab in the store; `None` if nothing was saved yet.
        awaited_token: Token of the lab in the page's address that could not be opened yet; "" if no lab is awaited.
        view_token: Token of the lab of which this is an unchanged copy; "" if this is not a copy.
        copied: The copied lab. The copy is saved only if it differs.
        is_begun: Whether the page's address was read.
        notice: The reason why this is not the lab of the page's address, or is not saved, in a sentence.
        is_opened_by_link: Whether the lab was opened by its edit link, and its link was not renewed since.
        renewal_error: The reason why the links could not be renewed; "" if they were, or nobody has tried.
        is_shared: Whether another device has changed the lab during this session.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.state: SaveState | None = None
        self.awaited_token = self.view_token = ""
        self.copied: LabSnapshot | None = None
        self.is_begun = False
        self.notice = self._notice_page = ""
        self.is_opened_by_link = False
        self.renewal_error = ""
        self.is_shared = False
        self._tried_at = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether changes are not written yet, or the lab is not opened yet."""
        return bool(self.awaited_token) or (self.state is not None and self.state.is_behind)

    @property
    def has_incoming(self) -> bool:
        """Whether there are changes of another device to take over."""
        return self.state is not None and self.state.has_incoming

    @property
    def is_saved(self) -> bool:
        """Whether the whole lab is in the store."""
        return self.state is not None and not self.is_behind and not self.state.is_deleted

    @synchronized
    def begin(self, token: str = "", view_token: str = "") -> None:
        """Store the tokens in the page's address. Only the first call has an effect."""
        if not self.is_begun:
            self.is_begun, self.awaited_token = True, token or view_token
            self.view_token = "" if token else view_token

    @synchronized
    def set_notice(self, sentence: str) -> None:
        """Set the notice that the page shows."""
        self.notice, self._notice_page = sentence, ""

    @synchronized
    def takes_notice(self, page: str) -> bool:
        """Return whether a page shows the notice. Only the first page that asks shows it."""
        self._notice_page = self._notice_page or page
        return self._notice_page == page

    @synchronized
    def start(self, snapshot: LabSnapshot) -> SaveState:
        """Return the state to save a snapshot with; create it for a lab that was not saved yet.

        A notice that the page has shown is removed when the lab changes.
        """
        if self.state is None:
            self.state, self.view_token = SaveState(database.new_token()), ""
        if not snapshot.is_unchanged(self.state.pending):
            self.notice = ""
        return self.state

    @synchronized
    def end_renewal(self, error: str) -> None:
        """Record that the links were renewed, or the reason why they could not be renewed."""
        self.renewal_error = error
        self.is_opened_by_link = self.is_opened_by_link and bool(error)

    @synchronized
    def mark_shared(self) -> None:
        """Record that another device has changed the lab, so that its changes are looked for more often."""
        self.is_shared = True

    @synchronized
    def take_turn(self) -> bool:
        """Return whether to try to open the awaited lab now. Attempts are at least `RETRY_INTERVAL` apart."""
        now = time.monotonic()
        if not self.awaited_token or (self._tried_at and now - self._tried_at < RETRY_INTERVAL):
            return False
        self._tried_at = now
        return True

    @synchronized
    def end_waiting_for_copy(self, copied: LabSnapshot, notice: str) -> None:
        """Record that the awaited copy was opened. `copied` is the snapshot of the unchanged copy."""
        self.awaited_token, self.copied, self.notice = "", copied, notice

    @synchronized
    def end_waiting(self, state: SaveState | None = None, notice: str = "", *, is_opened_by_link: bool = False) -> None:
        """Record that the awaited lab was opened, or that it does not exist."""
        self.awaited_token = self.view_token = ""
        self.state, self.notice, self.is_opened_by_link = state, notice, is_opened_by_link
