"""Every failure as JSON: `{success: false, error: {code, message, field?, values?}}`."""

import re
from typing import Any, Literal

import structlog
from flask import Flask, Response, jsonify
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from autotrader_v2.application.ports import JournalRefused, TradingError
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.ladder import BadLadder
from web.fields import Part, Values

_log = structlog.get_logger()


class ErrorTold(Part):
    """`code` is for programs, `message` for people; `field` is named when one is to blame, `values` fill the code."""

    code: str
    message: str
    field: str | None = None
    values: Values | None = None


class Error(Part):
    """The one shape of failures."""

    success: Literal[False]
    error: ErrorTold


class Refused(Exception):
    """A request that cannot be served as it is."""

    def __init__(self, code: str, message: str, *, status: int = 400, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.field = code, message, status, field


def answer(
    status: int, code: str, message: str, field: str | None = None, values: dict[str, str] | None = None
) -> Response:
    """An error as every endpoint tells it."""
    error: dict[str, Any] = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    if values:
        error["values"] = values
    response = jsonify(success=False, error=error)
    response.status_code = status
    return response


def install(app: Flask) -> None:
    """Translate exceptions of the app into answers."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return answer(error.status, error.code, error.message, error.field)

    @app.errorhandler(CommandRefused)
    def command_refused(error: CommandRefused) -> Response:
        return answer(error.status, error.code, error.message, error.field, error.values)

    @app.errorhandler(BadLadder)
    def bad_ladder(error: BadLadder) -> Response:
        return answer(400, "bad_ladder", error.reason, error.field)

    @app.errorhandler(JournalRefused)
    def journal_refused(error: JournalRefused) -> Response:
        return answer(409, "journal_refused", str(error))

    @app.errorhandler(TradingError)
    def trading_error(error: TradingError) -> Response:
        code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
        return answer(503, code, str(error))

    @app.errorhandler(CSRFError)
    def csrf(error: CSRFError) -> Response:
        return answer(400, "csrf", "The page is out of date. Reload it.")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = answer(
            error.code or 500,
            re.sub(r"[^a-z]+", "_", error.name.lower()),
            "Too many requests; wait a moment." if error.code == 429 else str(error.description),
        )
        # Which methods are allowed, or how long to wait, is told in headers.
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def defect(error: Exception) -> Response:
        _log.exception("a request failed")
        return answer(500, "defect", "mTrade made a mistake; the log tells more. Trading goes on.")
