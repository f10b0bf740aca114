"""Recorded quotes as a tape that the trading engine can be run over: each price as it was told, none in between."""

from array import array
from collections.abc import Iterable, Sequence
from decimal import Decimal

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote

# The engine reads a book at most twice a second, so prices closer together are one.
_APART_MS = 500


class QuoteTape:
    """A `Tape` of one price each: `path` gives the number of a quote and `quote` the quote itself.

    Of prices within half a second the one furthest from the price before them stays. Its prices are no whole ticks
    beside each other, so an engine must be played all of them (`leave_out=False`).
    """

    points = 1

    def __init__(self, quotes: Iterable[Quote], market: Market, tick: Decimal) -> None:
        self.market = market
        self.tick = tick
        self._quotes = _apart(quotes)
        self.open_ms = array("q", (quote.exchange_ms for quote in self._quotes))
        self.interval_ms = array("q", [_APART_MS] * len(self._quotes))
        self.low = self.high = self.closed = array("q", (int(quote.bid / tick) for quote in self._quotes))

    def __len__(self) -> int:
        return len(self._quotes)

    def path(self, candle: int) -> Sequence[int]:
        """See above."""
        return (candle,)

    def time_ms(self, candle: int, point: int) -> int:
        """When it was told."""
        return self.open_ms[candle + point]

    def quote(self, ticks: int, at_ms: int) -> Quote:
        """The quote of that number."""
        return self._quotes[ticks]._replace(exchange_ms=at_ms, confirmed_ms=at_ms)

    def price_at_end(self) -> Decimal:
        """The last bid."""
        return self._quotes[-1].bid


def _apart(quotes: Iterable[Quote]) -> list[Quote]:
    kept: list[Quote] = []
    for quote in quotes:
        if not kept or quote.exchange_ms - kept[-1].exchange_ms >= _APART_MS:
            kept.append(quote)
        elif len(kept) > 1 and _moved(kept[-2], quote) > _moved(kept[-2], kept[-1]):
            # Its time stays that of the first one, so that the distance to the one before does.
            kept[-1] = quote._replace(exchange_ms=kept[-1].exchange_ms)
    return kept


def _moved(before: Quote, after: Quote) -> Decimal:
    return max(abs(after.bid - before.bid), abs(after.ask - before.ask))
