"""The pairs of one public connection: asked for, acknowledged, asked for again."""

import threading
from collections.abc import Callable, Collection
from itertools import count
from typing import NamedTuple

import structlog

from autotrader_v2.application.ports import Clock
from autotrader_v2.infrastructure.gate.frames import BEST, TICKERS, Frame, request

_PAIRS_A_REQUEST = 50
_ACK_WITHIN_S = 10.0
_CHANNELS = (BEST, TICKERS)

_log = structlog.get_logger()


class _Asked(NamedTuple):
    channel: str
    pairs: tuple[str, ...]
    at_s: float


class Subscriptions:
    """Follows `pairs` on a connection.

    One unknown pair makes the exchange refuse a whole request; it is then halved until the culprit stands alone, so
    that the others are served. `send` sends a text; `refused` are the pairs that the exchange does not know.
    """

    def __init__(self, clock: Clock, now_s: Callable[[], int], send: Callable[[str], None]) -> None:
        # Replaced, never changed: other threads read them.
        self.pairs: frozenset[str] = frozenset()
        self.refused: frozenset[str] = frozenset()
        self._clock = clock
        self._now_s = now_s
        self._send = send
        self._numbers = count(1)
        self._asked: dict[int, _Asked] = {}
        self._lock = threading.Lock()

    def add(self, pairs: Collection[str]) -> None:
        """Follow these too."""
        self.pairs |= frozenset(pairs)
        self._ask_all(sorted(pairs))

    def remove(self, pairs: Collection[str]) -> None:
        """Follow these no longer. Its acknowledgement matters to nobody: quotes of others are dropped anyway."""
        self.pairs -= frozenset(pairs)
        self.refused -= frozenset(pairs)
        for channel in _CHANNELS:
            self._send(request(self._now_s(), channel, "unsubscribe", sorted(pairs)))

    def opened(self) -> None:
        """A new connection: say everything again."""
        with self._lock:
            self._asked.clear()
        self.refused = frozenset()
        self._ask_all(sorted(self.pairs))

    def answered(self, frame: Frame) -> None:
        """The exchange answered a request."""
        if not isinstance(frame.id, int):
            return
        with self._lock:
            asked = self._asked.pop(frame.id, None)
        if asked is None or frame.event != "subscribe":
            return
        if frame.error is None and frame.result is not None and frame.result.status == "success":
            return
        message = frame.error.message if frame.error else "no reason told"
        if len(asked.pairs) == 1:
            if asked.pairs[0] in self.refused:
                return  # the other channel said so
            self.refused |= frozenset(asked.pairs)
            _log.error("Gate.io does not stream a market; it gets no prices", pair=asked.pairs[0], error=message[:200])
            return
        half = len(asked.pairs) // 2
        for part in (asked.pairs[:half], asked.pairs[half:]):
            self._ask(asked.channel, part)

    def overdue(self) -> bool:
        """Whether a request waits too long for its answer."""
        with self._lock:
            oldest_s = min((asked.at_s for asked in self._asked.values()), default=None)
        return oldest_s is not None and self._clock.monotonic_s() - oldest_s > _ACK_WITHIN_S

    def _ask_all(self, pairs: list[str]) -> None:
        for channel in _CHANNELS:
            for begin in range(0, len(pairs), _PAIRS_A_REQUEST):
                self._ask(channel, tuple(pairs[begin : begin + _PAIRS_A_REQUEST]))

    def _ask(self, channel: str, pairs: tuple[str, ...]) -> None:
        number = next(self._numbers)
        with self._lock:
            self._asked[number] = _Asked(channel, pairs, self._clock.monotonic_s())
        self._send(request(self._now_s(), channel, "subscribe", list(pairs), number=number))
