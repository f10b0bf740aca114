"""Each benchmark runs in its short form and prints one line of JSON. How fast anything is, no test says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_NAMES = sorted(
    path.stem for path in (_ROOT / "benchmarks").glob("*.py") if "report.main(" in path.read_text(encoding="utf-8")
)


def test_all_are_named_in_the_readme() -> None:
    readme = (_ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert [name for name in _NAMES if f"`{name}`" not in readme] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", _NAMES)
def test_short_form_prints_one_line(name: str, request: pytest.FixtureRequest) -> None:
    if name == "memory" and not Path("/proc/self/statm").exists():
        pytest.skip("reads memory from /proc")
    if name == "page_load":
        request.getfixturevalue("chromium")
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--short"],
        cwd=_ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["benchmark"] == name
    assert told["short"] is True
    assert {"date", "cores", "python"} <= told.keys()
