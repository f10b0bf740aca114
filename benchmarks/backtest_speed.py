"""Backtests: candles per second of the compiled rules and of the engine itself, growth of cost, time to a first result.

Data: the series of the comparison with other engines as one-minute candles of BTC: `rw` a random walk, `mr` a price
that reverts, so that the ladder keeps trading. Beside ours the bare rule of that comparison as a loop of numba, with
its known counts of trades. The engine itself also over a recorded coin that trades at every sixth candle, and over five
coins on one balance that some of them wait for most of the time, where the shared candles are. Processor time of one
thread, as what else runs on the machine must not count; a cold start also by the wall.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from autotrader_v2.app.backtest_data import PaperOutside, open_tapes
from autotrader_v2.backtest.compiled import prepare, run_compiled
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.prepared import Prepared, rows_of
from autotrader_v2.backtest.summary import summarise
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.feeds.candle_rows import Candle, TickColumns, rows_in_ticks
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulation.silence import quiet
from benchmarks import report

_ROOT = Path(__file__).resolve().parents[1]
_CANDLES = _ROOT.parent / "shared" / "data" / "candles"
_DENSE = [_CANDLES / "binance_SHIB_USDT_5m_20210902_20211207.parquet"]
_SHARED = [
    _CANDLES / f"binance_{coin}_USDT_5m_20220101_20220804.parquet" for coin in ("ADA", "BTC", "ETH", "SOL", "XRP")
]
_RULES = rules_for("BTC", price=Decimal(30000))
_BUDGET, _SMALL_BUDGET = Decimal(100_000), Decimal(1_000)
BEGIN_MS, MINUTE_MS = 1_672_531_200_000, 60_000
_SEED = 7
_Rows, _Line = NDArray[np.int64], NDArray[np.float64]
TICKS_PER_ONE = 10


def measure(folder: Path, short: bool) -> report.Figures:
    """Warm figures of this process, then a fresh one."""
    quiet()
    largest = 100_000 if short else 10_000_000
    prices_of = {kind: series(kind, min(largest, 1_000_000)) for kind in ("rw", "mr")}
    candles = min(largest, 1_000_000)
    figures: report.Figures = {"aim_m_candles_per_s": 150, "candles": candles}
    for kind, prices in prices_of.items():
        market = market_of(prices)
        figures[kind] = {
            "trades": len(run_compiled([market], LadderParams(), _BUDGET).trades),
            "run_m_candles_per_s": rate(candles, lambda market=market: run_compiled([market], LadderParams(), _BUDGET)),
            "summary_m_candles_per_s": rate(
                candles, lambda market=market: summarise([market], LadderParams(), _BUDGET)
            ),
            "bare_rule": bare_rule(kind, candles),
        }
    figures["ms_by_candles"] = _ms_by_candles(largest)
    market = market_of(prices_of["mr"])
    figures["ms_by_ladders"] = {
        str(count): _ms(lambda count=count: _ladders(market, count), rounds=1)
        for count in (1, 10, 100)[: 2 if short else 3]
    }
    figures["exact_candles_per_s"] = _exact(prices_of["mr"], 2_000 if short else 60_000)
    for name, files, budget in (("exact_dense", _DENSE, _BUDGET), ("exact_waiting", _SHARED, _SMALL_BUDGET)):
        there = all(file.exists() for file in files)
        figures[name] = _exact_recorded(files, budget, 1 if short else 5) if there else "skipped: no shared candles"
    figures["cold_start_s"] = _cold(folder, prices_of["mr"])
    return figures


def cold_start(path: str) -> None:
    """What a fresh process does for its first figure: load the arrays, then run."""
    market = market_of(np.load(path))
    summarise([market], LadderParams(), _BUDGET)


def series(kind: str, count: int) -> _Rows:
    """Open, high, low and close in ticks. The same draws as the generator of the comparison, in coarser ticks."""
    close, draw = _drawn(kind, count)
    opened = np.concatenate(([30000.0], close[:-1]))
    wicks = np.abs(draw.normal(0, 0.0003, (2, max(count, 1_000_000))))[:, :count]
    high, low = np.maximum(opened, close) * (1 + wicks[0]), np.minimum(opened, close) * (1 - wicks[1])
    return np.rint(np.stack((opened, high, low, close), 1) * TICKS_PER_ONE).astype(np.int64)


def _drawn(kind: str, count: int) -> tuple[_Line, np.random.Generator]:
    draw = np.random.default_rng(_SEED)
    shocks = draw.normal(0, 0.001, max(count, 1_000_000))
    levels = np.cumsum(shocks) if kind == "rw" else _reverting(shocks)
    return np.round(30000 * np.exp(levels), 2)[:count], draw


@numba.njit(cache=False)
def _reverting(shocks):  # type: ignore[no-untyped-def]
    levels, level = np.empty_like(shocks), 0.0
    for at, shock in enumerate(shocks):
        level = level * (1 - 1e-4) + shock
        levels[at] = level
    return levels


def market_of(prices: _Rows) -> Prepared:
    """Rows of open, high, low and close in ticks as minutes of BTC."""
    open_ms = np.arange(len(prices), dtype=np.int64) * MINUTE_MS + BEGIN_MS
    return Prepared(
        market=_RULES.market,
        rules=_RULES,
        spread_ppm=20,
        points=12,
        text=f"0:{_RULES.market.pair}:",
        rows=rows_of(open_ms, np.full_like(open_ms, MINUTE_MS), *prices.T),
    )


def _ms_by_candles(largest: int) -> dict[str, float]:
    """What so many candles cost: the same `largest` ones, none twice, in runs of that length, over the number of runs.

    One short series played again and again would stay in the processor's cache, and its turns be foreseen.
    """
    market = market_of(series("mr", largest))
    found = {}
    for count in (10_000, 100_000, 1_000_000, 10_000_000):
        if count > largest:
            continue
        begins_ms = [BEGIN_MS + begin * MINUTE_MS for begin in range(0, largest, count)]

        def run(count: int = count, begins_ms: list[int] = begins_ms) -> None:
            for begin_ms in begins_ms:
                summarise([market], LadderParams(), _BUDGET, from_ms=begin_ms, to_ms=begin_ms + count * MINUTE_MS)

        found[str(count)] = round(_ms(run, rounds=5) / len(begins_ms), 3)
    return found


def _ladders(market: Prepared, count: int) -> None:
    for number in range(count):
        summarise([market], LadderParams(drop_step_pct=Decimal(100 + number) / 50), _BUDGET)


@numba.njit(cache=False, nogil=True)
def _bare_rule(close, base, growth, most, fall, gain, fee):  # type: ignore[no-untyped-def]
    """The rule of bench_peers: buy 100, rebuy 1 % lower with 1.5 times as much, sell 0.6 % over breakeven."""
    held = cost = target = trigger = size = 0.0
    step, buys, sales = -1, 0, 0
    for price in close:
        if step < 0:
            size, step = base, 0
        elif price >= target:
            held = cost = 0.0
            step, sales = -1, sales + 1
            continue
        elif price <= trigger:
            step, size = step + 1, size * growth
        else:
            continue
        cost += size * (1 + fee)
        held += size / price
        buys += 1
        trigger = price * (1 - fall) if step < most else -1.0
        target = cost / (held * (1 - fee)) * (1 + gain)
    return buys, sales


def bare_rule(kind: str, count: int) -> report.Figures:
    """The bare rule over the closes of a series: what it trades, and how fast."""
    close = _drawn(kind, count)[0]

    def run() -> tuple[int, int]:
        buys, sales = _bare_rule(close, 100.0, 1.5, 8, 0.010, 0.006, 0.002)
        return int(buys), int(sales)

    buys, sales = run()
    return {"buys": buys, "sales": sales, "m_candles_per_s": rate(count, run)}


def _ms(call: Callable[[], object], *, rounds: int = 7) -> float:
    """The best of many rounds, in milliseconds of this thread's processor time."""
    call()
    found = []
    for _ in range(rounds):
        began_s = time.thread_time()
        call()
        found.append(time.thread_time() - began_s)
    return round(min(found) * 1000, 3)


