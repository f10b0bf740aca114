"""Plays recordings of single messages: Binance's combined stream, and Gate's books, best prices and trades."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, amount, step_of
from autotrader_v2.domain.quotes import Levels, Quote
from autotrader_v2.infrastructure.feeds.candle_files import open_text, unix_ms, utc_text
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceEmpty, SourceUnreadable
from autotrader_v2.infrastructure.feeds.quoter import Quoter

_NS_PER_MS = 1_000_000
_BEST = "@bookTicker"
_TRADE = "@trade"


class Span(NamedTuple):
    """First and last time of something recorded, in ms since the epoch."""

    first_ms: int
    last_ms: int


class StreamFile:
    """A recording of Binance's combined stream: a line is the receive time in ns and the message as JSON.

    `spans`: the symbols that have best prices, as recorded (`btcusdt`), and when. Opening reads all lines once.
    Errors: `SourceBadData`, `SourceEmpty`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spans: Mapping[str, Span] = self._scan()

    def messages(self, symbol: str) -> Iterator[tuple[int, str, dict[str, str]]]:
        """Receive time in ms, stream and data of each best price and trade of one symbol."""
        best, trade = f'"{symbol}{_BEST}"', f'"{symbol}{_TRADE}"'
        with _readable(self.path):
            for number, at_ms, line in self._lines():
                if best not in line and trade not in line:
                    continue
                try:
                    message = json.loads(line)
                    yield at_ms, message["stream"], message["data"]
                except (ValueError, KeyError, TypeError) as error:
                    raise _damaged(self.path, number, error) from error

    def _scan(self) -> dict[str, Span]:
        spans: dict[str, Span] = {}
        with _readable(self.path):
            for _, at_ms, line in self._lines():
                end = line.find(_BEST, 0, 80)
                if end < 0:
                    continue
                symbol = line[line.rfind('"', 0, end) + 1 : end]
                known = spans.get(symbol)
                spans[symbol] = Span(known.first_ms if known else at_ms, at_ms)
        if not spans:
            raise SourceEmpty(
                f"{self.path} holds no best prices ({_BEST} messages), so there is nothing to play.",
                do="Choose a recording of a combined stream with bookTicker.",
            )
        return spans

    def _lines(self) -> Iterator[tuple[int, int, str]]:
        before_ms = 0
        with open_text(self.path) as file:
            for number, line in enumerate(file, 1):
                stamp, _, message = line.partition(" ")
                if not stamp.isdigit():
                    raise _damaged(self.path, number, "it does not begin with a receive time in ns")
                at_ms = int(stamp) // _NS_PER_MS
                if at_ms < before_ms:
                    raise _backwards(self.path, number, before_ms, at_ms)
                before_ms = at_ms
                yield number, at_ms, message


class StreamTrack:
    """One symbol of a recorded stream: a quote per best-price message, `last` from the trades between them.

    Time is the receive time, the only one that best prices carry. Before the first trade `last` is the bid.
    """

    own_tick: Decimal | None = None

    def __init__(self, file: StreamFile, symbol: str, market: Market) -> None:
        self.market = market
        self.first_ms, self.last_ms = file.spans[symbol]
        self._file = file
        self._symbol = symbol

    def quotes(self, tick: Decimal | None, after_ms: int) -> Iterator[Quote]:
        """The quotes later than that; prices off the tick, if one is given, are rounded away from each other."""
        last = ZERO
        for at_ms, stream, data in self._file.messages(self._symbol):
            if stream.endswith(_TRADE):
                last = _number(data["p"])
            elif at_ms > after_ms:
                yield _quote(
                    self.market,
                    ((_number(data["b"]), _number(data["B"])),),
                    ((_number(data["a"]), _number(data["A"])),),
                    last,
                    at_ms,
                    tick,
                    with_levels=False,
                )


class GateFile:
    """A csv recorded from Gate: `kind` is book, best or trades. Opening reads it once.

    Errors: the `SourceError` family.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.span, self.decimals = self._scan()

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Time in ms and cells of each row. Gate's own time where recorded, else the receive time."""
        before_ms = 0
        with _readable(self.path), open_text(self.path) as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    at_ms = int((row["exchange_timestamp"] or "").partition(".")[0] or unix_ms(float(row["timestamp"])))
                except (ValueError, TypeError) as error:
                    raise _damaged(self.path, number, error) from error
                if at_ms < before_ms:
                    raise _backwards(self.path, number, before_ms, at_ms)
                before_ms = at_ms
                yield at_ms, row

    def _scan(self) -> tuple[Span, int]:
        span: Span | None = None
        decimals = 0
        for at_ms, row in self.rows():
            span = Span(span.first_ms if span else at_ms, at_ms)
            decimals = max(decimals, len((row.get("price") or "").partition(".")[2]))
        if span is None:
            raise SourceEmpty(f"{self.path} holds no rows, so there is nothing to play.", do="Choose another file.")
        return span, decimals


