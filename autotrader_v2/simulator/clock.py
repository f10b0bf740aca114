"""The exchange's own clock: the wall's, set apart, stepped, or running at another speed."""

from collections.abc import Callable

_MILLION = 1_000_000


class ProtocolClock:
    """Microseconds since the epoch. `offset_ms` may be set at any time, from any thread."""

    def __init__(self, wall_us: Callable[[], int]) -> None:
        self.offset_ms = 0
        self._wall_us = wall_us
        self._drift_ppm = 0
        self._drift_since_us = 0

    @property
    def drift_ppm(self) -> int:
        """How many millionths it runs too fast."""
        return self._drift_ppm

    def now_us(self) -> int:
        """Now, in microseconds."""
        wall_us = self._wall_us()
        return wall_us + self.offset_ms * 1000 + self._drifted_us(wall_us)

    def now_ms(self) -> int:
        """Now, in milliseconds."""
        return self.now_us() // 1000

    def drift(self, ppm: int) -> None:
        """Run that many millionths too fast (negative: too slow) from now on; what it is off by now stays."""
        wall_us = self._wall_us()
        self.offset_ms += self._drifted_us(wall_us) // 1000
        self._drift_ppm, self._drift_since_us = ppm, wall_us

    def _drifted_us(self, wall_us: int) -> int:
        return (wall_us - self._drift_since_us) * self._drift_ppm // _MILLION if self._drift_ppm else 0
