"""What was decided, sent and closed."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import Field, JsonValue

from web.api.tables import OfSymbol, Page, Paged, Side, Word, page_of, which_of
from web.api.trades import Trade
from web.endpoints import Answer, asks, desk
from web.exports import exports
from web.fields import Amount, Currency, Limit, Part, Reply, Request, Values

blueprint = Blueprint("history", __name__)
DECISION_COLUMNS = ("time_ms", "symbol", "kind", "reason", "values")
ORDER_COLUMNS = (
    "created_ms",
    "closed_ms",
    "symbol",
    "side",
    "type",
    "why",
    "step",
    "amount",
    "outcome",
    "filled_base",
    "filled_quote",
    "label",
    "cycle_id",
    "client_id",
    "order_id",
)
RECORD_COLUMNS = ("time_ms", "kind", "symbol", "name", "by", "values")


class WhichCycles(Request):
    """Closed cycles of a currency."""

    base_currency: Currency
    limit: Limit = 100


class TheseDecisions(OfSymbol):
    """`kind`: what was decided; `why`: the reason."""

    kind: Literal["buy", "sell", "hold"] | None = None
    why: Word | None = None


class WhichDecisions(TheseDecisions, Paged):
    """A page of them. `base_currency` is the older name of `symbol`."""

    base_currency: Currency | None = None


class TheseOrders(OfSymbol):
    """`state`: what became of them; `why`: what they were for."""

    side: Side | None = None
    why: Word | None = None
    state: Literal["open", "unknown", "filled", "unfilled", "not_sent", "refused", "absent"] | None = None


class WhichOrders(TheseOrders, Paged):
    """A page of them. `base_currency` is the older name of `symbol`."""

    base_currency: Currency | None = None


class OneOrder(Request):
    """By our own label."""

    client_id: Annotated[str, Field(pattern=r"^[0-9a-z.-]{1,40}$")]


class TheseRecords(OfSymbol):
    """`kind`: what kind of row."""

    kind: Literal["alert", "command", "params", "pause", "setting", "switch"] | None = None


class WhichRecords(TheseRecords, Paged):
    """A page of them."""


class Decision(Part):
    """What the engine decided, and why."""

    id: int
    time_ms: int
    symbol: str
    currency: str
    kind: Literal["buy", "sell", "hold"]
    reason: str
    values: Values


class Decisions(Page):
    """Newest first."""

    decisions: list[Decision]


class Signals(Page):
    """Newest first."""

    signals: list[Decision]


class OrderAttempt(Part):
    """What was wanted and what became of it. `amount`: quote of a market buy, else coins."""

    client_id: str
    symbol: str
    currency: str
    side: Side
    type: str
    why: str
    step: int | None
    amount: Amount
    state: str
    outcome: str | None
    label: str | None
    created_ms: int
    closed_ms: int | None
    filled_base: Amount
    filled_quote: Amount
    order_id: str | None
    cycle_id: int
    book: str


class OrderRow(OrderAttempt):
    """`id`: its place in the journal."""

    id: int


class Orders(Page):
    """Newest first."""

    orders: list[OrderRow]


class OtherAttempt(Part):
    """An attempt at the same intent."""

    client_id: str
    state: str
    time_ms: int


class OrderLife(OrderAttempt):
    """Prices: what was seen when it was decided, the worst it may get, its limit; `max_cost` in quote."""

    number: int
    attempt: int
    seen_price: Amount
    worst_price: Amount
    limit_price: Amount | None
    max_cost: Amount
    expires_ms: int | None
    sent_ms: int | None
    answered_ms: int | None
    fills: list[Trade]
    attempts: list[OtherAttempt]


class OrderAnswer(Reply):
    """One order's life."""

    order: OrderLife


class Recorded(Part):
    """Something changed or told. `values` are what the kind of row has to tell."""

    id: str
    time_ms: int
    kind: Literal["alert", "command", "params", "pause", "setting", "switch"]
    symbol: str | None
    currency: str | None
    name: str
    by: str
    priority: str | None
    values: JsonValue


class Record(Page):
    """Newest first."""

    record: list[Recorded]


class ClosedCycle(Part):
    """`closed_by`: what its last order was for, or what a person did. `fees` by currency."""

    cycle_id: int
    symbol: str
    currency: str
    opened_ms: int
    closed_ms: int
    steps_used: int
    buys: int
    invested: Amount
    realised: Amount
    fees: dict[str, Amount]
    closed_by: str


class Cycles(Reply):
    """Newest first."""

    cycles: list[ClosedCycle]


@blueprint.get("/api/decisions")
@asks(WhichDecisions, Decisions)
def decisions(which: WhichDecisions) -> Answer:
    """Decisions, the engine's signals, newest first; one is kept when its kind or reason changed."""
    asked = _named(which)
    return page_of("decisions", desk().reports.decisions, which_of(asked, state=which.kind), which.limit)


@blueprint.get("/api/decisions.csv")
@exports(TheseDecisions, "mtrade-decisions", DECISION_COLUMNS)
def decisions_file(which: TheseDecisions) -> Iterator[Mapping[str, Any]]:
    """Decisions as CSV, newest first."""
    reports = desk().reports
    return reports.every(reports.decisions, which_of(which, state=which.kind))


@blueprint.get("/api/orders")
@asks(WhichOrders, Orders)
def orders(which: WhichOrders) -> Answer:
    """Order attempts with what became of them, newest first."""
    return page_of("orders", desk().reports.orders, which_of(_named(which), state=which.state), which.limit)


@blueprint.get("/api/orders.csv")
@exports(TheseOrders, "mtrade-orders", ORDER_COLUMNS)
def orders_file(which: TheseOrders) -> Iterator[Mapping[str, Any]]:
    """Order attempts as CSV, newest first."""
    reports = desk().reports
    return reports.every(reports.orders, which_of(which, state=which.state))


@blueprint.get("/api/order")
@asks(OneOrder, OrderAnswer)
def order(which: OneOrder) -> Answer:
    """One order's life: what was wanted, its attempts, its trades, how it ended."""
    return desk().reports.order(which.client_id)


@blueprint.get("/api/record")
@asks(WhichRecords, Record)
def record(which: WhichRecords) -> Answer:
    """What persons and the engine itself changed and told, newest first."""
    return page_of("record", desk().reports.record, which_of(which, state=which.kind), which.limit)


@blueprint.get("/api/record.csv")
@exports(TheseRecords, "mtrade-record", RECORD_COLUMNS)
def record_file(which: TheseRecords) -> Iterator[Mapping[str, Any]]:
    """What was changed and told as CSV, newest first."""
    reports = desk().reports
    return reports.every(reports.record, which_of(which, state=which.kind))


@blueprint.get("/api/cycles")
@asks(WhichCycles, Cycles)
def cycles(which: WhichCycles) -> Answer:
    """Closed cycles, newest first."""
    return {"cycles": list(desk().cycle_history(which.base_currency, which.limit))}


def _named(which: WhichDecisions | WhichOrders) -> Any:
    return which.model_copy(update={"symbol": which.symbol or which.base_currency})
