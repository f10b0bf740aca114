"""The account against the books: every difference is named, and corrected only where the exchange explains it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.differences import Difference, Kind
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.second_instance import LOOKED_BACK_MS
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import Pause, Reason, SwitchMode
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Answer, Fault
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed

ETH = rules_for("ETH")
D = Decimal
# As it runs, only sooner.
OFTEN = TraderConfig(
    loop_interval_s=0.05,
    reconcile_s=0.4,
    reconcile_confirm_s=0.3,
    balance_lag_s=0,
    balance_retry_s=0.2,
    visibility_ms=200,
)
SECONDS = 6.0


@dataclass
class Bench:
    """One coin on the simulator, with its owner's own hands."""

    sim: Simulator
    engine: Engine

    def start(self) -> Active:
        self.engine.desk.switch("ETH", "on", "test")
        self.engine.until_price("ETH", "2500", "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        self.engine.desk.switch("ETH", "sell_only", "test")
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def found(self, kind: Kind) -> Difference | None:
        """A difference of that kind in the newest report."""
        report = self.engine.trader.reconciler.report
        return next((one for one in report.differences if one.kind is kind), None) if report else None

    def until_found(self, kind: Kind) -> Difference:
        seen: list[Difference] = []

        def looked() -> bool:
            one = self.found(kind)
            seen.extend([one] if one else [])
            return bool(seen)

        self.engine.until_price("ETH", "2500", f"{kind.value} is shown", looked)
        return seen[0]

    def quiet(self) -> None:
        """The balance has marks: a trade more than five seconds ago lies behind them."""
        flows = self.engine.trader.reconciler._flows
        now_ms = self.engine.exchange.now_ms
        began_ms = now_ms()
        self.engine.until(
            "marks", lambda: bool(flows._marks) and min(m.asof_ms for m in flows._marks.values()) > began_ms
        )

    def codes(self) -> list[str]:
        return [alert.code for alert in self.engine.told]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as bench:
        yield bench


class a_bench:
    """The engine on the simulator, with the stream of own trades or without."""

    def __init__(self, folder: Path, *, stream: bool = True, stream_secret: str = "secret") -> None:
        self.folder, self.stream, self.stream_secret = folder, stream, stream_secret

    def __enter__(self) -> Bench:
        self.sim = Simulator([ETH], {"USDT": 1000}).start()
        self.sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        exchange = a_gate_exchange(self.sim)
        signs = a_gate_exchange(self.sim, secret=self.stream_secret)
        feed = an_account_feed(self.sim, signs) if self.stream else None
        self.engine = Engine(exchange, self.sim.feed, [ETH.market], self.folder, account_feed=feed, config=OFTEN)
        self.engine.__enter__()
        self.engine.price("ETH", "2500")
        return Bench(self.sim, self.engine)

    def __exit__(self, *_error: object) -> None:
        self.engine.__exit__()
        self.sim.stop()


def test_a1_coins_bought_and_sold_by_hand_are_shown_and_nothing_is_traded_to_repair(bench: Bench) -> None:
    cycle = bench.start()
    bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D(50))
    bought = bench.until_found(Kind.BOUGHT_BY_HAND)
    assert (bought.currency, bought.amount, bought.corrected) == ("ETH", D("0.0199"), False)
    assert bench.engine.slot("ETH").state.cycle == cycle, "an average never changes by other hands"
    orders = len(bench.sim.account().trades)
    bench.sim.trade_by_hand("ETH_USDT", Side.SELL, D("0.0210"))
    sold = bench.until_found(Kind.SOLD_BY_HAND)
    assert sold.amount == D("0.0210")
    bench.engine.until("the cycle follows", lambda: bench.engine.slot("ETH").state.cycle != cycle)
    after = bench.engine.slot("ETH").state.cycle
    assert isinstance(after, Active)
    assert after.held == bench.sim.account().total("ETH")
    assert len(bench.sim.account().trades) == orders + 1


