"""Halts: every cause in the code base has a way out and words in both languages; a way that posts has its route."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.application import execute_trade, halts, health, trader
from autotrader_v2.application.halt_ways import (
    ACCOUNT_WAYS,
    COIN_WAYS,
    HOLD_WAYS,
    JOURNAL_TROUBLES,
    NO_HALT,
    PAUSE_WAYS,
    POSTS,
    TOLD_AFTER_MS,
    TOLD_AS_PAUSE,
    TOLD_BY_ACCOUNT,
    Way,
)
from autotrader_v2.application.ports import Trouble
from autotrader_v2.domain.situation import Reason
from tests.unit.test_catalogues import EN, RU
from tests.web_double import a_web

# Ways that end the halt by themselves or by the program; the others are for a person at the exchange or the machine.
_BY_A_PERSON_ELSEWHERE = {
    Way.ADD_MONEY,
    Way.CANCEL_THERE,
    Way.CHECK_KEY,
    Way.CHECK_CONNECTION,
    Way.STOP_OTHER,
    Way.FREE_DISK,
    Way.EASE_DISK,
    Way.PUT_BACK,
    Way.RESTORE_BACKUP,
    Way.FIX_CLOCK,
    Way.RESTART,
    Way.WAIT,
    Way.SEE_ORDER,
}


def causes_in_the_code() -> Iterator[tuple[str, str]]:
    """(file, cause) of every pause that is made anywhere in the program, whatever it is imported as."""
    for folder in ("autotrader_v2", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Pause":
                    for one in node.keywords:
                        if one.arg == "cause" and isinstance(one.value, ast.Constant):
                            yield file.name, str(one.value.value)


def test_every_cause_of_a_pause_has_a_way_out_and_none_is_invented() -> None:
    causes = {cause for _, cause in causes_in_the_code()}
    assert {"orders_fail", "account_refused"} <= causes
    assert causes == set(PAUSE_WAYS), "each pause names its ways out in halts.PAUSE_WAYS"
    for cause, ways in PAUSE_WAYS.items():
        assert {Way.RESUME, Way.RESUME_ACCOUNT} & set(ways), f"{cause} ends when a person says so"


def test_every_reason_of_a_decision_is_a_halt_or_said_to_be_none() -> None:
    """A new reason belongs to one of them before it may hold a market."""
    told: list[Reason] = [*TOLD_AFTER_MS, *TOLD_BY_ACCOUNT, *TOLD_AS_PAUSE, *NO_HALT]
    assert sorted(told) == sorted(Reason)


def _tree(module: ModuleType) -> ast.Module:
    assert module.__file__
    return ast.parse(Path(module.__file__).read_text("utf-8"))


def _calls(module: ModuleType, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name:
                yield node


def _body(module: ModuleType, name: str) -> ast.FunctionDef:
    [found] = [node for node in ast.walk(_tree(module)) if isinstance(node, ast.FunctionDef) and node.name == name]
    return found


# What a part of `health_of` that is not well means for orders: the halts that tell it, or why it stops none.
_PARTS: dict[tuple[str, str], str] = {
    ("feed", "offline"): "prices_silent",
    ("feed", "silent"): "prices_silent",
    ("feed", "no_price"): "the coins' own no_quote",
    ("clock", "off"): "stops nothing",
    ("own_trades", "offline"): "stops nothing: trades are read",
    ("exchange", "away"): "unreachable",
    ("exchange", "slow"): "stops nothing",
    ("compared", "never"): "checking",
    ("compared", "late"): "stops nothing",
    ("compared", "slow"): "stops nothing",
    ("journal", "taken"): "journal_taken",
    ("journal", "trouble"): "journal_damaged",
    ("journal", "doubt"): "journal_replaced",
    ("journal", "full"): "journal_full",
    ("journal", "failing"): "journal_failing",
    ("journal", "backup"): "stops nothing",
    ("journal", "slow"): "journal_slow",
}


def test_every_part_that_can_be_unwell_is_told_as_a_halt_or_stops_nothing() -> None:
    parts = set()
    for call in _calls(health, "Part"):
        given = {one.arg: one.value for one in call.keywords}
        if not isinstance(given["name"], ast.Constant):
            continue  # the engine's own lines: engine_stuck, part_failing
        for node in ast.walk(given["code"]) if "code" in given else ():
            if isinstance(node, ast.Constant) and node.value and isinstance(node.value, str):
                parts.add((str(given["name"].value), node.value))
    assert parts == set(_PARTS), "say what it means for orders, and tell it in halts.py where it stops some"
    known = {*ACCOUNT_WAYS, *PAUSE_WAYS, *(reason.value for reason in TOLD_BY_ACCOUNT)}
    assert {told for told in _PARTS.values() if " " not in told} <= known


# Why an order that was decided does not leave after all: the halt that tells it, or why it is none.
_DROPPED = {
    "sending_ended": "sending_ended",
    "switched_off": "a person's wish, or a pause",
    "ladder_changed": "a person's wish",
    "target_moved": "decided anew at once",
    "no_quote": "no_quote",
    "quote_too_old": "quote_too_old",
    "decided_too_long_ago": "decided anew at once",
    "price_moved": "decided anew at once",
    "slow_journal": "journal_slow",
}


def test_every_cause_that_drops_a_decided_order_is_told_as_a_halt_or_is_none() -> None:
    dropped = set()
    for node in ast.walk(_body(execute_trade, "_late")):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and node.value.value:
            dropped.add(str(node.value.value))
    for call in _calls(execute_trade, "_not_sent"):
        if isinstance(call.args[2], ast.Constant):
            dropped.add(str(call.args[2].value))
    assert dropped == set(_DROPPED), "say which halt tells it"
    known = {*ACCOUNT_WAYS, *(reason.value for reason in TOLD_AFTER_MS)}
    assert {told for told in _DROPPED.values() if " " not in told} <= known


def test_every_trouble_of_the_journal_is_a_halt_of_its_own() -> None:
    assert set(JOURNAL_TROUBLES) == set(Trouble)
    assert len(set(JOURNAL_TROUBLES.values())) == len(Trouble)
    assert set(JOURNAL_TROUBLES.values()) <= set(ACCOUNT_WAYS)


def test_every_standstill_of_the_account_is_told_by_the_account() -> None:
    reasons = set()
    for file in (ROOT / "autotrader_v2" / "application").rglob("*.py"):
        reasons |= set(re.findall(r"standstill\.begin\(Hold\(Reason\.(\w+)", file.read_text("utf-8")))
    assert "CLOCK_WRONG" in reasons
    assert {Reason[name] for name in reasons} <= TOLD_BY_ACCOUNT


def test_every_phase_in_which_nothing_is_traded_is_told() -> None:
    """`stopping` and `stopped` are a person's wish; `new` lasts until the program starts it."""
    phases = {
        str(node.value.value)
        for node in ast.walk(_tree(trader))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(isinstance(one, ast.Attribute) and one.attr == "phase" for one in node.targets)
    }
    assert phases == {"new", "starting", "running", "failed", "stopping", "stopped"}
    told = ast.unparse(_body(halts, "_of_account"))
    assert "start_waits" in told and "start_failed" in told and "engine_held" in told


