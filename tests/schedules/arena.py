"""The real engine with its threads under a `Scheduler`, a paper exchange and a journal that lose nothing.

Everything of `autotrader_v2/application` is traced line by line; the ports pause before and after each call, as a
network and a disk do.
"""

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import autotrader_v2.application
from autotrader_v2.application.events import Alert, Bus, News, Record
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import FeedStatus, Holding, OutcomeUnknown
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, OrderResult, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.simulation.journal import MemoryJournal, Store
from tests.schedules.primitives import Answer, Primitives
from tests.schedules.scheduler import Plan, Scheduler

ETH = Market("gate", "ETH", "USDT")
SOL = Market("gate", "SOL", "USDT")
PRICES = {ETH: Decimal(2500), SOL: Decimal(140)}
CONFIG = TraderConfig(reconcile_confirm_s=0, balance_lag_s=0)
_BEGAN_MS = 1_800_000_000_000
_APPLICATION = str(Path(next(iter(autotrader_v2.application.__path__))))
# What threads share: values of a market's place and of the floor, and whatever an object keeps for itself.
_SHARED = re.compile(
    r"\.(state|hold|plan|retry|spare_number|reading_book|book_read_s|account_pause|global_switch|common|in_flight"
    r"|journal_failing|screened|due|limits|phase|_[a-z]\w*)\b(?!\()"
)
_PLENTY = Decimal(10**9)


@functools.cache
def _shared_lines(file: str) -> frozenset[int]:
    if not file.startswith(_APPLICATION):
        return frozenset()
    lines = Path(file).read_text("utf-8").splitlines()
    return frozenset(number for number, line in enumerate(lines, 1) if _SHARED.search(line))


def rules_of(market: Market) -> MarketRules:
    """A market with ordinary rules."""
    return MarketRules(
        market=market,
        price_precision=2,
        amount_precision=4,
        fee=Decimal("0.002"),
        min_base=Decimal("0.001"),
        min_quote=Decimal(3),
    )


class _Clock:
    """A millisecond passes with every look, so that each schedule repeats exactly."""

    def __init__(self) -> None:
        self.ms = _BEGAN_MS

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms

    def monotonic_s(self) -> float:
        return self.now_ms() / 1000

    def wall_ms(self) -> int:
        return self.ms

    def machine_s(self) -> float:
        return self.ms / 1000

    def wait(self, event: Any, timeout_s: float) -> bool:
        self.ms += int(timeout_s * 1000)
        return bool(event.is_set())


class _Exchange(PaperExchange):
    """Pauses where a network would. `loses_answer`: the next order executes and its answer is lost."""

    pause: Callable[[], None] = staticmethod(lambda: None)
    loses_answer = False
    sent: list[OrderIntent]
    on_send: Callable[[OrderIntent], None] = staticmethod(lambda _intent: None)

    def send(self, intent: OrderIntent) -> OrderResult:
        self.on_send(intent)
        self.pause()
        self.sent.append(intent)
        result = super().send(intent)
        self.pause()
        if self.loses_answer:
            self.loses_answer = False
            raise OutcomeUnknown("The answer was lost.")
        return result

    def balances(self) -> dict[str, Holding]:
        self.pause()
        read = dict(super().balances())
        self.pause()
        return read

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        self.pause()
        return super().own_trades(market, since_ms)


class _Quiet(Bus):
    """Nobody listens."""

    def __init__(self) -> None:
        self.dropped = 0

    def listen(self, listener: Callable[[News], None]) -> None:
        """See `Bus`."""

    def start(self) -> None:
        """See `Bus`."""

    def stop(self) -> None:
        """See `Bus`."""

    def tell(self, news: News) -> None:
        """See `Bus`."""


class _Feed:
    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        self.on_quote = on_quote

    def watch(self, markets: Sequence[Market]) -> Sequence[Market]:
        """See `MarketFeed`."""
        return ()

    def status(self) -> FeedStatus:
        return FeedStatus("gate", "a scenario", True, 0)

    def stop(self) -> None:
        """See `MarketFeed`."""


