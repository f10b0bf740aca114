"""Why no market of the account may trade for now. Each reason ends by itself; none of them is a person's."""

import threading

from autotrader_v2.domain.situation import Hold, Reason

# What needs a person first, what needs only patience last.
_PRESSING = (Reason.CLOCK_WRONG, Reason.UNREACHABLE, Reason.CHECKING)


class Standstill:
    """Readers take no lock: `now` is the most pressing reason, or None. No order leaves, a person's neither."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[Reason, Hold] = {}
        self.now: Hold | None = None
        # Prices confirmed before this (our clock) no longer count.
        self.confirmed_after_ms = 0

    def begin(self, hold: Hold) -> bool:
        """Stand still for that; True when it was not so before."""
        with self._lock:
            new = hold.reason not in self._reasons
            self._reasons = {**self._reasons, hold.reason: hold}
            self.now = self._most_pressing()
        return new

    def end(self, reason: Reason) -> bool:
        """That is over; True when it was so."""
        with self._lock:
            was = reason in self._reasons
            self._reasons = {one: hold for one, hold in self._reasons.items() if one is not reason}
            self.now = self._most_pressing()
        return was

    def reasons(self) -> tuple[Hold, ...]:
        """Everything it stands still for."""
        return tuple(self._reasons.values())

    def _most_pressing(self) -> Hold | None:
        return min(self._reasons.values(), key=lambda hold: _PRESSING.index(hold.reason), default=None)
