"""Figures of a backtest against sums done by hand."""

from decimal import Decimal as D

import pytest

from autotrader_v2.app.lab_result import longest_cycle_ms
from autotrader_v2.backtest.metrics import (
    Drawdown,
    Price,
    annualised_pct,
    cycle_results,
    deepest_steps,
    drawdown,
    metrics_of,
    percentile,
    samples_of,
)
from autotrader_v2.backtest.metrics_of_one import Closes, metrics_of_one
from autotrader_v2.backtest.report import cycle_lengths
from autotrader_v2.backtest.result import Rest, Result, Trade, Unpaid, with_rests

_DAY_MS = 86_400_000


def _trade(ts_ms: int, side: str, base: str, quote: str, fee: str, *, step: int | None = None, cycle: int = 1) -> Trade:
    return Trade(
        ts_ms=ts_ms,
        symbol="BTC_USDT",
        side=side,
        step=step,
        base=D(base),
        quote=D(quote),
        fee=D(fee),
        fee_currency="BTC" if side == "buy" else "USDT",
        cycle_id=cycle,
    )


# 10 coins for 100, 9.9 arrive; 10 for 80, 9.9 arrive; 19.8 sold at 10, the fee is 1.98; a second cycle is open.
_TRADES = (
    _trade(1, "buy", "10", "100", "0.1", step=0),
    _trade(11, "buy", "10", "80", "0.1", step=1),
    _trade(21, "sell", "19.8", "198", "1.98"),
    _trade(31, "buy", "5", "50", "0", step=0, cycle=2),
)
_PRICES = [Price(at, "BTC_USDT", D(price)) for at, price in ((10, "9"), (20, "8"), (30, "10"), (40, "11"))]


def test_the_account_after_each_candle() -> None:
    assert [tuple(one) for one in samples_of(D(1000), _TRADES, _PRICES)] == [
        (10, D("900") + D("9.9") * 9, D(100)),
        (20, D("820") + D("19.8") * 8, D(180)),
        (30, D("1016.02"), D(0)),
        (40, D("966.02") + 55, D(50)),
    ]


def _sold_in_parts(rest: Rest) -> tuple[Trade, ...]:
    """10 coins for 100; 8 of them sold for 96, the rest for 21 (of the next cycle where it began one)."""
    last_of = 2 if rest is Rest.RESTARTED else 1
    return (
        _trade(1, "buy", "10", "100", "0", step=0),
        _trade(11, "sell", "8", "96", "0")._replace(rest=rest),
        _trade(31, "sell", "2", "21", "0", cycle=last_of),
    )


def test_what_a_sale_left_is_told_by_what_follows_it() -> None:
    for rest in Rest:
        parts = tuple(one._replace(rest=Rest.NONE) for one in _sold_in_parts(rest))
        if rest is Rest.NONE:
            parts = (*parts[:2], _trade(31, "buy", "2", "21", "0", step=0, cycle=2))
        told = with_rests(parts, {"BTC_USDT": 2} if rest is Rest.NONE else {})
        assert [one.rest for one in told] == [Rest.NONE, rest, Rest.NONE]
    # Nothing follows but a cycle that is open at the end.
    for open_cycle, rest in ((1, Rest.HELD), (2, Rest.RESTARTED)):
        assert with_rests(parts[:2], {"BTC_USDT": open_cycle})[-1].rest is rest
    assert with_rests(parts[:2], {"ETH_USDT": 1}) == parts[:2]


@pytest.mark.parametrize("rest", [Rest.HELD, Rest.RESTARTED])
def test_after_a_partial_sale_the_rest_still_holds_its_share_of_what_was_paid(rest: Rest) -> None:
    invested = [one.invested for one in samples_of(D(1000), _sold_in_parts(rest), _PRICES)]
    assert invested == [D(100), D(20), D(20), D(0)]
    closes = Closes(symbol="BTC_USDT", tick=D(1), ends_ms=[one.at_ms for one in _PRICES], ticks=[9, 8, 10, 11])
    found = metrics_of_one(_result(_sold_in_parts(rest)), closes, D(0))
    assert (found.capital_max, found.capital_p50, found.exposure_pct) == (D(100), D(20), D(75))


def test_a_cycle_that_was_sold_in_part_is_still_open() -> None:
    trades = _sold_in_parts(Rest.HELD)
    assert cycle_results(trades[:2]) == {} and cycle_results(trades) == {("BTC_USDT", 1): D(17)}
    found = metrics_of(_result(trades[:2]), _PRICES, D(0))
    assert (found.cycles_closed, found.cycles_open, found.realised) == (0, 1, D(0))
    assert longest_cycle_ms(trades[:2], 40) == 39 and cycle_lengths(trades[:2]) == []


def test_a_rest_as_small_as_a_start_buy_is_the_next_cycle_at_its_own_cost() -> None:
    """Neither is the first cycle's loss, nor all of it the second one's profit."""
    trades = _sold_in_parts(Rest.RESTARTED)
    assert cycle_results(trades[:2]) == {("BTC_USDT", 1): D(16)}
    assert cycle_results(trades) == {("BTC_USDT", 1): D(16), ("BTC_USDT", 2): D(1)}
    found = metrics_of(_result(trades[:2]), _PRICES, D(0))
    assert (found.cycles_closed, found.cycles_open, found.deepest) == (1, 1, {0: 2})
    assert longest_cycle_ms(trades[:2], 40) == 29 and cycle_lengths(trades) == [10, 20]


