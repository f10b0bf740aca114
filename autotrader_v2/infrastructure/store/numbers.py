"""Order numbers: reserved in the database by the thousand, so that one costs no commit and comes only once."""

import threading
from collections.abc import Callable

BLOCK = 1000


class Numbers:
    """Hands out numbers of reserved blocks. A crash loses the rest of a block, never repeats one."""

    def __init__(self, reserve: Callable[[int], int]) -> None:
        """`reserve` makes the next that many durable as ours and returns the first."""
        self._reserve = reserve
        self._lock = threading.Lock()
        self._next = self._end = 0
        self._ahead: range | None = None

    def take(self) -> int:
        """The next number. Errors: `JournalUnavailable` when none is left and no more can be reserved."""
        with self._lock:
            self._need_one()
            number = self._next
            self._next += 1
            return number

    def prepare(self) -> int:
        """Make sure that numbers are there; returns the next. Errors: `JournalUnavailable`."""
        with self._lock:
            self._need_one()
            return self._next

    def refill(self) -> None:
        """Reserve a block ahead of need, so that no order waits for it. Errors: `JournalUnavailable`."""
        if self._ahead is None and self._end - self._next < BLOCK // 2:
            block = self._block()
            with self._lock:
                self._ahead = block

    def _need_one(self) -> None:
        if self._next == self._end:
            block, self._ahead = self._ahead or self._block(), None
            self._next, self._end = block.start, block.stop

    def _block(self) -> range:
        first = self._reserve(BLOCK)
        return range(first, first + BLOCK)
