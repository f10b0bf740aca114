"""The dashboard over the real engine and a real journal: its figures and files add up to the last digit."""

import csv
import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest

from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.reports import quarter_up
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import rules_for
from tests.engine import UNLIMITED, Engine, a_price
from web.app import create_app
from web.config import WebConfig

PORT, TOKEN = 8787, "a-made-up-token"
DAY_MS = 86_400_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Two coins that have been through a cycle each, the second twice bought."""
    rules = [rules_for(name) for name in ("ETH", "SOL")]
    paper = PaperExchange(rules, {"USDT": Decimal(1000)}, clock=SystemClock(), seed=7)
    markets = [one.market for one in rules]
    for one, price in zip(rules, ("2500", "150"), strict=True):
        paper.feed(a_price(one.market, Decimal(price), one.tick))
    with Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=UNLIMITED) as made:
        made.trader.switch("ETH", SwitchMode.ON, "test")
        made.trader.switch("SOL", SwitchMode.ON, "test")
        made.until_price("ETH", "2500", "a start buy", lambda: made.state("ETH") == "ACTIVE")
        made.until_price("SOL", "150", "a start buy", lambda: made.state("SOL") == "ACTIVE")
        made.until_price("SOL", "147", "a rebuy", lambda: len(made.slot("SOL").state.cycle.bought) == 2)
        for coin in ("ETH", "SOL"):
            made.trader.switch(coin, SwitchMode.FINISH, "test")
        made.until_price("ETH", "2600", "the sale", lambda: made.state("ETH") == "IDLE")
        made.until_price("SOL", "155", "the sale", lambda: made.state("SOL") == "IDLE")
        yield made


def ask(engine: Engine, path: str, **query: object) -> "object":
    """What the API answers a script."""
    config = WebConfig(port=PORT, api_token=TOKEN, session_secret=b"s" * 32)
    client = create_app(engine.desk, config, port=PORT).flask.test_client()
    return client.get(path, query_string=query, headers={"Authorization": f"Bearer {TOKEN}"})


def test_figures_calendar_and_file_say_the_same_to_the_last_digit(engine: Engine) -> None:
    """Results and fees by period, by day, by coin and as CSV; fills are those of the trades table."""
    now_ms = engine.floor.clock.now_ms()
    midnight = now_ms // DAY_MS * DAY_MS
    starts = {"today_ms": midnight - DAY_MS, "week_ms": midnight - 3 * DAY_MS, "month_ms": 0}
    told = ask(engine, "/api/dashboard", **starts).json  # type: ignore[attr-defined]
    periods = {one["name"]: one for one in told["periods"]}
    whole = periods["all"]
    assert told["complete"] is True
    assert (whole["fills"], whole["cycles"], whole["won"]) == (5, 2, 2)
    assert Decimal(whole["result"]) > 0
    assert Decimal(whole["fees"]) > 0
    assert periods["today"] == {**whole, "name": "today", "since_ms": starts["today_ms"]}
    assert sum((Decimal(coin["result"]) for coin in told["coins"]), ZERO) == Decimal(whole["result"])
    borders = [midnight + number * DAY_MS for number in range(-5, 3)]
    days = ask(engine, "/api/calendar", borders=",".join(map(str, borders))).json["days"]  # type: ignore[attr-defined]
    assert sum((Decimal(day["result"]) for day in days), ZERO) == Decimal(whole["result"])
    file = ask(engine, "/api/fifo.csv")
    rows = list(csv.DictReader(io.StringIO(file.get_data(as_text=True))))  # type: ignore[attr-defined]
    assert sum((Decimal(row["result"] or 0) for row in rows), ZERO) == Decimal(whole["result"])
    assert sum((Decimal(row["fee_quote"]) for row in rows), ZERO) == Decimal(whole["fees"])
    trades = ask(engine, "/api/trades.csv").get_data(as_text=True)  # type: ignore[attr-defined]
    ids = {row["trade_id"] for row in csv.DictReader(io.StringIO(trades))}
    assert ids == {row["trade_id"] for row in rows}
    sol = ask(engine, "/api/fifo.csv", symbol="SOL/USDT", since_ms=quarter_up(midnight - DAY_MS))
    of_sol = csv.DictReader(io.StringIO(sol.get_data(as_text=True)))  # type: ignore[attr-defined]
    coin = next(one for one in told["coins"] if one["currency"] == "SOL")
    assert sum((Decimal(row["result"] or 0) for row in of_sol), ZERO) == Decimal(coin["result"])
    nothing = ask(engine, "/api/fifo.csv", until_ms=midnight - 5 * DAY_MS)
    assert nothing.get_data(as_text=True).count("\r\n") == 1  # type: ignore[attr-defined]


def test_without_dust_first_in_first_out_and_average_cost_earn_the_same_in_all(engine: Engine) -> None:
    """What one has over the other is what dust cost: both add up to the money that came."""
    told = engine.desk.reports.dashboard(0, 0, 0)
    for coin in told["coins"]:
        slot = engine.slot(coin["currency"])
        dust = slot.state.cycle.tally.dust
        lots = engine.trader.bookkeeper.results.of_coins([], {})[slot.market].lots
        assert lots.coins == dust.coins
        assert Decimal(coin["result"]) - lots.cost == Decimal(coin["average_result"]) - dust.cost


def test_equity_is_sampled_at_the_start_and_the_newest_point_is_now(engine: Engine) -> None:
    """Equity is money and positions; it began at what the account had."""
    engine.until("the first sample", lambda: bool(engine.journal.archive.equity()))
    told = ask(engine, "/api/equity").json  # type: ignore[attr-defined]
    assert Decimal(told["start"]) == Decimal(1000)
    newest = told["points"][-1]
    assert Decimal(newest["equity"]) == Decimal(engine.desk.overview()["money"]["equity"])
    assert Decimal(newest["earned"]) > 1000
    assert engine.desk.reports.dashboard(0, 0, 0)["drawdown"]["now_pct"] is not None


def test_equity_is_not_guessed_while_a_price_is_missing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample is taken rather than a wrong one."""
    engine.trader.switch("ETH", SwitchMode.ON, "test")
    engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")
    engine.until("a sample at rest", engine.trader.bookkeeper.look)
    monkeypatch.setattr(engine.floor.board, "newest", lambda _market: None)
    assert not engine.trader.bookkeeper.look()


