"""What the engine does when a part of it, the clock or the exchange fails: real engine, threads and journal."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.application.events import Intended, Record
from autotrader_v2.application.ports import ExchangeUnavailable, Holding
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, OrderResult
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Hold, Reason
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper.exchange import PaperExchange
from autotrader_v2.matching.markets import table_for
from tests.engine import UNLIMITED, Engine

COINS = ("BTC", "ETH")
PRICES = {"BTC": "60000", "ETH": "2500"}
FAST = replace(UNLIMITED, loop_interval_s=0.05, balance_retry_s=0.1, reconcile_s=0.5)


class Machine:
    """The computer's clocks, to be set by a test."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self.slept_s = 0.0
        self.clock = SystemClock(
            lambda: time.time_ns() // 1_000_000 + self.ahead_ms + int(self.slept_s * 1000),
            lambda: time.monotonic() + self.slept_s,
        )


class Hostile(PaperExchange):
    """A real paper exchange behind an adapter with defects. `broken` calls raise what no adapter should."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(table_for(COINS), {"USDT": Decimal(10_000)}, clock=machine.clock)
        self.broken: set[str] = set()
        self.away: set[str] = set()
        self.no_book: set[str] = set()
        self.calls: list[tuple[str, float]] = []
        self.sent: list[OrderIntent] = []
        self.blocks = threading.Event()
        self.blocks.set()

    def _call(self, name: str) -> None:
        self.calls.append((name, time.monotonic()))
        if name in self.broken:
            raise RuntimeError("a defect of the adapter")
        if name in self.away or "all" in self.away:
            raise ExchangeUnavailable("Nobody answers.", do="It is asked again.")

    def now_ms(self) -> int:
        if "now" in getattr(self, "broken", ()):
            raise RuntimeError("a defect of the adapter")
        return super().now_ms()

    def book(self, market: Market) -> Quote:
        self._call("book")
        if market.base in self.no_book:
            raise RuntimeError("a defect of the adapter")
        return super().book(market)

    def balances(self) -> dict[str, Holding]:
        self._call("balances")
        return dict(super().balances())

    def open_orders(self) -> Any:
        self._call("open_orders")
        return super().open_orders()

    def account_trades(self, since_ms: int) -> Any:
        self._call("account_trades")
        return super().account_trades(since_ms)

    def send(self, intent: OrderIntent) -> OrderResult:
        self.blocks.wait(30)
        self.sent.append(intent)
        return super().send(intent)


class Scene:
    """The engine, its exchange and its machine."""

    def __init__(self, engine: Engine, exchange: Hostile, machine: Machine) -> None:
        self.engine, self.exchange, self.machine = engine, exchange, machine

    def price(self, currency: str, **changes: Any) -> None:
        """A fresh price by the machine's own clock."""
        slot = self.engine.slot(currency)
        now_ms = self.machine.clock.now_ms()
        price, tick = Decimal(PRICES[currency]), slot.state.rules.tick
        much = Decimal(10**9)
        quote = Quote(slot.market, price, price + tick, price, now_ms, now_ms, bid_size=much, ask_size=much)
        self.engine.feed.tell(quote._replace(**changes))

    def prices(self) -> bool:
        """One of each."""
        for currency in COINS:
            self.price(currency)
        return True

    def until(self, what: str, holds: Any, patience_s: float = 20.0) -> None:
        """With prices coming all the while."""
        self.engine.until(what, lambda: self.prices() and bool(time.sleep(0.01) or holds()), patience_s)

    def told(self, code: str) -> list[Mapping[str, str]]:
        """The alerts of that code so far."""
        return [one.values or {} for one in self.engine.told if one.code == code]

    def reason(self, currency: str) -> Reason:
        """Why the coin waits."""
        return self.engine.slot(currency).hold.reason

    def part(self, name: str) -> Any:
        """A part of the engine's health."""
        return next(part for part in self.engine.trader.health().parts if part.name == name)


@contextmanager
def a_scene(folder: Path, **changes: Any) -> Iterator[Scene]:
    """Two coins, 10,000 USDT, nothing on."""
    machine = Machine()
    exchange = Hostile(machine)
    markets = [one.market for one in table_for(COINS)]
    config = replace(FAST, **changes)
    with Engine(exchange, exchange.feed, markets, folder, exchange, config, clock=machine.clock) as engine:
        try:
            yield Scene(engine, exchange, machine)
        finally:
            exchange.blocks.set()


