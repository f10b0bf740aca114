"""The two catalogues: the same keys and placeholders, plural forms complete, every code of the engine in words."""

import ast
import json
import re
from string import Formatter
from typing import Any

import pytest

from autotrader_v2.app.sweep_words import SENTENCES
from autotrader_v2.app.values import ROOT
from autotrader_v2.application.differences import Kind
from autotrader_v2.application.events import Outcome
from autotrader_v2.domain.ladder import DropReference, LadderParams, OrderStyle, Reserve, SizeMode
from autotrader_v2.domain.orders import Side, Why
from autotrader_v2.domain.situation import Reason, SwitchMode
from autotrader_v2.search.doubts import KINDS

FOLDER = ROOT / "web" / "static" / "i18n"


def catalogue(name: str) -> dict[str, Any]:
    """One file."""
    return dict(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


# What only the Lab says is loaded with it.
LAB = catalogue("lab.en")
EN = {**catalogue("en"), **LAB}
RU = {**catalogue("ru"), **catalogue("lab.ru")}
FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}
SCRIPTS = [file.read_text("utf-8") for file in (ROOT / "web" / "static" / "js").glob("*.js")]
PYTHON = [
    ast.parse(file.read_text("utf-8"))
    for folder in ("autotrader_v2/application", "autotrader_v2/app", "autotrader_v2/infrastructure/store", "web")
    for file in (ROOT / folder).rglob("*.py")
]


def sentences(entry: Any) -> list[str]:
    """All forms of an entry."""
    return list(entry.values()) if isinstance(entry, dict) else [entry]


def placeholders(sentence: str) -> set[str]:
    """The values it names."""
    return set(re.findall(r"\{(\w+)\}", sentence))


def first_arguments(*callables: str) -> set[str]:
    """The text that calls of these names begin with, in application and web."""
    found = set()
    for tree in PYTHON:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in callables and isinstance(node.args[0].value, str):
                    found.add(node.args[0].value)
    return found


def keyword(callable_name: str, name: str) -> set[str]:
    """The texts that calls give to a keyword."""
    return {
        one.value.value
        for tree in PYTHON
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == callable_name
        for one in node.keywords
        if one.arg == name and isinstance(one.value, ast.Constant)
    }


def test_both_languages_have_the_same_keys() -> None:
    """In the same order, so that they can be read side by side."""
    assert list(EN) == list(RU)


def test_both_languages_name_the_same_values() -> None:
    """A placeholder that one lacks would show a dash, or hide a number."""
    for key, entry in EN.items():
        english, russian = (set().union(*map(placeholders, sentences(one))) for one in (entry, RU[key]))
        assert english == russian, key


def test_plural_forms_are_complete() -> None:
    """English has two, Russian four; each names the same values."""
    for language, catalogue in (("en", EN), ("ru", RU)):
        for key, entry in catalogue.items():
            if isinstance(entry, dict):
                assert set(entry) == FORMS[language], (language, key)
                assert len({frozenset(placeholders(form)) for form in entry.values()}) == 1, (language, key)
                assert isinstance(EN[key], dict) and isinstance(RU[key], dict), key


def test_bold_is_closed_and_nothing_is_markup() -> None:
    """Sentences are text; weight is the only mark they carry."""
    for catalogue in (EN, RU):
        for key, entry in catalogue.items():
            for sentence in sentences(entry):
                assert sentence.count("**") % 2 == 0, key
                assert not re.search(r"<[a-z/]", sentence), key
                assert sentence.strip() == sentence and sentence, key


# The same in both languages: names, and sentences that are nothing but their values.
SAME = {"feed.gate", "decision.paused", "reason.bad_ladder.text", "param.other"}


def test_russian_is_russian() -> None:
    """A sentence left untranslated is found here."""
    same = {key for key, entry in EN.items() if entry == RU[key] and re.search("[A-Za-z]{3}", words(entry))}
    assert same <= SAME


