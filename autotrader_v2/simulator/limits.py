"""Rate limits as Gate documents them. Source: Gate API v4, limits; the fill-ratio rule is not modelled."""

from dataclasses import dataclass
from typing import NamedTuple


class Limit(NamedTuple):
    """So many calls in so many milliseconds."""

    calls: int
    window_ms: int


PUBLIC = Limit(200, 10_000)
PLACE = Limit(10, 1_000)
CANCEL = Limit(200, 1_000)
PRIVATE = Limit(200, 10_000)
ACCOUNT = Limit(150, 10_000)


@dataclass(slots=True)
class _Window:
    ends_ms: int
    used: int


class Allowance(NamedTuple):
    """What a call learns about its limit. `reset_ms`: when the next window begins."""

    allowed: bool
    limit: int
    remain: int
    reset_ms: int


class RateLimiter:
    """Counts calls per key in windows that begin with their first call.

    `enabled` may be switched at any time. `reset_unit_ms`: whether the reset header counts milliseconds (1) or
    seconds (1000); which one Gate means is not documented.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self.reset_unit_ms = 1
        self._windows: dict[tuple[str, ...], _Window] = {}

    def count(self, key: tuple[str, ...], limit: Limit, now_ms: int) -> Allowance:
        """Count one call."""
        window = self._windows.get(key)
        if window is None or window.ends_ms <= now_ms:
            window = self._windows[key] = _Window(now_ms + limit.window_ms, 0)
        if self.enabled and window.used >= limit.calls:
            return Allowance(False, limit.calls, 0, window.ends_ms)
        window.used += 1
        return Allowance(True, limit.calls, max(limit.calls - window.used, 0), now_ms)
