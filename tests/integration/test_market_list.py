"""Coins join and leave while the engine trades; the journal knows, and nothing of theirs is lost."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.app import compose
from autotrader_v2.app.settings import Settings
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Side
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import rules_for, table_for
from autotrader_v2.simulator import Simulator
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed
from tests.integration.test_unknown_orders import QUICK_PROOF

D = Decimal
RULES = table_for(("BTC", "ETH"))
MARKETS = [one.market for one in RULES]
QUICK = TraderConfig(loop_interval_s=0.02, reconcile_s=0.3, reconcile_confirm_s=0.2, balance_retry_s=0.1)
SOL = rules_for("SOL")


@pytest.fixture
def paper() -> PaperExchange:
    return PaperExchange(RULES, {"USDT": D(1000)}, clock=SystemClock())


def an_engine(folder: Path, paper: PaperExchange, markets: list[Market] | None = None) -> Engine:
    return Engine(paper, paper.feed, markets or MARKETS, folder, account_feed=paper, config=QUICK)


@pytest.fixture
def engine(tmp_path: Path, paper: PaperExchange) -> Iterator[Engine]:
    with an_engine(tmp_path, paper) as one:
        yield one


def refused(code: str) -> pytest.RaisesExc[CommandRefused]:
    return pytest.RaisesExc(CommandRefused, check=lambda error: error.code == code)


def start(engine: Engine, coin: str, price: str) -> None:
    engine.desk.switch(coin, "on", "test")
    engine.until_price(coin, price, "a start buy", lambda: engine.state(coin) == "ACTIVE")


def fills(engine: Engine, coin: str) -> int:
    return len(engine.journal.trades(Market("gate", coin, "USDT"), 10))


def test_b3_a_coin_joins_while_the_engine_trades(engine: Engine) -> None:
    """Switched off at first; then it buys as any other, and the others have gone on meanwhile."""
    start(engine, "BTC", "60000")
    assert engine.desk.add_symbol("sol/usdt", "test") == {"symbol": "SOL_USDT"}
    assert engine.desk.coin("SOL")["switch"] == "off"
    engine.until_price("SOL", "140", "a price", lambda: engine.desk.coin("SOL")["hold"]["reason"] == "off")
    start(engine, "SOL", "140")
    assert engine.state("BTC") == "ACTIVE"
    assert [one["symbol"] for one in engine.desk.symbols_list()["symbols"]] == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    with refused("already_listed"):
        engine.desk.add_symbol("SOL", "test")
    with refused("unknown_market"):
        engine.desk.add_symbol("NOSUCHCOIN", "test")


def test_b3_a_coin_without_a_cycle_leaves(engine: Engine) -> None:
    """Its prices are dropped, it is asked for in vain; joining again it is as it was, switched off."""
    start(engine, "ETH", "2500")
    engine.desk.set_params("ETH", {"steps": 3}, "test")
    engine.desk.switch("ETH", "finish", "test")
    engine.until_price("ETH", "2700", "the sale", lambda: engine.state("ETH") == "IDLE")
    slot = engine.slot("ETH")
    engine.until("it is settled", lambda: slot.state.order is None)
    engine.desk.remove_symbol("ETH", "test")
    engine.feed.tell(a_price(slot.market, D(2500), D("0.01")))
    assert engine.floor.board.newest(slot.market) is None
    assert not slot.claim("start", 1), "who still holds the slot can begin nothing"
    with refused("unknown_currency"):
        engine.desk.switch("ETH", "on", "test")
    assert fills(engine, "ETH") == 2, "its history stays"
    assert len(engine.desk.cycle_history("ETH", 10)) == 1
    assert engine.desk.symbols()["available"] == ["BTC_USDT"]
    engine.desk.add_symbol("ETH", "test")
    coin = engine.desk.coin("ETH")
    assert (coin["switch"], coin["completed_cycles"], coin["steps_total"]) == ("off", 1, 3)
    start(engine, "ETH", "2500")
    cycle = engine.slot("ETH").state.cycle
    assert isinstance(cycle, Active)
    assert cycle.cycle_id == 2, "cycles are numbered on"


def test_b3_a_coin_with_an_open_cycle_stays_and_finish_is_offered(engine: Engine) -> None:
    """Nor does one leave whose order is out, nor the primary one; a refusal changes nothing."""
    start(engine, "ETH", "2500")
    with refused("open_cycle"):
        engine.desk.remove_symbol("ETH", "test")
    told = {one["currency"]: one for one in engine.desk.symbols_list()["symbols"]}
    assert (told["ETH"]["kept_by"], told["BTC"]["kept_by"]) == ("open_cycle", "primary")
    assert engine.slot("ETH").state.order is None
    assert engine.desk.coin("ETH")["switch"] == "on"
    with refused("is_primary"):
        engine.desk.remove_symbol("BTC", "test")
    assert engine.slot("BTC").claim("an order", 1)
    engine.desk.set_primary("ETH", "test")
    with refused("order_in_flight"):
        engine.desk.remove_symbol("BTC", "test")
    engine.slot("BTC").release()
    engine.desk.remove_symbol("BTC", "test")
    assert engine.desk.symbols() == {"available": ["ETH_USDT"], "active": ["ETH_USDT"], "primary": "ETH_USDT"}


def test_b3_a_coin_that_never_was_in_the_played_prices_is_refused(tmp_path: Path, paper: PaperExchange) -> None:
    """It would wait for a price for ever; nothing is written."""
    with an_engine(tmp_path, paper) as engine:
        engine.feed.watch = lambda markets: [one for one in markets if one.base == "SOL"]  # type: ignore[method-assign]
        with refused("no_prices"):
            engine.desk.add_symbol("SOL", "test")
        assert SOL.market not in engine.trader.market_list.available


def test_b3_the_list_survives_a_restart(tmp_path: Path) -> None:
    """The settings file does not bring back what was taken off, and does not take away what joined."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        available_symbols="BTC,ETH",  # type: ignore[arg-type]
        active_symbols="ETH",  # type: ignore[arg-type]
        feed="synthetic",
        data_dir=tmp_path,
    )

    def pairs() -> tuple[list[str], str]:
        desk = compose.Desk(
            compose.Binding("paper", "", "", "synthetic"),
            stop=lambda: None,
            available=settings.markets,
            primary=settings.primary_market,
        )
        trader = compose.build(settings, desk, hold=None)
        trader.start()
        assert trader.wait_started(15)
        try:
            told = desk.symbols()
            if "BTC_USDT" in told["available"]:
                desk.set_primary("ETH", "test")
                desk.remove_symbol("BTC", "test")
            return told["available"], told["primary"]
        finally:
            trader.stop()

    assert pairs() == (["BTC_USDT", "ETH_USDT"], "BTC_USDT")
    assert pairs() == (["ETH_USDT"], "ETH_USDT")


