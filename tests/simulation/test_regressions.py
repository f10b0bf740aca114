"""Breaks that simulated worlds found, each by what it would have cost."""

from dataclasses import replace
from decimal import Decimal

from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.domain.cycle import Dust, Idle, SaleBooked, Tally, apply
from autotrader_v2.domain.orders import Why
from autotrader_v2.domain.situation import Pause, Reason
from autotrader_v2.simulation.world import Plan, World
from tests.builders import ETH, a_sale


def test_coins_outside_sold_by_a_person_bring_no_result_to_the_market() -> None:
    """Seed 27: a coin from outside sold with 0.0001 of dust was booked whole as the dust's profit."""
    idle = Idle(market=ETH, tally=Tally(dust=Dust(Decimal("0.0001"), Decimal("0.25"))))
    sale = a_sale("1", "2500")
    event = SaleBooked(client_id="t-test-1.1", cycle_id=0, why=Why.SELL_ALL, fills=(sale,), outside=Decimal("0.9999"))
    after = apply(idle, event)
    assert after.tally.dust == Dust(Decimal(0), Decimal(0))
    assert after.tally.realised == Decimal("0.0001") * Decimal(2500) * (1 - Decimal("0.002")) - Decimal("0.25")
    only_outside = apply(idle, replace(event, outside=Decimal(1)))
    assert only_outside.tally == idle.tally


def test_a_clock_set_back_does_not_trade_on_the_prices_of_before() -> None:
    """Seed 5076: after five minutes back a feed that fell silent was believed for five more minutes."""
    world = World(Plan(seed=1, rates={}))
    while not (world.slots() and all(slot.state.cycle.tally.completed for slot in world.slots())):
        world.step()
    world.machine.ahead_ms = -300_000
    for walk in world.walks.values():
        walk.silent_until_ms = world.hub.now_ms + 120_000
    ends_ms = world.hub.now_ms + 60_000
    while world.hub.now_ms < ends_ms:
        world.step()
    assert {slot.hold.reason for slot in world.slots()} == {Reason.QUOTE_TOO_OLD}


def test_an_account_pause_whose_end_could_not_be_written_still_holds() -> None:
    """Seed 1013: the owner was told that it failed, and the engine bought all the same."""
    world = World(Plan(seed=2, rates={}))
    while not world.slots():
        world.step()
    process = world.process
    assert process is not None
    floor, pause = process.floor, Pause(cause="account_refused", since_ms=1)
    refused: list[JournalUnavailable] = []

    def press() -> None:
        floor.pause_account(pause, "test")
        world.disk_full_until_ms = world.hub.now_ms + 1000
        try:
            floor.pause_account(None, "test")
        except JournalUnavailable as error:
            refused.append(error)

    world.hub.spawn(process.group, press)
    while not refused:
        world.step()
    assert floor.account_pause == pause
