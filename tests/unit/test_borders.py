"""Borders that import-linter cannot say: the core stands on the standard library alone."""

import ast
import sys
from pathlib import Path

import pytest

from autotrader_v2.app.values import ROOT


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
    """One place knows every setting, its spelling and its check."""
    readers = {
        file.relative_to(ROOT).as_posix()
        for folder in ("autotrader_v2", "web")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert readers == {"autotrader_v2/app/settings.py"}
