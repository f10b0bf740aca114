"""What an account may ask about itself: money, fees, trades, the dead man's switch."""

from collections.abc import Mapping
from typing import Any

from autotrader_v2.domain.money import plain
from autotrader_v2.matching.accounts import Balance
from autotrader_v2.matching.lookup import open_orders, own_trades
from autotrader_v2.matching.refused import Label
from autotrader_v2.simulator.desk import Caller
from autotrader_v2.simulator.errors import ApiError, bad_value, missing
from autotrader_v2.simulator.params import Params
from autotrader_v2.simulator.shapes import fee_shape, ledger_shape, order_shape, trade_shape
from autotrader_v2.simulator.trading import LIST_LIMIT_MAX, OPEN_LIMIT_MAX, page_of, period_of

_DAY_MS = 86_400_000
_RANGE_MAX_MS = 30 * _DAY_MS
_DEFAULT_RANGE_MS = 7 * _DAY_MS
_FEE_PAIRS_MAX = 50


def accounts(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """GET /spot/accounts"""
    wanted = params.text("currency")
    balances: Mapping[str, Balance] = caller.account.balances
    if caller.lag_ms:
        balances = caller.desk.memory.as_of(caller.account, caller.desk.core.now_ms() - caller.lag_ms)
    return [
        {
            "currency": currency,
            "available": plain(balance.available),
            "locked": plain(balance.locked),
            "update_id": balance.update_id,
        }
        for currency, balance in balances.items()
        if wanted in ("", currency)
    ]


def account_book(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """GET /spot/account_book, newest first"""
    from_ms, to_ms = _recent(caller, params)
    currency, kind, code = params.text("currency"), params.text("type"), params.text("code")
    rows = [
        row
        for row in reversed(caller.account.ledger)
        if from_ms <= row.time_ms <= to_ms
        and currency in ("", row.currency)
        and kind in ("", row.kind)
        and code in ("", str(row.code))
    ]
    return [ledger_shape(row) for row in page_of(rows, params, most=LIST_LIMIT_MAX)]


def wallet_fee(caller: Caller, params: Params) -> dict[str, Any]:
    """GET /wallet/fee"""
    futures = {
        f"{kind}_{role}_fee": value
        for kind in ("futures", "delivery")
        for role, value in (("taker", "0.00075"), ("maker", "0.0002"))
    }
    return _fee(caller, params.text("currency_pair")) | futures


def spot_fee(caller: Caller, params: Params) -> dict[str, Any]:
    """GET /spot/fee"""
    return _fee(caller, params.text("currency_pair"))


def batch_fee(caller: Caller, params: Params) -> dict[str, Any]:
    """GET /spot/batch_fee"""
    pairs = params.needed("currency_pairs").split(",")
    if len(pairs) > _FEE_PAIRS_MAX:
        raise ApiError("TOO_MANY_CURRENCY_PAIRS", f"At most {_FEE_PAIRS_MAX} currency pairs are allowed")
    return {pair: _fee(caller, pair) for pair in pairs}


def account_detail(caller: Caller, _params: Params) -> dict[str, Any]:
    """GET /account/detail"""
    return {
        "user_id": caller.account.user_id,
        "ip_whitelist": [],
        "currency_pairs": [],
        "key": {"mode": 2 if caller.account.unified else 1},
        "tier": 0,
        "copy_trading_role": 0,
    }


def main_keys(caller: Caller, _params: Params) -> list[dict[str, Any]]:
    """GET /account/main_keys: the account's one key with its rights"""
    rights = caller.desk.rights[caller.account.name]
    names = ("spot", "wallet", "withdraw") if rights.withdraw else ("spot", "wallet")
    return [
        {
            "state": 1,
            "mode": 2 if caller.account.unified else 1,
            "name": "simulated",
            "currency_pairs": [],
            "user_id": caller.account.user_id,
            "ip_whitelist": [],
            "perms": [{"name": name, "read_only": rights.read_only} for name in names],
            "key": f"{caller.account.name[:4]}****",
            "created_at": "0",
            "updated_at": "0",
            "last_access": "0",
        }
    ]


def my_trades(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """GET /spot/my_trades, newest first"""
    pair = params.text("currency_pair") or None
    if pair:
        caller.desk.core.pit(pair)
    order_id = None
    if params.has("order_id"):
        if pair is None:
            raise missing("currency_pair")
        order_id = params.whole("order_id", 0)
    from_ms, to_ms = _recent(caller, params)
    shown_ms = caller.shown_until_ms(to_ms)
    found = own_trades(caller.account, pair, order_id=order_id, from_ms=from_ms, to_ms=shown_ms)
    return [trade_shape(trade) for trade in page_of(found, params, most=LIST_LIMIT_MAX)]


def all_open_orders(caller: Caller, params: Params) -> list[dict[str, Any]]:
    """GET /spot/open_orders: by market, only those that have some"""
    core = caller.desk.core
    params.text("account")
    by_pair: dict[str, list[dict[str, Any]]] = {}
    for order in open_orders(caller.account, None, core.now_ms(), caller.knobs):
        by_pair.setdefault(order.pair, []).append(order_shape(order))
    pages = ((pair, len(orders), page_of(orders, params, most=OPEN_LIMIT_MAX)) for pair, orders in by_pair.items())
    return [{"currency_pair": pair, "total": total, "orders": orders} for pair, total, orders in pages]


def countdown(caller: Caller, params: Params) -> dict[str, Any]:
    """POST /spot/countdown_cancel_all"""
    timeout_s = params.whole("timeout", -1, least=-1, most=_RANGE_MAX_MS // 1000)
    if timeout_s < 0:
        raise missing("timeout") if not params.has("timeout") else bad_value("timeout", timeout_s)
    due_ms = caller.desk.core.countdown(caller.account, timeout_s, params.text("currency_pair") or None)
    return {"triggerTime": str(due_ms)}


def _fee(caller: Caller, pair: str) -> dict[str, Any]:
    return fee_shape(caller.account, caller.desk.core.pit(pair).rules if pair else None)


def _recent(caller: Caller, params: Params) -> tuple[int, int]:
    """The asked period; the last seven days when not told. Errors: `ApiError` for more than thirty."""
    now_ms = caller.desk.core.now_ms()
    from_ms, until_ms = period_of(params)
    to_ms = now_ms if until_ms is None else until_ms
    if not params.has("from"):
        from_ms = to_ms - _DEFAULT_RANGE_MS
    if to_ms - from_ms > _RANGE_MAX_MS + 1_000:
        raise ApiError(Label.INVALID_PARAM_VALUE, "The time range exceeds 30 days")
    return from_ms, to_ms
