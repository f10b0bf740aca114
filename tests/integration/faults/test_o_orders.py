"""The order rows of the fault table: the box does it, the engine ends as the row promises."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.market_rules import RulesKeeper
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import SwitchMode
from tests.integration.faults.bench import MONEY, Bench, a_bench

D = Decimal
# Longer than an answer is waited for (4 s), and than absence is then proven in (about 5 s by `QUICK_PROOF`).
LATE_S = 9


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as bench:
        yield bench


@pytest.mark.slow
def test_o1_a_request_that_never_arrived_is_proven_absent_and_decided_anew(bench: Bench) -> None:
    bench.inject("lost_request")
    cycle = bench.start_buy()
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == ["absent", "filled"]
    assert cycle.bought[0].client_ids[0].endswith(".2")


def test_o2_an_order_whose_answer_was_dropped_is_found_and_booked_once(bench: Bench) -> None:
    bench.inject("lost_answer")
    bench.start_buy()
    bench.booked_once()
    assert list(bench.outcomes().values()) == ["filled"]


def test_o3_an_order_that_no_look_up_finds_is_found_among_trades_that_lag(bench: Bench) -> None:
    """By its label it is never found once it is finished, and lists come late."""
    bench.inject("lost_answer")
    bench.inject("lag", ms=800, path="/spot/orders*", times=3)
    bench.inject("ws_lost", channel="spot.usertrades*")
    bench.start_buy()
    bench.booked_once()


def test_o4_a_request_that_arrives_after_its_expiry_has_no_effect(bench: Bench) -> None:
    """It arrives after the three seconds of its life and is refused there, whatever we hear of it."""
    bench.inject("late", seconds=3.3)
    bench.on()
    bench.until("2500", "an order is out", lambda: bench.outcomes() != {})
    bench.until("2500", "one buy", lambda: bench.engine.state("ETH") == "ACTIVE")
    bench.booked_once()
    assert "filled" in bench.outcomes().values()
    assert len(bench.outcomes()) == 2


@pytest.mark.slow
def test_o4_a_request_that_arrives_after_it_was_proven_absent_buys_nothing(bench: Bench) -> None:
    """Long after we stopped listening, when the next attempt has bought already: only its expiry keeps it out."""
    bench.inject("late", seconds=LATE_S)
    bench.on()
    bench.until("2500", "an order is out", lambda: bench.outcomes() != {})
    began_s = time.monotonic()
    bench.until("2500", "the next attempt buys", lambda: bench.engine.state("ETH") == "ACTIVE", patience_s=60)
    bench.engine.until("the late one has arrived", lambda: time.monotonic() - began_s > LATE_S + 1)
    assert len(bench.orders()) == 1
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == ["absent", "filled"]


@pytest.mark.parametrize(
    ("status", "html", "executed"),
    [
        (500, False, True),
        (502, True, True),
        (503, False, True),
        (504, True, True),
        pytest.param(504, True, False, marks=pytest.mark.slow),
    ],
)
def test_o5_a_server_error_is_an_unknown_order_and_never_a_second_one(
    bench: Bench, status: int, html: bool, executed: bool
) -> None:
    bench.inject("error", status=status, html=html, executed=executed)
    bench.start_buy()
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == (["filled"] if executed else ["absent", "filled"])


@pytest.mark.parametrize(
    "words",
    [
        {},
        pytest.param({"label": False}, marks=pytest.mark.slow),
        {"fill_ratio": True, "reset_ms": 1},
        {"retry_after_s": 1},
    ],
    ids=str,
)
def test_o6_a_429_buys_nothing_and_the_next_attempt_buys_once(bench: Bench, words: dict[str, Any]) -> None:
    bench.inject("too_many", **words)
    bench.start_buy()
    bench.booked_once()


@pytest.mark.parametrize("how", ["cut", "reset", "half_json", "too_long", "too_short", "gzip_cut"])
def test_o7_an_answer_spoilt_on_its_way_is_found_out_and_booked_once(bench: Bench, how: str) -> None:
    bench.inject("spoilt", how=how)
    bench.start_buy()
    bench.booked_once()
    assert list(bench.outcomes().values()) == ["filled"]


def test_o8_a_repeated_request_halts_the_coin_and_shows_the_excess(bench: Bench) -> None:
    bench.inject("twice")
    bench.start_buy()
    bench.engine.until("it is halted", lambda: bench.pause() is not None, patience_s=5.0)
    pause = bench.pause()
    assert pause is not None and pause.cause == "order_doubled"
    assert "order_doubled" in bench.alerts()
    bench.engine.until("both are booked", bench.agree)
    label, again = bench.orders()
    assert label == again


@pytest.mark.parametrize("what", ["pair", "side", "amount", "negative", "text"])
def test_o9_an_impossible_answer_halts_the_coin_and_the_truth_is_booked(bench: Bench, what: str) -> None:
    bench.inject("impossible", what=what)
    bench.on()
    bench.until("2500", "it is halted", lambda: bench.pause() is not None)
    pause = bench.pause()
    assert pause is not None and pause.cause == "contract_broken"
    bench.booked_once()


def test_o10_a_partial_fill_is_booked_for_what_it_cost(bench: Bench) -> None:
    bench.inject("partial_fill", share="0.4", side="buy")
    bench.engine.desk.set_params("ETH", {"start_quote": "50"}, "test")
    cycle = bench.start_buy()
    bench.booked_once()
    assert D(18) < cycle.invested <= D(20)
    bench.inject("partial_fill", share="0.5", side="sell")
    bench.sale()
    assert len(bench.orders(Side.SELL)) == 2
    assert bench.agree()
    assert bench.sim.account().total("USDT") > MONEY


@pytest.mark.parametrize("finish_as", ["ioc", "depth_not_enough", "small"])
def test_o11_an_order_that_filled_nothing_is_closed_and_tried_at_another_price(bench: Bench, finish_as: str) -> None:
    bench.inject("no_fill", finish_as=finish_as)
    bench.start_buy()
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == ["filled", "unfilled"]


def test_o11_five_orders_in_a_row_that_filled_nothing_pause_the_coin(bench: Bench) -> None:
    """It waits after each, which a price 1 % away ends; after five somebody has to look."""
    bench.inject("no_fill", finish_as="ioc", times=6)
    engine = bench.engine
    engine.desk.switch("ETH", "on", "test")
    slot = engine.slot("ETH")
    for number in range(1, 6):
        price = str(2500 - 28 * (number - 1))  # never above what a decision already on its way may pay
        engine.until_price("ETH", price, f"{number} failed", lambda n=number: slot.state.buy_backoff.failures >= n)  # type: ignore[misc]
        state = slot.state  # One reading: on a crowded machine a wait may end before we look, and the next one fail.
        assert (state.pause is not None) is (state.buy_backoff.failures == 5)
    engine.price("ETH", "2500")
    assert slot.state.pause is not None
    assert (slot.state.pause.cause, dict(slot.state.pause.values)["times"]) == ("orders_fail", "5")
    assert list(bench.outcomes().values()) == ["unfilled"] * 5


def test_o14_o15_fills_told_before_the_answer_and_twice_are_booked_once(bench: Bench) -> None:
    bench.inject("slow", seconds=0.4)
    bench.inject("ws_twice", channel="spot.usertrades", times=5)
    bench.start_buy()
    bench.booked_once()
    assert bench.sim.faults.counts["ws_twice"] >= 1


@pytest.mark.parametrize("paid", ["base", "gt", "points"])
def test_o16_a_fee_in_the_coin_in_gt_or_in_points_leaves_the_coins_that_are_there(bench: Bench, paid: str) -> None:
    if paid != "base":
        bench.sim.act("deposit", currency="GT" if paid == "gt" else "POINT", amount="100")
        bench.sim.act("fees", **{"pays_gt" if paid == "gt" else "pays_points": True})
    cycle = bench.start_buy()
    bench.booked_once()
    bought = sum(one.amount for one in bench.sim.account().trades)
    assert (cycle.held == bought) is (paid != "base")
    # What a token costs is not known here: its worth is counted by the market's own fee, and marked as an estimate.
    [row] = cycle.bought
    assert row.fee_estimated is (paid != "base")
    assert row.cost - row.quote == (0 if paid == "base" else row.quote * cycle.rules.fee)
    bench.sale()
    assert bench.agree()


@pytest.mark.parametrize("how", ["quote", "unknown", "rebate", "missing"])
def test_o16_a_fee_told_strangely_never_sells_more_than_is_there(bench: Bench, how: str) -> None:
    """What is told of the fee may be wrong or nothing: the sale takes what the account has."""
    bench.inject("wrong_fee", how=how, times=0)
    bench.inject("ws_wrong_fee", how=how, times=0)
    bench.start_buy()
    bench.sale()
    sold = [one for one in bench.sim.account().orders if one.side is Side.SELL]
    assert len(sold) == 1 and sold[0].filled_base
    assert "refused" not in bench.outcomes().values()


def test_o17_a_rule_that_changed_is_read_again_and_the_order_decided_by_it(bench: Bench) -> None:
    """The minimum rose over the start amount: refused, read again, and then the ladder itself is what is wrong."""
    bench.engine.desk.set_params("ETH", {"start_quote": "10"}, "test")
    bench.sim.act("rules", pair="ETH_USDT", min_quote="12")
    bench.on()
    bench.until("2500", "the rules are read", lambda: bench.engine.slot("ETH").state.rules.min_quote == 12)
    bench.engine.until("nothing is in flight", lambda: bench.engine.floor.in_flight == set())
    assert bench.orders() == []
    assert set(bench.outcomes().values()) <= {"refused"}


def test_o18_precision_that_changes_in_a_cycle_does_not_stop_its_sale(bench: Bench) -> None:
    bench.engine.desk.set_params("ETH", {"start_quote": "100"}, "test")
    bench.start_buy()
    bench.sim.act("rules", pair="ETH_USDT", amount_precision=2, min_base="0.01")
    # What the engine does every ten minutes.
    RulesKeeper(bench.engine.floor).refresh([bench.engine.slot("ETH").market])
    bench.sale()
    assert bench.agree()
    (sold,) = [one for one in bench.sim.account().orders if one.side is Side.SELL and one.filled_base]
    assert sold.amount == sold.amount.quantize(D("0.01"))


def test_o18_o19_a_lot_that_grew_unseen_leaves_a_rest_that_ends_the_cycle_as_dust(bench: Bench) -> None:
    """The exchange cuts the sale to its new lots; the rest, refused alone, was kept as a cycle for ever."""
    bench.engine.desk.set_params("ETH", {"start_quote": "100"}, "test")
    cycle = bench.start_buy()
    bench.sim.act("rules", pair="ETH_USDT", amount_precision=2, min_base="0.01")
    bench.sale()
    assert bench.agree()
    after = bench.engine.slot("ETH").state
    assert (after.cycle.tally.dust.coins, after.switch) == (cycle.held - D("0.03"), SwitchMode.OFF)
    assert sum(one.filled_base for one in bench.sim.account().orders if one.side is Side.SELL) == D("0.03")


def test_o20_not_enough_money_is_refused_and_nothing_stays_reserved(bench: Bench) -> None:
    bench.inject("refused", label="BALANCE_NOT_ENOUGH", times=2)
    bench.start_buy()
    bench.booked_once()
    assert list(bench.outcomes().values()).count("filled") == 1
    assert "refused" in bench.outcomes().values()


@pytest.mark.parametrize("label", ["PRICE_THRESHOLD_EXCEEDED", "POC_FILL_IMMEDIATELY"])
def test_o21_a_known_refusal_is_definitive_and_tried_again_later(bench: Bench, label: str) -> None:
    bench.inject("refused", label=label)
    bench.start_buy()
    bench.booked_once()
    assert sorted(bench.outcomes().values()) == ["filled", "refused"]


def test_o21_an_unknown_label_halts_the_coin(bench: Bench) -> None:
    bench.inject("refused", label="MOON_PHASE_WRONG")
    bench.on()
    bench.until("2500", "it is halted", lambda: bench.pause() is not None)
    pause = bench.pause()
    assert pause is not None and pause.cause == "unknown_label"
    assert bench.orders() == []


@pytest.mark.parametrize(
    "words",
    [
        {"what": "extra"},
        {"what": "extra", "field": "fee_v9", "value": {"a": [1]}},
        {"what": "set", "field": "finish_as", "value": "brand_new"},
        {"what": "set", "field": "status", "value": "nearly"},
        {"what": "set", "field": "account", "value": None},
        {"what": "missing", "field": "finish_as"},
        {"what": "missing", "field": "filled_total"},
        {"what": "missing", "field": "currency_pair"},
        {"what": "missing", "field": "id"},
        {"what": "set", "field": "filled_amount", "value": "1,5"},
        {"what": "set", "field": "filled_total", "value": "NaN"},
    ],
    ids=lambda words: "-".join(str(word) for word in words.values()),
)
def test_o22_whatever_is_new_strange_or_missing_in_an_answer_the_order_is_booked_once(
    bench: Bench, words: dict[str, Any]
) -> None:
    bench.inject("strange", path="/spot/orders", method="POST", **words)
    bench.start_buy()
    bench.booked_once()
    assert list(bench.outcomes().values()) == ["filled"]


def test_o22_strange_fields_in_every_answer_and_update_change_nothing(bench: Bench) -> None:
    bench.inject("strange", what="extra", times=0)
    bench.inject("ws_strange", what="extra", times=0)
    bench.start_buy()
    bench.booked_once()
    bench.sale()
    assert bench.agree()
