"""What a durable intent costs beside a bare commit of the same size, alone and a hundred at once.

    python benchmarks/journal_commit.py [--writes 1000] [--dir FOLDER]

Prints one JSON line, times in milliseconds. A bare commit is sqlite3 alone: begin, two inserts, commit, with the
journal's own durability (WAL, synchronous=FULL).
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from autotrader_v2.application.events import (
    AttemptClosed,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
)
from autotrader_v2.application.ports import Binding
from autotrader_v2.domain.cycle import BuyBooked, Idle, apply
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.infrastructure.store import SqlJournal

TOGETHER = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--dir", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.dir, ignore_cleanup_errors=True) as folder:
        print(json.dumps(measure(Path(folder), given.writes)))


def measure(folder: Path, writes: int) -> dict[str, object]:
    """All figures, from one folder of the disk in question."""
    bare = _bare(folder / "bare.sqlite3", writes)
    journal = SqlJournal(
        folder / "journal.sqlite3", Binding("paper", "benchmark", "paper", "synthetic"), account="paper"
    )
    state = journal.load()
    try:
        intended, booked = _one_by_one(journal, state.instance, writes)
        crowd = [_at_once(journal, state.instance, crowd) for crowd in range(10)]
    finally:
        journal.close()
    together = sorted(one for times in crowd for one in times)
    return {
        "benchmark": "journal_commit",
        "bare_commit_ms": _percentiles(bare),
        "intended_ms": _percentiles(intended),
        "booked_ms": _percentiles(booked),
        f"at_once_{TOGETHER}_ms": _percentiles(together),
        "at_once_p99_in_commits": round(_at(together, 0.99) / _at(sorted(bare), 0.5), 1),
    }


def _bare(path: Path, writes: int) -> list[float]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE intents (number INTEGER PRIMARY KEY, text TEXT) STRICT")
        connection.execute("CREATE TABLE attempts (client_id TEXT PRIMARY KEY, text TEXT) STRICT")
        cursor = connection.cursor()

        def commit(number: int) -> None:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("INSERT INTO intents VALUES (?, ?)", (number, "x" * 60))
            cursor.execute("INSERT INTO attempts VALUES (?, ?)", (f"t-aaaa-{number}.1", "x" * 200))
            cursor.execute("COMMIT")

        return [_timed(lambda number=number: commit(number)) for number in range(writes)]


def _one_by_one(journal: SqlJournal, instance: str, writes: int) -> tuple[list[float], list[float]]:
    """An order's two writes: the intent, then fills, ending and cycle together."""
    intended, booked = [], []
    for turn in range(writes):
        intent = _intent(journal, instance, _market(f"A{turn % 50}"), cycle_id=turn)
        fill = _fill(intent)
        event = BuyBooked(
            client_id=intent.client_id,
            cycle_id=turn + 1,
            why=intent.why,
            step=0,
            seen_price=intent.seen_price,
            fills=(fill,),
            params=LadderParams(),
            rules=_rules(intent.market),
        )
        after = apply(Idle(market=intent.market), event)
        intended.append(_timed(lambda intent=intent: journal.write(Intended(intent))))
        records = (
            FillsBooked(intent.client_id, (fill,)),
            AttemptClosed(client_id=intent.client_id, outcome=Outcome.FILLED, time_ms=1),
            CycleChanged(market=intent.market, event=event, after=after, time_ms=1),
        )
        booked.append(_timed(lambda records=records: journal.write(*records)))
    return intended, booked


def _at_once(journal: SqlJournal, instance: str, crowd: int) -> list[float]:
    """As many markets want to send in the same moment; each on its own thread."""
    intents = [_intent(journal, instance, _market(f"C{crowd}N{n}"), cycle_id=1) for n in range(TOGETHER)]
    barrier = threading.Barrier(TOGETHER)
    times: list[float] = []

    def send(intent: OrderIntent) -> None:
        barrier.wait()
        times.append(_timed(lambda: journal.write(Intended(intent))))

    threads = [threading.Thread(target=send, args=(intent,)) for intent in intents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _market(base: str) -> Market:
    return Market("gate", base, "USDT")


def _rules(market: Market) -> MarketRules:
    return MarketRules(market=market, price_precision=2, amount_precision=4, fee=Decimal("0.002"))


def _intent(journal: SqlJournal, instance: str, market: Market, cycle_id: int) -> OrderIntent:
    return OrderIntent(
        client_id=str(ClientId(instance, journal.new_number(), 1)),
        market=market,
        side=Side.BUY,
        type=OrderType.MARKET,
        amount=Decimal("10"),
        why=Why.START,
        cycle_id=cycle_id,
        step=0,
        worst_price=Decimal("2507.5"),
        seen_price=Decimal("2500"),
        decided_ms=1_700_000_000_000,
        max_cost=Decimal("10"),
        expires_ms=1_700_000_003_000,
    )


def _fill(intent: OrderIntent) -> Fill:
    return Fill(
        trade_id=intent.client_id,
        order_id="1",
        client_id=intent.client_id,
        market=intent.market,
        side=Side.BUY,
        base=Decimal("0.004"),
        quote=Decimal("10"),
        fee=Decimal("0.000008"),
        fee_currency=intent.market.base,
        time_ms=1_700_000_001_000,
    )


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {name: round(_at(ordered, share), 3) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))}


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


if __name__ == "__main__":
    main()
