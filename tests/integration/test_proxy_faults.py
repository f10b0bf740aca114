"""The real engine, SDK and sockets with a faulty network in between: one intent, one effect, and it is booked."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.domain.quotes import Quote, Verdict
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.canary import KEY, SECRET, no_secret_in
from tests.engine import Engine, a_price
from tests.integration.test_unknown_orders import QUICK_PROOF, unknown
from tests.proxy import Do, Proxy, Rule, page
from tests.proxy_streams import DoFrame, FrameRule

ETH = rules_for("ETH")
# The exchange is to take the order however crowded this machine is; of one that comes too late it rightly says no.
LONG_LIFE = replace(QUICK_PROOF, order_life_ms=30_000)
# How long a bound lasts before the test gives up; not an assertion about speed.
PATIENCE_S = 60.0
# What reliability.md promises for O8, counted from the answer: a bound of the promise, not a measurement.
SEEN_WITHIN_S = 5.0
GZIP_CUT = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n"
    + gzip.compress(b'{"id": "1", "text": "' + bytes(range(48, 90)) * 9 + b'"}')[:40]
)


@dataclass
class Bench:
    """One coin, one engine, one exchange, and the network between them."""

    sim: Simulator
    proxy: Proxy
    engine: Engine

    def start_buy(self) -> Active:
        """Switch on and wait for the cycle."""
        self.engine.price("ETH", "2500")
        self.engine.desk.switch("ETH", "on", "test")
        self.engine.until_price("ETH", "2500", "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def orders(self, side: Side = Side.BUY) -> list[str]:
        """Exchange ids of the orders that traded."""
        return sorted({str(one.order_id) for one in self.sim.account().trades if one.side is side})

    def outcomes(self) -> list[str]:
        """How the attempts ended, oldest first."""
        return [str(row["outcome"]) for row in reversed(self.engine.desk.orders("ETH", 20))]


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """By `QUICK_PROOF` unless a test names another proof."""
    config = getattr(request, "param", QUICK_PROOF)
    with Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET) as sim, Proxy(sim.url, seed=3) as proxy:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        exchange = GateExchange(proxy.url, KEY, SECRET, SystemClock())
        exchange.warm()
        feed = GateAccountFeed(proxy.ws_url, exchange, SystemClock())
        with Engine(exchange, sim.feed, [ETH.market], tmp_path, account_feed=feed, config=config) as engine:
            yield Bench(sim, proxy, engine)
        exchange.close()
    no_secret_in(tmp_path)


def html(status: int, *, carried_out: bool) -> Rule:
    """A page of some machine on the way."""
    return Rule(do=Do.REPLACE, answer=page(status), carried_out=carried_out)


EXECUTED = {
    "o2_answer_dropped": Rule(do=Do.DROP_AFTER),
    "o2_answer_never": Rule(do=Do.BLACKHOLE_AFTER),
    "o5_500_page": html(500, carried_out=True),
    "o5_502_page": html(502, carried_out=True),
    "o5_503_page": html(503, carried_out=True),
    "o5_504_page": html(504, carried_out=True),
    "o7_reset": Rule(do=Do.RESET_AFTER),
    "o7_cut_in_the_head": Rule(do=Do.CUT, keep=40),
    "o7_cut_in_the_body": Rule(do=Do.CUT, keep=200),
    "o7_truncated_json": Rule(do=Do.TRUNCATE, keep=60),
    "o7_empty_body": Rule(do=Do.TRUNCATE, keep=0),
    "o7_gzip_cut": Rule(do=Do.REPLACE, answer=GZIP_CUT),
}
NEVER_ARRIVED = {
    "o1_dropped": Rule(do=Do.DROP_BEFORE),
    "o1_blackhole": Rule(do=Do.BLACKHOLE_BEFORE),
    "o1_reset_on_a_reused_connection": Rule(do=Do.RESET_BEFORE),
    "o4_late_past_its_expiry": Rule(delay_before_s=3.5, do=Do.DROP_AFTER),
    "o5_502_page": html(502, carried_out=False),
    "o5_504_page": html(504, carried_out=False),
}


@pytest.mark.parametrize("bench", [LONG_LIFE], indirect=True, ids=[""])
@pytest.mark.parametrize("fault", EXECUTED)
def test_o2_o5_o7_an_order_whose_answer_the_network_lost_is_found_and_booked_once(bench: Bench, fault: str) -> None:
    bench.proxy.add(EXECUTED[fault])
    cycle = bench.start_buy()
    assert len(bench.orders()) == 1
    assert bench.outcomes() == ["filled"]
    assert cycle.held == bench.sim.account().total("ETH")
    assert len(bench.proxy.requests("POST", "/spot/orders")) == 1, "sent once, whatever became of the answer"


@pytest.mark.parametrize("fault", NEVER_ARRIVED)
def test_o1_o4_o5_an_order_that_had_no_effect_is_proven_absent_and_tried_again(bench: Bench, fault: str) -> None:
    bench.proxy.add(NEVER_ARRIVED[fault])
    cycle = bench.start_buy()
    assert len(bench.orders()) == 1
    assert bench.outcomes() == ["absent", "filled"]
    assert cycle.held == bench.sim.account().total("ETH")
    first, second = bench.proxy.requests("POST", "/spot/orders")
    assert first.raw != second.raw
    assert cycle.bought[0].client_ids[0].encode() in second.raw
    assert cycle.bought[0].client_ids[0].encode() not in first.raw


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "lost"])
def test_a_kept_connection_that_breaks_exactly_when_an_order_uses_it_is_an_unknown_order(
    bench: Bench, executed: bool
) -> None:
    """T: urllib3 would send again on a fresh connection; an order must not be."""
    bench.proxy.add(Rule(do=Do.RESET_AFTER if executed else Do.RESET_BEFORE))
    bench.start_buy()
    first, *later = bench.proxy.requests("POST", "/spot/orders")
    assert first.nth > 0, "the connection had been used before"
    assert bench.outcomes() == (["filled"] if executed else ["absent", "filled"])
    assert len(later) == (0 if executed else 1)
    assert len(bench.orders()) == 1


def test_a_kept_connection_that_was_closed_after_its_last_answer_carries_no_order(bench: Bench) -> None:
    """T: the order goes out on a fresh connection; at worst it is unknown for a while, never sent twice."""
    bench.proxy.add(Rule(path="*", method="GET", times=None, do=Do.CLOSE_AFTER))
    bench.start_buy()
    assert len(bench.orders()) == 1
    posts = bench.proxy.requests("POST", "/spot/orders")
    assert len(posts) == len(bench.outcomes())


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "answer-lost"])
def test_o8_a_middlebox_that_repeats_the_order_is_seen_within_seconds_and_halts_the_coin(
    bench: Bench, answered: bool
) -> None:
    bench.proxy.add(Rule(do=Do.REPEAT, delay_after_s=0.0 if answered else 5.0))
    bench.start_buy()
    engine = bench.engine

    def halted() -> bool:
        pause = engine.slot("ETH").state.pause
        return pause is not None and pause.cause == "order_doubled"

    engine.until("the coin is halted", halted, SEEN_WITHIN_S)
    assert len(bench.orders()) == 2, "the network bought twice"
    assert len(bench.proxy.requests("POST", "/spot/orders")) == 1, "the engine sent once"
    assert held(bench) == bench.sim.account().total("ETH"), "every coin is booked"
    engine.price("ETH", "2400")
    time.sleep(0.5)
    assert len(bench.orders()) == 2, "a halted coin buys nothing"


def held(bench: Bench) -> Decimal:
    """Coins of the cycle."""
    cycle = bench.engine.slot("ETH").state.cycle
    return cycle.held if isinstance(cycle, Active) else Decimal(0)


def test_o1_to_o8_a_sale_through_a_bad_network_sells_once(bench: Bench) -> None:
    """The cycle ends with what the exchange paid, whatever the answers were."""
    bench.start_buy()
    bench.engine.desk.switch("ETH", "finish", "test")
    bench.proxy.add(Rule(do=Do.DROP_BEFORE), Rule(do=Do.CUT, keep=150))
    bench.engine.until_price("ETH", "2600", "the sale", lambda: bench.engine.state("ETH") == "IDLE")
    assert len(bench.orders(Side.SELL)) == 1
    assert bench.outcomes() == ["filled", "absent", "filled"]
    assert bench.engine.slot("ETH").state.cycle.tally.completed == 1


def test_o2_reads_that_fail_prove_nothing_and_the_order_is_found_when_they_work_again(bench: Bench) -> None:
    """Every look is cut for a while: the market waits, the money stays reserved, nothing is sent again."""
    engine = bench.engine
    engine.until_price("ETH", "2500", "it is believed", lambda: engine.floor.board.newest(ETH.market) is not None)
    bench.proxy.add(Rule(do=Do.DROP_AFTER), Rule(path="*", method="GET", times=None, do=Do.CUT, keep=120))
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "the order is unknown", lambda: len(unknown(engine)) == 1)
    order = engine.slot("ETH").state.order
    assert order is not None and order.intent is not None
    proof_s = QUICK_PROOF.absence_reads * QUICK_PROOF.absence_gap_s
    over_ms = order.intent.expires_ms + QUICK_PROOF.clock_error_ms + QUICK_PROOF.visibility_ms + proof_s * 1000
    engine.until("its absence would be proven long ago", lambda: engine.floor.exchange.now_ms() > over_ms + 2000)
    assert engine.state("ETH") == "IDLE"
    assert len(bench.proxy.requests("POST", "/spot/orders")) == 1
    assert engine.floor.wallet.funds().reserved == 10
    bench.proxy.clear()
    engine.until_price("ETH", "2500", "it is found", lambda: engine.state("ETH") == "ACTIVE")
    assert len(bench.orders()) == 1


def test_a_slow_line_delays_but_changes_nothing(bench: Bench) -> None:
    """Throttled to a few hundred bytes a second, answers still arrive whole or count as lost."""
    bench.proxy.add(Rule(path="*", method="*", times=None, bytes_per_s=1500))
    cycle = bench.start_buy()
    bench.proxy.clear()
    assert len(bench.orders()) == 1
    assert cycle.held == bench.sim.account().total("ETH")


# -- streams -----------------------------------------------------------------------------------------------------------


class Prices:
    """A feed of prices through the network, and everything it told."""

    def __init__(self, sim: Simulator, proxy: Proxy, stack: ExitStack) -> None:
        self.sim, self.proxy = sim, proxy
        exchange = GateExchange(proxy.url, KEY, SECRET, SystemClock())
        stack.callback(exchange.close)
        exchange.warm()
        self.quotes: list[Quote] = []
        self.feed = GateMarketFeed(proxy.ws_url, exchange, SystemClock())
        stack.callback(self.feed.stop)
        self.feed.start([ETH.market], self.quotes.append)
        self.until(lambda: self.feed.status().detail == "WebSocket")

    def until(self, true: Callable[[], object], keep: str = "") -> None:
        """Wait, the price told again and again if wanted."""
        ends_s = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < ends_s, "it did not happen in time"
            if keep:
                self.sim.feed(a_price(ETH.market, Decimal(keep), ETH.tick))
            time.sleep(0.02)

    def told(self, bid: str, *, by_stream: bool) -> bool:
        """Whether this price was told by the stream (it alone has sizes) or by a read."""
        return any(one.bid == Decimal(bid) and (one.bid_size is not None) == by_stream for one in self.quotes)


@pytest.fixture
def prices() -> Iterator[Prices]:
    with ExitStack() as stack:
        sim = stack.enter_context(Simulator([ETH], {"USDT": 1000}, key=KEY, secret=SECRET))
        proxy = stack.enter_context(Proxy(sim.url, seed=3))
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        yield Prices(sim, proxy, stack)


def test_m4_a_stream_that_lives_but_is_silent_is_replaced_and_reads_carry_the_price_meanwhile(prices: Prices) -> None:
    prices.until(lambda: prices.told("2500", by_stream=True), keep="2500")
    prices.proxy.add(FrameRule(do=DoFrame.DROP))
    prices.until(lambda: prices.told("2510", by_stream=False), keep="2510")
    prices.proxy.clear()
    prices.until(lambda: prices.told("2520", by_stream=True), keep="2520")


def test_m5_a_stream_that_breaks_again_and_again_backs_off_and_comes_back(prices: Prices) -> None:
    prices.proxy.refuse_streams = True
    prices.proxy.cut_streams()
    prices.until(lambda: prices.told("2510", by_stream=False), keep="2510")
    assert prices.feed.status().detail == "REST"
    prices.proxy.refuse_streams = False
    prices.until(lambda: prices.told("2520", by_stream=True), keep="2520")
    assert prices.feed.status().detail == "WebSocket"


def test_m1_m2_doubled_and_swapped_messages_never_take_a_price_back(prices: Prices) -> None:
    """The feed passes on what it hears with the exchange's time; the board lets nothing older through."""
    prices.proxy.add(FrameRule(chance=0.4, do=DoFrame.SWAP), FrameRule(chance=0.5, do=DoFrame.REPEAT))
    rising = (Decimal(2500) + Decimal(number) / 10 for number in count())

    def more() -> bool:
        prices.sim.feed(a_price(ETH.market, next(rising), ETH.tick))
        # A crowded machine joins several prices in one message.
        told = {one.bid for one in prices.quotes if one.bid_size is not None}
        return len(told) > 120 and prices.proxy.hits.get(DoFrame.SWAP, 0) > 10

    prices.until(more)
    last = str(next(rising))
    prices.proxy.clear()
    prices.until(lambda: prices.told(last, by_stream=True), keep=last)
    board = QuoteBoard()
    board.follow([ETH.market])
    board.offer(prices.quotes[0]._replace(from_book_read=True))
    accepted = [one for one in prices.quotes if board.offer(one) is Verdict.ACCEPTED]
    by_stream = [one.bid for one in accepted if one.bid_size is not None]
    assert by_stream == sorted(by_stream)
    assert len(accepted) > 50


def test_o14_o15_own_trades_told_twice_late_or_never_by_the_stream_are_booked_once(bench: Bench) -> None:
    bench.proxy.add(FrameRule(channel="spot.usertrades", times=1, do=DoFrame.REPEAT))
    bench.start_buy()
    bench.proxy.add(FrameRule(channel="spot.usertrades", do=DoFrame.DROP))
    bench.engine.desk.switch("ETH", "finish", "test")
    bench.engine.until_price("ETH", "2600", "the sale", lambda: bench.engine.state("ETH") == "IDLE")
    trades = bench.sim.account().trades
    booked: list[Fill] = []
    for row in bench.engine.desk.orders("ETH", 10):
        booked.extend(bench.engine.journal.fills_of(str(row["client_id"])))
    assert sorted(one.trade_id for one in booked) == sorted(str(one.id) for one in trades)
