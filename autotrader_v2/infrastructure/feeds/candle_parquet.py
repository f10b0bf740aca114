"""Reads candles from parquet: whole columns at a time, row by row only to name what is wrong with one."""

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from autotrader_v2.infrastructure.feeds import candle_rows as rows_of
from autotrader_v2.infrastructure.feeds.candle_grid import interval_of, off_grid
from autotrader_v2.infrastructure.feeds.candle_rows import Candle, Extent, TickColumns
from autotrader_v2.infrastructure.feeds.errors import SourceBadData, SourceUnreadable, not_parquet
from autotrader_v2.infrastructure.feeds.text_lines import ROWS_MAX

_BATCH_ROWS = 8_192
_INT64_BYTES = 8
# Powers of ten up to here are floats without rounding.
_EXACT_POWER_MAX = 22
# A float is off the number it was written as by 2^-53 of it at most, its product with a power of ten by as much again.
_OFF_AT_MOST = 2.0**-50


class ParquetCandles:
    """Columns are checked as a whole by pyarrow; a year of minutes takes a few milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> Extent:
        """Read the whole file once. Errors: see `CandleFile`."""
        import pyarrow.compute as pc  # noqa: PLC0415 - half a second of import that only replays need

        rows = decimals = 0
        first_ms = last_ms = None
        steps: Counter[int] = Counter()
        far: list[tuple[int, int]] = []
        for times, prices in self._batches():
            self._count_steps(pc, times, last_ms, rows, steps)
            far += self._far(pc, times, last_ms)
            for column in prices:
                decimals = self._decimals(pc, column, decimals)
            self._check_shape(pc, times, prices, rows)
            rows += len(times)
            first_ms = times[0].as_py() if first_ms is None else first_ms
            last_ms = times[-1].as_py()
        if first_ms is None or last_ms is None:
            raise rows_of.empty(self._path)
        interval_ms = interval_of(steps)
        if any(step % interval_ms for step in steps):
            every = chain.from_iterable(times.to_pylist() for times, _ in self._batches())
            raise off_grid(self._path, enumerate(every, 1), interval_ms)
        return Extent(rows, first_ms, last_ms, interval_ms, decimals, tuple(far))

    def candles(self, from_ms: int = 0) -> Iterator[Candle]:
        """Those that begin then or later, as exact decimals."""
        for times, prices in self._batches():
            if times[-1].as_py() < from_ms:
                continue
            columns = [[Decimal(repr(price)) for price in column.to_pylist()] for column in prices]
            for candle in map(Candle._make, zip(times.to_pylist(), *columns, strict=True)):
                if candle.open_ms >= from_ms:
                    yield candle

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        """All candles as `candles` gives them, in whole ticks."""
        power = -tick.adjusted()
        if tick != Decimal((0, (1,), -power)) or abs(power) > _EXACT_POWER_MAX:
            yield from rows_of.rows_in_ticks(self.candles(), tick)
            return
        for times, prices in self._batches():
            yield TickColumns(_int64(times), *(_ticks(column, tick, power) for column in prices))

    def _batches(self) -> Iterator[tuple[Any, list[Any]]]:
        """Times in ms (int64) and the four prices (float64), without gaps in them."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            with pq.ParquetFile(self._path) as file:
                names = rows_of.columns_of(self._path, file.schema_arrow.names)
                self._check_size(pa, file, names)
                rows = 0
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(names)):
                    columns = {name: batch.column(batch.schema.get_field_index(name)) for name in names}
                    if batch.num_rows:
                        yield self._converted(pa, columns, rows)
                    rows += batch.num_rows
        except pa.ArrowException as error:
            raise not_parquet(self._path, error) from error

    def _check_size(self, pa: Any, file: Any, names: Sequence[str]) -> None:
        """By what the file says of itself, before anything of it is unpacked."""
        rows = file.metadata.num_rows
        if rows > ROWS_MAX:
            raise SourceUnreadable(
                f"{self._path} claims {rows} rows; more than {ROWS_MAX} are not read.",
                do="Split it by time.",
                where=rows_of.place(self._path),
                reason="too_many_rows",
                values={"most": str(ROWS_MAX)},
            )
        for name in names if rows else ():
            kind = file.schema_arrow.field(name).type
            if pa.types.is_boolean(kind) or not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
                raise rows_of.text_column(self._path, name, str(kind))

    def _converted(self, pa: Any, columns: Mapping[str, Any], rows: int) -> tuple[Any, list[Any]]:
        converted: list[Any] = []
        for name, column in columns.items():
            if column.null_count:
                empty = column.is_null().index(True).as_py()
                raise rows_of.bad(self._path, "there is no value", "no_value", rows + empty + 1, name)
            try:
                converted.append(column.cast(pa.float64()) if converted else self._times(pa, column, name, rows))
            except SourceBadData:
                raise
            except (ValueError, TypeError, OverflowError, pa.ArrowNotImplementedError) as error:
                raise rows_of.bad(
                    self._path, f"a column holds something else than numbers ({error})", "cell", column=name
                ) from error
        return converted[0], converted[1:]

    def _times(self, pa: Any, column: Any, name: str, rows: int) -> Any:
        in_ms = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
        if in_ms:
            column = column.cast(pa.timestamp("ms", tz=getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
        if _are_believable_ms(pa, column):
            return column.cast(pa.int64())
        read = []
        for number, one in enumerate(column.to_pylist(), rows + 1):
            try:
                read.append(rows_of.believable_ms(one if in_ms else rows_of.unix_ms(one)))
            except (ValueError, OverflowError) as error:
                raise rows_of.bad(self._path, str(error), "cell", number, name) from error
        return pa.array(read, pa.int64())

    def _count_steps(self, pc: Any, times: Any, last_ms: int | None, rows: int, steps: Counter[int]) -> None:
        """Times from one row to the next, the one before the batch included."""
        found = {
            one["values"]: one["counts"] for one in pc.value_counts(pc.subtract(times[1:], times[:-1])).to_pylist()
        }
        steps.update(found)
        known: list[int] = [] if last_ms is None else [last_ms]
        if last_ms is not None:
            steps[times[0].as_py() - last_ms] += 1
        if not steps or min(steps) > 0:
            return
        for number, (previous, following) in enumerate(pairwise(chain(known, times.to_pylist()))):
            if following <= previous:
                # Of a batch the first step leads to its first row, or to its second when nothing was before it.
                raise rows_of.unsorted(self._path, previous, following, rows + 1 + number + (last_ms is None))
        raise AssertionError("a step that is not forward is among the steps")

    @staticmethod
    def _far(pc: Any, times: Any, last_ms: int | None) -> Iterator[tuple[int, int]]:
        """See `Extent`."""
        if last_ms is not None and times[0].as_py() - last_ms > rows_of.HOLE_MS:
            yield last_ms, times[0].as_py()
        for at in pc.indices_nonzero(pc.greater(pc.subtract(times[1:], times[:-1]), rows_of.HOLE_MS)).to_pylist():
            yield times[at].as_py(), times[at + 1].as_py()

    def _check_shape(self, pc: Any, times: Any, prices: list[Any], rows: int) -> None:
        opened, high, low, closed = prices
        sound = pc.and_(pc.greater(low, 0.0), pc.less(high, math.inf))
        for price in (opened, closed):
            sound = pc.and_(sound, pc.and_(pc.greater_equal(high, price), pc.less_equal(low, price)))
        # A comparison with NaN is false, so NaN is found here as well.
        at = pc.index(sound, False).as_py()
        if at >= 0:
            raise rows_of.impossible(
                self._path, times[at].as_py(), [column[at].as_py() for column in prices], rows + at + 1
            )

    @staticmethod
    def _decimals(pc: Any, column: Any, least: int) -> int:
        """The decimals that all numbers of the column have, at least so many."""
        for decimals in range(least, rows_of.DECIMALS_MAX):
            if pc.all(pc.equal(pc.round(column, ndigits=decimals), column)).as_py():
                return decimals
        return rows_of.DECIMALS_MAX


def _are_believable_ms(pa: Any, column: Any) -> bool:
    """Whether all are whole numbers that surely are ms; others are looked at one by one."""
    import pyarrow.compute as pc  # noqa: PLC0415

    if not pa.types.is_integer(column.type):
        return False
    ends = pc.min_max(column).as_py()
    return bool(ends["min"] >= rows_of.TIME_BEGIN_MS and ends["max"] < rows_of.TIME_END_MS)


def _ticks(prices: Any, tick: Decimal, power: int) -> "array[int]":
    """`in_ticks(Decimal(repr(price)), tick)` of each, where `tick` is 10^-power.

    The nearest whole number is the right one unless two are about as near: those are told by exact decimals.
    """
    import pyarrow.compute as pc  # noqa: PLC0415

    scale = float(10 ** abs(power))
    scaled = pc.multiply(prices, scale) if power >= 0 else pc.divide(prices, scale)
    nearest = pc.round(scaled, ndigits=0, round_mode="half_to_even")
    away = pc.abs(pc.subtract(scaled, nearest))
    doubtful = pc.indices_nonzero(pc.greater_equal(away, pc.subtract(0.5, pc.multiply(scaled, _OFF_AT_MOST))))
    ticks = _int64(pc.cast(pc.max_element_wise(nearest, 1.0), "int64", safe=False))
    for at in doubtful.to_pylist():
        ticks[at] = rows_of.in_ticks(Decimal(repr(prices[at].as_py())), tick)
    return ticks


def _int64(column: Any) -> "array[int]":
    """A column of whole numbers without gaps."""
    values = array("q")
    begin = column.offset * _INT64_BYTES
    values.frombytes(memoryview(column.buffers()[1])[begin : begin + len(column) * _INT64_BYTES])
    return values
