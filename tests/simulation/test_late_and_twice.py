"""What the exchange shows only minutes later, and what the network repeats: booked once, told, never bought again."""

from collections.abc import Mapping
from typing import Any

import pytest

from autotrader_v2.application import booking, recovery
from autotrader_v2.application.execute_trade import ExecuteTrade
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.late_fills import LateFills
from autotrader_v2.application.resolve import Resolver
from autotrader_v2.application.slot import InFlight, Slot
from autotrader_v2.domain.cycle import SoldByHand
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import Reason
from autotrader_v2.simulation import venue
from autotrader_v2.simulation.campaign import Tally, run_worlds
from autotrader_v2.simulation.faults import HOSTILE, Dice
from autotrader_v2.simulation.people import Owner
from autotrader_v2.simulation.world import BEGINS_MS, Plan, World

SEEDS = range(1, 4)
HIDDEN = {"order_hidden": 0.1}
SAID = {"trades_hidden": 0.1}
DOUBLED = {"send_doubled": 0.1}


def told(rates: Mapping[str, float], steps: int = 700, seeds: range = SEEDS) -> Tally:
    """What some worlds with these faults came to."""
    return run_worlds(seeds, Plan(seed=0, rates=rates), steps, shrink=False)


def broken(tally: Tally) -> set[str]:
    """The invariants that broke."""
    return {one.invariant for one in tally.breaks}


@pytest.mark.parametrize("kind", ["order_hidden", "trades_hidden", "send_doubled"])
def test_o3_o8_orders_shown_late_or_executed_twice_break_nothing(kind: str) -> None:
    for rates in ({kind: 0.1}, {**HOSTILE, kind: 0.1}):
        tally = told(rates)
        assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
        assert tally.faults[kind] >= len(SEEDS)


def test_o3_an_order_shown_four_minutes_late_is_booked_without_a_restart_or_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Own trades were read again one minute back: what showed later than that was never found."""
    monkeypatch.setattr(venue, "_HIDDEN_MS", (240_000, 240_001))
    monkeypatch.setattr(World, "_stream", lambda self, fill: None)
    world = World(Plan(seed=2, rates={}, markets=1))
    world.dice = world.venue.dice = Once("order_hidden")
    while not world.auditor.unbooked:
        world.step()
    ends_ms = world.hub.now_ms + 330_000
    while not world.auditor.all_booked():
        world.step()
        assert world.hub.now_ms < ends_ms, "never booked"
    assert world.restarts == 1
    world.end()


@pytest.mark.parametrize("crashed", [False, True], ids=["in one life", "with a crash between"])
def test_o3_a_buy_that_shows_after_its_owner_has_sold_the_coins_is_a_sale_by_hand(
    monkeypatch: pytest.MonkeyPatch, *, crashed: bool
) -> None:
    """World 4200193: its cycle has the cost of the coins and what they were sold for; the auditor knew of no sale.

    World 6620545: nor when the engine was killed while it sold, and no more knows that the coins were no cycle's.
    """
    monkeypatch.setattr(venue, "_HIDDEN_MS", (240_000, 240_001))
    monkeypatch.setattr(World, "_stream", lambda self, fill: None)
    monkeypatch.setattr(Owner, "_care", lambda *_: None)  # it would go on before the buy shows
    world = World(Plan(seed=2, rates={}, markets=1))
    world.dice = world.venue.dice = Once("order_hidden")
    for walk in world.walks.values():
        walk.steady = True
    while not (world.slots() and world.slots()[0].hold.reason is Reason.HOLDS_COINS):
        world.step()
    slot, process = world.slots()[0], world.process
    assert process is not None
    world.hub.spawn(process.group, lambda: process.trader.sell_all(slot.market.base, "pause", "test"))
    if crashed:
        while not any(one.side is Side.SELL for one in world.venue.account.trades):
            world.step()
        world.crash()
    while not (by_hand := [one for one in world.store.events.get(slot.market, ()) if isinstance(one, SoldByHand)]):
        world.step()
        assert world.hub.now_ms < BEGINS_MS + 600_000, world.holds()
    [buy] = [one for one in world.venue.account.trades if one.side is Side.BUY][:1]
    [sale] = [one for one in world.venue.account.trades if one.side is Side.SELL][:1]
    after = by_hand[0]
    assert after.closes
    assert after.coins == sale.amount
    assert abs(after.proceeds - sale.quote) < sale.quote / 200, "but for the fee"
    state = world.slots()[0].state
    tally = state.cycle.tally
    assert abs(tally.realised - (sale.quote + tally.dust.cost - buy.quote)) < buy.quote / 200, "but for the fees"
    assert state.pause is not None and state.pause.cause == "sold_by_you", "as its owner wanted it after the sale"
    world.end()


def test_o2_orders_said_to_have_traded_are_waited_for_across_crashes() -> None:
    """Neither absent nor bought again, however long their trades take to show."""
    tally = told({**SAID, "crash_idle": 0.2, "crash_before_write": 0.01, "write_fails": 0.05}, seeds=range(1, 6))
    assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
    assert tally.restarts > 20
    assert tally.faults["trades_hidden"] > 20


def test_o2_an_order_said_to_have_traded_that_counts_as_absent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ExecuteTrade._unknown

    def deaf(self: Any, slot: Any, intent: Any, detail: str, order_id: str, **more: Any) -> None:
        whole(self, slot, intent, detail, order_id, **{**more, "traded": False})

    monkeypatch.setattr(ExecuteTrade, "_unknown", deaf)
    assert broken(told(SAID)) == {"I2"}


def test_o2_one_that_counts_as_absent_after_a_crash_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the exchange has said is in the journal, or a crash would forget it."""
    monkeypatch.setattr(recovery, "InFlight", lambda **values: InFlight(**{**values, "traded": False}))
    assert broken(told({**SAID, "crash_idle": 0.2}, seeds=range(1, 6))) == {"I2"}


