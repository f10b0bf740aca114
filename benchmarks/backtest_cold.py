"""A backtest from nothing: a parquet of a million minutes on the disk -> the whole result as JSON. Aim: 3 seconds.

`python3 mTrade.py backtest --data FILE --json` as a person starts it, machine code kept from the run before. By the
wall, and by the processor time of all its parts, which other work on the machine moves little.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import report
from benchmarks.backtest_speed import BEGIN_MS, MINUTE_MS, TICKS_PER_ONE, series

_ROOT = Path(__file__).resolve().parents[1]
_AIM_S = 3.0


def measure(folder: Path, short: bool) -> report.Figures:
    """The fastest of some runs, behind one that makes or finds the machine code."""
    candles = 20_000 if short else 1_000_000
    figures: report.Figures = {"aim_s": _AIM_S, "candles": candles}
    for kind in ("rw", "mr"):
        path = _file(folder / kind, kind, candles)
        told, *_ = _run(path)
        runs = [_run(path) for _ in range(1 if short else 5)]
        figures[kind] = {
            "trades": len(told["trades"]),
            "wall_s": round(min(wall_s for _, wall_s, _ in runs), 2),
            "processor_s": round(min(used_s for *_, used_s in runs), 2),
        }
    return figures


def _file(folder: Path, kind: str, candles: int) -> Path:
    folder.mkdir()
    prices = series(kind, candles)
    columns = {name: prices[:, at] / TICKS_PER_ONE for at, name in enumerate(("open", "high", "low", "close"))}
    times = np.arange(candles, dtype=np.int64) * MINUTE_MS + BEGIN_MS
    path = folder / "BTC_USDT_1m.parquet"
    pq.write_table(pa.table({"timestamp_ms": times, **columns, "volume": np.ones(candles)}), path)
    return path


def _run(path: Path) -> tuple[report.Figures, float, float]:
    """What it says, the time by the wall, and by the processor (0 where the system does not tell)."""
    money = ("--budget", "100000", "--ladder", "basic")
    command = [sys.executable, "mTrade.py", "backtest", "--data", str(path), *money, "--json"]
    before, began_s = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, encoding="utf-8")
    wall_s, after = time.perf_counter() - began_s, os.times()
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(done.stdout), wall_s, used_s


if __name__ == "__main__":
    sys.exit(report.main("backtest_cold", measure, limit_s=300.0))
