"""What became of an order: the exchange's own books are read, all of them, and put together.

The label may stand on more than one order (it is no key, and something between us and the exchange may repeat a
request). Then every one of them is part of the answer: their trades are what the attempt moved.
"""

from autotrader_v2.application.ports import Found, NotSeen
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult
from autotrader_v2.infrastructure.gate.placing import complete
from autotrader_v2.infrastructure.gate.private_reads import PrivateReads
from autotrader_v2.infrastructure.gate.server_time import BEFORE_EXPIRY_MS
from autotrader_v2.infrastructure.gate.wire import OrderRow, by_time


def find(reads: PrivateReads, intent: OrderIntent, order_id: str) -> Found | NotSeen:
    """See `Exchange.find`. Open orders are read before finished ones: an order that ends meanwhile is in the latter.

    Errors: `ExchangeUnavailable` when one of the reads failed.
    """
    pair, text = intent.market.pair, intent.client_id
    since_ms = (intent.expires_ms or intent.decided_ms) - BEFORE_EXPIRY_MS
    rows = [*reads.open_orders(pair), *reads.finished_orders(pair, since_ms)]
    orders = {str(row.id): row for row in rows if _is_it(row, text, order_id)}
    trades = reads.trades(pair, since_ms)
    wanted = {*orders, order_id, *(fill.order_id for fill in trades if fill.client_id == text)} - {""}
    # Lists may lag behind; by id or text the exchange may know it already. A missing text proves nothing.
    for key in (wanted - set(orders)) or ({text} if not orders else set()):
        row = reads.order(key, pair)
        if row is not None and row.currency_pair == pair and _is_it(row, text, order_id):
            orders[str(row.id)] = row
    fills = {key: tuple(fill for fill in trades if fill.order_id == key) for key in {*wanted, *orders}}
    for key, row in orders.items():
        if row.filled_amount and not complete(fills[key], row):
            fills[key] = reads.trades_of_order(key, pair)
    return _found(intent, order_id, orders, fills)


def _is_it(row: OrderRow, text: str, order_id: str) -> bool:
    """By its label; an id that came with a strange answer must not lead to an order of another label."""
    return row.text == text or (str(row.id) == order_id and not row.text.startswith("t-"))


def _found(
    intent: OrderIntent, order_id: str, orders: dict[str, OrderRow], fills: dict[str, tuple[Fill, ...]]
) -> Found | NotSeen:
    every = by_time(fill for part in fills.values() for fill in part)
    if not orders and not every:
        return NotSeen()
    known = order_id if order_id in orders else next(iter(orders), every[0].order_id if every else order_id)
    result = OrderResult(
        client_id=intent.client_id,
        order_id=known,
        fills=every,
        note=", ".join(sorted({row.finish_as for row in orders.values()})),
    )
    # Trades whose order is not told yet may have brothers.
    orphans = any(part for key, part in fills.items() if key not in orders)
    finished = not orphans and all(
        not row.rests and (complete(fills[key], row) if row.filled_amount else not fills[key])
        for key, row in orders.items()
    )
    traded = bool(every) or any(row.filled_amount for row in orders.values())
    rests = any(row.rests for row in orders.values())
    return Found(result, finished=finished, traded=traded and not finished, rests=rests)
