"""Placing, changing, cancelling and finding orders: what REST routes and WebSocket calls have in common."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.amend import Amendment
from autotrader_v2.matching.lookup import find_order, finished_orders, open_orders
from autotrader_v2.matching.records import Order, OrderRequest, StpAct, TimeInForce
from autotrader_v2.matching.refused import Label, Refused
from autotrader_v2.simulator.desk import Caller
from autotrader_v2.simulator.errors import ApiError, api_error, bad_value, missing
from autotrader_v2.simulator.limits import CANCEL
from autotrader_v2.simulator.params import Params
from autotrader_v2.simulator.shapes import order_ack, order_result, order_shape

_PAIRS_PER_BATCH = 4
_ORDERS_PER_PAIR = 10
_CANCELS_PER_BATCH = 20
_AMENDS_PER_BATCH = 5
OPEN_LIMIT_MAX = 100
LIST_LIMIT_MAX = 1_000
_DEPTH_MAX = 100_000


class ActionMode(StrEnum):
    """How much of the order an answer shows."""

    FULL = "FULL"
    RESULT = "RESULT"
    ACK = "ACK"


class AccountKind(StrEnum):
    """Where the money lies; this exchange has spot accounts only."""

    SPOT = "spot"


class ListStatus(StrEnum):
    """Which orders a list shows."""

    OPEN = "open"
    FINISHED = "finished"


_SHAPES: dict[ActionMode, Callable[[Order], dict[str, Any]]] = {
    ActionMode.FULL: order_shape,
    ActionMode.RESULT: order_result,
    ActionMode.ACK: order_ack,
}


def place(caller: Caller, params: Params) -> dict[str, Any]:
    """Place one order. Errors: `ApiError`, `Refused`."""
    pair = params.text("currency_pair")
    caller.count_order(pair)
    mode = params.choice("action_mode", ActionMode, ActionMode.FULL)
    order = caller.desk.core.place(caller.account, _request(caller, params))
    return _SHAPES[mode](order)


def place_batch(caller: Caller, items: list[Params]) -> list[dict[str, Any]]:
    """Place many; one bad order does not fail the others. Errors: `ApiError` for the batch as a whole."""
    pairs = [item.needed("currency_pair") for item in items]
    if len(set(pairs)) > _PAIRS_PER_BATCH:
        raise ApiError("TOO_MANY_CURRENCY_PAIRS", f"At most {_PAIRS_PER_BATCH} currency pairs are allowed")
    if any(pairs.count(pair) > _ORDERS_PER_PAIR for pair in set(pairs)):
        raise ApiError("TOO_MANY_ORDERS", f"At most {_ORDERS_PER_PAIR} orders of one currency pair are allowed")
    if len({item.text("account", AccountKind.SPOT) for item in items}) > 1:
        raise ApiError("MIXED_ACCOUNT_TYPE", "All orders of a batch use the same account")
    for item in items:
        if not item.has("text"):
            raise missing("text")
    for pair in sorted(set(pairs)):
        caller.count_order(pair)

    def place_one(item: Params) -> dict[str, Any]:
        order = caller.desk.core.place(caller.account, _request(caller, item))
        return _SHAPES[item.choice("action_mode", ActionMode, ActionMode.FULL)](order) | {"order_id": str(order.id)}

    return [_outcome(place_one, item, {"text": item.text("text")}) for item in items]


def cancel(caller: Caller, params: Params, order_id: str) -> dict[str, Any]:
    """Cancel one order. Errors: `ApiError`, `Refused`."""
    caller.count(CANCEL, "cancel")
    _check_account(params)
    mode = params.choice("action_mode", ActionMode, ActionMode.FULL)
    return _SHAPES[mode](caller.desk.core.cancel(caller.account, params.needed("currency_pair"), order_id))


def cancel_pair(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """Cancel all orders of a market and side; without a market all of the account. Errors: `ApiError`, `Refused`."""
    caller.count(CANCEL, "cancel")
    _check_account(params)
    pair = params.text("currency_pair") or None
    side = params.choice("side", Side) if params.has("side") else None
    if pair:
        caller.desk.core.pit(pair)
    shape = _SHAPES[params.choice("action_mode", ActionMode, ActionMode.FULL)]
    cancelled = caller.desk.core.cancel_all(caller.account, pair, side)
    return [shape(order) | {"succeeded": True, "label": "", "message": ""} for order in cancelled]


def cancel_batch(caller: Caller, items: list[Params]) -> list[dict[str, Any]]:
    """Cancel many by id. Errors: `ApiError` for the batch as a whole."""
    caller.count(CANCEL, "cancel")
    if len(items) > _CANCELS_PER_BATCH:
        raise ApiError("TOO_MANY_ORDERS", f"At most {_CANCELS_PER_BATCH} orders can be cancelled at once")
    done = []
    for item in items:
        pair, order_id = item.needed("currency_pair"), item.needed("id")
        row: dict[str, Any] = {"currency_pair": pair, "id": order_id, "account": "spot"}
        try:
            order = caller.desk.core.cancel(caller.account, pair, order_id)
        except Refused as refused:
            row |= {"text": order_id, "succeeded": False} | api_error(refused).body
        else:
            row |= {"id": str(order.id), "text": order.text, "succeeded": True, "label": None, "message": None}
        done.append(row)
    return done


def amend(caller: Caller, params: Params, order_id: str) -> dict[str, Any]:
    """Change one order. Errors: `ApiError`, `Refused`."""
    pair = params.needed("currency_pair")
    caller.count_order(pair)
    mode = params.choice("action_mode", ActionMode, ActionMode.FULL)
    return _SHAPES[mode](caller.desk.core.amend(caller.account, pair, order_id, _amendment(caller, params)))


def amend_batch(caller: Caller, items: list[Params]) -> list[dict[str, Any]]:
    """Change many. Errors: `ApiError` for the batch as a whole."""
    if len(items) > _AMENDS_PER_BATCH:
        raise ApiError("TOO_MANY_ORDERS", f"At most {_AMENDS_PER_BATCH} orders can be amended at once")
    pairs = {item.needed("currency_pair") for item in items}
    for pair in sorted(pairs):
        caller.count_order(pair)

    def amend_one(item: Params) -> dict[str, Any]:
        pair, order_id = item.needed("currency_pair"), item.needed("order_id")
        order = caller.desk.core.amend(caller.account, pair, order_id, _amendment(caller, item))
        return order_shape(order) | {"order_id": str(order.id)}

    return [_outcome(amend_one, item, {"order_id": item.text("order_id")}) for item in items]


def status(caller: Caller, params: Params, order_id: str) -> dict[str, Any]:
    """One order by id or text. Errors: `ApiError`, `Refused`."""
    _check_account(params)
    core, pair = caller.desk.core, params.needed("currency_pair")
    core.pit(pair)
    return order_shape(find_order(caller.account, pair, order_id, core.now_ms(), caller.knobs))


def listed(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """Open or finished orders, newest first. Errors: `ApiError`, `Refused`."""
    _check_account(params)
    core = caller.desk.core
    pair = params.text("currency_pair") or None
    side = params.choice("side", Side) if params.has("side") else None
    if params.choice("status", ListStatus) is ListStatus.OPEN:
        if pair is None:
            raise missing("currency_pair")
        core.pit(pair)
        found = open_orders(caller.account, pair, core.now_ms(), caller.knobs)
        found = [order for order in found if side in (None, order.side)]
        return [order_shape(order) for order in page_of(found, params, most=OPEN_LIMIT_MAX)]
    if pair:
        core.pit(pair)
    from_ms, to_ms = period_of(params)
    to_ms = caller.shown_until_ms(to_ms)
    found = finished_orders(caller.account, pair, core.now_ms(), caller.knobs, from_ms=from_ms, to_ms=to_ms, side=side)
    return [order_shape(order) for order in page_of(found, params, most=LIST_LIMIT_MAX)]


def page_of(rows: list[Any], params: Params, *, most: int) -> list[Any]:
    """The wanted page; pages begin at 1. Errors: `ApiError`."""
    limit = params.whole("limit", min(100, most), least=1, most=most)
    page = params.whole("page", 1, least=0) or 1
    if limit * (page - 1) > _DEPTH_MAX:
        raise bad_value("page", page)
    return rows[limit * (page - 1) : limit * page]


def period_of(params: Params) -> tuple[int, int | None]:
    """`from` and `to` (seconds) in milliseconds, the last one inclusive; 0 and None when absent. Errors: `ApiError`."""
    from_s = params.whole("from", 0)
    if not params.has("to"):
        return from_s * 1000, None
    to_s = params.whole("to", 0)
    if to_s < from_s:
        raise bad_value("to", to_s)
    return from_s * 1000, to_s * 1000 + 999


def _request(caller: Caller, params: Params) -> OrderRequest:
    _check_account(params)
    if not params.has("currency_pair"):
        raise missing("currency_pair")
    kind = params.choice("type", OrderType, OrderType.LIMIT)
    amount = params.needed_number("amount")
    if kind is OrderType.LIMIT and params.number("price") is None:
        raise missing("price")
    default = TimeInForce.GTC if kind is OrderType.LIMIT else TimeInForce.IOC
    return OrderRequest(
        pair=params.text("currency_pair"),
        side=params.choice("side", Side),
        type=kind,
        amount=amount,
        price=params.number("price") if kind is OrderType.LIMIT else None,
        time_in_force=params.choice("time_in_force", TimeInForce, default),
        text=params.text("text"),
        source=caller.source,
        stp_act=params.choice("stp_act", StpAct) if params.text("stp_act", "-") != "-" else None,
        slippage=_fraction(params, "slippage"),
        iceberg=params.number("iceberg") or ZERO,
        expires_ms=caller.expires_ms,
        thin=caller.thin,
    )


def _amendment(caller: Caller, params: Params) -> Amendment:
    _check_account(params)
    wish = Amendment(amount=params.number("amount"), price=params.number("price"), expires_ms=caller.expires_ms)
    if wish.amount is None and wish.price is None:
        raise missing("amount or price")
    return replace(wish, text=params.text("amend_text", "-"))


def _fraction(params: Params, name: str) -> Decimal | None:
    value = params.number(name)
    if value is not None and not 0 <= value < 1:
        raise bad_value(name, value)
    return value


def _check_account(params: Params) -> None:
    params.choice("account", AccountKind, AccountKind.SPOT)


def _outcome(act: Callable[[Params], dict[str, Any]], item: Params, name: dict[str, str]) -> dict[str, Any]:
    """One row of a batch answer."""
    try:
        return act(item) | {"succeeded": True, "label": "", "message": ""}
    except Refused as refused:
        error = api_error(refused)
    except ApiError as caught:
        error = caught
    if error.label == Label.REQUEST_EXPIRED:
        raise error
    return name | {"currency_pair": item.text("currency_pair"), "succeeded": False} | error.body
