"""Recorded rows in parquet files, one for each market and day, that are whole at every moment.

Rows are written in parts, each put in place in one step; now and then the parts are put into the day's file, which says
how far it holds them. A process that is killed leaves whole files behind, and nothing is in two files for good.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.infrastructure.feeds.errors import SourceUnreadable
from autotrader_v2.infrastructure.files import remove_file, replace_file

_HOLDS = b"mtrade.parts"
_DAY, _MONTH = "%Y%m%d", "%Y%m"
_UNDER_WAY = ".tmp"
_HOUR_MS = 3_600_000
_READ_TRIES = 5


class Kind(NamedTuple):
    """What is recorded. `name` stands in the files' names; `columns` by their parquet type, the first a time in ms.

    `once`: a time has one row, the one written last. `period`: what one file spans.
    """

    name: str
    columns: Mapping[str, str]
    once: bool
    period: str = _DAY


QUOTES = Kind(
    "quotes",
    {"exchange_ms": "int64", "confirmed_ms": "int64"}
    | dict.fromkeys(("bid", "ask", "last", "bid_size", "ask_size"), "string"),
    once=False,
)


def candles_of(interval: str, interval_ms: int) -> Kind:
    """Candles of an interval, as every reader of candle files knows them; those of an hour and more by the month."""
    columns = {"timestamp_ms": "int64"} | dict.fromkeys(("open", "high", "low", "close", "volume"), "float64")
    return Kind(interval, columns, once=True, period=_DAY if interval_ms < _HOUR_MS else _MONTH)


class DayFiles:
    """The files of one kind in a folder of their own. One process writes, others may read.

    Errors: OSError when the disk fails.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.folder = folder
        self._kind = kind
        self._time = next(iter(kind.columns))
        self._next_part: dict[str, int] = {}

    def begin(self) -> None:
        """Be the one who writes: make the folder and clear away what a killed one left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"*{_UNDER_WAY}"):
            left.unlink()
        self.merge()

    def add(self, pair: str, rows: Sequence[Sequence[Any]]) -> None:
        """Keep rows, in the order of the columns and of time: they are on the disk when this returns."""
        by_period: dict[str, list[Sequence[Any]]] = {}
        for row in rows:
            moment = datetime.fromtimestamp(row[0] / 1000, UTC)
            by_period.setdefault(moment.strftime(self._kind.period), []).append(row)
        for period, some in by_period.items():
            whole = self._whole(pair, period)
            number = self._number(whole)
            self._write(whole.with_name(f"{whole.stem}.{number:06}.parquet"), self._table(some), 0)
            self._next_part[whole.stem] = number + 1

    def merge(self, *, least_parts: int = 1) -> None:
        """Put parts into their days' files, of days that have at least so many. Errors: also `SourceUnreadable`."""
        for whole, parts in self._all_parts().items():
            if len(parts) >= least_parts:
                self._merge(whole, parts)

    def times_ms(self, pair: str) -> list[int]:
        """The times of all rows of a market, in order. Errors: also `SourceUnreadable`."""
        times: set[int] = set()
        for file in self._files(pair):
            times.update(self._read(file, [self._time]).column(0).to_pylist())
        return sorted(times)

    def newest(self, pair: str) -> dict[str, Any] | None:
        """The newest row of a market. Errors: also `SourceUnreadable`."""
        rows = []
        # The newest file and those beside it: a part may be newer than its day's file or already in it.
        files = self._files(pair)
        last_stem = max((_stem(file) for file in files), default="")
        for file in files:
            if _stem(file) == last_stem:
                table = self._read(file)
                if table.num_rows:
                    rows.append(table.slice(table.num_rows - 1).to_pylist()[0])
        return max(rows, key=lambda row: row[self._time], default=None)

    def rows(self, pair: str, from_ms: int, to_ms: int) -> Iterator[dict[str, Any]]:
        """Rows with a time in `[from_ms, to_ms)`, in order. Errors: also `SourceUnreadable`.

        Also while another process writes.
        """
        first, last = (
            datetime.fromtimestamp(at_ms / 1000, UTC).strftime(self._kind.period) for at_ms in (from_ms, to_ms)
        )
        for stem in sorted({_stem(file) for file in self._files(pair)}):
            if not first <= stem.rpartition("_")[2] <= last:
                continue
            table = self._read_together(stem)
            for batch in table.to_batches(max_chunksize=8_192):
                for row in batch.to_pylist():
                    if from_ms <= row[self._time] < to_ms:
                        yield row

    def _read_together(self, stem: str) -> Any:
        """A day's file with its parts, which the one who writes may be putting together at this moment."""
        whole = self.folder / f"{stem}.parquet"
        for _ in range(_READ_TRIES - 1):
            with suppress(FileNotFoundError):
                return self._joined(whole, sorted(self.folder.glob(f"{stem}.*.parquet")))[0]
        return self._joined(whole, sorted(self.folder.glob(f"{stem}.*.parquet")))[0]

    def _merge(self, whole: Path, parts: Sequence[Path]) -> None:
        table, holds = self._joined(whole, parts)
        self._write(whole, table, holds)
        for part in parts:
            remove_file(part)

    def _joined(self, whole: Path, parts: Sequence[Path]) -> tuple[Any, int]:
        """The rows of a day's file and of the parts that it does not hold yet, and up to which part that is."""
        import pyarrow as pa  # noqa: PLC0415 - half a second of import

        tables, holds = [], 0
        if whole.exists():
            tables.append(self._read(whole))
            holds = int((tables[0].schema.metadata or {}).get(_HOLDS, 0))
        for part in parts:
            if _part_number(part) > holds:
                tables.append(self._read(part))
        if not tables:
            return self._table([]), holds
        joined = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
        return self._ordered(joined), max([holds, *map(_part_number, parts)])

    def _ordered(self, table: Any) -> Any:
        times = table.column(self._time).to_pylist()
        if self._kind.once:
            newest = {at_ms: row for row, at_ms in enumerate(times)}
            order = [newest[at_ms] for at_ms in sorted(newest)]
        elif all(before <= after for before, after in pairwise(times)):
            return table
        else:
            order = sorted(range(len(times)), key=times.__getitem__)
        return table.take(order)

    def _read(self, file: Path, columns: Sequence[str] | None = None) -> Any:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        wanted = list(self._kind.columns) if columns is None else list(columns)
        try:
            # As one file: what stands beside it in the folder is not part of it.
            with pq.ParquetFile(file) as opened:
                table = opened.read(columns=wanted)
        except pa.ArrowException as error:
            raise SourceUnreadable(
                f"{file} is damaged: {error}.", do="Move it away; what is recorded goes on."
            ) from error
        missing = [name for name in wanted if name not in table.schema.names]
        if missing:
            raise SourceUnreadable(f"{file} has no column {missing[0]}.", do="Move it away; it was not recorded here.")
        return table.select(wanted)

    def _table(self, rows: Sequence[Sequence[Any]]) -> Any:
        import pyarrow as pa  # noqa: PLC0415

        names = list(self._kind.columns)
        schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in self._kind.columns.items()])
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table([list(column) for column in columns], schema=schema)

    def _write(self, path: Path, table: Any, holds: int) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415

        fresh = path.with_name(path.name + _UNDER_WAY)
        with fresh.open("wb") as file:
            pq.write_table(table.replace_schema_metadata({_HOLDS: str(holds)}), file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        replace_file(fresh, path)

    def _whole(self, pair: str, period: str) -> Path:
        return self.folder / f"gate_{pair}_{self._kind.name}_{period}.parquet"

    def _number(self, whole: Path) -> int:
        if whole.stem not in self._next_part:
            holds = self._joined(whole, [])[1] if whole.exists() else 0
            parts = [_part_number(part) for part in self.folder.glob(f"{whole.stem}.*.parquet")]
            self._next_part[whole.stem] = max([holds, *parts]) + 1
        return self._next_part[whole.stem]

    def _files(self, pair: str) -> list[Path]:
        return sorted(self.folder.glob(f"gate_{pair}_{self._kind.name}_*.parquet"))

    def _all_parts(self) -> dict[Path, list[Path]]:
        found: dict[Path, list[Path]] = {}
        for file in sorted(self.folder.glob(f"gate_*_{self._kind.name}_*.parquet")):
            if _part_number(file):
                found.setdefault(self.folder / f"{_stem(file)}.parquet", []).append(file)
        return found


def _part_number(file: Path) -> int:
    """0: the day's own file."""
    found = re.fullmatch(r".*\.(\d{6,})\.parquet", file.name)
    return int(found[1]) if found else 0


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]
