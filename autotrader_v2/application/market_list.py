"""Which markets are traded: coins join and leave while the engine runs (row B3). The list is a setting in the journal.

`floor.slots` is replaced in one assignment, so whoever goes through it never sees it change. A market that leaves stays
claimed for good: whoever still holds its slot can decide and command nothing there any more.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from autotrader_v2.application.events import CommandGiven, SettingSet, SwitchSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import ExchangeUnavailable, JournalState, MarketFeed, merged_params
from autotrader_v2.application.refusals import CommandRefused, order_in_flight
from autotrader_v2.application.slot import Slot, SlotState
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.situation import SwitchMode

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
        self._left: dict[Market, SlotState] = {}
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
            before = self._before(market)
            rules = self._rules(market)
            wanted = (*floor.slots, market)
            if market in self._feed.watch(wanted):
                self._feed.watch(tuple(floor.slots))
                raise CommandRefused(
                    "no_prices", f"There are no prices of {currency} in what is played here.", values={"coin": currency}
                )
            slot = Slot(self._idle(market, rules, before), floor.journal.new_number())
            available = self.available if market in self.available else (*self.available, market)
            removed = tuple(pair for pair in self._removed if pair != market.pair)
            self._write(available, removed, market, "add_market", by)
            floor.board.follow((market,))
            floor.slots = {**floor.slots, market: slot}
            with slot.book_lock:
                # The ladder of all markets may have changed while the rules were read.
                slot.change(params=merged_params(floor.common, slot.state.own_params))
            floor.publish_cycle(slot)
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
                self._before(market)
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
            self._left[market] = slot.state
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

    def _before(self, market: Market) -> SlotState | None:
        """The market as it left in this run. Errors: `CommandRefused` when the journal has open business of it."""
        if (left := self._left.get(market)) is not None:
            return left
        cycle = self._state.cycles.get(market)
        waits = any(attempt.intent.market == market for attempt in self._state.open_attempts)
        if isinstance(cycle, Active) or waits:
            raise CommandRefused(
                "needs_restart",
                f"The journal has an open cycle or order of {market.base}, which the exchange did not know at the "
                "start. Restart mTrade when the exchange trades it again.",
                values={"coin": market.base},
            )
        return None

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

    def _idle(self, market: Market, rules: MarketRules, before: SlotState | None) -> SlotState:
        """Switched off, with what it earned, its own parameters and its pause as they were."""
        state = self._state
        cycle = before.cycle if before else state.cycles.get(market, Idle(market=market))
        own = before.own_params if before else state.params.get(market, {})
        return SlotState(
            cycle=cycle,
            rules=rules,
            params=merged_params(self._floor.common, own),
            own_params=own,
            pause=before.pause if before else state.pauses.get(market),
            quote_after_ms=cycle.tally.closed_ms,
        )


def _value(available: Sequence[Market], primary: Market | None, removed: Sequence[str]) -> dict[str, Any]:
    return {
        "available": [market.pair for market in available],
        "primary": primary.pair if primary else "",
        "removed": list(removed),
    }
