"""How a session's lab is saved."""

from typing import Any

from digitcore.storage.background_saver import SaveState
from pages.session.part import Part


class Saving(Part):
    """The saving of a session's lab.

    Attributes:
        state: in the store; None while there is nothing to save.
        restore_attempted: whether the store was asked for the lab of the page's address.
        notice: why this is not the lab of the page's address, or not saved, in a sentence.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.state: SaveState | None = None
        self.restore_attempted = False
        self.notice = ""
