"""Real threads that run one at a time, in an order that a plan decides.

A thread gives the others a chance at every lock it takes or leaves, wherever a port is called, and (through
`sys.settrace`) before every line of the traced files that `shared` says touches what threads share: between two of
those nothing can be seen from outside, so that switching there makes no other schedule. A `Plan` answers who goes on;
the same plan gives the same run, so that a schedule that broke something is repeated by its choices.

Own code, because the one library that does this at bytecode level (frontrun 0.7.0) has no wheel for Windows.
"""

import sys
import threading as real
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

_LOST_S = 60.0


class Plan(Protocol):
    """Decides one run."""

    def choose(self, running: int | None, ready: Sequence[int]) -> int:
        """Who goes on, of those ready (at least two, ascending); `running` is among them unless it waits or ended."""


class Ended(BaseException):
    """This run is over: whoever still waits leaves."""


class Deadlock(AssertionError):
    """Nobody can go on."""


@dataclass(slots=True)
class _Worker:
    number: int
    name: str
    body: Callable[[], object]
    serves: bool = False
    go: Any = field(default_factory=lambda: real.Semaphore(0))
    until: Callable[[], bool] | None = None
    has_timeout: bool = False
    gives_way: bool = False
    timed_out: bool = False
    done: bool = False
    failure: BaseException | None = None
    thread: real.Thread | None = None


class Scheduler:
    """One run. `shared` gives the line numbers of a source file that touch what threads share."""

    def __init__(self, plan: Plan, shared: Callable[[str], frozenset[int]]) -> None:
        self._plan = plan
        self._shared = shared
        self._workers: list[_Worker] = []
        self._current: _Worker | None = None
        self._over = False
        self._choosing = False
        self._finished = real.Event()
        self.failure: BaseException | None = None
        self.steps = 0

    # -- from outside

    def add(self, name: str, body: Callable[[], object], *, serves: bool = False) -> None:
        """One more thread; also while the run is under way. One that `serves` may wait for ever: the run ends then."""
        worker = _Worker(len(self._workers), name, body, serves)
        self._workers.append(worker)
        worker.thread = real.Thread(target=self._live, args=(worker,), name=name, daemon=True)
        worker.thread.start()

    def run(self) -> None:
        """Let all of them run to their ends. Errors: what a thread raised, `Deadlock`."""
        self._hand_over(None)
        if not self._finished.wait(_LOST_S):
            self._end(AssertionError("a thread was lost: it waits for something that is not under the scheduler"))
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(_LOST_S)
        if self.failure is not None:
            raise self.failure

    # -- from inside its threads

    def inside(self) -> bool:
        """Whether the caller is one of its threads."""
        return self._current is not None and self._current.thread is real.current_thread()

    def pause(self) -> None:
        """A point where another thread may go on."""
        if self.inside() and not self._choosing:
            self._hand_over(self._current)

    def give_way(self) -> None:
        """The caller tried in vain and will try again: the others go first, or it would spin for ever."""
        worker = self._current
        if worker is not None and self.inside() and any(self._ready(one) for one in self._workers if one is not worker):
            worker.gives_way = True
            self._hand_over(worker)

    def wait(self, until: Callable[[], bool], *, has_timeout: bool = False) -> bool:
        """Go on when it holds. With a timeout: False when nobody else can go on (then time would pass)."""
        if until():
            return True
        worker = self._current
        if worker is None or not self.inside():
            if has_timeout:
                return False
            raise AssertionError("only a thread of the run can wait")
        worker.until, worker.has_timeout, worker.timed_out = until, has_timeout, False
        self._hand_over(worker)
        return not worker.timed_out

    # -- inside

    def _live(self, worker: _Worker) -> None:
        worker.go.acquire()
        try:
            if not self._over:
                sys.settrace(self._trace)
                worker.body()
        except Ended:
            pass
        except BaseException as error:
            worker.failure = error
        finally:
            sys.settrace(None)
            worker.done = True
            if worker.failure is not None:
                self._end(worker.failure)
            elif not self._over:
                self._hand_over(worker)

    def _hand_over(self, mine: _Worker | None) -> None:
        """Let the plan say who goes on, and wait for the own next turn."""
        if self._over:
            raise Ended
        self.steps += 1
        # Whether somebody's wait is over is asked with the engine's own code, which is traced as well.
        self._choosing = True
        try:
            chosen = self._next(mine)
        finally:
            self._choosing = False
        if chosen is mine or chosen is None:
            return
        self._current = chosen
        chosen.go.release()
        if mine is not None and not mine.done:
            mine.go.acquire()
            if self._over:
                raise Ended

    def _next(self, mine: _Worker | None) -> _Worker | None:
        ready = [worker for worker in self._workers if self._ready(worker)]
        if not ready:
            waiting = [worker for worker in self._workers if not worker.done]
            late = [worker for worker in waiting if worker.has_timeout]
            if late:
                late[0].timed_out = True
                ready = late[:1]
            elif not all(worker.serves for worker in waiting):
                names = ", ".join(worker.name for worker in waiting)
                self._end(Deadlock(f"nobody can go on: {names} wait for each other"))
                if mine is not None and not mine.done:
                    raise Ended
                return None
            else:
                self._end(None)
                if mine is not None and not mine.done:
                    raise Ended
                return None
        chosen = ready[0]
        if len(ready) > 1:
            running = mine.number if mine is not None and mine in ready else None
            number = self._plan.choose(running, [worker.number for worker in ready])
            chosen = self._workers[number]
        chosen.until, chosen.has_timeout = None, False
        if mine is not None:
            mine.gives_way = False
        return chosen

    @staticmethod
    def _ready(worker: _Worker) -> bool:
        return not worker.done and not worker.gives_way and (worker.until is None or worker.until())

    def _end(self, failure: BaseException | None) -> None:
        if self.failure is None:
            self.failure = failure
        self._over = True
        for worker in self._workers:
            worker.go.release()
        self._finished.set()

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._line if self._shared(frame.f_code.co_filename) else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line" and frame.f_lineno in self._shared(frame.f_code.co_filename):
            self.pause()
        return self._line