def gate_kind(header: str) -> str | None:
    """What a csv with this first line is: book, best, trades, or None when it is none of Gate's recordings."""
    names = set(header.strip().split(","))
    if {"exchange_timestamp", "bid_price_0", "ask_price_0"} <= names:
        return "book"
    if {"exchange_timestamp", "price", "size", "side"} <= names:
        return "trades" if "trade_id" in names else "best"
    return None


class GateTrack:
    """A market's recorded books (or best prices, or trades alone) with `last` from its recorded trades.

    Books give all their levels. Trades alone give quotes around each trade, with the spread of a candle replay.
    """

    def __init__(self, main: GateFile, trades: Iterable[GateFile], market: Market) -> None:
        self.market = market
        self.first_ms, self.last_ms = main.span
        self.own_tick = step_of(main.decimals) if main.kind == "trades" else None
        self._main = main
        self._trades = tuple(trades)
        self._make: Callable[[Decimal | None], Iterator[Quote]] = {
            "book": self._books,
            "best": self._bests,
            "trades": self._from_trades,
        }[main.kind]

    def quotes(self, tick: Decimal | None, after_ms: int) -> Iterator[Quote]:
        """The quotes later than that; prices off the tick, if one is given, are rounded away from each other."""
        return (quote for quote in self._make(tick) if quote.exchange_ms > after_ms)

    def _books(self, tick: Decimal | None) -> Iterator[Quote]:
        last_at = self._last_prices()
        for at_ms, row in self._main.rows():
            bids, asks = _levels(row, "bid"), _levels(row, "ask")
            if not bids or not asks:
                raise _damaged(self._main.path, None, f"the book of {utc_text(at_ms)} UTC has an empty side")
            yield _quote(self.market, bids, asks, last_at(at_ms), at_ms, tick, with_levels=True)

    def _bests(self, tick: Decimal | None) -> Iterator[Quote]:
        last_at = self._last_prices()
        sides: dict[str, Decimal] = {}
        for at_ms, row in self._main.rows():
            sides[row["side"]] = _number(row["price"])
            # Bid and ask of a moment are two rows, the ask last.
            if row["side"] == "ask" and "bid" in sides:
                bids, asks = ((sides["bid"], ZERO),), ((sides["ask"], ZERO),)
                yield _quote(self.market, bids, asks, last_at(at_ms), at_ms, tick, with_levels=False)

    def _from_trades(self, tick: Decimal | None) -> Iterator[Quote]:
        quoter = Quoter(self.market, tick or self.own_tick or step_of(0))
        for at_ms, row in self._main.rows():
            yield quoter.quote(quoter.ticks_of(_number(row["price"])), at_ms)

    def _last_prices(self) -> Callable[[int], Decimal]:
        """A function from rising times to the newest trade's price; 0 before the first."""
        trades = (trade for file in self._trades for trade in file.rows())
        upcoming = next(trades, None)
        last = ZERO

        def last_at(at_ms: int) -> Decimal:
            nonlocal upcoming, last
            while upcoming is not None and upcoming[0] <= at_ms:
                last = _number(upcoming[1]["price"])
                upcoming = next(trades, None)
            return last

        return last_at


def _quote(
    market: Market, bids: Levels, asks: Levels, last: Decimal, at_ms: int, tick: Decimal | None, *, with_levels: bool
) -> Quote:
    if tick is not None:
        bids = tuple((price.quantize(tick, ROUND_FLOOR), size) for price, size in bids)
        asks = tuple((price.quantize(tick, ROUND_CEILING), size) for price, size in asks)
        last = last.quantize(tick, ROUND_HALF_EVEN)
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    return Quote(
        market,
        bid,
        ask,
        last or bid,
        at_ms,
        at_ms,
        bid_size or None,
        ask_size or None,
        bids if with_levels else (),
        asks if with_levels else (),
    )


def _levels(row: Mapping[str, str], side: str) -> Levels:
    levels: list[tuple[Decimal, Decimal]] = []
    while price := row.get(f"{side}_price_{len(levels)}"):
        levels.append((_number(price), _number(row[f"{side}_size_{len(levels)}"])))
    return tuple(levels)


def _number(text: str) -> Decimal:
    """Exact, without the zeros that Binance writes behind every number."""
    return amount(text.rstrip("0").rstrip(".") or "0") if "." in text else amount(text)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceUnreadable(
            f"{path} cannot be read to its end: {error}.", do="Check that it was copied whole."
        ) from error


def _damaged(path: Path, number: int | None, why: object) -> SourceBadData:
    where = f", line {number}" if number else ""
    return SourceBadData(f"{path}{where} is damaged: {why}.", do="Repair or remove that line.")


def _backwards(path: Path, number: int, before_ms: int, at_ms: int) -> SourceBadData:
    return SourceBadData(
        f"{path}, line {number}: {utc_text(at_ms)} UTC follows {utc_text(before_ms)}, but time only runs forward.",
        do="Sort the lines by time, oldest first.",
    )
