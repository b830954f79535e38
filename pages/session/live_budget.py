"""Processor time for the predictions during strokes, of all sessions together: everything else goes first."""

import threading
import time
from collections.abc import Callable


class LiveBudget:
    """A share of a processor core that may be spent, without saving up.

    Args:
        share: of a core; 0 allows nothing.
        clock: in s.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic):
        self.share = share
        self._clock, self._lock = clock, threading.Lock()
        self._free_at = clock()

    def spend(self, seconds: float) -> None:
        """Note processor time that was taken."""
        with self._lock:
            self._free_at = max(self._free_at, self._clock()) + seconds / self.share

    def delay(self) -> float:
        """Seconds until as much was saved as was spent."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())
