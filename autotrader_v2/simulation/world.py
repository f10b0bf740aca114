"""A world from one seed: exchange, prices, people, a machine with disk and clock, and the engine that runs on it."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from autotrader_v2.application.events import (
    AttemptClosed,
    AttemptUnknown,
    CycleChanged,
    Intended,
    Record,
)
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.market_list import SETTING as SYMBOLS
from autotrader_v2.application.ports import Exchange
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Idle, TradingCycle, apply
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus
from autotrader_v2.domain.orders import Fill, OrderIntent
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Reason, SwitchMode, stricter
from autotrader_v2.matching.accounts import FeeSettings
from autotrader_v2.simulation.auditor import Auditor
from autotrader_v2.simulation.beginnings import FIRST_PRICES, first_store, rules_of
from autotrader_v2.simulation.event_names import Event
from autotrader_v2.simulation.faults import PROFILES, Dice
from autotrader_v2.simulation.fibers import Hub, Machine
from autotrader_v2.simulation.heard import Allowed, Broken
from autotrader_v2.simulation.journal import OPEN, Store
from autotrader_v2.simulation.owners_word import Wish
from autotrader_v2.simulation.people import Hands, Owner
from autotrader_v2.simulation.prices import PriceWalk
from autotrader_v2.simulation.process import CONFIG, Process, as_it_is
from autotrader_v2.simulation.telling import brief, hold
from autotrader_v2.simulation.venue import Venue, VenueExchange

BEGINS_MS = 1_800_000_000_000
FOLD_EVERY = 1000
_CASH = Decimal(3000)
_MARKETS_LEAST = 4
_BY_PERSON = ("sold_by_you", "sold_in_part_by_you", "reset_by_you")
_MARKETS_MORE = 7
_NO_PRICE_HELPS = frozenset(
    {
        Reason.BACKING_OFF,
        Reason.BALANCE_UNKNOWN,
        Reason.CHECKING,
        Reason.CLOCK_WRONG,
        Reason.FINISHING,
        Reason.HOLDS_COINS,
        Reason.LIMIT_REACHED,
        Reason.LOCKED_IN_YOUR_ORDER,
        Reason.MARKET_CLOSED,
        Reason.NEEDS_MONEY,
        Reason.OFF,
        Reason.ORDER_IN_FLIGHT,
        Reason.ORDER_UNKNOWN,
        Reason.REBUY_PAUSE,
        Reason.SHORTAGE,
        Reason.UNREACHABLE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What kind of world. `rates` replace the profile's; tests plant bugs through `config` and `exchange`.

    `without`: kinds of events that never happen; `only`: if given, the only events that do.
    """

    seed: int
    profile: str = "hostile"
    without: frozenset[str] = frozenset()
    only: frozenset[Event] | None = None
    rates: Mapping[str, float] | None = None
    config: TraderConfig = CONFIG
    exchange: Callable[[VenueExchange], Exchange] = as_it_is
    # The process dies at these of its boundaries with the world, and these of its writes fail: counted from 1.
    crash_at: frozenset[int] = frozenset()
    fail_at: frozenset[int] = frozenset()
    markets: int = 0