def test_b3_set_active_leaves_no_position_alone(engine: Engine) -> None:
    """What is not named goes off; with an open cycle it finishes. An unknown name changes nothing."""
    start(engine, "ETH", "2500")
    with refused("unknown_currency"):
        engine.desk.set_active(["BTC", "SOL"], "test")
    assert engine.desk.coin("BTC")["switch"] == "off"
    told = engine.desk.set_active(["btc-usdt"], "test")
    assert told["active"] == ["BTC_USDT", "ETH_USDT"]
    assert engine.desk.coin("ETH")["switch"] == "finish"
    assert engine.desk.coin("BTC")["switch"] == "on"


def test_b3_status_tells_what_each_worker_does(engine: Engine) -> None:
    """Off, waiting and why, failing; in any spelling."""
    start(engine, "ETH", "2500")
    engine.until_price("ETH", "2500", "it waits", lambda: engine.slot("ETH").state.order is None)
    told = engine.desk.status_all()["markets"]
    assert (told["BTC_USDT"]["worker"], told["ETH_USDT"]["worker"]) == ("off", "waiting")
    assert told["ETH_USDT"]["hold"]["reason"]
    engine.trader.isolation.failed(engine.slot("ETH"), ValueError("a defect"))
    assert engine.desk.status_all("eth")["markets"]["ETH_USDT"]["worker"] == "failing"
    assert D(engine.desk.pnl_today("ETH/USDT")["realised"]) == 0


def test_a_late_trade_of_a_coin_that_left_waits_for_its_return(tmp_path: Path) -> None:
    """More is traded under a label of ours, of a coin that has left: told, kept, booked when it joins again."""
    rules = [rules_for("BTC"), rules_for("ETH")]
    with Simulator(rules, {"USDT": 1000}) as sim:
        for one, price in zip(rules, (60000, 2500), strict=True):
            sim.feed(a_price(one.market, D(price), one.tick))
        exchange = a_gate_exchange(sim)
        markets = [one.market for one in rules]
        feed = an_account_feed(sim, exchange)
        with Engine(exchange, sim.feed, markets, tmp_path, account_feed=feed, config=QUICK_PROOF) as engine:
            start(engine, "ETH", "2500")
            engine.desk.sell_all("ETH", "pause", "test")
            engine.until("it is idle", lambda: engine.state("ETH") == "IDLE" and not engine.slot("ETH").state.order)
            label = next(one["client_id"] for one in engine.desk.orders("ETH", 5) if one["side"] == "buy")
            engine.desk.remove_symbol("ETH", "test")
            sim.trade_by_hand("ETH_USDT", Side.BUY, D(25), text=label)
            engine.until("it is told", lambda: "late_fill_unlisted" in [one.code for one in engine.told])
            before = fills(engine, "ETH")
            engine.desk.add_symbol("ETH", "test")
            engine.until("it is booked", lambda: fills(engine, "ETH") > before)
