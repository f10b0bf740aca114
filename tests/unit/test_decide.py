"""TRADING_RULES.md "Deciding", rule by rule: two values and an `==`."""

from dataclasses import replace
from decimal import Decimal

import pytest

from autotrader_v2.domain.cycle import Dust, Idle, Tally
from autotrader_v2.domain.ladder import BadLadder, LadderParams, OrderStyle, planned
from autotrader_v2.domain.market import TradeStatus
from autotrader_v2.domain.orders import Why
from autotrader_v2.domain.situation import (
    Awaited,
    BaseReading,
    Buy,
    Hold,
    NeedBook,
    Pause,
    Reason,
    Sell,
    Situation,
    SwitchMode,
    decide,
    stricter,
)
from tests.builders import ETH, NOW_MS, PARAMS, RULES, a_quote, a_situation, an_active_cycle, holding

D = Decimal


def active(**changes: object) -> Situation:
    """A situation with an open cycle whose coins are there."""
    cycle = changes.pop("cycle", None) or an_active_cycle()
    return a_situation(**{"cycle": cycle, "base": holding(cycle), **changes})  # type: ignore[arg-type]


def reason(situation: Situation) -> Reason | str:
    action = decide(situation)
    return action.reason if isinstance(action, Hold) else type(action).__name__


def test_an_idle_market_that_may_start_buys_the_start_volume() -> None:
    assert decide(a_situation()) == Buy(Why.START, 0, D(10), D("2507.5000"), D(2500))


@pytest.mark.parametrize("unknown", [False, True])
def test_nothing_is_decided_while_an_order_is_out(unknown: bool) -> None:
    awaited = Awaited("start", NOW_MS, "t-test-1.1", unknown)
    expected = Reason.ORDER_UNKNOWN if unknown else Reason.ORDER_IN_FLIGHT
    assert reason(a_situation(awaited=awaited)) == expected
    assert reason(active(awaited=awaited, quote=a_quote("9999", "9999.01"))) == expected


def test_nothing_is_decided_while_a_command_is_written() -> None:
    assert reason(a_situation(awaited=Awaited("reset_cycle", NOW_MS))) == Reason.BUSY


def test_m7_no_order_on_a_missing_or_old_price() -> None:
    assert reason(a_situation(quote=None)) == Reason.NO_QUOTE
    assert reason(a_situation(now_ms=NOW_MS + 3001)) == Reason.QUOTE_TOO_OLD
    assert reason(a_situation(now_ms=NOW_MS + 3000)) == "Buy"


@pytest.mark.parametrize(
    ("known", "holds"), [("2500", False), ("7499", False), ("7501", True), ("833", True), ("834", False)]
)
def test_m17_a_price_that_no_market_moves_to_stops_both_sides(known: str, holds: bool) -> None:
    for cycle in (Idle(market=ETH), an_active_cycle()):
        said = reason(a_situation(cycle=cycle, known_price=Decimal(known)))
        assert (said == Reason.PRICE_LEAPED) == holds


@pytest.mark.parametrize(("known", "doubts"), [("2500", False), ("2385", False), ("2370", True), ("2640", True)])
def test_m8_one_price_far_from_the_last_decides_no_order_without_a_second_source(known: str, doubts: bool) -> None:
    """Buys and sales, a stop loss too: the book is read, and its word counts."""
    start = a_situation(known_price=Decimal(known))
    assert (decide(start) == NeedBook("buy")) == doubts
    sale = active(known_price=Decimal(known), quote=a_quote("2600", "2600.01"))
    wanted = abs(2600 - Decimal(known)) * 100 > Decimal(known) * 5
    assert (decide(sale) == NeedBook("sell")) == wanted
    vouched = a_quote("2600", "2600.01", from_book_read=True)
    assert reason(active(known_price=Decimal(known), quote=vouched)) == "Sell"


def test_a_quote_decides_at_most_one_order() -> None:
    assert reason(a_situation(quote_after_ms=NOW_MS)) == Reason.WAITS_FOR_NEW_QUOTE
    assert reason(a_situation(quote_after_ms=NOW_MS - 1)) == "Buy"


