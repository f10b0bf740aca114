"""The program may die, or the disk refuse, at any point of a cycle: the cycle ends the same."""

from dataclasses import replace

import pytest

from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation.world import Plan, World

PLAN = Plan(seed=3, rates={}, markets=1)
STEPS_MAX = 20_000


def lived(plan: Plan) -> World:
    """A world whose price leads through exactly one cycle: start, every rebuy, sale."""
    world = World(plan)
    [market] = world.markets
    walk = world.walks[market]
    first = walk.price
    chosen = {**world.store.params[market], "steps": "2", "rebuy_pause_s": "0"}
    world.store.params[market] = chosen
    world.auditor.word.begins(walk.rules, chosen)

    def price() -> float:
        slot = world.process.floor.slots.get(market) if world.process is not None else None
        if slot is None or not isinstance(slot.state.cycle, Active):
            return first
        cycle = slot.state.cycle
        return float(cycle.sell_price if cycle.next_step is None else cycle.next_step.price) * (
            1.001 if cycle.next_step is None else 0.999
        )

    walk.told = price
    while not over(world):
        world.step()
        newest = world.store.newest.get(market)
        if isinstance(newest, Active) and world.store.switches[market] is SwitchMode.ON:
            # As if the owner had chosen `finish` right after the start, without a write of his own in the way.
            world.store.switches[market] = SwitchMode.FINISH
            for slot in world.slots():
                slot.change(switch=SwitchMode.FINISH)
        assert world.steps < STEPS_MAX, f"never ended: {world.holds()}; {world.trace[-10:]}"
    world.end()
    world.auditor.check_end()
    return world


def over(world: World) -> bool:
    """The one cycle is closed, and the engine knows it."""
    [market] = world.markets
    newest = world.store.newest.get(market)
    done = newest is not None and not isinstance(newest, Active) and not world.auditor.open_of
    return done and all(slot.state.order is None for slot in world.slots()) and bool(world.slots())


def state(world: World) -> dict[str, object]:
    """What must be the same whatever happened on the way."""
    [market] = world.markets
    tally = world.store.newest[market].tally
    trades = world.venue.account.trades
    return {
        "cycles": (tally.completed, tally.last_cycle_id),
        "switch": world.store.switches[market],
        "buys": len({one.order_id for one in trades if one.side is Side.BUY}),
        "sales": len({one.order_id for one in trades if one.side is Side.SELL}),
        "coins left": world.venue.account.available(market.base) == tally.dust.coins,
        "earned": tally.realised > 0,
        "open": [one.state for one in world.store.attempts.values() if one.state in ("intended", "unknown")],
    }


@pytest.fixture(scope="module")
def undisturbed() -> World:
    """The cycle when nothing fails."""
    return lived(PLAN)


def test_the_cycle_is_one_start_two_rebuys_and_one_sale(undisturbed: World) -> None:
    assert state(undisturbed) == {
        "cycles": (1, 1),
        "switch": SwitchMode.OFF,
        "buys": 3,
        "sales": 1,
        "coins left": True,
        "earned": True,
        "open": [],
    }


def test_p5_a_crash_at_every_boundary_leads_to_the_same_end(undisturbed: World) -> None:
    """P1-P5: before and after each write, each send, each read, one after the other."""
    boundaries = undisturbed.boundaries
    assert boundaries > 30
    for at in range(1, boundaries + 1):
        world = lived(replace(PLAN, crash_at=frozenset({at})))
        assert world.restarts == 2, f"crash at boundary {at}"
        assert state(world) == state(undisturbed), f"crash at boundary {at}"


def test_p5_a_second_crash_on_the_way_back_up_leads_to_the_same_end(undisturbed: World) -> None:
    """P5: the recovery itself is interrupted at each of its first boundaries."""
    for at in range(1, undisturbed.boundaries + 1, 3):
        for later in (1, 2, 3, 5, 8):
            world = lived(replace(PLAN, crash_at=frozenset({at, at + later})))
            assert state(world) == state(undisturbed), f"crashes at boundaries {at} and {at + later}"


def test_a_refused_write_at_every_turn_leads_to_the_same_end(undisturbed: World) -> None:
    """P7, P8: each write fails once; and each two in a row."""
    for at in range(1, undisturbed.writes + 1):
        for failing in ({at}, {at, at + 1}):
            world = lived(replace(PLAN, fail_at=frozenset(failing)))
            assert state(world) == state(undisturbed), f"writes {failing} failed"
