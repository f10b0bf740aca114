"""What goes wrong, as values: a rule says which happenings it is about, how often it strikes, and what it does."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from autotrader_v2.matching.records import FinishAs, Thin

# (decoded JSON of an answer or update, the rule's own chance, pattern of the pair) -> what is sent instead
Edit = Callable[[Any, random.Random, str], Any]


class Ending(StrEnum):
    """What happens to the answer.

    Sent; dropped; left hanging; cut short; reset in its middle; half of the JSON with the right length; a length that
    is too long or too short; a gzip body cut short.
    """

    SEND = "send"
    DROP = "drop"
    HANG = "hang"
    CUT = "cut"
    RESET = "reset"
    HALF_JSON = "half_json"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    GZIP_CUT = "gzip_cut"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to give instead of the true one. `headers`: further lines, each ended by CR LF."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules share.

    The first `skip` happenings that match are spared, the next `times` (0: all) are hit, each with probability
    `chance`. Only from `from_s` until `until_s` seconds after the rule came into force. `pair` is a pattern (`*`).
    Delays are longer by up to `spread_s` seconds.
    `kind` is what it is counted as; `told` is how it was written, for lists.
    """

    kind: str = "custom"
    times: int = 1
    skip: int = 0
    chance: float = 1.0
    from_s: float = 0.0
    until_s: float = math.inf
    pair: str = "*"
    spread_s: float = 0.0
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Rule):
    """One thing that goes wrong with REST calls that match.

    `method`, `path` and `side` are patterns (`*`); the path is without `/api/v4`. Delays in seconds.
    `execute`: whether the exchange carries the call out, `copies` how many times. `lag_ms`: how old what it shows of
    the account is. `thin`: how much of its size an order finds. `again`: the last answer to the very same call is given
    once more. `answer` is sent instead of the true one, `edit` changes it, `ending` is how it is sent.
    """

    path: str = "*"
    method: str = "*"
    side: str = "*"
    delay_before_s: float = 0.0
    delay_after_s: float = 0.0
    execute: bool = True
    copies: int = 1
    lag_ms: int = 0
    thin: Thin | None = None
    again: bool = False
    answer: Answer | None = None
    edit: Edit | None = None
    ending: Ending = Ending.SEND


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFault(Rule):
    """One thing that goes wrong with WebSocket updates of a channel (a pattern).

    They are sent `copies` times (0: lost) and `delay_s` seconds late; `swap`: after the next one of the channel; `raw`:
    these bytes instead.
    """

    channel: str = "*"
    copies: int = 1
    delay_s: float = 0.0
    swap: bool = False
    edit: Edit | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFault(Rule):
    """A subscription that is refused with Gate's `code`, or (`ignored`) never answered."""

    channel: str = "*"
    ignored: bool = False
    code: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening(Rule):
    """Something that happens at the exchange by itself: first at `from_s`, then every `every_s` seconds.

    `act` names an act of `acts.py`, `values` are its values.
    """

    act: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    every_s: float = 0.0


ORDERS = "/spot/orders"
_HTML = b"<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"


def slow(seconds: float, *, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The call is carried out at once, its answer comes late."""
    return Fault(kind="slow", path=path, method=method, times=times, delay_after_s=seconds)


def late(seconds: float, *, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The call itself arrives late."""
    return Fault(kind="late", path=path, method=method, times=times, delay_before_s=seconds)


def lost_answer(*, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """Carried out, but the connection drops before the answer."""
    return Fault(kind="lost_answer", path=path, method=method, times=times, ending=Ending.DROP)


def lost_request(*, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The connection drops and nothing is carried out."""
    return Fault(kind="lost_request", path=path, method=method, times=times, execute=False, ending=Ending.DROP)


def server_error(
    status: int = 500, *, executed: bool, path: str = ORDERS, method: str = "POST", times: int = 1
) -> Fault:
    """A 5xx in Gate's shape; whether the call was carried out only the caller of this knows."""
    answer = Answer(status, b'{"label":"SERVER_ERROR","message":"Internal server error"}')
    return Fault(kind="error", path=path, method=method, times=times, execute=executed, answer=answer)


def gateway_page(
    *, executed: bool, path: str = ORDERS, method: str = "POST", times: int = 1, status: int = 504
) -> Fault:
    """An HTML page of a proxy in between."""
    page = _HTML.replace(b"504", str(status).encode())
    answer = Answer(status, page, "text/html")
    return Fault(kind="error", path=path, method=method, times=times, execute=executed, answer=answer)


def too_many_requests(
    *,
    retry_after_s: int | None = None,
    reset_ms: int | None = None,
    label: bool = True,
    code: int = 211,
    path: str = ORDERS,
    method: str = "POST",
    times: int = 1,
) -> Fault:
    """A 429; nothing is carried out. `code` 211 is the rate limit, 212 the fill-ratio limit; `label` False: no JSON."""
    body = f'{{"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded ({code})"}}' if label else "slow down"
    headers = "" if retry_after_s is None else f"Retry-After: {retry_after_s}\r\n"
    if reset_ms is not None:
        headers += f"X-Gate-RateLimit-Reset-Timestamp: {reset_ms}\r\n"
    answer = Answer(429, body.encode(), "application/json" if label else "text/plain", headers)
    return Fault(kind="too_many", path=path, method=method, times=times, execute=False, answer=answer)


def thin_fill(share: Decimal, finish_as: FinishAs = FinishAs.IOC, *, times: int = 1, side: str = "*") -> Fault:
    """Of an order only that share of its size fills, in truth: the rest ends as told."""
    kind = "partial_fill" if share else "no_fill"
    return Fault(kind=kind, path=ORDERS, method="POST", times=times, side=side, thin=Thin(share, finish_as))
