"""What came back instead of an answer, and what it means for the caller: the other half of the mapping in labels.py."""

import json
from collections.abc import Callable, Mapping

import structlog
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import (
    AccessRefused,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
    Rejected,
    TradingError,
)
from autotrader_v2.infrastructure.gate.labels import ACCESS, LABELS, Reach, Refusal, Unproven

_SERVER_FAULT = 500
_TOO_MANY = 429
_TEXT_MAX = 200
_LABEL_MAX = 60
_RESET_HEADER = "X-Gate-RateLimit-Reset-Timestamp"
_MS_FROM = 100_000_000_000

_log = structlog.get_logger()


class ErrorAnswer(Exception):
    """The exchange answered with an error. `label` is "" when the body was not Gate's error object.

    `reset_ms`: when its rate limit opens again by its own clock, 0 if not told.
    """

    def __init__(self, status: int, label: str, message: str, reset_ms: int = 0) -> None:
        super().__init__(status, label, message)
        self.status, self.label, self.message, self.reset_ms = status, label, message, reset_ms

    def __str__(self) -> str:
        return f"{self.status} {self.label or 'without a label'}: {self.message}"

    @property
    def is_limit(self) -> bool:
        """Whether a rate limit was hit."""
        return self.status == _TOO_MANY or self.label == "TOO_MANY_REQUESTS"

    @property
    def is_theirs(self) -> bool:
        """Whether the exchange failed rather than refused."""
        return self.status >= _SERVER_FAULT


class TlsFailed(HTTPError):
    """The connection could not be made safe, or stopped being so. The SDK hides this in an error without an answer."""


def order_failure(error: Exception, what: str, *, left: bool) -> TradingError:
    """What a failed order call means. `what` names the order; `left`: a byte of it may have left this machine."""
    if not left:
        return NotSent(
            f"{what} did not leave this machine: {described(error)}.", do="It is tried again at the next price."
        )
    if isinstance(error, ErrorAnswer):
        return _answered(error, what)
    return OutcomeUnknown(f"The answer to {what} was lost: {described(error)}.")


def read_failure(error: Exception, what: str) -> ExchangeUnavailable:
    """What a failed read means. `what` names what was asked for."""
    meaning = LABELS.get(error.label) if isinstance(error, ErrorAnswer) else None
    if isinstance(error, ErrorAnswer) and isinstance(meaning, Refusal) and error.label in ACCESS:
        return AccessRefused(f"Gate.io did not tell {what}: {described(error)}.", do=meaning.do, label=error.label)
    do = meaning.do if isinstance(meaning, Refusal) else "It is asked again; check the connection if this stays."
    return ExchangeUnavailable(f"Gate.io did not tell {what}: {described(error)}.", do=do)


def described(error: Exception) -> str:
    """The error in few words. Only Gate's own words are quoted: a library's text may hold a whole request."""
    if isinstance(error, ErrorAnswer):
        return str(error)
    if isinstance(error, TlsFailed):
        return _one_line(str(error))
    cause = error.__cause__ or error.__context__
    inner = f" ({type(cause).__name__})" if isinstance(cause, OSError) else ""
    return f"{type(error).__name__}{inner}"


def error_answer(status: int, data: bytes, headers: Mapping[str, str], hide: Callable[[str], str] = str) -> ErrorAnswer:
    """Read an error answer, whatever its body is. `hide` takes secrets out of what is quoted."""
    text = hide(data.decode("utf-8", "replace"))
    reset_ms = _reset_ms(headers.get(_RESET_HEADER, ""))
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    label = body.get("label") if isinstance(body, dict) else None
    if not isinstance(label, str) or not label:
        return ErrorAnswer(status, "", _one_line(text), reset_ms)
    # Some errors say `detail` instead of `message`.
    return ErrorAnswer(
        status, label[:_LABEL_MAX], _one_line(str(body.get("message") or body.get("detail") or "")), reset_ms
    )


def _answered(error: ErrorAnswer, what: str) -> TradingError:
    meaning = LABELS.get(error.label)
    match meaning:
        case Refusal(reach=reach, do=do, about=about) if not error.is_theirs:
            return Rejected(
                f"Gate.io refused {what}: {error}.",
                do=do,
                label=error.label,
                lasting=reach is not Reach.PASSING,
                whole_account=reach is Reach.ACCOUNT,
                about=about,
            )
        case Unproven(because=because):
            return OutcomeUnknown(f"Gate.io answered {what} with {error}; {because}.")
        case _:
            strange = bool(error.label) and meaning is None and not error.is_theirs
            if error.label and meaning is None:
                _log.error("an error label of Gate.io that is not in the table", label=error.label, status=error.status)
            return OutcomeUnknown(
                f"Gate.io answered {what} with {error}, which does not say whether it was placed.",
                halts="unknown_label" if strange else "",
            )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_MAX]


def _reset_ms(text: str) -> int:
    """The header's unit is not documented: seconds or milliseconds, told apart by size."""
    if not (text.isascii() and text.isdigit()):
        return 0
    value = int(text)
    return value if value >= _MS_FROM else value * 1000
