"""What the journal has to tell its owner: each trouble once, and its end once."""

import threading
from collections.abc import Callable, Mapping

from autotrader_v2.application.events import Priority

Listener = Callable[[str, Priority, Mapping[str, str]], None]


class News:
    """Keeps what happens before somebody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._waiting: list[tuple[str, Priority, Mapping[str, str]]] = []
        self._standing: set[str] = set()

    def listen(self, listener: Listener) -> None:
        """Tell it from now on, and what waited."""
        with self._lock:
            self._listener, waiting = listener, self._waiting
            self._waiting = []
        for one in waiting:
            listener(*one)

    def tell(self, code: str, priority: Priority, **values: str) -> None:
        """An alert's code and values."""
        with self._lock:
            listener = self._listener
            if listener is None:
                self._waiting.append((code, priority, values))
        if listener is not None:
            listener(code, priority, values)

    def begins(self, code: str, priority: Priority, **values: str) -> None:
        """A trouble is there; told when it was not there before."""
        with self._lock:
            known = code in self._standing
            self._standing.add(code)
        if not known:
            self.tell(code, priority, **values)

    def ends(self, code: str, told_as: str = "") -> None:
        """It is over; told as another code, if it has one."""
        with self._lock:
            known = code in self._standing
            self._standing.discard(code)
        if known and told_as:
            self.tell(told_as, Priority.LOW)
