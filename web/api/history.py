"""What was decided, sent and closed."""

from flask import Blueprint

from web.api.queries import NewestOf
from web.endpoints import Answer, asks, desk
from web.fields import Currency, Limit, Request

blueprint = Blueprint("history", __name__)


class WhichCycles(Request):
    """Closed cycles of a currency."""

    base_currency: Currency
    limit: Limit = 100


@blueprint.get("/api/decisions")
@asks(NewestOf)
def decisions(which: NewestOf) -> Answer:
    """Decisions, newest first; one is kept when its kind or reason changed."""
    return {"decisions": list(desk().decisions(which.base_currency, which.limit))}


@blueprint.get("/api/orders")
@asks(NewestOf)
def orders(which: NewestOf) -> Answer:
    """Order attempts with what became of them, newest first."""
    return {"orders": list(desk().orders(which.base_currency, which.limit))}


@blueprint.get("/api/cycles")
@asks(WhichCycles)
def cycles(which: WhichCycles) -> Answer:
    """Closed cycles, newest first."""
    return {"cycles": list(desk().cycle_history(which.base_currency, which.limit))}
