"""The outermost wall: who may talk to this server at all, for every path, Socket.IO included.

A page anywhere can make a browser resolve its own name to 127.0.0.1 and then talk to us with `Host: evil.test` and a
matching Origin; Socket.IO answers before Flask routes and by itself compares one with the other. So names are compared
with an exact list out here.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

_Start = Callable[..., Any]
_App = Callable[[dict[str, Any], _Start], Iterable[bytes]]


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """The names under which this server may be asked for."""
    names = [f"[{host}]" if ":" in host else host, "localhost"]
    hosts = {f"{name}:{port}" for name in names}
    return frozenset(hosts | set(names) if port == 80 else hosts)


def refuse(start_response: _Start, status: str, code: str, message: str) -> Iterable[bytes]:
    """The one shape of errors, where Flask does not answer."""
    body = json.dumps({"success": False, "error": {"code": code, "message": message}}).encode()
    start_response(
        status,
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )
    return [body]


class Guard:
    """A WSGI wrapper: lets a request through only when Host, and Origin where there is one, are on the list."""

    def __init__(self, app: _App, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(f"http://{host}" for host in hosts)

    def __call__(self, environ: dict[str, Any], start_response: _Start) -> Iterable[bytes]:
        """Pass the request on or answer 403."""
        if refused := self._refusal(environ):
            return refuse(start_response, "403 Forbidden", "foreign_request", refused)
        return self._app(environ, start_response)

    def _refusal(self, environ: dict[str, Any]) -> str:
        if environ.get("HTTP_HOST", "").lower() not in self._hosts:
            return "This server answers only under its own address."
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() not in self._origins:
            return "Requests from other sites are refused."
        # Browsers say where a request comes from; only following a link to the front door may be foreign.
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if site not in ("none", "same-origin") and environ.get("HTTP_SEC_FETCH_MODE") != "navigate":
            return "Requests from other sites are refused."
        return ""
