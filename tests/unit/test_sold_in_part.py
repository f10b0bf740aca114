"""Selling all of a coin into a book that takes a part of it: what is left keeps its target."""

from dataclasses import replace
from decimal import Decimal

from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.money import floor_to
from autotrader_v2.domain.orders import OrderIntent, OrderResult
from tests.schedules.arena import ETH, PRICES, Arena
from tests.schedules.plans import Seeded


def takes_half(arena: Arena) -> None:
    """The next order trades half of its amount, the rest of it is cancelled."""
    whole = arena.exchange.send

    def send(intent: OrderIntent) -> OrderResult:
        arena.exchange.send = whole  # type: ignore[method-assign]
        return whole(replace(intent, amount=floor_to(intent.amount / 2, Decimal("0.0001"))))

    arena.exchange.send = send  # type: ignore[method-assign]


def test_a_part_that_the_book_took_leaves_the_rest_to_its_target() -> None:
    """It was paused with "you sold all", and nothing would have sold it any more."""
    with Arena(Seeded(0, 0, 1)) as arena:
        cycle = arena.started()
        takes_half(arena)
        arena.do("person", lambda: arena.trader.sell_all("ETH", "pause", "test"))
        arena.run()
        state = arena.slot().state
        assert isinstance(state.cycle, Active)
        assert 0 < state.cycle.held < cycle.held
        assert state.pause is not None
        assert (state.pause.cause, state.pause.sells) == ("sold_in_part_by_you", True)
        assert state.pause == arena.store.pauses[ETH]
        arena.clock.ms += 120_000
        arena.read_balances()
        arena.price(ETH, state.cycle.sell_price * Decimal("1.001"))
        arena.settle()
        assert isinstance(arena.slot().state.cycle, Idle)
        arena.price(ETH, PRICES[ETH])
        arena.settle()
        assert len(arena.bought()) == 1, "nothing is bought back unasked"
