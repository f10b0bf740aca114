"""Threads that serve one connection after the other.

A new thread for each connection costs the one interpreter, which also trades, half a millisecond of its time.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any


class Workers:
    """Thread-safe. As many threads as are needed at once; a few that have nothing to do wait for more."""

    def __init__(self, serve: Callable[..., None], *, spare: int) -> None:
        self._serve, self._spare = serve, spare
        self._lock = threading.Lock()
        self._given: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._free = 0
        self._ended = False

    @property
    def free(self) -> int:
        """How many have nothing to do."""
        return self._free

    def give(self, *work: Any) -> None:
        """Have one of them call `serve` with this. Errors: `RuntimeError` when there can be no more threads."""
        with self._lock:
            found = self._free > 0
            self._free -= found
        if not found:
            threading.Thread(target=self._work, name="web-connection", daemon=True).start()
        self._given.put(work)

    def end(self) -> None:
        """Those that wait end now, the others after what they are at."""
        with self._lock:
            self._ended, free, self._free = True, self._free, 0
        for _ in range(free):
            self._given.put(None)

    def _work(self) -> None:
        while (work := self._given.get()) is not None:
            self._serve(*work)
            del work  # a closed connection is not kept until the next one comes
            with self._lock:
                if self._ended or self._free >= self._spare:
                    return
                self._free += 1
