"""The production engine over candles, on a clock that the candles move: slow, and the judge of every faster machine.

Nothing runs beside: each price is decided, sent, filled and booked before the next one. Lines of work that only look
after a real network, disk or clock (resolver, reconciliation, vigil) have nothing to look after and do not run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from threading import Event
from typing import Any, Protocol

from autotrader_v2.application.events import Alert, Bus, FillsBooked, Intended, News, Record
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.ports import Clock, Exchange, FeedStatus, Journal
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.backtest.heads import Head, Tape
from autotrader_v2.backtest.quiet import FOREVER_MS, quiet_of
from autotrader_v2.backtest.result import BacktestFailed, Result, Trade, Unpaid, price_leaped, with_rests
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, OrderIntent
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Reason, SwitchMode

# The page's emergency limits guard against a defect of the program, so they are no part of what a ladder does.
_CONFIG = TraderConfig(workers=1, order_limits=OrderLimits.none(), stop_wait_s=0, real_time=False)
# The engine reads the order book of a market at most twice a second.
_POINTS_APART_LEAST_MS = 500
_READINGS_AT_ONCE_MAX = 100
# What a backtest counts by itself; every other alert means that the engine trades no more, or not as it should.
_TOLD_TO_A_PERSON_ONLY = frozenset({"ladder_used_up"})


class Fed(Exchange, Protocol):
    """An exchange that fills at fed prices, at once."""

    def feed(self, quote: Quote) -> None:
        """Take a price."""


class Made(Protocol):
    """What the engine is given of the outside. `on_write` hears each transaction once it is written."""

    def exchange(self, clock: Clock) -> Fed:
        """The account with the budget, and the markets with their rules."""

    def journal(self, on_write: Callable[[Sequence[Record]], None]) -> Journal:
        """A new one."""


def run_exact(
    tapes: Sequence[Tape],
    params: LadderParams,
    budget: Decimal,
    outside: Made,
    *,
    leave_out: bool = True,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Result:
    """Let the engine trade every tape's market, all on one balance of `budget`, from the first candle to the last.

    `leave_out` False plays every price: the same result, many times slower. `on_progress` is told now and then how
    many candles are done. Errors: `BacktestFailed`, ValueError (tapes that cannot be played).
    """
    return _Run(tapes, params, budget, outside, leave_out=leave_out).run(on_progress)


class VirtualClock:
    """Time stands where the last price put it."""

    def __init__(self, begin_ms: int) -> None:
        self.at_ms = begin_ms

    def now_ms(self) -> int:
        """See `Clock`."""
        return self.at_ms

    wall_ms = now_ms

    def monotonic_s(self) -> float:
        """See `Clock`."""
        return self.at_ms / 1000

    machine_s = monotonic_s

    def wait(self, event: Event, timeout_s: float) -> bool:
        """See `Clock`. Errors: `BacktestFailed`, as nothing would ever end a wait."""
        if event.is_set():
            return True
        raise BacktestFailed(f"The engine wanted to wait {timeout_s} s for something that no candle brings.")


class _Alone:
    """A `Crew` without anybody: the start and what is sent are done at once, other lines of work never begin."""

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """See `Crew`."""
        if name == "boot":
            body()

    def submit(self, call: Callable[..., Any], *args: Any) -> "Future[Any]":
        """See `Crew`."""
        came = call(*args)
        if came is None:
            return _DONE
        future: Future[Any] = Future()
        future.set_result(came)
        return future

    def end(self) -> None:
        """See `Crew`."""


_DONE: "Future[Any]" = Future()
_DONE.set_result(None)


class _Board(QuoteBoard):
    """Says that nothing is due instead of waiting for it."""

    def take(self) -> Market | None:
        """See `QuoteBoard`."""
        return None if self._due.empty() else super().take()


class _Bus(Bus):
    """Nobody listens."""

    def tell(self, news: News) -> None:
        """See `Bus`."""


class _Feed:
    """Where the candles' prices go in."""

    on_quote: Callable[[Quote], None]

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """See `MarketFeed`."""
        self.on_quote = on_quote

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """See `MarketFeed`."""
        return ()

    def status(self) -> FeedStatus:
        """See `MarketFeed`."""
        return FeedStatus("replay", "candles", True, 0)

    def stop(self) -> None:
        """See `MarketFeed`."""


