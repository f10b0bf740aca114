"""Row A6: duplicated buys are impossible, with real threads on the real engine, judged by the exchange's own books."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Simulator
from tests.engine import UNLIMITED, Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed

COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "TRX", "DOT", "LINK")
PRICES = dict(zip(COINS, ("60000", "2500", "140", "2", "0.15", "0.4", "84", "0.3", "4", "14"), strict=True))
FAST = replace(
    UNLIMITED, loop_interval_s=0.01, reconcile_s=0.5, reconcile_confirm_s=0.3, balance_lag_s=0, balance_retry_s=0.1
)


@dataclass
class Arena:
    """An exchange that runs on this machine and the engine trading on it through the SDK."""

    sim: Simulator
    engine: Engine

    def orders(self, currency: str, side: Side) -> int:
        """How many orders of ours with fills the exchange's own books hold."""
        trades = self.sim.account().trades
        return len({one.order_id for one in trades if one.pair == f"{currency}_USDT" and one.side is side})

    def all_at(self, factor: str = "1") -> None:
        """Tell every coin's price."""
        for coin in COINS:
            self.engine.price(coin, Decimal(PRICES[coin]) * Decimal(factor))


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """Ten coins, 100,000 USDT, nothing switched on."""
    rules = table_for(COINS)
    with Simulator(rules, {"USDT": 100_000}, rate_limits=False) as sim:
        markets = [one.market for one in rules]
        for one in rules:
            sim.feed(a_price(one.market, Decimal(PRICES[one.market.base]), one.tick))
        exchange = a_gate_exchange(sim)
        engine = Engine(exchange, sim.feed, markets, tmp_path, account_feed=an_account_feed(sim, exchange), config=FAST)
        with engine:
            yield Arena(sim, engine)


def test_base_sold_by_hand_is_followed_by_exactly_one_start_buy(arena: Arena) -> None:
    """A6 (1): the owner sells the coins at the exchange; the cycle closes by hand and one new start buy follows."""
    engine = arena.engine
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")
    first = engine.slot("ETH").state.cycle
    assert isinstance(first, Active)
    arena.sim.trade_by_hand("ETH_USDT", Side.SELL, first.table.rows[0].sellable)
    engine.until_price("ETH", "2500", "a second start buy", lambda: arena.orders("ETH", Side.BUY) == 2)
    ends = time.monotonic() + 1
    while time.monotonic() < ends:
        engine.price("ETH", "2500")
        time.sleep(0.01)
    assert arena.orders("ETH", Side.BUY) == 2
    cycle = engine.slot("ETH").state.cycle
    assert isinstance(cycle, Active)
    assert cycle.cycle_id == first.cycle_id + 1
    assert cycle.tally.completed == 1, "the cycle sold by hand counts, with its real result"


def test_ten_coins_sold_at_once_with_the_shortest_loop_buy_once_each(arena: Arena) -> None:
    """A6 (2): all ten reach their take-profit together; each sells once and starts once."""
    engine = arena.engine
    for coin in COINS:
        engine.desk.switch(coin, "on", "test")

    def everyone(side: Side, count: int, at: str) -> bool:
        arena.all_at(at)
        return all(arena.orders(coin, side) == count for coin in COINS)

    engine.until("ten start buys", lambda: everyone(Side.BUY, 1, "1"))
    engine.until("ten sales", lambda: everyone(Side.SELL, 1, "1.05"))
    engine.until("ten new starts", lambda: everyone(Side.BUY, 2, "1.05"))
    for _ in range(50):
        arena.all_at("1.05")
        time.sleep(0.01)
    assert {coin: arena.orders(coin, Side.BUY) for coin in COINS} == dict.fromkeys(COINS, 2)
    assert {coin: arena.orders(coin, Side.SELL) for coin in COINS} == dict.fromkeys(COINS, 1)


