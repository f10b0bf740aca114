"""The journal in memory against the one on disk: the same records, the same refusals, the same state."""

import itertools
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from autotrader_v2.application.events import (
    AttemptClosed,
    AttemptUnknown,
    CommandGiven,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Record,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.application.ports import Binding, Journal, JournalRefused
from autotrader_v2.domain.cycle import CycleReset, Idle, OutsideIgnored, TradingCycle, apply
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.simulation.journal import MemoryJournal, Store
from tests.builders import ETH, NOW_MS, a_buy, a_fill

BINDING = Binding("sandbox", "test", "acct", "gate")
MARKETS = (ETH, Market("gate", "BTC", "USDT"))
LABELS = [f"t-test-{number}.{attempt}" for number in (1, 2, 3) for attempt in (1, 2)]
TRADES = ("1", "2", "3")
PAUSE = Pause(cause="orders_fail", since_ms=5, values=(("side", "buy"),))

markets = st.sampled_from(MARKETS)
labels = st.sampled_from(LABELS)


@st.composite
def intents(draw: st.DrawFn) -> Intended:
    side = draw(st.sampled_from(Side))
    step = draw(st.sampled_from((0, 1, None))) if side is Side.BUY else None
    return Intended(
        OrderIntent(
            client_id=draw(labels),
            market=draw(markets),
            side=side,
            type=OrderType.MARKET,
            amount=Decimal("10.50"),
            why=Why.REBUY if side is Side.BUY else Why.TAKE_PROFIT,
            cycle_id=draw(st.sampled_from((1, 2))),
            step=step,
            worst_price=Decimal(2600),
            seen_price=Decimal(2500),
            decided_ms=NOW_MS,
            max_cost=Decimal("10.50"),
            expires_ms=NOW_MS + 3000,
        )
    )


closings = st.builds(
    AttemptClosed,
    client_id=labels,
    outcome=st.sampled_from(Outcome),
    time_ms=st.just(NOW_MS),
    label=st.just("x"),
    order_id=st.sampled_from(("", "77")),
)
unknowns = st.builds(
    AttemptUnknown,
    client_id=labels,
    detail=st.just("lost"),
    time_ms=st.just(NOW_MS),
    order_id=st.sampled_from(("", "88")),
    traded=st.booleans(),
)
fills = st.builds(
    lambda label, trades, market: FillsBooked(
        label, tuple(a_fill(trade_id=one, market=market, fee_currency=market.base) for one in trades)
    ),
    labels,
    st.lists(st.sampled_from(TRADES), min_size=1, max_size=2),
    markets,
)
wishes = st.one_of(
    st.builds(
        SwitchSet,
        market=st.one_of(st.none(), markets),
        mode=st.sampled_from(SwitchMode),
        by=st.just("x"),
        time_ms=st.just(1),
    ),
    st.builds(PauseSet, market=markets, pause=st.sampled_from((None, PAUSE)), by=st.just("x"), time_ms=st.just(1)),
    st.builds(
        ParamsSet,
        market=st.one_of(st.none(), markets),
        values=st.sampled_from(({}, {"steps": "3", "sizes": ["1", "2"]})),
        by=st.just("x"),
        time_ms=st.just(1),
    ),
    st.builds(SettingSet, name=st.just("limits"), value=st.just({"a": "1"}), by=st.just("x"), time_ms=st.just(1)),
    st.builds(
        CommandGiven, name=st.just("c"), market=st.none(), values=st.just({}), by=st.just("x"), time_ms=st.just(1)
    ),
)
events = st.sampled_from(("buy", "reset", "ignore"))
transactions = st.lists(st.one_of(intents(), closings, unknowns, fills, wishes, events), min_size=1, max_size=3)


def written(journal: Journal, records: Sequence[Record]) -> bool:
    """Whether the journal took it."""
    try:
        journal.write(*records)
    except JournalRefused:
        return False
    return True


class Pair:
    """Both journals, fed alike. Cycle events are made here: they must follow from each other."""

    def __init__(self, folder: Path) -> None:
        self.disk = SqlJournal(folder / "j.sqlite3", BINDING, account="acct")
        self.disk.load()
        self.memory = MemoryJournal(Store(), lambda records, done: None)
        self.cycle: TradingCycle = Idle(market=ETH)
        self.cycles = itertools.count(1)

    def write(self, transaction: Sequence[Record | str]) -> None:
        cycle = self.cycle
        records: list[Record] = []
        for one in transaction:
            if isinstance(one, str):
                event = {
                    "buy": lambda: a_buy(cycle_id=next(self.cycles)),
                    "reset": lambda: CycleReset(time_ms=7),
                    "ignore": lambda: OutsideIgnored(coins=Decimal("0.5")),
                }[one]()
                cycle = apply(cycle, event)
                records.append(CycleChanged(market=ETH, event=event, after=cycle, time_ms=NOW_MS))
            else:
                records.append(one)
        took = written(self.disk, records)
        assert written(self.memory, records) is took, f"disk {'took' if took else 'refused'} {records}"
        if took:
            self.cycle = cycle

    def compare(self) -> None:
        disk, memory = self.disk.load(), self.memory.load()
        for name in ("cycles", "switches", "pauses", "params", "settings", "open_attempts"):
            assert getattr(disk, name) == getattr(memory, name), name
        for label in LABELS:
            assert self.disk.fills_of(label) == self.memory.fills_of(label), label
        states = [{name: row[name] for name in ("client_id", "state")} for row in self.disk.orders(None, 100)]
        assert states == list(self.memory.orders(None, 100))
        start = {"USDT": Decimal(1000)}
        assert dict(self.disk.balances(start)) == dict(self.memory.balances(start))


@settings(max_examples=60, deadline=None)
@given(st.lists(transactions, min_size=1, max_size=25))
def test_both_journals_take_and_refuse_the_same_and_remember_the_same(history: list[Sequence[Record | str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder))
        try:
            for transaction in history:
                pair.write(transaction)
            pair.compare()
        finally:
            pair.disk.close()


def test_numbers_are_never_given_twice_whatever_crashes() -> None:
    store = Store()
    given_out: list[int] = []
    for _ in range(5):
        journal = MemoryJournal(store, lambda records, done: None)
        given_out += [journal.new_number() for _ in range(1500)]
    assert len(set(given_out)) == len(given_out)
