"""Plays candles: the path of a price inside each one, and the quotes along it."""

from collections.abc import Iterator
from decimal import Decimal
from hashlib import blake2b

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.quoter import Quoter

# Open, the two extremes, close.
CORNERS = 4


def low_first(seed: int, pair: str, open_ms: int) -> bool:
    """Whether the price of this candle goes to the low before the high.

    It depends on nothing else: a candle has the same path wherever a replay begins and whatever is played beside it.
    """
    return bool(blake2b(f"{seed}:{pair}:{open_ms}".encode(), digest_size=1).digest()[0] & 1)


def path_inside(opened: int, high: int, low: int, closed: int, *, low_before_high: bool, points: int) -> list[int]:
    """So many prices from open over both extremes to close, in whole ticks.

    Those that are not corners are spread over the three legs by their lengths, so that no move is one giant jump.
    Errors: ValueError for fewer points than corners.
    """
    if points < CORNERS:
        raise ValueError(f"a candle is played with at least {CORNERS} points (open, low, high, close); got {points}")
    turns = (opened, low, high, closed) if low_before_high else (opened, high, low, closed)
    lengths = [abs(turns[leg + 1] - turns[leg]) for leg in range(CORNERS - 1)]
    way = sum(lengths) or 1
    between = [(points - CORNERS) * length // way for length in lengths]
    between[lengths.index(max(lengths))] += points - CORNERS - sum(between)
    path = [opened]
    for leg, count in enumerate(between):
        begin, end = turns[leg], turns[leg + 1]
        path.extend(begin + (end - begin) * step // (count + 1) for step in range(1, count + 2))
    return path


class CandleTrack:
    """The candles of one file as quotes.

    A candle's points are spread evenly over its interval: the first at its begin, the last, exactly at close, before
    the next one begins. Where candles are missing nothing is invented: there are no quotes until the next candle, and
    the player repeats the last one meanwhile, as in a market that nobody trades.
    """

    def __init__(self, file: CandleFile, market: Market, *, seed: int, points: int) -> None:
        if points < CORNERS:
            raise ValueError(f"points per candle: at least {CORNERS}, got {points}")
        self.market = market
        self.first_ms = file.first_ms
        self.last_ms = file.last_ms + file.interval_ms - 1
        self.own_tick = file.tick
        self._file = file
        self._seed = seed
        self._points = points

    def quotes(self, tick: Decimal | None, after_ms: int) -> Iterator[Quote]:
        """The quotes of all candles that begin later than that, in whole ticks (default: the file's own step)."""
        quoter = Quoter(self.market, tick or self.own_tick)
        ticks_of, quote = quoter.ticks_of, quoter.quote
        pair, seed, points, interval_ms = self.market.pair, self._seed, self._points, self._file.interval_ms
        offsets_ms = [interval_ms * point // points for point in range(points)]
        for open_ms, opened, high, low, closed in self._file.candles():
            if open_ms <= after_ms:
                continue
            path = path_inside(
                ticks_of(opened),
                ticks_of(high),
                ticks_of(low),
                ticks_of(closed),
                low_before_high=low_first(seed, pair, open_ms),
                points=points,
            )
            for offset_ms, ticks in zip(offsets_ms, path, strict=True):
                yield quote(ticks, open_ms + offset_ms)
