"""Keeps what a market feed and a history of candles tell, and says what they did not tell."""

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from autotrader_v2.application.ports import Candle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.day_files import DayFiles

# A market that nobody trades is confirmed every two seconds, and each of these is kept: an engine that waits (the pause
# between rebuys) acts on a price that stands, and a replay must know that it stood.
_REPEAT_MS = 1_500
# Longer without any word: the prices of that time are not known.
_GAP_MS = 30_000
_ROWS_MAX = 2_000_000
_DAY_MS = 86_400_000

Row = tuple[int, int, str, str, str, str | None, str | None]


class Gap(NamedTuple):
    """Time of which nothing is known: no price was confirmed (`what` prices), or candles are missing (their name)."""

    symbol: str
    what: str
    from_ms: int
    to_ms: int


class History(Protocol):
    """Closed candles of the past."""

    def history(self, market: Market, interval_ms: int, from_ms: int, to_ms: int) -> Iterable[Sequence[Candle]]:
        """Page by page, oldest first. Errors: `ExchangeUnavailable`."""

    def now_ms(self) -> int:
        """The exchange's time. Errors: `ExchangeUnavailable`."""

    def earliest_ms(self, interval_ms: int) -> int:
        """When the oldest candle begins that is still told. Errors: `ExchangeUnavailable`."""


class QuoteRecorder:
    """Every change of best prices, and a row every two seconds while prices are confirmed.

    `take` may be called from any thread. `on_gap` hears of a gap when it ends.
    """

    def __init__(self, files: DayFiles, markets: Iterable[Market], on_gap: Callable[[Gap], None]) -> None:
        self._files = files
        self._on_gap = on_gap
        self._lock = threading.Lock()
        self._rows: dict[str, list[Row]] = {market.pair: [] for market in markets}
        self._last: dict[str, Quote] = {}
        self._heard_ms: dict[str, int] = {}
        self._flushing = False
        self.taken = 0
        self.dropped = 0
        for pair in self._rows:
            newest = files.newest(pair)
            if newest is not None:
                self._heard_ms[pair] = newest["confirmed_ms"]

    def take(self, quote: Quote) -> None:
        """Hear a price. Never blocks for long: the disk is `flush`'s."""
        pair = quote.market.pair
        with self._lock:
            rows = self._rows.get(pair)
            if rows is None:
                return
            heard_ms = self._heard_ms.get(pair, quote.confirmed_ms)
            self._heard_ms[pair] = max(heard_ms, quote.confirmed_ms)
            last = self._last.get(pair)
            if last is not None:
                if quote.exchange_ms < last.exchange_ms:
                    return
                same = last[1:4] == quote[1:4] and (last.bid_size, last.ask_size) == (quote.bid_size, quote.ask_size)
                if same and quote.confirmed_ms - last.confirmed_ms < _REPEAT_MS:
                    return
            self._last[pair] = quote
            rows.append(_row(quote))
            self.taken += 1
            if len(rows) > _ROWS_MAX and not self._flushing:
                # The disk has refused for hours: the oldest go, and the recording shows the gap.
                self.dropped += len(rows) // 2
                del rows[: len(rows) // 2]
        if quote.confirmed_ms - heard_ms > _GAP_MS:
            self._on_gap(Gap(pair, "prices", heard_ms, quote.confirmed_ms))

    def flush(self) -> None:
        """Put what was taken onto the disk. Errors: OSError; nothing is lost then, the next call tries again."""
        self._flushing = True
        try:
            for pair in self._rows:
                self._flush(pair)
        finally:
            self._flushing = False

    def _flush(self, pair: str) -> None:
        with self._lock:
            rows = list(self._rows[pair])
        # Day by day: what is on the disk is let go of before the next file can fail.
        for _, day in groupby(rows, key=lambda row: row[0] // _DAY_MS):
            some = list(day)
            self._files.add(pair, some)
            with self._lock:
                del self._rows[pair][: len(some)]


class CandleRecorder:
    """Asks for the closed candles since the newest one that is kept, so that what a failure missed comes later."""

    def __init__(
        self, files: DayFiles, source: History, interval_ms: int, name: str, on_gap: Callable[[Gap], None]
    ) -> None:
        self._files = files
        self._source = source
        self._interval_ms = interval_ms
        self._name = name
        self._on_gap = on_gap
        self._next_ms: dict[Market, int] = {}
        self.taken = 0

    def catch_up(self, market: Market) -> None:
        """Keep what has closed. Errors: `ExchangeUnavailable`, OSError, `SourceUnreadable`."""
        step_ms = self._interval_ms
        now_ms = self._source.now_ms()
        begin_ms = self._next_ms.get(market)
        if begin_ms is None:
            newest = self._files.newest(market.pair)
            begin_ms = now_ms - now_ms % step_ms if newest is None else newest["timestamp_ms"] + step_ms
            self._next_ms[market] = begin_ms
        earliest_ms = self._source.earliest_ms(step_ms)
        if begin_ms < earliest_ms:
            self._on_gap(Gap(market.pair, self._name, begin_ms, earliest_ms))
            begin_ms = self._next_ms[market] = earliest_ms
        end_ms = now_ms - now_ms % step_ms
        if begin_ms >= end_ms:
            return
        for page in self._source.history(market, step_ms, begin_ms, end_ms):
            if page:
                self._files.add(market.pair, [candle_row(one) for one in page])
                for gap in missing_in(market.pair, self._name, page, begin_ms, step_ms):
                    self._on_gap(gap)
                begin_ms = self._next_ms[market] = page[-1].time_ms + step_ms
                self.taken += len(page)


def missing_in(symbol: str, what: str, page: Iterable[Candle], from_ms: int, step_ms: int) -> list[Gap]:
    """Where candles are missing between that time and the last one of the page."""
    gaps = []
    for one in page:
        if one.time_ms > from_ms:
            gaps.append(Gap(symbol, what, from_ms, one.time_ms))
        from_ms = one.time_ms + step_ms
    return gaps


def candle_row(candle: Candle) -> tuple[int, float, float, float, float, float]:
    """As candle files hold it; a float's shortest text is the text it was made of, up to 15 digits."""
    prices = candle.open, candle.high, candle.low, candle.close, candle.volume
    opened, high, low, closed, volume = map(float, prices)
    return candle.time_ms, opened, high, low, closed, volume


def _row(quote: Quote) -> Row:
    bid_size, ask_size = (None if size is None else plain(size) for size in (quote.bid_size, quote.ask_size))
    return (
        quote.exchange_ms,
        quote.confirmed_ms,
        plain(quote.bid),
        plain(quote.ask),
        plain(quote.last),
        bid_size,
        ask_size,
    )
