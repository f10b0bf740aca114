"""A search's rate on one process and on two, what a second one brings, and memory while ladders pass. Aims: 400 million
candles a second on two processes, 1.9 times one of them, memory flat.

One process and two take turns; `scaling` is the median of what the two were faster by in each turn, as a machine that
others use as well is a tenth faster in one minute than in the next. `scaling_of_counting` is that of a job that only
counts: no search can have more.

Memory while ladders pass: what is resident in two workers, and what the rules themselves keep (tracemalloc).

Minutes of a seeded random walk as lively as BTC's; each ladder is played over the seen part of them whole and again in
segments, as a search does. A ladder that trades more costs more, so the trades are told too.
"""

import gc
import os
import random
import sys
import time
import tracemalloc
from array import array
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import NamedTuple

from autotrader_v2.app.sweep_compiled import CompiledMachine
from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.app.sweep_workers import Job, Processes
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.search.drive import Batch
from autotrader_v2.search.samplers import shuffled
from autotrader_v2.search.space import read_space
from autotrader_v2.search.splits import split
from autotrader_v2.search.trials import Ask
from benchmarks import report

_AIM_M_A_S, _AIM_SCALING = 400, 1.9
_BEGIN_MS, _MINUTE_MS = 1_600_000_000_000, 60_000
# Of a minute's price, as BTC moved in 2023.
_MOVE = 0.0005
# As a search hands out work: at most so many ladders at once, and less the less is left, so that all end together.
_BATCH_MAX, _BATCHES_EACH = 256, 2
_ROUNDS = 12
_RANGES = ("drop_step_pct=1:6:0.25", "size_multiplier=1:2:0.1", "profit_pct=0.6:3:0.2")
if sys.platform == "win32":
    _TICKS_A_S = 1  # never used: there is no /proc
else:
    _TICKS_A_S = os.sysconf("SC_CLK_TCK")


class _Round(NamedTuple):
    """All ladders once: by the wall's clock, and by the workers' time on a processor."""

    took_s: float
    processor_s: float
    trades: int


def measure(folder: Path, short: bool) -> report.Figures:
    """Rates of the fastest rounds by the wall's clock, and by the workers' time on a processor."""
    candles, ladders = (20_000, 128) if short else (1_000_000, 2048)
    data = _walk(candles)
    parts = split(data.stretches(), hold_out_pct=25, folds=4, seed=0)
    machine = CompiledMachine(data, Decimal(1000))
    space = read_space(_RANGES, {})
    job = Job(machine, space, parts)
    job([Ask(0, space.point(0))])
    played = 2 * data.candles_in(parts.seen)
    asks = [Ask(number, space.point(shuffled(number, space.size, 1))) for number in range(ladders)]
    pools = {count: Processes(job, count) for count in (1, 2)}
    counting = {count: Processes(_Counting(), count) for count in (1, 2)}  # type: ignore[arg-type]
    rounds: dict[int, list[_Round]] = {1: [], 2: []}
    counted: dict[int, list[_Round]] = {1: [], 2: []}
    try:
        for count, workers in pools.items():
            _work(workers, asks[: 64 * count])
        before_kb = {count: _memory_kb(workers) for count, workers in pools.items()}
        # In turn, so that what else the machine does meets both.
        for _ in range(1 if short else _ROUNDS):
            for count in (1, 2):
                rounds[count].append(_round(pools[count], asks))
                counted[count].append(_round(counting[count], asks))
        after_kb = {count: _memory_kb(workers) for count, workers in pools.items()}
    finally:
        for workers in (*pools.values(), *counting.values()):
            workers.close()
    figures, took_s = report.Figures(), {}
    for count, taken in rounds.items():
        took_s[count] = min(one.took_s for one in taken)
        processor_s = min(one.processor_s for one in taken)
        figures[f"processes_{count}"] = {
            "m_candles_a_s": round(ladders * played / took_s[count] / 1e6, 1),
            "ladders_a_s": round(ladders / took_s[count], 1),
            # What a worker would do with a core of its own, whatever else the machine does meanwhile.
            "m_candles_a_processor_s": round(ladders * played / processor_s / 1e6, 1) if processor_s else None,
            "took_s": [round(one.took_s, 2) for one in taken],
            "memory_mb_begin": before_kb[count] // 1024,
            "memory_mb_end": after_kb[count] // 1024,
        }
        figures["trades_a_ladder"] = round(taken[0].trades / ladders)
    figures |= _memory_by_ladders(10_000 if short else 100_000, (10, 30, 100) if short else (100, 1_000, 10_000))
    return {
        "aim_m_candles_a_s": _AIM_M_A_S,
        "aim_scaling": _AIM_SCALING,
        "candles": candles,
        "candles_a_ladder": played,
        "ladders": ladders,
        "scaling": _scaling(rounds),
        "scaling_of_counting": _scaling(counted),
        "scaling_of_the_fastest": round(took_s[1] / took_s[2], 2),
        **figures,
    }