def test_b3_a_coin_whose_deciding_fails_waits_and_the_others_trade_on(tmp_path: Path) -> None:
    """It is shown with what failed and when it is tried again, told once, and recovers by itself."""
    with a_scene(tmp_path) as scene:
        scene.exchange.no_book.add("ETH")
        scene.engine.desk.switch("ETH", "on", "test")
        scene.engine.desk.switch("BTC", "on", "test")

        def thin_eth() -> bool:
            scene.price("BTC")
            # Too little at the best price: the book must be read.
            scene.price("ETH", ask_size=Decimal("0.0001"))
            time.sleep(0.01)
            return scene.reason("ETH") is Reason.FAILING and scene.engine.state("BTC") == "ACTIVE"

        scene.engine.until("ETH waits, BTC trades", thin_eth)
        shown = dict(scene.engine.slot("ETH").hold.values)
        assert shown["error"] == "RuntimeError"
        assert int(shown["until_ms"]) > 0
        scene.engine.until("it was tried again", lambda: thin_eth() and len(_reads(scene, "book")) >= 3)
        assert scene.told("market_failing") == [{"error": "RuntimeError"}]
        assert scene.engine.state("ETH") == "IDLE"
        scene.exchange.no_book.clear()
        scene.engine.until("ETH trades", lambda: [thin_eth(), scene.engine.state("ETH") == "ACTIVE"][1])
        assert len(scene.told("market_recovered")) == 1
        assert not scene.engine.trader.isolation.markets


def test_b3_when_all_deciding_fails_no_worker_dies(tmp_path: Path) -> None:
    """The exchange's time raises: every coin is kept apart, and all trade when it is whole again."""
    with a_scene(tmp_path) as scene:
        for currency in COINS:
            scene.engine.desk.switch(currency, "on", "test")
        scene.exchange.broken.add("now")
        scene.until("both wait", lambda: all(scene.reason(one) is Reason.FAILING for one in COINS))
        scene.exchange.broken.clear()
        scene.until("both trade", lambda: all(scene.engine.state(one) == "ACTIVE" for one in COINS))
        assert scene.part("workers").ok


def test_b3_a_background_line_that_fails_is_told_and_begun_again(tmp_path: Path) -> None:
    """Balances raise what no adapter should: told with its count, shown, and read again when it is whole."""
    with a_scene(tmp_path) as scene:
        scene.exchange.broken.add("balances")
        scene.engine.floor.want_balances.set()
        scene.engine.until("it is told", lambda: any(one["line"] == "balances" for one in scene.told("line_failed")))
        part = scene.part("balances")
        assert not part.ok
        assert (part.code, dict(part.values)["error"]) == ("restarts", "RuntimeError")
        scene.exchange.broken.clear()
        scene.engine.desk.switch("ETH", "on", "test")
        scene.until("ETH trades", lambda: scene.engine.state("ETH") == "ACTIVE")
        told = [one for one in scene.told("line_failed") if one["line"] == "balances"]
        assert len(told) == 1, "repeated within its window it is only counted"


def test_p13_a_blocked_line_is_seen_and_after_that_nothing_is_sent(tmp_path: Path) -> None:
    """A worker that hangs: `stuck` within seconds of its limit; `stop_sending` holds even a person's order."""
    with a_scene(tmp_path) as scene:
        trader = scene.engine.trader
        slot = scene.engine.slot("ETH")
        scene.engine.desk.switch("ETH", "on", "test")
        release = threading.Event()
        plain, scene.engine.floor.exchange = scene.engine.floor.exchange, _Hanging(scene.engine.floor.exchange, release)
        try:
            scene.until("stuck", lambda: trader.health().stuck, patience_s=25.0)
            part = scene.part("workers")
            assert (part.ok, part.code) == (False, "stuck")
            trader.stop_sending()
        finally:
            scene.engine.floor.exchange = plain
            release.set()
        scene.until("well again", lambda: not trader.health().stuck)
        assert slot.state.order is None
        scene.until("a price is there", lambda: scene.engine.floor.board.newest(slot.market) is not None)
        scene.price("ETH")
        outcome = trader.buy("ETH", Decimal(20), "test").outcome
        assert outcome == "not_sent"
        assert scene.exchange.sent == []


