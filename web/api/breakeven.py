"""The breakeven table: as the engine acts on it, and as it would be with other parameters."""

from flask import Blueprint

from web.api.ladder import Ladder
from web.api.queries import OneCurrency
from web.endpoints import Answer, asks, desk, previews
from web.fields import Currency

blueprint = Blueprint("breakeven", __name__, url_prefix="/api/breakeven")


class Preview(Ladder):
    """The parameters to try."""

    base_currency: Currency


@blueprint.get("/table")
@asks(OneCurrency)
def table(which: OneCurrency) -> Answer:
    """The table the engine acts on."""
    return desk().table(which.base_currency)


@blueprint.post("/preview")
@previews(Preview)
def preview(wish: Preview) -> Answer:
    """The table with other parameters; nothing is changed."""
    return desk().table(wish.base_currency, wish.changes())
