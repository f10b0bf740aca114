"""The machine's own clock."""

import sys
import threading
import time
from collections.abc import Callable

# How fast a clock that was set back is followed: slow enough that no age is wrong by more than a thousandth.
_FOLLOWED_MS_PER_S = 1.0
# More between two readings, and the wall leapt: it was set, or the machine slept on a clock that does not count that.
_LEAP_MS = 500
_READINGS = 3


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _running_s() -> float:
    """Seconds that never jump and count a machine's sleep: Windows' monotonic clock does, on Linux another one."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    else:
        return time.monotonic()


class SystemClock:
    """The `Clock` port over the operating system.

    `now_ms` never goes back: a machine whose clock is set back would take old prices for fresh ones. It follows one set
    forward at once, also one that was set back before: a machine that slept has old prices indeed. What it is ahead of
    the wall it loses in the course of days.
    """

    def __init__(self, wall_ms: Callable[[], int] = _wall_ms, monotonic_s: Callable[[], float] = _running_s) -> None:
        self._wall_ms = wall_ms
        self._monotonic_s = monotonic_s
        # How far `now_ms` is ahead of the monotonic clock, in ms, when that was so, and how far the wall was then;
        # replaced in one assignment.
        self._ahead: tuple[float, float, float] = (float("-inf"), 0.0, float("inf"))

    def now_ms(self) -> int:
        """See the port."""
        # The wall first: a thread that is stopped in between must not think that the wall was set forward.
        wall_ms = self._wall_ms()
        now_s = self._monotonic_s()
        kept_ms, seen_s, wall_was_ms = self._ahead
        wall_ahead_ms = wall_ms - now_s * 1000
        leapt_ms = wall_ahead_ms - wall_was_ms
        if leapt_ms > _LEAP_MS or leapt_ms < -_LEAP_MS:
            wall_ahead_ms, now_s = self._surely()
            leapt_ms = wall_ahead_ms - wall_was_ms
        kept_ms -= (now_s - seen_s) * _FOLLOWED_MS_PER_S
        if leapt_ms > _LEAP_MS:
            kept_ms += leapt_ms
        ahead_ms = max(wall_ahead_ms, kept_ms)
        self._ahead = (ahead_ms, now_s, wall_ahead_ms)
        return round(now_s * 1000 + ahead_ms)

    def _surely(self) -> tuple[float, float]:
        """How far the wall is ahead and when, read again: a thread that was stopped in between is no leap."""
        tries = _READINGS
        while True:
            tries -= 1
            wall_ms = self._wall_ms()
            now_s = self._monotonic_s()
            if not tries or self._wall_ms() - wall_ms < _LEAP_MS:
                return wall_ms - now_s * 1000, now_s

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
