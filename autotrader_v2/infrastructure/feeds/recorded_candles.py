"""Candles of what a played market has shown in this run: minutes, put together into longer ones when asked for."""

from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from autotrader_v2.application.ports import Candle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.quotes import Quote

_MINUTE_MS = 60_000
_MINUTES_MAX = 10_080
_ROWS_MAX = 200_000

_Minute = list[Decimal]  # open, high, low, close


class RecordedCandles:
    """The `CandleSource` port. `note` is for one thread; readers take no lock. Volumes are not known, so 0.

    The more markets, the shorter the past that is kept: a week of minutes at most.
    """

    def __init__(self, markets: int) -> None:
        self._kept = min(_MINUTES_MAX, _ROWS_MAX // max(1, markets))
        self._minutes: dict[Market, deque[tuple[int, _Minute]]] = {}

    def note(self, quote: Quote) -> None:
        """Take a price in; a few dictionary look-ups."""
        minutes = self._minutes.get(quote.market)
        if minutes is None:
            minutes = self._minutes[quote.market] = deque(maxlen=self._kept)
        minute_ms, price = quote.exchange_ms - quote.exchange_ms % _MINUTE_MS, quote.last
        if not minutes or minutes[-1][0] < minute_ms:
            minutes.append((minute_ms, [price, price, price, price]))
            return
        row = minutes[-1][1]
        row[3] = price
        if price > row[1]:
            row[1] = price
        elif price < row[2]:
            row[2] = price

    def candles(self, market: Market, interval_ms: int, limit: int) -> Sequence[Candle]:
        """See the port."""
        # A copy of a deque is made in one step of the interpreter, so a price that comes meanwhile does not disturb it.
        minutes = (self._minutes.get(market) or deque()).copy()
        grouped = groupby(minutes, key=lambda one: one[0] - one[0] % interval_ms)
        return deque(_joined(grouped), maxlen=limit)


def _joined(grouped: "groupby[int, tuple[int, _Minute]]") -> Iterator[Candle]:
    for begin_ms, rows in grouped:
        parts = [row for _, row in rows]
        high, low = max(row[1] for row in parts), min(row[2] for row in parts)
        yield Candle(begin_ms, parts[0][0], high, low, parts[-1][3], ZERO)
