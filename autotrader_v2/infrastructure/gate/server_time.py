"""What time it is at the exchange: a clock that nobody sets, and the difference, measured by quick calls."""

import threading
from collections import deque

import structlog

from autotrader_v2.application.ports import Clock, TimeCheck

_KEEP_S = 300.0
_KEEP = 32
# A change beyond what the call's own length explains: the machine slept, or the exchange's clock was set.
_LEAP_MS = 250

# So long before its expiry no order of ours was sent. By the exchange's own clock: our own may have been wrong when the
# order was decided, and set right since.
BEFORE_EXPIRY_MS = 120_000

_log = structlog.get_logger()


class ServerTime:
    """The quickest of the last five minutes' measurements counts: its error is at most half its length.

    It runs on the clock that never jumps. Setting ours changes nothing here; after a sleep of the machine it is behind
    until the next measurement, so that orders expire too early rather than too late.
    Units: milliseconds; the offset is the exchange's time minus the monotonic clock's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=_KEEP)
        self._offset_ms: float | None = None

    def now_ms(self) -> int:
        """The exchange's time as best known; our own before the first measurement."""
        offset_ms = self._offset_ms
        return self._clock.now_ms() if offset_ms is None else round(self._clock.monotonic_s() * 1000 + offset_ms)

    @property
    def age_s(self) -> float:
        """Since the last measurement; infinite before the first."""
        samples = self._samples
        return self._clock.monotonic_s() - samples[-1][0] if samples else float("inf")

    def check(self) -> TimeCheck:
        """How well the time is known: by the quickest call's length; infinitely badly before the first."""
        with self._lock:
            samples = tuple(self._samples)
        if not samples:
            return TimeCheck(float("inf"), float("inf"))
        return TimeCheck(min(sample[1] for sample in samples) / 2, self._clock.monotonic_s() - samples[-1][0])

    def measured(self, server_ms: int, began_s: float) -> None:
        """Take a measurement: what the exchange said, just now, to a call that began then (monotonic)."""
        now_s = self._clock.monotonic_s()
        length_ms = (now_s - began_s) * 1000
        offset_ms = server_ms - (began_s + now_s) * 500
        with self._lock:
            before_ms = self._offset_ms
            if before_ms is not None and abs(offset_ms - before_ms) > length_ms + _LEAP_MS:
                self._samples.clear()
            self._samples.append((now_s, length_ms, offset_ms))
            while self._samples[0][0] < now_s - _KEEP_S:
                self._samples.popleft()
            best_ms = self._offset_ms = min(self._samples, key=lambda sample: sample[1])[2]
        if before_ms is not None and abs(best_ms - before_ms) > _LEAP_MS:
            _log.warning("the exchange's clock and ours differ from before", by_ms=round(best_ms - before_ms))

    def forget(self) -> None:
        """Trust nothing measured so far; the next measurement counts at once."""
        with self._lock:
            self._samples.clear()