def test_every_halt_of_the_account_and_of_a_coin_is_made_somewhere() -> None:
    """None is only in the tables."""
    source = Path(str(halts.__file__)).read_text("utf-8")
    made = set(re.findall(r'"(\w+)"', source)) | set(JOURNAL_TROUBLES.values())
    assert {*ACCOUNT_WAYS, *COIN_WAYS} <= made


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_to_hold_has_a_way_out(reason: Reason) -> None:
    assert HOLD_WAYS[reason]


@pytest.mark.parametrize("way", list(Way))
def test_every_way_has_words_in_both_languages(way: Way) -> None:
    """A word for its button, or for what to do; and it is one or the other."""
    for catalogue in (EN, RU):
        assert f"way.{way.value}" in catalogue
    assert (way in POSTS) is not (way in _BY_A_PERSON_ELSEWHERE)


def test_every_halt_has_words_in_both_languages() -> None:
    for catalogue in (EN, RU):
        for code in {**ACCOUNT_WAYS, **COIN_WAYS}:
            assert {f"halt.{code}.word", f"halt.{code}.text"} <= set(catalogue), code
        for cause in PAUSE_WAYS:
            assert {f"pause.{cause}.word", f"pause.{cause}.text"} <= set(catalogue), cause


def test_every_way_that_the_api_offers_is_a_route_of_it() -> None:
    rules = a_web().flask.url_map.iter_rules()
    posts = {str(rule) for rule in rules if "POST" in (rule.methods or ())}
    assert set(POSTS.values()) <= posts
