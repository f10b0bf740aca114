"""When an order of unknown outcome counts as absent: never by one look, never before it cannot arrive any more.

And never when the exchange has said that it traded.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from autotrader_v2.application.ports import (
    ExchangeUnavailable,
    Found,
    Holding,
    JournalUnavailable,
    NotSeen,
    OutcomeUnknown,
)
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import OrderIntent, OrderResult, OrderType, Side
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from tests.schedules.arena import ETH, Arena
from tests.schedules.plans import Seeded


def lose(_: OrderIntent) -> None:
    """Instead of sending: it never arrives."""
    raise OutcomeUnknown("The request was lost.")


class Books:
    """The exchange's books, which do not show an order for as many looks; each look with its time."""

    def __init__(self, arena: Arena, hides: int) -> None:
        self.looked_ms: list[int] = []
        self.hides = hides
        self._arena, self._whole = arena, arena.exchange.find
        arena.exchange.find = self.find  # type: ignore[method-assign]

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """See `Exchange`."""
        self.looked_ms.append(self._arena.clock.ms)
        return NotSeen() if len(self.looked_ms) <= self.hides else self._whole(intent, order_id)


@pytest.fixture
def arena() -> Iterator[Arena]:
    """The engine without its threads."""
    with Arena(Seeded(0, 0, 1)) as arena:
        yield arena


def a_lost_order(arena: Arena) -> OrderIntent:
    """A start that left and whose answer did not come."""
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.settle()
    order = arena.slot().state.order
    assert order is not None and order.unknown and order.intent is not None
    return order.intent


def looks(arena: Arena, intent: OrderIntent, at_most_s: int = 60) -> None:
    """The resolver's own line until the order is known: it looks when it is due."""
    for _ in range(at_most_s * 20):
        order = arena.slot().state.order
        if order is None or order.intent is not intent:
            return
        arena.clock.ms += 50
        arena.trader._resolver.look_at_due()
    raise AssertionError("it never became known")


def cannot_arrive_ms(arena: Arena, intent: OrderIntent) -> int:
    """From then on not finding it may prove something."""
    config = arena.floor.config
    return intent.expires_ms + config.clock_error_ms + config.visibility_ms


def test_o1_absence_takes_three_looks_apart_after_the_order_cannot_arrive(arena: Arena) -> None:
    """Then, and only then, the money is free and the step is decided anew."""

    arena.exchange.on_send = lose
    intent = a_lost_order(arena)
    books = Books(arena, hides=1000)
    looks(arena, intent)
    proofs = [at for at in books.looked_ms if at > cannot_arrive_ms(arena, intent)]
    assert len(proofs) == arena.floor.config.absence_reads == 3
    apart_ms = arena.floor.config.absence_gap_s * 1000
    assert all(later - before >= apart_ms for before, later in pairwise(proofs))
    assert arena.floor.wallet.funds().reserved == 0
    assert not arena.bought()


def bought_once(arena: Arena, intent: OrderIntent) -> None:
    """The cycle is that order's, and at the next price nothing is bought again."""
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    arena.check()
    cycle = arena.slot().state.cycle
    assert isinstance(cycle, Active)
    assert cycle.bought[0].client_ids == (intent.client_id,)
    assert len(arena.exchange.sent) == len(arena.bought()) == 1


@pytest.mark.parametrize("hidden", [1, 2])
def test_o1_an_order_that_only_a_later_look_shows_is_booked_and_never_bought_again(arena: Arena, hidden: int) -> None:
    """The exchange showed it late; one empty look would have bought a second time."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    early = Books(arena, hides=1000)
    while arena.clock.ms <= cannot_arrive_ms(arena, intent):
        arena.clock.ms += 50
        arena.trader._resolver.look_at_due()
    early.hides = len([at for at in early.looked_ms if at <= cannot_arrive_ms(arena, intent)]) + hidden
    looks(arena, intent)
    bought_once(arena, intent)


def says_only_that_it_traded(arena: Arena) -> Callable[[OrderIntent], OrderResult]:
    """The exchange's answers: an id and sums, and no trade for them."""
    whole = arena.exchange.send

    def send(intent: OrderIntent) -> OrderResult:
        whole(intent)
        raise OutcomeUnknown("It is filled, but its trades are not told yet.", order_id="77", traded=True)

    return send


