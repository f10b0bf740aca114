"""What nobody in particular is told: made by the app once, then said again without asking it.

A flood of requests that are refused costs the one interpreter, which also trades, half of what it would.
"""

from collections.abc import Callable, Iterable
from typing import Any

from autotrader_v2.application.ports import Scope
from web.scopes import RULES, Who

_App = Callable[..., Iterable[bytes]]
_Answer = tuple[str, list[tuple[str, str]], bytes]
# (method, path): the front door, and all that is refused to whom it does not know. Others are asked for by few.
_ALWAYS_THE_SAME = frozenset(
    {("GET", "/")} | {route for route, rule in RULES.items() if isinstance(rule.needs, Scope) or rule.needs is Who.PAGE}
)
# Hosts that are spelled with capitals would be others.
_KEPT_MAX = 500


class Strangers:
    """A WSGI wrapper for requests without a good session; who shows a token is asked about it by the app itself."""

    def __init__(self, app: _App) -> None:
        self._app = app
        self._kept: dict[tuple[str, str, str], _Answer] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer from memory where the answer is always the same, or pass the request on."""
        route = (environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        if route not in _ALWAYS_THE_SAME or "HTTP_AUTHORIZATION" in environ:
            return self._app(environ, start_response)
        name = (environ.get("HTTP_HOST", ""), *route)
        answer = self._kept.get(name)
        if answer is None:
            answer = _told_by(self._app, environ)
            if answer[0].startswith("401 ") and len(self._kept) < _KEPT_MAX:
                self._kept[name] = answer
        status, headers, body = answer
        start_response(status, list(headers))
        return [body]


def _told_by(app: _App, environ: dict[str, Any]) -> _Answer:
    status, headers = "", list[tuple[str, str]]()

    def start_response(told: str, with_headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        nonlocal status, headers
        status, headers = told, list(with_headers)
        return lambda data: None

    parts = app(environ, start_response)
    try:
        return status, headers, b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
