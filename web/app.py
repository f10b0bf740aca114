"""The Flask app: routes, who may ask, what errors look like."""

import mimetypes
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from autotrader_v2.application.desk import Desk
from web import access, audit, errors, headers, openapi, pages, sockets
from web.api import BLUEPRINTS
from web.config import WebConfig
from web.guard import Guard, allowed_hosts
from web.http_server import BODY_MAX
from web.idempotency import OncePerKey
from web.lockout import Lockout
from web.push import Push
from web.sessions import Sessions

# What files of the page are.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Web:
    """The parts of one app. `wsgi` is what a server serves: the app behind its guard."""

    flask: Flask
    wsgi: Any
    sessions: Sessions
    socket: SocketIO
    push: Push


def create_app(desk: Desk, config: WebConfig, *, port: int) -> Web:
    """Put the app together for the port it is served on."""
    # Windows asks its registry, where other programs call these text/plain: a browser would refuse our scripts then.
    for ending, kind in _TYPES.items():
        mimetypes.add_type(kind, ending)
    app = Flask(__name__, static_folder="static", template_folder="templates")
    app.config.update(
        SECRET_KEY=config.session_secret,
        MAX_CONTENT_LENGTH=BODY_MAX,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_HEADERS=["X-CSRF-Token"],
        STOP_TOKEN=config.stop_token,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["desk"] = desk
    app.extensions["once"] = OncePerKey(desk)
    cookie = f"mtrade_{port}"
    sessions = Sessions()
    hosts = allowed_hosts(config.host, port)
    errors.install(app)
    headers.install(app)
    lockout = Lockout(lambda values: desk.door.alert("password_guessed", values))
    app.extensions["lockout"], app.extensions["sessions"] = lockout, sessions
    limiter = access.install(app, sessions, desk.door, cookie=cookie, api_token=config.api_token, lockout=lockout)
    audit.install(app, desk.door)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_blueprint(openapi.blueprint)
    app.register_blueprint(pages.make(sessions, config, limiter, cookie=cookie))
    socket, push = sockets.install(app, desk, sessions, hosts)
    return Web(app, Guard(sockets.SignedInOnly(app, sessions, cookie), hosts), sessions, socket, push)
