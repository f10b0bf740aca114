"""docs/RELIABILITY.md is true: every fault row stands in it, and every test it names exists."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_DOC = _ROOT / "docs" / "RELIABILITY.md"
# reliability.md §3: orders, market data and time, process and disk, account.
_LAST = {"O": 22, "M": 17, "P": 19, "A": 7}
ROWS = [f"{table}{number}" for table, last in _LAST.items() for number in range(1, last + 1)]
_ROW = re.compile(r"^\| ([OMPA]\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def _table() -> dict[str, str]:
    return {row: shown for row, _what, shown in _ROW.findall(_DOC.read_text("utf-8"))}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_shown_by_a_test_or_cannot_arise(row: str) -> None:
    shown = _table().get(row)
    assert shown is not None, f"{row} is missing"
    named = _TEST.findall(shown)
    assert named or shown.startswith("Cannot arise:"), f"{row} names no test and no reason: {shown}"
    for file, test in named:
        assert (_ROOT / file).is_file(), f"{row} names {file}, which is not there"
        if test:
            source = (_ROOT / file).read_text("utf-8")
            assert re.search(rf"^\s*(?:def|class) {test}\b", source, re.MULTILINE), f"{row}: no {test} in {file}"


@pytest.mark.parametrize("row", ROWS)
def test_one_of_its_tests_is_named_after_the_row(row: str) -> None:
    shown = _table()[row]
    if shown.startswith("Cannot arise:"):
        return
    names = [test for _file, test in _TEST.findall(shown)]
    assert any(re.search(rf"(^|_){row.lower()}(_|$)", name) for name in names), f"{row}: {names}"
