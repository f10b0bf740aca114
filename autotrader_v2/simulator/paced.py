"""Channels that push at a pace of their own: tickers, candles, books and book differences."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.money import plain
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.book import Book
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.simulator.public_routes import candle_update
from autotrader_v2.simulator.shapes import levels_shape, ticker_shape

Topic = tuple[str, ...]
PACES_MS = (20, 100, 1_000, 2_000)
BOOK_UPDATE_LEVELS = {"20ms": 20, "100ms": 100}
STREAM_PACES_MS = {50: 20, 400: 100}
_View = tuple[int, dict[Decimal, Decimal], dict[Decimal, Decimal]]


class Paced:
    """Knows what each paced topic showed last, and what there is to show now."""

    def __init__(self, core: MatchingCore, clock_ms: Callable[[], int]) -> None:
        self._core = core
        self._clock_ms = clock_ms
        self._topics: dict[int, dict[Topic, None]] = {pace: {} for pace in PACES_MS}
        self._seen: dict[Topic, int] = {}
        self._views: dict[Topic, _View] = {}
        self._candles: dict[Topic, dict[str, Any]] = {}

    def joined(self, topic: Topic) -> Any:
        """A reader came. Returns what it gets at once, None for nothing."""
        pace = _pace(topic)
        if pace is None:
            return None
        if topic not in self._topics[pace]:
            self._topics[pace][topic] = None
            if topic[0] in ("spot.order_book_update", "spot.obu"):
                self._views[topic] = self._view(topic)
        match topic[0]:
            case "spot.tickers":
                return self._ticker(topic)
            case "spot.candlesticks":
                return candle_update(self._core.pits[topic[2]], topic[1], self._clock_ms())
            case "spot.order_book":
                return self._snapshot(topic)
            case "spot.obu":
                # The view all readers of the stream share, so that the next difference fits.
                return self._full(topic)
        return None

    def forsaken(self, topic: Topic) -> None:
        """The last reader left."""
        pace = _pace(topic)
        if pace is not None:
            self._topics[pace].pop(topic, None)
            for memory in (self._seen, self._views, self._candles):
                memory.pop(topic, None)

    def topics(self, interval_ms: int) -> tuple[Topic, ...]:
        """What is pushed at that pace."""
        return tuple(self._topics[interval_ms])

    def due(self, topic: Topic) -> Iterator[Any]:
        """The results to push now; none when nothing changed."""
        if topic[0] == "spot.candlesticks":
            yield from self._candle(topic)
            return
        book = self._book(topic)
        if self._seen.get(topic) == book.update_id:
            return
        self._seen[topic] = book.update_id
        match topic[0]:
            case "spot.tickers":
                if book.quote is not None:
                    yield self._ticker(topic)
            case "spot.order_book":
                yield self._snapshot(topic)
            case _:
                yield from self._difference(topic)

    def _book(self, topic: Topic) -> Book:
        return self._core.pits[_pair(topic)].book

    def _ticker(self, topic: Topic) -> dict[str, Any] | None:
        pit = self._core.pits[topic[1]]
        return ticker_shape(pit, self._clock_ms(), sizes=False) if pit.book.quote else None

    def _candle(self, topic: Topic) -> Iterator[dict[str, Any]]:
        now = candle_update(self._core.pits[topic[2]], topic[1], self._clock_ms())
        before = self._candles.get(topic)
        if now is None or now == before:
            return
        if before is not None and before["t"] != now["t"]:
            yield before | {"w": True}
        self._candles[topic] = now
        yield now

    def _snapshot(self, topic: Topic) -> dict[str, Any]:
        book, level = self._book(topic), topic[2]
        return {
            "t": book.updated_ms,
            "lastUpdateId": book.update_id,
            "s": topic[1],
            "l": level,
            "bids": levels_shape(book.levels(Side.BUY, int(level))),
            "asks": levels_shape(book.levels(Side.SELL, int(level))),
        }

    def _view(self, topic: Topic) -> _View:
        book, depth = self._book(topic), _depth(topic)
        return book.update_id, dict(book.levels(Side.BUY, depth)), dict(book.levels(Side.SELL, depth))

    def _full(self, topic: Topic) -> dict[str, Any]:
        update_id, bids, asks = self._views[topic]
        return {
            "t": self._clock_ms(),
            "full": True,
            "s": topic[1],
            "u": update_id,
            "b": levels_shape(tuple(bids.items())),
            "a": levels_shape(tuple(asks.items())),
        }

    def _difference(self, topic: Topic) -> Iterator[dict[str, Any]]:
        last_id, old_bids, old_asks = self._views[topic]
        view = self._views[topic] = self._view(topic)
        update_id, bids, asks = view
        if update_id == last_id:
            return
        result: dict[str, Any] = {"t": self._clock_ms(), "U": last_id + 1, "u": update_id}
        if topic[0] == "spot.obu":
            result["s"] = topic[1]
        else:
            result |= {"e": "depthUpdate", "E": self._clock_ms() // 1000, "s": topic[1], "l": str(_depth(topic))}
        yield result | {"b": _changes(old_bids, bids), "a": _changes(old_asks, asks)}


def stream_of(name: str) -> tuple[str, int] | None:
    """Market and depth of an `ob.BTC_USDT.50` stream; None when it is not one."""
    parts = name.split(".")
    if len(parts) != 3 or parts[0] != "ob" or parts[2] not in ("50", "400"):
        return None
    return parts[1], int(parts[2])


def _pair(topic: Topic) -> str:
    if topic[0] == "spot.obu":
        return topic[1].split(".")[1]
    return topic[2] if topic[0] == "spot.candlesticks" else topic[1]


def _depth(topic: Topic) -> int:
    if topic[0] == "spot.obu":
        return int(topic[1].split(".")[2])
    return BOOK_UPDATE_LEVELS[topic[2]]


def _pace(topic: Topic) -> int | None:
    match topic:
        case ("spot.tickers", _):
            return 1_000
        case ("spot.candlesticks", *_):
            return 2_000
        case ("spot.order_book", _, _, interval) | ("spot.order_book_update", _, interval):
            return int(interval.removesuffix("ms"))
        case ("spot.obu", _):
            return STREAM_PACES_MS[_depth(topic)]
        case _:
            return None


def _changes(old: dict[Decimal, Decimal], new: dict[Decimal, Decimal]) -> list[tuple[str, str]]:
    """Levels that differ, with their new coins; "0" deletes one."""
    changed = [(plain(price), plain(size)) for price, size in new.items() if old.get(price) != size]
    return changed + [(plain(price), "0") for price in old if price not in new]
