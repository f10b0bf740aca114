"""Markets whose own decision fails: kept apart for a while, shown, tried again; the others trade on (row B3)."""

from dataclasses import dataclass

from autotrader_v2.application.events import Decision, Priority
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.situation import Hold, Reason

_BACKOFF_MAX_S = 60


@dataclass(frozen=True, slots=True)
class _Fault:
    """Units: `until_s` seconds of the monotonic clock. `failures` in a row, since `since_ms`."""

    failures: int
    until_s: float
    since_ms: int


class Isolation:
    """Each attribute is replaced in one assignment: workers and senders come here together."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._faults: dict[Market, _Fault] = {}

    @property
    def markets(self) -> tuple[Market, ...]:
        """Who is kept apart, or is being tried again."""
        return tuple(self._faults)

    def holds(self, slot: Slot) -> bool:
        """Whether the market's next try is still ahead."""
        if not self._faults:
            return False
        fault = self._faults.get(slot.market)
        return fault is not None and self._floor.clock.monotonic_s() < fault.until_s

    def failed(self, slot: Slot, error: Exception) -> None:
        """Deciding raised (call it where that is caught): not again before 1, 2, 4 … 60 s; told once."""
        floor, market = self._floor, slot.market
        before = self._faults.get(market)
        failures = before.failures + 1 if before is not None else 1
        wait_s = min(1 << min(failures - 1, 10), _BACKOFF_MAX_S)
        now_ms, name = floor.clock.now_ms(), type(error).__name__
        since_ms = before.since_ms if before is not None else now_ms
        self._faults = {**self._faults, market: _Fault(failures, floor.clock.monotonic_s() + wait_s, since_ms)}
        values = {"error": name, "count": str(failures), "until_ms": str(now_ms + wait_s * 1000)}
        slot.hold = Hold(Reason.FAILING, tuple(values.items()))
        market_log(market).exception("deciding failed; the coin waits, the others trade on", again_in_s=wait_s)
        if before is None:
            floor.alert("market_failing", Priority.HIGH, market, {"error": name})
            decision = Decision(market=market, kind="hold", reason=Reason.FAILING.value, values=values, time_ms=now_ms)
            floor.journal.note(decision)
        floor.changed(slot)

    def well(self, slot: Slot) -> None:
        """It was decided: what had failed is over."""
        if not self._faults or (fault := self._faults.get(slot.market)) is None:
            return
        self._faults = {market: one for market, one in self._faults.items() if market != slot.market}
        floor = self._floor
        seconds = (floor.clock.now_ms() - fault.since_ms) // 1000
        values = {"seconds": str(seconds), "count": str(fault.failures)}
        market_log(slot.market).info("the coin is decided again", **values)
        floor.alert("market_recovered", Priority.LOW, slot.market, values)
        floor.changed(slot)
