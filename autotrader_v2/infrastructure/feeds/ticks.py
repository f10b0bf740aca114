"""Plays recordings of single messages: Binance's combined stream, and Gate's books, best prices and trades."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, amount, step_of
from autotrader_v2.domain.quotes import Levels, Quote
from autotrader_v2.infrastructure.feeds.candle_rows import believable_ms, unix_ms, utc_text
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceEmpty
from autotrader_v2.infrastructure.feeds.quoter import Quoter
from autotrader_v2.infrastructure.feeds.text_lines import text_lines

_NS_PER_MS = 1_000_000
_BEST = "@bookTicker"
_TRADE = "@trade"

Level = tuple[Decimal, Decimal]


class Span(NamedTuple):
    """First and last time of something recorded, in ms since the epoch."""

    first_ms: int
    last_ms: int


class Best(NamedTuple):
    """A best price of a stream: (price, size) of both sides."""

    at_ms: int
    bid: Level
    ask: Level


class Traded(NamedTuple):
    """A trade of a stream."""

    at_ms: int
    price: Decimal


class StreamFile:
    """A recording of Binance's combined stream: a line is the receive time in ns and the message as JSON.

    `spans`: the symbols that have best prices, as recorded (`btcusdt`), and when. Opening reads all lines once.
    Errors: `SourceBadData`, `SourceEmpty`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spans: Mapping[str, Span] = self._scan()

    def messages(self, symbol: str) -> Iterator["Best | Traded"]:
        """Each best price and trade of one symbol."""
        best, trade = f'"{symbol}{_BEST}"', f'"{symbol}{_TRADE}"'
        for number, at_ms, line in self._lines():
            if best in line or trade in line:
                yield self._message(number, at_ms, line)

    def _message(self, number: int, at_ms: int, line: str) -> "Best | Traded":
        try:
            message = json.loads(line)
            data = message["data"]
            if message["stream"].endswith(_TRADE):
                return Traded(at_ms, _price(data["p"], "p"))
            bid, ask = (_price(data["b"], "b"), _size(data["B"], "B")), (_price(data["a"], "a"), _size(data["A"], "A"))
            return Best(at_ms, bid, ask)
        except KeyError as error:
            raise _damaged(self.path, number, f"{error} is missing") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(self.path, number, error) from error

    def _scan(self) -> dict[str, Span]:
        spans: dict[str, Span] = {}
        for number, at_ms, line in self._lines():
            end = line.find(_BEST, 0, 80)
            if end < 0:
                if line.find(_TRADE, 0, 80) >= 0:
                    self._message(number, at_ms, line)
                continue
            self._message(number, at_ms, line)
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
        for number, line in enumerate(text_lines(self.path), 1):
            stamp, _, message = line.partition(" ")
            if not (stamp.isascii() and stamp.isdigit()):
                raise _damaged(self.path, number, "it does not begin with a receive time in ns")
            at_ms = _time(self.path, number, int(stamp[:30]) // _NS_PER_MS)
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
        for message in self._file.messages(self._symbol):
            if isinstance(message, Traded):
                last = message.price
            elif message.at_ms > after_ms:
                yield _quote(self.market, (message.bid,), (message.ask,), last, message.at_ms, tick, with_levels=False)


class GateRow(NamedTuple):
    """A row of a recording of Gate, read. A book has levels, a best price or a trade a `price` (and a `side`)."""

    at_ms: int
    price: Decimal
    side: str
    bids: Levels = ()
    asks: Levels = ()


class GateFile:
    """A csv recorded from Gate: `kind` is book, best or trades. Opening reads it once.

    Errors: the `SourceError` family.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.span, self.decimals = self._scan()

    def rows(self) -> Iterator[GateRow]:
        """The rows, read. Gate's own time where recorded, else the receive time."""
        before_ms = 0
        reader = csv.reader(text_lines(self.path))
        names: list[str] = []
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _damaged(self.path, reader.line_num, f"it is no csv ({error})") from error
            if cells is None:
                return
            if not cells:
                continue
            if not names:
                names = self._known(cells)
                continue
            if len(cells) != len(names):
                raise _damaged(self.path, reader.line_num, f"it has {len(cells)} cells, the header {len(names)}")
            row = self._row(reader.line_num, dict(zip(names, cells, strict=True)))
            if row.at_ms < before_ms:
                raise _backwards(self.path, reader.line_num, before_ms, row.at_ms)
            before_ms = row.at_ms
            yield row

    def _known(self, names: list[str]) -> list[str]:
        needed = {"timestamp", "exchange_timestamp"}
        needed |= {"bid_size_0", "ask_size_0"} if self.kind == "book" else {"price", "side"}
        missing = sorted(needed - set(names))
        twice = sorted({name for name in names if names.count(name) > 1})
        if missing or twice:
            what = f"the column {missing[0]} is missing" if missing else f"the column {twice[0]} comes twice"
            raise _damaged(self.path, 1, what)
        return names

    def _row(self, number: int, row: Mapping[str, str]) -> GateRow:
        try:
            at_ms = int(row["exchange_timestamp"].partition(".")[0] or unix_ms(float(row["timestamp"])))
        except (ValueError, OverflowError) as error:
            raise _damaged(self.path, number, f"column exchange_timestamp: {error}") from error
        at_ms = _time(self.path, number, at_ms)
        try:
            if self.kind == "book":
                bids, asks = _levels(row, "bid"), _levels(row, "ask")
                if not bids or not asks:
                    raise ValueError(f"the book of {utc_text(at_ms)} UTC has an empty side")
                return GateRow(at_ms, ZERO, "", bids, asks)
            if self.kind == "best" and row["side"] not in ("bid", "ask"):
                raise ValueError(f"column side: {row['side'][:20]!r} is neither bid nor ask")
            return GateRow(at_ms, _price(row["price"], "price"), row["side"])
        except KeyError as error:
            raise _damaged(self.path, number, f"the column {error} is missing") from error
        except ValueError as error:
            raise _damaged(self.path, number, error) from error

    def _scan(self) -> tuple[Span, int]:
        span: Span | None = None
        decimals = 0
        for row in self.rows():
            span = Span(span.first_ms if span else row.at_ms, row.at_ms)
            decimals = max(decimals, -int(row.price.as_tuple().exponent))
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
        for row in self._main.rows():
            yield _quote(self.market, row.bids, row.asks, last_at(row.at_ms), row.at_ms, tick, with_levels=True)

    def _bests(self, tick: Decimal | None) -> Iterator[Quote]:
        last_at = self._last_prices()
        sides: dict[str, Decimal] = {}
        for row in self._main.rows():
            sides[row.side] = row.price
            # Bid and ask of a moment are two rows, the ask last.
            if row.side == "ask" and "bid" in sides:
                bids, asks = ((sides["bid"], ZERO),), ((sides["ask"], ZERO),)
                yield _quote(self.market, bids, asks, last_at(row.at_ms), row.at_ms, tick, with_levels=False)

    def _from_trades(self, tick: Decimal | None) -> Iterator[Quote]:
        quoter = Quoter(self.market, tick or self.own_tick or step_of(0))
        for row in self._main.rows():
            yield quoter.quote(quoter.ticks_of(row.price), row.at_ms)

    def _last_prices(self) -> Callable[[int], Decimal]:
        """A function from rising times to the newest trade's price; 0 before the first."""
        trades = (trade for file in self._trades for trade in file.rows())
        upcoming = next(trades, None)
        last = ZERO

        def last_at(at_ms: int) -> Decimal:
            nonlocal upcoming, last
            while upcoming is not None and upcoming.at_ms <= at_ms:
                last = upcoming.price
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
    levels: list[Level] = []
    while price := row.get(name := f"{side}_price_{len(levels)}"):
        size = f"{side}_size_{len(levels)}"
        levels.append((_price(price, name), _size(row[size], size)))
    return tuple(levels)


def _price(text: str, column: str) -> Decimal:
    price = _number(text, column)
    if price <= 0:
        raise ValueError(f"column {column}: {text[:40]!r} is no price")
    return price


def _size(text: str, column: str) -> Decimal:
    size = _number(text, column)
    if size < 0:
        raise ValueError(f"column {column}: {text[:40]!r} is no size")
    return size


def _number(text: str, column: str) -> Decimal:
    """Exact, without the zeros that Binance writes behind every number."""
    if not isinstance(text, str):
        raise ValueError(f"column {column}: {text!r} is no number written as text")
    try:
        return amount(text.rstrip("0").rstrip(".") or "0") if "." in text else amount(text)
    except ValueError as error:
        raise ValueError(f"column {column}: {error}") from error


def _time(path: Path, number: int, at_ms: int) -> int:
    try:
        return believable_ms(at_ms)
    except ValueError as error:
        raise _damaged(path, number, error) from error


def _damaged(path: Path, number: int | None, why: object) -> SourceBadData:
    where = f", line {number}" if number else ""
    return SourceBadData(f"{path}{where} is damaged: {why}.", do="Repair or remove that line.")


def _backwards(path: Path, number: int, before_ms: int, at_ms: int) -> SourceBadData:
    return SourceBadData(
        f"{path}, line {number}: {utc_text(at_ms)} UTC follows {utc_text(before_ms)}, but time only runs forward.",
        do="Sort the lines by time, oldest first.",
    )
