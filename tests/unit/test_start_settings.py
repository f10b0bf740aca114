"""Settings changed on the page: written only when the whole would start; secrets never told; the rest kept."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import start_settings
from autotrader_v2.app.settings import Settings, load
from autotrader_v2.app.values import ENV_FILE_NAME
from autotrader_v2.application.refusals import CommandRefused

FILE = "# mine\nLOG_LEVEL=WARNING\nNOTIFY_WEBHOOK_SECRET=made-up-secret-0001\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    path = tmp_path / "my.env"
    path.write_text(FILE, "utf-8")
    path.chmod(0o600)
    monkeypatch.setenv(ENV_FILE_NAME, str(path))
    return path


def row(running: Settings, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = start_settings.described(running)["settings"]
    return next(one for one in rows if one["name"] == name)


def test_a_change_waits_for_the_next_start_and_leaves_the_rest_of_the_file(file: Path) -> None:
    running = load().settings
    start_settings.change(running, "RECONCILE_S", "30")
    start_settings.change(running, "LOG_LEVEL", None)
    assert file.read_text("utf-8").splitlines() == [
        "# mine",
        "NOTIFY_WEBHOOK_SECRET=made-up-secret-0001",
        "RECONCILE_S=30",
    ]
    assert (row(running, "RECONCILE_S")["value"], row(running, "RECONCILE_S")["next"]) == ("60", "30")
    assert (row(running, "LOG_LEVEL")["value"], row(running, "LOG_LEVEL")["next"]) == ("WARNING", "INFO")
    assert load().settings.reconcile_s == 30
    if sys.platform != "win32":
        assert file.stat().st_mode & 0o077 == 0
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("RECONCILE_S", "1", "bad_setting"),
        ("NOTIFY_WEBHOOK_URL", "http://192.168.0.1/hook", "bad_setting"),
        ("LOG_LEVEL", "LOUD", "bad_setting"),
        ("PORT", "80\nMODE=live", "bad_setting"),
        ("SPEED", "x" * 501, "bad_setting"),
        ("MODE", "live", "not_changeable"),
        ("API_KEY", "abc", "not_changeable"),
        ("GATE_HOST", "https://example.com", "not_changeable"),
        ("PATH", "/tmp", "not_changeable"),
    ],
)
def test_what_would_not_start_or_moves_money_is_refused_and_nothing_is_written(
    file: Path, name: str, value: str, code: str
) -> None:
    with pytest.raises(CommandRefused) as refused:
        start_settings.change(load().settings, name, value)
    assert refused.value.code == code
    assert file.read_text("utf-8") == FILE
    assert list(file.parent.iterdir()) == [file]


def test_w9_a_secret_is_only_set_or_not(file: Path) -> None:
    running = load().settings
    start_settings.change(running, "NOTIFY_WEBHOOK_URL", "https://example.com/hook-made-up-token")
    told = str(start_settings.described(running))
    assert "made-up" not in told
    assert row(running, "NOTIFY_WEBHOOK_SECRET")["set"] is True
    assert row(running, "NOTIFY_WEBHOOK_URL")["changed"] is True


def test_where_a_value_comes_from_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "9")
    running = load({"speed": "5"}).settings
    sources = {one["name"]: one["source"] for one in start_settings.described(running)["settings"]}
    assert (sources["SPEED"], sources["SEED"], sources["LOG_LEVEL"], sources["PORT"]) == (
        "flag",
        "environment",
        "file",
        "default",
    )


def test_a_file_that_somebody_broke_is_told_and_not_made_worse(file: Path) -> None:
    running = load().settings
    file.write_text("RECONCILE_S=never\n", "utf-8")
    assert start_settings.described(running)["readable"] is False
    with pytest.raises(CommandRefused):
        start_settings.change(running, "LOG_LEVEL", "DEBUG")
    start_settings.change(running, "RECONCILE_S", "45")
    assert start_settings.described(running)["readable"] is True


def test_without_a_file_there_is_nothing_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_FILE_NAME, "")
    assert os.environ[ENV_FILE_NAME] == ""
    with pytest.raises(CommandRefused) as refused:
        start_settings.change(load().settings, "LOG_LEVEL", "DEBUG")
    assert refused.value.code == "no_env_file"
