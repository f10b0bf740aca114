"""The program around the engine: versions, rate limits, log lines, backups."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

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


class StartSetting(Request):
    """One line of the settings file; `value` null takes it out."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,39}$", examples=["LOG_LEVEL"])]
    value: Annotated[str, Field(max_length=500)] | None = None


@blueprint.get("/api/settings")
@asks(Nothing)
def settings(_: Nothing) -> Answer:
    """What a start reads: each value, where it comes from, what the next start would take; secrets only set or not."""
    return desk().start_settings()


@blueprint.post("/api/settings")
@commands(StartSetting)
def set_setting(wish: StartSetting) -> Answer:
    """Write one setting for the next start, checked together with all others."""
    return desk().change_start_setting(wish.name, wish.value, by())


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
