"""Finding orders again, with the gaps the real exchange has (gate_api_v4 section 4.4 of the reference: by text only
while open, unfilled cancels gone after a minute, fresh orders invisible for a while)."""

from decimal import Decimal

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.records import Order, Status, UserTrade
from autotrader_v2.matching.refused import Label, Refused


def find_order(account: Account, pair: str, key: str, now_ms: int, knobs: Knobs) -> Order:
    """An order by id or by text; two orders of one text: the later one.

    Errors: `Refused` with ORDER_NOT_FOUND or CLIENT_ID_NOT_FOUND.
    """
    if key.startswith("t-"):
        order = account.by_text.get(key)
        known = order if order and order.pair == pair and _seen(order, now_ms, knobs) else None
        if known and (known.open or now_ms - known.updated_ms < knobs.text_lookup_ms):
            return known
        raise Refused(Label.CLIENT_ID_NOT_FOUND, f"Order with client ID {key[:40]} not found")
    order = account.orders.get(int(key)) if key.isascii() and key.isdigit() and len(key) <= 20 else None
    if order is None or order.pair != pair or not _seen(order, now_ms, knobs):
        raise Refused(Label.ORDER_NOT_FOUND, f"Order with ID {key[:40]} not found")
    return order


def open_orders(account: Account, pair: str | None, now_ms: int, knobs: Knobs) -> list[Order]:
    """Orders that still wait, newest first."""
    found = [order for order in account.open.values() if pair in (None, order.pair) and _seen(order, now_ms, knobs)]
    return found[::-1]


def finished_orders(
    account: Account,
    pair: str | None,
    now_ms: int,
    knobs: Knobs,
    *,
    from_ms: int = 0,
    to_ms: int | None = None,
    side: Side | None = None,
) -> list[Order]:
    """Orders that ended between the two moments, last ended first."""
    found = []
    for order in reversed(account.finished):
        if order.updated_ms < from_ms:
            break
        wanted = pair in (None, order.pair) and side in (None, order.side)
        if wanted and (to_ms is None or order.updated_ms <= to_ms) and _seen(order, now_ms, knobs):
            found.append(order)
    return found


def own_trades(
    account: Account,
    pair: str | None,
    *,
    order_id: int | None = None,
    from_ms: int = 0,
    to_ms: int | None = None,
) -> list[UserTrade]:
    """The account's trades between the two moments, newest first."""
    found = []
    for trade in reversed(account.trades):
        if trade.time_ms < from_ms:
            break
        wanted = pair in (None, trade.pair) and order_id in (None, trade.order_id)
        if wanted and (to_ms is None or trade.time_ms <= to_ms):
            found.append(trade)
    return found


def held(account: Account) -> dict[str, tuple[Decimal, Decimal]]:
    """Free and locked by currency, for comparing books."""
    return {currency: (one.available, one.locked) for currency, one in account.balances.items()}


def _seen(order: Order, now_ms: int, knobs: Knobs) -> bool:
    if now_ms - order.created_ms < knobs.visible_after_ms:
        return False
    vanished = order.status is Status.CANCELLED and not order.filled_base
    return not vanished or now_ms - order.updated_ms <= knobs.unfilled_kept_ms
