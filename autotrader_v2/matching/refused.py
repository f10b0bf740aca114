"""The one error of the matching core: a request that changes nothing, with Gate's label."""

from enum import StrEnum


class Label(StrEnum):
    """Why a request was refused. Source: Gate API v4, error labels; a client's contract, messages are not."""

    AMOUNT_TOO_MUCH = "AMOUNT_TOO_MUCH"
    BALANCE_NOT_ENOUGH = "BALANCE_NOT_ENOUGH"
    CLIENT_ID_NOT_FOUND = "CLIENT_ID_NOT_FOUND"
    FOK_NOT_FILL = "FOK_NOT_FILL"
    INVALID_CURRENCY = "INVALID_CURRENCY"
    INVALID_CURRENCY_PAIR = "INVALID_CURRENCY_PAIR"
    INVALID_PARAM_VALUE = "INVALID_PARAM_VALUE"
    INVALID_PRECISION = "INVALID_PRECISION"
    NO_CHANGE = "NO_CHANGE"
    PRICE_THRESHOLD_EXCEEDED = "PRICE_THRESHOLD_EXCEEDED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    ORDER_CLOSED = "ORDER_CLOSED"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    POC_FILL_IMMEDIATELY = "POC_FILL_IMMEDIATELY"
    REQUEST_EXPIRED = "REQUEST_EXPIRED"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"


class Refused(Exception):
    """The exchange did nothing, and says why: Gate's label and a sentence."""

    def __init__(self, label: Label, message: str) -> None:
        super().__init__(f"{label}: {message}")
        self.label = label
        self.message = message
