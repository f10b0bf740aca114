"""`simulate` with several processes: what Ctrl-C, an end by others and a kill leave of it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autotrader_v2.app import simulate_command
from autotrader_v2.app.values import ROOT
from autotrader_v2.simulation.world import Plan
from tests.processes import END_LIMIT_S, START_LIMIT_S

POSIX_ONLY = pytest.mark.skipif(
    sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process alone"
)
LINUX_ONLY = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads children from /proc")
WORLDS = 4000


def workers_of(pid: int) -> list[int]:
    """Processes that the command began, without multiprocessing's own tracker."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("utf-8").rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (stat.parent / "cmdline").read_bytes():
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def busy(pid: int) -> bool:
    """Whether it has worked for longer than its start takes: it lives worlds."""
    words = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK") > 3.0


def until(what: str, holds: object, limit_s: float) -> None:
    """Wait until something holds; a bound, not an assertion about speed."""
    assert callable(holds)
    ends_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < ends_s, f"never: {what}"
        time.sleep(0.05)


@contextmanager
def at_work() -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """The command in the middle of more worlds than it will live, and its two workers."""
    command = [sys.executable, str(ROOT / "mTrade.py"), "simulate", "--seeds", str(WORLDS), "--steps", "50"]
    with subprocess.Popen(
        [*command, "--profile", "calm", "--jobs", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            until("two workers", lambda: len(workers_of(process.pid)) == 2, START_LIMIT_S)
            workers = workers_of(process.pid)
            until("worlds", lambda: all(map(busy, workers)), START_LIMIT_S)
            yield process, workers
        finally:
            if process.poll() is None:
                process.kill()


def gone(workers: list[int]) -> bool:
    """Whether none of them runs any more."""
    return not any(Path(f"/proc/{pid}").exists() for pid in workers)


@LINUX_ONLY
@POSIX_ONLY
def test_ctrl_c_ends_it_and_tells_what_was_lived_so_far() -> None:
    """Exit code 130; a world that has begun is lived to its end, no other begins."""
    with at_work() as (process, workers):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=END_LIMIT_S)
        assert (process.returncode, "Traceback" in errors) == (130, False), errors
        told = json.loads(output)
        assert 0 < told["seeds"] < WORLDS
        assert f"Stopped. {told['seeds']} of {WORLDS} worlds" in errors
        assert gone(workers)


@LINUX_ONLY
@POSIX_ONLY
@pytest.mark.parametrize("end", [signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_its_workers_end_with_it(end: signal.Signals) -> None:
    """However it ended: nothing stays behind that works for nobody."""
    with at_work() as (process, workers):
        process.send_signal(end)
        process.wait(END_LIMIT_S)
        until("its workers are gone", lambda: gone(workers), END_LIMIT_S)


@pytest.mark.parametrize("jobs", [1, 2])
def test_once_asked_to_stop_no_further_world_begins(jobs: int) -> None:
    """What was under way is told, on both systems."""
    asked, seeds = threading.Event(), range(1, 65)
    lived = 0
    for part in simulate_command._parts(seeds, Plan(seed=0, profile="calm"), 30, jobs, asked):
        lived += part.seeds
        asked.set()
    assert 0 < lived < len(seeds)