class _Counting:
    """A job of no memory and no result: what a second process brings on this machine at best."""

    def __call__(self, asks: Sequence[Ask]) -> Batch:
        for _ in asks:
            sum(range(100_000))
        return Batch((), 0.0)


def _scaling(rounds: dict[int, list[_Round]]) -> float:
    """How many times faster two processes were: the middle one of all turns."""
    return round(median(one.took_s / two.took_s for one, two in zip(rounds[1], rounds[2], strict=True)), 2)


def _memory_by_ladders(candles: int, counts: Sequence[int]) -> report.Figures:
    """Resident in two workers after so many ladders, and what one process has taken for them and not given back."""
    data = _walk(candles)
    machine, parts = CompiledMachine(data, Decimal(1000)), split(data.stretches(), hold_out_pct=25, folds=4, seed=0)
    space = read_space([*_RANGES, "steps=4:10:2"], {})
    workers, done = Processes(Job(machine, space, parts), 2), 0
    resident = {}
    try:
        for count in counts:
            numbers = [shuffled(number, space.size, 1) for number in range(done, count)]
            _work(workers, [Ask(number, space.point(number)) for number in numbers])
            done, resident[str(count)] = count, round(_memory_kb(workers) / 1024, 1)
    finally:
        workers.close()
    held, done = {}, 0
    # Code and what is worked out of the candles are there before any ladder.
    machine.figures(space.ladder(space.point(0)), parts.seen[0])
    tracemalloc.start()
    for count in counts:
        for number in range(done, count):
            machine.figures(space.ladder(space.point(shuffled(number, space.size, 1))), parts.seen[0])
        gc.collect()
        done, held[str(count)] = count, round(tracemalloc.get_traced_memory()[0] / 1024)
    tracemalloc.stop()
    return {"memory_candles": candles, "workers_mb_by_ladders": resident, "kernel_kb_by_ladders": held}


def _round(workers: Processes, asks: Sequence[Ask]) -> _Round:
    began_s, began_processor_s = time.perf_counter(), _processor_s(workers)
    batches = _work(workers, asks)
    took_s, processor_s = time.perf_counter() - began_s, _processor_s(workers) - began_processor_s
    trades = sum(trial.seen.trades for batch in batches for trial in batch.trials if trial.seen)
    return _Round(took_s, processor_s, trades)


def _work(workers: Processes, asks: Sequence[Ask]) -> list[Batch]:
    futures, begin = [], 0
    while begin < len(asks):
        share = -(-(len(asks) - begin) // (workers.slots * _BATCHES_EACH))
        batch = asks[begin : begin + min(share, _BATCH_MAX)]
        futures.append(workers.submit(batch))
        begin += len(batch)
    return [future.result() for future in futures]


def _memory_kb(workers: Processes) -> int:
    """Resident in all of them, where the system tells it."""
    total = 0
    for pid in workers.pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except FileNotFoundError:
            return 0
        total += pages * 4
    return total


def _processor_s(workers: Processes) -> float:
    """Time on a processor of all of them, where the system tells it."""
    total = 0.0
    for pid in workers.pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except FileNotFoundError:
            return 0.0
        total += (int(fields[11]) + int(fields[12])) / _TICKS_A_S
    return total


def _walk(candles: int) -> SweepData:
    market, rules = Market("gate", "BTC", "USDT"), rules_for("BTC", price=Decimal(30_000))
    tape = CandleTape([], market, rules.tick)
    rng = random.Random(1)
    price, ticks = 30_000.0, float(1 / rules.tick)
    columns: list[list[int]] = [[], [], [], []]
    for _ in range(candles):
        following = price * (1 + rng.gauss(0, _MOVE))
        high, low = max(price, following) * (1 + abs(rng.gauss(0, _MOVE / 3))), min(price, following)
        for column, value in zip(columns, (price, high, low, following), strict=True):
            column.append(round(value * ticks))
        price = following
    tape.open_ms = array("q", range(_BEGIN_MS, _BEGIN_MS + candles * _MINUTE_MS, _MINUTE_MS))
    tape.interval_ms = array("q", [_MINUTE_MS]) * candles
    tape.opened, tape.high, tape.low, tape.closed = (array("q", column) for column in columns)
    return SweepData([tape], [rules])


if __name__ == "__main__":
    raise SystemExit(report.main("sweep_speed", measure, limit_s=400.0))
