"""The page over the real engine on a paper exchange, with prices that the test tells; nothing is stubbed."""

import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from autotrader_v2.app import logs
from autotrader_v2.app.lab import LabRoom
from autotrader_v2.app.lab_process import COMMAND
from autotrader_v2.app.recent_lines import RecentLines
from autotrader_v2.app.settings import Settings
from autotrader_v2.app.surroundings import Around
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.paper_reset import PaperReset
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store.backups import Backups
from autotrader_v2.infrastructure.store.upkeep import Upkeep
from autotrader_v2.matching.markets import rules_for
from tests.answers import Checked
from tests.engine import Engine, a_price
from web.config import WebConfig
from web.server import WebServer

COINS = {"BTC": "60000", "ETH": "3000", "SOL": "150"}
API_TOKEN = "a-made-up-token"
_REPEAT_S = 0.25


class Served:
    """Leaving the `with` block stops server and engine. Prices are repeated until another is told.

    Every answer is held against its model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        money: int = 10_000,
        rules: Sequence[MarketRules] | None = None,
        prices: Mapping[str, str] = COINS,
        repeat_s: float = _REPEAT_S,
    ) -> None:
        rules = rules or [rules_for(name) for name in prices]
        self._start = {"USDT": Decimal(money)}
        self.paper = PaperExchange(rules, self._start, clock=SystemClock(), seed=7)
        # As `serve` on paper has it.
        config = TraderConfig(loop_interval_s=0.05, balance_lag_s=0)
        markets = [one.market for one in rules]
        self._rules = {one.market.base: one for one in rules}
        self.engine = Engine(self.paper, self.paper.feed, markets, folder, account_feed=self.paper, config=config)
        self._prices = dict(prices)
        self._repeat_s = repeat_s
        self._stopping = threading.Event()

    def __enter__(self) -> "Served":
        for name, price in self._prices.items():
            one = self._rules[name]
            self.paper.feed(a_price(one.market, Decimal(price), one.tick))
        self.engine.__enter__()
        self._surround()
        self._teller = threading.Thread(target=self._tell, daemon=True)
        self._teller.start()
        # Before its first price a market trades nothing, a person's buy neither.
        self.engine.until("every market that is told a price has one", self._priced)
        self.lines: list[str] = []
        self.web = WebServer(self.engine.desk, WebConfig(api_token=API_TOKEN, tell=self.lines.append))
        self.answers = Checked(self.web._web.flask)
        self.web.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.web.shutdown()
        self.lab.stop()
        self._stopping.set()
        self._teller.join(5)
        self.engine.__exit__(*error)
        assert not self.answers.faults, "no model allows:\n" + "\n".join(self.answers.faults[:20])

    def _surround(self) -> None:
        """The program around the engine, as the System screen shows it."""
        lines = RecentLines()
        logs.configure(level="INFO", form="console", recent=lines)
        journal = self.engine.journal
        settings = Settings(data_dir=self.engine.folder)
        settings._flags = (("data_dir", str(self.engine.folder)),)
        around = Around(settings, lines)
        assert journal.file is not None
        around.database = journal.file
        around.upkeep = Upkeep(
            journal, Backups(journal.file, journal.account, self.engine.folder / "backups"), every_s=0
        )
        self.engine.desk.surroundings = around
        self.open_lab(*COMMAND)
        self.engine.desk.paper_reset = PaperReset(self.engine.floor, self.paper.restore, self._start)

    def open_lab(self, *command: str) -> None:
        """A Lab with that worker; whoever calls has stopped the one before."""
        folder = self.engine.folder
        self.lab = LabRoom(folder / "lab", folder / "candles", studies=folder / "studies.db", command=command)
        self.lab.start()
        self.engine.desk.lab_room = self.lab

    @property
    def desk(self) -> object:
        """The application's face."""
        return self.engine.desk

    def price(self, currency: str, price: str | Decimal) -> None:
        """The price is this from now on."""
        self._prices[currency] = str(price)

    def silence(self) -> None:
        """No more prices: they grow old."""
        self._stopping.set()
        self._teller.join(5)

    def _priced(self) -> bool:
        return all(self.engine.floor.board.newest(self._rules[name].market) is not None for name in self._prices)

    def _tell(self) -> None:
        while not self._stopping.wait(self._repeat_s):
            for name, price in self._prices.items():
                try:
                    self.engine.price(name, price)
                except CommandRefused:
                    continue  # it has left the market list
