"""How the engine is, and what a person was told lately."""

from typing import Literal

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, desk
from web.fields import Part, Reply, Values

blueprint = Blueprint("health", __name__)


class HealthPart(Part):
    """`code` with `values`: what is wrong, or worth knowing; empty: nothing."""

    name: str
    ok: bool
    code: str
    values: Values
    since_ms: int | None


class Health(Reply):
    """`stuck`: a worker has not come back in time. The counts are missing before the engine is there."""

    time_ms: int
    phase: str
    ok: bool
    stuck: bool
    markets_on: int | None = None
    open_orders: int | None = None
    parts: list[HealthPart]


class AlertTold(Part):
    """`times`: how often it came, from `time_ms` to `last_ms`."""

    code: str
    priority: Literal["high", "medium", "low"]
    currency: str | None
    values: Values
    time_ms: int
    last_ms: int
    times: int


class Alerts(Reply):
    """Newest first."""

    alerts: list[AlertTold]


@blueprint.get("/api/health")
@asks(Nothing, Health)
def health(_: Nothing) -> Answer:
    """Every part of the engine: whether it is well, else a code with values."""
    return desk().health()


@blueprint.get("/api/alerts")
@asks(Nothing, Alerts)
def alerts(_: Nothing) -> Answer:
    """The newest alerts, newest first, each with how often it came."""
    return {"alerts": list(desk().alerts())}
