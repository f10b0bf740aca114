"""Halts: every cause in the code base has a way out and words in both languages; a way that posts has its route."""

import ast
from collections.abc import Iterator

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.application.halts import ACCOUNT_WAYS, HOLD_WAYS, PAUSE_WAYS, POSTS, Way
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
        for code in ACCOUNT_WAYS:
            assert {f"halt.{code}.word", f"halt.{code}.text"} <= set(catalogue), code
        for cause in PAUSE_WAYS:
            assert {f"pause.{cause}.word", f"pause.{cause}.text"} <= set(catalogue), cause


def test_every_way_that_the_api_offers_is_a_route_of_it() -> None:
    rules = a_web().flask.url_map.iter_rules()
    posts = {str(rule) for rule in rules if "POST" in (rule.methods or ())}
    assert set(POSTS.values()) <= posts
