"""What commands of this machine may ask of the running program: with a token from a file only its owner can read."""

import hmac

from flask import Blueprint, Response, current_app, jsonify, request

from web.access import open_to_all
from web.endpoints import desk
from web.errors import Refused

blueprint = Blueprint("control", __name__, url_prefix="/api/control")


@blueprint.post("/stop")
@open_to_all
def stop() -> Response:
    """Ask the program to finish what is in flight and end."""
    _check_token()
    desk().request_stop()
    response = jsonify(success=True)
    response.status_code = 202
    return response


@blueprint.post("/reconcile")
@open_to_all
def reconcile() -> Response:
    """Compare the account with the books now; with `newest` only tell what was found last."""
    _check_token()
    report = desk().reconciliation() if "newest" in request.args else desk().reconcile_now()
    return jsonify(success=True, report=report)


def _check_token() -> None:
    """Errors: `Refused`."""
    expected = str(current_app.config["STOP_TOKEN"]).encode()
    shown = request.headers.get("X-Stop-Token", "").encode("utf-8", "surrogateescape")
    if not expected or not hmac.compare_digest(shown, expected):
        raise Refused("bad_token", "That is not this program's stop token.", status=403)
