"""Borders that import-linter cannot say: the core stands on the standard library alone."""

import ast
import sys
from pathlib import Path

import pytest

from autotrader_v2.app import settings
from autotrader_v2.app.values import ROOT
from autotrader_v2.infrastructure.environment import helper_environment


def imports(file: Path) -> set[str]:
    """The top-level names that a file imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(("room", "besides"), [("domain", set()), ("matching", set()), ("application", {"structlog"})])
def test_the_core_stands_on_the_standard_library(room: str, besides: set[str]) -> None:
    """So that it can be simulated fast, read alone and installed anywhere."""
    allowed = sys.stdlib_module_names | {"autotrader_v2"} | besides
    foreign = {str(file): imports(file) - allowed for file in (ROOT / "autotrader_v2" / room).rglob("*.py")}
    assert {file: names for file, names in foreign.items() if names} == {}


def test_only_the_settings_read_the_environment() -> None:
    """One place knows every setting, its spelling and its check; another, what the system's own tools need.

    Where the data folder is must be known before the settings can be loaded; a test holds the two to each other.
    """
    readers = {
        file.relative_to(ROOT).as_posix()
        for folder in ("autotrader_v2", "web")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    assert readers == {
        "autotrader_v2/app/settings.py",
        "autotrader_v2/app/early_look.py",
        "autotrader_v2/infrastructure/environment.py",
    }


def test_helper_processes_get_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys may stand in the environment; notify-send and systemctl have no business with them."""
    for name in settings.names():
        monkeypatch.setenv(name, "canary")
    assert "canary" not in helper_environment().values()
