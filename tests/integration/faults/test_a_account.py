"""The account rows of the fault table: other hands, money that moves, keys that change."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.market_rules import RulesKeeper
from autotrader_v2.domain.orders import Side
from autotrader_v2.simulator import Simulator
from tests.engine import a_price
from tests.integration.faults.bench import ETH, MONEY, Bench, a_bench
from tests.integration.test_unknown_orders import QUICK_PROOF

D = Decimal


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as bench:
        yield bench


def test_a1_coins_sold_by_hand_shrink_the_cycle_and_are_never_bought_back(bench: Bench) -> None:
    bench.engine.desk.set_params("ETH", {"start_quote": "100"}, "test")
    bench.start_buy()
    bench.sim.act("trade", pair="ETH_USDT", side="sell", amount="0.02")
    bench.until("2500", "the cycle has what is left", bench.agree)
    assert len(bench.orders()) == 1
    bench.sale()
    assert bench.agree()


def test_a1_coins_bought_by_hand_are_not_the_cycles(bench: Bench) -> None:
    cycle = bench.start_buy()
    bench.sim.act("trade", pair="ETH_USDT", side="buy", amount="50")
    bench.engine.floor.want_reconcile.set()
    bench.sale()
    sold = [one for one in bench.sim.account().orders if one.side is Side.SELL]
    assert sum(one.filled_base for one in sold) <= cycle.held
    assert bench.sim.account().total("ETH") > D("0.019")


def test_a2_a_deposit_changes_no_budget(bench: Bench) -> None:
    cycle = bench.start_buy()
    bench.sim.act("deposit", currency="USDT", amount="5000")
    bench.engine.floor.want_balances.set()
    bench.until("2500", "it is seen", lambda: bench.engine.floor.wallet.free() > MONEY * 4)
    assert bench.cycle().table == cycle.table
    assert bench.cycle().invested == cycle.invested


@pytest.mark.parametrize("act", ["withdraw_all", "lock"])
def test_a3_coins_that_are_gone_or_locked_are_not_sold_again_and_again(bench: Bench, act: str) -> None:
    bench.engine.desk.set_params("ETH", {"start_quote": "100"}, "test")
    cycle = bench.start_buy()
    words = {"currency": "ETH"} | ({"amount": str(cycle.held)} if act == "lock" else {})
    bench.sim.act(act, **words)
    bench.engine.floor.want_balances.set()
    bench.engine.floor.want_reconcile.set()
    bench.engine.desk.switch("ETH", "finish", "test")
    bench.until(
        "2600",
        "it says why it does not sell",
        lambda: bench.pause() or "lock" in bench.hold() or "short" in bench.hold(),
    )
    assert len([label for label, how in bench.outcomes().items() if how == "refused"]) <= 1
    assert bench.orders(Side.SELL) == []


def test_a3_money_that_left_only_lowers_what_is_free(bench: Bench) -> None:
    bench.sim.act("withdraw", currency="USDT", amount="995")
    bench.engine.floor.want_balances.set()
    bench.until("2500", "it is seen", lambda: bench.engine.floor.wallet.free() == 5)
    bench.on()
    bench.until("2500", "it needs money", lambda: bench.hold() == "needs_money")
    assert bench.outcomes() == {}


@pytest.mark.parametrize("state", ["revoked", "ip_forbidden", "locked"])
def test_a4_a_key_that_stops_working_stops_the_account_without_a_storm(bench: Bench, state: str) -> None:
    bench.sim.act("key", state=state)
    bench.on()
    floor = bench.engine.floor
    bench.until("2500", "the account is paused", lambda: floor.account_pause is not None)
    assert bench.sim.account().orders == ()
    assert len(bench.outcomes()) <= 1
    assert bench.alerts().count("access_refused") + bench.alerts().count("account_paused") <= 2


def test_a4_a_key_that_may_only_read_buys_nothing_and_says_so(bench: Bench) -> None:
    bench.sim.act("key", read_only=True)
    bench.on()
    floor = bench.engine.floor
    bench.until("2500", "the account is paused", lambda: floor.account_pause is not None)
    assert list(bench.outcomes().values()) == ["refused"]
    assert bench.sim.account().orders == ()


def test_a5_another_fee_moves_the_targets_of_a_running_cycle(bench: Bench) -> None:
    cycle = bench.start_buy()
    bench.sim.act("fees", taker="0.01")
    RulesKeeper(bench.engine.floor).refresh([ETH.market])
    bench.engine.until("the fee is known", lambda: bench.engine.slot("ETH").state.rules.fee == D("0.01"))
    assert bench.cycle().table != cycle.table


def test_p12_labels_of_another_instance_stop_the_buying(bench: Bench) -> None:
    bench.sim.act("trade", pair="ETH_USDT", side="buy", amount="20", text="t-zzzz-1.1")
    bench.engine.floor.want_reconcile.set()
    bench.until("2500", "it is told", lambda: "second_instance" in bench.alerts())


def test_a1_balances_that_lag_behind_a_fill_are_no_coins_gone(tmp_path: Path) -> None:
    """Right after a fill the balance is the one before: not a shortage, as readings some seconds apart tell."""
    with a_bench(tmp_path, config=replace(QUICK_PROOF, reconcile_confirm_s=2.0)) as bench:
        bench.inject("lag", path="/spot/accounts", ms=700, times=0)
        bench.start_buy()
        bench.sale()
        bench.engine.until("the books agree", bench.agree)
        assert bench.pause() is None


# Twenty seconds against the product's thirty, five times as quick.
LAGS = replace(QUICK_PROOF, reconcile_confirm_s=0.3, balance_lag_s=6.0)
LAG_MS = 4000


def test_a1_a_balance_that_lags_twenty_seconds_behind_a_fill_is_no_coins_gone(tmp_path: Path) -> None:
    """Many readings agree that the coins are not there; they were bought a moment ago, so nothing is judged yet."""
    with a_bench(tmp_path, config=LAGS) as bench:
        bench.inject("lag", path="/spot/accounts", ms=LAG_MS, times=0)
        bench.start_buy()
        bench.until("2550", "they seem missing", lambda: bench.hold() == "shortage")
        bench.sale("2550")
        bench.engine.until("the books agree", bench.agree)
        assert bench.pause() is None
        assert {"coins_missing", "sold_by_hand"}.isdisjoint(bench.alerts())


def test_a1_a_sale_of_other_coins_does_not_explain_coins_that_are_on_their_way(tmp_path: Path) -> None:
    """A balance of before our buy made other coins, sold by hand, the cycle's: it closed with its coins in hand."""
    with a_bench(tmp_path, config=LAGS) as bench:
        held = bench.start_buy().held
        bench.sim.deposit("ETH", "0.05")
        bench.sim.trade_by_hand("ETH_USDT", Side.SELL, D("0.05"))
        bench.inject("lag", path="/spot/accounts", ms=LAG_MS, times=0)
        bench.engine.floor.want_balances.set()
        wallet = bench.engine.floor.wallet

        def free() -> Decimal | None:
            reading = wallet.base_reading(ETH.market)
            return None if reading is None else reading.available

        bench.until("2500", "a reading of before", lambda: free() == 0)
        bench.until("2550", "they seem missing", lambda: bench.hold() == "shortage")
        bench.until("2500", "they are seen", lambda: free() == held)
        assert bench.cycle().held == held
        assert "sold_by_hand" not in bench.alerts()


