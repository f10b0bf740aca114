"""Faults to inject: which call or push goes wrong, and how. Rules match in order, each a given number of times."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Ending(StrEnum):
    """What happens to the answer."""

    SEND = "send"
    DROP = "drop"
    HANG = "hang"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to give instead of the true one. `headers`: further lines, each ended by CR LF."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong with REST calls that match.

    `method` and `path` are patterns (`*`); the path is without `/api/v4`. The first `skip` matching calls are spared,
    the next `times` are hit. Delays in seconds. `execute`: whether the exchange carries the call out. `ending`: the
    answer is sent, the connection dropped without it, left hanging, or cut in the middle. `answer`: sent instead.
    """

    path: str = "*"
    method: str = "*"
    times: int = 1
    skip: int = 0
    delay_before_s: float = 0.0
    execute: bool = True
    delay_after_s: float = 0.0
    ending: Ending = Ending.SEND
    answer: Answer | None = None


ORDERS = "/spot/orders"
_HTML = b"<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"


def slow(seconds: float, *, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The call is carried out at once, its answer comes late."""
    return Fault(path=path, method=method, times=times, delay_after_s=seconds)


def late(seconds: float, *, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The call itself arrives late."""
    return Fault(path=path, method=method, times=times, delay_before_s=seconds)


def lost_answer(*, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """Carried out, but the connection drops before the answer."""
    return Fault(path=path, method=method, times=times, ending=Ending.DROP)


def lost_request(*, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """The connection drops and nothing is carried out."""
    return Fault(path=path, method=method, times=times, execute=False, ending=Ending.DROP)


def server_error(
    status: int = 500, *, executed: bool, path: str = ORDERS, method: str = "POST", times: int = 1
) -> Fault:
    """A 5xx in Gate's shape; whether the call was carried out only the caller of this knows."""
    answer = Answer(status, b'{"label":"SERVER_ERROR","message":"Internal server error"}')
    return Fault(path=path, method=method, times=times, execute=executed, answer=answer)


def gateway_page(*, executed: bool, path: str = ORDERS, method: str = "POST", times: int = 1) -> Fault:
    """An HTML 504 of a proxy in between."""
    return Fault(path=path, method=method, times=times, execute=executed, answer=Answer(504, _HTML, "text/html"))


def too_many_requests(
    *, retry_after_s: int | None = None, path: str = ORDERS, method: str = "POST", times: int = 1
) -> Fault:
    """A 429; nothing is carried out."""
    body = b'{"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded (211)"}'
    headers = "" if retry_after_s is None else f"Retry-After: {retry_after_s}\r\n"
    return Fault(path=path, method=method, times=times, execute=False, answer=Answer(429, body, headers=headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFault:
    """One thing that goes wrong with WebSocket updates of a channel (a pattern).

    The first `skip` are spared, the next `times` are sent `copies` times (0: lost) and `delay_s` seconds late.
    """

    channel: str = "*"
    times: int = 1
    skip: int = 0
    copies: int = 1
    delay_s: float = 0.0


class Faults:
    """The rules in force. Each call or update counts for the first rule that matches it and is not used up."""

    def __init__(self) -> None:
        self._calls: list[tuple[Fault, list[int]]] = []
        self._pushes: list[tuple[PushFault, list[int]]] = []

    def add(self, fault: Fault | PushFault) -> None:
        """Put a rule in force after those already there."""
        if isinstance(fault, Fault):
            self._calls.append((fault, [0]))
        else:
            self._pushes.append((fault, [0]))

    def clear(self) -> None:
        """All is well again."""
        self._calls.clear()
        self._pushes.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that hits this call, if any."""
        for fault, seen in self._calls:
            matches = fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path)
            if matches and seen[0] < fault.skip + fault.times:
                seen[0] += 1
                return fault if seen[0] > fault.skip else None
        return None

    def strike_push(self, channel: str) -> PushFault | None:
        """The fault that hits this update, if any."""
        for fault, seen in self._pushes:
            if fnmatchcase(channel, fault.channel) and seen[0] < fault.skip + fault.times:
                seen[0] += 1
                return fault if seen[0] > fault.skip else None
        return None