def test_a2_a_deposit_is_named_and_raises_no_budget(bench: Bench) -> None:
    bench.engine.trader.commands.set_limits(D(100), 0, "test")
    bench.quiet()
    bench.sim.deposit("USDT", 500)
    paid_in = bench.until_found(Kind.DEPOSIT)
    assert (paid_in.currency, paid_in.amount) == ("USDT", D(500))
    assert bench.engine.floor.wallet.free() == 100
    assert "reconcile_unexplained" not in bench.codes()
    bench.engine.until("it is told once", lambda: bench.found(Kind.DEPOSIT) is None)


def test_a3_coins_withdrawn_are_named_stop_the_coin_and_alert_once(bench: Bench) -> None:
    bench.start()
    bench.engine.until_price("ETH", "2500", "the trade is old", lambda: bool(_marks(bench).get("ETH")))
    bench.sim.withdraw("ETH", "0.002")
    gone = bench.until_found(Kind.WITHDRAWAL)
    assert (gone.currency, gone.amount) == ("ETH", D("-0.002"))
    bench.until_found(Kind.COINS_MISSING)
    pause = bench.engine.slot("ETH").state.pause
    assert pause is not None
    assert pause.cause == "coins_missing"
    trades = len(bench.sim.account().trades)
    bench.engine.until_price("ETH", "2600", "three in a row", lambda: "reconcile_unexplained" in bench.codes())
    assert bench.codes().count("coins_missing") == 1
    assert bench.codes().count("reconcile_unexplained") == 1
    assert len(bench.sim.account().trades) == trades, "nothing is sold that is not there"


def _marks(bench: Bench) -> dict[str, object]:
    return dict(bench.engine.trader.reconciler._flows._marks)


def test_a3_money_withdrawn_is_named_and_only_lowers_what_is_free(bench: Bench) -> None:
    bench.quiet()
    bench.sim.withdraw("USDT", 400)
    gone = bench.until_found(Kind.WITHDRAWAL)
    assert (gone.currency, gone.amount, gone.market) == ("USDT", D(-400), None)
    assert bench.engine.floor.wallet.free() == 600


def test_a3_coins_locked_in_an_order_of_other_hands_are_shown(bench: Bench) -> None:
    bench.start()
    bench.sim.trade_by_hand("ETH_USDT", Side.SELL, D("0.0038"), price=D(9000))
    locked = bench.until_found(Kind.LOCKED)
    assert (locked.currency, locked.amount) == ("ETH", D("0.0038"))
    slot = bench.engine.slot("ETH")
    bench.engine.until_price("ETH", "2600", "it waits", lambda: slot.hold.reason is Reason.LOCKED_IN_YOUR_ORDER)


def test_o13_an_order_of_ours_that_rests_is_shown_and_told_once(bench: Bench) -> None:
    """Ours are immediate-or-cancel; one that rests is shown until it is gone, what it fills is booked."""
    cycle = bench.start()
    [label] = cycle.bought[0].client_ids
    order = bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D("0.004"), price=D(2000), text=label)
    left = bench.until_found(Kind.ORDER_LEFT_OPEN)
    assert (left.detail, left.amount) == (label, D("0.004"))
    assert bench.codes().count("order_left_open") == 1
    bench.sim.call(lambda core: core.cancel_all(order.account))
    bench.engine.until("it is gone", lambda: bench.found(Kind.ORDER_LEFT_OPEN) is None)


def test_a_fill_that_no_stream_told_is_found_by_the_next_look(tmp_path: Path) -> None:
    """Without the stream own trades are read; what came late is booked and shown."""
    with a_bench(tmp_path, stream=False) as bench:
        cycle = bench.start()
        [label] = cycle.bought[0].client_ids
        bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text=label)
        late = bench.until_found(Kind.LATE_FILL)
        assert (late.corrected, late.detail) == (True, label)
        after = bench.engine.slot("ETH").state.cycle
        assert isinstance(after, Active)
        assert after.held == bench.sim.account().total("ETH")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "reads"])
