"""The Gate adapter's WebSockets against the exchange in a box: prices and own trades, over losses and refusals."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.gate.frames import USER_TRADES
from autotrader_v2.infrastructure.gate.hosts import ws_url_of
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.infrastructure.gate.public import GatePublicFeed
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import SubscriptionFault
from tests.contract.venues import an_intent
from tests.integration.simulated import a_simulator

CLOCK = SystemClock()
LTC, BTC, NOPE = (Market("gate", coin, "USDT") for coin in ("LTC", "BTC", "NOPE"))


def until(true: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for it."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.01)


class Heard:
    """Everything the feeds told."""

    def __init__(self) -> None:
        self.quotes: list[Quote] = []
        self.fills: list[Fill] = []
        self.gaps = 0

    def gap(self) -> None:
        """Some trades may have been missed."""
        self.gaps += 1

    def newest(self, market: Market) -> Quote | None:
        """The newest quote of a market."""
        return next((quote for quote in reversed(self.quotes) if quote.market == market), None)

    def told(self, market: Market, bid: str) -> Callable[[], bool]:
        """Whether the stream (it alone has sizes) told this bid."""
        return lambda: any(
            quote.market == market and str(quote.bid) == bid and quote.bid_size is not None for quote in self.quotes
        )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closed after the test, last opened first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sim(stack: ExitStack) -> Simulator:
    """Four markets with prices."""
    return stack.enter_context(a_simulator())


def an_exchange(sim: Simulator, stack: ExitStack, key: str = "key", secret: str = "secret") -> GateExchange:
    """The adapter of the first account."""
    exchange = GateExchange(sim.url, key, secret, CLOCK)
    stack.callback(exchange.close)
    exchange.warm()
    return exchange


def a_feed(sim: Simulator, stack: ExitStack, heard: Heard, *markets: Market) -> GateMarketFeed:
    """Started, connected."""
    feed = GateMarketFeed(sim.ws_url, an_exchange(sim, stack), CLOCK)
    stack.callback(feed.stop)
    feed.start(markets, heard.quotes.append)
    until(lambda: feed.status().detail == "WebSocket")
    return feed


def test_prices_come_over_the_stream_and_quiet_ones_are_confirmed(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    feed = a_feed(sim, stack, heard, LTC, BTC)
    until(lambda: heard.newest(BTC) is not None and heard.newest(LTC) is not None)
    # Connected is not yet subscribed.
    until(lambda: (sim.price("LTC_USDT", "65", "65.01"), heard.told(LTC, "65")())[1])
    before_ms = CLOCK.now_ms()
    until(lambda: (heard.newest(LTC) or heard.quotes[0]).confirmed_ms > before_ms + 500)
    quiet = heard.newest(LTC)
    assert quiet is not None
    assert (str(quiet.bid), quiet.bid_size is not None, quiet.exchange_ms > before_ms) == ("65", True, True)
    assert (feed.status().connected, feed.bad_messages, feed.refused) == (True, 0, frozenset())


def test_an_unknown_market_leaves_the_others_alone(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    feed = a_feed(sim, stack, heard, LTC, NOPE, BTC)
    until(lambda: feed.refused == {"NOPE_USDT"})
    until(lambda: (sim.price("BTC_USDT", "65000.1", "65000.2"), heard.told(BTC, "65000.1")())[1])


def test_other_markets_may_be_followed_instead(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    feed = a_feed(sim, stack, heard, LTC)
    feed.watch([BTC])
    time.sleep(0.2)
    heard.quotes.clear()
    sim.price("LTC_USDT", "66", "66.01")
    until(lambda: (sim.price("BTC_USDT", "66000.1", "66000.2"), heard.told(BTC, "66000.1")())[1])
    assert heard.newest(LTC) is None


def test_m5_a_lost_connection_is_made_again_with_everything_on_it(stack: ExitStack) -> None:
    heard = Heard()
    first = a_simulator().start()
    port = int(first.url.split(":")[2].split("/")[0])
    feed = a_feed(first, stack, heard, LTC)
    first.stop()
    until(lambda: feed.status().detail != "WebSocket")
    with a_simulator(port=port) as second:
        until(lambda: feed.status().detail == "WebSocket")
        until(lambda: (second.price("LTC_USDT", "67", "67.01"), heard.told(LTC, "67")())[1])


def test_paper_needs_no_key_for_prices(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    feed = GatePublicFeed(CLOCK, sim.url)
    stack.callback(feed.stop)
    feed.start([LTC], heard.quotes.append)
    until(lambda: feed.status().detail == "WebSocket")
    # Connected is not yet subscribed.
    until(lambda: (sim.price("LTC_USDT", "65", "65.01"), heard.told(LTC, "65")())[1])
    (rules,) = feed.rules([LTC, NOPE])
    assert (rules.market, str(rules.fee), rules.price_precision) == (LTC, "0.002", 2)


def test_own_trades_come_whoever_made_them(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    exchange = an_exchange(sim, stack)
    feed = GateAccountFeed(ws_url_of(sim.url), exchange, CLOCK)
    stack.callback(feed.stop)
    feed.start(heard.fills.append, heard.gap)
    until(lambda: heard.gaps == 1)
    result = exchange.send(an_intent())
    sim.trade_by_hand("LTC_USDT", Side.SELL, 2)
    until(lambda: len(heard.fills) >= 2)
    foreign = heard.fills[-1]
    assert heard.fills[0] == result.fills[0]
    assert (foreign.client_id, foreign.side, foreign.base) == ("", Side.SELL, 2)
    assert exchange.recent_fills.of(result.order_id) == result.fills
    assert (feed.connected, feed.fault) == (True, "")


def test_each_new_connection_is_a_gap(stack: ExitStack) -> None:
    heard = Heard()
    first = a_simulator().start()
    port = int(first.url.split(":")[2].split("/")[0])
    exchange = an_exchange(first, stack)
    feed = GateAccountFeed(first.ws_url, exchange, CLOCK)
    stack.callback(feed.stop)
    feed.start(heard.fills.append, heard.gap)
    until(lambda: heard.gaps == 1)
    first.stop()
    until(lambda: not feed.connected)
    with a_simulator(port=port):
        until(lambda: heard.gaps == 2)


@pytest.mark.parametrize("ignored", [False, True])
def test_own_trades_that_are_refused_or_not_answered_once_come_all_the_same(
    sim: Simulator, stack: ExitStack, ignored: bool
) -> None:
    """Such as REQUEST_EXPIRED by a clock that was wrong for a moment: without trades every fill waits for a read."""
    sim.faults.replace([SubscriptionFault(channel=USER_TRADES, ignored=ignored, times=1)])
    heard = Heard()
    feed = GateAccountFeed(sim.ws_url, an_exchange(sim, stack), CLOCK)
    stack.callback(feed.stop)
    feed.start(heard.fills.append, heard.gap)
    until(lambda: feed.connected)
    assert (feed.fault, heard.gaps) == ("", 1)


def test_a_key_that_is_refused_is_told(sim: Simulator, stack: ExitStack) -> None:
    heard = Heard()
    exchange = an_exchange(sim, stack, secret="wrong")
    feed = GateAccountFeed(sim.ws_url, exchange, CLOCK)
    stack.callback(feed.stop)
    feed.start(heard.fills.append, heard.gap)
    until(lambda: bool(feed.fault))
    assert (feed.connected, heard.gaps) == (False, 0)
    assert "INVALID" in feed.fault
