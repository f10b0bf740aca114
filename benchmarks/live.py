"""The real engine over the real SDK on an exchange in another process, made to send one order at a time."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.hosts import ws_url_of
from benchmarks.children import Child
from benchmarks.markets import PRICE, a_quote, markets
from benchmarks.stamps import StampedExchange, StampedJournal
from tests.engine import Engine

# Markets rest at 100; they start at 99.5 and below (near enough for their planned ladder), and take their profit far
# below 103: both moves are less than the 5 % at which the order book is read first.
_START_LIMIT, START_BID, PROFIT_BID = "99.5", Decimal("99.48"), Decimal(103)
_TICK_S = 0.01


class Way(NamedTuple):
    """One order's way, in nanoseconds after its price was offered."""

    journal_began: int
    durable: int
    sdk_began: int
    on_wire: int


class Live:
    """An engine that runs; `trigger` sends a market's next order, `breathe` lets the other markets have prices."""

    def __init__(self, engine: Engine, exchange: StampedExchange, seed: int = 1) -> None:
        self.engine = engine
        self.exchange = exchange
        self.journal = StampedJournal(engine.journal)
        engine.floor.journal = self.journal
        self.markets: Sequence[Market] = tuple(engine.floor.slots)
        self._rng = random.Random(seed)
        self._others = self._endless()
        self._holding: set[Market] = set()
        self._quiet: Market | None = None

    def ready(self, market: Market) -> bool:
        """Whether a price would decide an order of this market now."""
        floor = self.engine.floor
        state = floor.slots[market].state
        return (
            state.order is None
            and floor.wallet.base_reading(market) is not None
            and state.quote_after_ms < floor.exchange.now_ms()
        )

    def offer_trigger(self, market: Market) -> int:
        """Offer the price that starts the market's cycle, or ends it; returns when."""
        bid = PROFIT_BID if market in self._holding else START_BID
        self._holding ^= {market}
        quote = a_quote(market, bid)
        began_ns = time.perf_counter_ns()
        self.engine.feed.tell(quote)
        return began_ns

    def way(self, market: Market, began_ns: int) -> Way | None:
        """The way of the order that was triggered then; None while it has not left."""
        sent = self.exchange.sent.get(market)
        if sent is None or sent[1] < began_ns:
            return None
        return Way(*(stamp - began_ns for stamp in (*self.journal.intended[market], *sent)))

    def trigger(self, market: Market, others_a_tick: int) -> Way:
        """One order from price to wire, among the prices of other markets; returns when it is booked."""
        before = self._rng.randrange(others_a_tick + 1)
        self._quiet = market
        self.tell_others(before)
        began_ns = self.offer_trigger(market)
        self.tell_others(others_a_tick - before)
        slot = self.engine.floor.slots[market]
        ends_s = time.monotonic() + 5
        while (way := self.way(market, began_ns)) is None or slot.state.order is not None:
            if time.monotonic() > ends_s:
                raise AssertionError(f"{market} sent nothing: {slot.hold}")
            time.sleep(0.001)
        self._quiet = None
        return way

    def breathe(self, for_s: float, others_a_tick: int) -> None:
        """Only prices that trigger nothing, for so long."""
        ends_s = time.monotonic() + for_s
        while (left_s := ends_s - time.monotonic()) > 0:
            self.tell_others(others_a_tick)
            time.sleep(min(_TICK_S, left_s))

    def tell_others(self, count: int) -> None:
        """The next so many markets have a price that triggers nothing."""
        for _ in range(count):
            market = next(self._others)
            if market != self._quiet:
                self.engine.feed.tell(a_quote(market))

    def _endless(self) -> Iterator[Market]:
        while True:
            yield from self.markets


# Counted and compared as ever, but never held back: hundreds of orders a minute are the point.
_MANY = 10**6
_CONFIG = TraderConfig(
    order_limits=OrderLimits(
        coin_orders_5min=_MANY, coin_orders_day=_MANY, account_orders_5min=_MANY, account_orders_day=_MANY
    )
)


@contextmanager
def live(folder: Path, count: int) -> Iterator[Live]:
    """The engine with so many idle markets, warm, each with a price."""
    with Child("exchange_process", str(count)) as there:
        exchange = StampedExchange(there.url, "key", "secret", SystemClock())
        exchange.warm()
        some = markets(count)
        account_feed = GateAccountFeed(ws_url_of(there.url), exchange, SystemClock())
        engine = Engine(exchange, _deaf, some, folder, account_feed=account_feed, config=_CONFIG, on=some)
        with engine:
            engine.desk.set_params(None, {"start_limit": _START_LIMIT}, "benchmark")
            for market in some:
                engine.feed.tell(a_quote(market, PRICE, from_book_read=True))
            engine.trader.settle()
            yield Live(engine, exchange)


def _deaf(_quote: Quote) -> None:
    """The exchange has its own prices."""
