"""Candles of one market in memory, in whole ticks: for whoever looks at them again and again."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from operator import add

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_overlaps import Unused
from autotrader_v2.infrastructure.feeds.candles import CORNERS, low_first, path_inside
from autotrader_v2.infrastructure.feeds.quoter import Quoter
from autotrader_v2.infrastructure.feeds.sources import POINTS_PER_CANDLE


class CandleTape:
    """The candles of files of one market that begin in `[from_ms, to_ms)`, oldest first; 40 bytes each.

    Inside a candle the price goes as a played feed lets it go, with the same spread. Quotes say nothing of sizes, so
    that the depth is that of the market's profile and a quote depends on nothing but its own candle. Where files
    overlap, the one that begins first is taken to its end. Prices are brought onto whole `tick`s, half to even.
    """

    def __init__(
        self,
        files: Iterable[CandleFile],
        market: Market,
        tick: Decimal,
        *,
        seed: int = 0,
        points: int = POINTS_PER_CANDLE,
        from_ms: int = 0,
        to_ms: int | None = None,
        on_read: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        """`on_read`: how many rows of the files have been read, now and then."""
        if points < CORNERS:
            raise ValueError(f"points per candle: at least {CORNERS}, got {points}")
        self.market = market
        self.tick = tick
        self.points = points
        self.seed = seed
        # What of the files was left out, where somebody looked: see `unused_in`.
        self.unused: tuple[Unused, ...] = ()
        self._quoter = Quoter(market, tick)
        self.open_ms, self.interval_ms = array("q"), array("q")
        self.opened, self.high, self.low, self.closed = array("q"), array("q"), array("q"), array("q")
        after_ms, rows = from_ms - 1, 0
        self.files = tuple(sorted(files, key=lambda one: one.first_ms))
        for file in self.files:
            for part in file.in_ticks(tick):
                begin = bisect_right(part.open_ms, after_ms)
                end = len(part.open_ms) if to_ms is None else bisect_left(part.open_ms, to_ms)
                own = (self.open_ms, self.opened, self.high, self.low, self.closed)
                for column, values in zip(own, part, strict=True):
                    column.extend(values[begin:end])
                self.interval_ms.extend(array("q", [file.interval_ms]) * max(0, end - begin))
                rows += len(part.open_ms)
                on_read(rows)
                if end < len(part.open_ms):
                    break
            after_ms = max(after_ms, file.last_ms + file.interval_ms - 1)

    def __len__(self) -> int:
        return len(self.open_ms)

    @property
    def spread_ppm(self) -> int:
        """The spread of its quotes in millionths of the price; at least one tick."""
        return self._quoter.spread_ppm

    def path(self, candle: int) -> list[int]:
        """The prices inside a candle, in ticks."""
        return path_inside(
            self.opened[candle],
            self.high[candle],
            self.low[candle],
            self.closed[candle],
            low_before_high=low_first(self.seed, self.market.pair, self.open_ms[candle]),
            points=self.points,
        )

    def time_ms(self, candle: int, point: int) -> int:
        """When the price is at a point of the path."""
        return self.open_ms[candle] + self.interval_ms[candle] * point // self.points

    def quote(self, ticks: int, at_ms: int) -> Quote:
        """The quote around a price; its sizes are not known."""
        return self._quoter.bare(ticks, at_ms)

    def ends_ms(self) -> list[int]:
        """When each candle ends."""
        return list(map(add, self.open_ms, self.interval_ms))

    def gaps(self) -> list[tuple[int, int]]:
        """Where candles are missing: (when the first missing one would begin, when the next one begins)."""
        following = islice(self.open_ms, 1, None)
        return [(end, begin) for end, begin in zip(self.ends_ms(), following, strict=False) if begin > end]
