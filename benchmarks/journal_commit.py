"""What a durable intent costs beside a bare commit, alone and a hundred at once, and what opening costs.

Times in milliseconds. A bare commit is sqlite3 alone: begin, two inserts, commit, with the
journal's own durability (WAL, synchronous=FULL). Both are measured warm: the log has its size, as it has a minute after
a start. `open_ms` is a new process: import of the store, open and load, without what the engine imports anyway.
"""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path

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
from benchmarks import report

TOGETHER = 100
WARM_UP = 300
# The journal tidies its log about once a second.
TIDIED_S = 1.3
BINDING = Binding("paper", "benchmark", "paper", "synthetic")
ROOT = Path(__file__).resolve().parents[1]


def measure(folder: Path, short: bool) -> report.Figures:
    """All figures, from one folder of the disk in question."""
    writes = 100 if short else 1000
    bare = _bare(folder / "bare.sqlite3", writes)
    path = folder / "journal.sqlite3"
    journal = SqlJournal(path, BINDING, account="paper")
    instance = journal.load().instance
    try:
        _one_by_one(journal, instance, WARM_UP)
        time.sleep(TIDIED_S)
        intended, booked, asked = _one_by_one(journal, instance, writes)
        together = [time_ms for crowd in range(10) for time_ms in _at_once(journal, instance, crowd)]
    finally:
        journal.close()
    return {
        "bare_commit_ms": _percentiles(bare),
        "intended_ms": _percentiles(intended),
        "booked_ms": _percentiles(booked),
        "fills_of_ms": _percentiles(asked),
        f"at_once_{TOGETHER}_ms": _percentiles(together),
        "at_once_p99_in_intents": round(_at(sorted(together), 0.99) / _at(sorted(intended), 0.5), 1),
        "open_ms": round(min(_open(path) for _ in range(5)), 1),
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

        for number in range(WARM_UP):
            commit(-1 - number)
        connection.execute("PRAGMA wal_checkpoint").fetchall()
        return [_timed(lambda number=number: commit(number)) for number in range(writes)]


def _one_by_one(journal: SqlJournal, instance: str, writes: int) -> tuple[list[float], list[float], list[float]]:
    """An order's two writes and the question between: the intent, what is booked, then fills, ending and cycle."""
    intended, booked, asked = [], [], []
    for turn in range(writes):
        intent = _intent(journal, instance, _market(f"A{turn % 50}"), cycle_id=writes * 10 + turn)
        fill = _fill(intent)
        event = BuyBooked(
            client_id=intent.client_id,
            cycle_id=intent.cycle_id,
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
        asked.append(_timed(lambda intent=intent: journal.fills_of(intent.client_id)))
        booked.append(_timed(lambda records=records: journal.write(*records)))
    return intended, booked, asked


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


def _open(path: Path) -> float:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from autotrader_v2.application.ports import Binding\n"
        "begin = time.perf_counter()\n"
        "from autotrader_v2.infrastructure.store import SqlJournal\n"
        f"SqlJournal(Path(sys.argv[1]), {BINDING!r}, account='paper').load()\n"
        "print((time.perf_counter() - begin) * 1000)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


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
    sys.exit(report.main("journal_commit", measure))