def test_o2_one_of_which_the_stream_alone_tells_a_trade_is_waited_for_too() -> None:
    tally = told({**HIDDEN, "hidden_streamed": 1.0})
    assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
    assert tally.faults["hidden_streamed"] > 10


def test_o2_a_streamed_trade_that_nobody_minds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slot, "has_traded", lambda self, client_id: None)
    assert broken(told({**HIDDEN, "hidden_streamed": 1.0})) == {"I2"}


def test_o2_a_buy_that_no_list_shows_for_a_minute_and_a_half_never_counts_as_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The coins that came tell of it."""
    monkeypatch.setattr(venue, "_HIDDEN_MS", (30_000, 90_000))
    monkeypatch.setattr(World, "_stream", lambda self, fill: None)
    tally = told(HIDDEN)
    assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
    assert tally.faults["order_hidden"] > 10


def test_o2_the_two_minutes_in_which_the_coins_of_a_buy_may_tell_of_it_go_on_while_the_machine_sleeps() -> None:
    """World 7014264: by the exchange's time and the engine's they were over; the auditor counted from the waking."""
    tally = run_worlds([7014264], Plan(seed=0, profile="hostile"), 2000, shrink=False)
    assert not tally.breaks, [one.what for one in tally.breaks]
    assert tally.faults["machine_sleeps"]


def test_m13_a_look_whose_answer_the_machine_slept_through_proves_no_absence() -> None:
    """World 8201410: it slept between asking for the order and for its coins, which its owner took out meanwhile."""
    tally = run_worlds([8201410], Plan(seed=0, profile="hostile"), 2000, shrink=False)
    assert not tally.breaks, [one.what for one in tally.breaks]
    assert tally.faults["machine_sleeps"]


@pytest.mark.parametrize("seed", [6915737, 7020665])
def test_o8_the_coins_of_a_copy_keep_a_buy_that_never_arrived_waiting_two_minutes_at_most(seed: int) -> None:
    """The copy bought a moment before the decision, of which the balance of before did not know yet."""
    tally = run_worlds([seed], Plan(seed=0, profile="hostile"), 2000, shrink=False)
    assert not tally.breaks, [one.what for one in tally.breaks]
    assert tally.faults["send_doubled"]


@pytest.mark.parametrize("seed", [6920288, 6920403])
def test_o2_coins_that_the_balance_of_before_lacked_keep_a_buy_that_never_arrived_waiting_two_minutes_at_most(
    seed: int,
) -> None:
    """It was of before the buy before it, whose coins look like those of the buy that never arrived."""
    tally = run_worlds([seed], Plan(seed=0, profile="hostile"), 2000, shrink=False)
    assert not tally.breaks, [one.what for one in tally.breaks]
    assert tally.faults["balances_old"] + tally.faults["balances_late"]


@pytest.mark.parametrize("rates", [HIDDEN, {**HOSTILE, **HIDDEN}], ids=["hidden", "hostile"])
def test_o2_coins_that_have_come_and_nobody_minds_are_caught(
    monkeypatch: pytest.MonkeyPatch, rates: Mapping[str, float]
) -> None:
    """Without looking at them the step would be bought a second time."""
    monkeypatch.setattr(Resolver, "_coins_came", lambda self, slot, order: ZERO)
    assert broken(told(rates)) == {"I2"}


def test_o2_coins_that_have_come_tell_of_a_step_after_a_crash_too() -> None:
    tally = told({**HIDDEN, "crash_while_sent": 0.05, "crash_after_send": 0.05}, seeds=range(1, 9))
    assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
    assert tally.faults["crash_while_sent"] + tally.faults["crash_after_send"] > 20


def test_o2_and_that_nobody_minds_them_then_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal does not have the balance of before: what its cycle had is the least that it can have been."""
    monkeypatch.setattr(recovery, "_at_least", lambda cycle: None)
    rates = {**HIDDEN, "crash_while_sent": 0.05, "crash_after_send": 0.05}
    assert broken(told(rates, seeds=range(1, 9))) == {"I2"}


