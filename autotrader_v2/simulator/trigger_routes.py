"""Trigger orders over REST: /spot/price_orders."""

from enum import StrEnum
from typing import Any

from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from autotrader_v2.matching.triggers import Rule, Trigger, TriggerStatus
from autotrader_v2.simulator.desk import Caller
from autotrader_v2.simulator.errors import bad_value
from autotrader_v2.simulator.params import Params
from autotrader_v2.simulator.shapes import trigger_shape
from autotrader_v2.simulator.trading import LIST_LIMIT_MAX, ListStatus

_DEFAULT_EXPIRATION_S = 86_400


class PutAccount(StrEnum):
    """`normal` is spot; the others do not exist here."""

    NORMAL = "normal"


class PutTif(StrEnum):
    """How long a fired order may wait."""

    GTC = "gtc"
    IOC = "ioc"


def create(caller: Caller, params: Params) -> dict[str, Any]:
    """POST /spot/price_orders"""
    trigger, put = params.part("trigger"), params.part("put")
    request = OrderRequest(
        pair=params.needed("market"),
        side=put.choice("side", Side),
        type=put.choice("type", OrderType, OrderType.LIMIT),
        amount=put.needed_number("amount"),
        price=put.needed_number("price"),
        time_in_force=TimeInForce(put.choice("time_in_force", PutTif, PutTif.GTC)),
        source=put.text("text", "api")[:30],
    )
    made = caller.desk.core.triggers.add(
        caller.account,
        request,
        price=trigger.needed_number("price"),
        rule=trigger.choice("rule", Rule),
        expiration_s=trigger.whole("expiration", _DEFAULT_EXPIRATION_S),
        put_account=put.choice("account", PutAccount, PutAccount.NORMAL),
    )
    return {"id": made.id, "id_string": str(made.id)}


def listed(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """GET /spot/price_orders"""
    wants_open = params.choice("status", ListStatus) is ListStatus.OPEN
    limit = params.whole("limit", 100, least=1, most=LIST_LIMIT_MAX)
    offset = params.whole("offset", 0)
    found = [one for one in _of(caller, params) if (one.status is TriggerStatus.OPEN) is wants_open]
    return [trigger_shape(one) for one in found[offset : offset + limit]]


def one(caller: Caller, _params: Params, order_id: str) -> dict[str, Any]:
    """GET /spot/price_orders/{order_id}"""
    return trigger_shape(_get(caller, order_id))


def cancel(caller: Caller, _params: Params, order_id: str) -> dict[str, Any]:
    """DELETE /spot/price_orders/{order_id}"""
    trigger = _get(caller, order_id)
    caller.desk.core.triggers.cancel(trigger)
    return trigger_shape(trigger)


def cancel_all(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """DELETE /spot/price_orders"""
    waiting = [one for one in _of(caller, params) if one.status is TriggerStatus.OPEN]
    for trigger in waiting:
        caller.desk.core.triggers.cancel(trigger)
    return [trigger_shape(trigger) for trigger in waiting]


def _of(caller: Caller, params: Params) -> list[Trigger]:
    pair = params.text("market") or None
    if pair:
        caller.desk.core.pit(pair)
    return caller.desk.core.triggers.of(caller.account, pair)


def _get(caller: Caller, order_id: str) -> Trigger:
    if not (order_id.isascii() and order_id.isdigit() and len(order_id) <= 20):
        raise bad_value("order_id", order_id)
    return caller.desk.core.triggers.get(caller.account, int(order_id))
