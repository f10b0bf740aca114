"""What a decision was taken on, told to the journal when the decision is noted: behind the order, without a lock."""

from collections.abc import Callable, Mapping
from typing import Any

from autotrader_v2.application.floor import Floor
from autotrader_v2.domain.market import Market, MarketRules

# The journal keeps the newest 2,000 decisions of a market: at least some of them tell the rules.
_RULES_EVERY = 500


def witness_of(floor: Floor) -> Callable[[Market], Mapping[str, Any]]:
    """For `SqlJournal.witness`: the market's newest accepted quote, and its rules when they changed and now and then.

    A newer price may have come since the decision; a replay sees that by the decision's own values.
    """
    told: dict[Market, tuple[MarketRules, int]] = {}

    def witness(market: Market) -> Mapping[str, Any]:
        saw: dict[str, Any] = {}
        quote, slot = floor.board.newest(market), floor.slots.get(market)
        if quote is not None:
            saw = {
                "bid": quote.bid,
                "ask": quote.ask,
                "bid_size": quote.bid_size,
                "ask_size": quote.ask_size,
                "exchange_ms": quote.exchange_ms,
                "confirmed_ms": quote.confirmed_ms,
            }
        if slot is not None:
            rules = slot.state.rules
            known, since = told.get(market, (None, 0))
            if known is not rules or since >= _RULES_EVERY:
                saw["rules"], since = rules, 0
            told[market] = rules, since + 1
        return saw

    return witness
