"""The heartbeat: what it tells, that it tells it whole, and what it does about an engine that is stuck."""

import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autotrader_v2.app import heartbeat
from autotrader_v2.app.heartbeat import FILE_NAME, Heartbeat, Vitals, read_sign

LIMIT_S = 60
WELL = Vitals(phase="running", markets_on=2, open_orders=1, open_cycles=3)


class Engine:
    """An engine whose health the test decides."""

    def __init__(self, vitals: Vitals = WELL) -> None:
        self.vitals = vitals
        self.stuck: list[Vitals] = []
        self.ended = threading.Event()

    def ask(self) -> Vitals:
        """How it is."""
        return self.vitals

    def on_stuck(self, vitals: Vitals) -> None:
        """What happens then."""
        self.stuck.append(vitals)
        self.ended.set()

    def beating(self, folder: Path, **options: float) -> Heartbeat:
        """A heart that beats fast."""
        return Heartbeat(folder, "n-1", self.ask, self.on_stuck, **{"every_s": 0.01, **options})


def until(what: str, holds: object) -> None:
    """Wait for it."""
    ends = time.monotonic() + LIMIT_S
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < ends, what
        time.sleep(0.005)


def test_every_beat_is_a_new_sign_of_life_and_the_last_one_says_stopped(tmp_path: Path) -> None:
    """The watchdog sees marks change; a clean end is no silence to worry about."""
    beat = Engine().beating(tmp_path)
    beat.start()
    until("a beat", lambda: read_sign(tmp_path))
    first = read_sign(tmp_path)
    assert first
    assert (first.beat.pid, first.beat.nonce, first.beat.vitals) == (os.getpid(), "n-1", WELL)
    until("another", lambda: (sign := read_sign(tmp_path)) and sign.mark != first.mark)
    beat.stop()
    last = read_sign(tmp_path)
    assert last
    assert last.beat.vitals == replace(WELL, phase="stopped")


def test_p13_an_engine_that_stays_stuck_is_ended_once(tmp_path: Path) -> None:
    """Longer than the limit, not before; and the file says what is stuck."""
    engine = Engine(replace(WELL, ok=False, stuck=True, unwell=("worker-0",)))
    beat = engine.beating(tmp_path, stuck_limit_s=0.1)
    began_s = time.monotonic()
    beat.start()
    assert engine.ended.wait(LIMIT_S)
    assert time.monotonic() - began_s > 0.1
    beat.stop()
    assert len(engine.stuck) == 1
    assert engine.stuck[0].unwell == ("worker-0",)


def test_p13_an_engine_that_recovers_in_time_is_left_alone(tmp_path: Path) -> None:
    """The time counts anew with every recovery, and after a sleep of the machine."""
    beat = Engine().beating(tmp_path, stuck_limit_s=10)
    stuck = replace(WELL, stuck=True)
    now_s = time.monotonic()
    assert not beat._stuck_too_long(stuck, now_s)
    assert not beat._stuck_too_long(stuck, now_s + 4)
    assert not beat._stuck_too_long(WELL, now_s + 8)
    assert not beat._stuck_too_long(stuck, now_s + 11)
    assert not beat._stuck_too_long(stuck, now_s + 15)
    assert not beat._stuck_too_long(stuck, now_s + 3600), "it slept an hour"
    assert not beat._stuck_too_long(stuck, now_s + 3604)
    assert not beat._stuck_too_long(stuck, now_s + 3608)
    assert beat._stuck_too_long(stuck, now_s + 3611)


def test_p7_on_a_full_disk_the_heart_still_shows_that_it_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed time needs no room: an engine with a full disk is not taken for dead."""
    beat = Engine().beating(tmp_path)
    beat.start()
    until("a beat", lambda: read_sign(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(heartbeat, "write_private", full)
    time.sleep(0.05)
    before = read_sign(tmp_path)
    until("touched", lambda: (sign := read_sign(tmp_path)) and before and sign.mark != before.mark)
    beat.stop()


def test_a_failing_question_is_not_a_death(tmp_path: Path) -> None:
    """A defect in telling health shows as unwell; the heart goes on."""

    def broken() -> Vitals:
        raise KeyError("health")

    beat = Heartbeat(tmp_path, "n-1", broken, lambda _: None, every_s=0.01)
    beat.start()
    until("two beats", lambda: (sign := read_sign(tmp_path)) and sign.beat.number > 1)
    sign = read_sign(tmp_path)
    assert sign
    assert (sign.beat.vitals.ok, sign.beat.vitals.unwell) == (False, ("health",))
    beat.stop()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}', '{"pid": "x", "vitals": {"phase": 1}}'])
def test_a_broken_file_is_no_sign_of_life(tmp_path: Path, content: str) -> None:
    """Nobody acts on half a file."""
    path = tmp_path / FILE_NAME
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    assert read_sign(tmp_path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_file_that_others_can_write_is_not_believed(tmp_path: Path) -> None:
    """What decides whether a process is ended must not be somebody else's writing."""
    beat = Engine().beating(tmp_path)
    beat.stop()
    assert read_sign(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o666)
    assert read_sign(tmp_path) is None
    assert json.loads((tmp_path / FILE_NAME).read_text("utf-8"))["vitals"]["phase"] == "stopped"
