"""Errors in Gate's shape: an HTTP status, a label a client may rely on, a message it may not."""

from collections.abc import Mapping

from autotrader_v2.matching.refused import Label, Refused

_STATUS: Mapping[str, int] = {
    Label.ORDER_NOT_FOUND: 404,
    Label.CLIENT_ID_NOT_FOUND: 404,
    Label.REQUEST_EXPIRED: 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "INVALID_KEY": 401,
    "INVALID_SIGNATURE": 401,
    "IP_FORBIDDEN": 403,
    "ACCOUNT_LOCKED": 403,
    "READ_ONLY": 403,
    "TOO_MANY_REQUESTS": 429,
}
_BAD_REQUEST = 400


class ApiError(Exception):
    """A refusal on its way to the client; the status follows from the label."""

    def __init__(self, label: str, message: str) -> None:
        # A client may send lone surrogates; what goes back must be encodable.
        self.message = message.encode("utf-8", "replace").decode()
        super().__init__(f"{label}: {self.message}")
        self.label = str(label)

    @property
    def status(self) -> int:
        """HTTP status."""
        return _STATUS.get(self.label, _BAD_REQUEST)

    @property
    def body(self) -> dict[str, str]:
        """Gate's error object."""
        return {"label": self.label, "message": self.message}


def api_error(refused: Refused) -> ApiError:
    """The matching core's refusal on its way to the client."""
    return ApiError(refused.label, refused.message)


def bad_value(name: str, value: object) -> ApiError:
    """A parameter that cannot be read."""
    return ApiError("INVALID_PARAM_VALUE", f"Invalid parameter `{name}` with value: {str(value)[:80]}")


def missing(name: str) -> ApiError:
    """A parameter that is not there."""
    return ApiError("MISSING_REQUIRED_PARAM", f"Missing required parameter: {name}")
