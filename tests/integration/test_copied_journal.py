"""Two engines with the same journal, one of them a copy, on one account (row P12)."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autotrader_v2.application.halt_ways import PAUSE_WAYS
from autotrader_v2.application.halts import halts_of
from autotrader_v2.domain.orders import LIFE_DIGITS, ClientId, Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed
from tests.integration.test_reconcile import OFTEN, D
from tests.processes import Serving

COINS = {"BTC": "64000", "ETH": "2500"}
RULES = {coin: rules_for(coin) for coin in COINS}
MARKETS = [rules.market for rules in RULES.values()]
# As it runs: a look at the own trades every 20 s while no stream tells them.
WITHIN_S = 30.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = Simulator(list(RULES.values()), {"USDT": 1000}).start()
    for coin, price in COINS.items():
        simulator.feed(a_price(RULES[coin].market, D(price), RULES[coin].tick))
    yield simulator
    simulator.stop()


def an_engine(sim: Simulator, folder: Path, life: str, *, stream: bool = True) -> Engine:
    folder.mkdir(exist_ok=True)
    exchange = a_gate_exchange(sim)
    feed = an_account_feed(sim, a_gate_exchange(sim)) if stream else None
    return Engine(exchange, sim.feed, MARKETS, folder, account_feed=feed, config=OFTEN, life=life)


def codes(engine: Engine) -> list[str]:
    return [alert.code for alert in engine.told]


def buys(engine: Engine, coin: str) -> None:
    engine.desk.switch(coin, "on", "test")
    engine.until_price(coin, COINS[coin], "a buy", lambda: engine.state(coin) == "ACTIVE")


def assert_paused(engine: Engine) -> None:
    engine.until("paused", lambda: engine.floor.account_pause is not None, WITHIN_S)
    pause = engine.floor.account_pause
    assert pause is not None
    assert (pause.cause, pause.sells) == ("second_instance", True)


def assert_stops_buying(engine: Engine) -> None:
    """Paused as for any second instance, told once, with a way out; coins are nobody's matter."""
    assert_paused(engine)
    [halt] = [halt for halt in halts_of(engine.trader) if halt.kind == "account_pause"]
    assert (halt.code, halt.stops, halt.ways) == ("second_instance", "buys", PAUSE_WAYS["second_instance"])
    assert codes(engine).count("second_instance") == 1
    assert not {"order_not_in_journal", "order_doubled"} & set(codes(engine))
    assert all(slot.state.pause is None for slot in engine.trader.get_all_cycles())


def test_p12_a_copied_journal_on_the_same_account_stops_the_buying_of_both(sim: Simulator, tmp_path: Path) -> None:
    """Each stops at the other's first order, a sale too, and its books follow what the other sold."""
    first, second = tmp_path / "first", tmp_path / "second"
    with an_engine(sim, first, "aaaaaa") as engine:
        buys(engine, "ETH")
    shutil.copytree(first, second)
    with an_engine(sim, first, "bbbbbb") as one, an_engine(sim, second, "cccccc") as two:
        assert one.trader._state.instance == two.trader._state.instance, "a copy has the same instance"
        assert one.trader._state.next_number == two.trader._state.next_number, "and counts on from the same number"
        buys(two, "BTC")
        assert_stops_buying(one)
        one.desk.switch("BTC", "on", "test")
        for _ in range(20):
            one.price("BTC", COINS["BTC"])
            time.sleep(0.01)
        assert one.slot("BTC").state.order is None
        one.until_price("ETH", "2600", "a sale", lambda: one.state("ETH") == "IDLE")
        assert_stops_buying(two)
        two.until("its books follow the sale", lambda: two.state("ETH") == "IDLE", WITHIN_S)
        labels = [order.text for order in sim.account().orders]
        assert [(label[-6:], label[:7]) for label in labels] == [
            (life, labels[0][:7]) for life in ("aaaaaa", "cccccc", "bbbbbb")
        ]
        assert [order.side for order in sim.account().orders] == [Side.BUY, Side.BUY, Side.SELL], "nothing twice"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "reads"])
@pytest.mark.parametrize("life", ["-zzzzzz", ""], ids=["a copy", "a copy under an older version"])
def test_p12_our_instance_with_a_life_not_ours_is_a_copy(
    sim: Simulator, tmp_path: Path, stream: bool, life: str
) -> None:
    with an_engine(sim, tmp_path, "bbbbbb", stream=stream) as engine:
        sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text=f"t-{engine.trader._state.instance}-4f.1{life}")
        assert_stops_buying(engine)


