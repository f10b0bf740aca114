"""Many coins at once at the exchange: every connection that was made is kept for the next request."""

from decimal import Decimal
from pathlib import Path

from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Fault
from tests.engine import a_price
from tests.processes import Serving

COINS = ("ADA", "APT", "ARB", "ATOM", "AVAX", "BCH", "BNB", "BTC", "DOGE", "DOT", "ETC", "ETH", "FIL", "LINK")
RULES = table_for(COINS)
# So long that the books and the orders of all coins are under way together.
TOGETHER_S = 0.4


def test_a_start_with_many_coins_throws_no_connection_away(tmp_path: Path) -> None:
    """A connection thrown away is a handshake more before the next order, and a warning that frightens for nothing."""
    with Simulator(RULES, {"USDT": 10_000}) as sim:
        sim.faults.add(Fault(path="/spot/o*", delay_before_s=TOGETHER_S, times=0))

        def fresh() -> None:
            for one in RULES:
                sim.feed(a_price(one.market, Decimal(100), one.tick))

        fresh()
        coins = ",".join(COINS)
        keys = {"GATE_HOST": sim.url, "API_KEY": "key", "API_SECRET": "secret", "AVAILABLE_SYMBOLS": coins}
        flags = ("--mode", "sandbox", "--data-dir", str(tmp_path / "data"))
        with Serving(*flags, log=tmp_path / "serve.log", ACTIVE_SYMBOLS=coins, **keys) as engine:

            def all_bought() -> bool:
                fresh()
                cycles = engine.get("/api/autotrader/stats")["cycles"]
                return all(cycle["state"] == "ACTIVE" for cycle in cycles.values())

            engine.until("every coin has bought", all_bought)
            assert engine.stop() == 0
        log = (tmp_path / "serve.log").read_text("utf-8")
    assert "pool is full" not in log, [line for line in log.splitlines() if "pool" in line][:3]
    assert len(sim.account().trades) == len(COINS)
