"""The machine is kept awake while a market is on, and only then; a killed trader leaves no lock behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.infrastructure.awake import Awake, KeepAwake, SystemSleepLock
from tests.processes import Serving

LIMIT_S = 60


class Lock:
    """A lock that says whether it is held."""

    def __init__(self, works: bool = True) -> None:
        self.works = works
        self.held = False
        self.tried = 0

    def hold(self) -> bool:
        """See `SleepLock`."""
        self.tried += 1
        self.held = self.works
        return self.works

    def release(self) -> None:
        """See `SleepLock`."""
        self.held = False


def until(what: str, holds: Callable[[], object]) -> None:
    """Wait for it."""
    ends = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


def test_the_lock_follows_the_switches() -> None:
    """Held while a market is on, released when the last one is off, and at the end."""
    on = [False]
    lock = Lock()
    awake = KeepAwake(lambda: on[0], lock, look_every_s=0.01)
    awake.start()
    assert awake.state is Awake.OFF
    on[0] = True
    until("held", lambda: awake.state is Awake.HELD)
    assert lock.held
    on[0] = False
    until("released", lambda: awake.state is Awake.OFF)
    assert not lock.held
    on[0] = True
    until("held again", lambda: lock.held)
    awake.stop()
    assert not lock.held


def test_a_machine_that_cannot_be_kept_awake_is_told_and_not_pestered() -> None:
    """The page says so; the next try comes minutes later."""
    lock = Lock(works=False)
    awake = KeepAwake(lambda: True, lock, look_every_s=0.01)
    awake.start()
    until("told", lambda: awake.state is Awake.UNAVAILABLE)
    time.sleep(0.1)
    awake.stop()
    assert lock.tried == 1


LINUX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="systemd is Linux's")


@pytest.fixture
def inhibitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for systemd-inhibit that is in force while its file is there."""
    mark = tmp_path / "in-force"
    stand_in = tmp_path / "systemd-inhibit"
    script = f'#!/bin/sh\ntouch "{mark}"\nwhile [ "${{1#--}}" != "$1" ]; do shift; done\n"$@"\nrm "{mark}"\n'
    stand_in.write_text(script, encoding="utf-8")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return mark


@LINUX_ONLY
def test_the_system_lock_is_a_child_that_ends_when_released(inhibitor: Path) -> None:
    """Held twice is held once."""
    lock = SystemSleepLock()
    assert lock.hold()
    assert lock.hold()
    assert inhibitor.exists()
    lock.release()
    until("over", lambda: not inhibitor.exists())


@LINUX_ONLY
def test_a_killed_trader_leaves_no_lock_behind(inhibitor: Path) -> None:
    """SIGKILL leaves it no last word; the kernel closes the pipe all the same."""
    program = (
        "import time; from autotrader_v2.infrastructure.awake import SystemSleepLock\n"
        "lock = SystemSleepLock(); print(lock.hold(), flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "True\n"
    assert inhibitor.exists()
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=LIMIT_S)
    until("over", lambda: not inhibitor.exists())


@LINUX_ONLY
def test_without_the_tool_or_the_bus_it_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing and failing alike; nothing is left running."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not SystemSleepLock().hold()
    stand_in = tmp_path / "systemd-inhibit"
    stand_in.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    stand_in.chmod(0o755)
    assert not SystemSleepLock().hold()


@LINUX_ONLY
def test_the_served_engine_keeps_the_machine_awake_and_says_so(inhibitor: Path, tmp_path: Path) -> None:
    """Held while a coin is on, released when all are off, gone with a killed process."""
    flags = ["--feed", "synthetic", "--data-dir", str(tmp_path / "data")]
    with Serving(*flags, log=tmp_path / "log", AVAILABLE_SYMBOLS="ETH", PATH=os.environ["PATH"]) as engine:
        engine.until("held", lambda: engine.get("/api/overview")["awake"] == "held")
        assert inhibitor.exists()
        engine.post("/api/autotrader/switch", base_currency="ETH", mode="off")
        engine.until("released", lambda: engine.get("/api/overview")["awake"] == "off")
        until("over", lambda: not inhibitor.exists())
        engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
        engine.until("held again", lambda: engine.get("/api/overview")["awake"] == "held")
        engine.kill()
    until("over", lambda: not inhibitor.exists())
