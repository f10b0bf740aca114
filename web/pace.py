"""A pace: so many a second and some at once, in all; who comes sooner rests, so that no flood slows a trade."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SENDER = "mtrade.sender"


@dataclass(slots=True)
class Sender:
    """Who sent a request, as far as the server below the app has to know."""

    known: bool = False


def with_sender(environ: dict[str, Any]) -> Sender:
    """Let those above tell about the sender of this request. (An environ is copied on its way; this is one object.)"""
    sender: Sender = environ.setdefault(_SENDER, Sender())
    return sender


def knows_sender(environ: dict[str, Any]) -> None:
    """It has shown a good session or token."""
    with_sender(environ).known = True


class Pace:
    """Thread-safe. Nothing is refused: everyone waits for a turn; a flood is slow and the owner is still answered."""

    def __init__(self, *, per_s: float, at_once: int, now_s: Callable[[], float]) -> None:
        self._each_s, self._ahead_s, self._now_s = 1 / per_s, (at_once - 1) / per_s, now_s
        self._lock = threading.Lock()
        self._turn_s = float("-inf")

    def rest_s(self) -> float:
        """Take a turn; it comes after so many seconds."""
        with self._lock:
            now_s = self._now_s()
            turn_s = max(self._turn_s, now_s - self._ahead_s)
            self._turn_s = turn_s + self._each_s
            return max(turn_s - now_s, 0.0)
