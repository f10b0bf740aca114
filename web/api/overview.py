"""What the page's first screen shows."""

from flask import Blueprint

from web.api.queries import Nothing, OneCurrency
from web.endpoints import Answer, asks, desk

blueprint = Blueprint("overview", __name__)


@blueprint.get("/api/overview")
@asks(Nothing)
def overview(_: Nothing) -> Answer:
    """Money, truth and every coin."""
    return desk().overview()


@blueprint.get("/api/coin")
@asks(OneCurrency)
def coin(which: OneCurrency) -> Answer:
    """One coin."""
    return {"coin": desk().coin(which.base_currency)}


@blueprint.get("/api/halts")
@asks(Nothing)
def halts(_: Nothing) -> Answer:
    """What stands still although it should trade: why, since when, the money at stake, and every way out."""
    return desk().halts()


@blueprint.get("/api/before_switch")
@asks(OneCurrency)
def before_switch(which: OneCurrency) -> Answer:
    """What switching a coin on means in money."""
    return desk().before_switch(which.base_currency)
