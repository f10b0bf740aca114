"""Price received -> order on the wire: through engine, journal and the real SDK to an exchange in another process.

From just before the price is offered until the order's last byte was handed to the operating system. `rested`: one
order at a time with a pause between, while every other market has a price once a second. `busy`: one order as soon as
the one before it is booked. Aims: p50 at most 1.5 times the sum of the raw parts (rested against rested, busy against
parts back to back), p99 at most 4 ms at 100 markets.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import parts, report
from benchmarks.live import Live, Way, live

_TICKS_A_S = 100
# The account's reads after an order are paced (a hundred at once, ten a second): no faster, or it would measure that.
_BUSY_ORDERS = 80
_REST_S = 0.1
# Our own limit of five orders a second and market is not what is measured.
_ONE_MARKET_REST_S = 0.22


def measure(folder: Path, short: bool) -> report.Figures:
    """The parts, then each number of markets with an exchange and an engine of its own."""
    sizes, for_s = ((1,), 0.6) if short else ((1, 100, 1000), 9.0)
    figures: report.Figures = {"parts": parts.measure(folder, 20 if short else 150)}
    sums = figures["parts"]
    for size in sizes:
        inside = folder / str(size)
        inside.mkdir()
        with live(inside, size) as engine:
            rested = _rested(engine, size // _TICKS_A_S, for_s)
            found = {"rested": _figures(rested, sums, "rested")}
            if size >= _BUSY_ORDERS:
                found["busy"] = _figures(_busy(engine), sums, "back_to_back")
            figures[f"markets_{size}"] = found
    figures["aims"] = {"p50_of_parts": 1.5, "p99_us_at_100": 4000}
    return figures


def _rested(engine: Live, others_a_tick: int, for_s: float) -> list[Way]:
    ways = []
    rest_s = _REST_S if len(engine.markets) > 1 else _ONE_MARKET_REST_S
    ends_s = time.monotonic() + for_s
    while time.monotonic() < ends_s:
        for market in engine.markets:
            engine.breathe(rest_s, others_a_tick)
            while not engine.ready(market):
                engine.breathe(_REST_S / 10, others_a_tick)
            ways.append(engine.trigger(market, others_a_tick))
            if time.monotonic() > ends_s:
                break
    return ways


def _busy(engine: Live) -> list[Way]:
    # Let the reads' allowance fill up again.
    engine.breathe(_BUSY_ORDERS / 10, len(engine.markets) // _TICKS_A_S)
    ready = [market for market in engine.markets if engine.ready(market)]
    return [engine.trigger(market, 0) for market in ready[:_BUSY_ORDERS]]


def _figures(ways: Sequence[Way], sums: report.Figures, like: str) -> report.Figures:
    """`of_parts`: the middle against the parts measured as it was; `of_parts_back_to_back`: against the quickest."""
    whole = report.spread([way.on_wire for way in ways])
    stages = {
        "decided_at_sender": [way.journal_began for way in ways],
        "commit": [way.durable - way.journal_began for way in ways],
        "to_sdk": [way.sdk_began - way.durable for way in ways],
        "sdk": [way.on_wire - way.sdk_began for way in ways],
    }
    spreads = {name: report.spread(values) for name, values in stages.items()}
    return {
        **whole,
        "of_parts": round(whole["p50_us"] / sums[like]["sum_us"], 2),
        "of_parts_back_to_back": round(whole["p50_us"] / sums["back_to_back"]["sum_us"], 2),
        **{f"stages_{key}": {name: spread[key] for name, spread in spreads.items()} for key in ("p50_us", "p99_us")},
    }


if __name__ == "__main__":
    sys.exit(report.main("price_to_wire", measure))
