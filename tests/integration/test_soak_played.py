"""P18: the whole engine on paper with a played feed at full speed: nothing grows that should not.

`MTRADE_SOAK_S` makes it longer; a minute plays most of a day.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autotrader_v2.app.compose import build
from autotrader_v2.app.settings import load
from autotrader_v2.application.desk import Desk
from autotrader_v2.application.ports import Binding

SECONDS = float(os.environ.get("MTRADE_SOAK_S", "20"))
# The paper exchange remembers its own last orders and the journal caches pages: both have an end, beyond this run's.
GROWS_MAX_BYTES = 6_000_000


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def handles() -> int:
    """Open files and sockets."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and handles are read from /proc")
def test_p18_memory_handles_and_threads_stay_flat_while_hours_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a third of the run everything is warm; from there on it is compared."""
    monkeypatch.chdir(tmp_path)
    flags = {"mode": "paper", "feed": "synthetic", "speed": "max", "seed": "7", "available_symbols": "BTC,ETH,SOL"}
    settings = load(flags | {"data_dir": str(tmp_path / "data")}).settings
    (tmp_path / "data").mkdir()
    binding = Binding("paper", "", "", "synthetic")
    desk = Desk(binding, stop=lambda: None, available=settings.markets, primary=settings.primary_market)
    trader = build(settings, desk, hold=None)
    trader.start()
    try:
        assert trader.wait_started(15)
        begins_ms, begins_s = trader.floor.clock.now_ms(), time.monotonic()
        _until(lambda: time.monotonic() - begins_s > SECONDS / 3)
        warm = (resident_bytes(), handles(), threading.active_count())
        _until(lambda: time.monotonic() - begins_s > SECONDS)
        hours = (trader.floor.clock.now_ms() - begins_ms) / 3_600_000
        cycles = sum(slot.state.cycle.tally.completed for slot in trader.get_all_cycles())
        ends = (resident_bytes(), handles(), threading.active_count())
        restarts = sum(line.restarts for line in trader.supervisor.lines)
    finally:
        trader.stop()
    print(f"{hours:.1f} hours, {cycles} cycles, {(ends[0] - warm[0]) / 1000:.0f} kB more")
    assert cycles > 10
    assert ends[0] - warm[0] < GROWS_MAX_BYTES
    assert ends[1] <= warm[1] + 2
    assert ends[2] <= warm[2] + 1
    assert restarts == 0


def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.1)
