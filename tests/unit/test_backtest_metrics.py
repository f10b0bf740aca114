"""Figures of a backtest against sums done by hand."""

from decimal import Decimal as D

import pytest

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
from autotrader_v2.backtest.result import Result, Trade, Unpaid

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
