"""Candles read as columns of whole ticks: the same as row by row in exact decimals."""

import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_rows import TickColumns, rows_in_ticks
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape

_ROWS = 3_000
_T0 = 1_700_000_040_000
_NAMES = ("open", "high", "low", "close")


def _price(rng: random.Random, at: float, decimals: int) -> float:
    """As files hold them: rounded, halfway between two ticks, one float beside that, or what arithmetic left."""
    price = round(at * rng.uniform(0.5, 2), decimals)
    match rng.randrange(6):
        case 0:
            return price + 5 * 10.0 ** -(decimals + 1)
        case 1:
            half = float(Decimal(repr(price)) + Decimal((0, (5,), -decimals - 1)))
            return half * (1 + rng.choice((-1, 1)) * 2.0**-52)
        case 2:
            return at * rng.uniform(0.5, 2)
        case _:
            return price


def _file(folder: Path, rng: random.Random, at: float, decimals: int) -> CandleFile:
    rows = [sorted(max(1e-12, _price(rng, at, decimals)) for _ in range(4)) for _ in range(_ROWS)]
    columns = {"open": [r[1] for r in rows], "high": [r[3] for r in rows]}
    columns |= {"low": [r[0] for r in rows], "close": [r[2] for r in rows]}
    path = folder / "BTC_USDT_1m.parquet"
    times = [_T0 + 60_000 * number for number in range(_ROWS)]
    pq.write_table(pa.table({"time": times, **columns}), path, row_group_size=700)
    return CandleFile(path)


def _joined(parts: list[TickColumns]) -> list[list[int]]:
    return [[value for part in parts for value in part[at]] for at in range(5)]


@pytest.mark.parametrize("seed", range(24))
def test_columns_in_ticks_are_the_rows_in_ticks(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    decimals = rng.randrange(0, 11)
    # A tick coarser than the price among them: at least one. Steps that are no power of ten are worked out by rows.
    tick = rng.choice((Decimal((0, (1,), -decimals)), Decimal((0, (1,), 1)), Decimal((0, (5,), -decimals))))
    file = _file(tmp_path, rng, 10 ** rng.uniform(-6, 6), decimals)
    assert _joined(list(file.in_ticks(tick))) == _joined(list(rows_in_ticks(file.candles(), tick))), f"seed {seed}"


def test_numbers_too_large_for_a_float_to_tell_halves_are_worked_out_exactly(tmp_path: Path) -> None:
    file = _file(tmp_path, random.Random(1), 1e11, 2)
    for tick in (Decimal("0.01"), Decimal("0.00001"), Decimal("0.0000001")):
        assert _joined(list(file.in_ticks(tick))) == _joined(list(rows_in_ticks(file.candles(), tick)))


@pytest.mark.parametrize(("from_row", "to_row"), [(0, None), (1, 2), (699, 701), (700, 1_400), (2_999, None), (5, 5)])
def test_a_part_of_the_time_is_what_begins_in_it(from_row: int, to_row: int | None, tmp_path: Path) -> None:
    file = _file(tmp_path, random.Random(2), 100.0, 2)
    from_ms, to_ms = _T0 + 60_000 * from_row, None if to_row is None else _T0 + 60_000 * to_row
    tape = CandleTape([file], Market("gate", "BTC", "USDT"), Decimal("0.01"), from_ms=from_ms, to_ms=to_ms)
    wanted = _joined(list(rows_in_ticks(file.candles(), Decimal("0.01"))))
    part = slice(from_row, to_row)
    assert [list(tape.open_ms), list(tape.opened), list(tape.high), list(tape.low), list(tape.closed)] == [
        column[part] for column in wanted
    ]
    assert list(tape.interval_ms) == [60_000] * len(tape)
    assert next((one.open_ms for one in file.candles(from_ms)), None) == next(iter(wanted[0][from_row:]), None)


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000)])
def test_times_in_every_unit_are_the_same_times(unit: str, per_s: int, tmp_path: Path) -> None:
    seconds = [_T0 // 1_000 + 60 * number for number in range(20)]
    ones = [1.0] * len(seconds)
    path = tmp_path / "BTC_USDT_1m.parquet"
    numbers = pa.array([one * per_s for one in seconds])
    for times in (numbers, numbers.cast(pa.float64(), safe=False), numbers.cast(pa.timestamp(unit, tz="UTC"))):
        pq.write_table(pa.table({"time": times} | dict.fromkeys(_NAMES, ones)), path)
        assert [one.open_ms for one in CandleFile(path).candles()] == [one * 1_000 for one in seconds]
