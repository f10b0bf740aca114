"""A hundred markets reach their trigger at once: from each one's price to its durable intent.

Through the real SDK to an exchange in another process. Aim: p99 at most 20 times one commit, measured in the same run.
"""

import sys
import time
from pathlib import Path

from autotrader_v2.domain.market import Market
from benchmarks import parts, report
from benchmarks.live import Live, Way, live

_REST_S = 0.02
_PATIENCE_S = 20.0
# The account's reads after an order are paced, a hundred at once and ten a second: until as many are free again.
_BETWEEN_S = 10.0


def measure(folder: Path, short: bool) -> report.Figures:
    """All markets start, later all take their profit, and again."""
    count, rounds = (20, 1) if short else (100, 4)
    commit = {
        "back_to_back": report.spread(parts.commits_ns(folder / "back_to_back.sqlite3", 10 * count // 4, 0.0)),
        "rested": report.spread(parts.commits_ns(folder / "rested.sqlite3", count, _REST_S)),
    }
    durable: list[int] = []
    on_wire: list[int] = []
    with live(folder, count) as engine:
        for number in range(rounds):
            engine.breathe(_BETWEEN_S if number else 0.2, count // 100)
            _until_ready(engine)
            at_once = _at_once(engine)
            durable += at_once[0]
            on_wire += at_once[1]
    found = report.spread(durable)
    return {
        "intents": count,
        "commit": commit,
        "durable": found,
        "on_wire": report.spread(on_wire),
        "p99_of_commit": {name: round(found["p99_us"] / figures["p50_us"], 1) for name, figures in commit.items()},
        "aim_of_commit": 20,
    }


def _at_once(engine: Live) -> tuple[list[int], list[int]]:
    """(durable, on the wire), each after its own price was offered."""
    offered_ns = {market: engine.offer_trigger(market) for market in engine.markets}
    ends_s = time.monotonic() + _PATIENCE_S
    ways: dict[Market, Way] = {}
    while len(ways) < len(offered_ns):
        time.sleep(0.05)
        ways = {market: way for market, at_ns in offered_ns.items() if (way := engine.way(market, at_ns)) is not None}
        if time.monotonic() > ends_s:
            raise AssertionError(f"only {len(ways)} of {len(offered_ns)} orders were sent")
    return [way.durable for way in ways.values()], [way.on_wire for way in ways.values()]


def _until_ready(engine: Live) -> None:
    ends_s = time.monotonic() + _PATIENCE_S
    while waiting := [market for market in engine.markets if not engine.ready(market)]:
        engine.breathe(0.05, len(engine.markets) // 20)
        if time.monotonic() > ends_s:
            raise AssertionError(f"{len(waiting)} markets never became ready")


if __name__ == "__main__":
    sys.exit(report.main("intents_at_once", measure))
