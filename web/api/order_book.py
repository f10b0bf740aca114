"""The order book of a market, as a person wants to see it."""

from flask import Blueprint

from web.api.queries import OneCurrency
from web.endpoints import Answer, asks, desk
from web.fields import Amount, Part, Reply

blueprint = Blueprint("order_book", __name__, url_prefix="/api")


class BookLevel(Part):
    """`sum` (coins) and `sum_quote` run from the best price; `own`: selling the position would reach it."""

    price: Amount
    amount: Amount
    sum: Amount
    sum_quote: Amount
    own: bool


class OrderBook(Reply):
    """Best first. `own`: coins of the position; `own_average`: what selling them would get."""

    currency: str
    symbol: str
    age_ms: int
    spread: Amount
    spread_pct: Amount
    bids: list[BookLevel]
    asks: list[BookLevel]
    own: Amount
    own_average: Amount | None


@blueprint.get("/order_book")
@asks(OneCurrency, OrderBook)
def order_book(which: OneCurrency) -> Answer:
    """Levels with running sums, best first; `own` marks those that selling the position would reach."""
    return desk().order_book(which.base_currency)
