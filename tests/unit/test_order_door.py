"""The last look before an order leaves: what changed since the decision stops it, before it is written and after."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.events import Intended, Outcome, Record
from autotrader_v2.application.funds import Limits
from autotrader_v2.domain.cycle import Active, ExitAtBreakeven, TermsChanged, apply
from autotrader_v2.domain.limits import OrderLimits
from autotrader_v2.domain.orders import OrderIntent, Side, Why
from autotrader_v2.domain.situation import Pause, Reason, SwitchMode
from tests.schedules.arena import ETH, PRICES, SOL, Arena
from tests.schedules.plans import Seeded

Change = Callable[[Arena, OrderIntent], object]
TICK = Decimal("0.01")


@pytest.fixture
def arena() -> Iterator[Arena]:
    """The engine without its threads: each part is called by the test."""
    with Arena(Seeded(0, 0, 1)) as arena:
        yield arena


def a_decision(arena: Arena, price: str) -> OrderIntent:
    """An order decided at that price, on its way to the door."""
    with arena.slot().lock:  # the feed's own thread finds it taken and leaves the decision to others
        arena.price(ETH, price)
    wanted = arena.trader._decider.step(arena.slot(), arena.floor.board.newest(ETH)).wanted
    assert isinstance(wanted, OrderIntent)
    return wanted


def a_buy(arena: Arena) -> OrderIntent:
    """A start."""
    arena.on(ETH)
    return a_decision(arena, "2500")


def a_sale(arena: Arena) -> OrderIntent:
    """A take-profit."""
    arena.started()
    return a_decision(arena, "2600")


def left(arena: Arena, intent: OrderIntent, change: Change, *, written: bool) -> bool:
    """Whether the order was sent although that changed before or after it was written."""
    before, execute = len(arena.exchange.sent), arena.trader._execute
    if written:
        [(slot, committed)] = execute.make_durable([(arena.slot(), intent)])
        change(arena, intent)
        outcome = execute.send(slot, committed)
    else:
        change(arena, intent)
        outcome = execute(arena.slot(), intent)
        if outcome is Outcome.NOT_SENT:
            assert arena.floor.journal.attempt_of(intent.client_id) is None, "nothing was written for it either"
    sent = len(arena.exchange.sent) > before
    assert outcome is (Outcome.FILLED if sent else Outcome.NOT_SENT)
    return sent


def later(arena: Arena, intent: OrderIntent) -> None:
    """Longer than a decision may wait, and its price is told again."""
    arena.clock.ms += arena.floor.config.max_quote_age_ms + 1000
    arena.price(ETH, intent.seen_price)


EITHER: dict[str, Change] = {
    "it was decided too long ago": later,
    "switched off": lambda arena, _: arena.slot().change(switch=SwitchMode.OFF),
    "paused": lambda arena, _: arena.slot().change(pause=Pause(cause="orders_fail", since_ms=1)),
    "held": lambda arena, _: arena.floor.holding.set(),
    "the program ends": lambda arena, _: arena.floor.sending_ended.set(),
}
BUYS: dict[str, Change] = {
    "the ask is above its worst price": lambda arena, intent: arena.price(ETH, intent.worst_price),
    "another ladder": lambda arena, _: arena.slot().change(params=replace(arena.slot().state.params, steps=7)),
    "a smaller order is allowed": lambda arena, _: arena.floor.buy_limits.set_limits(
        replace(OrderLimits.none(), order_rows=TICK)
    ),
    "a smaller budget": lambda arena, intent: arena.floor.wallet.set_limits(Limits(intent.max_cost - TICK)),
    "fewer cycles at once": lambda arena, _: (
        arena.floor.wallet.set_cycle(SOL, Decimal(10), Decimal(0)),
        arena.floor.wallet.set_limits(Limits(max_active_cycles=1)),
    ),
    "a limit made stricter": lambda arena, _: arena.floor.buy_limits.set_limits(
        replace(OrderLimits.none(), coin_turnover_day=TICK)
    ),
}


def terms(arena: Arena, *, fee: str = "", **ladder: Any) -> None:
    """The running cycle has another fee or ladder from now on, as when the exchange or its owner says so."""
    cycle = arena.slot().state.cycle
    assert isinstance(cycle, Active)
    rules = replace(cycle.rules, fee=Decimal(fee)) if fee else cycle.rules
    arena.slot().change(cycle=apply(cycle, TermsChanged(params=replace(cycle.params, **ladder), rules=rules)))


SALES: dict[str, Change] = {
    "a higher take-profit": lambda arena, _: terms(arena, profit_pct=Decimal(30)),
    "the bid is below its worst price": lambda arena, intent: arena.price(ETH, intent.worst_price - TICK),
}
STILL_GOOD: Change = lambda arena, _: None  # noqa: E731


@pytest.mark.parametrize("written", [False, True], ids=["unwritten", "written"])
@pytest.mark.parametrize("change", [*EITHER, *BUYS])
def test_a_buy_that_no_longer_stands_does_not_leave(arena: Arena, change: str, *, written: bool) -> None:
    intent = a_buy(arena)
    assert intent.side is Side.BUY
    assert not left(arena, intent, (EITHER | BUYS)[change], written=written)
    assert arena.floor.wallet.funds().reserved == 0


@pytest.mark.parametrize("written", [False, True], ids=["unwritten", "written"])
@pytest.mark.parametrize("change", [*EITHER, *SALES])
def test_a_sale_that_no_longer_stands_does_not_leave(arena: Arena, change: str, *, written: bool) -> None:
    """Never below its worst price, which a take-profit has at breakeven or above."""
    intent = a_sale(arena)
    assert intent.side is Side.SELL and intent.worst_price > 0
    assert not left(arena, intent, (EITHER | SALES)[change], written=written)


@pytest.mark.parametrize("written", [False, True], ids=["unwritten", "written"])
@pytest.mark.parametrize("decide", [a_buy, a_sale])
def test_what_still_stands_leaves_once(arena: Arena, decide: Callable[[Arena], OrderIntent], *, written: bool) -> None:
    assert left(arena, decide(arena), STILL_GOOD, written=written)


@pytest.mark.parametrize("decide", [a_buy, a_sale])
def test_an_order_at_exactly_its_worst_price_leaves(arena: Arena, decide: Callable[[Arena], OrderIntent]) -> None:
    intent = decide(arena)
    edge = intent.worst_price - (TICK if intent.side is Side.BUY else 0)
    assert left(arena, intent, lambda arena, _: arena.price(ETH, edge), written=True)


@pytest.mark.parametrize("written", [False, True], ids=["unwritten", "written"])
def test_a5_a_sale_decided_before_the_fee_rose_does_not_leave_below_breakeven(arena: Arena, *, written: bool) -> None:
    """World 4400460: it left with a limit at the breakeven of before."""
    assert not left(arena, a_sale(arena), lambda arena, _: terms(arena, fee="0.02"), written=written)


@pytest.mark.parametrize("written", [False, True], ids=["unwritten", "written"])
def test_a_rebuy_of_a_row_that_has_moved_does_not_leave(arena: Arena, *, written: bool) -> None:
    """Its row by coarser prices is below the ask that it was decided on."""
    cycle = arena.started()
    assert cycle.next_step is not None
    arena.clock.ms += 120_000
    intent = a_decision(arena, str(cycle.next_step.price - 1))

    def coarser(arena: Arena, _: OrderIntent) -> None:
        rules = replace(cycle.rules, price_precision=-2)
        arena.slot().change(cycle=apply(cycle, TermsChanged(params=cycle.params, rules=rules)))

    assert not left(arena, intent, coarser, written=written)


@pytest.mark.parametrize(("stop_pct", "leaves"), [("3", True), ("10", False), ("0", False)])
def test_a_stop_leaves_only_where_its_owner_wants_it_by_now(arena: Arena, stop_pct: str, *, leaves: bool) -> None:
    arena.started()
    terms(arena, steps=0, stop_loss_pct=Decimal(3))
    intent = a_decision(arena, "2420")
    assert intent.why is Why.STOP_LOSS
    assert left(arena, intent, lambda arena, _: terms(arena, stop_loss_pct=Decimal(stop_pct)), written=True) is leaves


def test_a_sale_at_breakeven_that_is_no_longer_wanted_there_does_not_leave(arena: Arena) -> None:
    cycle = arena.started()
    out = apply(cycle, ExitAtBreakeven(wanted=True))
    assert isinstance(out, Active)
    arena.slot().change(cycle=out)
    intent = a_decision(arena, str(out.breakeven + TICK))
    assert intent.why is Why.TAKE_PROFIT
    assert not left(arena, intent, lambda arena, _: arena.slot().change(cycle=cycle), written=True)


def test_a_budget_that_is_still_enough_lets_the_buy_leave(arena: Arena) -> None:
    def enough(arena: Arena, intent: OrderIntent) -> None:
        arena.floor.wallet.set_cycle(SOL, Decimal(10), Decimal(0))
        arena.floor.wallet.set_limits(Limits(intent.max_cost + 10, 2))

    assert left(arena, a_buy(arena), enough, written=True)


def test_m7_a_fresh_decision_on_a_price_that_has_aged_since_does_not_leave(arena: Arena) -> None:
    """Half a second at the door is enough when the price was almost too old already."""
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.clock.ms += arena.floor.config.max_quote_age_ms - 500
    intent = arena.trader._decider.step(arena.slot(), arena.floor.board.newest(ETH)).wanted
    assert isinstance(intent, OrderIntent)
    assert not left(arena, intent, lambda arena, _: setattr(arena.clock, "ms", arena.clock.ms + 1000), written=True)


@pytest.mark.parametrize("decide", [a_buy, a_sale])
def test_p19_an_order_that_waited_for_its_sender_is_dropped(
    arena: Arena, decide: Callable[[Arena], OrderIntent]
) -> None:
    """It is written and its price is told anew; what it was decided on is too long ago all the same."""
    assert not left(arena, decide(arena), later, written=True)


def test_p19_orders_written_together_on_a_slow_disk_are_all_dropped() -> None:
    """Two coins are claimed at once and written in one commit, which takes two seconds: neither order may be sent."""
    with Arena(Seeded(0, 0, 1), markets=(ETH, SOL)) as arena:
        claims = []
        for market in (ETH, SOL):
            arena.on(market)
            arena.price(market, PRICES[market])
            wanted = arena.trader._decider.step(arena.slot(market), arena.floor.board.newest(market)).wanted
            assert isinstance(wanted, OrderIntent)
            claims.append((arena.slot(market), wanted))
        journal, write = arena.floor.journal, arena.floor.journal.write
        commits: list[int] = []

        def slowly(*records: Record) -> None:
            write(*records)
            if any(isinstance(one, Intended) for one in records):
                commits.append(len(records))
                arena.clock.ms += 2000

        journal.write = slowly  # type: ignore[method-assign]
        assert not arena.trader._execute.make_durable(claims)
        assert commits == [2], "in one commit"
        assert all(slot.state.order is None for slot, _ in claims)
        assert arena.floor.wallet.funds().reserved == 0


def test_a_buy_over_a_limit_is_not_even_claimed(arena: Arena) -> None:
    """The limit is told with its name, nothing is reserved, nothing leaves."""
    arena.floor.buy_limits.set_limits(replace(OrderLimits.none(), coin_turnover_day=Decimal(1)))
    arena.on(ETH)
    arena.price(ETH, "2500")
    arena.settle()
    assert (arena.exchange.sent, arena.slot().state.order) == ([], None)
    assert arena.slot().hold.reason is Reason.LIMIT_REACHED
    assert dict(arena.slot().hold.values)["which"] == "coin_turnover_day"
    assert arena.floor.wallet.funds().reserved == 0
