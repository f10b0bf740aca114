"""Price received -> order on the wire while the Lab's worker process plays candles, one run after the other.

`quiet` and `beside` take turns, so that whatever else the machine does falls on both. The room and its thread run in
the engine's own process, as in the product, and are asked for their runs as often as the page asks.
"""

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from autotrader_v2.app.lab import LabRoom
from autotrader_v2.application.lab import LabWish
from benchmarks import report
from benchmarks.flood import orders
from benchmarks.live import live

_MARKETS = 20
_ASKED_EVERY_S = 0.7
_FIVE_MINUTES_MS = 300_000
_WISH = LabWish(
    name="",
    symbols=("BTC_USDT",),
    interval_ms=_FIVE_MINUTES_MS,
    from_ms=0,
    to_ms=None,
    budget="1000",
    ladder={},
)


def measure(folder: Path, short: bool) -> report.Figures:
    """Orders one at a time: windows without and with a worker at work."""
    for_s, rounds, candles = (0.8, 1, 2_000) if short else (10.0, 4, 100_000)
    _candles(folder / "candles" / "BTC_USDT_5m.csv", candles)
    room = LabRoom(folder / "lab", folder / "candles", studies=folder / "studies.db")
    room.start()
    quiet_ns: list[float] = []
    beside_ns: list[float] = []
    done = 0
    try:
        with live(folder, _MARKETS) as engine:
            _until_read(room)
            orders(engine, 0.5)
            for _ in range(rounds):
                quiet_ns += orders(engine, for_s)
                with _at_work(room) as runs:
                    beside_ns += orders(engine, for_s)
                done += len(runs)
    finally:
        room.stop()
    quiet, beside = report.spread(quiet_ns), report.spread(beside_ns)
    return {
        "candles": candles,
        "runs": done,
        "quiet": quiet,
        "beside": beside,
        "p50_more_us": round(beside["p50_us"] - quiet["p50_us"], 1),
        "p99_more_us": round(beside["p99_us"] - quiet["p99_us"], 1),
    }


@contextmanager
def _at_work(room: LabRoom) -> Iterator[list[str]]:
    """A run is always under way; which were begun."""
    begun: list[str] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            if not begun or room.run(begun[-1])["run"]["status"] not in ("queued", "running"):
                begun.append(room.begin(replace(_WISH))["id"])
            room.runs()
            over.wait(_ASKED_EVERY_S)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield begun
    finally:
        over.set()
        thread.join()
        room.cancel(begun[-1])


def _until_read(room: LabRoom) -> None:
    waiting = threading.Event()
    while room.data()["reading"]:
        waiting.wait(0.05)


def _candles(file: Path, count: int) -> None:
    """A price that walks."""
    file.parent.mkdir()
    walk, price = random.Random(7), Decimal(30_000)
    with file.open("w") as stream:
        stream.write("timestamp,open,high,low,close\n")
        for at in range(count):
            close = max(Decimal(1_000), price + walk.randint(-60, 60))
            stream.write(
                f"{1_600_000_200_000 + at * _FIVE_MINUTES_MS},{price},{max(price, close)},{min(price, close)},{close}\n"
            )
            price = close


if __name__ == "__main__":
    sys.exit(report.main("lab_beside", measure))
