"""One slow order delays neither another market nor a person; a stop waits for what is in flight."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active
from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import slow
from tests.engine import BINDING, Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed

RULES = table_for(("ETH", "BTC"))


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(RULES, {"USDT": 1000}) as sim:
        for rules, price in zip(RULES, ("2500", "60000"), strict=True):
            sim.feed(a_price(rules.market, Decimal(price), rules.tick))
        yield sim


def an_engine(sim: Simulator, folder: Path) -> Engine:
    exchange = a_gate_exchange(sim)
    return Engine(
        exchange,
        sim.feed,
        [one.market for one in RULES],
        folder,
        account_feed=an_account_feed(sim, exchange),
        config=TraderConfig(loop_interval_s=0.05),
    )


def test_while_one_order_hangs_another_market_trades_and_switches_answer(sim: Simulator, tmp_path: Path) -> None:
    """ETH waits three and a half seconds for its answer; BTC buys, and ETH's own switch is set, long before that."""
    with an_engine(sim, tmp_path) as engine:
        sim.faults.add(slow(3.5))
        engine.price("ETH", "2500")
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "ETH's order is out", lambda: engine.slot("ETH").state.order is not None)
        engine.desk.switch("BTC", "on", "test")
        engine.until_price("BTC", "60000", "BTC bought", lambda: engine.state("BTC") == "ACTIVE")
        engine.desk.switch("ETH", "sell_only", "test")
        engine.price("ETH", "2500")  # on a crowded machine the one before is old by now
        with pytest.raises(CommandRefused, match="waits for start 0"):
            engine.desk.quick_buy("ETH", Decimal(10), "test")
        assert engine.slot("ETH").state.order is not None, "all of that happened while ETH's order was out"
        engine.until_price("ETH", "2500", "ETH bought in the end", lambda: engine.state("ETH") == "ACTIVE")
        assert engine.slot("ETH").state.switch.value == "sell_only", "the switch set meanwhile stands"


def test_a_stop_waits_for_the_order_in_flight_and_writes_it_down(sim: Simulator, tmp_path: Path) -> None:
    """Stopped a moment after the order left: its fill is in the journal when the program ends."""
    with an_engine(sim, tmp_path) as engine:
        sim.faults.add(slow(1))
        engine.price("ETH", "2500")
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "the order is out", lambda: bool(sim.account().trades))
        assert engine.slot("ETH").state.order is not None
        engine.trader.stop()
    with an_engine(sim, tmp_path) as again:
        cycle = again.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        assert cycle.held == sim.account().total("ETH")
        assert again.slot("ETH").state.order is None, "nothing was left to find out"


def test_paused_by_the_api_it_decides_nothing_and_goes_on_when_started(sim: Simulator, tmp_path: Path) -> None:
    """POST stop / start: prices go on, decisions do not."""
    with an_engine(sim, tmp_path) as engine:
        engine.desk.stop("test")
        assert not engine.trader.running
        engine.desk.switch("ETH", "on", "test")
        for _ in range(20):
            engine.price("ETH", "2500")
            time.sleep(0.005)
        assert engine.state("ETH") == "IDLE"
        engine.desk.start("test")
        engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")


def test_a7_a_database_of_another_account_is_refused(sim: Simulator, tmp_path: Path) -> None:
    """A paper database never opens live; one account's never opens for another."""
    from dataclasses import replace

    from autotrader_v2.application.ports import JournalRefused
    from autotrader_v2.infrastructure.store import SqlJournal

    with an_engine(sim, tmp_path):
        pass
    for other in (replace(BINDING, mode="live"), replace(BINDING, account="other"), replace(BINDING, host="elsewhere")):
        journal = SqlJournal(tmp_path / "journal.sqlite3", other, account=other.account)
        with pytest.raises(JournalRefused):
            journal.load()
        journal.close()


def test_an_intent_that_was_slow_to_become_durable_is_not_sent(sim: Simulator, tmp_path: Path) -> None:
    """The price it was decided on may be gone; it is closed as not sent and decided again later."""
    exchange = a_gate_exchange(sim)
    config = TraderConfig(loop_interval_s=0.05)
    markets = [one.market for one in RULES]
    with Engine(exchange, sim.feed, markets, tmp_path, config=config, slow_commit_ms=-1) as engine:
        engine.price("ETH", "2500")
        engine.desk.switch("ETH", "on", "test")

        def closed() -> list[str]:
            return [row["label"] for row in engine.desk.orders("ETH", 10) if row["outcome"] == "not_sent"]

        engine.until_price("ETH", "2500", "it was not sent", lambda: bool(closed()))
        assert set(closed()) == {"slow_journal"}
        engine.desk.switch("ETH", "off", "test")
        engine.until("nothing is out", lambda: engine.slot("ETH").state.order is None)
        assert not sim.account().orders
        assert engine.floor.wallet.free() == 1000
