"""What the page asks of a journal with a million rows: pages of tables, the dashboard, its files. Aim: at once.

The journal is that of `start_with_journal`. `walk_s`: the first walk through everything booked, made once
after a start in the background (`walk_cpu_s`: its processor time); after it `dashboard_ms`, `calendar_ms`. Pages of
100 rows, the slowest of 20: newest, of one coin, of a day in the middle, of a reason that never happened (each row
is looked at). `commit_ms`: a commit while nobody asks, and while the slowest question is asked again and again.
"""

import statistics
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from autotrader_v2.application.archive import Which
from autotrader_v2.application.events import SwitchSet
from autotrader_v2.application.results import Results, Walk
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal
from benchmarks import report
from benchmarks.start_with_journal import BINDING, COINS, FIRST_MS, build

_AIM_MS = 100.0
_DAY_MS = 86_400_000
_TIMES = 20


def measure(folder: Path, short: bool) -> report.Figures:
    """Build, walk, ask."""
    database = folder / "paper-synthetic.sqlite3"
    rows, _ = build(database, 20_000 if short else 1_000_000)
    journal = SqlJournal(database, BINDING, account="paper")
    cycles = journal.load().cycles
    archive = journal.archive
    btc = next(market for market in cycles if market.base == COINS[0])
    newest = archive.trades(Which(), 1)[0]["time_ms"]
    middle = (FIRST_MS + newest) // 2
    results = Results(archive)
    began_s, cpu_s = time.perf_counter(), time.thread_time()
    while results.advance():
        pass
    walk_s, walk_cpu_s = time.perf_counter() - began_s, time.thread_time() - cpu_s
    borders = [newest - day * _DAY_MS for day in range(31, -1, -1)]
    stretches = list(pairwise(borders))
    day = Which(since_ms=middle, until_ms=middle + _DAY_MS)
    figures: report.Figures = {
        "aim_ms": _AIM_MS,
        "rows": rows,
        "fills": results.counted,
        "walk_s": round(walk_s, 1),
        "walk_cpu_s": round(walk_cpu_s, 1),
        "dashboard_ms": _slowest(lambda: results.of_coins([(middle, newest), (borders[0], newest)], {})),
        "calendar_ms": _slowest(lambda: results.of_coins(stretches, {})),
        "equity_ms": _slowest(archive.equity),
        "record_ms": _slowest(lambda: archive.record(Which(), 100)),
        "life_ms": _slowest(lambda: archive.life(archive.orders(Which(), 1)[0]["client_id"])),
    }
    for name, ask in (("trades", archive.trades), ("orders", archive.orders)):
        figures |= {
            f"{name}_newest_ms": _slowest(lambda ask=ask: ask(Which(), 100)),  # type: ignore[misc]
            f"{name}_of_a_coin_ms": _slowest(lambda ask=ask: ask(Which(market=btc), 100)),  # type: ignore[misc]
            f"{name}_of_an_old_day_ms": _slowest(lambda ask=ask: ask(day, 100)),  # type: ignore[misc]
            f"{name}_never_ms": _slowest(lambda ask=ask: ask(Which(why="stop_loss"), 100), 3),  # type: ignore[misc]
        }
    figures["commit_ms"] = _commit_ms(journal)
    ending = threading.Event()
    asking = threading.Thread(target=_ask_on, args=(archive, ending))
    asking.start()
    figures["commit_ms_while_asked"] = _commit_ms(journal)
    walking = Walk(archive)
    ending.set()
    asking.join()
    figures["first_page_of_a_file_ms"] = _slowest(walking.next, 1)
    journal.close()
    return figures


def _slowest(ask: Callable[[], Any], times: int = _TIMES) -> float:
    slowest_s = 0.0
    for _ in range(times):
        began_s = time.perf_counter()
        ask()
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
    return round(slowest_s * 1000, 1)


def _ask_on(archive: Any, ending: threading.Event) -> None:
    while not ending.is_set():
        archive.trades(Which(why="stop_loss"), 100)


def _commit_ms(journal: SqlJournal) -> float:
    took = []
    for number in range(50):
        began_s = time.perf_counter()
        journal.write(SwitchSet(market=None, mode=SwitchMode.ON, by="benchmark", time_ms=number))
        took.append(time.perf_counter() - began_s)
    return round(statistics.median(took) * 1000, 2)


if __name__ == "__main__":
    sys.exit(report.main("page_questions", measure, limit_s=600.0))
