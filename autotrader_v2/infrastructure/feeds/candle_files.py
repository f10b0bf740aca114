"""Reads candles from parquet and csv files: checked from end to end when opened, then streamed."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from autotrader_v2.domain.money import NotANumber, amount, step_of
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceEmpty, SourceUnreadable
from autotrader_v2.infrastructure.feeds.file_names import interval_in_name_ms
from autotrader_v2.infrastructure.feeds.text_lines import ROWS_MAX, text_lines

_BATCH_ROWS = 8_192
# Prices of more decimals than any exchange shows come from arithmetic on floats; they are rounded to this many.
_DECIMALS_MAX = 12
_MINUTE_MS = 60_000
# No market is older than the epoch's first second, and none of 2200 is recorded yet.
TIME_END_MS = 7_258_118_400_000

_TIME_NAMES = ("timestamp_ms", "timestamp", "open_time", "time", "date", "datetime", "ts", "unix")
_PRICE_NAMES = (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"))
# Unix times by size: seconds until the year 5138, then ms, µs, ns.
_SECONDS_BELOW = 10**11
_MS_BELOW = 10**14
_US_BELOW = 10**17


class Candle(NamedTuple):
    """What a market did in one interval. `open_ms`: its begin, in ms since the epoch; prices in quote currency."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class _Raw(NamedTuple):
    """A row as read: floats where the file holds floats, text where it holds text."""

    number: int
    open_ms: int
    prices: Sequence[Decimal]


class _Reader(Protocol):
    def check(self) -> "_Extent": ...

    def candles(self) -> Iterator[Candle]: ...


class _Extent(NamedTuple):
    rows: int
    first_ms: int
    last_ms: int
    interval_ms: int
    decimals: int


class CandleFile:
    """One file of candles of one market, oldest first. Errors name the row: of a csv its line, of a parquet from 1.

    Parquet or csv (also .csv.gz) with columns for time, open, high, low and close under their usual names; time as
    Unix s, ms, µs or ns, or ISO 8601 (UTC unless it says otherwise); a csv without a header is taken for the column
    order of Binance's own dumps. Opening reads the whole file once. Errors: `SourceUnreadable`, `SourceEmpty`,
    `SourceBadData`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: _Reader = _Parquet(path) if path.suffix.lower() == ".parquet" else _Csv(path)
        extent = self._reader.check()
        self.rows = extent.rows
        self.first_ms = extent.first_ms
        self.last_ms = extent.last_ms
        self.interval_ms = extent.interval_ms or interval_in_name_ms(path) or _MINUTE_MS
        # The price step that all prices of the file fit.
        self.tick = step_of(extent.decimals)

    def candles(self) -> Iterator[Candle]:
        """All candles, oldest first; gaps stay gaps."""
        return self._reader.candles()


def utc_text(at_ms: int) -> str:
    """A time for people: 2021-05-19 13:10:00."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def unix_ms(number: int | float) -> int:
    """Unix time in s, ms, µs or ns, told apart by size, as ms."""
    if abs(number) < _SECONDS_BELOW:
        return round(number * 1000)
    if abs(number) < _MS_BELOW:
        return int(number)
    return int(number) // (1_000 if abs(number) < _US_BELOW else 1_000_000)


def believable_ms(at_ms: int) -> int:
    """The same time. Errors: ValueError for one that no recording has."""
    if not 0 < at_ms < TIME_END_MS:
        raise ValueError("the time is not between 1970 and 2200")
    return at_ms


