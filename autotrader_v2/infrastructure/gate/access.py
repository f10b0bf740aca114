"""Whether the exchange takes our key at all. While it does not, hardly anything is asked: that may get us banned."""

from autotrader_v2.application.ports import AccessRefused, Clock

_CLOSED_S = 30.0


class Access:
    """Remembers a refused key for half a minute, for all reads of the account. Thread-safe: one value, replaced."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusal: tuple[float, AccessRefused] | None = None

    def check(self) -> None:
        """Errors: `AccessRefused`, as the exchange said it less than half a minute ago."""
        refusal = self._refusal
        if refusal is not None and self._clock.monotonic_s() < refusal[0]:
            raise AccessRefused(refusal[1].what, do=refusal[1].do, label=refusal[1].label)

    def forget(self) -> None:
        """The next call finds out anew."""
        self._refusal = None

    def refused(self, error: AccessRefused) -> None:
        """The exchange refuses the key."""
        self._refusal = (self._clock.monotonic_s() + _CLOSED_S, error)
