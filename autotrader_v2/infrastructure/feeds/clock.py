"""The virtual clock of a played source: its time runs as fast as the prices do."""

import heapq
import threading
import time
from itertools import count
from typing import NamedTuple, Protocol

# How late the player may be and still catch up. Later than this (the process was suspended, the machine slept, a
# reader was slow) the schedule is shifted instead: prices are never played faster than the speed asked for.
CATCH_UP_S = 0.25
# At max speed a wait looks at its event this often; it ends for time's sake at once.
_EVENT_LOOK_S = 0.005
# Longest and shortest single sleep of a wait: long enough not to spin, short enough to notice a leap of the clock.
_NAP_MAX_S = 0.25
_NAP_MIN_S = 0.001
# Sooner than this is now: shorter sleeps do not exist, and rounding could make one that never ends.
_DUE_S = 1e-6
# The player waits this long for a thread that it woke at max speed to run again; a stuck one must not stop the world.
_WAKE_S = 1.0


class Wall(Protocol):
    """Real time; a test brings its own."""

    def monotonic_s(self) -> float:
        """Seconds that never jump back."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event at most that long; True when it is set."""


class SystemWall:
    """The machine's time."""

    def monotonic_s(self) -> float:
        """Seconds that never jump back."""
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event at most that long; True when it is set."""
        return event.wait(timeout_s)


class _Motion(NamedTuple):
    """How the clock moves now; replaced whole, so that readers need no lock.

    `stop_ms`: the last stop, where it stands or whence it runs. `ceiling_ms`: the next stop, which it does not pass
    before the player delivered it (None: none). `rate` 0: it stands. At wall time `wall_s` it would show `at_ms`.
    """

    stop_ms: int
    ceiling_ms: int | None
    rate: float
    wall_s: float
    at_ms: float


class PlayedClock:
    """Time of a played source, by the shape of the `Clock` port.

    At a finite speed it runs steadily but never past a quote that is not delivered yet, so nothing is decided with a
    time later than its prices. At max speed (None) it jumps from stop to stop. It stands still until the player
    starts; after the last quote, or when the player was stopped, it runs on with the wall so that no wait is endless.
    """

    def __init__(self, start_ms: int, *, speed: float | None = 1.0, wall: Wall | None = None) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise ValueError(f"speed is a positive number of times the wall's time, or None for max; got {speed}")
        self.speed = speed
        self.shifted_s = 0.0
        self._wall = wall or SystemWall()
        self._motion = _Motion(start_ms, start_ms, 0.0, self._wall.monotonic_s(), start_ms)
        self._lockstep = speed is None
        self._lock = threading.Condition()
        self._sleepers: list[tuple[float, int, threading.Lock]] = []
        self._numbers = count()
        self._waking = 0

    def now_ms(self) -> int:
        """Source time, in ms since the epoch."""
        return int(self._now())

    def monotonic_s(self) -> float:
        """Source time in seconds; never runs back."""
        return self._now() / 1000

    def wall_ms(self) -> int:
        """The source's time: nobody sets it, and a machine that sleeps only plays later."""
        return self.now_ms()

    def machine_s(self) -> float:
        """Real time in seconds."""
        return self._wall.monotonic_s()

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event at most that long in source time; True when it was set.

        At max speed the wait ends at the first stop at or after its time, and the event is looked at every few
        milliseconds of wall time: wake work with a queue or a condition, not with this.
        """
        until_ms = self._now() + timeout_s * 1000
        while not event.is_set():
            left_ms = until_ms - self._now()
            if left_ms <= 0:
                return False
            if self._lockstep:
                self._sleep_in_step(event, until_ms)
            else:
                rate = self.speed or 1.0
                self._wall.wait(event, min(max(left_ms / 1000 / rate, _NAP_MIN_S), _NAP_MAX_S))
        return True

    # What follows is for the player.

    def travel_to(self, stop_ms: int, stopping: threading.Event, *, steady: bool) -> bool:
        """Let time pass until the stop is due; False when `stopping` was set instead.

        `steady`: the clock shows the time between stops too; otherwise it stands on the last stop until `arrive`.
        At max speed it is due at once. The first stop is a `leap_to`.
        """
        if self.speed is None:
            return not stopping.is_set()
        motion = self._motion
        if steady:
            self._motion = motion._replace(ceiling_ms=stop_ms, rate=self.speed)
        while not stopping.is_set():
            late_s = self._wall.monotonic_s() - motion.wall_s - (stop_ms - motion.at_ms) / 1000 / self.speed
            if late_s > -_DUE_S:
                if late_s > CATCH_UP_S:
                    self.shifted_s += late_s
                    self._anchor(stop_ms)
                return True
            self._wall.wait(stopping, -late_s)
        return False

    def leap_to(self, stop_ms: int) -> None:
        """Skip a hole in the source: it is that time now."""
        self._anchor(stop_ms)
        self.arrive(stop_ms)

    def arrive(self, stop_ms: int) -> None:
        """The player stands at this stop and delivers its quotes."""
        self._motion = self._motion._replace(stop_ms=stop_ms, ceiling_ms=stop_ms)

    def wake_due(self) -> None:
        """At max speed: let the threads whose waits are over run, and return when they do."""
        if not self._sleepers:
            return
        with self._lock:
            now_ms = self._motion.stop_ms
            while self._sleepers and self._sleepers[0][0] <= now_ms:
                self._waking += 1
                heapq.heappop(self._sleepers)[2].release()
            self._lock.wait_for(lambda: not self._waking, timeout=_WAKE_S)
            self._waking = 0

    def run_free(self) -> None:
        """The player is done: run on with the wall, at max speed as if at speed 1."""
        now_ms = self._now()
        self._motion = _Motion(int(now_ms), None, self.speed or 1.0, self._wall.monotonic_s(), now_ms)
        self._lockstep = False

    def _now(self) -> float:
        motion = self._motion
        if not motion.rate:
            return motion.stop_ms
        running_ms = motion.at_ms + (self._wall.monotonic_s() - motion.wall_s) * 1000 * motion.rate
        if motion.ceiling_ms is not None:
            running_ms = min(running_ms, motion.ceiling_ms)
        return max(running_ms, motion.stop_ms)

    def _anchor(self, at_ms: int) -> None:
        """From here on the schedule is: this time, now."""
        self._motion = self._motion._replace(wall_s=self._wall.monotonic_s(), at_ms=at_ms)

    def _sleep_in_step(self, event: threading.Event, until_ms: float) -> None:
        """Sleep until the player reaches the time or the event is set."""
        gate = threading.Lock()
        gate.acquire()
        entry = (until_ms, next(self._numbers), gate)
        with self._lock:
            if not self._lockstep or self._motion.stop_ms >= until_ms:
                return
            heapq.heappush(self._sleepers, entry)
        while self._lockstep and not event.is_set():
            if gate.acquire(timeout=_EVENT_LOOK_S):
                self._awake()
                return
        with self._lock:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)
                return
        # The player released the gate between our last look and the lock: it counts on being told.
        self._awake()

    def _awake(self) -> None:
        with self._lock:
            self._waking = max(0, self._waking - 1)
            self._lock.notify_all()
