"""What broke in a long history is shown in a short one, and the short one is the same break."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.simulation import shrinking
from autotrader_v2.simulation.event_names import Event, events_of, named
from autotrader_v2.simulation.faults import HOSTILE, Dice
from autotrader_v2.simulation.lifetime import Break, lived
from autotrader_v2.simulation.process import CONFIG
from autotrader_v2.simulation.shrinking import shrunk
from autotrader_v2.simulation.world import Plan, World

# A proof of absence that does not wait until the exchange must show a fresh order: it takes an order shown late.
HASTY = replace(CONFIG, visibility_ms=0, clock_error_ms=0, absence_reads=1, order_life_ms=1000)
PLAN = Plan(seed=7, config=HASTY)
STEPS = 800


@pytest.fixture(scope="module")
def found() -> Break:
    """What a whole world with the defect shows."""
    _, broken = lived(PLAN, STEPS)
    assert broken is not None
    return broken


@pytest.fixture(scope="module")
def short(found: Break) -> Break:
    """The same, made short."""
    return shrunk(PLAN, found)


def again(events: frozenset[Event], steps: int) -> Break | None:
    """What breaks when only these happen."""
    return lived(replace(PLAN, only=events), steps)[1]


def test_the_short_history_breaks_alike_and_is_repeated_to_the_step(found: Break, short: Break) -> None:
    assert short.only is not None
    assert short.same_as(found)
    assert (len(short.events), short.first_events) < (len(found.events) / 2, len(found.events) + 1)
    assert short.steps <= found.steps < STEPS == short.first_steps
    repeated = again(short.only, short.steps)
    assert repeated is not None
    assert (repeated.step, repeated.what, repeated.trace) == (short.step, short.what, short.trace)


def test_no_single_event_of_the_short_history_can_be_spared(short: Break) -> None:
    assert "order_invisible" in {event.kind for event in short.events}
    for event in short.events:
        less = again(frozenset(short.events) - {event}, short.steps)
        assert less is None or not less.same_as(short), event


def test_a_break_of_the_same_rule_elsewhere_is_not_taken_for_it(found: Break) -> None:
    assert not replace(found, place="auditor.py:1").same_as(found)
    assert not replace(found, invariant="I12").same_as(found)


def test_it_is_tried_only_so_many_times(monkeypatch: pytest.MonkeyPatch, found: Break) -> None:
    """However a world breaks: one that never breaks again is the longest to search."""
    tried = 0

    def well(plan: Plan, steps: int) -> tuple[World, None]:
        nonlocal tried
        tried += 1
        return World(plan), None

    monkeypatch.setattr(shrinking, "lived", well)
    monkeypatch.setattr(shrinking, "_RUNS_MAX", 7)
    assert shrunk(PLAN, found) is found
    assert tried == 7


def test_an_event_left_out_leaves_all_others_where_they_were() -> None:
    """Each comes at its own opportunity, under its own number, whatever was left out before it."""

    def met(only: frozenset[Event] | None) -> dict[Event, int]:
        dice = Dice(3, {"fill_twice": 0.2, "price_thin": 0.2, "hand_sell": 0.2}, only=only)
        at: dict[Event, int] = {}
        for opportunity in range(300):
            for kind in ("fill_twice", "price_thin", "hand_sell"):
                if dice.hit(kind):
                    at[dice.events[-1]] = opportunity
        return at

    whole = met(None)
    left = {event: at for event, at in whole.items() if event.number % 3}
    assert 30 < len(left) < len(whole)
    assert met(frozenset(left)) == left


def test_leaving_out_what_changed_nothing_leaves_the_same_world() -> None:
    """A trade told twice is booked once, so without the second telling everything is as it was, to the millisecond."""

    def traded(only: frozenset[Event] | None) -> tuple[int, list[tuple[Any, ...]]]:
        world = World(Plan(seed=3, rates={"fill_twice": 0.3}, only=only))
        world.run(1500)
        world.end()
        trades = world.venue.account.trades
        return len(world.dice.events), [(one.time_ms, one.pair, one.amount, one.price) for one in trades]

    twice, with_them = traded(None)
    never, without = traded(frozenset())
    assert (twice > 50, never) == (True, 0)
    assert len(with_them) > 100
    together = min(len(with_them), len(without))
    assert with_them[:together] == without[:together]


def changed(values: Mapping[str, Any]) -> frozenset[Event]:
    """Events of a drawn mapping."""
    return frozenset(Event(kind, number) for kind, numbers in values.items() for number in numbers)


@given(
    st.dictionaries(st.sampled_from(sorted(HOSTILE)), st.frozensets(st.integers(1, 40), min_size=1), max_size=6).map(
        changed
    )
)
def test_events_are_read_as_they_are_written(events: frozenset[Event]) -> None:
    assert events_of(named(events)) == events


def test_names_are_short_and_a_bad_one_is_told() -> None:
    assert named(events_of("send_late#3, hand_sell#1-3,send_late#2")) == "hand_sell#1-3,send_late#2-3"
    assert events_of("nothing") == events_of("") == frozenset()
    assert named(()) == "nothing"
    for bad in ("send_late", "send_late#0", "send_late#3-2", "send_late#1-999999", "#1"):
        with pytest.raises(ValueError, match="is no event"):
            events_of(bad)