def words(entry: Any) -> str:
    """An entry without its placeholders."""
    return " ".join(re.sub(r"\{\w+\}", "", sentence) for sentence in sentences(entry))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_word_and_a_sentence(reason: Reason) -> None:
    """And a place in the list that gives it glyph and loudness."""
    looks = next(text for text in SCRIPTS if "const LOOKS = {" in text)
    assert re.search(rf"\b{reason.value}: \[", looks), reason
    if reason is Reason.PAUSED:  # told by its cause
        return
    assert f"reason.{reason.value}.word" in EN
    assert f"reason.{reason.value}.text" in EN


def test_every_cause_of_a_pause_has_words() -> None:
    """Causes are found where pauses are made."""
    causes = keyword("Pause", "cause")
    assert causes
    assert {cause for cause in causes if f"pause.{cause}.word" not in EN or f"pause.{cause}.text" not in EN} == set()


def test_every_alert_has_a_sentence() -> None:
    """Codes are found where alerts are raised."""
    codes = first_arguments("alert", "_alert", "begins", "ends") | {"journal_has_room"}
    assert {"late_fill", "engine_stuck", "watchdog_silent", "journal_full"} <= codes
    assert {code for code in codes if f"alert.{code}" not in EN} == set()


def test_every_kind_of_difference_has_a_sentence() -> None:
    """What a reconciliation finds is told in words."""
    assert {kind for kind in Kind if f"difference.{kind.value}" not in EN} == set()


def test_every_sentence_of_a_command_is_there() -> None:
    """A command prints an empty line for one that the catalogue lacks."""
    keys = first_arguments("worded")
    assert {"reconcile.unknown", "reconcile.newest"} <= keys
    assert keys - set(EN) == set()


def test_every_refusal_has_a_sentence() -> None:
    """Codes are found where wishes and requests are refused."""
    codes = first_arguments("CommandRefused", "Refused")
    assert {"order_in_flight", "sign_in"} <= codes
    assert {code for code in codes if f"error.{code}" not in EN} == set()


def test_every_warning_parameter_and_choice_has_a_word() -> None:
    """The ladder's form speaks of each."""
    ladder = (ROOT / "autotrader_v2" / "domain" / "ladder.py").read_text("utf-8")
    for code in re.findall(r'LadderWarning\("(\w+)"', ladder):
        assert f"warning.{code}" in EN
    form = next(text for text in SCRIPTS if "export const FIELDS" in text)
    for name in LadderParams.__dataclass_fields__:
        assert f"param.{name}" in EN
        assert f'name: "{name}"' in form, f"{name} cannot be edited"
    for choices in (SizeMode, DropReference, OrderStyle, Reserve):
        for choice in choices:
            assert f"choice.{choice.value}" in EN


def test_every_mode_purpose_side_and_outcome_has_a_word() -> None:
    """What orders are for and what became of them."""
    wanted = {f"mode.{one.value}" for one in SwitchMode} | {f"what.{one.value}" for one in Why}
    wanted |= {f"side.{one.value}" for one in Side} | {f"outcome.{one.value}" for one in Outcome} | {"outcome.unknown"}
    wanted |= {f"quick.{one.value}" for one in Outcome} | {
        f"closed.{one.value}" for one in Why if one.value not in ("start", "rebuy", "quick_buy")
    }
    assert {key for key in wanted if key not in EN} == set()


def test_every_key_that_a_script_names_is_there() -> None:
    """Keys that are put together at run time are covered by the tests above."""
    for text in SCRIPTS:
        for key in re.findall(r'(?:\bt|\brich|\bhas)\("([\w.]+)"', text):
            assert key in EN, key


