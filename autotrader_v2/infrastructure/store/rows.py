"""Values as rows, and rows as the same values again."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from autotrader_v2.application.events import CycleChanged
from autotrader_v2.application.ports import Credential, JournalRefused, OpenAttempt, Scope
from autotrader_v2.domain.cycle import Active, BuyBooked, SaleBooked, SoldByHand, WrittenOff
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Book, ClientId, Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.infrastructure.store import codec

# Events that end in a result: what a sale earned, what a person wrote off.
RESULT_KINDS = (SaleBooked, SoldByHand, WrittenOff)

Row = dict[str, Any]
market_of = lru_cache(maxsize=4096)(codec.market_from_text)
# In a decision's payload: the prices it was taken on, beside its own values; for a replay, not for people.
SAW = "_saw"


def intent_row(attempt: Row) -> Row:
    """What is wanted, whatever it takes: one row for all attempts. It holds more than its columns."""
    return {**attempt, "created_ms": attempt["decided_ms"], "state": "open"}


def attempt_row(account: str, intent: OrderIntent, label: ClientId) -> Row:
    """The order as it is about to leave, complete."""
    return {
        "client_id": intent.client_id,
        "number": label.number,
        "attempt": label.attempt,
        "account": account,
        "market": str(intent.market),
        "book": intent.book.value,
        "side": intent.side.value,
        "type": intent.type.value,
        "amount": str(intent.amount),
        "why": intent.why.value,
        "cycle_id": intent.cycle_id,
        "step": intent.step,
        "worst_price": str(intent.worst_price),
        "seen_price": str(intent.seen_price),
        "max_cost": str(intent.max_cost),
        "limit_price": None if intent.limit_price is None else str(intent.limit_price),
        "decided_ms": intent.decided_ms,
        "expires_ms": intent.expires_ms,
        "state": "intended",
        "order_id": "",
        "label": "",
        "closed_ms": None,
        "sent_ms": None,
        "answered_ms": None,
        "traded": None,
    }


def open_attempt(row: Mapping[str, Any]) -> OpenAttempt:
    """The attempt of a row, equal to what was written."""
    limit_price = row["limit_price"]
    intent = OrderIntent(
        client_id=row["client_id"],
        market=market_of(row["market"]),
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        amount=Decimal(row["amount"]),
        why=Why(row["why"]),
        cycle_id=row["cycle_id"],
        step=row["step"],
        worst_price=Decimal(row["worst_price"]),
        seen_price=Decimal(row["seen_price"]),
        decided_ms=row["decided_ms"],
        max_cost=Decimal(row["max_cost"]),
        limit_price=None if limit_price is None else Decimal(limit_price),
        book=Book(row["book"]),
        expires_ms=row["expires_ms"],
    )
    return OpenAttempt(intent=intent, order_id=row["order_id"], traded=bool(row.get("traded")))


def fill_row(account: str, client_id: str, fill: Fill) -> Row:
    """A trade of the attempt `client_id`; `label` is what the exchange told, maybe nothing."""
    return {
        "account": account,
        "market": str(fill.market),
        "client_id": client_id,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "label": fill.client_id,
        "side": fill.side.value,
        "base": str(fill.base),
        "quote": str(fill.quote),
        "fee": str(fill.fee),
        "fee_currency": fill.fee_currency,
        "time_ms": fill.time_ms,
    }


def fill_of(row: tuple[Any, ...]) -> Fill:
    """The fill of a row of `statements.FILL_COLUMNS`, equal to what was written."""
    trade_id, order_id, label, market, side, base, quote, fee, fee_currency, time_ms = row
    return Fill(
        trade_id=trade_id,
        order_id=order_id,
        client_id=label,
        market=market_of(market),
        side=Side(side),
        base=Decimal(base),
        quote=Decimal(quote),
        fee=Decimal(fee),
        fee_currency=fee_currency,
        time_ms=time_ms,
    )


def event_row(account: str, record: CycleChanged) -> Row:
    """A cycle event; `result` is filled in by the writer, which knows what was realised before."""
    kind, payload = codec.event_to_text(record.event)
    after, event = record.after, record.event
    if isinstance(event, BuyBooked | SaleBooked):
        cycle_id = event.cycle_id
    else:
        cycle_id = after.cycle_id if isinstance(after, Active) else after.tally.last_cycle_id
    return {
        "account": account,
        "market": str(record.market),
        "book": Book.AVERAGING.value,
        "cycle_id": cycle_id,
        "kind": kind,
        "payload": payload,
        "realised": str(after.tally.realised),
        "result": None,
        "time_ms": record.time_ms,
    }


def decision_values(payload: str) -> dict[str, Any]:
    """A decision's own values."""
    values: dict[str, Any] = codec.from_text(payload)
    values.pop(SAW, None)
    return values


def label_of(client_id: str) -> ClientId:
    """Our label taken apart. Errors: `JournalRefused` for a label that is not ours."""
    label = ClientId.parse(client_id)
    if label is None:
        raise JournalRefused(f"{client_id!r} is not a label of this program.", do="Nothing was sent.")
    return label


def text_of(market: Market | None) -> str | None:
    """A market's column."""
    return None if market is None else str(market)


def credential_of(row: Mapping[Any, Any]) -> Credential:
    """A row of `credentials`."""
    names = ("id", "kind", "name", "digest", "created_ms", "created_by", "used_ms", "revoked_ms")
    return Credential(scope=Scope(row["scope"]), **{name: row[name] for name in names})
