"""The objects of Gate's API, made from the matching core's records. Amounts and prices are texts."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import HUNDRED, ZERO, plain, step_of
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Levels
from autotrader_v2.matching.accounts import Account, LedgerRow
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.matching.fees import rate_of
from autotrader_v2.matching.matcher import Pit
from autotrader_v2.matching.records import Order, PublicTrade, Role, UserTrade
from autotrader_v2.matching.triggers import Trigger

_AVERAGE_EXTRA_DIGITS = 8
_FEE_FIELDS = (
    "fee",
    "fee_currency",
    "point_fee",
    "gt_fee",
    "gt_maker_fee",
    "gt_taker_fee",
    "gt_discount",
    "rebated_fee",
    "rebated_fee_currency",
)


def order_shape(order: Order) -> dict[str, Any]:
    """An order as REST shows it."""
    fees = order.account.fees
    rules = order.rules
    return {
        "id": str(order.id),
        "text": order.text,
        "amend_text": order.amend_text,
        "create_time": str(order.created_ms // 1000),
        "update_time": str(order.updated_ms // 1000),
        "create_time_ms": order.created_ms,
        "update_time_ms": order.updated_ms,
        "status": order.status,
        "currency_pair": order.pair,
        "type": order.type,
        "account": "spot",
        "side": order.side,
        "amount": plain(order.amount),
        "price": plain(order.price),
        "time_in_force": order.time_in_force,
        "iceberg": plain(order.iceberg),
        "left": plain(order.left),
        "filled_amount": plain(order.filled_base),
        "fill_price": plain(order.filled_quote),
        "filled_total": plain(order.filled_quote),
        "avg_deal_price": plain(_average(order)),
        "fee": plain(order.fee),
        "fee_currency": order.receives,
        "point_fee": plain(order.point_fee),
        "gt_fee": plain(order.gt_fee),
        "gt_maker_fee": plain(fees.gt_maker) if fees.pays_gt else "0",
        "gt_taker_fee": plain(fees.gt_taker) if fees.pays_gt else "0",
        "gt_discount": fees.pays_gt,
        "rebated_fee": "0",
        "rebated_fee_currency": rules.market.quote if order.side is Side.BUY else rules.market.base,
        "stp_id": order.account.stp_id,
        "stp_act": order.stp_act or "-",
        "finish_as": order.finish_as,
    }


def order_ack(order: Order) -> dict[str, Any]:
    """What `action_mode` ACK leaves of an order."""
    return {"id": str(order.id), "text": order.text, "amend_text": order.amend_text}


def order_result(order: Order) -> dict[str, Any]:
    """What `action_mode` RESULT leaves of an order: no fees."""
    shape = order_shape(order)
    for name in _FEE_FIELDS:
        del shape[name]
    return shape


def trade_shape(trade: UserTrade) -> dict[str, Any]:
    """An own trade as REST shows it."""
    return {
        "id": str(trade.id),
        "create_time": str(trade.time_ms // 1000),
        "create_time_ms": f"{trade.time_ms}.000",
        "currency_pair": trade.pair,
        "order_id": str(trade.order_id),
        "side": trade.side,
        "role": trade.role,
        "amount": plain(trade.amount),
        "price": plain(trade.price),
        "fee": plain(trade.fee),
        "fee_currency": trade.fee_currency,
        "point_fee": plain(trade.point_fee),
        "gt_fee": plain(trade.gt_fee),
        "sequence_id": str(trade.sequence),
        "text": trade.text,
        "amend_text": trade.amend_text,
        "deal": plain(trade.quote),
    }


def public_trade_shape(trade: PublicTrade) -> dict[str, Any]:
    """A print as REST shows it."""
    return {
        "id": str(trade.sequence),
        "create_time": str(trade.time_ms // 1000),
        "create_time_ms": f"{trade.time_ms}.000000",
        "currency_pair": trade.pair,
        "side": trade.side,
        "amount": plain(trade.amount),
        "price": plain(trade.price),
        "sequence_id": str(trade.sequence),
    }


def levels_shape(levels: Levels) -> list[tuple[str, str]]:
    """Book levels."""
    return [(plain(price), plain(size)) for price, size in levels]


def book_shape(pit: Pit, limit: int, now_ms: int, *, with_id: bool) -> dict[str, Any]:
    """An order book."""
    book = pit.book
    shape: dict[str, Any] = {
        "current": now_ms,
        "update": book.updated_ms,
        "asks": levels_shape(book.levels(Side.SELL, limit)),
        "bids": levels_shape(book.levels(Side.BUY, limit)),
    }
    return {"id": book.update_id, **shape} if with_id else shape


def ticker_shape(pit: Pit, now_ms: int, *, sizes: bool) -> dict[str, Any]:
    """A ticker; `sizes` only in a query for one pair."""
    bid, bid_size = pit.book.best(Side.BUY)
    ask, ask_size = pit.book.best(Side.SELL)
    day = pit.tape.day(now_ms)
    change = plain(day.change_pct.quantize(step_of(2), ROUND_HALF_EVEN))
    shape = {
        "currency_pair": pit.rules.market.pair,
        "last": plain(pit.book.last),
        "lowest_ask": plain(ask) if ask else "",
        "highest_bid": plain(bid) if bid else "",
        "change_percentage": change,
        "change_utc0": change,
        "change_utc8": change,
        "base_volume": plain(day.base),
        "quote_volume": plain(day.quote),
        "high_24h": plain(day.high),
        "low_24h": plain(day.low),
    }
    if sizes:
        shape |= {"lowest_size": plain(ask_size), "highest_size": plain(bid_size)}
    return shape


def pair_shape(rules: MarketRules, slippage: Decimal, *, st: bool = False) -> dict[str, Any]:
    """A currency pair with its rules; limits the market does not have are left out."""
    market = rules.market
    limits = {
        "min_base_amount": rules.min_base,
        "min_quote_amount": rules.min_quote,
        "max_base_amount": rules.max_base,
        "max_quote_amount": rules.max_quote,
    }
    return {
        "id": market.pair,
        "base": market.base,
        "base_name": rules.name or market.base,
        "quote": market.quote,
        "quote_name": "Tether" if market.quote == "USDT" else market.quote,
        "trade_quotes": [],
        "fee": plain(rules.fee * HUNDRED),
        **{name: plain(value) for name, value in limits.items() if value},
        "amount_precision": rules.amount_precision,
        "precision": rules.price_precision,
        "trade_status": rules.status,
        "sell_start": 0,
        "buy_start": 0,
        "delisting_time": rules.delisting_s,
        "type": "normal",
        "trade_url": f"https://www.gate.com/trade/{market.pair}",
        "st_tag": st,
        "up_rate": "0.08",
        "down_rate": "0.08",
        "slippage": plain(slippage),
        "market_order_max_stock": plain(rules.market_max_base),
        "market_order_max_money": plain(rules.market_max_quote),
    }


def currency_shape(currency: str, name: str) -> dict[str, Any]:
    """A currency; deposits and withdrawals are no business of this exchange."""
    return {
        "currency": currency,
        "name": name,
        "delisted": False,
        "withdraw_disabled": False,
        "withdraw_delayed": False,
        "deposit_disabled": False,
        "trade_disabled": False,
        "chain": currency,
        "chains": [
            {
                "name": currency,
                "addr": "",
                "withdraw_disabled": False,
                "withdraw_delayed": False,
                "deposit_disabled": False,
            }
        ],
    }


def fee_shape(account: Account, rules: MarketRules | None) -> dict[str, Any]:
    """An account's fees, in one market or (None) as the exchange's standard says."""
    fees = account.fees
    standard = Decimal("0.002") if rules is None else rules.fee
    shape: dict[str, Any] = {
        "user_id": account.user_id,
        "taker_fee": plain(rate_of(fees, standard, Role.TAKER)),
        "maker_fee": plain(rate_of(fees, standard, Role.MAKER)),
        "rpi_maker_fee": plain(rate_of(fees, standard, Role.MAKER)),
        "rpi_mm": 0,
        "gt_discount": fees.pays_gt,
        "gt_taker_fee": plain(fees.gt_taker) if fees.pays_gt else "0",
        "gt_maker_fee": plain(fees.gt_maker) if fees.pays_gt else "0",
        "loan_fee": "0.18",
        "point_type": "1",
        "debit_fee": 2 if fees.pays_points else 1 if fees.pays_gt else 3,
    }
    if rules is not None:
        shape["currency_pair"] = rules.market.pair
    return shape


def ledger_shape(row: LedgerRow) -> dict[str, Any]:
    """A row of the account book."""
    return {
        "id": str(row.id),
        "time": row.time_ms,
        "currency": row.currency,
        "change": plain(row.change),
        "balance": plain(row.balance),
        "type": row.kind,
        "code": str(row.code),
        "text": row.text,
    }


def trigger_shape(trigger: Trigger) -> dict[str, Any]:
    """A trigger order."""
    put = trigger.put
    return {
        "trigger": {"price": plain(trigger.price), "rule": trigger.rule, "expiration": trigger.expiration_s},
        "put": {
            "type": put.type,
            "side": put.side,
            "price": plain(put.price or ZERO),
            "amount": plain(put.amount),
            "account": trigger.put_account,
            "time_in_force": put.time_in_force,
            "text": put.source,
        },
        "id": trigger.id,
        "user": trigger.account.user_id,
        "market": put.pair,
        "ctime": trigger.created_ms // 1000,
        "ftime": trigger.finished_ms // 1000,
        "fired_order_id": trigger.fired_order_id,
        "status": trigger.status,
        "reason": trigger.reason,
    }


def currencies(core: MatchingCore) -> dict[str, str]:
    """Every currency of the exchange's markets with its name."""
    names: dict[str, str] = {}
    for pit in core.pits.values():
        names[pit.rules.market.base] = pit.rules.name or pit.rules.market.base
        names.setdefault(pit.rules.market.quote, pit.rules.market.quote)
    return names


def _average(order: Order) -> Decimal:
    if not order.filled_base:
        return ZERO
    step = step_of(order.rules.price_precision + _AVERAGE_EXTRA_DIGITS)
    return order.average_price.quantize(step, ROUND_HALF_EVEN)
