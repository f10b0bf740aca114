"""The machine's clock is minutes off when the engine starts (row M12): over HTTP, on the exchange in a box."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.situation import Reason
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Answer, Fault
from tests.engine import a_price
from tests.integration.faults.bench import ETH, MONEY, a_bench

MINUTES_MS = 5 * 60_000


class Wall:
    """The machine's clock, as far ahead as somebody has set it; what runs beside it is never set."""

    def __init__(self, ahead_ms: int) -> None:
        self.ahead_ms = ahead_ms
        self.clock = SystemClock(lambda: time.time_ns() // 1_000_000 + self.ahead_ms, time.monotonic)


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    """With an account whose engine bought at 2500, was left switched on and ended; its next step is at 2462.50."""
    with Simulator([ETH], {"USDT": MONEY}, seed=5) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        with a_bench(tmp_path, sim=sim, streams=True) as bench:
            bench.engine.desk.set_params("ETH", {"rebuy_pause_s": "0"}, "test")
            bench.start_buy()
        yield sim


@pytest.mark.parametrize("ahead_ms", [-MINUTES_MS, MINUTES_MS])
def test_m12_with_a_clock_that_is_minutes_off_at_the_start_no_order_leaves_until_it_is_right(
    sim: Simulator, tmp_path: Path, ahead_ms: int
) -> None:
    """Not in the second before the first look either, and when it is right the account is checked first.

    Reads are signed by the exchange's time: the page is whole.
    """
    wall = Wall(ahead_ms)
    with a_bench(tmp_path, sim=sim, streams=True, clock=wall.clock) as bench:
        now = bench.engine.floor.standstill.now
        assert now is not None and now.reason is Reason.CLOCK_WRONG, "it stands still before it could decide anything"
        bench.until("2460", "the coin says why", lambda: bench.hold() == "clock_wrong")
        for _ in range(50):
            bench.price("2460")
        [first] = bench.orders()
        [halt] = [one for one in bench.engine.desk.halts()["halts"] if one["code"] == "clock_wrong"]
        assert (halt["stops"], halt["values"]) == ("all", {"seconds": "300.0"})
        assert Decimal(halt["stake"]["invested"]) == bench.cycle().invested
        assert bench.alerts().count("clock_wrong") == 1
        with pytest.raises(CommandRefused) as refused:
            bench.engine.desk.quick_buy("ETH", Decimal(20), "test")
        assert (refused.value.code, refused.value.values["reason"]) == ("standstill", "clock_wrong")
        sim.faults.add(Fault(path="/spot/open_orders", times=1000, execute=False, answer=Answer(500, b"{}")))
        wall.ahead_ms = 0
        bench.until("2460", "the account is to be checked first", lambda: bench.hold() == "checking")
        assert bench.orders() == [first]
        sim.faults.clear()
        bench.until("2460", "the step is bought", lambda: len(bench.cycle().bought) == 2, patience_s=60.0)
        assert "clock_right" in bench.alerts()
        [before, _] = bench.orders()
        assert before == first, "nothing twice"
        bench.engine.until("the books agree", bench.agree)
