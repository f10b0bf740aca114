"""Kill -9 in mid-write, with many threads writing: what was acknowledged is there, what was not is whole or absent."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autotrader_v2.application.events import Outcome
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from tests.unit.test_store_values import Scribe

WRITERS = 4


def write_for_ever(path: Path) -> None:
    """The process to be killed: each thread buys and tells, one line per acknowledged write."""
    scribe = Scribe.opens(path)
    lock = threading.Lock()

    def tell(*words: object) -> None:
        with lock:
            sys.stdout.write(" ".join(map(str, words)) + "\n")
            sys.stdout.flush()

    def write(market: Market) -> None:
        own = Scribe(scribe.journal, scribe.instance, scribe.cycles)
        cycle = own.cycle(market)
        step = cycle.position.step + 1 if isinstance(cycle, Active) else 0
        while True:
            intent = own.intended(market=market, cycle_id=1, step=step)
            tell("intended", intent.client_id)
            own.booked(intent)
            tell("booked", intent.client_id)
            step += 1

    for number in range(WRITERS):
        threading.Thread(target=write, args=(Market("gate", f"C{number}", "USDT"),)).start()


@pytest.mark.parametrize("kill_after_writes", [1, 9, 40, 150])
def test_p1_p4_kill_in_mid_write_loses_nothing_acknowledged(tmp_path: Path, kill_after_writes: int) -> None:
    """P1, P4: twice in a row on the same file, the second time on top of what the first left."""
    path = tmp_path / "journal.sqlite3"
    told: list[str] = []
    for _ in range(2):
        told += _killed_after(path, kill_after_writes)
        scribe = Scribe.opens(path)
        journal = scribe.journal
        states = {row["client_id"]: row["state"] for row in journal.orders(None, 100_000)}
        for kind, client_id in (line.split() for line in told):
            assert client_id in states
            assert kind == "intended" or len(journal.fills_of(client_id)) == 1
        for client_id, state in states.items():
            # A booking is one transaction: order, trades and cycle, or nothing of it.
            assert len(journal.fills_of(client_id)) == (state == "filled")
        for cycle in scribe.cycles.values():
            assert isinstance(cycle, Active)
            assert all(states[client_id] == "filled" for row in cycle.bought for client_id in row.client_ids)
        assert sum(len(cycle.bought) for cycle in scribe.cycles.values() if isinstance(cycle, Active)) == list(
            states.values()
        ).count("filled")
        assert journal.verify() == ()
        numbers = [client_id.split("-")[2] for client_id in states]
        assert len(numbers) == len(set(numbers))
        for attempt in journal.load().open_attempts:
            scribe.closed(attempt.intent, Outcome.ABSENT)
        journal.close()


def _killed_after(path: Path, lines: int) -> list[str]:
    """Complete lines that the killed process told."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = f"from tests.integration.test_store_crash import *; write_for_ever(Path({str(path)!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    time.sleep(0.003 * (lines % 7))
    process.kill()
    told += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    assert all(told[:lines]), "the writer ended by itself"
    return [line.strip() for line in told if line.endswith("\n")]
