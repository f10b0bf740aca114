"""The page's password: asked for again before live money actions."""

from typing import Annotated

from flask import Blueprint, current_app, session
from pydantic import Field

from web.access import CONFIRMED_FOR_S, confirmed
from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Reply, Request
from web.lockout import Lockout
from web.sessions import Sessions

blueprint = Blueprint("password", __name__, url_prefix="/api/password")

_Password = Annotated[str, Field(min_length=1, max_length=200)]


class NewPassword(Request):
    """`current`: the one before, where there is one."""

    password: _Password
    current: _Password | None = None


class Shown(Request):
    """What the person typed."""

    password: _Password


class PasswordTold(Reply):
    """`asked`: real money is traded here. `confirmed_s`: so long it need not be shown again."""

    set: bool
    asked: bool
    confirmed_s: int


class Confirmed(Reply):
    """For so many seconds this browser may spend real money."""

    confirmed_s: int


@blueprint.get("")
@asks(Nothing, PasswordTold)
def password(_: Nothing) -> Answer:
    """Whether one is set, whether it is asked for here, and for how long it was just confirmed."""
    lockout: Lockout = current_app.extensions["lockout"]
    left_s = CONFIRMED_FOR_S - (lockout.now_s() - session.get("confirmed_s", float("-inf")))
    door = desk().door
    return {"set": door.has_password, "asked": door.real_money, "confirmed_s": max(0, int(max(left_s, 0)))}


@blueprint.post("")
@commands(NewPassword, repeats=True)
def set_password(wish: NewPassword) -> None:
    """Set or change it. All other browsers are signed out."""
    door, lockout = desk().door, current_app.extensions["lockout"]
    if door.has_password:
        lockout.attempt(lambda: door.credentials.is_password(wish.current or ""))
    door.credentials.set_password(wish.password, by())
    sessions: Sessions = current_app.extensions["sessions"]
    sessions.close_all(but=session._get_current_object())  # type: ignore[attr-defined]
    door.alert("password_set", {})


@blueprint.post("/confirm")
@commands(Shown, Confirmed, repeats=True)
def confirm(wish: Shown) -> Answer:
    """Show it: for ten minutes this browser may spend real money. Five wrong ones lock it."""
    door, lockout = desk().door, current_app.extensions["lockout"]
    lockout.attempt(lambda: door.credentials.is_password(wish.password))
    confirmed(lockout.now_s())
    return {"confirmed_s": int(CONFIRMED_FOR_S)}
