"""The breakeven table: as the engine acts on it, and as it would be with other parameters."""

from flask import Blueprint

from web.api.ladder import Ladder
from web.api.parts import LadderFault, StepRow
from web.api.queries import OneCurrency
from web.endpoints import Answer, asks, desk, previews
from web.fields import Amount, Currency, Part, Reply, Values

blueprint = Blueprint("breakeven", __name__, url_prefix="/api/breakeven")


class Preview(Ladder):
    """The parameters to try."""

    base_currency: Currency


class TableRow(StepRow):
    """`active`: the newest row that was bought."""

    active: bool


class Warned(Part):
    """Something about the ladder that a person should know."""

    code: str
    values: Values


class Table(Reply):
    """`cost`: of the whole ladder, `cost_ahead`: of what is not bought yet. `error`: why there is no table."""

    currency: str
    base_price: Amount | None
    price: Amount | None
    bid: Amount | None
    rows: list[TableRow]
    active_step: int | None
    cost: Amount | None
    cost_ahead: Amount | None
    warnings: list[Warned]
    error: LadderFault | None


@blueprint.get("/table")
@asks(OneCurrency, Table)
def table(which: OneCurrency) -> Answer:
    """The table the engine acts on."""
    return desk().table(which.base_currency)


@blueprint.post("/preview")
@previews(Preview, Table)
def preview(wish: Preview) -> Answer:
    """The table with other parameters; nothing is changed."""
    return desk().table(wish.base_currency, wish.changes())
