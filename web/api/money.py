"""Money of all coins together: part of the overview and of the dashboard."""

from web.fields import Amount, Part


class Money(Part):
    """Units: quote currency. Null is what is not known."""

    quote: str
    free: Amount | None
    reserved: Amount
    in_positions: Amount
    unrealised: Amount | None
    equity: Amount | None
    today: Amount
    realised_all: Amount
    ladders_need: Amount
    ladders_missing: Amount