@dataclass
class World:
    """One world. `step` is one turn, after which the auditor looks.

    `steps` counts the events delivered: a price, an order's arrival, an answer of network or disk or its failing, a
    message of a stream, people at work, a start, a crash. `turns` counts also what the engine's lines of work did among
    themselves: beginning, taking over, waking up to find nothing. Each is scheduled by the seed and audited alike.
    """

    plan: Plan
    steps: int = 0
    turns: int = 0
    restarts: int = 0
    boundaries: int = 0
    writes: int = 0
    process: Process | None = None
    happened: deque[tuple[int, int, Record | str]] = field(default_factory=lambda: deque(maxlen=400))
    hub: Hub = field(init=False)
    dice: Dice = field(init=False)
    store: Store = field(init=False)
    auditor: Auditor = field(init=False)
    venue: Venue = field(init=False)
    machine: Machine = field(default_factory=Machine)
    markets: tuple[Market, ...] = field(init=False)
    walks: dict[Market, PriceWalk] = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        rates = PROFILES[plan.profile] if plan.rates is None else plan.rates
        self.dice = dice = Dice(plan.seed, rates, plan.without, plan.only, self._note)
        self.hub = hub = Hub(dice.rng, BEGINS_MS)
        rules = rules_of(plan.markets or _MARKETS_LEAST + int(dice.rng.random() * _MARKETS_MORE))
        self.markets = tuple(one.market for one in rules)
        self.store = first_store(dice, self.markets)
        self.auditor = Auditor(hub, self.markets)
        usual = plan.config.order_limits.as_text()
        self.auditor.limits.set({**usual, **self.store.settings.get("order_limits", {})})
        for one in rules:
            self.auditor.word.begins(one, self.store.params[one.market])
        self.venue = Venue(hub, dice, rules, {"USDT": _CASH}, self.auditor)
        self.venue.on_trade = self._on_trade
        self.auditor.opens(self.venue.markets, self.venue.account, self.venue.shown_ms)
        if dice.rng.random() < 0.2:
            self._fees_elsewhere()
        self._folded: dict[Market, TradingCycle] = {}
        self._waited: dict[Market, bool] = {}
        self.disk_full_until_ms = 0
        self._awake_ms = 0
        self._crashing = False
        self._owner = Owner(dice, self.markets, self._run, self.asks)
        self._hands = Hands(dice, self.venue)
        self._healed = False
        self.walks = {one.market: self._walk(one, price) for one, price in zip(rules, FIRST_PRICES, strict=False)}
        for walk in self.walks.values():
            walk.start()
        hub.at(hub.now_ms + 50, self._boot)
        hub.at(hub.now_ms + 500, self._people)

    # -- running

    def step(self) -> None:
        """One turn: an event is delivered, or a line of work goes on. Errors: `Broken`."""
        self.turns += 1
        try:
            delivered = self.hub.step()
        except Exception as error:
            raise Broken("defect", f"a line of work of the engine ended: {type(error).__name__}: {error}") from error
        if self._crashing:
            self._die()
        auditor = self.auditor
        if auditor.dirty:
            self._check_memory()
        if not delivered:
            return
        self.steps += 1
        if not self.steps % FOLD_EVERY:
            auditor.check_fold(self.store.cycles_from_zero(), self.store.newest)

    def run(self, steps: int) -> None:
        """Deliver that many events."""
        ends = self.steps + steps
        while self.steps < ends:
            self.step()

    def slots(self) -> Sequence[Slot]:
        """The engine's slots, when it runs."""
        process = self.process
        return () if process is None or process.trader.phase != "running" else tuple(process.floor.slots.values())

    def crash(self) -> None:
        """The process dies after the next event."""
        self._crashing = True

    def asks(self, name: str, market: Market | None, value: Any) -> AbstractContextManager[None]:
        """Its owner asks for something, as the auditor has to know; until the answer (see `OwnersWord`)."""
        return self.auditor.word.asks(Wish(name, market, value, self.hub.now_ms))

    # -- what the process asks (`Outside`)

    def sent(self, intent: OrderIntent) -> None:
        """See `Outside`."""
        self.auditor.sent(intent)

    def writing(self, records: Sequence[Record]) -> None:
        """See `Outside`: what people allow counts from the moment an intent begins to be written."""
        for record in records:
            if isinstance(record, Intended):
                self.auditor.allowed[record.intent.market] = self._allowed(record.intent.market)
            elif isinstance(record, AttemptUnknown | AttemptClosed):
                self.auditor.notes(record.client_id)

    def committed(self, records: Sequence[Record]) -> None:
        """See `Outside`."""
        self.auditor.committed(records)
        for record in records:
            if isinstance(record, CycleChanged):
                self._fold(record)
                self.walks[record.market].hurry()
            elif isinstance(record, AttemptClosed):
                self.walks[self.store.attempts[record.client_id].intent.market].hurry()
            elif isinstance(record, AttemptUnknown):
                self.auditor.unknown(record.client_id)
            self._note(record)

    def boundary(self, kind: str) -> None:
        """See `Outside`."""
        self.boundaries += 1
        if self.boundaries in self.plan.crash_at or self.dice.hit(kind):
            self._crashing = True
            self.hub.forever()

    def disk_full(self) -> bool:
        """See `Outside`."""
        self.writes += 1
        if self.writes in self.plan.fail_at or self.dice.hit("write_fails"):
            return True
        if self.dice.hit("write_full"):
            self.disk_full_until_ms = self.hub.now_ms + self.dice.ms(1000, 30_000)
        return self.hub.now_ms < self.disk_full_until_ms

    # -- inside

    def _fold(self, record: CycleChanged) -> None:
        """I7, event by event."""
        market = record.market
        folded = apply(self._folded.get(market, Idle(market=market)), record.event)
        if folded != record.after:
            raise Broken("I7", f"{market}: {type(record.event).__name__} leads to {folded}, written {record.after}")
        self._folded[market] = record.after

    def _check_memory(self) -> None:
        """I7: memory follows the journal as soon as nobody is at it."""
        process = self.process
        if process is None:
            self.auditor.dirty.clear()
            return
        for market in tuple(self.auditor.dirty):
            slot = process.floor.slots.get(market)
            if slot is None or slot.book_lock.held:  # type: ignore[attr-defined]
                continue
            durable = self.store.newest.get(market, Idle(market=market))
            self.auditor.check_memory(market, slot.state.cycle, durable)
            self.auditor.dirty.discard(market)

    def _allowed(self, market: Market) -> Allowed:
        """What the durable switches and pauses allow."""
        store = self.store
        mode = stricter(store.switches.get(market, SwitchMode.OFF), store.switches.get(None, SwitchMode.ON))
        account = store.settings.get("account_pause")
        if account:
            mode = SwitchMode.OFF
        pause = store.pauses.get(market)
        return Allowed(
            by_hand=not account and (pause is None or pause.cause in _BY_PERSON),
            starts=mode.starts and pause is None,
            rebuys=mode.rebuys and pause is None,
            sells=mode.sells and (pause is None or pause.sells),
        )

    def _boot(self) -> None:
        self.restarts += 1
        for label, attempt in self.store.attempts.items():
            if attempt.state in OPEN:
                self.auditor.unknown_since[label] = self.hub.now_ms
        self.auditor.booted()
        plan, listed, by_pair = self.plan, self.store.settings[SYMBOLS], self.venue.markets
        self.process = Process(
            self.hub,
            self.dice,
            self.venue,
            self.store,
            self.machine,
            self,
            [by_pair[pair] for pair in listed["available"]],
            self.restarts,
            primary=by_pair[listed["primary"]],
            config=plan.config,
            exchange=plan.exchange,
        )
        self._note("start")

    def _die(self) -> None:
        self._crashing = False
        process, self.process = self.process, None
        if process is None:
            return
        self._note("crash")
        process.die()
        self.auditor.dirty.clear()
        self.auditor.check_fold(self.store.cycles_from_zero(), self.store.newest)
        self.hub.at(self.hub.now_ms + self.dice.mostly_short_ms(200, 5_000), self._boot)

    def _run(self, body: Callable[[], None]) -> None:
        if self.process is not None:
            self.hub.spawn(self.process.group, body)

    def _people(self) -> bool:
        """Everybody's turn: the owner's at the page, hands at the exchange, and what happens to a machine.

        False when nobody did anything.
        """
        hub, dice = self.hub, self.dice
        if self._healed:
            return False
        before = len(dice.events), self._owner.wishes
        hub.at(hub.now_ms + dice.ms(300, 2500), self._people)
        process = self.process
        if process is not None and process.trader.phase == "running" and not self.asleep:
            self._owner.turn(process.trader)
            if dice.hit("crash_idle"):
                self.crash()
            if dice.hit("stop_idle"):
                self._run(lambda: self._stop(process))
            if dice.hit("machine_sleeps"):
                self._fall_asleep(process.group)
        market = dice.rng.choice(self.markets)
        self._hands.turn(market)
        # Nobody sets the clock of a machine that sleeps.
        if not self.asleep and dice.hit("clock_step"):
            self.auditor.limits.clock_set(hub.now_ms)
            self.machine.ahead_ms += dice.rng.choice((-300_000, -30_000, -2_000, 2_000, 30_000, 300_000))
            hub.at(hub.now_ms + dice.mostly_short_ms(1_000, 60_000), self._set_clock_right)
        if dice.hit("outage"):
            self.venue.outage_until_ms = hub.now_ms + dice.mostly_short_ms(2_000, 120_000)
            self.auditor.unreachable_until_ms = self.venue.outage_until_ms
        if dice.hit("fee_change"):
            self._fees_elsewhere()
        if dice.hit("rules_change"):
            self._change_rules(market)
        if dice.hit("status_change"):
            self._change_status(market, dice.rng.choice(tuple(TradeStatus)))
            open_ms = hub.now_ms + dice.mostly_short_ms(1_000, 90_000)
            hub.at(open_ms, lambda: self._change_status(market, TradeStatus.TRADABLE))
        if self.venue.account.available("USDT") < 300:
            self.venue.core.deposit(self.venue.account, "USDT", Decimal(500))
            return True
        return (len(dice.events), self._owner.wishes) != before

    def _stop(self, process: Process) -> None:
        """The program is ended as its owner ends it, and started again later."""
        process.trader.stop()
        self._note("stopped")
        self.crash()
        self.hub.forever()

    def _fall_asleep(self, group: int) -> None:
        """The lid is closed. By one of the two kinds of machine the clock that only counts does not count this."""
        hub, dice = self.hub, self.dice
        asleep_ms = dice.mostly_short_ms(2_000, 600_000)
        self._awake_ms = hub.now_ms + asleep_ms
        hub.sleep_all(group, self._awake_ms)
        if dice.rng.random() < 0.5:
            self.machine.slept_ms += asleep_ms
        self._note(f"the machine sleeps for {asleep_ms} ms")
        # Now too: a request that was under way may end in the very millisecond of waking.
        self._unknown_from(self._awake_ms)
        hub.at(self._awake_ms, lambda: self._unknown_from(hub.now_ms))

    def _unknown_from(self, awake_ms: int) -> None:
        """Nobody can ask before: an unknown order's time counts from then."""
        unknown = self.auditor.unknown_since
        unknown.update(dict.fromkeys(unknown, awake_ms))

    def _set_clock_right(self) -> None:
        if self.asleep:
            self.hub.at(self._awake_ms, self._set_clock_right)
            return
        self.auditor.limits.clock_set(self.hub.now_ms)
        self.machine.ahead_ms = 0

    def _fees_elsewhere(self) -> None:
        account, rng = self.venue.account, self.dice.rng
        account.fees = FeeSettings(pays_gt=rng.random() < 0.5, pays_points=rng.random() < 0.5)
        self.venue.core.deposit(account, "GT", Decimal(rng.choice((0, 1, 100))))
        self.venue.core.deposit(account, "POINT", Decimal(rng.choice((0, 1, 100))))

    def _change_rules(self, market: Market) -> None:
        pit, rng = self.venue.core.pits[market.pair], self.dice.rng
        price, lot = rng.choice(((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)))
        rules = replace(
            pit.rules,
            price_precision=max(pit.rules.price_precision + price, 0),
            amount_precision=max(pit.rules.amount_precision + lot, 0),
            min_quote=Decimal(rng.choice((1, 3, 5))),
        )
        self._set_rules(rules)

    def _change_status(self, market: Market, status: TradeStatus) -> None:
        self._set_rules(replace(self.venue.core.pits[market.pair].rules, status=status))

    def _set_rules(self, rules: MarketRules) -> None:
        self.venue.core.set_rules(rules)
        self.walks[rules.market].rules = rules

    def _walk(self, rules: MarketRules, price: float) -> PriceWalk:
        market = rules.market
        return PriceWalk(
            self.hub,
            self.dice,
            rules,
            price,
            cycle=lambda: self._cycle(market),
            waits=lambda: self._waits(market),
            hears=lambda quote: self.venue.newest.__setitem__(market, quote),
            tell=self._tell,
        )

    @property
    def asleep(self) -> bool:
        """Whether the machine sleeps."""
        return self.hub.now_ms < self._awake_ms

    def _cycle(self, market: Market) -> TradingCycle | None:
        slot = self.process.floor.slots.get(market) if self.process is not None else None
        return slot.state.cycle if slot is not None else None

    def _waits(self, market: Market) -> bool:
        """Whether no price changes anything there now."""
        slot = self.process.floor.slots.get(market) if self.process is not None else None
        if slot is None or slot.state.pause is not None or slot.state.order is not None or self.asleep:
            return True
        reason = slot.hold.reason
        if reason is not Reason.QUOTE_TOO_OLD:
            # A price grows old while a market waits: what it waited for before is what counts.
            idle = isinstance(slot.state.cycle, Idle)
            self._waited[market] = reason in _NO_PRICE_HELPS or (reason is Reason.SELL_ONLY and idle)
        return self._waited.get(market, False)

    def _tell(self, quote: Quote, wrong: bool) -> bool:
        """Hand a quote to the engine as the feed does: by our clock, a late message as old as its price.

        False when nobody listens.
        """
        process = self.process
        if process is None or process.feed.on_quote is None or quote.market not in process.feed.watched:
            return False
        if self.asleep:
            # It lies at the door until somebody reads it.
            self.hub.at(self._awake_ms, lambda: self._tell(quote, wrong))
            return False
        true_ms = quote.exchange_ms
        told = quote._replace(confirmed_ms=process.clock.now_ms() - (self.hub.now_ms - true_ms))
        self.auditor.quoted(told, true_ms, wrong=wrong)
        process.feed.on_quote(told)
        return True

    def _on_trade(self, fill: Fill, shown_ms: int) -> None:
        """The stream of own trades: late, twice, or not at all. What the books hide it tells with them, or before."""
        process, dice, hub = self.process, self.dice, self.hub
        if shown_ms and not dice.hit("hidden_streamed"):
            if dice.rng.random() < 0.5:
                hub.at(shown_ms, lambda: self._stream(fill))
            return
        if process is None or process.account_feed.on_fill is None:
            return
        if dice.hit("fill_missed"):
            hub.at(hub.now_ms + dice.ms(500, 10_000), self._gap)
            return
        late_ms = dice.ms(50, 10_000) if dice.hit("fill_late") else dice.ms(1, 60)
        hub.at(hub.now_ms + late_ms, lambda: self._stream(fill))
        # Asked only now: left out, it throws away what the second telling draws, not what the first one does.
        if dice.hit("fill_twice"):
            hub.at(hub.now_ms + late_ms, lambda: self._stream(fill))

    def _stream(self, fill: Fill) -> bool:
        if self.process is None or self.process.account_feed.on_fill is None:
            return False
        if self.asleep:
            self.hub.at(self._awake_ms, lambda: self._stream(fill))
            return False
        self.process.account_feed.on_fill(fill)
        self.auditor.told_traded(fill.client_id)
        return True

    def _gap(self) -> bool:
        if self.process is None or self.process.account_feed.on_gap is None or self.asleep:
            return False
        self.process.account_feed.on_gap()
        return True

    def _note(self, what: Record | str) -> None:
        """Keep the newest of what happened, for whoever reads a break."""
        self.happened.append((self.steps, self.hub.now_ms, what))

    @property
    def trace(self) -> list[str]:
        """The newest of what happened, a line for each."""
        return [
            f"{step:>7} {(time_ms - BEGINS_MS) / 1000:>9.3f}s {brief(what)}" for step, time_ms, what in self.happened
        ]

    # -- healing

    def heal(self) -> None:
        """Nothing goes wrong any more; whoever cares looks after everything. What is open must end, cycles go on."""
        self._healed = True
        self.dice.heal()
        self.venue.outage_until_ms = self.disk_full_until_ms = 0
        self._set_clock_right()
        self.venue.show_all()
        self.venue.core.cancel_all(self.venue.account)
        self.venue.core.deposit(self.venue.account, "USDT", Decimal(100_000))
        for rules in rules_of(len(self.markets)):
            self.walks[rules.market].steady = True
            if rules != self.venue.core.pits[rules.market.pair].rules:
                self._set_rules(rules)

    def care(self) -> None:
        """The owner ends every pause and switches everything on."""
        process = self.process
        if process is not None and process.trader.phase == "running":
            self._owner.look_after(process.trader)

    def end(self) -> None:
        """Let the process go; nothing happens any more."""
        if self.process is not None:
            self.process.die()

    def holds(self) -> str:
        """Why each market waits, for people."""
        slots = self.slots()
        return "; ".join(f"{one.market.base} {hold(one)}" for one in slots) if slots else "the engine is not up"
