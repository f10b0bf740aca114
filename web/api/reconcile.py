"""The account at the exchange against the books."""

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, commands, desk
from web.fields import Amount, Part, Reply

blueprint = Blueprint("reconcile", __name__, url_prefix="/api")


class DifferenceTold(Part):
    """`unexplained`: no trade of the account accounts for it. `corrected`: the books follow the account now."""

    kind: str
    unexplained: bool
    currency: str
    symbol: str | None
    amount: Amount
    corrected: bool
    detail: str


class Report(Part):
    """`complete` false: it could not be read whole, and `error` says why. `unexplained`: how many."""

    time_ms: int
    took_ms: int
    complete: bool
    error: str
    unexplained: int
    differences: list[DifferenceTold]


class ReportAnswer(Reply):
    """Null before the first one."""

    report: Report | None


@blueprint.get("/reconcile")
@asks(Nothing, ReportAnswer)
def reconcile(_: Nothing) -> Answer:
    """The newest reconciliation: when, how long it took, and every difference by its kind; null before the first."""
    return {"report": desk().reconciliation()}


@blueprint.post("/reconcile")
@commands(Nothing, ReportAnswer)
def reconcile_now(_: Nothing) -> Answer:
    """Compare now; trades nothing. Waits at most 20 s."""
    return {"report": desk().reconcile_now()}
