"""What may wait until the orders of this moment have left: log lines and notes of what was decided and booked.

Writing a line costs more than deciding an order, and whoever writes it keeps every other thread from running.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from autotrader_v2.application.lines import Doing, beat, doing

_log = structlog.get_logger()
_LINGER_S = 0.02
_LOOK_S = 1.0
_WAITING_MAX = 10_000


class Afterwards:
    """Calls what it was given, in order, a moment later on a thread of its own. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._wake = threading.Event()

    def do(self, call: Callable[..., object], *args: Any) -> None:
        """Call it soon. Never waits, never raises; when too much waits already, it is called here and now."""
        if len(self._waiting) >= _WAITING_MAX:
            _guarded(call, args)
            return
        self._waiting.append((call, args))
        # Once set it stays so until `run` goes to finish all that waits.
        if not self._wake.is_set():
            self._wake.set()

    def run(self, stopping: threading.Event) -> None:
        """Serve until told to stop. Wall time: an order takes as long as it takes."""
        while not stopping.is_set():
            with doing(Doing.WAITS):
                woken = self._wake.wait(_LOOK_S)
                if woken:
                    self._wake.clear()
                    stopping.wait(_LINGER_S)
            if woken:
                self.finish()

    def stop(self) -> None:
        """Let `run` see that it should end."""
        self._wake.set()

    def finish(self) -> None:
        """Call everything that waits, here and now."""
        while self._waiting:
            try:
                call, args = self._waiting.popleft()
            except IndexError:
                return  # another thread took the last one
            _guarded(call, args)
            beat()


def _guarded(call: Callable[..., object], args: tuple[Any, ...]) -> None:
    try:
        call(*args)
    except Exception:
        _log.exception("something could not be written down; trading goes on")
