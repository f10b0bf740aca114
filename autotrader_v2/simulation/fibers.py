"""Threads that take turns: each runs until it waits for the world, and the seed decides who goes on next.

A fiber is a greenlet: production code that blocks (an fsync, a request, a wait) parks here and another goes on, so one
thread explores what many would do, and the same seed explores the same.
"""

import heapq
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import greenlet

from autotrader_v2.infrastructure.clock import SystemClock

Call = Callable[[], None]
# What the world does at its time; False: it came to nothing, nothing was delivered.
Delivery = Callable[[], object]


class Crashed(BaseException):
    """The process this code ran in is dead. No `except Exception` of it may go on."""


class Fiber:
    """One line of work of a process (`group`), parked or running."""

    __slots__ = ("group", "outside", "started", "thread", "turn", "until")

    def __init__(self, run: Call, hub: Any, group: int) -> None:
        self.thread = greenlet.greenlet(run, hub)
        self.group = group
        self.started = False
        # Whether it waits for something outside the process: a network's or a disk's answer.
        self.outside = False
        # Counts resumptions, so that an alarm set for an earlier wait is not taken for this one's.
        self.turn = 0
        self.until: Callable[[], bool] | None = None


_Entry = tuple[int, float, int, "Fiber | Delivery", "int | Callable[[], bool] | None"]


class Hub:
    """Virtual time and who goes on next. Units: `now_ms` milliseconds of the world's true time, never set back."""

    def __init__(self, rng: random.Random, now_ms: int) -> None:
        self.now_ms = now_ms
        self._rng = rng.random
        self._heap: list[_Entry] = []
        self._count = 0
        # By what they wait for: many wait for the same event.
        self._waiting: dict[Callable[[], bool], list[Fiber]] = {}
        self._greenlet = greenlet.getcurrent()
        self._groups: dict[int, list[Fiber]] = {}
        # Who runs now; None between events.
        self.current: Fiber | None = None
        # Nothing of this group goes on before then.
        self._asleep_group = -1
        self._asleep_until_ms = 0

    # -- from outside fibers

    def at(self, due_ms: int, call: Delivery, *, still: Callable[[], bool] | None = None) -> None:
        """Deliver an event of the world then, if it `still` is to happen."""
        self._count += 1
        heapq.heappush(self._heap, (due_ms, self._rng(), self._count, call, still))

    def spawn(self, group: int, body: Call) -> None:
        """Start a line of work of a process; what else is due now may come first."""

        def run() -> None:
            try:
                body()
            except Crashed:
                return

        fiber = Fiber(run, self._greenlet, group)
        self._groups.setdefault(group, []).append(fiber)
        self._wake_at(fiber, self.now_ms)

    def step(self) -> bool:
        """One turn: whoever's wait is over goes on, else time moves to what is next.

        True when an event of the world was delivered: what it had planned, or the outside's answer to a line of work.
        A line that begins, takes over from another or only looked at the clock goes on by itself: turns of their own in
        any order, and no events. What came to nothing has changed nothing and is no turn either.
        """
        asleep = self._asleep_group if self.now_ms < self._asleep_until_ms else -1
        for until, fibers in self._waiting.items():
            fiber = fibers[0]
            if fiber.group != asleep and until():
                self._waits_no_more(fiber)
                self._resume(fiber, woken=True)
                return False
        while True:
            due_ms, _, _, what, turn = heapq.heappop(self._heap)
            if isinstance(what, Fiber):
                if what.thread.dead or what.turn != turn:
                    continue
                if what.group == asleep and due_ms < self._asleep_until_ms:
                    self._wake_at(what, self._asleep_until_ms)
                    continue
                self.now_ms = max(self.now_ms, due_ms)
                if what.until is not None:
                    self._waits_no_more(what)
                answered, what.outside = what.outside, False
                self._resume(what, woken=False)
                return answered
            if callable(turn) and not turn():
                continue
            self.now_ms = max(self.now_ms, due_ms)
            if what() is not False:
                return True

    def sleep_all(self, group: int, until_ms: int) -> None:
        """Let nothing of a process go on before then: its machine sleeps, the world does not."""
        self._asleep_group, self._asleep_until_ms = group, until_ms

    def kill(self, group: int) -> None:
        """End a process where it stands: nothing of it goes on."""
        fibers = self._groups.pop(group, [])
        for fiber in fibers:
            if fiber.until is not None:
                self._waits_no_more(fiber)
            if fiber.started and not fiber.thread.dead:
                # Its `finally` blocks run, but whatever they touch outside is dead as well.
                self.current = fiber
                fiber.thread.throw(greenlet.GreenletExit)
        self.current = None
        self._heap = [entry for entry in self._heap if not (isinstance(entry[3], Fiber) and entry[3].group == group)]
        heapq.heapify(self._heap)

    # -- from inside a fiber

    def sleep(self, ms: int) -> None:
        """Wait that long for an answer from outside the process."""
        fiber = self._mine()
        fiber.outside = True
        self._wake_at(fiber, self.now_ms + ms)
        self._greenlet.switch()

    def wait(self, until: Callable[[], bool], timeout_ms: int | None = None) -> bool:
        """Wait until something holds; False when the time was over first."""
        if until():
            return True
        fiber = self._mine()
        fiber.until = until
        self._waiting.setdefault(until, []).append(fiber)
        if timeout_ms is not None:
            self._wake_at(fiber, self.now_ms + timeout_ms)
        return bool(self._greenlet.switch())

    def forever(self) -> None:
        """Never go on: the process is about to die."""
        self._greenlet.switch()
        raise Crashed

    def _waits_no_more(self, fiber: Fiber) -> None:
        until = fiber.until
        if until is None:
            return
        fibers = self._waiting[until]
        fibers.remove(fiber)
        if not fibers:
            del self._waiting[until]
        fiber.until = None

    def _wake_at(self, fiber: Fiber, due_ms: int) -> None:
        self._count += 1
        heapq.heappush(self._heap, (due_ms, self._rng(), self._count, fiber, fiber.turn))

    def _resume(self, fiber: Fiber, *, woken: bool) -> None:
        fiber.turn += 1
        self.current = fiber
        if fiber.started:
            fiber.thread.switch(woken)
        else:
            fiber.started = True
            fiber.thread.switch()
        self.current = None
        if fiber.thread.dead and fiber.group in self._groups:
            self._groups[fiber.group].remove(fiber)

    def _mine(self) -> Fiber:
        if self.current is None:
            raise TypeError("only a line of work of the simulated process may wait")
        return self.current


