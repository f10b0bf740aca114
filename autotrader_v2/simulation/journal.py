"""A `Journal` in memory with the durability and the rules of the one on disk: all of a write or nothing of it.

`Store` is what the disk holds and outlives a crash; `MemoryJournal` is one process's handle on it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, assert_never

from autotrader_v2.application.archive import Archive, NoArchive
from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    AttemptUnknown,
    CommandGiven,
    CycleChanged,
    Decision,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Priority,
    Record,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.application.ports import (
    Doubt,
    JournalRefused,
    JournalState,
    JournalStatus,
    OpenAttempt,
    RecentBuy,
)
from autotrader_v2.domain.cycle import CycleEvent, Idle, TradingCycle, apply
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.limits import DAY_MS
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, Side
from autotrader_v2.domain.situation import Pause, SwitchMode

OPEN = ("intended", "unknown")
_NOTHING_TRADED = ("unfilled", "not_sent", "refused", "absent")
_BLOCK = 1000
_WELL = JournalStatus()
Undo = list[Callable[[], object]]


@dataclass(slots=True)
class Attempt:
    """An order attempt as the journal has it."""

    intent: OrderIntent
    state: str = "intended"
    order_id: str = ""
    traded: bool = False


@dataclass(slots=True)
class Store:
    """What is durable. `snapshots`: how many events of a market its newest closed cycle includes, and that cycle."""

    instance: str = "s1m0"
    next_number: int = 1
    attempts: dict[str, Attempt] = field(default_factory=dict)
    purposes: dict[int, tuple[Market, int, int | None, Side]] = field(default_factory=dict)
    open_of: dict[Market, str] = field(default_factory=dict)
    step_of: dict[tuple[Market, int, int], str] = field(default_factory=dict)
    fills: dict[str, list[Fill]] = field(default_factory=dict)
    trades: set[tuple[Market, str]] = field(default_factory=set)
    events: dict[Market, list[CycleEvent]] = field(default_factory=dict)
    newest: dict[Market, TradingCycle] = field(default_factory=dict)
    snapshots: dict[Market, tuple[int, Idle]] = field(default_factory=dict)
    switches: dict[Market | None, SwitchMode] = field(default_factory=dict)
    pauses: dict[Market, Pause | None] = field(default_factory=dict)
    params: dict[Market | None, Mapping[str, Any]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)

    def commit(self, records: Sequence[Record]) -> None:
        """Make all of them durable, or none. Errors: `JournalRefused`."""
        undo: Undo = []
        try:
            for record in records:
                self._write(record, undo)
        except JournalRefused:
            for back in reversed(undo):
                back()
            raise

    def cycles(self) -> dict[Market, TradingCycle]:
        """Every market's cycle: the newest closed one and what came after it, folded."""
        found: dict[Market, TradingCycle] = {}
        for market, events in self.events.items():
            if not events:
                continue  # a refused write
            known, cycle = self.snapshots.get(market, (0, Idle(market=market)))
            found[market] = _folded(cycle, events[known:])
        return found

    def cycles_from_zero(self) -> dict[Market, TradingCycle]:
        """Every market's cycle, folded from its very first event."""
        return {market: _folded(Idle(market=market), events) for market, events in self.events.items() if events}

    def state(self) -> JournalState:
        """Everything memory is made of."""
        return JournalState(
            instance=self.instance,
            next_number=self.next_number,
            cycles=self.cycles(),
            switches=dict(self.switches),
            pauses={market: pause for market, pause in self.pauses.items() if pause is not None},
            params=dict(self.params),
            settings=dict(self.settings),
            open_attempts=tuple(
                OpenAttempt(intent=one.intent, order_id=one.order_id, traded=one.traded)
                for one in self.attempts.values()
                if one.state in OPEN
            ),
            recent_buys=tuple(self._recent_buys()),
        )

    def _recent_buys(self) -> Iterator[RecentBuy]:
        newest_ms = 0
        for attempt in reversed(self.attempts.values()):
            intent, state = attempt.intent, attempt.state
            if intent.side is not Side.BUY or state == "not_sent":
                continue
            newest_ms = max(newest_ms, intent.decided_ms)
            if intent.decided_ms < newest_ms - DAY_MS:
                return
            cost = ZERO if state in _NOTHING_TRADED else intent.max_cost
            yield RecentBuy(client_id=intent.client_id, market=intent.market, time_ms=intent.decided_ms, cost=cost)

    def _write(self, record: Record, undo: Undo) -> None:
        match record:
            case Intended(intent=intent):
                self._intended(intent, undo)
            case AttemptUnknown():
                attempt = self._attempt(record.client_id)
                if attempt.state not in OPEN:
                    raise _ended(record.client_id, attempt.state)
                self._set(attempt, "unknown", record.order_id, undo)
                attempt.traded |= record.traded
            case AttemptClosed():
                self._closed(record, undo)
            case FillsBooked():
                self._booked(record, undo)
            case CycleChanged():
                self._cycle_changed(record, undo)
            case SwitchSet(market=market, mode=mode):
                _put(self.switches, market, mode, undo)
            case PauseSet(market=market, pause=pause):
                _put(self.pauses, market, pause, undo)
            case ParamsSet(market=market, values=values):
                _put(self.params, market, values, undo)
            case SettingSet(name=name, value=value):
                _put(self.settings, name, value, undo)
            case CommandGiven() | Alert():
                pass  # told to people, asked for by nobody here
            case _:
                assert_never(record)

    def _intended(self, intent: OrderIntent, undo: Undo) -> None:
        label = ClientId.parse(intent.client_id)
        if label is None:
            raise JournalRefused(f"{intent.client_id!r} is not a label of this program.", do="Nothing was sent.")
        purpose = (intent.market, intent.cycle_id, intent.step, intent.side)
        known = self.purposes.get(label.number)
        if known is not None and (label.attempt == 1 or known != purpose):
            raise _forbidden(f"the number {label.number} is taken")
        if intent.client_id in self.attempts:
            raise _forbidden(f"{intent.client_id} is there already")
        if intent.market in self.open_of:
            raise _forbidden(f"{intent.market} has an open order")
        attempt = Attempt(intent)
        if known is None:
            _put(self.purposes, label.number, purpose, undo)
        step = _step_of(intent)
        if step is not None:
            if step in self.step_of:
                raise _forbidden(f"step {step} was bought by {self.step_of[step]}")
            _put(self.step_of, step, intent.client_id, undo)
        _put(self.attempts, intent.client_id, attempt, undo)
        _put(self.open_of, intent.market, intent.client_id, undo)

    def _closed(self, record: AttemptClosed, undo: Undo) -> None:
        attempt = self._attempt(record.client_id)
        state, outcome, step = attempt.state, record.outcome, _step_of(attempt.intent)
        if state in OPEN:
            self._set(attempt, outcome.value, record.order_id, undo)
            _drop(self.open_of, attempt.intent.market, undo)
            if step is not None and outcome is not Outcome.FILLED:
                _drop(self.step_of, step, undo)
            return
        if state == outcome or (state == "filled_late" and outcome is Outcome.FILLED):
            return
        if outcome is not Outcome.FILLED or state not in _NOTHING_TRADED:
            raise _ended(record.client_id, state)
        taken = step is not None and step in self.step_of
        self._set(attempt, "filled_late" if taken else "filled", record.order_id, undo)
        if step is not None and not taken:
            _put(self.step_of, step, record.client_id, undo)

    def _booked(self, record: FillsBooked, undo: Undo) -> None:
        for fill in record.fills:
            attempt = self.attempts.get(record.client_id)
            if attempt is None or attempt.intent.market != fill.market:
                raise _no_such(record.client_id)
            trade = (fill.market, fill.trade_id)
            if trade in self.trades:
                raise _forbidden(f"the trade {fill.trade_id} is booked already")
            self.trades.add(trade)
            rows = self.fills.setdefault(record.client_id, [])
            rows.append(fill)
            undo.append(lambda trade=trade: self.trades.discard(trade))  # type: ignore[misc]
            undo.append(lambda rows=rows: rows.pop())  # type: ignore[misc]

    def _cycle_changed(self, record: CycleChanged, undo: Undo) -> None:
        events = self.events.setdefault(record.market, [])
        events.append(record.event)
        undo.append(events.pop)
        _put(self.newest, record.market, record.after, undo)
        if isinstance(record.after, Idle):
            _put(self.snapshots, record.market, (len(events), record.after), undo)

    def _attempt(self, client_id: str) -> Attempt:
        attempt = self.attempts.get(client_id)
        if attempt is None:
            raise _no_such(client_id)
        return attempt

    @staticmethod
    def _set(attempt: Attempt, state: str, order_id: str, undo: Undo) -> None:
        before = (attempt.state, attempt.order_id, attempt.traded)
        attempt.state, attempt.order_id = state, order_id or attempt.order_id

        def back() -> None:
            attempt.state, attempt.order_id, attempt.traded = before

        undo.append(back)


