"""What the comparison with the exchange takes for what: coins on their way, sold by hand, gone; and when it alerts."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest

from autotrader_v2.application.differences import Kind
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import ExchangeUnavailable, Holding, OpenOrder
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from tests.schedules.arena import ETH, Arena
from tests.schedules.plans import Seeded

D = Decimal
PART = D("0.0015")
# Longer than the same alert is kept from being told again.
HOUR_MS = 3_600_000


@pytest.fixture
def arena() -> Iterator[Arena]:
    """The engine without its threads, with the times it runs on."""
    with Arena(Seeded(0, 0, 1), config=TraderConfig()) as arena:
        yield arena


def old_cycle(arena: Arena) -> Active:
    """A cycle whose coins must have arrived long ago."""
    cycle = arena.started()
    arena.clock.ms += 60_000
    arena.read_balances()
    assert kinds(arena) == set(), "account and books agree"
    return cycle


def cycle_of(arena: Arena) -> Active:
    """The running cycle."""
    cycle = arena.slot().state.cycle
    assert isinstance(cycle, Active)
    return cycle


def kinds(arena: Arena) -> set[Kind]:
    """What a comparison that is sure finds."""
    arena.clock.ms += 6_000
    return {one.kind for one in arena.trader.reconciler.reconcile_surely().differences}


def hand(arena: Arena, side: Side, amount: Decimal) -> None:
    """The owner trades at the exchange; amount in coins for a sale, in money for a buy."""
    request = OrderRequest(
        pair=ETH.pair, side=side, type=OrderType.MARKET, amount=amount, time_in_force=TimeInForce.IOC
    )
    arena.exchange.by_hand(request)


def withdraw(arena: Arena, coins: Decimal) -> None:
    """Coins leave the account without a trade."""
    books = arena.exchange.books()
    arena.exchange.restore(books | {"ETH": books["ETH"] - coins})


def cause(arena: Arena) -> str:
    """Why the coin is paused; empty when it is not."""
    pause = arena.slot().state.pause
    return "" if pause is None else pause.cause


def codes(arena: Arena, code: str) -> int:
    """How often that was told."""
    return [alert.code for alert in arena.alerts].count(code)


def test_a1_a_balance_may_lag_thirty_seconds_behind_our_fill_and_not_longer(arena: Arena) -> None:
    """Up to then the coins are on their way; after it they are gone, and the coin pauses."""
    before: Mapping[str, Holding] = arena.exchange.balances()
    arena.exchange.balances = lambda: dict(before)  # type: ignore[method-assign]
    arena.started()
    bought_ms = cycle_of(arena).bought[0].time_ms
    reconciler, judged = arena.trader.reconciler, False
    while not cause(arena):
        arena.clock.ms += 1_000
        found = {one.kind for one in reconciler.reconcile().differences}
        judged = judged or Kind.BALANCE_LAGS in found
        assert arena.clock.ms < bought_ms + 45_000, "never told"
        if arena.clock.ms < bought_ms + 30_000:
            assert not cause(arena), f"judged after {arena.clock.ms - bought_ms} ms"
    assert judged
    assert cause(arena) == "coins_missing"


def test_a1_coins_sold_by_hand_are_booked_once(arena: Arena) -> None:
    """The same sale explains nothing that goes missing after it."""
    held = old_cycle(arena).held
    hand(arena, Side.SELL, PART)
    assert Kind.SOLD_BY_HAND in kinds(arena)
    after = cycle_of(arena)
    assert (after.held, cause(arena)) == (held - PART, "")
    assert kinds(arena) == set()
    withdraw(arena, PART)
    assert Kind.COINS_MISSING in kinds(arena)
    assert cause(arena) == "coins_missing"
    assert cycle_of(arena) == after, "its proceeds were booked already"


@pytest.mark.parametrize("bought_back", [False, True])
def test_a3_trades_by_hand_explain_only_what_they_took(arena: Arena, *, bought_back: bool) -> None:
    """A sale smaller than what is gone, or one bought back by hand, pauses the coin: its owner decides."""
    cycle = old_cycle(arena)
    hand(arena, Side.SELL, PART)
    if bought_back:
        hand(arena, Side.BUY, D("3.77"))
    withdraw(arena, PART)
    assert Kind.COINS_MISSING in kinds(arena)
    assert cause(arena) == "coins_missing"
    assert cycle_of(arena) == cycle, "nothing is written off by itself"


def test_three_comparisons_in_a_row_with_what_nothing_explains_alert_once(arena: Arena) -> None:
    """Not the first, which may be a moment's; a clean one in between begins the count anew."""
    reconciler = arena.trader.reconciler
    label = old_cycle(arena).bought[0].client_ids[0]
    rests = OpenOrder(order_id="77", client_id=label, market=ETH, side=Side.BUY, left=PART, created_ms=arena.clock.ms)

    def compare(*, explained: bool) -> int:
        arena.exchange.open_orders = lambda: () if explained else (rests,)  # type: ignore[method-assign]
        arena.clock.ms += HOUR_MS
        assert reconciler.reconcile().unexplained == (0 if explained else 1)
        return codes(arena, "reconcile_unexplained")

    assert [compare(explained=False) for _ in range(2)] == [0, 0]
    assert compare(explained=True) == 0
    assert [compare(explained=False) for _ in range(4)] == [0, 0, 1, 1]


def test_three_comparisons_that_fail_in_a_row_alert_once(arena: Arena) -> None:
    """A read that fails now and then is nobody's business."""
    reconciler, whole = arena.trader.reconciler, arena.exchange.open_orders
    old_cycle(arena)

    def fail() -> tuple[OpenOrder, ...]:
        raise ExchangeUnavailable("The open orders cannot be read.", do="It is tried again.")

    def compare(*, works: bool) -> int:
        arena.exchange.open_orders = whole if works else fail  # type: ignore[method-assign]
        arena.clock.ms += HOUR_MS
        if works:
            reconciler.reconcile()
        else:
            with pytest.raises(ExchangeUnavailable):
                reconciler.reconcile()
        return codes(arena, "reconcile_failing")

    assert [compare(works=False) for _ in range(2)] == [0, 0]
    assert compare(works=True) == 0
    assert [compare(works=False) for _ in range(4)] == [0, 0, 1, 1]
