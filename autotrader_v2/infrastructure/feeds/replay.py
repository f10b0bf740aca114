"""Replays recorded prices: finds out what a file or folder holds and merges it by time."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Protocol

import structlog

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_overlaps import unused_in
from autotrader_v2.infrastructure.feeds.candles import CandleTrack
from autotrader_v2.infrastructure.feeds.errors import SourceEmpty, SourceMissing, UnknownSource
from autotrader_v2.infrastructure.feeds.file_names import files_in, market_in_name, split_symbol
from autotrader_v2.infrastructure.feeds.recorded_quotes import QuoteFile, QuoteTrack, holds_quotes
from autotrader_v2.infrastructure.feeds.text_lines import text_lines
from autotrader_v2.infrastructure.feeds.ticks import GateFile, GateTrack, StreamFile, StreamTrack, gate_kind

_ENDINGS = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
_BEFORE_ALL_MS = -1
_log = structlog.get_logger()

_Name = tuple[str, str]


class Track(Protocol):
    """What one file tells about one market. Units: ms since the epoch."""

    @property
    def market(self) -> Market:
        """Whose prices they are."""

    @property
    def first_ms(self) -> int:
        """Time of its first quote."""

    @property
    def last_ms(self) -> int:
        """No quote of it is later."""

    @property
    def own_tick(self) -> Decimal | None:
        """The step that its prices fit; None when they are taken exactly as recorded."""

    def quotes(self, tick: Decimal | None, after_ms: int) -> Iterator[Quote]:
        """Its quotes later than that, oldest first; `tick`: the market's price step if it is known."""


class Replay:
    """A `PriceSource` over recorded files, merged by time.

    Where several files of one market overlap, the one that begins first is played to its end and the next one from
    there on, so that a market never has two prices at once. Between files, as in a gap inside one, there are no quotes.
    """

    def __init__(self, tracks: Sequence[Track], ticks: Mapping[Market, Decimal]) -> None:
        by_market: dict[Market, list[Track]] = {}
        for track in sorted(tracks, key=attrgetter("first_ms", "last_ms")):
            by_market.setdefault(track.market, []).append(track)
        self._tracks = by_market
        self._ticks: dict[Market, Decimal | None] = {}
        for market, parts in by_market.items():
            own = [part.own_tick for part in parts if part.own_tick is not None]
            self._ticks[market] = ticks.get(market, min(own, default=None))
        self._start_ms = min(parts[0].first_ms for parts in by_market.values())

    @property
    def markets(self) -> tuple[Market, ...]:
        """The markets that the files hold, in alphabetical order."""
        return tuple(sorted(self._tracks))

    @property
    def start_ms(self) -> int:
        """Time of the first quote, in ms since the epoch."""
        return self._start_ms

    def quotes(self) -> Iterator[Quote]:
        """All quotes from the beginning, ordered by time; a fresh iterator at each call."""
        return merge(*(self._of_market(market) for market in self.markets), key=attrgetter("exchange_ms"))

    def _of_market(self, market: Market) -> Iterator[Quote]:
        after_ms = _BEFORE_ALL_MS
        for track in self._tracks[market]:
            if track.last_ms > after_ms:
                yield from track.quotes(self._ticks[market], after_ms)
                after_ms = track.last_ms


def open_replay(
    path_text: str,
    *,
    seed: int,
    markets: Sequence[Market],
    exchange: str,
    ticks: Mapping[Market, Decimal],
    points_per_candle: int,
) -> Replay:
    """Open a file, or all files of prices directly in a folder; see `open_source`. Errors: the `SourceError` family.

    Candle files of one market that contradict each other are refused; what is not used of those that overlap is logged.
    """
    if not path_text:
        raise UnknownSource("A replay needs a file or folder.", do="Write replay:PATH.")
    path = Path(path_text).expanduser()
    wanted = {(market.base, market.quote): market for market in markets}
    search = _Search(wanted, exchange, seed, points_per_candle)
    for file in files_in(path, _ENDINGS):
        try:
            search.take(file)
        except OSError as error:
            raise SourceMissing(
                f"{file} cannot be read: {error.strerror or error}.", do="Check the file and its permissions."
            ) from error
    tracks = search.tracks()
    if not tracks:
        found = ", ".join(sorted("_".join(name) for name in search.others))
        raise SourceEmpty(
            f"{path} holds prices of {found}, but of none of the {len(wanted)} wanted markets.",
            do="Choose other markets or another file or folder.",
        )
    for market, candles in search.candles.items():
        tick = ticks.get(market, min(one.tick for one in candles))
        for left_out in unused_in(candles, tick, 0, None):
            _log.warning("candle files overlap", what=left_out.told(market.pair))
    return Replay(tracks, ticks)


class _Search:
    """Collects what files hold, of the wanted markets only."""

    def __init__(self, wanted: Mapping[_Name, Market], exchange: str, seed: int, points: int) -> None:
        self._wanted = wanted
        self._exchange = exchange
        self._seed = seed
        self._points = points
        self._tracks: list[Track] = []
        self._gate: dict[Market, dict[str, list[GateFile]]] = {}
        self.candles: dict[Market, list[CandleFile]] = {}
        # Names of markets that were found but not wanted.
        self.others: set[_Name] = set()

    def take(self, file: Path) -> None:
        """Add what the file holds."""
        ending = file.name.lower()
        if ending.endswith((".jsonl", ".jsonl.gz")):
            self._take_stream(StreamFile(file))
            return
        market = self._market(market_in_name(file))
        if market is None:
            return
        if ending.endswith(".parquet") and holds_quotes(file):
            self._tracks.append(QuoteTrack(QuoteFile(file, market)))
            return
        kind = None if ending.endswith(".parquet") else gate_kind(next(text_lines(file), ""))
        if kind is None:
            candles = CandleFile(file)
            self.candles.setdefault(market, []).append(candles)
            self._tracks.append(CandleTrack(candles, market, seed=self._seed, points=self._points))
        else:
            self._gate.setdefault(market, {}).setdefault(kind, []).append(GateFile(file, kind))

    def tracks(self) -> list[Track]:
        """Everything found; of Gate's recordings the fullest kind leads, and trades tell the last price."""
        found = list(self._tracks)
        for market, kinds in self._gate.items():
            trades = sorted(kinds.get("trades", []), key=attrgetter("span"))
            main = kinds.get("book") or kinds.get("best") or trades
            found.extend(GateTrack(file, trades, market) for file in main)
        return found

    def _take_stream(self, stream: StreamFile) -> None:
        for symbol in stream.spans:
            market = self._market(split_symbol(symbol, stream.path))
            if market is not None:
                self._tracks.append(StreamTrack(stream, symbol, market))

    def _market(self, name: _Name) -> Market | None:
        if not self._wanted:
            return Market(self._exchange, *name)
        if name not in self._wanted:
            self.others.add(name)
        return self._wanted.get(name)
