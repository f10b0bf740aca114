"""Places for connections: so many in all, of one address, of WebSockets; who keeps us waiting makes room for others."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

_SLOW_READER_S = 1.0


class Doing(Enum):
    """What a connection is at."""

    WAITS = auto()  # for a request, or the rest of it
    RUNS = auto()  # the app works on it
    ANSWERS = auto()  # the other side takes its answer
    LISTENS = auto()  # a WebSocket


@dataclass(slots=True)
class _Place:
    address: str
    doing: Doing
    since_s: float


class Places:
    """Thread-safe. A flood of connections that send or take nothing loses its own, oldest first; the page gets in."""

    def __init__(self, *, in_all: int, of_one: int, websockets: int, now_s: Callable[[], float]) -> None:
        self._in_all, self._of_one, self._websockets, self._now_s = in_all, of_one, websockets, now_s
        self._lock = threading.Lock()
        self._places: dict[socket.socket, _Place] = {}

    def enter(self, wire: socket.socket, address: str) -> bool:
        """Give the newcomer a place, if need be that of one who keeps us waiting; False when nobody does."""
        with self._lock:
            count = Counter(place.address for place in self._places.values())
            gone: socket.socket | None = None
            if count[address] >= self._of_one:
                gone = self._slowest(address)
            elif len(self._places) >= self._in_all:
                gone = next((one for name, _ in count.most_common() if (one := self._slowest(name))), None)
            full = count[address] >= self._of_one or len(self._places) >= self._in_all
            if full and gone is None:
                return False
            if gone is not None:
                del self._places[gone]
            self._places[wire] = _Place(address, Doing.WAITS, self._now_s())
        if gone is not None:
            _cut(gone)
        return True

    def now(self, wire: socket.socket, doing: Doing) -> bool:
        """It does this now; False when its place is gone, or when there are too many WebSockets."""
        with self._lock:
            place = self._places.get(wire)
            if place is None:
                return False
            if doing is Doing.LISTENS:
                listening = sum(one.doing is Doing.LISTENS for one in self._places.values())
                if listening >= self._websockets:
                    return False
            place.doing, place.since_s = doing, self._now_s()
            return True

    def leave(self, wire: socket.socket) -> None:
        """Its connection has ended."""
        with self._lock:
            self._places.pop(wire, None)

    def _slowest(self, address: str) -> socket.socket | None:
        """Of that address: who has waited longest, else who takes its answer too slowly."""
        mine = [(place.since_s, wire, place.doing) for wire, place in self._places.items() if place.address == address]
        slow_s = self._now_s() - _SLOW_READER_S
        for doing, until_s in ((Doing.WAITS, self._now_s()), (Doing.ANSWERS, slow_s)):
            if waiting := [one for one in mine if one[2] is doing and one[0] <= until_s]:
                return min(waiting, key=lambda one: one[0])[1]
        return None


def _cut(wire: socket.socket) -> None:
    """Its own thread notices and closes it."""
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself
