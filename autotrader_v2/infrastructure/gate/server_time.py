"""What time it is at the exchange: our clock and the difference, measured by quick calls."""

import threading
from collections import deque

import structlog

from autotrader_v2.application.ports import Clock

_KEEP_S = 300.0
_KEEP = 32
# A change beyond what the call's own length explains: our clock was set, or the machine slept.
_LEAP_MS = 250

_log = structlog.get_logger()


class ServerTime:
    """The quickest of the last five minutes' measurements counts: its error is at most half its length.

    Units: milliseconds; the offset is the exchange's time minus ours.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int, int]] = deque(maxlen=_KEEP)
        self._offset_ms = 0

    def now_ms(self) -> int:
        """The exchange's time as best known; our own before the first measurement."""
        return self._clock.now_ms() + self._offset_ms

    @property
    def offset_ms(self) -> int:
        """The exchange's time minus ours."""
        return self._offset_ms

    @property
    def age_s(self) -> float:
        """Since the last measurement; infinite before the first."""
        samples = self._samples
        return self._clock.monotonic_s() - samples[-1][0] if samples else float("inf")

    def measured(self, server_ms: int, began_ms: int, ended_ms: int) -> None:
        """Take a measurement: what the exchange said, and our clock before and after the call."""
        length_ms = ended_ms - began_ms
        if length_ms < 0:
            return  # our clock was set back during the call
        offset_ms = server_ms - (began_ms + ended_ms) // 2
        now_s = self._clock.monotonic_s()
        with self._lock:
            before_ms = self._offset_ms
            if self._samples and abs(offset_ms - before_ms) > length_ms + _LEAP_MS:
                self._samples.clear()
            self._samples.append((now_s, length_ms, offset_ms))
            while self._samples[0][0] < now_s - _KEEP_S:
                self._samples.popleft()
            self._offset_ms = min(self._samples, key=lambda sample: sample[1])[2]
            leapt = abs(self._offset_ms - before_ms) > _LEAP_MS
        if leapt:
            _log.warning("our clock and the exchange's differ", offset_ms=self._offset_ms, before_ms=before_ms)

    def forget(self) -> None:
        """Trust nothing measured so far; the next measurement counts at once."""
        with self._lock:
            self._samples.clear()
