"""What every reader of candles shares: the rows, names of columns, units of time, and what is said of bad ones."""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceEmpty, SourceUnreadable

# Prices of more decimals than any exchange shows come from arithmetic on floats; they are rounded to this many.
DECIMALS_MAX = 12
# No coin was traded before 2000: what reads as earlier is no Unix time, such as the day 20220131, which as seconds
# would lie in August 1970. And nothing of 2200 is recorded yet.
TIME_BEGIN_MS = 946_684_800_000
TIME_END_MS = 7_258_118_400_000

# What a price did in a longer gap nobody knows: a position must not be saved by it.
HOLE_MS = 86_400_000

_TIME_NAMES = ("timestamp_ms", "timestamp", "open_time", "time", "date", "datetime", "ts", "unix")
PRICE_NAMES = (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"))
# Unix times by size: seconds until the year 5138, then ms, µs, ns.
SECONDS_BELOW = 10**11
MS_BELOW = 10**14
US_BELOW = 10**17
_BATCH_ROWS = 8_192


class Candle(NamedTuple):
    """What a market did in one interval. `open_ms`: its begin, in ms since the epoch; prices in quote currency."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class Extent(NamedTuple):
    """What a file holds. `interval_ms`: the time from one candle to the next, 0 of a single one.

    `far`: candles more than `HOLE_MS` after the one before: when both begin.
    """

    rows: int
    first_ms: int
    last_ms: int
    interval_ms: int
    decimals: int
    far: tuple[tuple[int, int], ...]


class TickColumns(NamedTuple):
    """Candles one behind the other: when each begins in ms, and its prices in whole ticks."""

    open_ms: "array[int]"
    open: "array[int]"
    high: "array[int]"
    low: "array[int]"
    close: "array[int]"


def in_ticks(price: Decimal, tick: Decimal) -> int:
    """The price in whole ticks, half-even, at least one."""
    return max(1, int((price / tick).to_integral_value(ROUND_HALF_EVEN)))


def rows_in_ticks(candles: Iterable[Candle], tick: Decimal) -> Iterator[TickColumns]:
    """Rows as columns, so many at a time."""
    columns = TickColumns(*(array("q") for _ in TickColumns._fields))
    for open_ms, *prices in candles:
        columns.open_ms.append(open_ms)
        for column, price in zip(columns[1:], prices, strict=True):
            column.append(in_ticks(price, tick))
        if len(columns.open_ms) == _BATCH_ROWS:
            yield columns
            columns = TickColumns(*(array("q") for _ in TickColumns._fields))
    if columns.open_ms:
        yield columns


def utc_text(at_ms: int) -> str:
    """A time for people: 2021-05-19 13:10:00."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def unix_ms(number: int | float) -> int:
    """Unix time in s, ms, µs or ns, told apart by size, as ms."""
    if abs(number) < SECONDS_BELOW:
        return round(number * 1000)
    if abs(number) < MS_BELOW:
        return int(number)
    return int(number) // (1_000 if abs(number) < US_BELOW else 1_000_000)


def believable_ms(at_ms: int) -> int:
    """The same time. Errors: ValueError for one that no recording has."""
    if not 0 < at_ms < TIME_END_MS:
        raise ValueError("the time is not between 1970 and 2200")
    if at_ms < TIME_BEGIN_MS:
        raise ValueError(
            f"the time reads as {utc_text(at_ms)} UTC, before any coin was traded (Unix times count s, ms, µs or ns; a"
            " day is written 2022-01-31, not 20220131)"
        )
    return at_ms


def columns_of(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The file's own names of time, open, high, low and close."""
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(names)}
    time_name = next((plain[name] for name in _TIME_NAMES if name in plain), None)
    prices = [next((plain[name] for name in known if name in plain), None) for known in PRICE_NAMES]
    twice = [name for name in plain.values() if name in (time_name, *prices) and names.count(name) > 1]
    if twice:
        raise SourceUnreadable(
            f"{path} has the column {twice[0]} twice, so which one holds is not known.",
            do="Keep one of them.",
            where=place(path, column=_shown(twice[0])),
            reason="column_twice",
        )
    found = [name for name in (time_name, *prices) if name is not None]
    if len(found) < 1 + len(prices):
        has = ", ".join(map(_shown, names[:12]))
        raise SourceUnreadable(
            f"{path} has the columns {has}; candles need time, open, high, low and close.",
            do="Name them timestamp, open, high, low, close (volume is optional).",
            where=place(path),
            reason="columns_missing",
            values={"columns": has},
        )
    return tuple(found)


def _shown(name: str) -> str:
    """A name out of a file, safe to print."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


def empty(path: Path) -> SourceEmpty:
    """There is no row."""
    return SourceEmpty(
        f"{path} holds no candle, so there is nothing to play.",
        do="Choose another file.",
        where=place(path),
        reason="empty",
    )


def _where(number: int | None, column: str = "") -> str:
    return (f", row {number}" if number else "") + (f", column {column}" if column else "")


def place(path: Path, number: int | None = None, column: str = "") -> str:
    """File, row and column in no language: BTC_USDT_1m.csv:7:low."""
    return ":".join([path.name, *([str(number)] if number else []), *([column] if column else [])])


def bad(
    path: Path,
    what: str,
    reason: str,
    number: int | None = None,
    column: str = "",
    values: Mapping[str, str] | None = None,
) -> SourceBadData:
    """A row, or a whole column, that cannot be used. `reason`, `values`: see `SourceError`."""
    return SourceBadData(
        f"{path}{_where(number, column)}: {what}. Prices that no market had would be traded, so it is not played.",
        do="Repair or remove that row.",
        where=place(path, number, column),
        reason=reason,
        values=values,
    )


def text_column(path: Path, column: str, kind: str) -> SourceBadData:
    """A column that holds something else than numbers, from its first row on."""
    return SourceBadData(
        f"{path}{_where(1, column)}: from the first row on the column holds something else than numbers ({kind})."
        " What it means is not guessed, so the file is not played.",
        do="Write it again with numbers in that column (pandas: frame[name].astype(float)); times as Unix time or as"
        " timestamps.",
        where=place(path, 1, column),
        reason="text_column",
        values={"kind": kind},
    )


def impossible(path: Path, at_ms: int, prices: Sequence[Any], number: int | None = None) -> SourceBadData:
    """A candle that no market had."""
    shown = " ".join(f"{name[0]}={price}" for name, price in zip(PRICE_NAMES, prices, strict=True))
    what = f"the candle of {utc_text(at_ms)} UTC is not possible ({shown})"
    values = {"time": utc_text(at_ms), "prices": shown}
    return bad(path, what, "impossible", number, _column_at_fault(*map(float, prices)), values)


def _column_at_fault(opened: float, high: float, low: float, closed: float) -> str:
    """The first column that is no price, else the one that contradicts the others."""
    for names, price in zip(PRICE_NAMES, (opened, high, low, closed), strict=True):
        if not 0 < price < math.inf:
            return names[0]
    return "high" if high < max(opened, low, closed) else "low"


def unsorted(path: Path, previous_ms: int, following_ms: int, number: int | None = None) -> SourceBadData:
    """A row that is not later than the one before."""
    what = "comes twice" if following_ms == previous_ms else f"follows {utc_text(previous_ms)}"
    return SourceBadData(
        f"{path}{_where(number, 'time')}: {utc_text(following_ms)} UTC {what}; time must rise.",
        do="Sort the rows by time, oldest first, and drop duplicates.",
        where=place(path, number, "time"),
        reason="unsorted",
        values={"time": utc_text(following_ms), "before": utc_text(previous_ms)},
    )
