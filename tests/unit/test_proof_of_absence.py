"""When an order of unknown outcome counts as absent: never by one look, never before it cannot arrive any more."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from autotrader_v2.application.ports import Found, NotSeen, OutcomeUnknown
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import OrderIntent
from tests.schedules.arena import ETH, Arena
from tests.schedules.plans import Seeded


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


def looks(arena: Arena, intent: OrderIntent) -> None:
    """The resolver's own line until the order is known: it looks when it is due."""
    for _ in range(1200):
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

    def lose(_: OrderIntent) -> None:
        raise OutcomeUnknown("The request was lost.")

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
    arena.read_balances()
    arena.price(ETH, "2500")
    arena.settle()
    arena.check()
    cycle = arena.slot().state.cycle
    assert isinstance(cycle, Active)
    assert cycle.bought[0].client_ids == (intent.client_id,)
    assert len(arena.exchange.sent) == len(arena.bought()) == 1
