"""How the engine is, and what a person was told lately."""

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, desk

blueprint = Blueprint("health", __name__)


@blueprint.get("/api/health")
@asks(Nothing)
def health(_: Nothing) -> Answer:
    """Every part of the engine: whether it is well, else a code with values."""
    return desk().health()


@blueprint.get("/api/alerts")
@asks(Nothing)
def alerts(_: Nothing) -> Answer:
    """The newest alerts, newest first, each with how often it came."""
    return {"alerts": list(desk().alerts())}