@pytest.mark.parametrize(
    ("mode", "start", "rebuy", "sell"),
    [
        (SwitchMode.ON, "Buy", "Buy", "Sell"),
        (SwitchMode.FINISH, Reason.FINISHING, "Buy", "Sell"),
        (SwitchMode.SELL_ONLY, Reason.SELL_ONLY, Reason.SELL_ONLY, "Sell"),
        (SwitchMode.OFF, Reason.OFF, Reason.OFF, Reason.OFF),
    ],
)
def test_the_switch_table(mode: SwitchMode, start: str, rebuy: str, sell: str) -> None:
    assert reason(a_situation(mode=mode)) == start
    assert reason(active(mode=mode, quote=a_quote("2462.40", "2462.50"))) == rebuy
    assert reason(active(mode=mode, quote=a_quote("2530.13", "2530.20"))) == sell


def test_the_stricter_switch_wins() -> None:
    assert stricter(SwitchMode.ON, SwitchMode.SELL_ONLY) is SwitchMode.SELL_ONLY
    assert stricter(SwitchMode.OFF, SwitchMode.FINISH) is SwitchMode.OFF


def test_a_pause_stops_buys_and_sales() -> None:
    pause = Pause(cause="sold_by_you", since_ms=NOW_MS)
    assert reason(a_situation(pause=pause)) == Reason.PAUSED
    assert reason(active(pause=pause, quote=a_quote("9999", "9999.01"))) == Reason.PAUSED


def test_a_sale_takes_the_whole_position_with_its_dust() -> None:
    cycle = an_active_cycle()
    dusty = replace(cycle, tally=replace(cycle.tally, dust=Dust(D("0.00009"), D("0.2"))))
    action = decide(active(cycle=dusty, quote=a_quote("2530.13", "2530.20")))
    assert action == Sell(Why.TAKE_PROFIT, D("0.0040"), dusty.breakeven, D("2530.13"))


def test_a_price_under_the_take_profit_does_not_sell() -> None:
    assert reason(active(quote=a_quote("2530.12", "2530.20"))) == Reason.BETWEEN_STEPS


def test_a_sale_needs_the_average_that_its_amount_would_get() -> None:
    """The best bid alone covers a fraction: depth is asked for, and decides."""
    thin = a_quote("2530.13", "2530.20", bid_size=D("0.001"))
    assert decide(active(quote=thin)) == NeedBook("sell")
    below = thin._replace(bids=((D("2530.13"), D("0.001")), (D("2500"), D(1))))
    assert reason(active(quote=below)) == Reason.THIN_BOOK
    enough = thin._replace(bids=((D("2531.00"), D("0.001")), (D("2530.00"), D(1))), bid=D("2531.00"))
    assert reason(active(quote=enough)) == "Sell"


def test_a_sale_is_not_blocked_by_spread_money_or_a_market_that_only_sells() -> None:
    wide = a_quote("2530.13", "9999")
    rules = replace(RULES, status=TradeStatus.SELLABLE, delisting_s=1_900_000_000)
    assert reason(active(quote=wide, free_quote=D(0), rules=rules)) == "Sell"


def test_m15_a_market_that_takes_no_sales_or_no_buys_holds_that_side() -> None:
    buyable, sellable = (replace(RULES, status=status) for status in (TradeStatus.BUYABLE, TradeStatus.SELLABLE))
    assert reason(active(quote=a_quote("2530.13", "2530.20"), rules=buyable)) == Reason.MARKET_CLOSED
    assert reason(a_situation(rules=sellable)) == Reason.MARKET_CLOSED
    assert reason(a_situation(rules=replace(RULES, delisting_s=1))) == Reason.DELISTING


def test_o19_a_position_too_small_for_the_exchange_is_not_sold() -> None:
    rules = replace(RULES, min_quote=D(50))
    assert reason(active(quote=a_quote("2530.13", "2530.20"), rules=rules)) == Reason.TOO_SMALL_TO_SELL


