"""A start with a million rows in the journal: process start -> the page shows the true state. Aim: at most 2 s.

The journal is what years of trading leave: 50 coins, cycles of three buys and a sale, one cycle of each coin open; it
is written by the journal itself, many orders at a time. Each start follows a kill. `state_s`: the API tells every open
cycle; `running_s`: it also trades again (prices are made up). `load_s` is the journal alone, `check_s` the daily check
of everything, which runs in the background. `empty_state_s`: a start in an empty folder, one after each of the others.
"""

import os
import secrets
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from autotrader_v2.application.events import AttemptClosed, CycleChanged, FillsBooked, Intended, Outcome, Record
from autotrader_v2.application.ports import Binding
from autotrader_v2.domain.cycle import BuyBooked, CycleEvent, Idle, SaleBooked, TradingCycle, apply
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.infrastructure.store.backups import copy_database
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.matching.markets import rules_for
from benchmarks import report
from benchmarks.trading_again import Run

_AIM_S = 2.0
BINDING = Binding("paper", "synthetic", "paper", "synthetic")
_PARAMS = LadderParams(steps=4)
COINS = (
    *(
        "BTC",
        "ETH",
        "SOL",
        "XRP",
        "DOGE",
        "ADA",
        "LTC",
        "TRX",
        "DOT",
        "LINK",
        "AVAX",
        "NEAR",
        "ATOM",
        "UNI",
        "XLM",
        "ETC",
    ),
    *(f"C{number}" for number in range(34)),
)
# Of each order intent, attempt, trade and event, and the snapshot of the closed cycle.
_ROWS_OF_A_CYCLE = 17
FIRST_MS = 1_735_700_000_000


def measure(folder: Path, short: bool) -> report.Figures:
    """Build once, then starts after kills."""
    wanted, starts = (20_000, 1) if short else (1_000_000, 5)
    database = folder / "paper-synthetic.sqlite3"
    rows, open_cycles = build(database, wanted)
    began_s = time.perf_counter()
    journal = SqlJournal(database, BINDING, account="paper")
    journal.load()
    load_s = time.perf_counter() - began_s
    journal.close()
    began_s = time.perf_counter()
    copy_database(database, folder / "copy.sqlite3")
    copy_s = time.perf_counter() - began_s
    began_s = time.perf_counter()
    problems = problems_of(folder / "copy.sqlite3", "paper", full=True)
    check_s = time.perf_counter() - began_s
    if problems:
        raise AssertionError(f"the journal that was built is not whole: {problems}")
    environment = {
        **os.environ,
        "MTRADE_ENV_FILE": "",
        "FEED": "synthetic",
        "PAPER_BALANCE": "USDT=1000000000",
        "API_TOKEN": secrets.token_hex(16),
        "AVAILABLE_SYMBOLS": ",".join(COINS[:16]),
        "DATA_DIR": str(folder),
        "BACKUP_EVERY_S": "0",
    }
    took, empty = [], []
    for number in range(starts):
        took.append(_start(environment, min(open_cycles, 16)))
        nothing = folder / f"empty-{number}"
        empty.append(_start({**environment, "DATA_DIR": str(nothing)}, 0))
    return {
        "aim_s": _AIM_S,
        "rows": rows,
        "megabytes": database.stat().st_size >> 20,
        "open_cycles": open_cycles,
        "starts": starts,
        "ready_s": _middle(one[0] for one in took),
        "state_s": _middle(one[1] for one in took),
        "state_slowest_s": round(max(one[1] for one in took), 2),
        "running_s": _middle(one[2] for one in took),
        "empty_state_s": _middle(one[1] for one in empty),
        "load_s": round(load_s, 2),
        "copy_s": round(copy_s, 2),
        "check_s": round(check_s, 1),
    }


def _middle(times: Iterator[float]) -> float:
    return round(statistics.median(times), 2)


