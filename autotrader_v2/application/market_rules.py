"""Rules and fees of the markets, read again while the engine runs; a running cycle follows at once."""

from collections.abc import Sequence

import structlog

from autotrader_v2.application.events import Priority
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.recovery import new_terms
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market

_log = structlog.get_logger()


class RulesKeeper:
    """Replaces a market's rules when the exchange tells others."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def refresh(self, markets: Sequence[Market]) -> None:
        """Read the rules of these markets; the last known ones hold while that fails. Never raises `TradingError`."""
        floor = self._floor
        try:
            fresh = floor.exchange.rules(markets)
        except TradingError as error:
            _log.warning("market rules could not be refreshed; the last known ones hold", what=error.what)
            return
        for market, rules in fresh.items():
            slot = floor.slots.get(market)
            if slot is None:
                continue  # it has left the list meanwhile
            before = slot.state.rules
            if rules == before:
                continue
            try:
                with slot.book_lock:
                    cycle = slot.state.cycle
                    if isinstance(cycle, Active):
                        cycle = new_terms(floor, slot.market, cycle, rules)
                    slot.change(rules=rules, cycle=cycle)
            except TradingError as error:
                market_log(market).error("new market rules could not be written down yet", what=error.what)
                continue
            if rules.delisting_s and rules.delisting_s != before.delisting_s:
                floor.alert("delisting", Priority.HIGH, market, {"at_s": str(rules.delisting_s)})
            market_log(market).info("market rules changed", status=rules.status.value, fee=str(rules.fee))
            floor.publish_cycle(slot)
            floor.board.mark_due(market)
