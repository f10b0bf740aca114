"""What all markets together may do."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Number, Request

blueprint = Blueprint("limits", __name__, url_prefix="/api")


class NewLimits(Request):
    """Only what is named changes; 0 means no limit."""

    total_budget: Annotated[Number | None, Field(ge=0)] = None
    max_active_cycles: Annotated[int | None, Field(ge=0, le=10_000)] = None


@blueprint.get("/limits")
@asks(Nothing)
def limits(_: Nothing) -> Answer:
    """The budget of all coins together, and how many cycles may run at once; 0 means no limit."""
    return desk().limits()


@blueprint.post("/limits")
@commands(NewLimits)
def set_limits(wish: NewLimits) -> Answer:
    """Set them; they hold new buys, never a sale."""
    return desk().set_limits(wish.total_budget, wish.max_active_cycles, by())
