"""How tests are handed out to processes beside each other."""

import pytest

from autotrader_v2.app.values import ROOT
from tests.turns import _WHOLE, turn_of

DOORS = "tests/integration/test_doors.py"


@pytest.mark.parametrize(
    ("nodeid", "turn"),
    [
        (f"{DOORS}::test_a", DOORS),
        (f"{DOORS}::test_b[x::y]", DOORS),
        ("tests/browser/test_page.py::test_a", "tests/browser/test_page.py"),
        ("tests/unit/test_a.py::test_b[1]", "tests/unit/test_a.py::test_b[1]"),
    ],
)
def test_some_files_are_run_by_one_process_and_all_other_tests_by_any(nodeid: str, turn: str) -> None:
    assert turn_of(nodeid) == turn


def test_the_files_that_stay_together_are_there() -> None:
    """A renamed one would be torn apart."""
    assert [name for name in _WHOLE if not (ROOT / name).exists()] == []