def test_a_rebuy_buys_the_tables_amount_at_the_tables_price() -> None:
    assert reason(active(quote=a_quote("2462.40", "2462.51"))) == Reason.BETWEEN_STEPS
    action = decide(active(quote=a_quote("2462.40", "2462.50")))
    assert action == Buy(Why.REBUY, 1, D(14), D("2462.50") * D("1.003"), D("2462.50"))


def test_a_rebuy_that_the_money_does_not_cover_says_what_it_needs_and_has() -> None:
    action = decide(active(quote=a_quote("2462.40", "2462.50"), free_quote=D("13.99")))
    assert action == Hold(Reason.NEEDS_MONEY, (("needs", D(14)), ("has", D("13.99")), ("step", 1)))


def test_two_buys_of_one_cycle_keep_their_distance_in_time() -> None:
    below = a_quote("2462.40", "2462.50")
    assert reason(active(quote=below, exchange_now_ms=NOW_MS + 4999)) == Reason.REBUY_PAUSE
    assert reason(active(quote=below, exchange_now_ms=NOW_MS + 5000)) == "Buy"


def test_m10_a_wide_spread_or_a_thin_book_stops_a_buy() -> None:
    assert reason(a_situation(quote=a_quote("2470", "2500"))) == Reason.SPREAD_TOO_WIDE
    thin = a_quote(ask_size=D("0.001"))
    assert decide(a_situation(quote=thin)) == NeedBook("buy")
    levels = ((D(2500), D("0.001")), (D(2600), D(1)))
    assert reason(a_situation(quote=thin._replace(asks=levels))) == Reason.THIN_BOOK


def test_a_capped_order_needs_no_depth_because_its_limit_is_the_worst_price() -> None:
    params = replace(PARAMS, order_style=OrderStyle.CAPPED)
    assert reason(a_situation(params=params, quote=a_quote(ask_size=D("0.001")))) == "Buy"


def test_a_ladder_used_up_holds_until_the_take_profit() -> None:
    cycle = an_active_cycle(params=LadderParams(steps=0))
    assert reason(active(cycle=cycle, quote=a_quote("2000", "2000.01"))) == Reason.LADDER_USED_UP


def test_a_stop_sells_everything_at_any_price_after_the_last_step() -> None:
    cycle = an_active_cycle(params=LadderParams(steps=0, stop_loss_pct=D(10)))
    assert cycle.stop_price == cycle.invested / cycle.held * D("0.9")
    action = decide(active(cycle=cycle, quote=a_quote("2000", "2000.01"), rules=replace(RULES, min_quote=D(1))))
    assert action == Sell(Why.STOP_LOSS, D("0.0039"), D(0), D(2000))


def test_an_order_of_a_cycle_waits_for_a_reading_later_than_the_last_order() -> None:
    assert reason(active(base=None, quote=a_quote("2462.40", "2462.50"))) == Reason.BALANCE_UNKNOWN
    assert reason(active(base=None, quote=a_quote("2530.13", "2530.20"))) == Reason.BALANCE_UNKNOWN
    assert reason(a_situation(base=None)) == Reason.BALANCE_UNKNOWN


def test_missing_coins_stop_both_sides() -> None:
    some = BaseReading(D("0.003"), D(0))
    assert reason(active(base=some, quote=a_quote("2462.40", "2462.50"))) == Reason.SHORTAGE
    assert reason(active(base=some, quote=a_quote("2530.13", "2530.20"))) == Reason.SHORTAGE


def test_coins_locked_in_a_persons_own_order_are_named() -> None:
    locked = BaseReading(D("0.001"), D("0.0029920"))
    assert reason(active(base=locked, quote=a_quote("2530.13", "2530.20"))) == Reason.LOCKED_IN_YOUR_ORDER


