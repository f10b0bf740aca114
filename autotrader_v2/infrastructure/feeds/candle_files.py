"""Reads candles from parquet and csv files: checked from end to end when opened, then streamed."""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol

from autotrader_v2.domain.money import NotANumber, amount, step_of
from autotrader_v2.infrastructure.feeds.candle_grid import interval_of, off_grid
from autotrader_v2.infrastructure.feeds.candle_parquet import ParquetCandles
from autotrader_v2.infrastructure.feeds.candle_rows import (
    DECIMALS_MAX,
    HOLE_MS,
    PRICE_NAMES,
    Candle,
    Extent,
    TickColumns,
    bad,
    believable_ms,
    columns_of,
    empty,
    impossible,
    rows_in_ticks,
    unix_ms,
    unsorted,
)
from autotrader_v2.infrastructure.feeds.file_names import interval_in_name_ms
from autotrader_v2.infrastructure.feeds.text_lines import text_lines

_MINUTE_MS = 60_000


class _Raw(NamedTuple):
    """A row as read: floats where the file holds floats, text where it holds text."""

    number: int
    open_ms: int
    prices: Sequence[Decimal]


class _Reader(Protocol):
    def check(self) -> Extent: ...

    def candles(self, from_ms: int = 0) -> Iterator[Candle]: ...

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]: ...


class CandleFile:
    """One file of candles of one market, oldest first. Errors name the row: of a csv its line, of a parquet from 1.

    Parquet or csv (also .csv.gz) with columns for time, open, high, low and close under their usual names; time as
    Unix s, ms, µs or ns, or ISO 8601 (UTC unless it says otherwise); a csv without a header is taken for the column
    order of Binance's own dumps. Opening reads the whole file once. Errors: `SourceUnreadable`, `SourceEmpty`,
    `SourceBadData`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: _Reader = ParquetCandles(path) if path.suffix.lower() == ".parquet" else _Csv(path)
        extent = self._reader.check()
        self.rows = extent.rows
        self.first_ms = extent.first_ms
        self.last_ms = extent.last_ms
        self.interval_ms = extent.interval_ms or interval_in_name_ms(path) or _MINUTE_MS
        # Where candles are missing for longer: from when to when.
        self.holes = tuple(
            (before_ms + self.interval_ms, after_ms)
            for before_ms, after_ms in extent.far
            if after_ms - before_ms - self.interval_ms > HOLE_MS
        )
        # The price step that all prices of the file fit.
        self.tick = step_of(extent.decimals)

    def candles(self, from_ms: int = 0) -> Iterator[Candle]:
        """The candles that begin then or later, oldest first; gaps stay gaps."""
        return self._reader.candles(from_ms)

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        """All of them in pieces, prices in whole ticks (half-even, at least one)."""
        return self._reader.in_ticks(tick)


class _Csv:
    """Rows are read as text, so that prices keep the digits they were written with."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> Extent:
        rows = decimals = 0
        first_ms = last_ms = None
        steps: Counter[int] = Counter()
        far = []
        for row in self._rows():
            if last_ms is not None:
                if row.open_ms <= last_ms:
                    raise unsorted(self._path, last_ms, row.open_ms, row.number)
                steps[row.open_ms - last_ms] += 1
                if row.open_ms - last_ms > HOLE_MS:
                    far.append((last_ms, row.open_ms))
            opened, high, low, closed = row.prices
            if not (0 < low <= opened <= high and low <= closed <= high):
                raise impossible(self._path, row.open_ms, row.prices, row.number)
            decimals = max(decimals, *(_decimals_of(price) for price in row.prices))
            rows += 1
            first_ms = row.open_ms if first_ms is None else first_ms
            last_ms = row.open_ms
        if first_ms is None or last_ms is None:
            raise empty(self._path)
        interval_ms = interval_of(steps)
        if any(step % interval_ms for step in steps):
            raise off_grid(self._path, ((row.number, row.open_ms) for row in self._rows()), interval_ms)
        return Extent(rows, first_ms, last_ms, interval_ms, min(decimals, DECIMALS_MAX), tuple(far))

    def candles(self, from_ms: int = 0) -> Iterator[Candle]:
        for row in self._rows():
            if row.open_ms >= from_ms:
                yield Candle(row.open_ms, *row.prices)

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self.candles(), tick)

    def _rows(self) -> Iterator[_Raw]:
        lines: Iterator[str] = text_lines(self._path)
        head = next(lines, "")
        if not head.strip():
            raise empty(self._path)
        delimiter = max(",;\t", key=head.count)
        names = [name.strip().strip('"') for name in head.split(delimiter)]
        number = 1
        if _is_number(names[0]):
            # Binance's own dumps have no header: open time, open, high, low, close, volume, ...
            lines, number = chain([head], lines), 0
            at = [0, 1, 2, 3, 4]
        else:
            at = [names.index(name) for name in columns_of(self._path, names)]
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise bad(self._path, f"it is no csv ({error})", "no_csv", number + reader.line_num) from error
            if row is None:
                return
            if not row:
                continue
            # A cell too many shifts the others: a price such as 1,234.5 would be read as two.
            if len(row) != len(names):
                what = "shorter" if len(row) < len(names) else "longer"
                raise bad(
                    self._path,
                    f"the row is {what} than the first one ({len(row)} cells, not {len(names)})",
                    "cells",
                    number + reader.line_num,
                    values={"cells": str(len(row)), "first": str(len(names))},
                )
            yield self._row(number + reader.line_num, [row[index] for index in at])

    def _row(self, number: int, cells: Sequence[str]) -> _Raw:
        column = "time"
        try:
            open_ms, prices = believable_ms(_time_ms(cells[0])), []
            for names, cell in zip(PRICE_NAMES, cells[1:], strict=True):
                column = names[0]
                prices.append(amount(cell))
        except (NotANumber, ValueError, OverflowError) as error:
            raise bad(self._path, str(error), "cell", number, column) from error
        return _Raw(number, open_ms, prices)


def _time_ms(text: str) -> int:
    text = text.strip().strip('"')
    if text.isdigit():
        return unix_ms(int(text))
    if _is_number(text):
        return unix_ms(float(text))
    if not text:
        raise ValueError("there is no time")
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no time (Unix time, or 2022-01-31 12:00:00)") from error
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