class _Hanging:
    """An exchange whose time never comes while a worker asks for it."""

    def __init__(self, exchange: Any, release: threading.Event) -> None:
        self._exchange, self._release = exchange, release

    def now_ms(self) -> int:
        if threading.current_thread().name.startswith("worker"):
            self._release.wait(40)
        return int(self._exchange.now_ms())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)


def test_m13_after_a_sleep_the_account_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    """Two hours pass: prices anew, balances anew, a whole reconciliation, then orders."""
    with a_scene(tmp_path) as scene:
        scene.until("prices are there", lambda: scene.reason("ETH") is Reason.OFF)
        rounds = scene.engine.trader.reconciler.completed
        scene.exchange.away.add("open_orders")
        scene.machine.ahead_ms += 7_200_000
        scene.engine.until(
            "it is seen", lambda: scene.reason("ETH") is Reason.OFF and bool(scene.told("machine_slept"))
        )
        assert scene.told("machine_slept") == [{"seconds": "7200"}]
        scene.engine.desk.switch("ETH", "on", "test")
        scene.until("it is shown", lambda: scene.reason("ETH") is Reason.CHECKING)
        scene.price("ETH")
        try:
            scene.engine.trader.buy("ETH", Decimal(20), "test")
        except CommandRefused as refused:
            assert refused.code == "standstill"
        else:
            raise AssertionError("a person's order went out unchecked")
        assert scene.exchange.sent == []
        assert not scene.part("clock").ok
        scene.exchange.away.clear()
        scene.until("ETH trades", lambda: scene.engine.state("ETH") == "ACTIVE")
        assert scene.engine.trader.reconciler.completed > rounds
        assert scene.part("clock").ok


def test_m13_m16_a_price_of_before_the_check_decides_nothing_after_it_however_young(tmp_path: Path) -> None:
    """Not its age alone keeps it out: what was true before nobody looked must be told again."""
    with a_scene(tmp_path, max_quote_age_ms=600_000) as scene:
        scene.until("prices are there", lambda: scene.reason("ETH") is Reason.OFF)
        scene.engine.trader.recheck.demand("time_leapt")
        scene.engine.desk.switch("ETH", "on", "test")
        scene.engine.until("it is checked", lambda: scene.part("clock").ok)
        scene.engine.until("it waits", lambda: scene.reason("ETH") is Reason.WAITS_FOR_NEW_QUOTE)
        scene.engine.floor.board.mark_due(scene.engine.slot("ETH").market)
        assert scene.exchange.sent == []
        scene.until("a new price decides", lambda: scene.engine.state("ETH") == "ACTIVE")


def test_m12_m13_an_order_claimed_before_everything_stands_still_does_not_leave(tmp_path: Path) -> None:
    """It is in the journal already and its price is young: the door alone keeps it here."""
    with a_scene(tmp_path, max_quote_age_ms=600_000, slow_commit_ms=600_000) as scene:
        scene.until("prices are there", lambda: scene.reason("ETH") is Reason.OFF)
        journal, floor = scene.engine.journal, scene.engine.floor
        write, written, go_on = journal.write, threading.Event(), threading.Event()

        def slowly(*records: Record) -> None:
            write(*records)
            if any(isinstance(one, Intended) for one in records):
                written.set()
                assert go_on.wait(60)

        journal.write = slowly  # type: ignore[method-assign]
        scene.engine.desk.switch("ETH", "on", "test")
        scene.until("its intent is durable", written.is_set)
        floor.standstill.begin(Hold(Reason.CLOCK_WRONG, (("seconds", "9"),)))
        scene.price("ETH")
        go_on.set()
        scene.engine.until("it has ended", lambda: scene.engine.slot("ETH").state.order is None)
        assert scene.exchange.sent == []
        [row] = scene.engine.desk.orders("ETH", 10)
        assert (row["outcome"], row["label"]) == ("not_sent", "clock_wrong")
        floor.standstill.end(Reason.CLOCK_WRONG)
        scene.until("it trades on", lambda: scene.engine.state("ETH") == "ACTIVE")