@pytest.fixture
def traded(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> OrderIntent:
    """A start that the exchange says has traded, and whose trades it does not tell yet."""
    monkeypatch.setattr(arena.exchange, "send", says_only_that_it_traded(arena))
    intent = a_lost_order(arena)
    monkeypatch.undo()
    return intent


def test_o2_an_order_that_the_exchange_says_has_traded_is_waited_for_as_long_as_its_trades_take(
    arena: Arena, traded: OrderIntent
) -> None:
    """Three looks that do not show it would have proven it absent, and bought a second time."""
    books = Books(arena, hides=60)
    looks(arena, traded, 300)
    assert books.looked_ms[-1] - books.looked_ms[0] > 90_000
    bought_once(arena, traded)


def test_o2_an_order_of_which_the_stream_tells_a_trade_is_not_absent_though_no_list_shows_it(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be booked as a late fill a moment after the second buy had left."""
    whole, told = arena.exchange.send, []

    def lost(intent: OrderIntent) -> OrderResult:
        told.extend(whole(intent).fills)
        raise OutcomeUnknown("The answer was lost.")

    monkeypatch.setattr(arena.exchange, "send", lost)
    intent = a_lost_order(arena)
    monkeypatch.undo()
    books = Books(arena, hides=60)
    for fill in told:
        arena.trader.reconciler.on_fill(fill)
    looks(arena, intent, 300)
    assert len(books.looked_ms) == 61
    bought_once(arena, intent)


def test_o2_what_a_look_showed_to_have_traded_is_not_absent_when_the_next_ones_do_not(arena: Arena) -> None:
    """One server of the exchange knows it, the others not yet."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    whole = arena.exchange.find

    def once(intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        found = whole(intent, order_id)
        assert isinstance(found, Found)
        arena.exchange.find = books.find  # type: ignore[method-assign]
        return Found(found.result, finished=False, traded=True)

    books = Books(arena, hides=30)
    arena.exchange.find = once  # type: ignore[method-assign]
    looks(arena, intent, 300)
    assert len(books.looked_ms) == 31
    bought_once(arena, intent)


def test_o2_an_order_said_to_have_traded_that_never_shows_stops_its_coin_and_is_told(
    arena: Arena, traded: OrderIntent
) -> None:
    """Nothing waits for ever; what is in its way, and the way out, is said, and nothing is bought in its place."""
    Books(arena, hides=100_000)
    began_ms = arena.clock.ms
    looks(arena, traded, 700)
    assert arena.clock.ms - began_ms > 590_000
    state = arena.slot().state
    assert state.pause is not None
    assert (state.pause.cause, dict(state.pause.values)) == (
        "order_not_shown",
        {"client_id": traded.client_id, "side": "buy"},
    )
    assert "order_not_shown" in [one.alert.code for one in arena.floor.alerts.recent()]
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    assert len(arena.exchange.sent) == 1


def looks_for_s(arena: Arena, seconds: int) -> None:
    """The resolver's line for so long; the order stays unknown."""
    for _ in range(seconds * 20):
        arena.clock.ms += 50
        arena.trader._resolver.look_at_due()
        assert arena.slot().state.order is not None


def short_of(arena: Arena, *, rests: bool, parts: int) -> None:
    """The exchange's books know the order, and of its trades only some, for ever."""
    whole = arena.exchange.find

    def find(intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        found = whole(intent, order_id)
        assert isinstance(found, Found)
        part = replace(found.result, fills=found.result.fills[:parts])
        return Found(part, finished=False, traded=True, rests=rests)

    arena.exchange.find = find  # type: ignore[method-assign]


@pytest.mark.parametrize("parts", [0, 1])
def test_o2_an_order_whose_trades_never_add_up_is_booked_as_far_as_it_shows_and_stops_its_coin(
    arena: Arena, parts: int
) -> None:
    """The books show that it has ended: it was waited for without end, and nothing could be done with its coin."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    short_of(arena, rests=False, parts=parts)
    began_ms = arena.clock.ms
    looks(arena, intent, 700)
    assert 590_000 < arena.clock.ms - began_ms < 620_000
    state = arena.slot().state
    assert state.pause is not None and state.pause.cause == "order_not_shown"
    assert isinstance(state.cycle, Active) == bool(parts)
    assert [one.alert.code for one in arena.floor.alerts.recent()].count("order_not_shown") == 1
    assert state.pause == arena.store.pauses[ETH], "after a crash too"
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    assert len(arena.exchange.sent) == 1


def test_m13_a_sleep_in_which_nobody_looked_is_no_waiting_for_trades(arena: Arena) -> None:
    """World 8201022: at the waking one incomplete look would have ended it."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    whole = arena.exchange.find
    short_of(arena, rests=False, parts=0)
    looks_for_s(arena, 20)
    arena.clock.ms += 3_600_000
    looks_for_s(arena, 300)
    arena.exchange.find = whole  # type: ignore[method-assign]
    looks(arena, intent)
    bought_once(arena, intent)


def test_m13_a_look_that_took_longer_than_half_a_minute_proves_nothing(arena: Arena) -> None:
    """Its answer was true when it was given: before the machine slept."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    books = Books(arena, hides=100_000)
    whole = arena.exchange.find

    def slow(intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        found = whole(intent, order_id)
        arena.clock.ms += 31_000
        return found

    arena.exchange.find = slow  # type: ignore[method-assign]
    for _ in range(40):
        arena.clock.ms += 5_000
        arena.trader._resolver.look_at_due()
    assert len(books.looked_ms) > 20
    assert arena.slot().state.order is not None
    books.hides = 0
    arena.exchange.find = books.find  # type: ignore[method-assign]
    looks(arena, intent)
    bought_once(arena, intent)


def test_o2_an_order_that_rests_is_waited_for(arena: Arena) -> None:
    """It may still trade."""
    arena.exchange.loses_answer = True
    intent = a_lost_order(arena)
    short_of(arena, rests=True, parts=1)
    with pytest.raises(AssertionError, match="never became known"):
        looks(arena, intent, 700)


def test_p8_a_claim_is_taken_back_though_no_order_number_is_left(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that another program holds for hours: its coin stayed claimed until a restart."""

    def held(*_: object) -> int:
        raise JournalUnavailable("Another program holds it.", do="Close it.")

    arena.on(ETH)
    with monkeypatch.context() as patch:
        patch.setattr(arena.floor.journal, "write", held)
        patch.setattr(arena.floor.journal, "new_number", held)
        arena.price(ETH, "2500")
        arena.settle()
        assert arena.slot().state.order is None
        assert not arena.floor.in_flight
        assert arena.floor.wallet.funds().reserved == 0
    assert not arena.exchange.sent
    arena.clock.ms += 120_000
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    assert len(arena.exchange.sent) == len(arena.bought()) == 1


def test_p13_a_claim_that_a_defect_kept_from_the_journal_is_taken_back(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as unknown, and its end cannot be written down: the journal does not know it."""

    def defect(*_: object) -> None:
        raise RuntimeError("a defect")

    arena.on(ETH)
    with monkeypatch.context() as patch:
        patch.setattr(arena.floor.journal, "write", defect)
        arena.price(ETH, "2500")
        arena.settle()
    order = arena.slot().state.order
    assert order is not None and order.intent is not None
    looks(arena, order.intent, 60)
    assert not arena.exchange.sent
    arena.clock.ms += 120_000
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    assert len(arena.exchange.sent) == len(arena.bought()) == 1


def due_to_average(arena: Arena) -> Decimal:
    """A cycle whose second step is due at that price."""
    cycle = arena.started()
    assert cycle.next_step is not None
    arena.clock.ms += 10_000
    arena.read_balances()
    return cycle.next_step.price - 1


def unknown_step(arena: Arena, price: Decimal) -> OrderIntent:
    """The order of the second step, whose answer does not come."""
    arena.price(ETH, price)
    arena.settle()
    order = arena.slot().state.order
    assert order is not None and order.unknown and order.intent is not None
    return order.intent


def test_o2_coins_that_have_come_keep_a_step_from_being_bought_again(arena: Arena) -> None:
    """It executed, and for over a minute neither list nor stream says so: the balance alone tells of it."""
    price = due_to_average(arena)
    arena.exchange._on_fill = None
    arena.exchange.loses_answer = True
    intent = unknown_step(arena, price)
    books = Books(arena, hides=40)
    looks(arena, intent, 110)
    assert books.looked_ms[-1] - books.looked_ms[0] > 60_000
    arena.read_balances()
    arena.price(ETH, price)
    arena.settle()
    arena.check()
    assert len(arena.exchange.sent) == len(arena.bought()) == 2


def test_o1_coins_that_nothing_explains_are_waited_for_two_minutes_and_no_longer(arena: Arena) -> None:
    """A deposit beside an order that never arrived costs time, and nothing else."""
    price = due_to_average(arena)

    arena.exchange.on_send = lose
    intent = unknown_step(arena, price)
    began_ms = arena.clock.ms
    arena.exchange._core.deposit(arena.exchange._account, "ETH", Decimal(1))
    looks(arena, intent, 200)
    assert 118_000 < arena.clock.ms - began_ms < 126_000
    assert arena.slot().state.pause is None
    assert arena.floor.wallet.funds().reserved == 0


def test_o1_a_balance_that_cannot_be_read_proves_nothing(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent by the lists, and whether coins have come is not known: the order stays unknown as long as that."""
    price = due_to_average(arena)

    def refuse() -> dict[str, Holding]:
        raise ExchangeUnavailable("The exchange does not tell balances.", do="Wait.")

    arena.exchange.on_send = lose
    intent = unknown_step(arena, price)
    monkeypatch.setattr(arena.exchange, "balances", refuse)
    for _ in range(1000):
        arena.clock.ms += 100
        arena.trader._resolver.look_at_due()
    order = arena.slot().state.order
    assert order is not None and order.intent is intent
    monkeypatch.undo()
    looks(arena, intent, 10)
    assert not arena.floor.wallet.funds().reserved


def test_o1_coins_that_somebody_bought_by_hand_keep_no_order_waiting(arena: Arena) -> None:
    """The own trades tell whose they are: what never arrived is absent as soon as without them."""
    price = due_to_average(arena)

    arena.exchange.on_send = lose
    intent = unknown_step(arena, price)
    by_hand = OrderRequest(
        pair=ETH.pair, side=Side.BUY, type=OrderType.MARKET, amount=Decimal(20), time_in_force=TimeInForce.IOC
    )
    arena.exchange._core.place(arena.exchange._account, by_hand)
    looks(arena, intent, 30)
    assert arena.floor.wallet.funds().reserved == 0
