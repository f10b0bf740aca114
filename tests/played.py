"""The real engine on paper over prices written down by a test, in the prices' own time: minutes pass in a moment.

Nothing is stubbed: journal in a folder, the engine's own threads, the paper exchange. At max speed the player waits
until everything due is decided and carried out, so a run is the same every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.application.events import Alert, Bus, ParamsSet, SettingSet
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import Binding
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.feeds.played_feed import PlayedFeed
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store import SqlJournal

BEGINS_MS = 1_800_000_000_000
APART_MS = 500
_BINDING = Binding("paper", "test", "acct", "replay")
_PATIENCE_S = 120.0


class Script:
    """A `PriceSource` of one market: a price each half second. `wrong`: what the engine alone hears at some of them."""

    def __init__(self, market: Market, tick: Decimal, prices: Sequence[Decimal], wrong: Mapping[int, Decimal]) -> None:
        self.markets = (market,)
        self.start_ms = BEGINS_MS
        self._tick = tick
        self._prices = prices
        self._wrong = wrong

    def quotes(self) -> Iterator[Quote]:
        """See `PriceSource`."""
        for at, price in enumerate(self._prices):
            yield self.quote(at, self._wrong.get(at, price))

    def quote(self, at: int, price: Decimal) -> Quote:
        """The quote at that place, as if the price were this."""
        ms, much = BEGINS_MS + at * APART_MS, Decimal(10**9)
        ask = price + self._tick
        return Quote(self.markets[0], price, ask, price, ms, ms, bid_size=much, ask_size=much)

    def true(self, quote: Quote) -> Quote:
        """What the exchange trades at when it says that."""
        at = (quote.exchange_ms - BEGINS_MS) // APART_MS
        return self.quote(at, self._prices[at])._replace(exchange_ms=quote.exchange_ms, confirmed_ms=quote.confirmed_ms)


@dataclass
class Played:
    """One run over a script, switched on from its first price."""

    rules: MarketRules
    prices: Sequence[Decimal]
    folder: Path
    params: Mapping[str, Any]
    balance: Decimal = Decimal(10_000)
    wrong: Mapping[int, Decimal] = field(default_factory=dict)
    config: TraderConfig = field(default_factory=TraderConfig)
    total_budget: str = "0"

    def run(self) -> "Played":
        """Play it to its end."""
        market = self.rules.market
        script = Script(market, self.rules.tick, self.prices, self.wrong)
        journal = SqlJournal(self.folder / "played.sqlite3", _BINDING, account=_BINDING.account)
        journal.load()
        limits = {"total_budget": self.total_budget, "max_active_cycles": 0}
        journal.write(
            ParamsSet(market=None, values=self.params, by="test", time_ms=BEGINS_MS),
            SettingSet(name="limits", value=limits, by="test", time_ms=BEGINS_MS),
        )
        paper: list[PaperExchange] = []
        traders: list[AutoTraderV2] = []
        feed = PlayedFeed(
            script,
            "replay:script",
            speed=None,
            settle=lambda: traders[0].settle(),
            tap=lambda quote: paper[0].feed(script.true(quote)),
        )
        paper.append(PaperExchange([self.rules], {market.quote: self.balance}, clock=feed.clock))
        self.alerts: list[Alert] = []
        floor = Floor(
            exchange=paper[0],
            journal=journal,
            clock=feed.clock,
            notifier=self,
            bus=Bus(),
            board=QuoteBoard(),
            wallet=Wallet(market.quote),
            config=self.config,
            home_quote=market.quote,
        )
        trader = AutoTraderV2(
            floor, feed, journal.load(), [market], first_switches={market: SwitchMode.ON}, account_feed=paper[0]
        )
        traders.append(trader)
        try:
            trader.start()
            assert feed.wait_finished(_PATIENCE_S), "the script was not played to its end"
            self.trades: tuple[Fill, ...] = paper[0].own_trades(market, 0)
            self.cycle = trader.get_cycle_info(market.base).state.cycle
        finally:
            trader.stop()
        journal = SqlJournal(self.folder / "played.sqlite3", _BINDING, account=_BINDING.account)
        journal.load()
        self.decisions = journal.decisions(market, 10_000)
        journal.close()
        return self

    def alert(self, alert: Alert) -> None:
        """See `Notifier`."""
        self.alerts.append(alert)
