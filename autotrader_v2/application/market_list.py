"""Which markets are traded: coins join and leave while the engine runs (row B3). The list is a setting in the journal.

`floor.slots` is replaced in one assignment, so whoever goes through it never sees it change. A market that leaves stays
claimed until it is back: whoever still holds its slot decides and sells nothing there. What he changes all the same
(its ladder, a pause) is in the journal and in the slot, and the market is back with both: it has one slot in a run.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from autotrader_v2.application.events import CommandGiven, SettingSet, SwitchSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import (
    ExchangeUnavailable,
    JournalState,
    MarketFeed,
    TradingError,
    merged_params,
)
from autotrader_v2.application.refusals import CommandRefused, order_in_flight
from autotrader_v2.application.slot import NO_BACKOFF, Slot, SlotState
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.situation import Hold, Reason, SwitchMode

SETTING = "symbols"


class MarketList:
    """One change at a time. `available`: every market of the list, those included that the exchange does not know."""

    def __init__(
        self, floor: Floor, feed: MarketFeed, state: JournalState, available: Sequence[Market], primary: Market | None
    ) -> None:
        self._floor = floor
        self._feed = feed
        self._state = state
        self._lock = threading.Lock()
        self._left: dict[Market, Slot] = {}
        self.available = tuple(available)
        self.primary = primary or (self.available[0] if self.available else None)
        stored: Mapping[str, Any] = state.settings.get(SETTING) or {}
        # Coins that a person took off the list: the settings file does not bring them back.
        self._removed: tuple[str, ...] = tuple(stored.get("removed", ()))

    def add(self, currency: str, by: str) -> Slot:
        """A market joins, switched off. Reads its rules.

        Errors: `CommandRefused`: on the list already (409), not known to the exchange (404), without prices (409), its
        past needs a restart (409), the exchange does not answer (503).
        """
        floor = self._floor
        market = Market(floor.exchange.name, currency, floor.home_quote)
        with self._lock:
            if market in floor.slots:
                raise CommandRefused("already_listed", f"{currency} is on the list already.")
            slot = self._left.get(market)
            if slot is None:
                self._check_past(market)
            rules = self._rules(market)
            wanted = (*floor.slots, market)
            if market in self._feed.watch(wanted):
                self._feed.watch(tuple(floor.slots))
                raise CommandRefused(
                    "no_prices", f"There are no prices of {currency} in what is played here.", values={"coin": currency}
                )
            if slot is None:
                slot = Slot(self._idle(market, rules), floor.journal.new_number())
            available = self.available if market in self.available else (*self.available, market)
            removed = tuple(pair for pair in self._removed if pair != market.pair)
            with slot.book_lock:
                try:
                    self._write(available, removed, market, "add_market", by)
                except TradingError:
                    self._feed.watch(tuple(floor.slots))
                    raise
                self._begin(slot, rules)
                floor.board.follow((market,))
                floor.slots = {**floor.slots, market: slot}
                # The ladder of all markets may have changed while the rules were read.
                slot.change(params=merged_params(floor.common, slot.state.own_params))
                floor.publish_cycle(slot)
            self._left.pop(market, None)
        floor.want_balances.set()
        market_log(market).info("the market joins, switched off", by=by)
        floor.changed(slot)
        return slot

    def remove(self, currency: str, by: str) -> None:
        """A market leaves: no price is followed, nothing is decided. Its history stays.

        Errors: `CommandRefused`: an open cycle (finish is the way out), an order in flight, the primary coin (409), not
        on the list (404).
        """
        floor = self._floor
        market = Market(floor.exchange.name, currency, floor.home_quote)
        with self._lock:
            if market not in self.available:
                raise CommandRefused("unknown_currency", f"{currency} is not among the available symbols.", status=404)
            if market == self.primary:
                raise CommandRefused("is_primary", f"{currency} is the primary coin. Make another coin primary first.")
            slot = floor.slots.get(market)
            if slot is None:
                self._check_past(market)
                self._leave(market, by)
                return
            if not slot.claim("remove", floor.clock.now_ms()):
                raise order_in_flight(slot)
            gone = False
            try:
                with slot.book_lock:
                    if isinstance(slot.state.cycle, Active):
                        raise CommandRefused(
                            "open_cycle",
                            f"{currency} has an open cycle. Switch it to finish: it sells at its take-profit and goes "
                            "off; then it can leave.",
                            values={"coin": currency, "way_out": SwitchMode.FINISH.value},
                        )
                    self._leave(market, by)
                    gone = True
            finally:
                if not gone:
                    slot.release()
            self._left[market] = slot
            floor.slots = {other: one for other, one in floor.slots.items() if other != market}
            self._feed.watch(tuple(floor.slots))
            floor.board.forget(market)
        market_log(market).info("the market leaves the list", by=by)

    def left(self, currency: str) -> Market | None:
        """The market of a coin that has left the list, in this run or before; None for every other."""
        market = Market(self._floor.exchange.name, currency, self._floor.home_quote)
        return market if market.pair in self._removed else None

    def set_primary(self, currency: str, by: str) -> None:
        """The coin that the page opens with. Errors: `CommandRefused` (404)."""
        floor = self._floor
        market = Market(floor.exchange.name, currency, floor.home_quote)
        with self._lock:
            if market not in self.available:
                raise CommandRefused("unknown_currency", f"{currency} is not among the available symbols.", status=404)
            value = _value(self.available, market, self._removed)
            floor.journal.write(SettingSet(name=SETTING, value=value, by=by, time_ms=floor.clock.now_ms()))
            self.primary = market

    def _leave(self, market: Market, by: str) -> None:
        available = tuple(one for one in self.available if one != market)
        self._write(available, (*self._removed, market.pair), market, "remove_market", by)

    def _write(
        self, available: tuple[Market, ...], removed: tuple[str, ...], market: Market, command: str, by: str
    ) -> None:
        """Durable, then in memory. Either way the market is off from here on."""
        floor, now_ms = self._floor, self._floor.clock.now_ms()
        floor.journal.write(
            CommandGiven(name=command, market=market, values={}, by=by, time_ms=now_ms),
            SwitchSet(market=market, mode=SwitchMode.OFF, by=by, time_ms=now_ms),
            SettingSet(name=SETTING, value=_value(available, self.primary, removed), by=by, time_ms=now_ms),
        )
        self.available, self._removed = available, removed

    def _check_past(self, market: Market) -> None:
        """Of a market that was not on the list in this run. Errors: `CommandRefused`: it has open business."""
        cycle = self._state.cycles.get(market)
        waits = any(attempt.intent.market == market for attempt in self._state.open_attempts)
        if isinstance(cycle, Active) or waits:
            raise CommandRefused(
                "needs_restart",
                f"The journal has an open cycle or order of {market.base}, which the exchange did not know at the "
                "start. Restart mTrade when the exchange trades it again.",
                values={"coin": market.base},
            )

    def _rules(self, market: Market) -> MarketRules:
        try:
            rules = self._floor.exchange.rules((market,)).get(market)
        except ExchangeUnavailable as error:
            raise CommandRefused("rules_unknown", f"The market's rules cannot be read now. {error}", status=503) from (
                error
            )
        if rules is None:
            raise CommandRefused(
                "unknown_market",
                f"{market.pair} is not traded at {self._floor.exchange.name}.",
                status=404,
                field="symbol",
                values={"symbol": market.pair},
            )
        return rules

    def _idle(self, market: Market, rules: MarketRules) -> SlotState:
        """Switched off, with what it earned, its own parameters and its pause as the journal has them."""
        state = self._state
        cycle, own = state.cycles.get(market, Idle(market=market)), state.params.get(market, {})
        return SlotState(
            cycle=cycle,
            rules=rules,
            params=merged_params(self._floor.common, own),
            own_params=own,
            pause=state.pauses.get(market),
            quote_after_ms=cycle.tally.closed_ms,
        )

    def _begin(self, slot: Slot, rules: MarketRules) -> None:
        """Nothing that was seen of it before it joined counts any more; what it earned and what people chose does."""
        slot.hold, slot.hold_since_ms = Hold(Reason.NO_QUOTE), 0
        slot.known_price, slot.plan, slot.book_wanted_ms = None, None, 0
        slot.release(rules=rules, switch=SwitchMode.OFF, buy_backoff=NO_BACKOFF, sell_backoff=NO_BACKOFF)


def _value(available: Sequence[Market], primary: Market | None, removed: Sequence[str]) -> dict[str, Any]:
    return {
        "available": [market.pair for market in available],
        "primary": primary.pair if primary else "",
        "removed": list(removed),
    }
