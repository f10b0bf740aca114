"""The machine's own clock."""

import threading
import time
from collections.abc import Callable

# How fast a clock that was set back is followed: slow enough that no age is wrong by more than a thousandth.
_FOLLOWED_MS_PER_S = 1.0


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class SystemClock:
    """The `Clock` port over the operating system.

    `now_ms` never goes back: a machine whose clock is set back would take old prices for fresh ones. It follows one set
    forward at once (a machine that slept has old prices indeed), and one set back in the course of days.
    """

    def __init__(
        self, wall_ms: Callable[[], int] = _wall_ms, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_ms = wall_ms
        self._monotonic_s = monotonic_s
        # (how far the wall is ahead of the monotonic clock, in ms, when that was so); replaced in one assignment.
        self._ahead: tuple[float, float] = (float("-inf"), 0.0)

    def now_ms(self) -> int:
        """See the port."""
        # The wall first: a thread that is stopped in between must not think that the wall was set forward.
        wall_ms = self._wall_ms()
        now_s = self._monotonic_s()
        kept_ms, seen_s = self._ahead
        ahead_ms = max(wall_ms - now_s * 1000, kept_ms - (now_s - seen_s) * _FOLLOWED_MS_PER_S)
        self._ahead = (ahead_ms, now_s)
        return round(now_s * 1000 + ahead_ms)

    def monotonic_s(self) -> float:
        """See the port."""
        return self._monotonic_s()

    def wall_ms(self) -> int:
        """See the port."""
        return self._wall_ms()

    def machine_s(self) -> float:
        """See the port."""
        return self._monotonic_s()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """See the port."""
        return event.wait(timeout_s)