def test_p12_labels_of_another_instance_stop_the_buying_and_not_the_selling(tmp_path: Path, stream: bool) -> None:
    with a_bench(tmp_path, stream=stream) as bench:
        bench.start()
        bench.engine.desk.switch("ETH", "on", "test")
        bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text="t-zzzz-4f.1")
        floor = bench.engine.floor
        bench.engine.until("the account is paused", lambda: floor.account_pause is not None)
        pause = floor.account_pause
        assert pause is not None
        assert (pause.cause, pause.sells) == ("second_instance", True)
        assert dict(pause.values)["instance"] == "zzzz"
        assert bench.codes().count("second_instance") == 1
        assert floor.mode_of(bench.engine.slot("ETH")) is SwitchMode.SELL_ONLY
        bench.engine.until_price("ETH", "2600", "a sale", lambda: bench.engine.state("ETH") == "IDLE")
        bench.engine.desk.resume_cycle(None, "test")
        bench.engine.until_price("ETH", "2600", "looked again", lambda: floor.account_pause is None)
        reports = bench.engine.trader.reconciler.report
        bench.engine.until("another look", lambda: bench.engine.trader.reconciler.report is not reports)
        assert floor.account_pause is None, "what was seen before is not held against it again"


def test_p12_a_stricter_pause_stays_when_another_instance_is_seen(tmp_path: Path) -> None:
    """It is told; but what had stopped selling too, for a reason of its own, is not eased by that."""
    with a_bench(tmp_path) as bench:
        bench.start()
        floor = bench.engine.floor
        strict = Pause(cause="key_withdraws", since_ms=floor.clock.now_ms())
        floor.pause_account(strict, by="engine")
        bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D(10), text="t-zzzz-4f.1")
        bench.engine.until("it is told", lambda: "second_instance" in bench.codes())
        bench.engine.trader.reconciler.reconcile()
        assert floor.account_pause == strict


def test_p12_our_own_earlier_life_and_foreign_labels_are_no_second_instance(tmp_path: Path) -> None:
    with a_bench(tmp_path) as bench:
        bench.start()
        # Another database traded here long before this one began, and a bot of another kind does now.
        reconciler = bench.engine.trader.reconciler
        second = reconciler._second
        before_ms = bench.engine.exchange.now_ms() - LOOKED_BACK_MS - 60_000
        second.look("t-zzzz-4f.1", ETH.market, before_ms)
        for text in ("t-grid-bot-77", "apiv4", "t-ZZZZ-4f.1", "t-zzzz-4f.x", "t-zzzzz-4f.1"):
            second.look(text, ETH.market, bench.engine.exchange.now_ms() + 1000)
        report = reconciler.report
        bench.engine.until("another look", lambda: reconciler.report is not report)
        assert bench.engine.floor.account_pause is None


def test_three_reconciliations_that_fail_in_a_row_are_told_once(bench: Bench) -> None:
    refusal = Answer(500, b'{"label":"INTERNAL","message":"busy"}')
    bench.sim.faults.add(Fault(path="/spot/open_orders", times=1000, execute=False, answer=refusal))
    bench.engine.until("it is told", lambda: "reconcile_failing" in bench.codes(), patience_s=30.0)
    report = bench.engine.trader.reconciler.report
    assert report is not None
    assert "open orders" in report.error
    bench.sim.faults.clear()
    bench.engine.until("it works again", lambda: (bench.engine.trader.reconciler.report or report).error == "")
    assert bench.codes().count("reconcile_failing") == 1


def test_a_refused_stream_of_own_trades_is_told_and_trades_are_read_instead(tmp_path: Path) -> None:
    with a_bench(tmp_path, stream_secret="wrong") as bench:
        bench.engine.until("it is told", lambda: "own_trades_refused" in bench.codes())
        told = bench.engine.desk.overview()["truth"]["own_trades"]
        assert (told["live"], bool(told["fault"])) == (False, True)
        bench.start()
        bench.engine.until("a report", lambda: bench.engine.trader.reconciler.report is not None)
        assert bench.codes().count("own_trades_refused") == 1


def test_a_person_may_have_it_compared_now_and_sees_the_report(bench: Bench) -> None:
    told = bench.engine.desk.reconcile_now()
    assert told is not None
    assert (told["complete"], told["error"], told["unexplained"]) == (True, "", 0)
    bench.start()
    bench.sim.trade_by_hand("ETH_USDT", Side.BUY, D(50))
    bench.until_found(Kind.BOUGHT_BY_HAND)
    assert (bench.engine.desk.reconciliation() or {})["complete"]
