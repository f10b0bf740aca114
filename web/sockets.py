"""The Socket.IO side: who may connect, and the push behind it."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from flask import Flask, request
from flask_socketio import SocketIO, disconnect
from werkzeug.http import parse_cookie

from autotrader_v2.application.desk import Desk
from web.access import session_key, socket_is_owners
from web.guard import refuse
from web.pace import knows_sender
from web.push import Push
from web.sessions import Sessions
from web.strangers import Strangers

_MESSAGE_MAX = 16 * 1024
_SIGHT_MAX = 200


class _QuickJson:
    """The JSON of the socket: a list of 500 coins is written in less than a millisecond instead of fifteen."""

    @staticmethod
    def dumps(value: Any, **_how: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_how: Any) -> Any:
        return json.loads(text)


def install(app: Flask, desk: Desk, sessions: Sessions, hosts: frozenset[str]) -> tuple[SocketIO, Push]:
    """Put the socket on the app. The push still has to be started."""
    socket = SocketIO(
        app,
        async_mode="threading",
        cors_allowed_origins=[f"http://{host}" for host in hosts],
        manage_session=False,
        max_http_buffer_size=_MESSAGE_MAX,
        ping_interval=10,
        ping_timeout=10,
        cookie=None,
        json=_QuickJson,
    )

    def send(event: str, data: Any, sid: str) -> None:
        # As one piece of text the library does not walk through it in search of bytes.
        socket.emit(event, msgspec.Raw(msgspec.json.encode(data)), to=sid)

    def drop(sid: str) -> None:
        push.leave(sid)
        with app.app_context():
            disconnect(sid, namespace="/")

    push = Push(desk, send=send, drop=drop, alive=lambda key: sessions.find(key) is not None)

    @socket.on("connect")
    def connect(auth: Any = None) -> bool:
        token = auth.get("token") if isinstance(auth, dict) else None
        return socket_is_owners(token) and push.join(_sid(), session_key())

    @socket.on("disconnect")
    def gone(*_reason: Any) -> None:
        push.leave(_sid())

    @socket.on("pace")
    def pace(wish: Any = None) -> None:
        # Who may hear is asked again at every message: a session may have ended meanwhile.
        if not session_key():
            drop(_sid())
            return
        given = wish if isinstance(wish, dict) else {}
        push.pace(_sid(), hidden=given.get("hidden") is True, sight=_names(given.get("sight")))

    @socket.on("again")
    def again(*_nothing: Any) -> None:
        if not session_key():
            drop(_sid())
            return
        push.again(_sid())

    return socket, push


class SignedInOnly:
    """A WSGI wrapper: Socket.IO is for signed-in browsers, asked before the library makes threads for a stranger.

    Tells the server below whether it is a signed-in browser that asks; for scripts `web/access.py` does.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], sessions: Sessions, cookie: str) -> None:
        self._app, self._sessions, self._cookie = app, sessions, cookie
        self._strangers = Strangers(app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on or answer 401."""
        key = parse_cookie(environ).get(self._cookie, "")
        if key and self._sessions.find(key) is not None:
            knows_sender(environ)
            return self._app(environ, start_response)
        if str(environ.get("PATH_INFO", "")).startswith("/socket.io"):
            return refuse(start_response, "401 Unauthorized", "sign_in", "Open the link that mTrade printed.")
        return self._strangers(environ, start_response)


def _names(value: Any) -> frozenset[str] | None:
    """A list of names as it is; anything else, and too many, say nothing."""
    if not isinstance(value, list) or len(value) > _SIGHT_MAX or not all(isinstance(one, str) for one in value):
        return None
    return frozenset(value)


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]
