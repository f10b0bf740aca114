"""The averaging of other backtesters beside ours, in one run: full rules here, their bare rule there.

`MTRADE_PEERS` names a folder of virtual environments of their own, made by whoever measures (`vectorbt`, with pyarrow;
`nautilus`: nautilus_trader, pandas, pyarrow); the scripts are those of ../shared/bench_peers. A peer that is not there
is told as missing. Each must make the known trades. Processor time counts on both sides.
"""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from autotrader_v2.backtest.summary import summarise
from autotrader_v2.domain.ladder import LadderParams
from benchmarks import backtest_speed, report

_SCRIPTS = Path(__file__).resolve().parents[2] / "shared" / "bench_peers"
_PEERS = {"vectorbt": ("bench_vectorbt.py", 500), "nautilus": ("bench_nautilus.py", 2000)}
_KNOWN = {100_000: (369, 147), 1_000_000: (2_787, 1_189)}
_PEER_LIMIT_S = 900


def measure(folder: Path, short: bool) -> report.Figures:
    """Ours, then whichever peers are there, over the same random walk."""
    count = 100_000 if short else 1_000_000
    prices = backtest_speed.series("rw", count)
    bare = backtest_speed.bare_rule("rw", count)
    _check("the bare rule", count, bare["buys"], bare["sales"])
    market = backtest_speed.market_of(prices)
    ours = backtest_speed.rate(count, lambda: summarise([market], LadderParams(), Decimal(100_000)))
    figures: report.Figures = {"candles": count, "ours_m_candles_per_s": ours, "bare_rule": bare}
    home = os.environ.get("MTRADE_PEERS", "")
    for name, (script, aim) in _PEERS.items():
        python = Path(home) / name / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        if not home or not python.exists():
            figures[name] = "not there"
            continue
        if not (folder / "rw.feather").exists():
            _run(python, "gen.py", folder)
        told = json.loads(_run(python, script, folder, str(count), "rw", "1").splitlines()[-1])
        _check(name, count, told["buys"], told["trades"])
        theirs = count / told["cpu_s"]
        figures[name] = {"candles_per_s": round(theirs), "times_as_fast": round(ours * 1e6 / theirs), "aim_times": aim}
    return figures


def _check(name: str, count: int, buys: int, sales: int) -> None:
    if (buys, sales) != _KNOWN[count]:
        raise AssertionError(f"{name} made {buys} buys and {sales} sales, not {_KNOWN[count]}")


def _run(python: Path, script: str, folder: Path, *words: str) -> str:
    done = subprocess.run(
        [str(python), str(_SCRIPTS / script), *words],
        env={**os.environ, "PERF_DIR": str(folder), "PYTHONPATH": str(_SCRIPTS)},
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=_PEER_LIMIT_S,
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(report.main("backtest_peers", measure, limit_s=2400.0))