def test_a_quick_buy_racing_the_engine_makes_no_duplicate(arena: Arena) -> None:
    """A6 (3): the person's buy and the engine's start go for the same idle coin; one of them starts the cycle."""
    engine = arena.engine
    engine.price("SOL", "140")
    engine.until_price("SOL", "140", "a price", lambda: engine.desk.coin("SOL")["bid"] is not None)
    barrier = threading.Barrier(5)
    outcomes: list[str] = []

    def quick() -> None:
        barrier.wait()
        try:
            outcomes.append(engine.desk.quick_buy("SOL", Decimal(10), "test")["outcome"])
        except CommandRefused as refused:
            outcomes.append(refused.code)

    def switch_on() -> None:
        barrier.wait()
        engine.desk.switch("SOL", "on", "test")

    threads = [threading.Thread(target=quick) for _ in range(4)] + [threading.Thread(target=switch_on)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.until_price("SOL", "140", "a cycle", lambda: engine.state("SOL") == "ACTIVE")
    for _ in range(20):
        engine.price("SOL", "140")
        time.sleep(0.01)
    engine.until("nothing is out", lambda: engine.slot("SOL").state.order is None)
    cycle = engine.slot("SOL").state.cycle
    assert isinstance(cycle, Active)
    starts = [row for row in cycle.bought if row.step == 0]
    assert len(starts) == 1, "one start, whoever sent it"
    assert arena.orders("SOL", Side.BUY) == len(cycle.bought), "every order is a row, none is lost"
    assert outcomes.count("filled") in (len(cycle.bought), len(cycle.bought) - 1)
    assert set(outcomes) <= {"filled", "order_in_flight"}
    assert cycle.held == arena.sim.account().total("SOL")


@pytest.mark.parametrize("seed", range(3))
def test_many_hands_at_once_leave_the_books_equal_to_the_exchanges(arena: Arena, seed: int) -> None:
    """A6 (4): switches, resets, Quick Trades and prices from many threads; then engine and exchange agree exactly."""
    engine = arena.engine
    coins = COINS[:4]
    ends = time.monotonic() + 3
    odd: list[BaseException] = []

    def hand(number: int) -> None:
        rng = random.Random(seed * 100 + number)
        try:
            while time.monotonic() < ends:
                act(rng, rng.choice(coins))
        except BaseException as error:
            odd.append(error)

    def act(rng: random.Random, coin: str) -> None:
        kind = rng.random()
        try:
            if kind < 0.75:
                engine.price(
                    coin, (Decimal(PRICES[coin]) * Decimal(rng.randint(900, 1100)) / 1000).quantize(tick(coin))
                )
                time.sleep(0.001)
            elif kind < 0.85:
                engine.desk.switch(coin, rng.choice(["on", "finish", "sell_only", "off", "on"]), "test")
            elif kind < 0.9:
                engine.desk.quick_buy(coin, Decimal(rng.randint(5, 30)), "test")
            elif kind < 0.93:
                engine.desk.sell_all(coin, rng.choice(["pause", "restart"]), "test")
            elif kind < 0.95:
                engine.desk.reset_cycle(coin, "test")
            else:
                engine.desk.resume_cycle(coin, "test")
        except CommandRefused as refused:
            assert refused.code != "starting"

    def tick(coin: str) -> Decimal:
        return engine.slot(coin).state.rules.tick

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hand, range(8)))
    assert not odd, f"seed {seed}: {odd}"
    engine.desk.switch(None, "off", "test")
    engine.until("nothing is out", lambda: all(engine.slot(coin).state.order is None for coin in COINS))
    check_books(arena, seed)


def check_books(arena: Arena, seed: int) -> None:
    """Engine, journal and exchange, to the last unit."""
    engine = arena.engine
    account = arena.sim.account()
    journal = engine.journal.load()
    spent = Counter[tuple[str, int, int]]()
    for row in engine.desk.orders(None, 100_000):
        if row["side"] == "buy" and row["outcome"] == "filled" and row["step"] is not None:
            spent[row["symbol"], int(row["cycle_id"]), int(row["step"])] += 1
    assert all(count == 1 for count in spent.values()), f"seed {seed}: a step was bought twice: {spent}"
    balances = engine.journal.balances({"USDT": Decimal(100_000)})
    for coin in ("USDT", *COINS):
        assert balances.get(coin, Decimal(0)) == account.total(coin), (
            f"seed {seed}: journal and exchange differ in {coin}"
        )
    for slot in engine.trader.get_all_cycles():
        cycle = slot.state.cycle
        stored = journal.cycles.get(slot.market)
        assert stored is None or stored == cycle, f"seed {seed}: memory is not a fold of the journal ({slot.market})"
        if isinstance(cycle, Active):
            assert cycle.held <= account.total(slot.market.base), f"seed {seed}: {slot.market} claims coins nobody has"
