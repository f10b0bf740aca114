"""The trade log."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint

from web.api.tables import OfSymbol, Page, Paged, Side, Word, page_of, which_of
from web.endpoints import Answer, asks, desk
from web.exports import exports
from web.fields import Amount, Part, Position

blueprint = Blueprint("trades", __name__)
COLUMNS = (
    "time_ms",
    "symbol",
    "side",
    "why",
    "step",
    "base",
    "quote",
    "price",
    "fee",
    "fee_currency",
    "cycle_id",
    "client_id",
    "order_id",
    "trade_id",
)


class TheseTrades(OfSymbol):
    """`why`: what their orders were for, such as take_profit. `cycle`: only of that cycle of the symbol."""

    side: Side | None = None
    why: Word | None = None
    cycle: Position = 0


class WhichTrades(TheseTrades, Paged):
    """A page of them."""


class Trade(Part):
    """A booked fill. `promised`: the price that was seen when it was decided."""

    id: int
    time_ms: int
    symbol: str
    currency: str
    side: Side
    why: str
    step: int | None
    base: Amount
    quote: Amount
    price: Amount
    promised: Amount
    fee: Amount
    fee_currency: str
    client_id: str
    order_id: str
    trade_id: str
    cycle_id: int
    book: str


class Trades(Page):
    """Newest first."""

    trades: list[Trade]


@blueprint.get("/api/trades")
@asks(WhichTrades, Trades)
def trades(which: WhichTrades) -> Answer:
    """Booked fills, newest first."""
    return page_of("trades", desk().reports.trades, which_of(which), which.limit)


@blueprint.get("/api/trades.csv")
@exports(TheseTrades, "mtrade-trades", COLUMNS)
def trades_file(which: TheseTrades) -> Iterator[Mapping[str, Any]]:
    """Booked fills as CSV, newest first."""
    reports = desk().reports
    return reports.every(reports.trades, which_of(which))