@dataclass
class _Book:
    """What the journal was told, as trades."""

    intents: dict[str, OrderIntent] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)

    def hear(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Intended):
                self.intents[record.intent.client_id] = record.intent
            elif isinstance(record, FillsBooked):
                self.trades.append(_trade(self.intents.pop(record.client_id), record.fills))


def _trade(intent: OrderIntent, fills: Sequence[Fill]) -> Trade:
    return Trade(
        ts_ms=fills[-1].time_ms,
        symbol=intent.market.pair,
        side=intent.side.value,
        step=intent.step,
        base=sum((fill.base for fill in fills), ZERO),
        quote=sum((fill.quote for fill in fills), ZERO),
        fee=sum((fill.fee for fill in fills), ZERO),
        fee_currency=fills[-1].fee_currency,
        cycle_id=intent.cycle_id,
    )


class _Run:
    def __init__(
        self, tapes: Sequence[Tape], params: LadderParams, budget: Decimal, outside: Made, *, leave_out: bool
    ) -> None:
        self._tapes = tuple(tape for tape in tapes if len(tape))
        if not self._tapes:
            raise ValueError("there is no candle to play")
        for tape in self._tapes:
            if min(tape.interval_ms) < tape.points * _POINTS_APART_LEAST_MS:
                raise ValueError(
                    f"{tape.market}: candles of {min(tape.interval_ms)} ms are too short for {tape.points} prices each"
                )
        self._budget, self._params = budget, params
        self._leave_out = leave_out
        self._book = _Book()
        self._unpaid: dict[tuple[str, int, int], Unpaid] = {}
        self._alerts: list[Alert] = []
        self._feed = _Feed()
        self._clock = VirtualClock(min(tape.open_ms[0] for tape in self._tapes))
        self._exchange = outside.exchange(self._clock)
        journal = outside.journal(self._book.hear)
        # A market's own ladder, where the journal has one, goes over the common one.
        began = journal.load()
        markets = [tape.market for tape in self._tapes]
        quote = markets[0].quote
        self._trader = AutoTraderV2(
            Floor(
                exchange=self._exchange,
                journal=journal,
                clock=self._clock,
                notifier=self,
                bus=_Bus(),
                board=_Board(),
                wallet=Wallet(quote),
                config=_CONFIG,
                home_quote=quote,
            ),
            self._feed,
            replace(began, params={**began.params, None: asdict(params)}),
            markets,
            first_switches=dict.fromkeys(markets, SwitchMode.ON),
            crew=_Alone(),
        )

    def alert(self, alert: Alert) -> None:
        """See `Notifier`."""
        if alert.code not in _TOLD_TO_A_PERSON_ONLY:
            self._alerts.append(alert)

    def run(self, on_progress: Callable[[int], None]) -> Result:
        trader = self._trader
        trader.start()
        self._judge()
        if trader.phase != "running" or trader.missing:
            raise BacktestFailed(f"The engine did not start (phase {trader.phase}, unknown markets {trader.missing}).")
        heads = [Head(tape) for tape in self._tapes]
        alone, told = len(heads) == 1, 0
        while (head := min(heads, key=_next_ms)).next_ms != FOREVER_MS:
            trades = len(self._book.trades)
            if not alone:
                self._catch_up(heads, head)
            self._play_next(head, alone=alone)
            if not alone and len(self._book.trades) != trades:
                for other in heads:
                    other.come_back()
            told += 1
            if not told & 1023:
                on_progress(sum(head.candles_done for head in heads))
        on_progress(sum(map(len, self._tapes)))
        held = self._exchange.balances()
        return Result(
            budget=self._budget,
            trades=with_rests(self._book.trades, self._open_cycles()),
            unpaid=tuple(self._unpaid.values()),
            quote=_total(held, self._tapes[0].market.quote),
            coins={tape.market.pair: _total(held, tape.market.base) for tape in self._tapes},
            ladder_steps=self._params.steps,
        )

    def _play_next(self, head: Head, *, alone: bool) -> None:
        """The next price of that tape, and which ones after it need not be played."""
        tape, at_ms, before = head.tape, head.next_ms, head.left_out
        ticks = head.price()
        slot = self._trader.floor.slots[tape.market]
        if before is not None:
            # As if it had been played: whether a price leaps is judged from the one before.
            slot.knows(tape.quote(before, at_ms).bid)
        self._play(tape.quote(ticks, at_ms), at_ms)
        self._note_unpaid(slot, at_ms)
        if self._leave_out and self._saw(slot, at_ms):
            quiet = quiet_of(slot, ticks, tape.tick, lambda at: tape.quote(at, at_ms).ask, alone=alone)
            if quiet is not None:
                head.leave_out(quiet)

    def _catch_up(self, heads: Sequence[Head], head: Head) -> None:
        """Whoever waits for money sees its newest price before that one's order may free or take some.

        Errors: `BacktestFailed` (a price was left out that decided something: a defect).
        """
        behind: list[tuple[int, int, int]] = []
        at_ms, trades = head.next_ms, len(self._book.trades)
        earlier = True
        for number, other in enumerate(heads):
            if other is head:
                # Of prices at the same time those of the first tapes come first.
                earlier = False
                continue
            missed = other.catch_up(at_ms + 1 if earlier else at_ms)
            if missed is not None:
                behind.append((missed.at_ms, number, missed.ticks))
        for missed_ms, number, ticks in sorted(behind):
            self._play(heads[number].tape.quote(ticks, missed_ms), missed_ms)
        if len(self._book.trades) != trades:
            raise BacktestFailed("The engine traded at a price at which it had said that it waits for money.")

    def _play(self, quote: Quote, at_ms: int) -> None:
        trader, floor = self._trader, self._trader.floor
        self._clock.at_ms = at_ms
        self._exchange.feed(quote)
        self._feed.on_quote(quote)
        trader.work()
        for _ in range(_READINGS_AT_ONCE_MAX):
            if not floor.want_balances.is_set():
                break
            floor.want_balances.clear()
            trader.reader.read_and_decide()
            trader.work()
        floor.afterwards.finish()
        self._judge()

    def _judge(self) -> None:
        if self._alerts:
            told = self._alerts[0]
            if told.code == Reason.PRICE_LEAPED and told.market is not None and told.values is not None:
                before, bid = Decimal(told.values["before"]), Decimal(told.values["bid"])
                raise price_leaped(told.market.pair, self._clock.at_ms, before, bid)
            values = ", ".join(f"{name} {value}" for name, value in (told.values or {}).items())
            raise BacktestFailed(f"The engine stopped trading {told.market or 'the account'}: {told.code} {values}")

    def _saw(self, slot: Slot, at_ms: int) -> bool:
        """Whether the engine accepted the newest price, so that what it decided was about it."""
        screened = self._trader.floor.board.screened(slot.market)
        return screened.waiting is None and screened.accepted is not None and screened.accepted.exchange_ms == at_ms

    def _open_cycles(self) -> dict[str, int]:
        cycles = [slot.state.cycle for slot in self._trader.floor.slots.values()]
        return {one.market.pair: one.cycle_id for one in cycles if isinstance(one, Active)}

    def _note_unpaid(self, slot: Slot, at_ms: int) -> None:
        if slot.hold.reason is not Reason.NEEDS_MONEY:
            return
        cycle = slot.state.cycle
        if isinstance(cycle, Active):
            cycle_id, step = cycle.cycle_id, cycle.next_step.number if cycle.next_step else None
        else:
            cycle_id, step = cycle.tally.last_cycle_id + 1, 0
        if step is not None:
            symbol = slot.market.pair
            self._unpaid.setdefault(
                (symbol, cycle_id, step), Unpaid(ts_ms=at_ms, symbol=symbol, cycle_id=cycle_id, step=step)
            )


def _next_ms(head: Head) -> int:
    return head.next_ms


def _total(held: Mapping[str, Any], currency: str) -> Decimal:
    holding = held.get(currency)
    return ZERO if holding is None else holding.available + holding.locked
