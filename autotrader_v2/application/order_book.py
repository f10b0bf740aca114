"""The order book for people: levels with running sums, and which of them selling the position would eat. Read only."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import HUNDRED, ZERO, floor_to, plain, reported
from autotrader_v2.domain.quotes import Levels, Quote, average_for_base

_KEPT_S = 1.0


class BookShelf:
    """Books as they were read, at most one read a second and market however many pages look.

    Thread-safe; only threads of the page wait here. What is read decides nothing: it never reaches the quote board.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._lock = threading.Lock()
        self._turns: dict[Market, threading.Lock] = {}
        self._read: dict[Market, tuple[float, Quote]] = {}

    def view(self, slot: Slot) -> dict[str, Any]:
        """The book of a market with what of it is the position's. Errors: `CommandRefused` 503."""
        return book_view(slot, self._book(slot.market), self._floor.clock.now_ms())

    def _book(self, market: Market) -> Quote:
        with self._lock:
            turn = self._turns.setdefault(market, threading.Lock())
        clock = self._floor.clock
        with turn:
            read_s, book = self._read.get(market, (float("-inf"), None))
            if book is not None and clock.machine_s() - read_s < _KEPT_S:
                return book
            try:
                book = self._floor.exchange.book(market)
            except ExchangeUnavailable as error:
                raise CommandRefused(
                    "book_unavailable", f"The order book cannot be read now. {error}", status=503
                ) from error
            self._read[market] = (clock.machine_s(), book)
            return book


def book_view(slot: Slot, book: Quote, now_ms: int) -> dict[str, Any]:
    """Levels best first; `sum` and `sum_quote` run from the best price. `own`: selling the position would reach it."""
    cycle, rules = slot.state.cycle, slot.state.rules
    own = floor_to(cycle.held + cycle.tally.dust.coins, rules.lot) if isinstance(cycle, Active) else ZERO
    average = average_for_base(book.bids, own) if own else None
    return {
        "currency": slot.market.base,
        "symbol": slot.market.pair,
        "age_ms": now_ms - book.confirmed_ms,
        "spread": plain(book.ask - book.bid),
        "spread_pct": plain(reported((book.ask - book.bid) / book.ask * HUNDRED)),
        "bids": list(_summed(book.bids, own)),
        "asks": list(_summed(book.asks, ZERO)),
        "own": plain(own),
        "own_average": plain(reported(average)) if average is not None else None,
    }


def _summed(levels: Levels, own: Decimal) -> Iterator[dict[str, Any]]:
    coins = quote = ZERO
    for price, amount in levels:
        reached = coins < own
        coins, quote = coins + amount, quote + price * amount
        yield {
            "price": plain(price),
            "amount": plain(amount),
            "sum": plain(coins),
            "sum_quote": plain(quote),
            "own": reached,
        }
