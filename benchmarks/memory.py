"""Memory of an idle market: what one more costs a running engine on paper, journal and prices included.

Each size in a process of its own; the slope between them leaves out what the program itself takes. `off`: switched off,
as most of a long list are; `waiting`: switched on, with a planned ladder, held by a start limit. Aim: at most 20 KB.
"""

import gc
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from benchmarks import report
from benchmarks.markets import a_quote, markets, rules_of
from tests.engine import Engine

_AIM_KB = 20
_QUOTES_EACH = 3


def measure(folder: Path, short: bool) -> report.Figures:
    """Both kinds of idle, at a few and at many markets."""
    sizes = (10, 60) if short else (100, 2100)
    figures: report.Figures = {"aim_kb": _AIM_KB}
    for kind in ("off",) if short else ("off", "waiting"):
        few, many = (_resident_kb(folder, kind, size) for size in sizes)
        figures[kind] = {
            "kb_per_market": round((many - few) / (sizes[1] - sizes[0]), 1),
            **{f"resident_mb_at_{size}": round(kb / 1024, 1) for size, kb in zip(sizes, (few, many), strict=True)},
        }
    return figures


def _resident_kb(folder: Path, kind: str, count: int) -> float:
    inside = folder / f"{kind}-{count}"
    inside.mkdir()
    command = [sys.executable, "-m", "benchmarks.memory", "--inside", str(inside), kind, str(count)]
    told = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", timeout=60)
    return float(json.loads(told.stdout)["kb"])


def _inside(folder: Path, kind: str, count: int) -> None:
    """In the process that is measured."""
    some = markets(count)
    exchange = PaperExchange(rules_of(some), {"USDT": Decimal(1000)}, clock=SystemClock(), seed=1)
    with report.quiet_logs(folder), Engine(exchange, exchange.feed, some, folder) as engine:
        engine.desk.set_params(None, {"start_limit": "1"}, "benchmark")
        if kind == "waiting":
            for market in some:
                engine.desk.switch(market.base, "on", "benchmark")
        for number in range(_QUOTES_EACH):
            for market in some:
                engine.feed.tell(a_quote(market, Decimal(100) + number, from_book_read=not number))
            engine.trader.settle()
        reasons = {str(slot.hold.reason) for slot in engine.trader.get_all_cycles()}
        if reasons != {"off" if kind == "off" else "above_start_limit"}:
            raise AssertionError(f"the markets are not idle: {reasons}")
        gc.collect()
        print(json.dumps({"kb": _resident_pages() * os.sysconf("SC_PAGE_SIZE") / 1024}))


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _inside(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(report.main("memory", measure))
