"""Lines of work: begun again when they fail, seen when they do not move."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autotrader_v2.app.heartbeat import EVERY_S, Heartbeat, Vitals
from autotrader_v2.app.last_words import LAST_WORDS_S
from autotrader_v2.application.lines import ASKS_MAX_S, WORKS_MAX_S, Doing, Line, current, doing
from autotrader_v2.application.supervise import Supervisor, WatchedClock
from autotrader_v2.infrastructure import processor_time


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
    def __init__(self, used_s: Callable[[int], float | None] = lambda _: None) -> None:
        self.clock = _Clock()
        self.stopping = threading.Event()
        self.crew = _Crew()
        self.told: list[tuple[str, str, int]] = []
        self.supervisor = Supervisor(self.crew, self.clock, self.stopping, self._tell, used_s)  # type: ignore[arg-type]

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
    """Who works has six seconds, who asks the exchange as long as its time-outs and repeats may take."""
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


@pytest.mark.parametrize(("share", "hung"), [(0.0, True), (0.05, False), (1.0, True)])
def test_p13_a_line_that_works_but_gets_little_processor_is_not_stuck(share: float, hung: bool) -> None:
    """Standing still or looping it hangs; on a crowded machine it is late. Nobody is that late for a minute."""
    scene = _Scene(lambda _: scene.clock.s * share)
    scene.supervisor.spawn("worker-0", lambda: None)
    scene.line("worker-0").does(Doing.WORKS)
    found = []
    for _ in range(70):
        found.append(bool(scene.supervisor.stuck()))
        scene.clock.s += 1
    assert any(found[:9]) is hung
    assert found[-1]


def test_p13_from_the_hang_to_the_end_it_takes_ten_seconds_at_most(tmp_path: Path) -> None:
    """Looks once a second, at any moment of it; the second look that must agree; last words that all hang."""
    for phase in range(20):
        scene = _Scene(lambda _: 0.0)
        heart = Heartbeat(tmp_path, "n", lambda: Vitals(phase="running"), lambda _: None)
        scene.supervisor.spawn("worker-0", lambda: None)
        scene.supervisor.stuck()
        scene.clock.s += EVERY_S * phase / 20
        scene.line("worker-0").does(Doing.WORKS)
        hung_s, ended = scene.clock.s, False
        scene.clock.s += EVERY_S * (1 - phase / 20)
        heart._last_s = scene.clock.s
        while not ended:
            vitals = Vitals(phase="running", stuck=bool(scene.supervisor.stuck()))
            ended = heart._stuck_too_long(vitals, scene.clock.s)
            scene.clock.s += 0 if ended else EVERY_S
        assert scene.clock.s - hung_s + LAST_WORDS_S <= 10.0


def test_p13_processor_time_tells_a_thread_that_computes_from_one_that_stands() -> None:
    """Asked of the operating system, by the number that Python gives a thread."""
    ready, done = threading.Barrier(3), threading.Event()
    ids: dict[str, int] = {}

    def computes() -> None:
        ids["computes"] = threading.get_native_id()
        ready.wait()
        while not done.is_set():
            sum(range(10_000))

    def stands() -> None:
        ids["stands"] = threading.get_native_id()
        ready.wait()
        done.wait()

    threads = [threading.Thread(target=one) for one in (computes, stands)]
    for thread in threads:
        thread.start()
    ready.wait()
    try:
        ends_s = time.monotonic() + 30
        while (used_s := processor_time.of_thread(ids["computes"])) is not None and used_s < 0.1:
            assert time.monotonic() < ends_s
            time.sleep(0.01)
        stood_s = processor_time.of_thread(ids["stands"])
        assert used_s is not None and stood_s is not None and stood_s < 0.1 <= used_s
        whole_s = processor_time.of_process(os.getpid())
        assert whole_s is not None and whole_s >= used_s
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert processor_time.of_thread(2**30) is None


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