class _Parquet:
    """Columns are checked as a whole by pyarrow; a year of minutes takes a few milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> _Extent:
        import pyarrow.compute as pc  # noqa: PLC0415 - half a second of import that only replays need

        rows = decimals = 0
        first_ms = last_ms = None
        interval_ms: int | None = None
        for times, prices in self._batches():
            times_ms = times.to_pylist()
            known: list[int] = [] if last_ms is None else [last_ms]
            for number, (previous, following) in enumerate(pairwise(chain(known, times_ms))):
                step_ms = following - previous
                if step_ms <= 0:
                    # Of a batch the first step leads to its first row, or to its second when nothing was before it.
                    raise _unsorted(self._path, previous, following, rows + 1 + number + (last_ms is None))
                if interval_ms is None or step_ms < interval_ms:
                    interval_ms = step_ms
            for column in prices:
                decimals = self._decimals(pc, column, decimals)
            self._check_shape(pc, times_ms, prices, rows)
            rows += len(times_ms)
            first_ms = times_ms[0] if first_ms is None else first_ms
            last_ms = times_ms[-1]
        if first_ms is None or last_ms is None:
            raise _empty(self._path)
        return _Extent(rows, first_ms, last_ms, interval_ms or 0, decimals)

    def candles(self) -> Iterator[Candle]:
        for times, prices in self._batches():
            columns = [[Decimal(repr(price)) for price in column.to_pylist()] for column in prices]
            yield from map(Candle._make, zip(times.to_pylist(), *columns, strict=True))

    def _batches(self) -> Iterator[tuple[Any, list[Any]]]:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            with pq.ParquetFile(self._path) as file:
                names = _columns_of(self._path, file.schema_arrow.names)
                self._check_size(pa, file, names)
                rows = 0
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(names)):
                    columns = {name: batch.column(batch.schema.get_field_index(name)) for name in names}
                    yield self._converted(pa, columns, rows)
                    rows += batch.num_rows
        except pa.ArrowException as error:
            raise SourceUnreadable(
                f"{self._path} is not readable as parquet: {error}.", do="Check that it was copied whole."
            ) from error

    def _check_size(self, pa: Any, file: Any, names: Sequence[str]) -> None:
        """By what the file says of itself, before anything of it is unpacked."""
        rows = file.metadata.num_rows
        if rows > ROWS_MAX:
            raise SourceUnreadable(
                f"{self._path} claims {rows} rows; more than {ROWS_MAX} are not read.", do="Split it by time."
            )
        for name in names if rows else ():
            kind = file.schema_arrow.field(name).type
            if pa.types.is_boolean(kind) or not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
                raise _bad(self._path, f"a column holds something else than numbers ({kind})", column=name)

    def _converted(self, pa: Any, columns: Mapping[str, Any], rows: int) -> tuple[Any, list[Any]]:
        converted: list[Any] = []
        for name, column in columns.items():
            if column.null_count:
                empty = column.is_null().index(True).as_py()
                raise _bad(self._path, "there is no value", rows + empty + 1, name)
            try:
                converted.append(column.cast(pa.float64()) if converted else self._times(pa, column, name, rows))
            except SourceBadData:
                raise
            except (ValueError, TypeError, OverflowError, pa.ArrowNotImplementedError) as error:
                raise _bad(self._path, f"a column holds something else than numbers ({error})", column=name) from error
        return converted[0], converted[1:]

    def _times(self, pa: Any, column: Any, name: str, rows: int) -> Any:
        in_ms = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
        if in_ms:
            column = column.cast(pa.timestamp("ms", tz=getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
        read = []
        for number, one in enumerate(column.to_pylist(), rows + 1):
            try:
                read.append(believable_ms(one if in_ms else unix_ms(one)))
            except (ValueError, OverflowError) as error:
                raise _bad(self._path, str(error), number, name) from error
        return pa.array(read, pa.int64())

    def _check_shape(self, pc: Any, times_ms: list[int], prices: list[Any], rows: int) -> None:
        opened, high, low, closed = prices
        sound = pc.and_(pc.greater(low, 0.0), pc.less(high, math.inf))
        for price in (opened, closed):
            sound = pc.and_(sound, pc.and_(pc.greater_equal(high, price), pc.less_equal(low, price)))
        # A comparison with NaN is false, so NaN is found here as well.
        at = pc.index(sound, False).as_py()
        if at >= 0:
            raise _impossible(self._path, times_ms[at], [column[at].as_py() for column in prices], rows + at + 1)

    @staticmethod
    def _decimals(pc: Any, column: Any, least: int) -> int:
        """The decimals that all numbers of the column have, at least so many."""
        for decimals in range(least, _DECIMALS_MAX):
            if pc.all(pc.equal(pc.round(column, ndigits=decimals), column)).as_py():
                return decimals
        return _DECIMALS_MAX


class _Csv:
    """Rows are read as text, so that prices keep the digits they were written with."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> _Extent:
        rows = decimals = 0
        first_ms = last_ms = None
        interval_ms: int | None = None
        for row in self._rows():
            if last_ms is not None:
                if row.open_ms <= last_ms:
                    raise _unsorted(self._path, last_ms, row.open_ms, row.number)
                interval_ms = min(interval_ms or row.open_ms - last_ms, row.open_ms - last_ms)
            opened, high, low, closed = row.prices
            if not (0 < low <= opened <= high and low <= closed <= high):
                raise _impossible(self._path, row.open_ms, row.prices, row.number)
            decimals = max(decimals, *(_decimals_of(price) for price in row.prices))
            rows += 1
            first_ms = row.open_ms if first_ms is None else first_ms
            last_ms = row.open_ms
        if first_ms is None or last_ms is None:
            raise _empty(self._path)
        return _Extent(rows, first_ms, last_ms, interval_ms or 0, min(decimals, _DECIMALS_MAX))

    def candles(self) -> Iterator[Candle]:
        for row in self._rows():
            yield Candle(row.open_ms, *row.prices)

    def _rows(self) -> Iterator[_Raw]:
        lines: Iterator[str] = text_lines(self._path)
        head = next(lines, "")
        delimiter = max(",;\t", key=head.count)
        names = [name.strip().strip('"') for name in head.split(delimiter)]
        number = 1
        if _is_number(names[0]):
            # Binance's own dumps have no header: open time, open, high, low, close, volume, ...
            lines, number = chain([head], lines), 0
            at = [0, 1, 2, 3, 4]
        else:
            at = [names.index(name) for name in _columns_of(self._path, names)]
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise _bad(self._path, f"it is no csv ({error})", number + reader.line_num) from error
            if row is None:
                return
            if not row:
                continue
            # A cell too many shifts the others: a price such as 1,234.5 would be read as two.
            if len(row) != len(names):
                what = "shorter" if len(row) < len(names) else "longer"
                raise _bad(
                    self._path,
                    f"the row is {what} than the first one ({len(row)} cells, not {len(names)})",
                    number + reader.line_num,
                )
            yield self._row(number + reader.line_num, [row[index] for index in at])

    def _row(self, number: int, cells: Sequence[str]) -> _Raw:
        column = "time"
        try:
            open_ms, prices = believable_ms(_time_ms(cells[0])), []
            for names, cell in zip(_PRICE_NAMES, cells[1:], strict=True):
                column = names[0]
                prices.append(amount(cell))
        except (NotANumber, ValueError, OverflowError) as error:
            raise _bad(self._path, str(error), number, column) from error
        return _Raw(number, open_ms, prices)


