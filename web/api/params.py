"""Ladder parameters: the common ones and a currency's own."""

from flask import Blueprint, request

from web.api.ladder import Ladder, LadderTold
from web.api.queries import MaybeCurrency
from web.endpoints import Answer, asks, by, commands, desk
from web.errors import Refused
from web.fields import Currency, Reply
from web.reading import read_query

blueprint = Blueprint("params", __name__, url_prefix="/api/trade")


class Changes(Ladder):
    """Without a currency (here or in the query) the common parameters change."""

    base_currency: Currency | None = None


class Params(Reply):
    """`own`: only what differs from the common ones."""

    common: LadderTold
    own: dict[str, str | int | list[str]]
    effective: LadderTold


@blueprint.get("/params")
@asks(MaybeCurrency, Params)
def params(which: MaybeCurrency) -> Answer:
    """Common parameters, a currency's own, and what they make together."""
    return desk().params(which.base_currency)


@blueprint.post("/params")
@commands(Changes, Params)
def set_params(wish: Changes) -> Answer:
    """Change parameters; a running cycle follows at once."""
    asked = read_query(MaybeCurrency).base_currency if request.args else None
    if asked and wish.base_currency and asked != wish.base_currency:
        raise Refused("bad_value", "The query and the body name different currencies.", field="base_currency")
    changes = wish.changes()
    if not changes:
        raise Refused("bad_value", "Name at least one parameter.")
    return desk().set_params(asked or wish.base_currency, changes, by())
