"""Limits of buys that are not kept must be caught, each by the auditor's own count."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from autotrader_v2.application import limits as counting
from autotrader_v2.application import recent_prices
from autotrader_v2.application.commands import Commands
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.limits import BuyLimits
from autotrader_v2.domain import limits as rules
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.simulation.campaign import run_worlds
from autotrader_v2.simulation.process import CONFIG
from autotrader_v2.simulation.world import BEGINS_MS, Plan
from tests.simulation.planted import FEW, first_caught

Patch = pytest.MonkeyPatch


def limited(rates: dict[str, float] | None = None, *, markets: int = 0, **values: Any) -> Plan:
    """Worlds in which buys keep these limits and no other."""
    config = replace(CONFIG, order_limits=replace(OrderLimits.none(), **values))
    return Plan(seed=0, rates=FEW if rates is None else rates, config=config, markets=markets)


# A band needs minutes: that many steps of one market take that long.
BAND: dict[str, Any] = {"band_pct": Decimal(5), "markets": 1}
ROWS: dict[str, Any] = {"order_rows": Decimal(1)}
PERSON = {"person_quick_buy": 0.3}
CLOCK = {**FEW, "clock_step": 0.1}


@pytest.mark.parametrize(
    ("values", "rates"),
    [
        (BAND, CLOCK),
        (ROWS, PERSON),
        ({"coin_turnover_day": Decimal(60), "account_turnover_day": Decimal(150)}, FEW),
        ({"coin_orders_day": 6, "account_orders_day": 12}, FEW),
        ({"account_orders_5min": 4}, CLOCK),
    ],
)
def test_limits_that_are_kept_break_nothing(values: dict[str, Any], rates: dict[str, float]) -> None:
    tally = run_worlds(range(1, 5), limited(rates, **values), 800)
    assert not tally.breaks
    assert tally.orders > 20


def test_a_buy_outside_the_band_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(BuyLimits, "_outside_band", lambda self, market, ask: None)
    assert first_caught(limited(**BAND)) == "I9"


def test_a_band_around_the_newest_price_is_caught(monkeypatch: Patch) -> None:
    """Instead of the median: every price lies within."""

    def newest(times_ms: Any, prices: Any, newest_ms: int) -> Decimal | None:
        return Decimal(repr(max(zip(times_ms, prices, strict=True))[1]))

    monkeypatch.setattr(recent_prices, "median_price", newest)
    assert first_caught(limited(**BAND)) == "I9"


def test_an_order_larger_than_rows_allow_is_caught(monkeypatch: Patch) -> None:
    right = rules.largest_row
    monkeypatch.setattr(counting, "largest_row", lambda params: right(params) * 10)
    assert first_caught(limited(PERSON, **ROWS)) == "I3"


@pytest.mark.parametrize(("which", "most"), [("coin_turnover_day", 60), ("account_turnover_day", 150)])
def test_a_day_with_more_turnover_than_allowed_is_caught(monkeypatch: Patch, which: str, most: int) -> None:
    monkeypatch.setattr(rules, "_too_dear", lambda *_values: None)
    assert first_caught(limited(**{which: Decimal(most)})) == "I3"


@pytest.mark.parametrize(("which", "most"), [("coin_orders_day", 6), ("account_orders_day", 12)])
def test_a_day_with_more_orders_than_allowed_is_caught(monkeypatch: Patch, which: str, most: int) -> None:
    """An engine whose day is five minutes, and a machine that sleeps longer."""
    monkeypatch.setattr(rules, "DAY_MS", rules.FEW_MINUTES_MS)
    assert first_caught(limited({"machine_sleeps": 0.1}, markets=1, **{which: most})) == "I3"


def test_a_clock_that_was_set_does_not_end_the_counting(monkeypatch: Patch) -> None:
    """An engine that counts no more once its clock was set."""
    right, began = rules._too_many, BEGINS_MS + 290_000

    def until_set(which: str, most: int, bought: Any, window_ms: int, now_ms: int) -> Any:
        return None if now_ms > began else right(which, most, bought, window_ms, now_ms)

    monkeypatch.setattr(rules, "_too_many", until_set)
    assert first_caught(limited(CLOCK, account_orders_5min=4)) == "I3"


def test_limits_that_were_changed_go_on_being_judged(monkeypatch: Patch) -> None:
    """An engine that writes down what its owner asks for and does as before."""
    right = BuyLimits.set_limits

    def none(self: BuyLimits, limits: OrderLimits) -> None:
        right(self, OrderLimits.none())

    monkeypatch.setattr(BuyLimits, "set_limits", none)
    assert first_caught(limited({"person_order_limits": 0.2}, account_orders_5min=4)) == "I3"


def test_limits_that_nobody_asked_for_are_caught(monkeypatch: Patch) -> None:
    right = Commands.set_order_limits

    def wide(self: Commands, changes: Mapping[str, Any], by: str) -> None:
        right(self, {**changes, "coin_orders_5min": 2 * changes["coin_orders_5min"]}, by)

    monkeypatch.setattr(Commands, "set_order_limits", wide)
    assert first_caught(Plan(seed=0, rates={"person_order_limits": 0.2})) == "I3"


def test_a_budget_made_smaller_while_a_buy_is_claimed_is_held_to(monkeypatch: Patch) -> None:
    """An engine that asks for the budget when it claims a buy, and not when that leaves."""
    rates = {"person_limits": 0.5, "person_switch": 0.2, "worker_starved": 0.5, "write_slow": 0.5}
    world = partial(run_worlds, (3, 6, 7), Plan(seed=0, rates=rates), 800, shrink=False)
    assert not world().breaks
    monkeypatch.setattr(Wallet, "still_allowed", lambda *_, **__: True)
    assert {one.invariant for one in world().breaks} == {"I3"}
