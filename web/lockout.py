"""Guessing the password gets slower and slower, and the owner is told."""

import threading
import time
from collections.abc import Callable, Mapping

from web.errors import Refused

_FREE = 5
_FIRST_S = 60.0
_MAX_S = 3600.0


class Lockout:
    """Five wrong ones lock for a minute, every further one for twice as long, an hour at most; a right one ends it.

    `alert` is called with the values of each lock. Times: seconds that never jump.
    """

    def __init__(self, alert: Callable[[Mapping[str, str]], None], now_s: Callable[[], float] = time.monotonic) -> None:
        self.now_s = now_s
        self._alert = alert
        self._lock = threading.Lock()
        self._wrong = 0
        self._until_s = float("-inf")

    def attempt(self, is_right: Callable[[], bool]) -> None:
        """One guess at a time. Errors: `Refused`: 429 while locked (nothing is compared), 403 for a wrong one."""
        with self._lock:
            left_s = self._until_s - self.now_s()
            if left_s > 0:
                raise Refused("too_many_requests", f"Too many wrong passwords; wait {left_s:.0f} s.", status=429)
            if is_right():
                self._wrong = 0
                return
            self._wrong += 1
            if self._wrong >= _FREE:
                lock_s = min(_FIRST_S * 2 ** min(self._wrong - _FREE, 10), _MAX_S)
                self._until_s = self.now_s() + lock_s
                self._alert({"count": str(self._wrong), "seconds": f"{lock_s:.0f}"})
        raise Refused("wrong_password", "That is not the password.", status=403, field="password")