def test_coins_outside_the_cycle_worth_selling_stop_a_start() -> None:
    assert reason(a_situation(base=BaseReading(D("0.5"), D(0)))) == Reason.HOLDS_COINS
    ignored = Idle(market=ETH, tally=Tally(ignored=D("0.5")))
    assert reason(a_situation(cycle=ignored, base=BaseReading(D("0.5"), D(0)))) == "Buy"
    assert reason(a_situation(cycle=ignored, base=BaseReading(D("0.502"), D(0)))) == Reason.HOLDS_COINS
    assert reason(a_situation(base=BaseReading(D("0.0009"), D(0)))) == "Buy"


def test_dust_is_never_outside() -> None:
    dusty = Idle(market=ETH, tally=Tally(dust=Dust(D("0.5"), D(1))))
    assert reason(a_situation(cycle=dusty, base=BaseReading(D("0.5"), D(0)))) == "Buy"


def test_a_start_waits_for_its_cooldown_and_its_start_limit() -> None:
    sold = Idle(market=ETH, tally=Tally(closed_ms=NOW_MS))
    cooling = replace(PARAMS, cooldown_s=D(60))
    assert reason(a_situation(cycle=sold, params=cooling)) == Reason.COOLING_DOWN
    assert reason(a_situation(cycle=sold, params=cooling, exchange_now_ms=NOW_MS + 60_000)) == "Buy"
    limited = replace(PARAMS, start_limit=D("2499.99"))
    assert reason(a_situation(params=limited)) == Reason.ABOVE_START_LIMIT


def test_a_start_uses_only_what_other_ladders_leave() -> None:
    assert reason(a_situation(free_for_start=D("9.99"), free_quote=D(1000))) == Reason.NEEDS_MONEY


def test_a_back_off_holds_its_side_only() -> None:
    later = NOW_MS + 20_000
    assert reason(a_situation(not_before_buy_ms=later)) == Reason.BACKING_OFF
    assert reason(a_situation(not_before_sell_ms=later)) == "Buy"
    assert reason(active(not_before_sell_ms=later, quote=a_quote("2530.13", "2530.20"))) == Reason.BACKING_OFF


def test_o10_the_rest_of_a_partly_filled_sale_goes_at_breakeven_and_no_rebuy_for_a_minute() -> None:
    cycle = an_active_cycle(rest_since_ms=NOW_MS)
    assert reason(active(cycle=cycle, quote=a_quote("2510.04", "2510.10"))) == "Sell"
    below = a_quote("2462.40", "2462.50")
    assert reason(active(cycle=cycle, quote=below, exchange_now_ms=NOW_MS + 59_999)) == Reason.REBUY_PAUSE
    assert reason(active(cycle=cycle, quote=below, exchange_now_ms=NOW_MS + 60_000)) == "Buy"


def test_the_coin_that_pays_the_fees_is_refused() -> None:
    """Its balance shrinks with every trade of any market, so a cycle on it would always miss coins."""
    with pytest.raises(BadLadder) as refused:
        planned(PARAMS, replace(RULES, pays_fees=True), D(2500))
    assert refused.value.field == "market"


@pytest.mark.parametrize("style", list(OrderStyle))
@pytest.mark.parametrize("raised", [{"amount_precision": 1}, {"min_base": D("0.02")}, {"min_quote": D(20)}])
def test_o18_a_step_too_small_for_the_minimums_of_now_holds_and_sends_nothing(
    style: OrderStyle, raised: dict[str, object]
) -> None:
    """Seed 16001966: larger lots than the cycle began with made an order of no coins."""
    rules = replace(RULES, **raised)  # type: ignore[arg-type]
    params = replace(PARAMS, order_style=style)
    price = a_quote("2461", "2461.01")
    cycle = an_active_cycle()
    situation = active(cycle=cycle, quote=price, rules=rules, params=params)
    action = decide(situation)
    assert isinstance(action, Hold) and action.reason is Reason.BAD_LADDER
    assert "step 1" in dict(action.values)["why"]  # type: ignore[operator]
    assert reason(active(cycle=cycle, quote=price, params=params)) == "Buy"
