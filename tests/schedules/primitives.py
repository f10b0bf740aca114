"""Locks, events and queues that wait under a `Scheduler`; outside of a run they take what is free and never wait."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from tests.schedules.scheduler import Scheduler


class Primitives:
    """Stands in for the modules `threading` and `queue` where the engine's classes make their own."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def Lock(self) -> "_Lock":
        """A `threading.Lock`."""
        return _Lock(self._scheduler)

    def RLock(self) -> "_Lock":
        """A `threading.RLock`."""
        return _Lock(self._scheduler, reentrant=True)

    def Condition(self, lock: Any = None) -> "_Condition":
        """A `threading.Condition`."""
        return _Condition(self._scheduler, lock or _Lock(self._scheduler, reentrant=True))

    def Event(self) -> "_Event":
        """A `threading.Event`."""
        return _Event(self._scheduler)

    def SimpleQueue(self) -> "_Queue":
        """A `queue.SimpleQueue`."""
        return _Queue(self._scheduler)

    def get_native_id(self) -> int:
        """The id that `threading` gives the line of work asking."""
        return threading.get_native_id()

    # Annotations of the engine's modules are evaluated with these.
    Thread = object


class _Lock:
    def __init__(self, scheduler: Scheduler, *, reentrant: bool = False) -> None:
        self._scheduler = scheduler
        self._reentrant = reentrant
        self._owner: object = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = self._me()
        self._scheduler.pause()
        if self._reentrant and self._owner is me and self._depth:
            self._depth += 1
            return True
        if self._depth:
            if not blocking:
                self._scheduler.give_way()
                return False
            if not self._scheduler.wait(lambda: not self._depth, has_timeout=timeout >= 0):
                return False
        self._owner, self._depth = me, 1
        return True

    def release(self) -> None:
        if not self._depth:
            raise RuntimeError("release of a lock that nobody holds")
        self._depth -= 1
        self._scheduler.pause()

    def locked(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()

    def _me(self) -> object:
        return self._scheduler._current if self._scheduler.inside() else self


class _Event:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        return self._set or self._scheduler.wait(lambda: self._set, has_timeout=timeout is not None)


class _Condition:
    def __init__(self, scheduler: Scheduler, lock: _Lock) -> None:
        self._scheduler = scheduler
        self._lock = lock

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_error: object) -> None:
        self._lock.release()

    def notify_all(self) -> None:
        """Whoever waits looks for itself."""

    def wait_for(self, until: Callable[[], bool], timeout: float | None = None) -> bool:
        while not until():
            self._lock.release()
            came = self._scheduler.wait(until, has_timeout=timeout is not None)
            self._lock.acquire()
            if not came:
                return until()
        return True


class _Queue:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._items.append(item)

    def get(self) -> Any:
        self._scheduler.wait(lambda: bool(self._items))
        return self._items.popleft()


class Answer:
    """A `concurrent.futures.Future` of a call that a thread of the run makes."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None

    def give(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Make the call; keep what came of it."""
        try:
            self._value = call(*args)
        except Exception as error:
            self._error = error
        self._done = True

    def result(self, timeout: float | None = None) -> Any:
        """See `Future.result`."""
        if not self._scheduler.wait(lambda: self._done, has_timeout=timeout is not None):
            raise FutureTimeout
        if self._error is not None:
            raise self._error
        return self._value
