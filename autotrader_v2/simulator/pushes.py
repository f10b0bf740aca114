"""The `result` of each event-driven channel. Times are texts here where REST has numbers."""

from typing import Any

from autotrader_v2.domain.money import ZERO, plain
from autotrader_v2.matching.records import BalanceChanged, OrderChanged, PublicTrade, TradeMade, TriggerChanged
from autotrader_v2.simulator.shapes import order_shape

_FEES = ("fee", "point_fee", "gt_fee", "rebated_fee")


def order_push(event: OrderChanged) -> list[dict[str, Any]]:
    """spot.orders"""
    shape = order_shape(event.order)
    # Captured pushes have no status; what happened is told by the inner event.
    del shape["status"]
    shape |= {name: str(shape[name]) for name in ("create_time_ms", "update_time_ms")}
    return [shape | {"user": event.order.account.user_id, "event": event.change, "biz_info": "-"}]


def order_push_v2(event: OrderChanged) -> list[dict[str, Any]]:
    """spot.orders_v2: without the fees"""
    return [{name: value for name, value in row.items() if name not in _FEES} for row in order_push(event)]


def user_trade_push(event: TradeMade) -> list[dict[str, Any]]:
    """spot.usertrades"""
    trade = event.trade
    return [
        {
            "id": trade.id,
            "user_id": event.account.user_id,
            "order_id": str(trade.order_id),
            "currency_pair": trade.pair,
            "create_time": trade.time_ms // 1000,
            "create_time_ms": f"{trade.time_ms}.000",
            "side": trade.side,
            "amount": plain(trade.amount),
            "role": trade.role,
            "price": plain(trade.price),
            "fee": plain(trade.fee),
            "fee_currency": trade.fee_currency,
            "point_fee": plain(trade.point_fee),
            "gt_fee": plain(trade.gt_fee),
            "text": trade.text,
            "amend_text": trade.amend_text,
            "id_market": trade.sequence,
        }
    ]


def user_trade_push_v2(event: TradeMade) -> list[dict[str, Any]]:
    """spot.usertrades_v2: without the fees"""
    return [{name: value for name, value in row.items() if "fee" not in name} for row in user_trade_push(event)]


def balance_push(event: BalanceChanged, now_ms: int) -> list[dict[str, Any]]:
    """spot.balances"""
    return [
        {
            "timestamp": str(now_ms // 1000),
            "timestamp_ms": str(now_ms),
            "user": str(event.account.user_id),
            "currency": event.currency,
            "change": plain(event.change),
            "total": plain(event.available + event.locked),
            "available": plain(event.available),
            "freeze": plain(event.locked),
            "freeze_change": plain(event.freeze_change),
            "change_type": event.why,
        }
    ]


def public_trade_push(trade: PublicTrade) -> dict[str, Any]:
    """spot.trades"""
    return {
        "id": trade.sequence,
        "id_market": trade.sequence,
        "create_time": trade.time_ms // 1000,
        "create_time_ms": f"{trade.time_ms}.000000",
        "side": trade.side,
        "currency_pair": trade.pair,
        "amount": plain(trade.amount),
        "price": plain(trade.price),
        "range": f"{trade.sequence}-{trade.sequence}",
    }


def trigger_push(event: TriggerChanged) -> dict[str, Any]:
    """spot.priceorders"""
    trigger = event.trigger
    put = trigger.put
    base, quote = put.pair.split("_")
    return {
        "market": put.pair,
        "uid": str(trigger.account.user_id),
        "id": str(trigger.id),
        "currency_type": base,
        "exchange_type": quote,
        "reason": trigger.reason,
        "err_msg": trigger.reason,
        "fired_order_id": str(trigger.fired_order_id),
        "instant_cancel": False,
        "trigger_price": plain(trigger.price),
        "trigger_rule": trigger.rule,
        "side": put.side,
        "engine_type": trigger.put_account,
        "is_stop_order": False,
        "stop_trigger_price": "",
        "stop_trigger_rule": "",
        "stop_price": "",
        "order_type": put.type,
        "price": plain(put.price or ZERO),
        "amount": plain(put.amount),
        "time_in_force": put.time_in_force,
        "status": trigger.status,
        "ctime": trigger.created_ms // 1000,
        "ftime": trigger.finished_ms // 1000,
    }
