"""Trades of orders that counted as ended: booked once, where they belong, and never followed by a second buy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import Reason
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.matching.records import Order
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import PushFault, lost_request
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed
from tests.integration.test_unknown_orders import QUICK_PROOF

ETH = rules_for("ETH")
D = Decimal


@dataclass
class Bench:
    """One coin on the simulator, and whoever repeats requests between us and the exchange."""

    sim: Simulator
    engine: Engine

    def cycle(self) -> Active:
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def start(self) -> Active:
        self.engine.desk.switch("ETH", "on", "test")
        self.engine.until_price("ETH", "2500", "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        return self.cycle()

    def arrives(self, client_id: str, amount: str, side: Side = Side.BUY) -> Order:
        """An order under one of our labels is carried out, whatever the engine thinks of it."""
        return self.sim.trade_by_hand("ETH_USDT", side, D(amount), text=client_id)

    def outcomes(self) -> dict[str, str]:
        return {row["client_id"]: row["outcome"] for row in self.engine.desk.orders("ETH", 20)}

    def absent(self) -> str:
        """The label of an attempt that was proven absent."""
        return next((label for label, outcome in self.outcomes().items() if outcome == "absent"), "")

    def late(self, count: int = 1) -> Callable[[], bool]:
        return lambda: int(self.engine.trader.get_status()["late_fill_total"]) == count

    def alerts(self) -> list[str]:
        return [alert.code for alert in self.engine.told]

    def books_agree(self) -> bool:
        """The cycle has what the account has."""
        cycle = self.engine.slot("ETH").state.cycle
        held = cycle.held if isinstance(cycle, Active) else D(0)
        return held + cycle.tally.dust.coins == self.sim.account().total("ETH")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        exchange = a_gate_exchange(sim)
        feed = an_account_feed(sim, exchange)
        config = replace(QUICK_PROOF, absence_reads=2)
        with Engine(exchange, sim.feed, [ETH.market], tmp_path, account_feed=feed, config=config) as engine:
            engine.price("ETH", "2500")
            yield Bench(sim, engine)


def has_left(slot: Slot) -> bool:
    """Whether the order in flight is on its way: a switch does not stop it any more."""
    order = slot.state.order
    return order is not None and order.intent is not None and slot.travel.client_id == order.intent.client_id


def a_start_proven_absent(bench: Bench) -> str:
    """A start buy that never arrived; the coin is off before it is tried again."""
    bench.sim.faults.add(lost_request())
    bench.engine.desk.switch("ETH", "on", "test")
    slot = bench.engine.slot("ETH")
    bench.engine.until_price("ETH", "2500", "an order", lambda: has_left(slot))
    bench.engine.desk.switch("ETH", "off", "test")
    bench.engine.until_price("ETH", "2500", "its absence", lambda: bench.absent() != "")
    return bench.absent()


def test_late_fill_of_a_start_begins_the_cycle(bench: Bench) -> None:
    label = a_start_proven_absent(bench)
    bench.arrives(label, "10")
    bench.engine.until("the cycle", lambda: bench.engine.state("ETH") == "ACTIVE")
    assert (bench.cycle().bought[0].client_ids, bench.cycle().position.step) == ((label,), 0)
    assert bench.books_agree()
    assert bench.outcomes()[label] == "filled"
    assert bench.late()()
    assert "late_fill" in bench.alerts()
    bench.engine.desk.switch("ETH", "on", "test")
    bench.engine.until_price("ETH", "2461", "the first rebuy", lambda: bench.cycle().position.step == 1)
    assert [row.step for row in bench.cycle().bought] == [0, 1], "no second start beside it"


def test_late_fill_of_a_step_bought_again_is_an_extra_row_and_moves_no_step(bench: Bench) -> None:
    bench.start()
    bench.engine.desk.set_params("ETH", {"rebuy_pause_s": "0"}, "test")
    bench.sim.faults.add(lost_request())
    bench.engine.until_price(
        "ETH", "2461", "the rebuy under its second label", lambda: bench.cycle().position.step == 1
    )
    before = bench.cycle()
    label = bench.absent()
    bench.arrives(label, "14")
    bench.engine.until("it is booked", bench.late())
    after = bench.cycle()
    assert [row.step for row in after.bought] == [0, 1, None]
    assert (after.position.step, after.position.anchor) == (1, before.position.anchor)
    assert after.invested > before.invested
    assert bench.books_agree()


def test_late_fill_of_a_closed_cycle_lies_outside_and_stops_a_new_start(bench: Bench) -> None:
    bench.start()
    bench.engine.desk.set_params("ETH", {"rebuy_pause_s": "0"}, "test")
    bench.sim.faults.add(lost_request())
    bench.engine.until_price("ETH", "2461", "an absent rebuy", lambda: bench.absent() != "")
    bench.engine.desk.switch("ETH", "finish", "test")
    bench.engine.until_price("ETH", "2600", "the sale", lambda: bench.engine.state("ETH") == "IDLE")
    bench.arrives(bench.absent(), "14")
    bench.engine.until("it is booked", bench.late())
    assert isinstance(bench.engine.slot("ETH").state.cycle, Idle)
    assert "late_fill_outside" in bench.alerts()
    bench.engine.desk.switch("ETH", "on", "test")
    slot = bench.engine.slot("ETH")
    bench.engine.until_price("ETH", "2600", "it asks the owner", lambda: slot.hold.reason is Reason.HOLDS_COINS)
    assert bench.engine.state("ETH") == "IDLE"


def test_late_fill_of_a_sale_closes_the_cycle_with_its_proceeds(bench: Bench) -> None:
    cycle = bench.start()
    bench.sim.faults.add(lost_request())
    slot = bench.engine.slot("ETH")
    bench.engine.until_price("ETH", "2600", "a sale", lambda: has_left(slot))
    bench.engine.desk.switch("ETH", "off", "test")
    bench.engine.until_price("ETH", "2600", "its absence", lambda: bench.absent() != "")
    bench.arrives(bench.absent(), "0.0038", Side.SELL)
    bench.engine.until("the cycle is closed", lambda: bench.engine.state("ETH") == "IDLE")
    tally = bench.engine.slot("ETH").state.cycle.tally
    proceeds = sum((one.quote - one.fee for one in bench.sim.account().trades if one.side is Side.SELL), D(0))
    assert tally.completed == 1
    assert tally.realised == proceeds - (cycle.invested - tally.dust.cost)
    assert bench.books_agree()


def test_late_fill_waits_for_the_order_in_flight(bench: Bench) -> None:
    """Booked when the order in flight has ended, not into the middle of it."""
    label = a_start_proven_absent(bench)
    bench.sim.faults.add(lost_request())
    bench.engine.desk.switch("ETH", "on", "test")
    slot = bench.engine.slot("ETH")
    bench.engine.until_price("ETH", "2500", "the second attempt", lambda: has_left(slot))
    bench.engine.desk.switch("ETH", "off", "test")
    bench.arrives(label, "10")
    bench.engine.until("it is booked", bench.late())
    assert bench.cycle().bought[0].client_ids == (label,)
    assert bench.books_agree()


def test_o8_a_request_repeated_on_the_way_is_booked_and_halts_the_coin_within_seconds(bench: Bench) -> None:
    """Two orders under one label: both are ours, the excess is shown, nothing further is bought."""
    cycle = bench.start()
    [label] = cycle.bought[0].client_ids
    bench.arrives(label, "10")
    bench.engine.until("it is booked", bench.late(), patience_s=5.0)
    pause = bench.engine.slot("ETH").state.pause
    assert pause is not None
    assert pause.cause == "order_doubled"
    excess = dict(pause.values)
    second = bench.sim.account().trades[-1]
    assert (D(excess["coins"]), D(excess["quote"])) == (second.amount, second.quote)
    assert "order_doubled" in bench.alerts()
    assert bench.books_agree()
    assert [row.step for row in bench.cycle().bought] == [0]


def test_o14_o15_fills_told_before_the_answer_and_twice_are_booked_once(bench: Bench) -> None:
    bench.sim.faults.add(PushFault(channel="spot.usertrades", times=5, copies=3))
    bench.start()
    assert bench.books_agree()
    bench.engine.until("nothing waits", lambda: not bench.engine.trader.late_fills._waiting)
    assert bench.late(0)()
    assert bench.books_agree()
