"""Killed in mid-cycle and started again, it goes on: the exchange's books end as if nothing had happened."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Fault, late, slow
from tests.engine import a_price
from tests.processes import Serving

ETH = rules_for("ETH")
# Longer than any wait of the test: the answer never comes in the engine's life.
NEVER_S = 60.0
Books = tuple[list[tuple[Side, Decimal, Decimal]], Decimal, Decimal]


class Life:
    """One walk of a price through a whole cycle, with an engine that may be killed anywhere on the way."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self.folder = folder
        self.starts = 0
        self.price = Decimal(0)
        self.engine = self.start()

    def start(self) -> Serving:
        """A new process on the same database."""
        self.starts += 1
        return Serving(
            "--mode",
            "sandbox",
            "--data-dir",
            str(self.folder / "data"),
            log=self.folder / f"serve-{self.starts}.log",
            GATE_HOST=self.sim.url,
            API_KEY="key",
            API_SECRET="secret",
            AVAILABLE_SYMBOLS="ETH",
        )

    def kill_and_restart(self) -> None:
        """Power cut, power back."""
        self.engine.kill()
        self.sim.faults.clear()
        self.engine = self.start()

    def tell(self, price: str) -> None:
        """The price is this from now on."""
        self.price = Decimal(price)

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Keep the price fresh until something holds."""

        def fresh() -> object:
            self.sim.feed(a_price(ETH.market, self.price, ETH.tick))
            return holds()

        self.engine.until(what, fresh)

    def order_out(self) -> bool:
        """Whether the engine waits for an order."""
        return self.engine.get("/api/overview")["coins"][0]["order"] is not None

    def walk(self, *, kill_at: str = "", fault: Fault | None = None) -> Books:
        """Start, two rebuys, sale; `kill_at` names the stage whose order the fault hits and in which it is killed."""
        self.tell("2500")
        self.until("a price", lambda: self.engine.cycle("ETH")["last_price"])
        stages: list[tuple[str, str, Callable[[], object]]] = [
            ("start", "2500", lambda: self.engine.cycle("ETH")["active_step"] == 0),
            ("first", "2461", lambda: self.engine.cycle("ETH")["active_step"] == 1),
            ("second", "2410", lambda: self.engine.cycle("ETH")["active_step"] == 2),
            ("sale", "2520", lambda: self.engine.cycle("ETH")["completed_cycles"] == 1),
        ]
        self.engine.post("/api/trade/params", base_currency="ETH", rebuy_pause_s="0")
        for name, price, reached in stages:
            if name == kill_at and fault is not None:
                self.sim.faults.add(fault)
            self.tell(price)
            if name == "start":
                self.engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
            if name == kill_at:
                self.until("an order is out", self.order_out) if fault else self.until("it is bought", reached)
                self.kill_and_restart()
            self.until(f"{name} is done", reached)
            if name == "start":
                self.engine.post("/api/autotrader/switch", base_currency="ETH", mode="finish")
        assert self.engine.cycle("ETH")["switch"] == "off", "finish ends with the cycle"
        assert self.engine.stop() == 0
        account = self.sim.account()
        trades = [(one.side, one.amount, one.price) for one in account.trades]
        return trades, account.total("USDT"), account.total("ETH")


def a_life(folder: Path, *, kill_at: str = "", fault: Fault | None = None) -> Books:
    """The exchange's books after the walk."""
    folder.mkdir(exist_ok=True)
    with Simulator([ETH], {"USDT": 1000}, seed=5) as sim:
        life = Life(sim, folder)
        try:
            return life.walk(kill_at=kill_at, fault=fault)
        finally:
            life.engine.__exit__()


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory: pytest.TempPathFactory) -> Books:
    """How it ends when nothing happens."""
    return a_life(tmp_path_factory.mktemp("never"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill_at", "fault"),
    [
        ("start", slow(NEVER_S)),
        ("first", None),
        ("first", slow(NEVER_S)),
        ("second", late(NEVER_S)),
        ("sale", slow(NEVER_S)),
    ],
    ids=["start-executed", "between-orders", "rebuy-executed", "rebuy-not-arrived", "sale-executed"],
)
def test_p1_p2_p3_p4_killed_and_started_again_it_ends_as_if_never_killed(
    tmp_path: Path, never_killed: Books, kill_at: str, fault: Fault | None
) -> None:
    """Nothing bought twice, nothing lost, the cycle completed."""
    assert a_life(tmp_path / "killed", kill_at=kill_at, fault=fault) == never_killed