class _Crew:
    """Threads of the engine become threads of the run when the scenario asks for them; senders at once."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.bodies: dict[str, Callable[[], None]] = {}
        self._sent = 0

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        if name == "boot":
            body()
        else:
            self.bodies[name] = body

    def submit(self, call: Callable[..., Any], *args: Any) -> Answer:
        answer = Answer(self._scheduler)
        if self._scheduler.inside():
            self._sent += 1
            self._scheduler.add(f"sender-{self._sent}", lambda: answer.give(call, args))
        else:
            answer.give(call, args)
        return answer

    def end(self) -> None:
        """See `Crew`."""


class Arena:
    """One run's engine; leave the `with` block to put the modules back."""

    def __init__(
        self,
        plan: Plan,
        *,
        money: str = "1000",
        coins: str = "0",
        markets: Sequence[Market] = (ETH,),
        config: TraderConfig = CONFIG,
    ) -> None:
        self.scheduler = Scheduler(plan, _shared_lines)
        self._stack = contextlib.ExitStack()
        self._money, self._coins, self.markets = money, coins, tuple(markets)
        self._config = config

    def __enter__(self) -> "Arena":
        primitives = Primitives(self.scheduler)
        self._stack.enter_context(_patched(primitives))
        self.clock = _Clock()
        balances = {"USDT": Decimal(self._money), "ETH": Decimal(self._coins)}
        rules = [rules_of(market) for market in self.markets]
        self.exchange = _Exchange(rules, balances, clock=self.clock, first_id=1)
        self.exchange.sent = []
        self.exchange.pause = self.scheduler.pause  # type: ignore[method-assign]
        self.store = Store()
        journal = MemoryJournal(self.store, self._boundary)
        self.alerts: list[Alert] = []
        self.crew = _Crew(self.scheduler)
        self.feed = _Feed()
        self.floor = Floor(
            exchange=self.exchange,
            journal=journal,
            clock=self.clock,
            notifier=self,
            bus=_Quiet(),
            board=QuoteBoard(),
            wallet=Wallet("USDT"),
            config=self._config,
            home_quote="USDT",
            common=LadderParams(steps=4),
            account_lock=primitives.Lock(),
        )
        self.trader = AutoTraderV2(
            self.floor,
            self.feed,
            journal.load(),
            self.markets,
            first_switches={},
            account_feed=self.exchange,
            crew=self.crew,  # type: ignore[arg-type]
        )
        self.trader.start()
        assert self.trader.running
        for market in self.markets:
            self.price(market, PRICES[market], from_book_read=True)
        self.settle()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def alert(self, alert: Alert) -> None:
        """See `Notifier`."""
        self.alerts.append(alert)

    # -- what happens, before a run (at once) or as a thread of it

    def price(self, market: Market, price: Decimal | str, **more: Any) -> None:
        """The price is now this, at the exchange and for the engine."""
        now_ms, bid = self.clock.now_ms(), Decimal(price)
        quote = Quote(market, bid, bid + Decimal("0.01"), bid, now_ms, now_ms, _PLENTY, _PLENTY, **more)
        self.exchange.feed(quote)
        self.feed.on_quote(quote)

    def on(self, *markets: Market) -> None:
        """Switch on."""
        for market in markets:
            self.trader.switch(market.base, SwitchMode.ON, "test")

    def settle(self) -> None:
        """Decide whatever is due and carry it out, here and now; read balances when they are wanted."""
        for _ in range(20):
            while not self.floor.board.wait_idle(0):
                market = self.floor.board.take()
                assert market is not None
                self.trader._decide(self.floor.slots[market])
                self.floor.board.done()
            if not self.floor.want_balances.is_set():
                return
            self.read_balances()
        raise AssertionError("it never came to rest")

    def started(self, market: Market = ETH) -> Active:
        """A cycle after its start buy."""
        self.on(market)
        self.price(market, PRICES[market])
        self.settle()
        cycle = self.slot(market).state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def read_balances(self) -> None:
        """One turn of the thread that reads balances."""
        self.floor.want_balances.clear()
        self.trader.reader.read()
        for market in self.markets:
            self.floor.board.mark_due(market)

    def slot(self, market: Market = ETH) -> Slot:
        """A market's place."""
        return self.floor.slots[market]

    def work(self, workers: int = 1) -> None:
        """Have the run decide what is due, as the engine's workers do."""
        for number in range(workers):
            self.scheduler.add(f"worker-{number}", self.crew.bodies["worker-0"], serves=True)

    def do(self, name: str, *calls: Callable[[], object]) -> None:
        """One more thread of the run."""

        def body() -> None:
            for call in calls:
                call()

        self.scheduler.add(name, body)

    def run(self) -> None:
        """Let the threads run as the plan says, then let the engine come to rest and check its books."""
        self.scheduler.run()
        self.read_balances()
        self.settle()
        self.check()

    # -- what must hold

    def bought(self, market: Market = ETH) -> list[Fill]:
        """Own buys by the exchange's books."""
        return [fill for fill in self._ours(market) if fill.side is Side.BUY]

    def sold(self, market: Market = ETH) -> list[Fill]:
        """Own sales by the exchange's books."""
        return [fill for fill in self._ours(market) if fill.side is Side.SELL]

    def check(self) -> None:
        """Whatever the schedule was: every invariant that a race could break."""
        floor, store = self.floor, self.store
        assert not floor.in_flight, "nothing is out"
        assert floor.wallet.funds().reserved == ZERO, "no money stays reserved"
        folded = store.cycles_from_zero()
        for market in self.markets:
            state = self.slot(market).state
            assert state.order is None, f"{market} waits for nothing"
            assert folded.get(market, state.cycle) == state.cycle, "memory is the fold of the journal"
            assert store.switches.get(market, state.switch) is state.switch, "the switch in memory is the durable one"
            assert store.pauses.get(market) == state.pause, "the pause in memory is the durable one"
            booked = [fill for fills in store.fills.values() for fill in fills if fill.market == market]
            assert sorted(one.trade_id for one in booked) == sorted(one.trade_id for one in self._ours(market)), (
                "the journal has every trade of ours, once"
            )
            steps = [(one.cycle_id, one.step) for one in self.exchange.sent if _is_step(one, market)]
            filled = [step for step in steps if step in {(i, s) for _, i, s in store.step_of}]
            assert len(filled) == len(set(filled)), f"a step was bought twice: {filled}"

    def _ours(self, market: Market) -> list[Fill]:
        fills = PaperExchange.own_trades(self.exchange, market, 0)
        return [fill for fill in fills if ClientId.parse(fill.client_id) is not None]

    def _boundary(self, _records: Sequence[Record], _written: bool) -> None:
        self.scheduler.pause()


def _is_step(intent: OrderIntent, market: Market) -> bool:
    return intent.market == market and intent.side is Side.BUY and intent.step is not None


@contextlib.contextmanager
def _patched(primitives: Primitives) -> Iterator[None]:
    """The engine's modules make their locks and queues from `primitives`."""
    kept: list[tuple[ModuleType, str, object]] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("autotrader_v2.application."):
            continue
        for attribute in ("threading", "queue"):
            if hasattr(module, attribute):
                kept.append((module, attribute, getattr(module, attribute)))
                setattr(module, attribute, primitives)
    try:
        yield
    finally:
        for module, attribute, before in kept:
            setattr(module, attribute, before)
