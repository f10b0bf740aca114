"""What all markets together may do, and what buys may do at most."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Amount, Number, Part, Reply, Request

blueprint = Blueprint("limits", __name__, url_prefix="/api")


class NewLimits(Request):
    """Only what is named changes; 0 means no limit."""

    total_budget: Annotated[Number | None, Field(ge=0)] = None
    max_active_cycles: Annotated[int | None, Field(ge=0, le=10_000)] = None


class Limits(Reply):
    """0 means no limit. Units: quote currency, cycles."""

    total_budget: Amount
    max_active_cycles: int


class OrderLimitsTold(Part):
    """0 is off. Units as in the request."""

    order_rows: Amount
    coin_orders_5min: int
    coin_orders_day: int
    account_orders_5min: int
    account_orders_day: int
    coin_turnover_day: Amount
    account_turnover_day: Amount
    band_pct: Amount


class OrderLimitsAnswer(Reply):
    """Those in force, and what they are when nobody has set them."""

    limits: OrderLimitsTold
    defaults: OrderLimitsTold


@blueprint.get("/limits")
@asks(Nothing, Limits)
def limits(_: Nothing) -> Answer:
    """The budget of all coins together, and how many cycles may run at once; 0 means no limit."""
    return desk().limits()


@blueprint.post("/limits")
@commands(NewLimits, Limits)
def set_limits(wish: NewLimits) -> Answer:
    """Set them; they hold new buys, never a sale."""
    return desk().set_limits(wish.total_budget, wish.max_active_cycles, by())


_Count = Annotated[int | None, Field(ge=0, le=1_000_000)]
_Money = Annotated[Number | None, Field(ge=0)]


class NewOrderLimits(Request):
    """Only what is named changes; 0 = off. Units: times the largest row, orders, quote currency, percent."""

    order_rows: _Money = None
    coin_orders_5min: _Count = None
    coin_orders_day: _Count = None
    account_orders_5min: _Count = None
    account_orders_day: _Count = None
    coin_turnover_day: _Money = None
    account_turnover_day: _Money = None
    band_pct: _Money = None


@blueprint.get("/order_limits")
@asks(Nothing, OrderLimitsAnswer)
def order_limits(_: Nothing) -> Answer:
    """How large, how many and how far from the last minutes' price buys may be, with the defaults; 0 is off."""
    return desk().order_limits()


@blueprint.post("/order_limits")
@commands(NewOrderLimits, OrderLimitsAnswer)
def set_order_limits(wish: NewOrderLimits) -> Answer:
    """Set them; they hold buys only, a person's too, never a sale."""
    return desk().set_order_limits(wish.model_dump(exclude_none=True), by())