def test_m13_a_sleep_that_the_monotonic_clock_counts_is_seen_too(tmp_path: Path) -> None:
    """As on Windows: both clocks are ahead together."""
    with a_scene(tmp_path) as scene:
        scene.until("prices are there", lambda: scene.reason("ETH") is Reason.OFF)
        scene.machine.slept_s += 3600
        scene.engine.until("it is seen", lambda: bool(scene.told("machine_slept")))
        seconds = int(scene.told("machine_slept")[0]["seconds"])
        assert 3590 < seconds < 3610
        assert not scene.engine.trader.health().stuck
        scene.engine.desk.switch("ETH", "on", "test")
        scene.until("ETH trades", lambda: scene.engine.state("ETH") == "ACTIVE")


def test_m12_a_clock_set_back_is_told_and_checked(tmp_path: Path) -> None:
    """Ten minutes back: our time does not go back, the account is checked before anything is sent, trading goes on."""
    with a_scene(tmp_path) as scene:
        scene.until("prices are there", lambda: scene.reason("ETH") is Reason.OFF)
        rounds = scene.engine.trader.reconciler.completed
        scene.exchange.away.add("open_orders")
        scene.machine.ahead_ms -= 600_000
        scene.engine.until("it is seen", lambda: bool(scene.told("clock_jumped")))
        assert scene.told("clock_jumped") == [{"seconds": "-600"}]
        scene.engine.desk.switch("ETH", "on", "test")
        scene.until("it is shown", lambda: scene.reason("ETH") is Reason.CHECKING)
        assert scene.exchange.sent == []
        scene.exchange.away.clear()
        scene.until("ETH trades", lambda: scene.engine.state("ETH") == "ACTIVE")
        assert scene.engine.trader.reconciler.completed > rounds


def test_m16_maintenance_is_told_once_asked_calmly_and_checked_before_orders(tmp_path: Path) -> None:
    """One alert, hardly a call, one summary with its length, a whole reconciliation, then orders."""
    with a_scene(tmp_path) as scene:
        scene.engine.desk.switch("ETH", "on", "test")
        trader = scene.engine.trader
        scene.exchange.away.add("all")
        scene.engine.floor.want_balances.set()
        scene.engine.until("it is told", lambda: bool(scene.told("exchange_away")), patience_s=40.0)
        sent = len(scene.exchange.sent)
        assert not scene.part("exchange").ok
        scene.until("it is shown", lambda: scene.engine.state("ETH") == "ACTIVE" or _stands(scene))
        # The minute after which it is left in peace is over.
        assert trader.reach.failing_since_s is not None
        trader.reach.failing_since_s -= 120
        time.sleep(1.5)
        before = len(scene.exchange.calls)
        time.sleep(3)
        assert len(scene.exchange.calls) - before <= 1
        assert len(scene.exchange.sent) == sent
        # It is back, but open orders are not told yet: so long nobody knows whether the books are right.
        scene.exchange.away = {"open_orders"}
        rounds = trader.reconciler.completed
        trader.reach.leave_peace()
        scene.until("it is back", lambda: bool(scene.told("exchange_back")))
        asked = len(_reads(scene, "open_orders"))
        scene.until("they are asked for again", lambda: len(_reads(scene, "open_orders")) >= asked + 3)
        assert Reason.CHECKING in {hold.reason for hold in scene.engine.floor.standstill.reasons()}
        assert len(scene.exchange.sent) == sent
        scene.exchange.away = set()
        scene.until("trading goes on", lambda: scene.engine.floor.standstill.now is None)
        assert trader.reconciler.completed > rounds
        assert len(scene.told("exchange_away")) == len(scene.told("exchange_back")) == 1
        # Not only told once, but meant once: repeated for hours it would be told again every quarter of an hour.
        times = {one.alert.code: one.times for one in scene.engine.floor.alerts.recent()}
        assert times["exchange_away"] == times["exchange_back"] == 1


def _stands(scene: Scene) -> bool:
    now = scene.engine.floor.standstill.now
    return now is not None and now.reason is Reason.UNREACHABLE


def _reads(scene: Scene, name: str) -> list[float]:
    return [at_s for one, at_s in list(scene.exchange.calls) if one == name]
