"""Once a second: what time did, whether the exchange is there, what a person should hear of (E13, M12, M13, M16)."""

import threading
from typing import TYPE_CHECKING

import structlog

from autotrader_v2.application.events import Priority
from autotrader_v2.application.health import Part, health_of, unpriced
from autotrader_v2.application.timekeeping import LOOK_S, Timekeeper
from autotrader_v2.domain.situation import Hold, Reason

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2

# How long a part may be unwell before a person hears of it, in seconds, and how loud; the parts' own thresholds are
# over by then. What is not here is told by whoever found it.
TOLD = {
    ("feed", "offline"): (15.0, Priority.HIGH),
    ("feed", "silent"): (0.0, Priority.HIGH),
    ("own_trades", "offline"): (120.0, Priority.LOW),
    ("exchange", "slow"): (0.0, Priority.MEDIUM),
    ("compared", "late"): (0.0, Priority.MEDIUM),
    ("compared", "slow"): (0.0, Priority.MEDIUM),
    ("journal", "slow"): (0.0, Priority.MEDIUM),
}

_log = structlog.get_logger()


class Vigil:
    """`run` is a line of work; `look` may be driven by hand in a test."""

    def __init__(self, trader: "AutoTraderV2", timekeeper: Timekeeper) -> None:
        self._trader = trader
        self._timekeeper = timekeeper
        self._unwell_since_s: dict[tuple[str, str], float] = {}
        self._away_since_s: float | None = None

    def run(self, stopping: threading.Event) -> None:
        """Look until told to stop."""
        self._timekeeper.begin()
        while not self._trader.floor.clock.wait(stopping, LOOK_S):
            self.look()

    def look(self) -> None:
        """One look at everything."""
        if self._trader.floor.config.real_time:
            self._timekeeper.look()
        self._look_for_exchange()
        self._look_at_parts()

    def _look_for_exchange(self) -> None:
        """One alert when it is away, one when it is back; before orders leave again the account is checked."""
        trader, floor = self._trader, self._trader.floor
        away_s, now_s = trader.reach.away_s, floor.clock.monotonic_s()
        if away_s is not None and self._away_since_s is None:
            self._away_since_s = now_s - away_s
            floor.standstill.begin(Hold(Reason.UNREACHABLE, (("since_ms", trader.reach.failing_since_ms),)))
            floor.alert("exchange_away", Priority.HIGH)
            _log.error("the exchange does not answer; nothing is sent until it does")
        elif self._away_since_s is not None and away_s is None:
            # It has answered since. Where what was asked next failed again, the check that follows bars orders.
            minutes = round((now_s - self._away_since_s) / 60, 1)
            self._away_since_s = None
            trader.recheck.demand("exchange_back")
            floor.standstill.end(Reason.UNREACHABLE)
            floor.alert("exchange_back", Priority.MEDIUM, None, {"minutes": str(minutes)})
            _log.warning("the exchange answers again; the account is checked before anything is sent", minutes=minutes)

    def _look_at_parts(self) -> None:
        trader = self._trader
        floor = trader.floor
        now_s = floor.clock.monotonic_s()
        unwell = {(part.name, part.code): part for part in health_of(trader).parts if not part.ok}
        self._unwell_since_s = {key: self._unwell_since_s.get(key, now_s) for key in unwell}
        if not floor.config.real_time:
            return
        for key, part in unwell.items():
            patience_s, priority = TOLD.get(key, (float("inf"), Priority.LOW))
            if now_s - self._unwell_since_s[key] >= patience_s:
                self._tell(part, priority)
        if ("feed", "no_price") in unwell:
            for market in unpriced(trader):
                floor.alert("price_missing", Priority.MEDIUM, market)

    def _tell(self, part: Part, priority: Priority) -> None:
        self._trader.floor.alert(f"{part.name}_{part.code}", priority, None, dict(part.values))
