"""The machine sleeps for a while, in short form: the engine's process is stopped and goes on seconds later (M13).

What happened meanwhile is over: no order on a price from before, none that was decided before, nothing twice.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests import audit
from tests.canary import KEY, SECRET, TOKEN, no_secret_in
from tests.engine import a_price
from tests.processes import DOOR, Serving

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows cannot stop a process by a signal"),
    pytest.mark.slow,
]
ETH = rules_for("ETH")
# Longer than a price may be old (3 s) and than an order lives (3 s).
SLEEP_S = 5.0


class Laptop:
    """An exchange that goes on, and an engine that sleeps."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim, self.folder = sim, folder
        self.engine: Serving

    def wake_up(self, point: str = "never") -> None:
        """Start the engine; `point`: where it falls asleep by itself."""
        self.engine = Serving(
            "--mode",
            "sandbox",
            "--data-dir",
            str(self.folder / "data"),
            log=self.folder / "serve.log",
            program=(DOOR,) if point == "never" else ("-m", "tests.dying", point, "1"),
            wait=False,
            token=TOKEN,
            GATE_HOST=self.sim.url,
            API_KEY=KEY,
            API_SECRET=SECRET,
            AVAILABLE_SYMBOLS="ETH",
            MTRADE_TEST_STOP="1",
        )
        self.price("2500")
        self.engine.ready()
        self.engine.post("/api/trade/params", rebuy_pause_s="0")

    def switch_on(self) -> None:
        """Press it and do not wait: the engine may fall asleep before it answers."""
        Thread(
            target=self.engine.post,
            args=("/api/autotrader/switch",),
            kwargs={"base_currency": "ETH", "mode": "on"},
            daemon=True,
        ).start()

    def price(self, price: str) -> None:
        """The exchange's price is this now."""
        self.sim.feed(a_price(ETH.market, Decimal(price), ETH.tick))

    def until(self, what: str, price: str, holds: Callable[[], object]) -> None:
        """Keep the price fresh until something holds."""

        def fresh() -> object:
            self.price(price)
            return holds()

        self.engine.until(what, fresh)

    def sleeps(self) -> bool:
        """Whether the engine's process is stopped."""
        status = Path(f"/proc/{self.engine.process.pid}/stat")
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "T"

    def buys(self) -> list[Decimal]:
        """Prices of the buys at the exchange."""
        return [one.price for one in self.sim.account().trades if one.side is Side.BUY]


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET, seed=5) as sim:
        laptop = Laptop(sim, tmp_path)
        try:
            yield laptop
            assert laptop.engine.stop() == 0
        finally:
            laptop.engine.__exit__()
        books = audit.read(tmp_path / "data" / "sandbox.sqlite3")
        assert audit.differences(books, sim.account()) == []
    no_secret_in(tmp_path, *laptop.engine.answers, "".join(laptop.engine.said))


def test_m13_after_a_sleep_no_price_of_the_past_is_acted_on(laptop: Laptop) -> None:
    """The stream's messages pile up while it sleeps: a dip that is over buys nothing when they are read."""
    laptop.wake_up()
    laptop.until("a price", "2500", lambda: laptop.engine.cycle("ETH")["last_price"])
    laptop.engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
    laptop.until("the start buy", "2500", lambda: laptop.engine.cycle("ETH")["active_step"] == 0)
    laptop.engine.process.send_signal(signal.SIGSTOP)
    for price in ("2490", "2461", "2440", "2461", "2490"):
        laptop.price(price)
        time.sleep(SLEEP_S / 5)
    laptop.price("2500")
    laptop.engine.process.send_signal(signal.SIGCONT)
    awake_s = time.monotonic() + 3
    laptop.until("it is awake for a while", "2500", lambda: time.monotonic() > awake_s)
    assert len(laptop.buys()) == 1
    laptop.until("a true dip is bought", "2461", lambda: laptop.engine.cycle("ETH")["active_step"] == 1)
    assert laptop.buys()[1:] == [Decimal("2461.01")]


@pytest.mark.parametrize("point", ["after-intent", "before-send"])
def test_m13_an_order_decided_before_a_sleep_is_not_carried_out_after_it(laptop: Laptop, point: str) -> None:
    """Decided at 2500, slept on, woken at 2600: the old decision buys nothing, a new one buys once at the new price."""
    laptop.wake_up(point)
    laptop.until("a price", "2500", lambda: laptop.engine.cycle("ETH")["last_price"])
    laptop.switch_on()
    ends_s = time.monotonic() + 90
    while not laptop.sleeps():
        laptop.price("2500")
        assert time.monotonic() < ends_s, "it never fell asleep"
        time.sleep(0.02)
    time.sleep(SLEEP_S)
    laptop.price("2600")
    os.kill(laptop.engine.process.pid, signal.SIGCONT)
    laptop.until("a start buy", "2600", lambda: laptop.engine.cycle("ETH")["active_step"] == 0)
    assert laptop.buys() == [Decimal("2600.01")]


def test_m13_an_answer_that_came_during_the_sleep_is_booked_once(laptop: Laptop) -> None:
    laptop.wake_up("after-send")
    laptop.until("a price", "2500", lambda: laptop.engine.cycle("ETH")["last_price"])
    laptop.switch_on()
    ends_s = time.monotonic() + 90
    while not laptop.sleeps():
        laptop.price("2500")
        assert time.monotonic() < ends_s, "it never fell asleep"
        time.sleep(0.02)
    time.sleep(SLEEP_S)
    os.kill(laptop.engine.process.pid, signal.SIGCONT)
    laptop.until("it is booked", "2500", lambda: laptop.engine.cycle("ETH")["active_step"] == 0)
    assert len(laptop.buys()) == 1
