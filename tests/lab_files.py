"""What the Lab's tests play on: candles made up here, and a search that somebody ran."""

import csv
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from autotrader_v2.application.lab import LabWish

BEGIN_MS = 1_700_000_000_000 - 1_700_000_000_000 % 300_000
MINUTES_5 = 300_000
WISH = LabWish(
    name="",
    symbols=("BTC_USDT",),
    interval_ms=MINUTES_5,
    from_ms=0,
    to_ms=None,
    budget="500",
    ladder={"steps": 3, "drop_step_pct": "1", "profit_pct": "0.8"},
)
# What such a worker does that never ends by itself.
WAITS = "tell({'done': 1, 'of': 4})\nsys.stdin.read()\n"


def a_file(folder: Path, name: str, prices: list[float], step_ms: int = MINUTES_5, begin_ms: int = BEGIN_MS) -> Path:
    """Candles that open at one price and close at the next."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["timestamp", "open", "high", "low", "close"])
        for at, (one, other) in enumerate(pairwise(prices)):
            rows.writerow([begin_ms + at * step_ms, one, max(one, other), min(one, other), other])
    return file


def waves(count: int = 400) -> list[float]:
    """Down three percent and up again, over and over."""
    return [round(30_000 * (1 - 0.03 * abs((at % 40) - 20) / 20), 1) for at in range(count)]


def a_study(file: Path, drops: Sequence[str] = ("1", "2")) -> None:
    """Four ladders of two parameters: profit grows with the fall; one of them could not be played.

    Of more `drops` more ladders, which earn less.
    """
    from autotrader_v2.infrastructure.studies import Studies
    from autotrader_v2.search.figures import Figures
    from autotrader_v2.search.trials import Ask, Trial

    home = Studies(f"sqlite:///{file.as_posix()}")
    about = {
        "ranges": {"drop_step_pct": list(drops), "steps": ["3", "4"]},
        "set": {"profit_pct": "0.9"},
        "budget": "500",
        "data": "candles",
    }
    study = home.open("sweep-1", about)
    points = [{"drop_step_pct": drop, "steps": steps} for drop in drops for steps in ("3", "4")]
    study.offer([Ask(at, point) for at, point in enumerate(points)])
    study.claim(len(points), "me")

    def seen(pnl: float, fall: float) -> Figures:
        counts = {"under_water_ms": 1, "cycles_closed": 7, "cycles_open": 0, "ran_dry": 1, "unpaid": 0, "trades": 9}
        return Figures(
            runs=1,
            span_ms=31_557_600_000,
            pnl_pct=pnl,
            worst_pnl_pct=pnl,
            drawdown_pct=fall,
            mean_drawdown_pct=fall,
            capital_max=80.0,
            hold_pnl_pct=0.0,
            **counts,
        )

    found = [seen(1, 1), seen(2, 3), seen(1.5, 4), *[seen(0.5, 4)] * (len(points) - 4)]
    done = [Trial(number=at, point=points[at], seen=one) for at, one in enumerate(found)]
    study.finish([*done, Trial(number=len(found), point=points[-1], refused="no")])
    home.close()


def a_worker(tmp_path: Path, body: str) -> tuple[str, ...]:
    """A worker that does what `body` says instead of playing candles; it answers `look` as the real one."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, os, sys, time\n"
        "job = json.loads(sys.stdin.readline())\n"
        "tell = lambda told: print(json.dumps(told), flush=True)\n"
        "if job['kind'] == 'look':\n"
        f"    one = dict(first_ms={BEGIN_MS}, last_ms={BEGIN_MS}, interval_ms={MINUTES_5}, candles=1)\n"
        "    tell({'files': {name: one for name in job['files']}})\n"
        "    sys.exit()\n" + body
    )
    return sys.executable, str(script)
