"""What was decided, sent and closed."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import Field

from web.api.tables import OfSymbol, Paged, Side, Word, page_of, which_of
from web.endpoints import Answer, asks, desk
from web.exports import exports
from web.fields import Currency, Limit, Request

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


@blueprint.get("/api/decisions")
@asks(WhichDecisions)
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
@asks(WhichOrders)
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
@asks(OneOrder)
def order(which: OneOrder) -> Answer:
    """One order's life: what was wanted, its attempts, its trades, how it ended."""
    return desk().reports.order(which.client_id)


@blueprint.get("/api/record")
@asks(WhichRecords)
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
@asks(WhichCycles)
def cycles(which: WhichCycles) -> Answer:
    """Closed cycles, newest first."""
    return {"cycles": list(desk().cycle_history(which.base_currency, which.limit))}


def _named(which: WhichDecisions | WhichOrders) -> Any:
    return which.model_copy(update={"symbol": which.symbol or which.base_currency})
