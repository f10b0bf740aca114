"""Tokens of scripts: made by the owner, shown once, revocable."""

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import Field

from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.fields import Part, Reply, Request

blueprint = Blueprint("tokens", __name__, url_prefix="/api/tokens")


class NewToken(Request):
    """`read` only looks, `trade` also trades, `admin` may everything but what needs a person at the page."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    scope: Literal["read", "trade", "admin"]


class WhichToken(Request):
    """By its id or its name."""

    id: Annotated[str, Field(min_length=1, max_length=40)]


class TokenTold(Part):
    """Never its secret."""

    id: str
    name: str
    scope: Literal["read", "trade", "admin"]
    created_ms: int
    created_by: str
    used_ms: int | None


class Tokens(Reply):
    """Those that are good."""

    tokens: list[TokenTold]


class TokenMade(Reply, TokenTold):
    """`secret` is told in this answer only."""

    secret: str


@blueprint.get("")
@asks(Nothing, Tokens)
def tokens(_: Nothing) -> Answer:
    """Every token that is good: name, scope, since when, last used. Never its secret."""
    return {"tokens": list(desk().door.credentials.listed())}


@blueprint.post("/create")
@commands(NewToken, TokenMade, repeats=True)
def create(wish: NewToken) -> Answer:
    """A new token. `secret` is told in this answer only."""
    return desk().door.credentials.create(wish.name, wish.scope, by())


@blueprint.post("/revoke")
@commands(WhichToken)
def revoke(wish: WhichToken) -> None:
    """It is worth nothing from now on."""
    desk().door.credentials.revoke(wish.id)