def test_coins_that_a_sale_cannot_take_are_no_loss_of_its_cycle() -> None:
    """Lots of one: 69 of 69.86 coins are sold, and the next sale takes a little of the rest. The first was a loss."""
    trades = (
        _trade(1, "buy", "70", "70", "0.14", step=0),
        _trade(11, "sell", "69", "69.7", "0"),
        _trade(21, "buy", "10", "10", "0.02", step=0, cycle=2),
        _trade(31, "sell", "10", "10.1", "0", cycle=2),
    )
    first = D("69.7") - D(70) * D(69) / D("69.86")
    second = D("10.1") - D(10) - (D(70) - D(70) * D(69) / D("69.86")) * D("0.02") / D("0.86")
    found = cycle_results(trades)
    assert abs(found["BTC_USDT", 1] - first) < D("1e-17") and first > 0
    assert abs(found["BTC_USDT", 2] - second) < D("1e-17")
    assert metrics_of(_result(trades), _PRICES, D(0)).win_rate_pct == 100


def _result(trades: tuple[Trade, ...]) -> Result:
    return Result(budget=D(1000), trades=trades, unpaid=(), quote=D(0), coins={"BTC_USDT": D(0)}, ladder_steps=1)


def test_figures_by_hand() -> None:
    unpaid = (Unpaid(ts_ms=35, symbol="BTC_USDT", cycle_id=2, step=1),)
    result = Result(
        budget=D(1000), trades=_TRADES, unpaid=unpaid, quote=D("966.02"), coins={"BTC_USDT": D(5)}, ladder_steps=1
    )
    found = metrics_of(result, _PRICES, D("0.002"))
    assert found.pnl == D("21.02")
    assert found.realised == D("16.02")
    assert found.annualised_pct is None
    assert found.max_drawdown == 1000 - (820 + D("158.4"))
    assert found.under_water_ms == 20
    assert (found.cycles_closed, found.cycles_open, found.cycles_won, found.win_rate_pct) == (1, 1, 1, 100)
    assert (found.deepest, found.ran_dry, found.unpaid) == ({0: 1, 1: 1}, 1, 1)
    assert (found.capital_p50, found.capital_p95, found.capital_max) == (50, 180, 180)
    assert found.exposure_pct == 75
    # 1000 buy 111.11... coins at 9, less the fee; worth 11 each at the end.
    assert abs(found.buy_and_hold.pnl - (D(1000) / 9 * D("0.998") * 11 - 1000)) < D("1e-30")
    assert found.periodic == found.buy_and_hold


def test_periodic_buying_spends_equal_parts_by_day() -> None:
    prices = [Price(1, "BTC_USDT", D(10)), Price(_DAY_MS, "BTC_USDT", D(5)), Price(_DAY_MS + 1, "BTC_USDT", D(10))]
    result = Result(budget=D(100), trades=(), unpaid=(), quote=D(100), coins={}, ladder_steps=3)
    found = metrics_of(result, prices, D(0))
    assert found.periodic.pnl == 50
    assert found.buy_and_hold.pnl == 0
    assert found.win_rate_pct is None
    assert found.pnl == 0 and found.exposure_pct == 0 and found.ran_dry == 0


def test_figures_need_prices() -> None:
    result = Result(budget=D(100), trades=(), unpaid=(), quote=D(100), coins={}, ladder_steps=3)
    with pytest.raises(ValueError, match="prices"):
        metrics_of(result, [], D(0))


@pytest.mark.parametrize(
    ("equity", "wanted"),
    [
        ([], Drawdown(D(0), D(0), 0)),
        ([(0, D(100)), (5, D(110))], Drawdown(D(0), D(0), 0)),
        ([(0, D(90)), (7, D(100))], Drawdown(D(10), D(10), 7)),
        ([(0, D(200)), (5, D(150)), (9, D(180)), (30, D(200)), (31, D(190))], Drawdown(D(50), D(25), 30)),
        ([(0, D(50)), (5, D(400)), (9, D(300))], Drawdown(D(100), D(50), 5)),
    ],
)
def test_drawdown(equity: list[tuple[int, D]], wanted: Drawdown) -> None:
    assert drawdown(D(100), equity) == wanted


def test_annualised() -> None:
    year_ms = 31_557_600_000
    assert annualised_pct(D(100), D(121), year_ms * 2) == 10
    assert annualised_pct(D(100), D(0), year_ms) is None
    assert annualised_pct(D(100), D(200), _DAY_MS - 1) is None


def test_percentile_is_the_nearest_rank() -> None:
    ordered = {D(n): 1 for n in range(1, 21)}
    assert (percentile(ordered, 50), percentile(ordered, 95), percentile(ordered, 0)) == (10, 19, 1)
    assert percentile({D(7): 1}, 95) == 7
    assert percentile({D(9): 1, D(2): 19}, 95) == 2


def test_a_cycle_counts_when_it_ended_with_a_sale() -> None:
    assert cycle_results(_TRADES) == {("BTC_USDT", 1): D("16.02")}
    assert deepest_steps(_TRADES) == {("BTC_USDT", 1): 1, ("BTC_USDT", 2): 0}
