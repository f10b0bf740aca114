"""The account at the exchange against the books."""

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, commands, desk

blueprint = Blueprint("reconcile", __name__, url_prefix="/api")


@blueprint.get("/reconcile")
@asks(Nothing)
def reconcile(_: Nothing) -> Answer:
    """The newest reconciliation: when, how long it took, and every difference by its kind; null before the first."""
    return {"report": desk().reconciliation()}


@blueprint.post("/reconcile")
@commands(Nothing)
def reconcile_now(_: Nothing) -> Answer:
    """Compare now; trades nothing. Waits at most 20 s."""
    return {"report": desk().reconcile_now()}
