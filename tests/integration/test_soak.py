"""P18: what a month of trading would leave behind, told by hundreds of cycles in a few seconds."""

import os
import threading
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

import autotrader_v2
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import table_for
from tests.engine import Engine

RULES = table_for(("ETH",))
QUICK = TraderConfig(loop_interval_s=0.02, balance_retry_s=0.05, order_limits=OrderLimits.none())
WARM_UP, CYCLES = 60, 150
# A buy stays counted for 24 hours and the newest decisions are kept: bounded, and little.
BYTES_A_CYCLE = 1500
PACKAGE = Path(next(iter(autotrader_v2.__path__)))
# The paper exchange keeps its own books of orders and trades, up to its `history_max`: they are not the engine's.
ENGINE = [str(PACKAGE / room / "*") for room in ("application", "infrastructure/store")]


@pytest.mark.slow
def test_p18_hundreds_of_cycles_leave_no_memory_threads_or_handles_behind(tmp_path: Path) -> None:
    paper = PaperExchange(RULES, {"USDT": Decimal(1000)}, clock=SystemClock())
    markets = [one.market for one in RULES]
    with Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=QUICK) as engine:
        engine.desk.set_params("ETH", {"start_limit": "2505"}, "test")
        _cycles(engine, WARM_UP)
        threads, handles = threading.active_count(), _handles()
        tracemalloc.start()
        try:
            _cycles(engine, CYCLES // 3)
            before = _held()
            _cycles(engine, CYCLES - CYCLES // 3)
            grown = _held() - before
        finally:
            tracemalloc.stop()
        assert grown < (CYCLES - CYCLES // 3) * BYTES_A_CYCLE
        assert threading.active_count() <= threads + engine.floor.config.senders
        assert _handles() <= handles + 5, "readers of the journal may have opened; nothing else"
        assert not engine.floor.in_flight


def _cycles(engine: Engine, count: int) -> None:
    engine.desk.switch("ETH", "on", "test")
    done = engine.slot("ETH").state.cycle.tally.completed
    for number in range(done + 1, done + count + 1):
        engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")
        engine.until_price(
            "ETH", "2600", "a sale", lambda number=number: engine.slot("ETH").state.cycle.tally.completed == number
        )


def _held() -> int:
    """Bytes that lines of the engine and its journal hold."""
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, files) for files in ENGINE])
    return sum(one.size for one in snapshot.statistics("filename"))


def _handles() -> int:
    """Open files and sockets of this process; 0 where that is not told."""
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder)) if folder.exists() else 0
