"""A paper account begun anew holds what it began with, now and after a restart; books and account agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.paper_reset import PaperReset, started_with
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.matching.markets import table_for
from tests.engine import BINDING, Engine

RULES = table_for(("ETH", "BTC"))
START = {"USDT": Decimal(1000)}
QUICK = TraderConfig(loop_interval_s=0.02, reconcile_s=0.3, reconcile_confirm_s=0.2, balance_retry_s=0.1)


@contextmanager
def a_life(folder: Path) -> Iterator[tuple[Engine, PaperExchange, PaperReset]]:
    """An engine on the balances that the program would work out at a start."""
    journal = SqlJournal(folder / "journal.sqlite3", BINDING, account=BINDING.account)
    state = journal.load()
    balances = journal.balances(started_with(START, state.settings))
    journal.close()
    paper = PaperExchange(RULES, balances, clock=SystemClock())
    with Engine(paper, paper.feed, [one.market for one in RULES], folder, account_feed=paper, config=QUICK) as engine:
        yield engine, paper, PaperReset(engine.floor, paper.restore, START)


def buys(engine: Engine) -> None:
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "a start", lambda: engine.state("ETH") == "ACTIVE")
    engine.desk.switch("ETH", "off", "test")


def test_the_starting_money_is_back_and_nothing_is_missed(tmp_path: Path) -> None:
    with a_life(tmp_path) as (engine, paper, anew):
        buys(engine)
        assert paper.books()["USDT"] < 1000
        anew.reset("test")
        assert paper.books() == START
        assert engine.state("ETH") == "IDLE"
        engine.until("a comparison", lambda: engine.desk.reconcile_now() is not None)
        assert engine.desk.coin("ETH")["paused"] is None
        buys(engine)
        held = paper.books()
    with a_life(tmp_path) as (engine, paper, _):
        assert paper.books() == held
        assert engine.state("ETH") == "ACTIVE"


def test_a_second_reset_counts_from_the_beginning(tmp_path: Path) -> None:
    with a_life(tmp_path) as (engine, _, anew):
        buys(engine)
        anew.reset("test")
        buys(engine)
        anew.reset("test")
    with a_life(tmp_path) as (engine, paper, _):
        assert paper.books() == START
        assert engine.state("ETH") == "IDLE"
        assert len(engine.desk.orders("ETH", 10)) == 2, "the history stays"


def test_while_an_order_is_out_nothing_is_reset(tmp_path: Path) -> None:
    with a_life(tmp_path) as (engine, paper, anew):
        buys(engine)
        held = paper.books()
        slot = engine.slot("BTC")
        assert slot.claim("a command", 1)
        with pytest.raises(CommandRefused, match="waits for a command"):
            anew.reset("test")
        assert paper.books() == held
        assert engine.slot("ETH").state.order is None
        slot.release()
