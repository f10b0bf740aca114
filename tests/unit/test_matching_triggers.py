"""Trigger orders wait outside the book."""

from decimal import Decimal

import pytest

from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.matching.records import OrderRequest
from autotrader_v2.matching.refused import Refused
from autotrader_v2.matching.triggers import Rule, Trigger, TriggerStatus
from tests.unit.test_matching_orders import World

STOP = OrderRequest(pair="LTC_USDT", side=Side.SELL, type=OrderType.LIMIT, amount=Decimal(1), price=Decimal(59))


def armed(world: World, **changes: Decimal) -> Trigger:
    """A stop of alice at 60, selling one coin for 59 or more."""
    return world.core.triggers.add(
        world.alice,
        STOP,
        price=changes.get("price", Decimal(60)),
        rule=Rule.AT_MOST,
        expiration_s=100,
        put_account="normal",
    )


@pytest.fixture
def world() -> World:
    """One market at 64.02 / 64.03."""
    world = World()
    world.price("64.02", "64.03")
    return world


def test_a_trigger_fires_once_when_the_price_comes_and_links_its_order(world: World) -> None:
    trigger = armed(world)
    assert world.alice.balance("LTC").locked == 0
    world.price("60.50", "60.60")
    assert trigger.status is TriggerStatus.OPEN
    world.price("60", "60.10")
    world.price("59", "60")
    order = world.alice.orders[trigger.fired_order_id]
    assert (trigger.status, order.filled_base, order.average_price) == (TriggerStatus.FINISH, 1, 60)
    assert trigger.id != order.id and len(world.alice.orders) == 1


def test_a_trigger_that_cannot_place_fails(world: World) -> None:
    trigger = armed(world)
    world.core.withdraw(world.alice, "LTC", Decimal(100))
    world.price("59", "60")
    assert (trigger.status, trigger.fired_order_id, trigger.reason) == (TriggerStatus.FAILED, 0, "Not enough balance")


def test_a_trigger_expires_and_can_be_cancelled(world: World) -> None:
    late, cancelled = armed(world), armed(world)
    world.core.triggers.cancel(cancelled)
    world.now_ms += 100_000
    world.core.advance()
    world.price("59", "60")
    assert (late.status, cancelled.status) == (TriggerStatus.EXPIRED, TriggerStatus.CANCELLED)
    assert world.core.triggers.of(world.alice) == [cancelled, late]
    with pytest.raises(Refused):
        world.core.triggers.cancel(cancelled)
    with pytest.raises(Refused):
        world.core.triggers.get(world.bob, late.id)


def test_a_trigger_must_point_away_from_the_price(world: World) -> None:
    with pytest.raises(Refused, match="already"):
        armed(world, price=Decimal(65))


def test_a_trigger_order_is_a_limit_order() -> None:
    core = MatchingCore([rules_for("LTC")], now_ms=lambda: 1)
    market = OrderRequest(pair="LTC_USDT", side=Side.SELL, type=OrderType.MARKET, amount=Decimal(1))
    with pytest.raises(Refused, match="market"):
        core.triggers.add(
            core.open_account("a", {}),
            market,
            price=Decimal(1),
            rule=Rule.AT_MOST,
            expiration_s=9,
            put_account="normal",
        )
