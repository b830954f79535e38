"""Time for the predictions during strokes, of all sessions together: everything else goes first.

What an answer has waited for the processor counts as well, so that a busy server gives fewer of them.
"""

import threading
import time
from collections.abc import Callable

OVERHEAD = 0.004  # s to receive a picture and send its answer, as `benchmarks/load.py` finds
MAX_DELAY = 2.0  # s after which a browser that does not heed its delay is not answered


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
        """Note the time that an answer took."""
        if self.share:
            with self._lock:
                self._free_at = max(self._free_at, self._clock()) + (seconds + OVERHEAD) / self.share

    @property
    def is_spent(self) -> bool:
        """Whether a picture that comes now is not answered."""
        return not self.share or self.delay() > MAX_DELAY

    def delay(self) -> float:
        """Seconds until as much was saved as was spent."""
        with self._lock:
            return max(0.0, self._free_at - self._clock())