class MemoryJournal:
    """One process's `Journal`. `boundary` is called before (False) and after (True) each write: disks fail there."""

    def __init__(self, store: Store, boundary: Callable[[Sequence[Record], bool], None]) -> None:
        self._store = store
        self._boundary = boundary
        self.archive: Archive = NoArchive()
        # As on disk: a process that dies takes the rest of its block of numbers along.
        self._next = store.next_number
        store.next_number += _BLOCK

    def load(self) -> JournalState:
        """See `Journal`."""
        return self._store.state()

    def write(self, *records: Record) -> None:
        """See `Journal`."""
        self._boundary(records, False)
        self._store.commit(records)
        self._boundary(records, True)

    @property
    def full(self) -> bool:
        """Memory has room."""
        return False

    def status(self) -> JournalStatus:
        """Memory is always well."""
        return _WELL

    def listen(self, on_news: Callable[[str, Priority, Mapping[str, str]], None]) -> None:
        """Nothing ever happens to it."""

    def confirm(self, by: str) -> Doubt:
        """There is no other it could be."""
        return Doubt.NONE

    @property
    def last_commit_ms(self) -> float | None:
        """See `Journal`."""
        return None

    def note(self, decision: Decision) -> None:
        """See `Journal`; nobody looks at a page here."""

    def note_equity(self, sample: EquitySample, forget: Sequence[int] = ()) -> None:
        """See `Journal`; nobody looks at a page here."""

    def fills_of(self, client_id: str) -> tuple[Fill, ...]:
        """See `Journal`."""
        return tuple(self._store.fills.get(client_id, ()))

    def attempt_of(self, client_id: str) -> OpenAttempt | None:
        """See `Journal`."""
        known = self._store.attempts.get(client_id)
        return None if known is None else OpenAttempt(intent=known.intent, order_id=known.order_id, traded=known.traded)

    def new_number(self) -> int:
        """See `Journal`."""
        number = self._next
        self._next += 1
        if self._next > self._store.next_number:
            self._store.next_number += _BLOCK
        return number

    def trades(self, market: Market | None, limit: int, before: int | None = None) -> Sequence[Mapping[str, Any]]:
        """See `Journal`; nobody looks at a page here."""
        return ()

    def decisions(self, market: Market | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """See `Journal`; nobody looks at a page here."""
        return ()

    def alerts(self, limit: int) -> Sequence[Alert]:
        """See `Journal`; nobody looks at a page here."""
        return ()

    def cycle_history(self, market: Market, limit: int) -> Sequence[Mapping[str, Any]]:
        """See `Journal`; nobody looks at a page here."""
        return ()

    def results(self, market: Market | None, since_ms: int) -> Sequence[Mapping[str, Any]]:
        """See `Journal`; nobody looks at a page here."""
        return ()

    def orders(self, market: Market | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """See `Journal`: label and state of each attempt, newest first."""
        chosen = [
            {"client_id": label, "state": one.state}
            for label, one in self._store.attempts.items()
            if market in (None, one.intent.market)
        ]
        return chosen[::-1][:limit]

    def balances(self, start: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """See `Journal`."""
        held = dict(start)
        for fills in self._store.fills.values():
            for fill in fills:
                sign = 1 if fill.side is Side.BUY else -1
                moves = ((fill.market.base, sign * fill.base), (fill.market.quote, -sign * fill.quote))
                for currency, moved in (*moves, (fill.fee_currency, -fill.fee)):
                    if currency:
                        held[currency] = held.get(currency, ZERO) + moved
        return held

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """See `Journal`."""
        known = self._store.answers.get(key)
        if known is not None and known[0] != request_hash:
            raise JournalRefused("This request key was used for another request.", do="Use a new key.")
        return known[1] if known else None

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """See `Journal`."""
        self._store.answers.setdefault(key, (request_hash, answer))

    def close(self) -> None:
        """See `Journal`."""


def _folded(cycle: TradingCycle, events: Sequence[CycleEvent]) -> TradingCycle:
    for event in events:
        cycle = apply(cycle, event)
    return cycle


def _step_of(intent: OrderIntent) -> tuple[Market, int, int] | None:
    if intent.side is not Side.BUY or intent.step is None:
        return None
    return intent.market, intent.cycle_id, intent.step


def _put(place: dict[Any, Any], key: Any, value: Any, undo: Undo) -> None:
    if key in place:
        before = place[key]
        undo.append(lambda: place.__setitem__(key, before))
    else:
        undo.append(lambda: place.pop(key))
    place[key] = value


def _drop(place: dict[Any, Any], key: Any, undo: Undo) -> None:
    before = place.pop(key)
    undo.append(lambda: place.__setitem__(key, before))


def _forbidden(why: str) -> JournalRefused:
    return JournalRefused(f"A rule of the journal forbids it: {why}.", do="Nothing was written.")


def _ended(client_id: str, state: str) -> JournalRefused:
    return JournalRefused(f"The order {client_id} has ended as {state}.", do="Nothing was written.")


def _no_such(client_id: str) -> JournalRefused:
    return JournalRefused(f"The journal knows no order {client_id} of this market.", do="Nothing was written.")
