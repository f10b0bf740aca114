"""The owner ends the program or holds it, the machine falls asleep with it: it goes on as if nothing had happened."""

from collections.abc import Mapping

import pytest

from autotrader_v2.simulation.campaign import Tally, run_worlds
from autotrader_v2.simulation.faults import HOSTILE
from autotrader_v2.simulation.fibers import Hub
from autotrader_v2.simulation.world import Plan, World

KINDS = {"stop_idle": 0.2, "machine_sleeps": 0.2, "person_hold": 0.1, "person_exit": 0.1}


def told(rates: Mapping[str, float], seeds: range, steps: int = 700) -> Tally:
    """What some worlds with these faults came to."""
    return run_worlds(seeds, Plan(seed=0, rates=rates), steps, shrink=False)


@pytest.mark.parametrize("rates", [KINDS, {**HOSTILE, **KINDS}], ids=["alone", "with everything else"])
def test_m12_m13_stops_holds_and_sleeps_break_nothing(rates: Mapping[str, float]) -> None:
    tally = told(rates, range(1, 13))
    assert not tally.breaks, [(one.seed, one.what) for one in tally.breaks]
    assert {kind for kind in KINDS if not tally.faults[kind]} == set()


@pytest.mark.parametrize("counts", [True, False], ids=["a clock that counts the sleep", "one that does not"])
def test_m13_nothing_of_a_sleeping_machine_goes_on(counts: bool) -> None:
    """No order leaves and nothing is written while it sleeps; afterwards every market trades on."""
    world = World(Plan(seed=3, rates={}))
    while not world.slots():
        world.step()
    assert world.process is not None
    world.run(300)
    world.dice.rng.random = lambda: 0.1 if counts else 0.9  # type: ignore[method-assign]
    world._fall_asleep(world.process.group)
    del world.dice.rng.random
    asleep = len(world.auditor.orders), world.writes
    wakes_ms = world._awake_ms
    while world.asleep:
        world.step()
    assert (len(world.auditor.orders), world.writes) == asleep
    assert world.hub.now_ms >= wakes_ms
    world.run(1500)
    assert len(world.auditor.orders) > asleep[0]
    world.end()


def test_m13_a_process_that_never_wakes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The auditor's liveness sees a machine that stays asleep."""
    sleep_all = Hub.sleep_all

    def for_good(self: Hub, group: int, until_ms: int) -> None:
        sleep_all(self, group, until_ms + 3_600_000)

    monkeypatch.setattr(Hub, "sleep_all", for_good)
    assert {one.invariant for one in told({"machine_sleeps": 0.2}, range(1, 3)).breaks} == {"I12"}


def test_m12_nobody_sets_the_clock_of_a_machine_that_sleeps() -> None:
    """World 6421284: set back by as much as it slept, on a machine whose other clock does not count a sleep."""
    world = World(Plan(seed=1, rates={"machine_sleeps": 0.5, "clock_step": 0.5}))
    sleeps = 0
    while world.dice.happened["clock_step"] < 20 or sleeps < 20:
        world.step()
        if world.asleep:
            sleeps, ahead_ms = sleeps + 1, world.machine.ahead_ms
            while world.asleep:
                assert world.machine.ahead_ms == ahead_ms
                world.step()


def test_m13_an_order_is_not_unknown_for_as_long_as_the_machine_sleeps() -> None:
    """World 7011448: the look that found it was under way all night, and ended as the machine woke."""
    tally = run_worlds([7011448], Plan(seed=0, profile="hostile"), 2000, shrink=False)
    assert tally.faults["machine_sleeps"]
    assert max(tally.resolve_ms) < 60_000
