"""Answer, stream, resolver and reconciliation tell the same trades in any order, twice, in pieces: one state comes out.

The production booking over the journal in memory; rows O12, O14, O15, and late fills of O1.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from autotrader_v2.application.booking import Booking, start_params
from autotrader_v2.application.events import Bus, Intended, Outcome
from autotrader_v2.application.floor import Floor, TraderConfig
from autotrader_v2.application.funds import Wallet
from autotrader_v2.application.late_fills import LateFills
from autotrader_v2.application.quote_board import QuoteBoard
from autotrader_v2.application.slot import InFlight, Slot, SlotState
from autotrader_v2.domain.cycle import Active, Idle, TradingCycle
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.notify.log import LogNotifier
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.simulation.journal import MemoryJournal, Store
from tests.builders import ETH, NOW_MS, PARAMS, RULES, a_buy, a_fill, a_sale, an_active_cycle

D = Decimal


class Books:
    """One market's books with one order out."""

    def __init__(self, intent: OrderIntent, cycle: TradingCycle) -> None:
        self.store = Store(instance="test")
        self.intent = intent
        self.floor = Floor(
            exchange=PaperExchange([RULES], {}, clock=SystemClock()),
            journal=MemoryJournal(self.store, lambda _records, _written: None),
            clock=SystemClock(),
            notifier=LogNotifier(),
            bus=Bus(),
            board=QuoteBoard(),
            wallet=Wallet("USDT"),
            config=TraderConfig(),
            home_quote="USDT",
        )
        order = InFlight("an order", NOW_MS, intent, PARAMS)
        self.slot = Slot(SlotState(cycle=cycle, rules=RULES, params=PARAMS, order=order), 2)
        self.floor.slots[ETH] = self.slot
        if isinstance(cycle, Active):
            self.store.events[ETH] = [a_buy()]
        self.floor.journal.write(Intended(intent))
        self.booking = Booking(self.floor)
        self.late = LateFills(self.floor, self.booking, "test")

    def told_by(self, way: str, fills: Sequence[Fill]) -> None:
        """One way in which the engine hears of trades."""
        order = self.slot.state.order
        match way:
            case "answer" if order is not None:
                self.booking.book_fills(self.slot, order, fills, order_id="1")
            case "absent" if order is not None:
                self.booking.close(self.slot, self.intent, Outcome.ABSENT, label="proven_absent")
            case "stream" | "reads":
                for fill in fills:
                    self.late.offer(fill)
            case "look":
                self.late.book_waiting()

    def end(self, fills: Sequence[Fill]) -> TradingCycle:
        """Everything has been told by everybody."""
        self.told_by("absent", ())
        self.told_by("reads", fills)
        self.late.book_waiting()
        assert not self.late._waiting
        assert self.slot.state.order is None
        booked = self.floor.journal.fills_of(self.intent.client_id)
        assert sorted(one.trade_id for one in booked) == sorted(one.trade_id for one in fills)
        assert self.store.cycles()[ETH] == self.slot.state.cycle, "memory is a fold of the journal"
        return self.slot.state.cycle


def an_intent(side: Side, *, step: int | None, cycle_id: int) -> OrderIntent:
    return OrderIntent(
        client_id="t-test-1.1",
        market=ETH,
        side=side,
        type=OrderType.MARKET,
        amount=D(14) if side is Side.BUY else D("0.0038"),
        why=Why.REBUY if side is Side.BUY and step else Why.START if side is Side.BUY else Why.TAKE_PROFIT,
        cycle_id=cycle_id,
        step=step,
        worst_price=D(0),
        seen_price=D(2462),
        decided_ms=NOW_MS,
        max_cost=D(14) if side is Side.BUY else D(0),
    )


def three(side: Side) -> list[Fill]:
    """Three trades of one order; each alone could be sold again."""
    make = a_fill if side is Side.BUY else a_sale
    parts = (("0.002", "4.92"), ("0.0018", "4.43"), ("0.0019", "4.70"))
    if side is Side.SELL:
        parts = (("0.0002", "0.53"), ("0.0001", "0.265"), ("0.0003", "0.795"))
    return [
        replace(make(base, quote, time_ms=NOW_MS + 10 * number), trade_id=str(100 + number), client_id="t-test-1.1")
        for number, (base, quote) in enumerate(parts)
    ]


KINDS = {
    "start": (Side.BUY, 0, 1),
    "rebuy": (Side.BUY, 1, 1),
    "sale": (Side.SELL, None, 1),
    "rebuy of a cycle that is over": (Side.BUY, 1, 0),
}
ways = st.sampled_from(["answer", "absent", "stream", "reads", "look", "look"])
some = st.lists(st.sampled_from([0, 1, 2]), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.tuples(ways, some), max_size=8))
def test_o12_o14_o15_any_order_of_telling_gives_the_same_state(
    kind: str, tellings: list[tuple[str, list[int]]]
) -> None:
    side, step, cycle_id = KINDS[kind]
    running = an_active_cycle()
    before: TradingCycle = Idle(market=ETH) if kind == "start" else running
    fills = three(side)
    at_once = Books(an_intent(side, step=step, cycle_id=cycle_id), before)
    at_once.told_by("answer", fills)
    expected = at_once.end(fills)
    books = Books(an_intent(side, step=step, cycle_id=cycle_id), before)
    for way, which in tellings:
        told = [fills[number] for number in which]
        # An answer tells each trade once.
        books.told_by(way, list(dict.fromkeys(told)) if way == "answer" else told)
    assert _sums(books.end(fills)) == _sums(expected)
    if side is Side.BUY:
        assert books.slot.state.cycle == expected, "to the last field"


def _sums(cycle: TradingCycle) -> tuple[object, ...]:
    """What a sale in pieces may not change: coins, money, result."""
    held = cycle.held if isinstance(cycle, Active) else D(0)
    invested = cycle.invested if isinstance(cycle, Active) else D(0)
    tally = cycle.tally
    return (
        type(cycle),
        tally.last_cycle_id,
        held + tally.dust.coins,
        (invested + tally.dust.cost - tally.realised).quantize(D("1e-12")),
        tally.completed,
    )


def test_a_start_of_unknown_outcome_keeps_the_amount_it_was_decided_with() -> None:
    """A share of the balance was applied to the amount once more: the ladder ahead was ten times too small."""
    params = replace(PARAMS, start_balance_pct=D(10))
    assert start_params(params, an_intent(Side.BUY, step=0, cycle_id=1)).start_quote == D(14)
    assert start_params(PARAMS, an_intent(Side.BUY, step=0, cycle_id=1)) == PARAMS
