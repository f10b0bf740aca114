"""Lines of work: begun again when they fail, seen when they do not move."""

import threading
from collections.abc import Callable

import pytest

from autotrader_v2.application.lines import ASKS_MAX_S, WORKS_MAX_S, Doing, Line, current, doing
from autotrader_v2.application.supervise import Supervisor, WatchedClock


class _Clock:
    """Time passes only in waits, and by hand."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.waits: list[float] = []
        self.during: Callable[[], None] = lambda: None

    def now_ms(self) -> int:
        return int(self.s * 1000)

    def monotonic_s(self) -> float:
        return self.s

    def wall_ms(self) -> int:
        return self.now_ms()

    def machine_s(self) -> float:
        return self.s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.waits.append(timeout_s)
        self.s += timeout_s
        self.during()
        return event.is_set()


class _Crew:
    """Runs nothing by itself: the test calls the bodies."""

    def __init__(self) -> None:
        self.bodies: dict[str, Callable[[], None]] = {}

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        self.bodies[name] = body

    def submit(self, call: Callable[..., object], *args: object) -> object:
        return call(*args)

    def end(self) -> None:
        pass


class _Scene:
    def __init__(self) -> None:
        self.clock = _Clock()
        self.stopping = threading.Event()
        self.crew = _Crew()
        self.told: list[tuple[str, str, int]] = []
        self.supervisor = Supervisor(self.crew, self.clock, self.stopping, self._tell)  # type: ignore[arg-type]

    def _tell(self, line: Line) -> None:
        self.told.append((line.name, line.error, line.restarts))

    def line(self, name: str) -> Line:
        return next(line for line in self.supervisor.lines if line.name == name)


def test_b3_a_line_that_fails_is_told_and_begun_again_with_growing_waits() -> None:
    """1, 2, 4 … 60 s; what it had taken on is wanted again; the ninth time it goes well."""
    scene = _Scene()
    lives, again = [], []

    def body() -> None:
        lives.append(scene.clock.s)
        if len(lives) == 9:
            scene.stopping.set()
            return
        raise RuntimeError("a defect")

    scene.supervisor.spawn("sweep", body, again=lambda: again.append(1))
    scene.crew.bodies["sweep"]()
    assert scene.clock.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert scene.told == [("sweep", "RuntimeError", count) for count in range(1, 9)]
    assert len(again) == 8
    assert scene.line("sweep").unwell(scene.clock.s)
    assert not scene.line("sweep").unwell(scene.clock.s + 61)


def test_b3_a_line_that_returns_before_it_was_told_to_has_failed_too() -> None:
    """A thread that ended quietly would be missed only when it is needed."""
    scene = _Scene()
    scene.clock.during = scene.stopping.set
    scene.supervisor.spawn("resolver", lambda: None)
    scene.crew.bodies["resolver"]()
    assert scene.told == [("resolver", "returned", 1)]


def test_a_long_life_begins_the_waiting_anew() -> None:
    """A failure a day is no reason to wait a minute."""
    scene = _Scene()
    lives = 0

    def body() -> None:
        nonlocal lives
        lives += 1
        if lives == 5:
            scene.stopping.set()
        scene.clock.s += 200 if lives == 4 else 0
        raise RuntimeError("a defect")

    scene.supervisor.spawn("keeper", body)
    scene.crew.bodies["keeper"]()
    assert scene.clock.waits == [1, 2, 4, 1]


@pytest.mark.parametrize(("what", "limit_s"), [(Doing.WORKS, WORKS_MAX_S), (Doing.ASKS, ASKS_MAX_S)])
def test_p13_a_line_that_does_not_move_is_stuck(what: Doing, limit_s: float) -> None:
    """Who works has ten seconds, who asks the exchange as long as its time-outs and repeats may take."""
    scene = _Scene()
    scene.supervisor.spawn("worker-0", lambda: None)
    line = scene.line("worker-0")
    line.does(what)
    for _ in range(int(limit_s)):
        assert not scene.supervisor.stuck()
        scene.clock.s += 1
    assert not scene.supervisor.stuck()
    scene.clock.s += 1
    assert scene.supervisor.stuck() == (line,)
    line.does(what)
    assert not scene.supervisor.stuck()


def test_p13_who_waits_for_work_is_never_stuck() -> None:
    """However long no price comes."""
    scene = _Scene()
    scene.supervisor.spawn("worker-0", lambda: None)
    scene.line("worker-0").does(Doing.WAITS)
    for _ in range(300):
        scene.clock.s += 1
        assert not scene.supervisor.stuck()


def test_p13_a_machine_that_slept_finds_nobody_stuck() -> None:
    """Where the monotonic clock counts sleep, every line looks unmoved for hours after waking."""
    scene = _Scene()
    scene.supervisor.spawn("worker-0", lambda: None)
    scene.line("worker-0").does(Doing.WORKS)
    scene.supervisor.stuck()
    scene.clock.s += 7200
    assert not scene.supervisor.stuck()
    scene.clock.s += 1
    assert not scene.supervisor.stuck()
    for _ in range(10):
        scene.clock.s += 1
        scene.supervisor.stuck()
    assert scene.supervisor.stuck(), "one that really hangs is found all the same"


def test_p13_a_sender_that_hangs_is_seen_while_it_does() -> None:
    """A task is a line of its own for as long as it lasts."""
    scene = _Scene()
    seen: list[str] = []

    def hang() -> None:
        for _ in range(12):
            seen.extend(line.name for line in scene.supervisor.stuck())
            scene.clock.s += 1

    scene.supervisor.submit(hang)
    assert set(seen) == {"sender"}
    assert not scene.supervisor.stuck()


def test_what_a_line_does_is_seen_at_its_borders() -> None:
    """It works between them, and nested borders give back what was before."""
    scene = _Scene()
    clock = WatchedClock(scene.clock)
    seen: list[Doing] = []

    def look() -> None:
        line = current.get()
        assert line is not None
        seen.append(line.moved[0])

    def body() -> None:
        look()
        scene.clock.during = look
        with doing(Doing.ASKS):
            look()
            clock.wait(scene.stopping, 1)
            look()
        look()
        scene.clock.during = lambda: None
        scene.stopping.set()

    scene.supervisor.spawn("reconcile", body)
    scene.crew.bodies["reconcile"]()
    assert seen == [Doing.WORKS, Doing.ASKS, Doing.WAITS, Doing.ASKS, Doing.WORKS]
