"""Rules and fees of the markets, read again while the engine runs; a running cycle follows at once."""

from collections.abc import Sequence
from typing import Any

import structlog

from autotrader_v2.application.events import CycleChanged, Priority, Record, SwitchSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.recovery import new_terms
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, RestLeft, apply
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import plain, reported
from autotrader_v2.domain.situation import SwitchMode

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

    def leave_rests(self) -> None:
        """End cycles of which a sale has left too little for the rules of now; their coins are dust (row O19).

        A market that waits for an order, or for its owner, is looked at again later. Never raises `TradingError`.
        """
        for slot in tuple(self._floor.slots.values()):
            cycle = slot.state.cycle
            if isinstance(cycle, Active) and cycle.unsellable_rest and slot.state.pause is None:
                try:
                    self._leave_rest(slot)
                except TradingError as error:
                    market_log(slot.market).error("a rest too small to sell keeps its cycle open", what=error.what)

    def _leave_rest(self, slot: Slot) -> None:
        floor = self._floor
        now_ms = floor.clock.now_ms()
        changes: dict[str, Any] = {}
        if not slot.claim("leave_rest", now_ms):
            return
        with slot.book_lock:
            try:
                cycle = slot.state.cycle
                if not isinstance(cycle, Active) or not cycle.unsellable_rest:
                    return
                event = RestLeft(time_ms=floor.exchange.now_ms())
                after = apply(cycle, event)
                records: list[Record] = [CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms)]
                finished = slot.state.switch is SwitchMode.FINISH
                if finished:
                    records.append(SwitchSet(market=slot.market, mode=SwitchMode.OFF, by="finish", time_ms=now_ms))
                floor.journal.write(*records)
                changes = {"cycle": after}
                if finished:
                    changes["switch"] = SwitchMode.OFF
            finally:
                slot.release(**changes)
        floor.publish_cycle(slot)
        floor.board.mark_due(slot.market)
        floor.changed(slot)
        market_log(slot.market).warning(
            "what a sale left is too little to be sold; the cycle ends, the next sale takes it along",
            coins=plain(cycle.held),
            cost=plain(reported(cycle.invested)),
        )
