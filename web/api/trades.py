"""The trade log."""

from flask import Blueprint

from web.endpoints import Answer, asks, desk
from web.fields import Currency, Limit, Position, Request

blueprint = Blueprint("trades", __name__)


class WhichTrades(Request):
    """`before`: only rows older than that id, to turn pages."""

    symbol: Currency | None = None
    limit: Limit = 100
    before: Position | None = None


@blueprint.get("/api/trades")
@asks(WhichTrades)
def trades(which: WhichTrades) -> Answer:
    """Booked fills, newest first."""
    return {"trades": list(desk().trades(which.symbol, which.limit, which.before))}
