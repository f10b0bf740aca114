"""Selling out with the real engine at the exchange in a box: once, only what is ours, never beside a living one."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.app import settings
from autotrader_v2.app.values import ROOT
from autotrader_v2.app.vigilance import Patience
from autotrader_v2.app.watchdog import Watchdog
from autotrader_v2.application.events import Alert
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import slow
from tests.canary import KEY, SECRET, no_secret_in
from tests.engine import a_price
from tests.processes import Serving

ETH, SOL = rules_for("ETH"), rules_for("SOL")
NEVER_S = 60.0
LIMIT_S = 120.0


class Account:
    """An account at the exchange in a box, with coins of its own in it, and an engine that bought ETH."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self.folder = folder
        self.environment = {
            "GATE_HOST": sim.url,
            "API_KEY": KEY,
            "API_SECRET": SECRET,
            "AVAILABLE_SYMBOLS": "ETH,SOL",
        }
        self.flags = ["--mode", "sandbox", "--data-dir", str(folder / "data")]

    def prices(self) -> None:
        """Fresh ones."""
        self.sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        self.sim.feed(a_price(SOL.market, Decimal(140), SOL.tick))

    def serve(self) -> Serving:
        """An engine."""
        return Serving(*self.flags, log=self.folder / "serve.log", **self.environment)

    def until(self, engine: Serving, what: str, holds: Callable[[], object]) -> None:
        """Keep prices fresh until it holds."""

        def fresh() -> object:
            self.prices()
            return holds()

        engine.until(what, fresh)

    def sell_out(self) -> tuple[int, str]:
        """Run the command with prices going on; its exit code and all it said."""
        log = self.folder / "sell-out.log"
        with log.open("wb") as stream:
            command = [sys.executable, str(ROOT / "mTrade.py"), "sell-out", "--yes", *self.flags]
            environment = settings.environment_with(MTRADE_ENV_FILE="", NOTIFY_OS="off", **self.environment)
            seller = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
            ends = time.monotonic() + LIMIT_S
            try:
                while seller.poll() is None and time.monotonic() < ends:
                    self.prices()
                    time.sleep(0.05)
            finally:
                seller.kill()
        return seller.wait(), log.read_text("utf-8")

    @property
    def sales(self) -> list[Decimal]:
        """The coins of each sale so far."""
        return [trade.amount for trade in self.sim.account().trades if trade.side is Side.SELL]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """The person has 3 SOL that no cycle bought. Afterwards no file holds a secret."""
    with Simulator([ETH, SOL], {"USDT": 1000, "SOL": 3}, seed=5, key=KEY, secret=SECRET) as sim:
        yield Account(sim, tmp_path)
    no_secret_in(tmp_path)


@pytest.mark.slow
def test_everything_bought_is_sold_once_and_stays_off_and_other_coins_stay(account: Account) -> None:
    """Also when the engine was killed with the answer to its buy still out; a second run finds nothing to do."""
    with account.serve() as engine:
        account.until(engine, "a price", lambda: engine.cycle("ETH")["last_price"])
        account.sim.faults.add(slow(NEVER_S))
        engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
        account.until(engine, "the exchange filled it", lambda: account.sim.account().total("ETH"))
        code, said = account.sell_out()
        assert (code, account.sales) == (1, []), "a living engine is not sold beside"
        assert "already at work" in said
        engine.kill()
    account.sim.faults.clear()
    bought = account.sim.account().total("ETH")
    code, said = account.sell_out()
    assert code == 0, said
    assert account.sales == [pytest.approx(bought, abs=Decimal("0.0002"))]
    assert account.sim.account().total("ETH") < Decimal("0.0002")
    assert account.sim.account().total("SOL") == 3
    assert account.sell_out()[0] == 0
    assert len(account.sales) == 1
    with account.serve() as engine:
        account.until(engine, "a price", lambda: engine.cycle("ETH")["last_price"])
        assert engine.get("/api/overview")["global_switch"] == "off"
        assert engine.cycle("ETH")["state"] == "IDLE"
        assert engine.stop() == 0


def test_without_yes_nothing_is_sold(account: Account) -> None:
    """A slip of the hand is no order."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "mTrade.py"), "sell-out", *account.flags],
        env=settings.environment_with(MTRADE_ENV_FILE="", **account.environment),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert account.sim.account().trades == ()


@pytest.mark.slow
def test_e5_the_dead_man_sells_what_a_dead_engine_left(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog's own way: the engine ends at every start, the real `sell-out` sells once, the watchdog is done."""
    with account.serve() as engine:
        account.until(engine, "a price", lambda: engine.cycle("ETH")["last_price"])
        engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
        account.until(engine, "it is bought", lambda: engine.cycle("ETH")["active_step"] == 0)
        engine.kill()
    for name, value in {**account.environment, "MTRADE_ENV_FILE": "", "NOTIFY_OS": "off"}.items():
        monkeypatch.setenv(name, value)
    told: list[str] = []

    class Teller:
        def alert(self, alert: Alert) -> None:
            """See the port."""
            told.append(alert.code)

    dog = Watchdog(
        account.folder / "data",
        {"mode": "sandbox", "data_dir": str(account.folder / "data")},
        Teller(),
        threading.Event(),
        dead_man_minutes=0.02,  # type: ignore[arg-type] # a test has no hour
        open_browser=False,
        patience=Patience(failures_max=2, back_off_max_s=0.2),
        engine=lambda *_, **__: [sys.executable, "-c", "import sys; sys.exit(9)"],
    )
    ended: list[int] = []
    watching = threading.Thread(target=lambda: ended.append(dog.run()))
    watching.start()
    ends = time.monotonic() + LIMIT_S
    while watching.is_alive() and time.monotonic() < ends:
        account.prices()
        time.sleep(0.05)
    watching.join(0)
    assert ended == [0], told
    assert told[-1] == "dead_man_selling"
    assert len(account.sales) == 1
    assert account.sim.account().total("ETH") < Decimal("0.0002")
    assert account.sim.account().total("SOL") == 3
