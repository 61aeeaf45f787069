"""Bound what others can have done here by asking often."""

import threading
import time


class Allowance:
    """So many times a second, and no more than that at once, for each process."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._lock = threading.Lock()
        self._left = per_second
        self._counted_at = time.monotonic()

    def take(self) -> bool:
        """Return whether it may be done once more now; never waits."""
        with self._lock:
            now = time.monotonic()
            gained = (now - self._counted_at) * self._per_second
            self._left = min(self._per_second, self._left + gained)
            self._counted_at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