def test_o3_trades_shown_late_that_nobody_books_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LateFills, "book_waiting", lambda self: 0)
    assert broken(told(HIDDEN)) == {"I12"}


def test_o3_a_late_trade_that_nobody_is_told_of_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = Floor.alert

    def quiet(self: Floor, code: str, *rest: Any, **more: Any) -> Any:
        return alert(self, code.replace("late_fill", "noted"), *rest, **more)

    monkeypatch.setattr(Floor, "alert", quiet)
    assert broken(told(HIDDEN)) == {"I2"}


def test_o3_trades_that_never_showed_are_no_excuse_to_lose_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the books hid may be missing at an order's end."""
    whole = booking.Booking._book

    def forgetful(self: Any, slot: Any, order: Any, intent: Any, fills: Any, *rest: Any) -> Any:
        return whole(self, slot, order, intent, fills[:1], *rest)

    monkeypatch.setattr(booking.Booking, "_book", forgetful)
    assert "I2" in broken(told({**HIDDEN, "price_thin": 0.3}))


def test_o8_a_market_that_goes_on_after_two_orders_under_one_label_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking.Booking, "_doubled", lambda *_anything: None)
    assert broken(told(DOUBLED)) == {"I1"}


def test_o8_the_second_order_that_nobody_books_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LateFills, "offer", lambda self, fill: None)
    assert "I12" in broken(told(DOUBLED, seeds=range(1, 3)))


class Once(Dice):
    """One fault at its first opportunity, nothing else."""

    def __init__(self, kind: str) -> None:
        super().__init__(2, {})
        self._kind = kind

    def hit(self, kind: str) -> bool:
        """See `Dice`."""
        if kind != self._kind or self.happened[kind]:
            return False
        self.happened[kind] += 1
        return True
