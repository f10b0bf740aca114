"""docs/SECURITY.md is true: every row of web attacks stands in it, and every test it names exists."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_DOC = (_ROOT / "docs" / "SECURITY.md").read_text("utf-8")
_ROWS = dict(re.findall(r"^\| (W\d+) \| .+? \| (.+) \|$", _DOC, re.MULTILINE))
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("row", [f"W{number}" for number in range(1, 15)])
def test_every_row_is_shown_by_tests_that_carry_its_name(row: str) -> None:
    named = _TEST.findall(_ROWS[row])
    assert named
    for _file, test in named:
        assert re.search(rf"(^|_){row.lower()}(_|$)", test), f"{row}: {test}"


def test_every_test_that_is_named_exists() -> None:
    for file, test in _TEST.findall(_DOC):
        assert (_ROOT / file).is_file(), file
        if test:
            source = (_ROOT / file).read_text("utf-8")
            assert re.search(rf"^def {test}\b", source, re.MULTILINE), f"no {test} in {file}"