def test_what_only_the_lab_says_is_named_by_the_lab_only() -> None:
    """Elsewhere it may not be loaded; and no key stands in two files."""
    assert not LAB.keys() & catalogue("en").keys()
    kinds = {key.partition(".")[0] for key in LAB}
    assert not kinds & {key.partition(".")[0] for key in catalogue("en")}
    named = re.compile(rf"""\bt\(["`](?:{"|".join(kinds)})\.""")
    scripts = (ROOT / "web" / "static" / "js").glob("*.js")
    assert {file.name for file in scripts if named.search(file.read_text("utf-8"))} <= {
        "lab_failure.js",
        "lab_form.js",
        "lab_page.js",
        "lab_result.js",
        "lab_runs.js",
        "lab_search.js",
        "lab_stretches.js",
        "lab_sweep.js",
        "lab_verdict.js",
    }


FAILURES = [
    *(ROOT / "autotrader_v2" / "infrastructure" / "feeds").glob("*.py"),
    ROOT / "autotrader_v2" / "backtest" / "result.py",
    ROOT / "autotrader_v2" / "app" / "lab_worker.py",
]


def test_every_reason_that_the_labs_worker_knows_has_a_sentence() -> None:
    """Reasons are found where errors are made; a row or a column is told by `bad`."""
    text = "\n".join(file.read_text("utf-8") for file in FAILURES)
    reasons = set(re.findall(r'\breason(?:: str)? ?= ?"(\w+)"', text))
    calls = [node for file in FAILURES for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    for node in calls:
        name = getattr(getattr(node, "func", None), "attr", "") or getattr(getattr(node, "func", None), "id", "")
        at = {"bad": 2, "Impossible": 2, "_unreadable": 4}.get(name)
        if isinstance(node, ast.Call) and at is not None and len(node.args) > at:
            assert isinstance(node.args[at], ast.Constant), ast.unparse(node)
            reasons.add(node.args[at].value)
    assert {"impossible", "covered", "not_text", "too_many_rows", "price_leaped", "not_parquet"} <= reasons
    assert {f"lab.bad.{one}" for one in reasons} == {key for key in LAB if key.startswith("lab.bad.")}


def test_every_range_that_is_refused_has_a_sentence() -> None:
    """With the values that come with it."""
    space = ast.parse((ROOT / "autotrader_v2" / "search" / "space.py").read_text("utf-8"))
    told = {
        one.value.value: {other.arg for other in node.keywords} - {"name", "code"}
        for node in ast.walk(space)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BadRange"
        for one in node.keywords
        if one.arg == "code" and isinstance(one.value, ast.Constant)
    }
    assert {"range_twice", "range_upside_down", "range_too_long"} == set(told)
    for code, values in told.items():
        assert placeholders(EN[f"error.{code}"]) == {"field", *values}, code


def test_every_failure_of_the_labs_worker_has_a_sentence() -> None:
    """Whatever code it ends with."""
    worker = (ROOT / "autotrader_v2" / "app" / "lab_worker.py").read_text("utf-8")
    failures = (ROOT / "autotrader_v2" / "app" / "lab_failures.py").read_text("utf-8")
    told = failures.partition("def _code(")[2].partition("def where_of(")[0]
    codes = set(re.findall(r'return "(\w+)"', told)) | set(re.findall(r'Impossible\("(\w+)"', worker))
    assert {"no_studies", "bad_data", "too_little_data"} <= codes
    assert {code for code in codes | {"crashed", "no_disk"} if f"lab.fail.{code}" not in LAB} == set()


def test_every_doubt_about_a_search_has_a_sentence() -> None:
    """With the values that the command's sentence has; kinds of markets and ends of ranges in words."""
    for code, english in SENTENCES.items():
        named = {name for _, name, _, _ in Formatter().parse(english) if name}
        assert placeholders(EN[f"doubt.{code}"]) == named, code
    assert {f"verdict.kind.{kind}" for kind in KINDS} | {"verdict.end.lowest", "verdict.end.highest"} <= EN.keys()


def test_sentences_stand_in_the_catalogues_only() -> None:
    """No Cyrillic in a script; no English sentence between tags."""
    for text in SCRIPTS:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
        assert not re.search("[А-Яа-я]", code)
        assert not re.findall(r">\s*[A-Z][a-z]+ [a-z]+[^<>{}$]*<", code)
