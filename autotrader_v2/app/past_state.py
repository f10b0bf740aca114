"""What the engine knew at any time, put together from its journal: cycle, switches, pauses, ladder, rules."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from autotrader_v2.application.ports import merged_params
from autotrader_v2.domain.cycle import Active, Adopted, BuyBooked, Idle, SaleBooked, TermsChanged, TradingCycle, apply
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Pause, SwitchMode, stricter
from autotrader_v2.infrastructure.store.past import Past, PastDecision, PastEvent, PastOrder, Wish

FOREVER_MS = 1 << 62


class PastMarket:
    """One market's history, read once."""

    def __init__(self, past: Past, market: Market, wishes: Iterable[Wish]) -> None:
        self.market = market
        self._past = past
        self.events = past.events(market)
        self._cycles: list[TradingCycle] = [Idle(market=market)]
        for one in self.events:
            self._cycles.append(apply(self._cycles[-1], one.event))
        self._by_order = {one.client_id: number for number, one in enumerate(self.events) if one.client_id}
        self._wishes = [one for one in wishes if one.market in (None, market)]
        self._decisions = past.decisions(market, 0, FOREVER_MS)

    def orders(self, from_ms: int, to_ms: int) -> list[PastOrder]:
        """Attempts decided in `[from_ms, to_ms)`, in the order they were written. Errors: `JournalUnavailable`."""
        return self._past.orders(self.market, from_ms, to_ms)

    @property
    def decisions_since_ms(self) -> int | None:
        """When the oldest decision was noted that is still kept."""
        return self._decisions[0].time_ms if self._decisions else None

    def cycle_before(self, client_id: str) -> TradingCycle | None:
        """The cycle an order was decided on; None when nothing came of the order."""
        number = self._by_order.get(client_id)
        return None if number is None else self._cycles[number]

    def cycle_at(self, at_ms: int) -> TradingCycle:
        """The cycle at that time, what was booked in the same millisecond included."""
        return self._cycles[bisect_right(self.events, at_ms, key=lambda one: one.time_ms)]

    def event_of(self, client_id: str) -> PastEvent | None:
        """What an order's fills did to the cycle."""
        number = self._by_order.get(client_id)
        return None if number is None else self.events[number]

    def fees_elsewhere(self, client_id: str) -> Decimal:
        """The worth in quote of an order's fees taken neither in coins nor in quote, as it was booked."""
        return self._fees_elsewhere.get(client_id, ZERO)

    @cached_property
    def _fees_elsewhere(self) -> Mapping[str, Decimal]:
        # A trade that came to light late is an event of its own of the same order.
        found: dict[str, Decimal] = {}
        for one in self.events:
            if isinstance(one.event, BuyBooked | SaleBooked) and one.event.fee_quote:
                found[one.client_id] = found.get(one.client_id, ZERO) + one.event.fee_quote
        return found

    def mode_at(self, at_ms: int) -> SwitchMode:
        """The stricter of the market's switch and the global one."""
        own = self._newest("switch", at_ms, lambda one: one.market is not None)
        common = self._newest("switch", at_ms, lambda one: one.market is None)
        return stricter(own or SwitchMode.OFF, common or SwitchMode.ON)

    def pause_at(self, at_ms: int) -> Pause | None:
        """The market's own pause."""
        pause: Pause | None = self._newest("pause", at_ms, lambda one: one.market is not None)
        return pause

    def params_at(self, at_ms: int) -> LadderParams:
        """The ladder that a start would have used; before the first start the one it began with."""
        common = self._newest("params", at_ms, lambda one: one.market is None)
        if common is None:
            begun = [one.value for one in self._wishes if one.what == "params" and one.by == "first start"]
            common = begun[0] if begun else {}
        own = self._newest("params", at_ms, lambda one: one.market is not None) or {}
        return merged_params(changed(LadderParams(), dict(common)), own)

    def rules_at(self, at_ms: int) -> MarketRules | None:
        """The market's rules, as the last order or decision before tells them; else as the first one after does."""
        cycle = self.cycle_at(at_ms)
        if isinstance(cycle, Active):
            return cycle.rules
        known = self._rules
        at = bisect_right(known, at_ms, key=lambda one: one[0])
        return known[max(0, at - 1)][1] if known else None

    @cached_property
    def _rules(self) -> list[tuple[int, MarketRules]]:
        known = [
            (one.time_ms, one.event.rules)
            for one in self.events
            if isinstance(one.event, BuyBooked | Adopted | TermsChanged)
        ]
        for decision in self._decisions:
            if "rules" in decision.saw:
                known.append((decision.time_ms, msgspec.convert(decision.saw["rules"], MarketRules, strict=False)))
        return sorted(known, key=lambda one: one[0])

    def decisions(self, from_ms: int, to_ms: int) -> list[PastDecision]:
        """Decisions noted in `[from_ms, to_ms)`, oldest first."""
        return [one for one in self._decisions if from_ms <= one.time_ms < to_ms]

    def decision_at(self, at_ms: int) -> PastDecision | None:
        """The newest decision noted until then."""
        at = bisect_right(self._decisions, at_ms, key=lambda one: one.time_ms)
        return self._decisions[at - 1] if at else None

    def wishes(self, from_ms: int, to_ms: int) -> list[Wish]:
        """What people and the program changed in that time, for this market or for all."""
        return [one for one in self._wishes if from_ms <= one.time_ms < to_ms]

    def _newest(self, what: str, at_ms: int, of: Callable[[Wish], bool]) -> Any:
        found = [one for one in self._wishes if one.what == what and one.time_ms <= at_ms and of(one)]
        return found[-1].value if found else None


def quote_of_decision(decision: PastDecision) -> Quote | None:
    """The price kept beside a decision; None when a newer one had come before it was noted."""
    saw: Mapping[str, Any] = decision.saw
    if "bid" not in saw or saw["confirmed_ms"] > decision.time_ms:
        return None
    bid, ask = Decimal(saw["bid"]), Decimal(saw["ask"])
    bid_size, ask_size = (None if saw[name] is None else Decimal(saw[name]) for name in ("bid_size", "ask_size"))
    return Quote(decision.market, bid, ask, bid, saw["exchange_ms"], saw["confirmed_ms"], bid_size, ask_size)
