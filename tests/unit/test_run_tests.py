"""The second door's options do what they say, with pytest itself; what they run is tested where it stands."""

import os
import re
import sys
from pathlib import Path

import pytest

import mTrade
import run_tests


@pytest.fixture(autouse=True)
def _no_setting_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """This very Python has all that is needed; folder and environment are as before afterwards."""
    monkeypatch.setattr(mTrade, "ensure", lambda _requirements: None)
    monkeypatch.setattr(mTrade, "PYTHON", sys.executable)
    monkeypatch.chdir(mTrade.ROOT)
    for _option, variable, _test in run_tests._LONG_FORMS:
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("PYTHONUTF8", os.environ.get("PYTHONUTF8", ""))


def said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Its exit code and output."""
    monkeypatch.setattr(sys, "argv", ["run_tests.py", *arguments])
    code = run_tests.main()
    return code, capfd.readouterr().out


def test_kills_are_as_many_as_asked_for_and_nothing_else_runs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each hundred is a round of its own."""
    code, out = said(monkeypatch, capfd, "--kills", "250", "--", "--collect-only", "-q")
    assert code == 0
    assert [line.partition("::")[0] for line in out.splitlines() if "::" in line] == [
        "tests/integration/test_kill_rounds.py"
    ] * 3
    assert os.environ["MTRADE_KILLS"] == "250"


def test_ambiguous_sends_are_as_many_as_asked_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Four are sent (a few more may be, at the same moment), and the run says so."""
    code, out = said(monkeypatch, capfd, "--ambiguous-sends", "4")
    assert code == 0, out
    told = re.search(r'"ambiguous_sends": (\d+)', out)
    assert told, out
    assert 4 <= int(told[1]) < 50
    assert re.search(r"\b1 passed\b", out)


def test_a_failed_long_form_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever starts it need not read."""
    code, _ = said(monkeypatch, capfd, "--kills", "1", "--", "--no-such-option")
    assert code != 0


def test_a_check_that_fails_is_named_with_what_it_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The checks run beside each other, each with its output under its own headline."""
    checks = (
        ("Good", ["-c", "import time; time.sleep(0.2); print('fine')"]),
        ("Bad", ["-c", "import sys; print('a complaint'); sys.exit('and an error')"]),
    )
    monkeypatch.setattr(run_tests, "_CHECKS", checks)
    assert run_tests._check() == ["Bad"]
    shown = capfd.readouterr().out
    assert re.sub(r"\s+", " ", shown).strip() == "=== Good === fine === Bad === a complaint and an error"


# Fails as often as is written beside it, then passes.
_STARVED = """
from pathlib import Path
def test_starved():
    left = Path("left")
    times = int(left.read_text())
    left.write_text(str(max(times - 1, 0)))
    assert times == 0
def test_sound():
    pass
"""


@pytest.mark.parametrize(
    ("fails", "folder", "once", "judged"),
    [
        (0, "tests/unit", False, (True, [])),
        (1, "tests/unit", False, (True, ["tests/unit/test_it.py::test_starved"])),
        (2, "tests/unit", False, (False, [])),
        (1, "tests/unit", True, (False, [])),
        (1, "tests/property", False, (False, [])),
    ],
)
def test_what_fails_beside_others_is_judged_alone_and_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: int, folder: str, once: bool, judged: tuple[bool, list[str]]
) -> None:
    """It has to pass twice by itself; random worlds get no second chance, nor does a run with own arguments."""
    file = tmp_path / folder / "test_it.py"
    file.parent.mkdir(parents=True)
    file.write_text(_STARVED, encoding="utf-8")
    (tmp_path / "left").write_text(str(fails), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:schemathesis\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_tests, "_BESIDE_EACH_OTHER", ("-n", "0"))
    assert run_tests._run_tests([], once=once) == judged


def test_many_failures_are_no_chance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """More than a few at once are not looked at again."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('one', range(5))\ndef test_it(one):\n    assert False\n",
        encoding="utf-8",
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:schemathesis\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_tests, "_BESIDE_EACH_OTHER", ("-n", "0"))
    said: list[str] = []
    monkeypatch.setattr(run_tests, "_headline", said.append)
    assert run_tests._run_tests([], once=False) == (False, [])
    assert said == []
