"""The program around the engine: versions, rate limits, log lines, backups."""

from typing import Literal

from flask import Blueprint

from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Currency, Limit, Position, Request

blueprint = Blueprint("system", __name__)


class WhichLines(Request):
    """`after`: only lines later than the one of that `seq`."""

    base_currency: Currency | None = None
    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    after: Position = 0
    limit: Limit = 200


@blueprint.get("/api/system")
@asks(Nothing)
def system(_: Nothing) -> Answer:
    """Versions, files and their sizes, the feed, how much of our own rate limits is used."""
    return desk().system()


@blueprint.get("/api/logs")
@asks(WhichLines)
def logs(which: WhichLines) -> Answer:
    """The newest log lines, oldest first, secrets hidden; so graver or as grave as the level."""
    lines = desk().log_lines(which.base_currency, which.level, which.after, which.limit)
    return {"lines": list(lines)}


@blueprint.get("/api/backups")
@asks(Nothing)
def backups(_: Nothing) -> Answer:
    """Verified copies of the journal, newest first."""
    return {"backups": list(desk().backups())}


@blueprint.post("/api/backups")
@commands(Nothing)
def back_up(_: Nothing) -> Answer:
    """Make a verified copy of the journal now and wait for it, at most a minute."""
    return {"backup": desk().back_up()}


class ResetPaper(Request):
    """`confirm` is typed by a person: open cycles are forgotten."""

    confirm: Literal["RESET"]


@blueprint.get("/api/paper")
@asks(Nothing)
def paper(_: Nothing) -> Answer:
    """What the paper account begins with; 404 where real money is traded."""
    return desk().paper_account()


@blueprint.post("/api/paper/reset")
@commands(ResetPaper)
def reset_paper(_: ResetPaper) -> Answer:
    """Begin the paper account anew: starting money back, open cycles forgotten, history kept."""
    return desk().reset_paper(by())
