"""A connection whose other side may be slow or hostile: every wait has an end, and what may arrive has a bound."""

import io
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

# A request comes in one piece, or its body in large ones. Who sends crumbs is read so often, not at every crumb: each
# look at what has come takes time from the one interpreter that also trades.
_CRUMB, _CRUMBS_AT_ONCE, _CRUMBS_REST_S = 256, 4, 0.1


class Arrival(io.RawIOBase):
    """What arrives of requests. Without a request it may be silent for a while; a request must be whole in time.

    Errors: `TimeoutError` when it was not; `ConnectionAbortedError` when it exceeds `most` bytes or ended half-way:
    `http.server` takes half a head for a whole one.
    """

    def __init__(self, wire: socket.socket, *, within_s: float, most: int, now_s: Callable[[], float]) -> None:
        self._wire, self._within_s, self._most, self._now_s = wire, within_s, most, now_s
        self._silent_s, self._ends_s, self._room, self._crumbs = within_s, 0.0, most, 0

    def expect(self, silent_s: float) -> None:
        """The next request may begin within so long."""
        self._silent_s, self._ends_s, self._room, self._crumbs = silent_s, 0.0, self._most, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for the next bytes, no longer than the request has left."""
        if self._room <= 0:
            raise ConnectionAbortedError("the request is too long")
        if self._crumbs > _CRUMBS_AT_ONCE:
            time.sleep(_CRUMBS_REST_S)
        left_s = self._ends_s - self._now_s() if self._ends_s else self._silent_s
        if left_s <= 0:
            raise TimeoutError("the request did not arrive in time")
        self._wire.settimeout(left_s)
        count = self._wire.recv_into(memoryview(buffer)[: self._room])
        if self._ends_s and not count:
            raise ConnectionAbortedError("the request ended half-way")
        if not self._ends_s:
            self._ends_s = self._now_s() + self._within_s
        self._room -= count
        self._crumbs += count < _CRUMB
        return count


class PushSocket:
    """The socket as a WebSocket library uses it: `send` sends all or fails in time, silence has an end.

    The library drops the count that `send` returns, so a part sent would break the stream; and without an end a page
    that reads nothing would hold its thread and a growing queue for ever.
    """

    def __init__(self, wire: socket.socket, *, within_s: float) -> None:
        self._wire = wire
        self._sending = threading.Lock()
        wire.settimeout(within_s)

    def send(self, data: bytes) -> int:
        """Send everything. Errors: `OSError`, also when the other side takes it too slowly."""
        with self._sending:
            try:
                self._wire.sendall(data)
            except TimeoutError:
                # The reader's thread ends with it; half a message has left.
                self._wire.shutdown(socket.SHUT_RDWR)
                raise
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)
