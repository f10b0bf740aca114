"""The program around the engine: versions, rate limits, log lines, backups."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

from web.api.parts import Feed
from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Amount, Currency, Limit, Part, Position, Reply, Request, Values

blueprint = Blueprint("system", __name__)


class WhichLines(Request):
    """`after`: only lines later than the one of that `seq`."""

    base_currency: Currency | None = None
    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    after: Position = 0
    limit: Limit = 200


class RateTold(Part):
    """One of our own rate limits. `closed_s`: the exchange said it was too much; nothing leaves for so long."""

    group: str
    used: float
    burst: int
    per_s: float
    kept: int
    closed_s: float


class System(Reply):
    """The program, its files and its machine."""

    began_ms: int
    system: str
    processors: int | None
    executable: str
    versions: dict[str, str]
    data_dir: str
    database: str | None
    database_bytes: int | None
    log_file: str
    address: str
    engine: str
    feed: Feed | None
    rates: list[RateTold]


class LogLine(Part):
    """Secrets are hidden. `time` is UTC, ISO 8601."""

    seq: int
    time: str
    level: str
    currency: str | None
    text: str
    values: Values


class LogLines(Reply):
    """Oldest first."""

    lines: list[LogLine]


class SettingTold(Part):
    """`next`: what another start would take. A secret only tells whether it is `set`."""

    name: str
    value: str | None
    set: bool | None
    next: str | None
    changed: bool
    source: str
    secret: bool
    changeable: bool
    example: str


class Settings(Reply):
    """`readable` false: the file is broken, and a start would refuse it."""

    file: str | None
    readable: bool
    settings: list[SettingTold]


class Backup(Part):
    """A verified copy of the journal. `by_hand`: a person asked for it; the newest 20 of these are kept."""

    name: str
    made_ms: int
    bytes: int | None
    by_hand: bool


class Backups(Reply):
    """Newest first."""

    backups: list[Backup]


class BackupMade(Reply):
    """It was read back and is whole."""

    backup: Backup


class PaperAccount(Reply):
    """What the paper account begins with, by currency."""

    start: dict[str, Amount]


@blueprint.get("/api/system")
@asks(Nothing, System)
def system(_: Nothing) -> Answer:
    """Versions, files and their sizes, the feed, how much of our own rate limits is used."""
    return desk().system()


@blueprint.get("/api/logs")
@asks(WhichLines, LogLines)
def logs(which: WhichLines) -> Answer:
    """The newest log lines, oldest first, secrets hidden; so graver or as grave as the level."""
    lines = desk().log_lines(which.base_currency, which.level, which.after, which.limit)
    return {"lines": list(lines)}


class StartSetting(Request):
    """One line of the settings file; `value` null takes it out."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,39}$", examples=["LOG_LEVEL"])]
    value: Annotated[str, Field(max_length=500)] | None = None


@blueprint.get("/api/settings")
@asks(Nothing, Settings)
def settings(_: Nothing) -> Answer:
    """What a start reads: each value, where it comes from, what the next start would take; secrets only set or not."""
    return desk().start_settings()


@blueprint.post("/api/settings")
@commands(StartSetting, Settings)
def set_setting(wish: StartSetting) -> Answer:
    """Write one setting for the next start, checked together with all others."""
    return desk().change_start_setting(wish.name, wish.value, by())


@blueprint.get("/api/backups")
@asks(Nothing, Backups)
def backups(_: Nothing) -> Answer:
    """Verified copies of the journal, newest first."""
    return {"backups": list(desk().backups())}


@blueprint.post("/api/backups")
@commands(Nothing, BackupMade)
def back_up(_: Nothing) -> Answer:
    """Make a verified copy of the journal now and wait for it, at most a minute."""
    return {"backup": desk().back_up()}


class ResetPaper(Request):
    """`confirm` is typed by a person: open cycles are forgotten."""

    confirm: Literal["RESET"]


@blueprint.get("/api/paper")
@asks(Nothing, PaperAccount)
def paper(_: Nothing) -> Answer:
    """What the paper account begins with; 404 where real money is traded."""
    return desk().paper_account()


@blueprint.post("/api/paper/reset")
@commands(ResetPaper, PaperAccount)
def reset_paper(_: ResetPaper) -> Answer:
    """Begin the paper account anew: starting money back, open cycles forgotten, history kept."""
    return desk().reset_paper(by())
