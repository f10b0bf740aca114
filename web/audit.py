"""Every call that was to change something goes into the journal: who asked, for what, what was answered (row E18)."""

import json
from typing import Any

from flask import Flask, Response, g, request

from autotrader_v2.application.door import Door
from autotrader_v2.application.ports import Scope
from web.reading import peeked_body
from web.scopes import rule_of

_SAFE = ("GET", "HEAD", "OPTIONS")
_LENGTH_MAX = 1000
# Never written down, whatever the route.
_SECRET = ("password", "current", "secret", "token")


def install(app: Flask, door: Door) -> None:
    """Keep the calls of known callers; those of strangers are refused and counted elsewhere, so they fill no disk."""

    @app.after_request
    def keep(response: Response) -> Response:
        by = g.get("by", "")
        if by and by != "machine" and _changes():
            values = {"call": f"{request.method} {request.path}"[:200], "status": str(response.status_code)}
            if asked := _asked():
                values["asked"] = asked
            if code := _code(response):
                values["code"] = code
            door.audit(values, by)
        return response


def _changes() -> bool:
    """A preview is a POST only because its question is too long for a query; a slider asks many a second."""
    if request.method in _SAFE or request.url_rule is None:
        return False
    return rule_of(request.method, request.url_rule.rule).needs is not Scope.READ


def _asked() -> str:
    """The query and the body as they came, without what must stay secret."""
    given: dict[str, Any] = {**request.args.to_dict(), **(peeked_body() or {})}
    shown = {name: "…" if name in _SECRET else value for name, value in given.items()}
    return json.dumps(shown, ensure_ascii=True)[:_LENGTH_MAX] if shown else ""


def _code(response: Response) -> str:
    if response.status_code < 400 or not response.is_json:
        return ""
    told = response.get_json(silent=True)
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("code", ""))[:60] if isinstance(error, dict) else ""
