"""Rows O18, O19: what a sale leaves and grown rules make unsellable ends its cycle as dust, with its cost."""

from dataclasses import replace
from decimal import Decimal

import pytest

from autotrader_v2.domain.cycle import Active, Dust, Idle, RestLeft, SaleBooked, SoldByHand, TermsChanged, apply
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Why
from tests.builders import NOW_MS, RULES, a_buy, a_fill, a_sale, an_active_cycle

D = Decimal


def after_a_sale(coins: str, quote: str) -> Active:
    """A cycle of 0.03992 coins, of which that many were sold a second later."""
    cycle = apply(Idle(market=RULES.market), a_buy(a_fill("0.04", "100"), ask="2500"))
    fill = a_sale(coins, quote, time_ms=NOW_MS + 1000)
    sold = apply(cycle, SaleBooked(client_id="t-test-9.1", cycle_id=1, why=Why.TAKE_PROFIT, fills=(fill,)))
    assert isinstance(sold, Active)
    return sold


def under(cycle: Active, **rules: object) -> Active:
    """The cycle under other rules."""
    after = apply(cycle, TermsChanged(params=cycle.params, rules=replace(cycle.rules, **rules)))
    assert isinstance(after, Active)
    return after


def test_o19_the_rest_of_a_sale_that_a_grown_lot_forbids_to_sell_is_dust() -> None:
    """It was worth more than a start, so the cycle went on with it; now nothing could ever sell it."""
    rest = after_a_sale("0.03", "77.4")
    assert rest.rest_since_ms
    assert not rest.unsellable_rest
    stuck = under(rest, amount_precision=2, min_base=D("0.01"))
    assert stuck.unsellable_rest
    after = apply(stuck, RestLeft(time_ms=NOW_MS + 2000))
    assert isinstance(after, Idle)
    assert after.tally.dust == Dust(rest.held, rest.invested)
    assert after.tally.realised == rest.tally.realised, "dust is no loss: it keeps its cost until it is sold"
    assert (after.tally.completed, after.tally.closed_ms) == (1, NOW_MS + 2000)


def test_o19_a_rest_that_began_a_cycle_of_its_own_is_dust_as_well() -> None:
    """Less than a start buy: the ladder restarted with it."""
    rest = after_a_sale("0.0380", "98.04")
    assert (rest.cycle_id, rest.rest_since_ms) == (2, 0)
    stuck = under(rest, min_quote=D(8))
    assert stuck.unsellable_rest
    after = apply(stuck, RestLeft(time_ms=NOW_MS + 2000))
    assert isinstance(after, Idle)
    assert after.tally.dust == Dust(rest.held, rest.invested)


def test_o19_what_a_sale_by_hand_left_is_a_rest_too() -> None:
    cycle = an_active_cycle()
    left = apply(cycle, SoldByHand(coins=D("0.002"), proceeds=D(5), time_ms=NOW_MS + 1, closes=False))
    assert isinstance(left, Active)
    assert not left.unsellable_rest
    assert under(left, min_base=D("0.003")).unsellable_rest


def test_o18_a_position_never_sold_from_waits_for_its_steps_or_its_owner() -> None:
    """A start buy that the exchange's new minimum forbids to sell is no dust: the next step makes it whole."""
    cycle = an_active_cycle()
    assert not under(cycle, amount_precision=2, min_base=D("0.01")).unsellable_rest


def test_o19_a_rest_that_dust_makes_whole_is_sold_with_it() -> None:
    rest = after_a_sale("0.0304", "78.432")
    with_dust = replace(rest, tally=replace(rest.tally, dust=Dust(D("0.0005"), D("1.2"))))
    assert under(rest, amount_precision=2).unsellable_rest
    assert not under(with_dust, amount_precision=2).unsellable_rest


def test_o19_trades_of_its_sale_told_after_the_cycle_ended_take_the_dust_along() -> None:
    """The rest was smaller than it seemed: a late trade of the same sale becomes a result, its coins leave the dust."""
    rest = after_a_sale("0.03", "77.4")
    idle = apply(under(rest, amount_precision=2), RestLeft(time_ms=NOW_MS + 2000))
    late = a_sale("0.0050", "12.9", trade_id="late", time_ms=NOW_MS + 1500)
    after = apply(idle, SaleBooked(client_id="t-test-9.1", cycle_id=1, why=Why.TAKE_PROFIT, fills=(late,)))
    assert isinstance(after, Idle)
    assert after.tally.dust.coins == rest.held - D("0.0050")
    assert after.tally.realised - idle.tally.realised > 0


@pytest.mark.parametrize("coins", ["0.004", "0.04"])
def test_o19_a_rest_left_of_nothing_open_changes_nothing(coins: str) -> None:
    idle = Idle(market=RULES.market, tally=replace(Idle(market=RULES.market).tally, dust=Dust(D(coins), ZERO)))
    assert apply(idle, RestLeft(time_ms=1)) == idle