def test_a1_a_sale_by_hand_of_more_than_was_just_bought_is_followed_at_once(tmp_path: Path) -> None:
    """No lag of a balance explains it, however long one may be."""
    with a_bench(tmp_path, config=replace(LAGS, balance_lag_s=8.0)) as bench:
        bench.start_buy()
        began_ms = bench.engine.exchange.now_ms()
        bench.until("2455", "a rebuy", lambda: len(bench.cycle().bought) == 2)
        bench.engine.until("the start is long ago", lambda: bench.engine.exchange.now_ms() > began_ms + 8000)
        held = bench.cycle().held
        bench.engine.desk.switch("ETH", "sell_only", "test")
        bench.sim.trade_by_hand("ETH_USDT", Side.SELL, D("0.0080"))
        bench.until("2455", "the cycle follows", lambda: bench.cycle().held == held - D("0.0080"))
        assert bench.cycle().bought[1].time_ms > bench.engine.exchange.now_ms() - 8000, "the rebuy is still young"
        assert bench.pause() is None


def test_a3_coins_that_leave_right_after_a_fill_are_told_when_it_must_have_arrived(tmp_path: Path) -> None:
    """Until then nothing is sold or bought against them; then the coin pauses as ever."""
    with a_bench(tmp_path, config=replace(LAGS, balance_lag_s=3.0)) as bench:
        bench.start_buy()
        bench.sim.withdraw("ETH", bench.cycle().held)
        bench.engine.floor.want_reconcile.set()
        bench.until("2600", "it pauses", lambda: bench.pause() is not None)
        pause = bench.pause()
        assert pause is not None and pause.cause == "coins_missing"
        assert bench.orders(Side.SELL) == []


@pytest.mark.parametrize(
    ("act", "words", "cause"),
    [
        ("key", {"withdraw": True}, "key_withdraws"),
        ("key", {"read_only": True}, "key_read_only"),
        ("account_kind", {"unified": True}, "account_kind"),
    ],
)
def test_a4_a6_a_key_that_may_withdraw_or_only_read_and_another_kind_of_account_stop_the_account(
    tmp_path: Path, act: str, words: dict[str, bool], cause: str
) -> None:
    """Looked at on start (and hourly): nothing is bought until the owner has accepted it."""
    with Simulator([ETH], {"USDT": MONEY}) as sim:
        sim.feed(a_price(ETH.market, D(2500), ETH.tick))
        sim.act(act, **words)
        with a_bench(tmp_path, sim=sim) as bench:
            pause = bench.engine.floor.account_pause
            assert pause is not None and pause.cause == cause
            assert bench.alerts().count(cause) == 1
            bench.on()
            for _ in range(20):
                bench.price("2500")
            assert sim.account().orders == ()
