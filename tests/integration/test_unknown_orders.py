"""A lost answer is not a lost order: whatever the network does, one intent has at most one effect, and it is booked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import Found, NotSeen, OutcomeUnknown
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import OrderIntent, OrderResult, Side
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import (
    Answer,
    Ending,
    Fault,
    gateway_page,
    lost_answer,
    lost_request,
    server_error,
    too_many_requests,
)
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed

ETH = rules_for("ETH")
# Proof of absence in about four seconds instead of fifteen; the rule is the same. The orders live as long as the
# product's: of a shorter life a crowded machine may need all to write the intent down and send it.
QUICK_PROOF = TraderConfig(
    loop_interval_s=0.05,
    clock_error_ms=50,
    visibility_ms=200,
    absence_gap_s=0.2,
    reconcile_confirm_s=0.3,
    balance_lag_s=0,
)


@dataclass
class Bench:
    """One coin, one engine, one exchange that may lose things."""

    sim: Simulator
    engine: Engine

    def start_buy(self) -> Active:
        """Switch on and wait for the cycle."""
        self.engine.price("ETH", "2500")
        self.engine.desk.switch("ETH", "on", "test")
        self.engine.until_price("ETH", "2500", "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def buys(self) -> list[str]:
        """Client ids of the buys that the exchange carried out."""
        return sorted({one.text for one in self.sim.account().trades if one.side is Side.BUY})


# The exchange may keep an order back for longer than three looks take.
LATE_TO_SHOW = replace(QUICK_PROOF, visibility_ms=1500)


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """By `QUICK_PROOF` unless a test names another proof."""
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        exchange = a_gate_exchange(sim)
        with Engine(
            exchange,
            sim.feed,
            [ETH.market],
            tmp_path,
            account_feed=an_account_feed(sim, exchange),
            config=getattr(request, "param", QUICK_PROOF),
        ) as engine:
            yield Bench(sim, engine)


@pytest.mark.parametrize(
    "fault",
    [
        lost_answer(),
        server_error(500, executed=True),
        server_error(503, executed=True),
        gateway_page(executed=True),
        Fault(path="/spot/orders", method="POST", ending=Ending.CUT),
    ],
    ids=["dropped", "500", "503", "504-page", "cut"],
)
def test_o2_an_order_that_executed_though_its_answer_was_lost_is_found_and_booked_once(
    bench: Bench, fault: Fault
) -> None:
    """O2, O3, O5, O7: found through own trades, never sent again."""
    bench.sim.faults.add(fault)
    cycle = bench.start_buy()
    assert len(bench.buys()) == 1
    assert bench.buys() == [cycle.bought[0].client_ids[0]]
    assert cycle.held == bench.sim.account().total("ETH")
    assert bench.engine.floor.in_flight == set()
    # It left, its answer never came, and it ended all the same.
    life = bench.engine.floor.journal.archive.life(bench.buys()[0])
    assert life is not None and life["answered_ms"] is None
    assert life["created_ms"] <= life["sent_ms"] <= life["closed_ms"]


@pytest.mark.parametrize(
    "fault",
    [lost_request(), server_error(502, executed=False), gateway_page(executed=False)],
    ids=["dropped", "502", "504-page"],
)
@pytest.mark.parametrize("bench", [LATE_TO_SHOW], indirect=True)
def test_o1_an_order_that_never_arrived_is_proven_absent_and_tried_again_under_a_new_id(
    bench: Bench, fault: Fault
) -> None:
    """O1, O4: absent only after it can no longer arrive; the retry is attempt 2 of the same intent."""
    bench.sim.faults.add(fault)
    cycle = bench.start_buy()
    [client_id] = bench.buys()
    assert client_id == cycle.bought[0].client_ids[0]
    assert client_id.endswith(".2")
    states = {row["client_id"]: row["outcome"] for row in bench.engine.desk.orders("ETH", 10)}
    lost = f"{client_id[:-2]}.1"
    assert states == {client_id: "filled", lost: "absent"}
    attempt, ended = bench.engine.floor.journal.attempt_of(lost), bench.engine.floor.journal.archive.life(lost)
    config = bench.engine.floor.config
    assert attempt is not None and ended is not None
    # Not before it cannot arrive any more nor stay hidden; a fifth of a second for two clocks.
    assert ended["closed_ms"] >= attempt.intent.expires_ms + config.clock_error_ms + config.visibility_ms - 200
    life = bench.engine.floor.journal.archive.life(client_id)
    assert life is not None
    assert life["created_ms"] <= life["sent_ms"] <= life["answered_ms"] <= life["closed_ms"]


class SlowToShow(PaperExchange):
    """Executes an order whose answer is lost, and shows it only at the last look that could still find it."""

    shows_after = 0
    looks = 0

    def send(self, intent: OrderIntent) -> OrderResult:
        result = super().send(intent)
        if not self.looks:
            raise OutcomeUnknown("The answer was lost.")
        return result

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        cannot_arrive_ms = intent.expires_ms + QUICK_PROOF.clock_error_ms + QUICK_PROOF.visibility_ms
        if self.now_ms() <= cannot_arrive_ms or self.looks < self.shows_after:
            self.looks += self.now_ms() > cannot_arrive_ms
            return NotSeen()
        return super().find(intent, order_id)


def test_o1_an_order_that_shows_only_at_the_last_of_three_looks_is_booked_and_not_bought_again(tmp_path: Path) -> None:
    """Two complete looks after it can no longer arrive prove nothing yet: lists may lag."""
    paper = SlowToShow([ETH], {"USDT": Decimal(1000)}, clock=SystemClock())
    paper.shows_after = QUICK_PROOF.absence_reads - 1
    with Engine(paper, paper.feed, [ETH.market], tmp_path, config=QUICK_PROOF) as engine:
        engine.price("ETH", "2500")
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")
        assert paper.looks == paper.shows_after, "it was looked for in vain before"
        assert [row["outcome"] for row in engine.desk.orders("ETH", 10)] == ["filled"]
        assert len({fill.order_id for fill in paper.account_trades(0)}) == 1


def test_while_an_order_is_unknown_nothing_else_is_decided_and_its_cost_stays_reserved(bench: Bench) -> None:
    """The market waits, other hands get 409, the money of the order cannot be spent by anybody."""
    engine = bench.engine
    bench.sim.faults.add(lost_request())
    engine.price("ETH", "2500")
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "the order is unknown", lambda: len(unknown(engine)) == 1)
    assert engine.floor.wallet.funds().reserved == 10
    assert engine.floor.wallet.free() == 990
    refused = [
        lambda: engine.desk.quick_buy("ETH", Decimal(10), "test"),
        lambda: engine.desk.sell_all("ETH", "pause", "test"),
        lambda: engine.desk.reset_cycle("ETH", "test"),
        lambda: engine.desk.adopt("ETH", price=Decimal(2500), from_trades=False, by="test"),
    ]
    for wish in refused:
        with pytest.raises(Exception, match="waits for start 0"):
            wish()
    engine.desk.switch("ETH", "off", "test")
    engine.until("the order is proven absent", lambda: engine.slot("ETH").state.order is None)
    assert bench.buys() == []
    assert engine.floor.wallet.free() == 1000


def test_a_start_that_never_came_leaves_nothing_to_finish(bench: Bench) -> None:
    """`finish`, said while the start buy was on its way, turns the market off when that is proven absent."""
    engine = bench.engine
    bench.sim.faults.add(lost_request())
    engine.price("ETH", "2500")
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "the order is unknown", lambda: len(unknown(engine)) == 1)
    engine.desk.switch("ETH", "finish", "test")
    engine.until_price("ETH", "2500", "it is off", lambda: engine.slot("ETH").state.switch is SwitchMode.OFF)
    assert bench.buys() == []
    assert engine.slot("ETH").state.order is None


def unknown(engine: Engine) -> list[object]:
    """Orders of unknown outcome as the page shows them."""
    return list(engine.desk.overview()["truth"]["unknown_orders"])


def test_a_refusal_with_a_known_label_is_not_unknown(bench: Bench) -> None:
    """The exchange says "not enough balance": nothing was placed, the side backs off, the reason is shown."""
    refusal = Answer(400, b'{"label":"BALANCE_NOT_ENOUGH","message":"Not enough balance"}')
    bench.sim.faults.add(Fault(path="/spot/orders", method="POST", times=100, execute=False, answer=refusal))
    bench.engine.price("ETH", "2500")
    bench.engine.desk.switch("ETH", "on", "test")

    def refused() -> bool:
        return any(row["outcome"] == "refused" for row in bench.engine.desk.orders("ETH", 10))

    bench.engine.until_price("ETH", "2500", "a refusal", refused)
    assert bench.engine.state("ETH") == "IDLE"
    assert unknown(bench.engine) == []
    assert bench.engine.floor.wallet.free() == 1000, "nothing stays reserved"


def test_o6_a_rate_limit_without_execution_ends_in_one_buy(bench: Bench) -> None:
    """O6: a 429 buys nothing by itself and never twice."""
    bench.sim.faults.add(too_many_requests())
    bench.start_buy()
    assert len(bench.buys()) == 1


def test_a_lost_answer_of_a_sale_sells_once(bench: Bench) -> None:
    """The cycle closes with the fills the exchange has, however late we hear of them."""
    bench.start_buy()
    bench.engine.desk.switch("ETH", "finish", "test")
    bench.sim.faults.add(lost_answer())
    bench.engine.until_price("ETH", "2600", "the sale", lambda: bench.engine.state("ETH") == "IDLE")
    sales = [one for one in bench.sim.account().trades if one.side is Side.SELL]
    assert len({one.order_id for one in sales}) == 1
    assert bench.engine.slot("ETH").state.switch.value == "off"
    assert bench.engine.slot("ETH").state.cycle.tally.completed == 1
