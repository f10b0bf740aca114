"""Files of one market that hold the same time: whether they agree, and what is not used of them."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_rows import utc_text
from autotrader_v2.infrastructure.feeds.errors import SourceBadData

# Of long and short candles of the same trades a few differ (an exchange that halted); of other prices nearly all.
_DIFFERENT_PCT_MAX = 1

# Open, high, low and close in ticks, by when the candle begins.
_Shapes = Mapping[int, tuple[int, ...]]


class Unused(NamedTuple):
    """From `from_ms` up to `to_ms` the candles of `path` were not used, as those of `instead` were.

    `differ` of the `compared` longer candles are not what the shorter ones make together.
    """

    path: Path
    instead: Path
    interval_ms: int
    instead_interval_ms: int
    from_ms: int
    to_ms: int
    compared: int
    differ: int

    def told(self, symbol: str) -> str:
        """For people."""
        differ = f" {self.differ} of {self.compared} candles differ." if self.differ else ""
        return (
            f"{symbol}: the {self.interval_ms / 60_000:g} min candles of {self.path.name} were not used from"
            f" {utc_text(self.from_ms)} to {utc_text(self.to_ms)} UTC: {self.instead.name} has"
            f" {self.instead_interval_ms / 60_000:g} min candles there.{differ}"
        )


def unused_in(files: Sequence[CandleFile], tick: Decimal, from_ms: int, to_ms: int | None) -> tuple[Unused, ...]:
    """What a `CandleTape` of these files leaves out, but for candles that two of them have alike.

    Errors: `SourceBadData` where two files tell different things of the same time.
    """
    found = []
    for first, second in combinations(sorted(files, key=lambda one: one.first_ms), 2):
        begin_ms = max(second.first_ms, from_ms)
        end_ms = min(first.last_ms + first.interval_ms, second.last_ms + second.interval_ms)
        end_ms = end_ms if to_ms is None else min(end_ms, to_ms)
        if end_ms <= begin_ms:
            continue
        alike = first.interval_ms == second.interval_ms
        if alike and not _one_fills_the_other(first, second, tick, begin_ms, end_ms):
            continue
        looks = [] if alike else list(_compared(first, second, tick, begin_ms, end_ms))
        differ = [at_ms for at_ms, same in looks if not same]
        if len(differ) * 100 > len(looks) * _DIFFERENT_PCT_MAX:
            raise _different(first, second, differ[0])
        lengths = second.interval_ms, first.interval_ms
        found.append(Unused(second.path, first.path, *lengths, begin_ms, end_ms, len(looks), len(differ)))
    return tuple(found)


def _one_fills_the_other(first: CandleFile, second: CandleFile, tick: Decimal, begin_ms: int, end_ms: int) -> bool:
    """Whether the second of two files of the same length of candle has some that the first lacks."""
    one, other = (_shapes(file, tick, begin_ms, end_ms) for file in (first, second))
    for at_ms in sorted(one.keys() & other.keys()):
        if one[at_ms] != other[at_ms]:
            raise _different(first, second, at_ms)
    if one and other and (min(one) - min(other)) % first.interval_ms:
        raise _different(first, second, begin_ms)
    return bool(other.keys() - one.keys())


def _compared(
    first: CandleFile, second: CandleFile, tick: Decimal, begin_ms: int, end_ms: int
) -> Iterator[tuple[int, bool]]:
    """Each longer candle whose time the shorter ones fill: when it begins, and whether they make it."""
    long, short = (first, second) if first.interval_ms > second.interval_ms else (second, first)
    shorter = _shapes(short, tick, begin_ms, end_ms)
    for at_ms, shape in _shapes(long, tick, begin_ms, end_ms).items():
        parts = [shorter.get(one) for one in range(at_ms, at_ms + long.interval_ms, short.interval_ms)]
        inside = [part for part in parts if part is not None]
        if len(inside) == len(parts):
            opened, high, low, closed = zip(*inside, strict=True)
            yield at_ms, (opened[0], max(high), min(low), closed[-1]) == shape


def _shapes(file: CandleFile, tick: Decimal, begin_ms: int, end_ms: int) -> _Shapes:
    return {
        at_ms: tuple(shape)
        for part in file.in_ticks(tick)
        for at_ms, *shape in zip(*part, strict=True)
        if begin_ms <= at_ms < end_ms
    }


def _different(first: CandleFile, second: CandleFile, at_ms: int) -> SourceBadData:
    return SourceBadData(
        f"{first.path} and {second.path} are of one market and tell different candles of the same time, the first at"
        f" {utc_text(at_ms)} UTC. Which of them is right is not known, so neither is played.",
        do="Take one of them away, or choose a time that only one of them covers (--from, --to).",
        where=f"{first.path.name}, {second.path.name}: {utc_text(at_ms)} UTC",
        reason="contradict",
    )
