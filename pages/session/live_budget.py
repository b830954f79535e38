"""The time budget of all sessions together for predictions during strokes.

The time that an answer waits for the processor counts too, so a busy server gives fewer answers.
"""

import threading
import time
from collections.abc import Callable

OVERHEAD = 0.004  # s to receive a picture and send its answer, measured by `benchmarks/load.py`
MAX_DELAY = 2.0  # s; a browser that ignores a longer delay gets no answer


class LiveBudget:
    """A share of a processor core that can be used. Unused time is not saved.

    Args:
        share: Share of a core; 0 allows no predictions.
        clock: Returns the current time in seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic):
        self.share = share
        self._clock, self._lock = clock, threading.Lock()
        self._free_at = clock()

    def spend(self, seconds: float) -> None:
        """Subtract the time that an answer took from the budget."""
        if self.share:
            with self._lock:
                self._free_at = max(self._free_at, self._clock()) + (seconds + OVERHEAD) / self.share

    @property
    def is_spent(self) -> bool:
        """Whether a picture that arrives now gets no answer."""
        return not self.share or self.delay() > MAX_DELAY

    def delay(self) -> float:
        """Return the seconds until the budget allows the next answer."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())
