"""What a line of work does now: it waits (for time, for work), asks (the exchange), or works."""

from collections.abc import Callable
from contextvars import ContextVar
from enum import Enum

BACKOFF_MAX_S = 60.0
WORKS_MAX_S = 6.0
# A reading is repeated within a time-out of its own and may have many pages; beyond this it is stuck, not slow.
ASKS_MAX_S = 120.0
# So little processor time in seconds is none: it stands still. So much without a sign is a loop.
_STANDS_S = 0.02
_LOOPS_S = 4.0
# Something in between is a machine too crowded to work on, or a wait in small steps: nobody takes as long for long.
_CROWDED_MAX_S = 60.0


def hangs(unmoved_s: float, used_s: float | None, limit_s: float) -> bool:
    """Whether something hangs that gave no sign for so long and had so much processor time meanwhile (None: unknown).

    Work that gets no processor on a crowded machine is late, not hung: it has had some, and needs little.
    """
    if unmoved_s <= limit_s:
        return False
    return used_s is None or not _STANDS_S < used_s < _LOOPS_S or unmoved_s > _CROWDED_MAX_S


class Doing(Enum):
    """What a line of work does now."""

    WAITS = "waits"
    WORKS = "works"
    ASKS = "asks"


class Line:
    """One line of work. `failures` in a row, the newest `error`'s class name, `again_s` when it is begun again.

    Units: seconds of the machine's time. `moved` is what it does and since when, replaced in one assignment; `thread`
    the system's number of the thread that does it.
    """

    __slots__ = ("again_s", "error", "failed_ms", "failures", "moved", "name", "now_s", "restarts", "thread")

    def __init__(self, name: str, now_s: Callable[[], float]) -> None:
        self.name = name
        self.now_s = now_s
        self.moved: tuple[Doing, float] = (Doing.WORKS, now_s())
        self.thread = 0
        self.failures = 0
        self.restarts = 0
        self.error = ""
        self.failed_ms = 0
        self.again_s = 0.0

    def does(self, doing: Doing) -> Doing:
        """From now on it does that; returns what it did before."""
        before = self.moved[0]
        self.moved = (doing, self.now_s())
        return before

    def unwell(self, now_s: float) -> bool:
        """Whether it failed a moment ago."""
        return self.failures > 0 and now_s < self.again_s + BACKOFF_MAX_S

    def unmoved_s(self, now_s: float, watched_since_s: float) -> float:
        """How long it has not moved under our eyes; 0 while it waits for time or work."""
        doing, since_s = self.moved
        return 0.0 if doing is Doing.WAITS else now_s - max(since_s, watched_since_s)


current: ContextVar[Line | None] = ContextVar("line", default=None)


class doing:
    """`with doing(what)`: this line of work does that inside the block; outside supervised lines nothing is kept.

    A class, because every decision and every order passes through one: a generator costs twice as much.
    """

    __slots__ = ("_before", "_line", "_what")

    def __init__(self, what: Doing) -> None:
        self._what = what

    def __enter__(self) -> None:
        line = self._line = current.get()
        if line is not None:
            self._before = line.does(self._what)

    def __exit__(self, *_error: object) -> None:
        if self._line is not None:
            self._line.does(self._before)


def beat() -> None:
    """This line of work moves."""
    line = current.get()
    if line is not None:
        line.does(line.moved[0])