def test_p12_what_a_copy_left_resting_is_not_held_against_the_owners_word(sim: Simulator, tmp_path: Path) -> None:
    """Every look at the account sees it; after the owner has said that the other one has ended it stops nothing."""
    with an_engine(sim, tmp_path, "bbbbbb") as engine:
        label = f"t-{engine.trader._state.instance}-4f.1-zzzzzz"
        sim.trade_by_hand("ETH_USDT", Side.BUY, D("0.02"), price=2000, text=label)
        assert_paused(engine)
        engine.desk.resume_cycle(None, "test")
        engine.trader.reconciler.reconcile()
        assert engine.floor.account_pause is None


def test_p12_the_one_that_comes_later_stops_buying_too_until_its_owner_says_that_the_other_has_ended(
    sim: Simulator, tmp_path: Path
) -> None:
    """Another database, as on another machine. A crash, or a restart after that word, asks nobody again."""
    with an_engine(sim, tmp_path / "first", "aaaaaa") as one:
        buys(one, "ETH")
        with an_engine(sim, tmp_path / "second", "bbbbbb") as two:
            assert two.trader._state.instance != one.trader._state.instance
            assert_stops_buying(two)
            two.desk.switch("BTC", "on", "test")
            for _ in range(20):
                two.price("BTC", COINS["BTC"])
                time.sleep(0.01)
            assert [order.side for order in sim.account().orders] == [Side.BUY], "the first one's"
        assert one.floor.account_pause is None, "it saw no order of the other"
    with an_engine(sim, tmp_path / "second", "cccccc") as two:
        assert_paused(two)
        two.desk.resume_cycle(None, "test")
        buys(two, "BTC")
        two.trader.reconciler.reconcile()
        assert two.floor.account_pause is None
    with an_engine(sim, tmp_path / "second", "dddddd") as two:
        two.trader.reconciler.reconcile()
        assert two.floor.account_pause is None, "the owner's word is kept"
        sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text=f"t-{one.trader._state.instance}-4f.1-aaaaaa")
        assert_stops_buying(two)


def test_p12_an_order_of_our_own_earlier_life_is_no_copy(sim: Simulator, tmp_path: Path) -> None:
    """Its trade may come when the next life runs already: the journal knows its label."""
    with an_engine(sim, tmp_path, "aaaaaa") as engine:
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", COINS["ETH"], "a buy", lambda: engine.state("ETH") == "ACTIVE")
    [label] = [order.text for order in sim.account().orders]
    parsed = ClientId.parse(label)
    assert parsed is not None
    assert parsed.life == "aaaaaa"
    with an_engine(sim, tmp_path, "bbbbbb") as engine:
        sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text=label)
        engine.until("it is told", lambda: "order_doubled" in codes(engine), WITHIN_S)
        assert engine.floor.account_pause is None


def test_p10_an_order_from_before_this_life_is_an_older_journal_not_a_copy(sim: Simulator, tmp_path: Path) -> None:
    with an_engine(sim, tmp_path, "aaaaaa") as engine:
        instance = engine.trader._state.instance
    sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text=f"t-{instance}-4f.1-zzzzzz")
    with an_engine(sim, tmp_path, "bbbbbb") as engine:
        engine.until("it is told", lambda: "order_not_in_journal" in codes(engine), WITHIN_S)
        assert engine.floor.account_pause is None


def serving(sim: Simulator, folder: Path, name: str) -> Serving:
    """The program itself; with locks of its own it is on another machine."""
    return Serving(
        *("--mode", "sandbox", "--data-dir", str(folder / name)),
        log=folder / f"{name}.log",
        LOCK_DIR=str(folder / f"{name}-locks"),
        GATE_HOST=sim.url,
        API_KEY="key",
        API_SECRET="secret",
        AVAILABLE_SYMBOLS="BTC,ETH",
    )


def test_p12_a_copied_data_folder_on_another_machine_buys_nothing_twice(sim: Simulator, tmp_path: Path) -> None:
    with serving(sim, tmp_path, "first") as first:
        first.stop()
    shutil.copytree(tmp_path / "first", tmp_path / "second")

    def fresh() -> None:
        for coin, price in COINS.items():
            sim.feed(a_price(RULES[coin].market, D(price), RULES[coin].tick))

    def codes_of(one: Serving) -> set[str]:
        fresh()
        return {halt["code"] for halt in one.get("/api/halts")["halts"]}

    with serving(sim, tmp_path, "first") as first, serving(sim, tmp_path, "second") as second:
        first.post("/api/autotrader/switch", base_currency="ETH", mode="on")
        second.until("it knows of the other", lambda: "second_instance" in codes_of(second), WITHIN_S)
        for one in (second, first):
            one.post("/api/autotrader/switch", base_currency="ETH", mode="on")
        ends_s = time.monotonic() + 3.0
        while time.monotonic() < ends_s:
            fresh()
            time.sleep(0.05)
        [order] = sim.account().orders
        label = ClientId.parse(order.text)
        assert label is not None
        assert len(label.life) == LIFE_DIGITS
        assert "second_instance" in {alert["code"] for alert in second.get("/api/alerts")["alerts"]}
