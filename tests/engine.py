"""The real engine over a real exchange (paper or the simulator through the SDK), with prices told by the test.

Nothing is stubbed: the journal is SQLite in a folder of the test, threads are the engine's own, and what is compared in
the end are the exchange's own books.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.application.desk import Desk
from autotrader_v2.application.events import Alert, Bus
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import AccountFeed, Binding, Clock, Exchange, FeedStatus, MarketFeed
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.feeds.recorded_candles import RecordedCandles
from autotrader_v2.infrastructure.notify.log import LogNotifier
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.infrastructure.store.room import Room

BINDING = Binding("sandbox", "test", "acct", "gate")
# On a crowded machine as well; whoever waits goes on as soon as it holds.
PATIENCE_S = 60.0
# For tests in which a market walks through hours of orders in seconds: names as in POST /api/order_limits, 0 is off.
LIMITS_OFF = dict.fromkeys(
    (
        "coin_orders_5min",
        "coin_orders_day",
        "account_orders_5min",
        "account_orders_day",
        "coin_turnover_day",
        "account_turnover_day",
        "band_pct",
    ),
    0,
)
# Tests let prices fall and cycles follow each other within seconds; those about limits set them.
UNLIMITED = TraderConfig(order_limits=OrderLimits.none())
_POLL_S = 0.005


class ToldFeed:
    """A market feed that says what the test tells it; the exchange hears each price first."""

    def __init__(self, exchange_hears: Callable[[Quote], None], candles: RecordedCandles) -> None:
        self._exchange_hears = exchange_hears
        self._candles = candles
        self._on_quote: Callable[[Quote], None] | None = None

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """See the port."""
        self._on_quote = on_quote

    def watch(self, markets: Sequence[Market]) -> Sequence[Market]:
        """See the port."""
        return ()

    def status(self) -> FeedStatus:
        """See the port."""
        return FeedStatus("gate", "told by a test", True, 0)

    def stop(self) -> None:
        """See the port."""
        self._on_quote = None

    def tell(self, quote: Quote) -> None:
        """The price is now this, at the exchange and for the engine."""
        self._exchange_hears(quote)
        self._candles.note(quote)
        if self._on_quote is not None:
            self._on_quote(quote)


def a_price(market: Market, price: Decimal, tick: Decimal, **changes: Any) -> Quote:
    """A fresh quote one tick wide."""
    now_ms = time.time_ns() // 1_000_000
    quote = Quote(market, price, price + tick, price, now_ms, now_ms, bid_size=Decimal(10**9), ask_size=Decimal(10**9))
    return quote._replace(**changes)


@dataclass
class Engine:
    """The engine under test. Leaving the `with` block stops it."""

    exchange: Exchange
    hears: Callable[[Quote], None]
    markets: Sequence[Market]
    folder: Path
    account_feed: AccountFeed | None = None
    config: TraderConfig = UNLIMITED
    on: Iterable[Market] = ()
    room: Room | None = None
    # Prices of its own instead of those a test tells.
    market_feed: MarketFeed | None = None
    clock: Clock = field(default_factory=SystemClock)
    # What its labels have of its own; copies of one journal need it.
    life: str = ""
    # False: entering the block does not wait until it trades.
    waits: bool = True
    # In place of the bound of `config`: a busy disk decides no test but those that name a bound.
    slow_commit_ms: int = 60_000

    def __enter__(self) -> "Engine":
        self._stack = ExitStack()
        # Every alert so far, oldest first.
        self.told: list[Alert] = []
        self.journal = SqlJournal(self.folder / "journal.sqlite3", BINDING, account=BINDING.account, room=self.room)
        state = self.journal.load()
        candles = RecordedCandles(len(self.markets))
        self.feed = ToldFeed(self.hears, candles)
        self.floor = Floor(
            exchange=self.exchange,
            journal=self.journal,
            clock=self.clock,
            notifier=self,
            bus=Bus(),
            board=QuoteBoard(),
            wallet=Wallet("USDT"),
            config=replace(self.config, slow_commit_ms=self.slow_commit_ms),
            home_quote="USDT",
        )
        self.trader = AutoTraderV2(
            self.floor,
            self.market_feed or self.feed,
            state,
            self.markets,
            first_switches=dict.fromkeys(self.on, SwitchMode.ON),
            account_feed=self.account_feed,
            life=self.life,
        )
        self.desk = Desk(BINDING, stop=lambda: None, available=self.markets, primary=self.markets[0])
        self.desk.attach(
            self.trader, BINDING, primary=self.markets[0], first_start=True, candles=candles, credentials=self.journal
        )
        self.trader.start()
        if self.waits:
            self.until("the engine runs", lambda: self.trader.running)
        return self

    def __exit__(self, *_error: object) -> None:
        self.trader.stop()

    def alert(self, alert: Alert) -> None:
        """See `Notifier`."""
        self.told.append(alert)
        LogNotifier().alert(alert)

    def slot(self, currency: str) -> Slot:
        """The market of a currency."""
        return self.trader.get_cycle_info(currency)

    def price(self, currency: str, price: str | Decimal) -> None:
        """Tell a new price."""
        slot = self.slot(currency)
        self.feed.tell(a_price(slot.market, Decimal(price), slot.state.rules.tick))

    def state(self, currency: str) -> str:
        """IDLE or ACTIVE."""
        return str(self.desk.stats(currency)["cycles"][currency]["state"])

    def until(self, what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait until something holds. The wait is a bound, not an assertion about speed."""
        ends_s = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > ends_s:
                holds_now = {slot.market.base: str(slot.hold) for slot in self.trader.get_all_cycles()}
                raise AssertionError(f"never came true: {what}; the markets hold: {holds_now}")
            time.sleep(_POLL_S)

    def until_price(self, currency: str, price: str | Decimal, what: str, holds: Callable[[], bool]) -> None:
        """Keep telling a price until something holds: one quote decides at most one order."""

        def told() -> bool:
            self.price(currency, price)
            time.sleep(_POLL_S)
            return holds()

        self.until(what, told)
