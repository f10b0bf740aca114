"""`serve` and `sim` as processes, their streams through a bad network: late, throttled, swallowed, never subscribed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.matching.markets import rules_for
from tests import audit
from tests.canary import KEY, SECRET, TOKEN, no_secret_in
from tests.engine import LIMITS_OFF, a_price
from tests.processes import Serving
from tests.proxy import Do, Proxy, Rule
from tests.proxy_streams import DoFrame, FrameRule
from tests.sim_process import SimProcess

ETH = rules_for("ETH")
BEST, OWN = "spot.book_ticker", "spot.usertrades"
# A bound, not an assertion about speed.
PATIENCE_S = 120.0


@dataclass
class Bench:
    """One coin, one exchange, the network between them, and the engine's process once it is started."""

    sim: SimProcess
    proxy: Proxy
    folder: Path
    stack: ExitStack
    price = Decimal(2500)

    def start(self) -> None:
        """Start the engine, its coin on once it trades."""
        self.engine = self.stack.enter_context(
            Serving(
                "--mode",
                "sandbox",
                "--data-dir",
                str(self.folder / "data"),
                log=self.folder / "serve.log",
                program=("-m", "tests.dying", "never", "1"),
                token=TOKEN,
                GATE_HOST=self.proxy.url,
                API_KEY=KEY,
                API_SECRET=SECRET,
                AVAILABLE_SYMBOLS="ETH",
                MTRADE_TEST_QUICK="1",
            )
        )
        self.engine.post("/api/trade/params", rebuy_pause_s="0")
        self.engine.post("/api/order_limits", **LIMITS_OFF)
        self.switch("on")

    def switch(self, mode: str) -> None:
        """The coin's switch."""
        self.engine.post("/api/autotrader/switch", base_currency="ETH", mode=mode)

    def tell(self, price: str = "") -> None:
        """The exchange's price, from now on and once more."""
        self.price = Decimal(price) if price else self.price
        self.sim.control.tell([a_price(ETH.market, self.price, ETH.tick)])

    def until(self, what: str, holds: Callable[[], object], price: str = "") -> None:
        """Wait until something holds, the exchange telling its price again and again."""

        def told() -> object:
            self.tell(price)
            return holds()

        self.engine.until(what, told, PATIENCE_S)

    @property
    def orders(self) -> int:
        """How many orders traded at the exchange."""
        return len({one.order_id for one in self.sim.control.trades()})

    @property
    def waits_for(self) -> str:
        """Why the engine does nothing, as it says itself."""
        return str(self.engine.cycle("ETH")["hold_reason"]["code"])

    def end(self) -> None:
        """Stop in peace; journal and exchange agree trade by trade, and nothing was ever sent twice."""
        assert self.engine.stop() == 0
        books = audit.read(self.folder / "data" / "sandbox.sqlite3")
        assert audit.differences(books, self.sim.control.account()) == []
        self.sim.end()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        log = tmp_path / "sim.log"
        sim = stack.enter_context(SimProcess(log=log, balances={"USDT": 1000}, key=KEY, secret=SECRET, seed=0))
        proxy = stack.enter_context(Proxy(sim.url, seed=3))
        one = Bench(sim, proxy, tmp_path, stack)
        one.tell()
        yield one
    no_secret_in(tmp_path)


def test_o2_o14_own_trades_told_late_make_no_second_order_and_are_booked_once(bench: Bench) -> None:
    """The answer is lost as well: the reads find the order, and what the stream tells afterwards changes nothing."""
    bench.proxy.add(Rule(do=Do.DROP_AFTER), FrameRule(channel=OWN, do=DoFrame.DELAY, delay_s=6))
    bench.start()
    bench.until("the buy is booked", lambda: bench.engine.cycle("ETH")["state"] == "ACTIVE")
    bench.until("it is told", lambda: bench.proxy.carried.get(DoFrame.DELAY))
    bench.switch("finish")
    bench.until("it is sold", lambda: bench.engine.cycle("ETH")["switch"] == "off", "2600")
    bench.until("that is told too", lambda: bench.proxy.carried[DoFrame.DELAY] >= 2)
    assert bench.orders == 2
    assert len(bench.proxy.requests("POST", "/spot/orders")) == 2
    bench.end()


def test_m4_a_stream_that_swallows_everything_is_noticed_and_reads_carry_the_price(bench: Bench) -> None:
    """The socket stays open and nothing comes, not even the answer to a ping."""
    bench.proxy.add(FrameRule(channel=BEST, do=DoFrame.BLACKHOLE))
    bench.start()
    bench.until("the start buy, by a price that was read", lambda: bench.orders == 1)
    bench.until("the next step, by a price that was read", lambda: bench.orders == 2, "2450")
    bench.until("it was given up, and so was the next", lambda: bench.proxy.hits[DoFrame.BLACKHOLE] >= 2)
    bench.proxy.clear()
    passing = FrameRule(channel=BEST, do=DoFrame.PASS)
    bench.proxy.add(passing)
    bench.until("a new stream tells prices", lambda: bench.proxy.hits.get(DoFrame.PASS))
    bench.end()


def test_m7_prices_that_a_throttled_stream_brings_late_are_traded_on_by_nobody(bench: Bench) -> None:
    """Nothing else tells prices: what comes is as old as it is, so the coin waits for a fresh one."""
    bench.start()
    bench.until("the start buy", lambda: bench.engine.cycle("ETH")["state"] == "ACTIVE")
    for path in ("/spot/tickers", "/spot/order_book"):
        bench.proxy.add(Rule(path=path, method="GET", times=None, do=Do.DROP_AFTER))
    # A message of some 250 bytes takes its ten seconds.
    bench.proxy.add(FrameRule(channel=BEST, do=DoFrame.THROTTLE, bytes_per_s=25))
    bench.tell("2450")  # low enough for the next step
    bench.until("the fall is on its way", lambda: bench.proxy.hits.get(DoFrame.THROTTLE))
    bench.tell("2500")
    bench.engine.until("it has come", lambda: bench.proxy.carried.get(DoFrame.THROTTLE), PATIENCE_S)
    bench.engine.until("the coin waits for a price", lambda: bench.waits_for == "quote_too_old", PATIENCE_S)
    assert len(bench.proxy.requests("POST", "/spot/orders")) == 1
    bench.proxy.clear()
    bench.proxy.cut_streams()
    bench.until("with fresh prices it goes on", lambda: bench.orders == 2, "2450")
    bench.end()


def test_m5_a_subscription_lost_on_its_way_is_noticed_and_said_again(bench: Bench) -> None:
    """That of own trades is not missed: what happened to an order is read."""
    bench.proxy.add(
        *(FrameRule(channel=channel, event="subscribe", to_exchange=True, times=1) for channel in (BEST, OWN)),
        FrameRule(channel=BEST, do=DoFrame.PASS),
    )
    bench.start()
    bench.until("the start buy", lambda: bench.engine.cycle("ETH")["state"] == "ACTIVE")
    assert bench.proxy.hits[DoFrame.DROP] == 2
    bench.until("prices are streamed", lambda: bench.proxy.hits.get(DoFrame.PASS))
    bench.switch("finish")
    bench.until("it is sold", lambda: bench.engine.cycle("ETH")["switch"] == "off", "2600")
    assert bench.orders == 2
    bench.end()