def _columns_of(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The file's own names of time, open, high, low and close."""
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(names)}
    time_name = next((plain[name] for name in _TIME_NAMES if name in plain), None)
    prices = [next((plain[name] for name in known if name in plain), None) for known in _PRICE_NAMES]
    twice = [name for name in plain.values() if name in (time_name, *prices) and names.count(name) > 1]
    if twice:
        raise SourceUnreadable(
            f"{path} has the column {twice[0]} twice, so which one holds is not known.", do="Keep one of them."
        )
    found = [name for name in (time_name, *prices) if name is not None]
    if len(found) < 1 + len(prices):
        has = ", ".join(map(_shown, names[:12]))
        raise SourceUnreadable(
            f"{path} has the columns {has}; candles need time, open, high, low and close.",
            do="Name them timestamp, open, high, low, close (volume is optional).",
        )
    return tuple(found)


def _shown(name: str) -> str:
    """A name out of a file, safe to print."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


def _time_ms(text: str) -> int:
    text = text.strip().strip('"')
    if text.isdigit():
        return unix_ms(int(text))
    if _is_number(text):
        return unix_ms(float(text))
    moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _decimals_of(price: Decimal) -> int:
    return -int(price.normalize().as_tuple().exponent)


def _empty(path: Path) -> SourceEmpty:
    return SourceEmpty(f"{path} holds no candle, so there is nothing to play.", do="Choose another file.")


def _where(number: int | None, column: str = "") -> str:
    return (f", row {number}" if number else "") + (f", column {column}" if column else "")


def _bad(path: Path, what: str, number: int | None = None, column: str = "") -> SourceBadData:
    return SourceBadData(
        f"{path}{_where(number, column)}: {what}. Prices that no market had would be traded, so it is not played.",
        do="Repair or remove that row.",
    )


def _impossible(path: Path, at_ms: int, prices: Sequence[Any], number: int | None = None) -> SourceBadData:
    shown = " ".join(f"{name[0]}={price}" for name, price in zip(_PRICE_NAMES, prices, strict=True))
    what = f"the candle of {utc_text(at_ms)} UTC is not possible ({shown})"
    return _bad(path, what, number, _column_at_fault(*map(float, prices)))


def _column_at_fault(opened: float, high: float, low: float, closed: float) -> str:
    """The first column that is no price, else the one that contradicts the others."""
    for names, price in zip(_PRICE_NAMES, (opened, high, low, closed), strict=True):
        if not 0 < price < math.inf:
            return names[0]
    return "high" if high < max(opened, low, closed) else "low"


def _unsorted(path: Path, previous_ms: int, following_ms: int, number: int | None = None) -> SourceBadData:
    what = "comes twice" if following_ms == previous_ms else f"follows {utc_text(previous_ms)}"
    return SourceBadData(
        f"{path}{_where(number, 'time')}: {utc_text(following_ms)} UTC {what}; time must rise.",
        do="Sort the rows by time, oldest first, and drop duplicates.",
    )