def test_equity_is_not_sampled_while_money_is_on_its_way(engine: Engine) -> None:
    """What a buy has paid for, and what is set aside for it, would be counted together."""
    keeper, wallet, market = engine.trader.bookkeeper, engine.floor.wallet, engine.slot("ETH").market
    engine.until("a sample at rest", keeper.look)
    wallet.order_out("t-test-1.1", market, Decimal(100))
    assert not keeper.look()
    wallet.never_sent("t-test-1.1", market)
    engine.until("a sample at rest", keeper.look)
    archive = engine.journal.archive
    engine.until("it is written", lambda: archive.equity()[-1][1].equity == wallet.funds().owned)


def test_a_journal_that_cannot_be_read_makes_the_books_wait(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line goes on and tries again; nobody is told of a defect, trading is not touched."""
    keeper, asked = engine.trader.bookkeeper, threading.Event()

    def unreadable(*_: object) -> NoReturn:
        asked.set()
        raise JournalUnavailable("The disk does not answer.", do="Wait.")

    stopping = threading.Event()
    monkeypatch.setattr(engine.journal.archive, "fills_after", unreadable)
    keeper._walked = False
    line = threading.Thread(target=keeper.run, args=(stopping,))
    line.start()
    assert asked.wait(10)
    assert line.is_alive()
    stopping.set()
    keeper.stop()
    line.join(10)
    assert not line.is_alive()
    assert not any(alert.code == "line_failed" for alert in engine.told)
