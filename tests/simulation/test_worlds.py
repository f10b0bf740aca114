"""Worlds from seeds: nothing breaks, everything that went wrong ends well, and the same seed is the same world."""

import json

import pytest

from autotrader_v2.app.cli import main
from autotrader_v2.application.resolve import Resolver
from autotrader_v2.simulation.campaign import Tally, run_world, run_worlds
from autotrader_v2.simulation.faults import PROFILES
from autotrader_v2.simulation.world import Plan

# Together more than 320,000 steps, in less than a minute of one core.
WORLDS = {"calm": (40, 2000), "gate_as_seen": (40, 2000), "hostile": (80, 2000)}
# Of all steps so many are orders that leave, at least.
ORDERS = {"calm": 0.13, "gate_as_seen": 0.12, "hostile": 0.085}


@pytest.mark.slow
@pytest.mark.parametrize("profile", WORLDS)
def test_nothing_breaks(profile: str) -> None:
    seeds, steps = WORLDS[profile]
    tally = run_worlds(range(1, seeds + 1), Plan(seed=0, profile=profile), steps)
    assert not tally.breaks, "\n".join(f"{one.command(profile)}\n{one.what}" for one in tally.breaks)
    assert tally.steps >= seeds * steps
    assert tally.orders > tally.steps * ORDERS[profile]
    if profile == "hostile":
        assert tally.restarts > seeds
        assert len(tally.resolve_ms) > seeds * 4
        assert len(tally.faults) > len(PROFILES[profile]) * 0.9, "nearly every kind of fault happened"


def test_the_same_seed_is_the_same_world() -> None:
    def told(tally: Tally) -> tuple[object, ...]:
        return tally.steps, tally.orders, tally.restarts, dict(tally.faults), tally.resolve_ms

    plan = Plan(seed=11)
    assert told(run_world(plan, 1000)) == told(run_world(plan, 1000))
    assert told(run_world(plan, 1000)) != told(run_world(Plan(seed=12), 1000))


def test_a_break_is_told_with_its_shortest_history_and_the_command_that_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Resolver, "look_at_due", lambda self: None)
    assert main(["simulate", "--seed", "5", "--seeds", "1", "--steps", "300", "--jobs", "1", "--json"]) == 1
    [first] = json.loads(capsys.readouterr().out)["breaks"]
    assert first["invariant"] == "I12"
    assert first["events"] < first["first_events"] / 10
    words = first["command"].split()
    assert words[:7] == ["python3", "mTrade.py", "simulate", "--seed", "5", "--seeds", "1"]
    assert int(words[words.index("--steps") + 1]) < 300
    assert main([*words[2:], "--json"]) == 1
    [again] = json.loads(capsys.readouterr().out)["breaks"]
    assert again == first | {"first_events": first["events"]}
    assert main(words[2:]) == 1
    out = capsys.readouterr().out
    assert f"BROKEN I12 in world 5 at step {first['step']}: {first['what']}" in out
    assert f"What went wrong before it: {words[-1]}" in out
    assert "What happened last" in out
    assert out.rstrip().endswith(f"Repeat it: {first['command']}")


def test_what_left_out_kinds_are_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--without", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert main(["simulate", "--only", "nonsense#1"]) == 2
    assert "nonsense" in capsys.readouterr().err
    assert main(["simulate", "--only", "send_late#0"]) == 2
    assert "send_late#0" in capsys.readouterr().err
    assert main(["simulate", "--profile", "mild"]) == 2
    assert main(["simulate", "--seeds", "3", "--steps", "100", "--profile", "calm", "--jobs", "2"]) == 0
    assert "Nothing broke" in capsys.readouterr().out
