"""Fault files: what is written is what is done, and what cannot be meant is refused with its place."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.matching.knobs import Knobs, SurplusDigits
from autotrader_v2.simulator.acts import ACTS
from autotrader_v2.simulator.faults import Ending, Fault, Faults, Happening, PushFault, SubscriptionFault
from autotrader_v2.simulator.faults.kinds import CALLS, PUSHES, SUBSCRIPTIONS, kinds
from autotrader_v2.simulator.faults.profiles import PROFILES
from autotrader_v2.simulator.faults.reading import plan_of, read_plan
from autotrader_v2.simulator.fields import BadField

FILE = """
profile = "calm"

[knobs]
visible_after_ms = 800
surplus_digits = "reject"
price_band = "0.08"

[[rules]]
kind = "lost_answer"
pair = "BTC_*"
side = "buy"
chance = 0.25
from_s = 5

[[rules]]
kind = "ws_late"
channel = "spot.usertrades"
seconds = 0.2
spread_s = 1.5
times = 3

[[rules]]
kind = "subscription_refused"
pair = "ETH_USDT"
times = 0

[[rules]]
kind = "deposit"
currency = "USDT"
amount = "12.5"
every_s = 30
times = 0
"""


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "bad day.toml").write_text(FILE)
    plan = read_plan(str(tmp_path / "bad day.toml"))
    call, push, subscription, happening, *profile = plan.rules
    assert isinstance(call, Fault) and (call.ending, call.pair, call.side) == (Ending.DROP, "BTC_*", "buy")
    # Who gives a chance and no number means: always that chance.
    assert (call.chance, call.times, call.from_s, call.path) == (0.25, 0, 5.0, "/spot/orders")
    assert isinstance(push, PushFault) and (push.delay_s, push.spread_s, push.times) == (0.2, 1.5, 3)
    assert isinstance(subscription, SubscriptionFault) and subscription.code == 2
    assert isinstance(happening, Happening) and happening.values == {"currency": "USDT", "amount": "12.5"}
    assert [one.kind for one in profile] == ["slow"]
    assert plan.knobs is not None
    assert (plan.knobs.visible_after_ms, plan.knobs.surplus_digits) == (800, SurplusDigits.REJECT)
    as_json = tmp_path / "one.json"
    as_json.write_text(json.dumps({"rules": [{"kind": "twice"}]}))
    assert [one.kind for one in read_plan(str(as_json)).rules] == ["twice"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_a_plan(profile: str) -> None:
    assert read_plan(profile).rules


def test_the_names_of_kinds_are_used_once() -> None:
    assert len(set(kinds())) == len(CALLS) + len(PUSHES) + len(SUBSCRIPTIONS) + len(ACTS)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "f: rules[0].kind is missing"),
        ({"kind": 3}, "f: rules[0].kind must be a text, not 3"),
        ({"kind": "lost"}, "f: rules[0].kind 'lost' is unknown"),
        ({"kind": "late", "sekonds": 1}, "f: rules[0].sekonds is unknown here"),
        ({"kind": "late", "seconds": -1}, "f: rules[0].seconds must be a number from 0"),
        ({"kind": "late", "seconds": True}, "f: rules[0].seconds must be a number"),
        ({"kind": "late", "chance": 1.5}, "f: rules[0].chance must be a number from 0 to 1"),
        ({"kind": "late", "chance": float("nan")}, "f: rules[0].chance must be a number"),
        ({"kind": "late", "times": 1.5}, "f: rules[0].times must be a whole number"),
        ({"kind": "late", "from_s": 9, "until_s": 3}, "f: rules[0].until_s must be above from_s, 9"),
        ({"kind": "spoilt", "how": "drop"}, "f: rules[0].how must be one of cut"),
        ({"kind": "error", "status": 404}, "f: rules[0].status must be a whole number from 500"),
        ({"kind": "error", "executed": "yes"}, "f: rules[0].executed must be true or false"),
        ({"kind": "partial_fill", "share": "1"}, "f: rules[0].share must be below 1"),
        ({"kind": "partial_fill", "share": 0.5}, "f: rules[0].share must be a number in quotes"),
        ({"kind": "strange", "what": "missing"}, "f: rules[0].field is missing"),
        ({"kind": "deposit", "currency": "USDT"}, "f: rules[0].amount is missing"),
        ({"kind": "ws_drop", "times": 2}, "f: rules[0].every_s is missing"),
        ({"kind": "ws_drop", "chance": 0.5}, "f: rules[0].every_s is missing"),
        ({"kind": "redenominate", "currency": "X", "factor": "999"}, "f: rules[0].factor must be a power of ten"),
        ([], "f: rules[0] must be an object of names and values"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: Any, reason: str) -> None:
    with pytest.raises(BadField) as refused:
        plan_of({"rules": [rule]}, "f")
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        ([], "f must be an object"),
        ({"rules": "x"}, "f: rules must be a list"),
        ({"rulez": []}, "f.rulez is unknown here"),
        ({"profile": "kind"}, "f.profile must be one of calm, gate_as_seen, hostile"),
        ({"knobs": {"visible_after_ms": "5"}}, "f: knobs.visible_after_ms must be a whole number"),
        ({"knobs": {"unfillable": "no"}}, "f: knobs.unfillable must be one of error, cancelled_order"),
        ({"rules": [{"kind": "late"}] * 1001}, "f: rules must be a list of at most 1000"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(whole: Any, reason: str) -> None:
    with pytest.raises(BadField) as refused:
        plan_of(whole, "f")
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.toml", "[[rules]]\nkind = x\n", "line 2"),
        ("a.json", '{"rules": [,]}', "line 1 column"),
        ("a.toml", "\xff", "cannot be read"),
        ("a.json", "[" * 100_000, "cannot be read"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(BadField, match=reason):
        read_plan(str(tmp_path / name))


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadField, match="neither a file nor a profile; profiles are calm"):
        read_plan("windy")
    (tmp_path / "a.toml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(BadField, match="larger than"):
        read_plan(str(tmp_path / "a.toml"))


def test_rules_have_windows_chances_and_an_order() -> None:
    now_s = [0.0]
    faults = Faults(3, now_s=lambda: now_s[0])
    faults.add(Fault(kind="first", path="/a", chance=0.5, times=0, from_s=10, until_s=20))
    faults.add(Fault(kind="second", path="/a", times=0))

    def struck() -> set[str]:
        return {row.rule.kind for _ in range(50) if (row := faults.strike("GET", "/a"))}

    assert struck() == {"second"}
    now_s[0] = 15
    assert struck() == {"first", "second"}
    now_s[0] = 20
    assert struck() == {"second"}


def test_another_rule_in_front_does_not_change_what_chance_gives() -> None:
    """Each rule has a chance of its own, by its number and kind: a rule that strikes nothing moves no other."""

    def hits(extra: Fault) -> list[bool]:
        faults = Faults(11)
        faults.add(extra)
        faults.add(Fault(kind="coin", path="/a", chance=0.5, times=0))
        return [faults.strike("GET", "/a") is not None for _ in range(64)]

    assert hits(Fault(path="/b")) == hits(Fault(path="/c", chance=0.1, times=0))


def test_the_reference_names_every_kind_and_knob() -> None:
    """docs/FAULTS.md is what people write files by."""
    words = (ROOT / "docs" / "FAULTS.md").read_text("utf-8")
    rows = {line.split("`")[1] for line in words.splitlines() if line.startswith("| `")}
    assert set(kinds()) <= rows
    assert all(f"`{knob}`" in words for knob in Knobs.__dataclass_fields__)


def test_the_example_of_the_reference_is_a_plan() -> None:
    words = (ROOT / "docs" / "FAULTS.md").read_text("utf-8")
    example = words.split("```toml\n")[1].split("```")[0]
    assert [one.kind for one in plan_of(tomllib.loads(example), "f").rules][:2] == ["lost_answer", "move"]