def rate(candles: int, call: Callable[[], object]) -> float:
    """Million candles per second."""
    return round(candles / 1000 / _ms(call, rounds=15), 1)


class _File:
    """Candles as a file gives them."""

    def __init__(self, prices: _Rows) -> None:
        self._candles = [
            Candle(BEGIN_MS + at * MINUTE_MS, *(Decimal(int(part)) / TICKS_PER_ONE for part in row))
            for at, row in enumerate(prices)
        ]
        self.first_ms, self.last_ms = self._candles[0].open_ms, self._candles[-1].open_ms
        self.interval_ms = MINUTE_MS

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self._candles, tick)


def _exact(prices: _Rows, count: int) -> int:
    """The engine itself; its trades must be those of the compiled rules."""
    file = _File(prices[:count])
    tape = CandleTape([file], Market("gate", "BTC", "USDT"), _RULES.tick)  # type: ignore[list-item]
    began_s = time.process_time()
    exact = run_exact([tape], LadderParams(), _BUDGET, PaperOutside([_RULES], _BUDGET))
    took_s = time.process_time() - began_s
    if exact != run_compiled([market_of(prices[:count])], LadderParams(), _BUDGET):
        raise AssertionError("the two engines differ")
    return round(count / took_s)


def _exact_recorded(files: list[Path], budget: Decimal, rounds: int) -> report.Figures:
    """The engine itself over recorded candles, the best of some rounds; its trades those of the compiled rules."""
    opened = [open_tapes(file) for file in files]
    tapes, rules = [tape for (tape,), _ in opened], [one for _, (one,) in opened]
    compiled = run_compiled([prepare(*one) for one in zip(tapes, rules, strict=True)], LadderParams(), budget)
    took_s = []
    for _ in range(rounds):
        began_s = time.thread_time()
        exact = run_exact(tapes, LadderParams(), budget, PaperOutside(rules, budget))
        took_s.append(time.thread_time() - began_s)
        if exact != compiled:
            raise AssertionError("the two engines differ")
    orders, candles = len(compiled.trades), sum(map(len, tapes))
    return {
        "aim_candles_per_s": 10_000,
        "candles_per_s": round(candles / min(took_s)),
        "candles": candles,
        "orders": orders,
        "us_per_order": round(min(took_s) / orders * 1e6),
    }


def _cold(folder: Path, prices: _Rows) -> report.Figures:
    """A fresh process with compiled code from the run before: wall time and processor time of the faster of two."""
    path = folder / "candles.npy"
    np.save(path, prices)
    program = f"from benchmarks.backtest_speed import cold_start; cold_start({str(path)!r})"
    timed = f"import time; {program}; print(time.perf_counter(), time.process_time())"
    wall, used = [], []
    for _ in range(2):
        began_s = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", timed], cwd=_ROOT, check=True, capture_output=True, text=True)
        wall.append(time.perf_counter() - began_s)
        used.append(float(done.stdout.split()[1]))
    return {"aim": 3.0, "wall": round(min(wall), 2), "processor": round(min(used), 2), "candles": len(prices)}


if __name__ == "__main__":
    sys.exit(report.main("backtest_speed", measure, limit_s=900.0))
