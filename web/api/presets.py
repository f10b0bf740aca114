"""Named ladders: kept, loaded into forms, deleted. Applying one is `/api/trade/params`."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from web.api.ladder import Ladder, LadderTold
from web.api.queries import Nothing
from web.endpoints import Answer, asks, by, commands, desk
from web.errors import Refused
from web.fields import Reply, Request

blueprint = Blueprint("presets", __name__, url_prefix="/api/presets")

_Name = Annotated[str, Field(min_length=1, max_length=40, examples=["calm"])]


class NewPreset(Ladder):
    """A whole ladder; what is not named has its default. One of the same name is replaced."""

    name: _Name


class OldPreset(Request):
    """Which one to forget."""

    name: _Name


class Presets(Reply):
    """Whole ladders by name."""

    presets: dict[str, LadderTold]


@blueprint.get("")
@asks(Nothing, Presets)
def presets(_: Nothing) -> Answer:
    """Every kept ladder by name."""
    return desk().presets()


@blueprint.post("")
@commands(NewPreset, Presets)
def save(wish: NewPreset) -> Answer:
    """Keep a ladder under a name; nothing is traded and no coin changes."""
    values = wish.changes()
    if not values:
        raise Refused("bad_value", "Name at least one parameter.")
    return desk().save_preset(wish.name, values, by())


@blueprint.post("/delete")
@commands(OldPreset, Presets)
def delete(wish: OldPreset) -> Answer:
    """Forget a kept ladder."""
    return desk().delete_preset(wish.name, by())
