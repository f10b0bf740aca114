"""The order book of a market, as a person wants to see it."""

from flask import Blueprint

from web.api.queries import OneCurrency
from web.endpoints import Answer, asks, desk

blueprint = Blueprint("order_book", __name__, url_prefix="/api")


@blueprint.get("/order_book")
@asks(OneCurrency)
def order_book(which: OneCurrency) -> Answer:
    """Levels with running sums, best first; `own` marks those that selling the position would reach."""
    return desk().order_book(which.base_currency)
