"""Lines of work that never end silently: one that fails is told and begun again, one that does not move is seen.

What a line does is seen at its borders: `WatchedClock` (it waits), `reach.py` (it asks) and `lines.doing`.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from autotrader_v2.application.crew import Crew
from autotrader_v2.application.lines import ASKS_MAX_S, BACKOFF_MAX_S, WORKS_MAX_S, Doing, Line, current, doing, hangs
from autotrader_v2.application.ports import Clock

# A line that lived as long was well: its next failure starts the waiting anew.
_WELL_S = 120.0
# Looks further apart than this: whoever looks was not running itself (a suspended machine), and judges nobody by it.
_LOOKS_APART_S = 5.0

_log = structlog.get_logger()


class Supervisor:
    """A `Crew` that watches over another one. `on_failure` is told each failure, on the line's own thread.

    `used_s` tells how much processor time a thread of that number has had; None: nobody knows.
    """

    def __init__(
        self,
        crew: Crew,
        clock: Clock,
        stopping: threading.Event,
        on_failure: Callable[[Line], None],
        used_s: Callable[[int], float | None] = lambda _: None,
    ) -> None:
        self._crew = crew
        self._clock = clock
        self._stopping = stopping
        self._on_failure = on_failure
        self._used_s = used_s
        # Processor time of lines that have not moved since, when that was first seen.
        self._seen: dict[Line, tuple[tuple[Doing, float], float | None]] = {}
        self._lines: dict[str, Line] = {}
        self._tasks: set[Line] = set()
        # (first, newest) look of an unbroken row of looks.
        self._looks = (float("-inf"), float("-inf"))

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line that was begun."""
        return tuple(self._lines.values())

    def spawn(self, name: str, body: Callable[[], None], again: Callable[[], None] | None = None) -> None:
        """Run a body until it was told to stop; one that fails, or returns before, is begun again after 1, 2 … 60 s.

        `again` is called before it is begun again: what it had taken on when it failed is wanted once more.
        """
        line = self._lines[name] = Line(name, self._clock.machine_s)
        self._crew.spawn(name, partial(self._run, line, body, again))

    def once(self, name: str, body: Callable[[], None]) -> None:
        """Run a body that ends by itself and tells its own failure."""
        self._crew.spawn(name, partial(self._task, name, body))

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        """See `Crew`."""
        return self._crew.submit(self._task, "sender", call, *args)

    def end(self) -> None:
        """See `Crew`."""
        self._crew.end()

    def stuck(self) -> tuple[Line, ...]:
        """Lines that should have moved and have not; to be asked about once a second, from any thread."""
        now_s = self._clock.machine_s()
        first_s, newest_s = self._looks
        if now_s - newest_s > _LOOKS_APART_S:
            first_s = now_s
        self._looks = (first_s, now_s)
        lines = [*self._lines.values(), *self._tasks.copy()]
        unmoved = {line: unmoved_s for line in lines if (unmoved_s := line.unmoved_s(now_s, first_s)) > 0}
        self._seen = {line: self._first_seen(line) for line in unmoved}
        return tuple(line for line, unmoved_s in unmoved.items() if self._hangs(line, unmoved_s))

    def _first_seen(self, line: Line) -> tuple[tuple[Doing, float], float | None]:
        moved, seen = line.moved, self._seen.get(line)
        return seen if seen is not None and seen[0] is moved else (moved, self._used_s(line.thread))

    def _hangs(self, line: Line, unmoved_s: float) -> bool:
        moved, before_s = self._seen[line]
        if moved[0] is Doing.ASKS:
            return unmoved_s > ASKS_MAX_S
        if unmoved_s <= WORKS_MAX_S:
            return False
        used_s = self._used_s(line.thread)
        used_s = None if used_s is None or before_s is None else used_s - before_s
        return line.moved is moved and hangs(unmoved_s, used_s, WORKS_MAX_S)

    def _run(self, line: Line, body: Callable[[], None], again: Callable[[], None] | None) -> None:
        current.set(line)
        line.thread = threading.get_native_id()
        while not self._stopping.is_set():
            began_s = self._clock.machine_s()
            line.does(Doing.WORKS)
            try:
                if line.failures and again is not None:
                    again()
                body()
                line.error = "returned"
            except Exception as error:
                line.error = type(error).__name__
                _log.exception("a line of work failed", line=line.name)
            if not self._stopping.is_set():
                self._wait_after_failure(line, began_s)
        line.does(Doing.WAITS)

    def _wait_after_failure(self, line: Line, began_s: float) -> None:
        now_s = self._clock.machine_s()
        if now_s - began_s > _WELL_S:
            line.failures = 0
        line.failures += 1
        line.restarts += 1
        line.failed_ms = self._clock.now_ms()
        wait_s = min(float(1 << min(line.failures - 1, 10)), BACKOFF_MAX_S)
        line.again_s = now_s + wait_s
        self._on_failure(line)
        line.does(Doing.WAITS)
        self._clock.wait(self._stopping, wait_s)

    def _task(self, name: str, call: Callable[..., Any], *args: Any) -> Any:
        """Something short, seen while it lasts."""
        line = Line(name, self._clock.machine_s)
        line.thread = threading.get_native_id()
        token = current.set(line)
        self._tasks.add(line)
        try:
            return call(*args)
        finally:
            self._tasks.discard(line)
            current.reset(token)


class WatchedClock:
    """A `Clock` that sees who waits. Its times are the clock's own methods: reading them costs nothing more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.now_ms = clock.now_ms
        self.monotonic_s = clock.monotonic_s
        self.wall_ms = clock.wall_ms
        self.machine_s = clock.machine_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """See the port."""
        with doing(Doing.WAITS):
            return self._clock.wait(event, timeout_s)