def _start(environment: dict[str, str], cycles: int) -> tuple[float, float, float]:
    """(seconds until READY, until every open cycle is shown, until it trades); killed afterwards."""
    began_s = time.perf_counter()
    run = Run(environment)
    try:
        ready_s = time.perf_counter() - began_s
        run.until(lambda: sum(coin["state"] == "ACTIVE" for coin in run.overview().get("coins", ())) >= cycles)
        state_s = time.perf_counter() - began_s
        run.until(lambda: run.overview()["running"])
        return ready_s, state_s, time.perf_counter() - began_s
    finally:
        run.kill()


def build(database: Path, wanted: int) -> tuple[int, int]:
    """Returns (rows, open cycles)."""
    journal = SqlJournal(database, BINDING, account="paper")
    instance = journal.load().instance
    cycles: dict[Market, TradingCycle] = {}
    batch: list[Record] = []
    number = 0
    turns = max(1, wanted // (len(COINS) * _ROWS_OF_A_CYCLE) + 1)
    for turn in range(turns + 1):
        for place, base in enumerate(COINS):
            market = Market("gate", base, "USDT")
            cycle = cycles.get(market, Idle(market=market))
            at_ms = FIRST_MS + (turn * len(COINS) + place) * 60_000
            sides = [Side.BUY] * 3 + ([Side.SELL] if turn < turns else [])
            for step, side in enumerate(sides):
                number += 1
                intended, booked, cycle = _order(instance, number, cycle, side, step, at_ms + step * 10_000)
                batch += [intended, *booked]
            cycles[market] = cycle
        journal.write(*batch)
        batch.clear()
    journal.close()
    with closing(sqlite3.connect(database)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names)
        connection.execute("UPDATE meta SET value = '1000000' WHERE name = 'next_number'")
        connection.commit()
    return rows, len(cycles)


def _order(
    instance: str, number: int, cycle: TradingCycle, side: Side, step: int, at_ms: int
) -> tuple[Record, tuple[Record, ...], TradingCycle]:
    """The two writes of an order and the cycle it leads to."""
    market = cycle.market
    rules = replace(rules_for("BTC"), market=market)
    price = Decimal(60_000 - 500 * step) if side is Side.BUY else Decimal(61_000)
    cycle_id = cycle.tally.last_cycle_id + 1 if isinstance(cycle, Idle) else cycle.cycle_id
    coins = Decimal("0.01") if side is Side.BUY or isinstance(cycle, Idle) else cycle.held
    why = Why.TAKE_PROFIT if side is Side.SELL else Why.REBUY if step else Why.START
    intent = OrderIntent(
        client_id=str(ClientId(instance, number, 1)),
        market=market,
        side=side,
        type=OrderType.MARKET,
        amount=coins * price if side is Side.BUY else coins,
        why=why,
        cycle_id=cycle_id,
        step=step if side is Side.BUY else None,
        worst_price=price,
        seen_price=price,
        decided_ms=at_ms,
        max_cost=coins * price,
        expires_ms=at_ms + 3000,
    )
    fill = Fill(
        trade_id=str(number),
        order_id=str(number),
        client_id=intent.client_id,
        market=market,
        side=side,
        base=coins,
        quote=coins * price,
        fee=coins * rules.fee if side is Side.BUY else coins * price * rules.fee,
        fee_currency=market.base if side is Side.BUY else market.quote,
        time_ms=at_ms + 300,
    )
    event: CycleEvent
    if side is Side.BUY:
        event = BuyBooked(
            client_id=intent.client_id,
            cycle_id=cycle_id,
            why=why,
            step=step,
            seen_price=price,
            fills=(fill,),
            params=_PARAMS,
            rules=rules,
        )
    else:
        event = SaleBooked(client_id=intent.client_id, cycle_id=cycle_id, why=why, fills=(fill,))
    after = apply(cycle, event)
    return (
        Intended(intent),
        (
            FillsBooked(intent.client_id, (fill,)),
            AttemptClosed(
                client_id=intent.client_id, outcome=Outcome.FILLED, time_ms=at_ms + 400, order_id=str(number)
            ),
            CycleChanged(market=market, event=event, after=after, time_ms=at_ms + 400),
        ),
        after,
    )


if __name__ == "__main__":
    sys.exit(report.main("start_with_journal", measure, limit_s=400.0))
