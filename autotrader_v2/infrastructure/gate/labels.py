"""What each of Gate's error labels means for an order: the one table.

A label that is not here, or stands with UNKNOWN, says nothing about the order: then the exchange's books are asked.
Source: Gate API v4, error labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autotrader_v2.application.ports import About

_KEY = "Check the API key, its permissions and its IP list at Gate, then resume."
_ACCOUNT = "Look at the account at Gate, then resume."
_PROGRAM = "Update mTrade, or report this: the exchange does not understand what it sent."
_RULES = "The market's rules are read again; check the amounts if it repeats."
_WAIT = "Nothing to do: it is decided again at a later price."
_MONEY = "Top up the account or lower the amounts."
_BUSY = "Nothing to do: the exchange's limit passes by itself."


class Reach(StrEnum):
    """What a refusal stops."""

    PASSING = "passing"
    MARKET = "market"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The order was surely not placed. `do`: what the person should do."""

    reach: Reach
    do: str
    about: About = About.OTHER


@dataclass(frozen=True, slots=True)
class Unproven:
    """The label does not prove that nothing was placed. `because`: why not."""

    because: str


_FAILED_THERE = Unproven("the exchange failed at it")
_NOT_OF_CREATE = Unproven("no answer to a new order")

LABELS: Mapping[str, Refusal | Unproven] = {
    # Key and account.
    "MISSING_REQUIRED_HEADER": Refusal(Reach.ACCOUNT, _KEY),
    "INVALID_KEY": Refusal(Reach.ACCOUNT, _KEY),
    "INVALID_SIGNATURE": Refusal(Reach.ACCOUNT, _KEY),
    "INVALID_CREDENTIALS": Refusal(Reach.ACCOUNT, _KEY),
    "IP_FORBIDDEN": Refusal(Reach.ACCOUNT, _KEY),
    "READ_ONLY": Refusal(Reach.ACCOUNT, _KEY),
    "FORBIDDEN": Refusal(Reach.ACCOUNT, _KEY),
    "AUTHENTICATION_FAILED": Refusal(Reach.ACCOUNT, _KEY),
    "ACCOUNT_LOCKED": Refusal(Reach.ACCOUNT, _ACCOUNT),
    # Refused before the key is looked at: the request came too late, or the clocks differ (they are compared anew).
    "REQUEST_EXPIRED": Refusal(Reach.PASSING, _WAIT),
    # What the exchange did not understand.
    "INVALID_ARGUMENT": Refusal(Reach.MARKET, _RULES),
    "MISSING_REQUIRED_PARAM": Refusal(Reach.MARKET, _PROGRAM),
    "INVALID_REQUEST_BODY": Refusal(Reach.MARKET, _PROGRAM),
    "BAD_REQUEST": Refusal(Reach.MARKET, _PROGRAM),
    "INVALID_CLIENT_ORDER_ID": Refusal(Reach.MARKET, _PROGRAM),
    "MIXED_ACCOUNT_TYPE": Refusal(Reach.MARKET, _PROGRAM),
    "INVALID_PROTOCOL": Refusal(Reach.ACCOUNT, _PROGRAM),
    "INVALID_CONTENT_TYPE": Refusal(Reach.ACCOUNT, _PROGRAM),
    "NOT_ACCEPTABLE": Refusal(Reach.ACCOUNT, _PROGRAM),
    "METHOD_NOT_ALLOWED": Refusal(Reach.ACCOUNT, _PROGRAM),
    "NOT_FOUND": Refusal(Reach.ACCOUNT, _PROGRAM),
    # The market's rules. INVALID_PARAM_VALUE is also the label of an order below the minimum.
    "INVALID_PARAM_VALUE": Refusal(Reach.PASSING, _RULES, About.RULES),
    "INVALID_PRECISION": Refusal(Reach.PASSING, _RULES, About.RULES),
    "AMOUNT_TOO_LITTLE": Refusal(Reach.PASSING, _RULES, About.RULES),
    "AMOUNT_TOO_MUCH": Refusal(Reach.PASSING, _RULES, About.RULES),
    "INVALID_CURRENCY": Refusal(Reach.MARKET, _RULES),
    "INVALID_CURRENCY_PAIR": Refusal(Reach.MARKET, _RULES),
    "TOO_MANY_CURRENCY_PAIRS": Refusal(Reach.MARKET, _PROGRAM),
    # Money and the moment.
    "BALANCE_NOT_ENOUGH": Refusal(Reach.PASSING, _MONEY, About.BALANCE),
    "QUANTITY_NOT_ENOUGH": Refusal(Reach.PASSING, _MONEY, About.BALANCE),
    "POC_FILL_IMMEDIATELY": Refusal(Reach.PASSING, _WAIT),
    "FOK_NOT_FILL": Refusal(Reach.PASSING, _WAIT),
    "PRICE_THRESHOLD_EXCEEDED": Refusal(Reach.PASSING, _WAIT),
    "TOO_MANY_ORDERS": Refusal(Reach.PASSING, "Cancel resting orders at Gate if it repeats."),
    "TOO_MANY_REQUESTS": Refusal(Reach.PASSING, _BUSY),
    # These say that an order like this one exists: maybe ours.
    "REPEATED_CREATION": Unproven("it may be this very order that was created"),
    "ORDER_EXISTS": Unproven("it may be this very order that exists"),
    "DUPLICATE_REQUEST": Unproven("it may be this very request that came before"),
    # The exchange's own failures; some happen after the order was taken.
    "INTERNAL": _FAILED_THERE,
    "SERVER_ERROR": _FAILED_THERE,
    "INTERNAL_SERVER_ERROR": _FAILED_THERE,
    "TOO_BUSY": _FAILED_THERE,
    # Labels of other calls. As an answer to a new order they would be a riddle.
    "ORDER_NOT_FOUND": _NOT_OF_CREATE,
    "CLIENT_ID_NOT_FOUND": _NOT_OF_CREATE,
    "ORDER_CLOSED": _NOT_OF_CREATE,
    "ORDER_CANCELLED": _NOT_OF_CREATE,
    "CANCEL_FAIL": _NOT_OF_CREATE,
    "NO_CHANGE": _NOT_OF_CREATE,
    "TOO_FAST": _NOT_OF_CREATE,
}

ACCESS = frozenset(label for label, one in LABELS.items() if isinstance(one, Refusal) and one.do in (_KEY, _ACCOUNT))
"""The key or the account is refused: asking again does not help and may get the address banned."""
ABSENT = frozenset({"ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND"})
"""Answers to a look-up that mean: not there (now)."""

CLOCK_WRONG = "REQUEST_EXPIRED"
NO_PERMISSION = frozenset({"FORBIDDEN", "READ_ONLY", "INVALID_KEY", "INVALID_CREDENTIALS"})
"""Answers to a read for which the key lacks a permission."""
