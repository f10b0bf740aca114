"""What commands of this machine may ask of the running program: with a token from a file only its owner can read."""

import hmac
from typing import Literal

from flask import Blueprint, Response, current_app, jsonify, request

from web.endpoints import desk
from web.errors import Refused
from web.fields import Request
from web.reading import read_body

blueprint = Blueprint("control", __name__, url_prefix="/api/control")


class TokenWish(Request):
    """`create` needs name and scope, `revoke` an id or a name."""

    do: Literal["create", "list", "revoke"]
    name: str | None = None
    scope: str | None = None
    id: str | None = None


@blueprint.post("/stop")
def stop() -> Response:
    """Ask the program to finish what is in flight and end."""
    _check_token()
    desk().request_stop()
    response = jsonify(success=True)
    response.status_code = 202
    return response


@blueprint.post("/reconcile")
def reconcile() -> Response:
    """Compare the account with the books now; with `newest` only tell what was found last, and how long ago."""
    _check_token()
    return jsonify(success=True, **desk().compared(anew="newest" not in request.args))


@blueprint.post("/tokens")
def tokens() -> Response:
    """Make, list or revoke tokens of scripts, at the console."""
    _check_token()
    wish = read_body(TokenWish).model_dump(exclude_none=True)
    return jsonify(success=True, **desk().door.credentials.carry_out(wish, "console"))


def _check_token() -> None:
    """Errors: `Refused`."""
    expected = str(current_app.config["STOP_TOKEN"]).encode()
    shown = request.headers.get("X-Stop-Token", "").encode("utf-8", "surrogateescape")
    if not expected or not hmac.compare_digest(shown, expected):
        raise Refused("bad_token", "That is not this program's stop token.", status=403)
