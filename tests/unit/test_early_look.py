"""Row P11: which folder a start means is known without the settings, and is the one the settings say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autotrader_v2.app import cli, cli_service, early_look, instance, settings
from autotrader_v2.app.values import ROOT


@pytest.mark.parametrize("flag", ["", "../up"])
@pytest.mark.parametrize("name", ["DATA_DIR", "Data_Dir"])
@pytest.mark.parametrize("inside", ["", "~/there"])
@pytest.mark.parametrize(
    "line", ["", "DATA_DIR=filed\n", "data_dir='fi led'  # mine\n", "DATA_DIR=\n", "A=x\nDATA_DIR=${A}/y\n"]
)
def test_p11_the_folder_looked_at_early_is_the_one_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, name: str, inside: str, line: str
) -> None:
    """Whichever of flag, environment and file says it."""
    file = tmp_path / "settings.env"
    file.write_text(line, "utf-8-sig")
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    monkeypatch.setenv(name, inside)
    flags = {"data_dir": flag} if flag else {}
    assert early_look.data_dir(flag or None, os.environ) == settings.load(flags).settings.data_dir


def test_p11_where_only_the_settings_can_tell_nothing_is_looked_at(tmp_path: Path) -> None:
    """A file that cannot be read is for the settings to refuse, in their own words."""
    file = tmp_path / "settings.env"
    file.write_bytes(b"DATA_DIR=\xd0\n")
    assert early_look.data_dir(None, {"MTRADE_ENV_FILE": str(file)}) is None
    assert early_look.data_dir(None, {"MTRADE_ENV_FILE": "", "DATA_DIR": "a", "data_dir": "b"}) is None
    assert early_look.data_dir(None, {"MTRADE_ENV_FILE": ""}) == ROOT / "data"


@pytest.mark.parametrize(
    "words", [["--data-dir", "a"], ["--data-dir=a"], ["--data-dir", "b", "--port", "0", "--data-dir", "a"], []]
)
def test_p11_the_flag_is_read_as_the_command_line_reads_it(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    seen: list[object] = []
    monkeypatch.setattr(cli_service, "settings_of", lambda flags: seen.append(flags.get("data_dir")))
    monkeypatch.setattr(cli_service, "_serve", lambda *_, **__: 0)
    monkeypatch.setattr(early_look, "refuse_a_second", lambda words: seen.append(early_look.flag_of(words)))
    assert cli.main(["serve", *words]) == 0
    assert seen[0] == seen[1]


def test_p11_a_second_start_leaves_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    """It has a second on a crowded machine; reading the settings alone may take half of it."""
    code = (
        "import sys; from autotrader_v2.app.cli import main; code = main(sys.argv[1:]);"
        "print(code, *(name for name in ('pydantic', 'structlog', 'sqlalchemy', 'web') if name in sys.modules))"
    )
    with instance.claim(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", code, "serve", "--no-browser", "--data-dir", str(tmp_path)],
            cwd=ROOT,
            env=settings.environment_with(MTRADE_ENV_FILE=""),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.split() == ["1"], done.stderr
    assert "already at work" in done.stderr