class FiberFuture(Future[Any]):
    """A result that is waited for in virtual time."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def result(self, timeout: float | None = None) -> Any:
        """See `Future`. Errors: TimeoutError."""
        if not self._hub.wait(self.done, None if timeout is None else int(timeout * 1000)):
            raise TimeoutError
        return super().result(0)


class FiberCrew:
    """A `Crew` of fibers: bodies and senders of one process."""

    def __init__(self, hub: Hub, group: int) -> None:
        self._hub = hub
        self._group = group

    def spawn(self, name: str, body: Call) -> None:
        """See `Crew`."""
        self._hub.spawn(self._group, body)

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        """See `Crew`."""
        future = FiberFuture(self._hub)

        def run() -> None:
            future.set_result(call(*args))

        self._hub.spawn(self._group, run)
        return future

    def end(self) -> None:
        """See `Crew`: the world ends processes by killing them."""


class FiberLock:
    """A re-entrant lock between fibers; a thread's own would take them all for one holder."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._owner: Fiber | None = None
        self._depth = 0

    @property
    def held(self) -> bool:
        """Whether somebody holds it."""
        return self._owner is not None

    def __enter__(self) -> bool:
        me = self._hub.current
        if self._owner is not me:
            if self._owner is not None:
                self._hub.wait(lambda: self._owner is None)
            self._owner = me
        self._depth += 1
        return True

    def __exit__(self, *_error: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None


@dataclass(slots=True)
class Machine:
    """The computer: how far its clock is ahead of the world's, and how long it slept unknown to its other clock."""

    ahead_ms: int = 0
    slept_ms: int = 0


class VirtualClock(SystemClock):
    """The program's own clock on a machine whose time is the hub's."""

    def __init__(self, hub: Hub, machine: Machine) -> None:
        super().__init__(lambda: hub.now_ms + machine.ahead_ms, lambda: (hub.now_ms - machine.slept_ms) / 1000)
        self._hub = hub

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """See `Clock`."""
        return self._hub.wait(event.is_set, int(timeout_s * 1000) + 1)
