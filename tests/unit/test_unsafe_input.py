"""What comes from outside is text or a checked value: names, files, packages (rows W2, W13, W14)."""

import ast
import re

import pytest

import mTrade
from autotrader_v2.app.values import ROOT
from autotrader_v2.domain.market import BadSymbol, parse_symbol
from tests.web_double import DeskDouble, a_script, a_web

# Loaders that run what they load, or unpack what they cannot measure.
_UNSAFE_MODULES = {
    "pickle",
    "shelve",
    "marshal",
    "dill",
    "joblib",
    "yaml",
    "zipfile",
    "tarfile",
    "shutil.unpack_archive",
}
_UNSAFE_CALLS = {"eval", "exec", "compile"}
_SOURCES = sorted(file for folder in ("autotrader_v2", "web") for file in (ROOT / folder).rglob("*.py"))
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(\[[^\]]*\])?==\S+", re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "BTC<b>", "БТЦ", "B\u202eTC", "B" * 21, "BTC\x00", ""]
)
def test_w2_a_name_that_is_no_coin_is_refused(name: str) -> None:
    """Only A-Z and 0-9, 20 at most, at every way in."""
    with pytest.raises(BadSymbol):
        parse_symbol(name)
    script = a_script(a_web(desk := DeskDouble()))
    assert script.post("/api/symbols/add", json={"symbol": name}).status_code in (200, 400)
    if not re.fullmatch(r"[A-Za-z0-9/_-]{1,40}", name):
        assert desk.calls == []


def test_w13_nothing_is_loaded_that_could_run() -> None:
    """No pickle, no YAML, no archives, no eval: data is JSON, CSV and SQL."""
    for file in _SOURCES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = {one.name for one in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            assert not names & _UNSAFE_MODULES, (file, names)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in _UNSAFE_CALLS, (file, node.lineno)


@pytest.mark.parametrize("name", sorted(mTrade._HOLDS))
def test_w14_every_package_is_pinned_with_its_hash(name: str) -> None:
    """A package that somebody replaced at its registry is not installed."""
    text = (ROOT / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " ", "--"))]
    assert lines
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    for line in lines:
        assert _PIN.match(line), f"{name}: {line} is not pinned"
        block = next(one for one in blocks if one.startswith(line))
        assert "--hash=sha256:" in block, f"{name}: {line} has no hash"
