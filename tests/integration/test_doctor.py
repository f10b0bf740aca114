"""`doctor`: what it finds on a healthy machine, and that it finds what is broken, in words with money in them."""

import json
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import doctor_exchange, doctor_machine
from autotrader_v2.app.cli import main
from autotrader_v2.app.settings import load
from autotrader_v2.infrastructure.gate.probe import KeyRights, Reached
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.integration.test_webhook import Receiver

KEY, SECRET = "canary-key-1234567", "canary-secret-1234567"
LEVELS = {"ok", "warn", "fail", "skip"}
Report = dict[str, list[dict[str, str]]]
Doctor = Callable[..., tuple[int, Report]]


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Run it; returns the exit code and the findings by name."""

    def run(*flags: str) -> tuple[int, Report]:
        code = main(["doctor", "--json", "--port", "0", "--data-dir", str(tmp_path / "данные"), *flags])
        said = capsys.readouterr()
        assert "canary" not in said.out + said.err
        told: dict[str, Any] = json.loads(said.out)
        assert told["ok"] is (code == 0)
        report: Report = {}
        for check in told["checks"]:
            assert check["level"] in LEVELS
            assert bool(check["do"]) == (check["level"] in ("warn", "fail")), "what is wrong says what to do"
            report.setdefault(check["name"], []).append(check)
        return code, report

    return run


def levels(report: Report, name: str) -> set[str]:
    """How the findings of that name are."""
    return {one["level"] for one in report[name]}


def test_paper_without_network_is_well_and_says_what_it_skips(doctor: Doctor) -> None:
    """Nothing there but Python."""
    code, report = doctor("--feed", "synthetic")
    assert code == 0
    assert levels(report, "exchange") == {"skip"}
    for name in ("python", "sqlite", "data_dir", "disk_space", "disk_speed", "database", "running", "time_zone"):
        assert levels(report, name) == {"ok"}, report[name]


def test_the_account_is_asked_what_it_allows(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sandbox against the exchange in a box: reachable, clock, stream, key, markets, fees."""
    with Simulator([rules_for("ETH"), rules_for("SOL")], {"USDT": 1000}, key=KEY, secret=SECRET) as sim:
        monkeypatch.setenv("API_KEY", KEY)
        monkeypatch.setenv("API_SECRET", SECRET)
        monkeypatch.setenv("GATE_HOST", sim.url)
        monkeypatch.setenv("AVAILABLE_SYMBOLS", "ETH,SOL,NOPE")
        code, report = doctor("--mode", "sandbox")
        assert code == 0
        for name in ("rest", "clock", "websocket", "key", "key_rights", "fees"):
            assert levels(report, name) == {"ok"}, report[name]
        assert "1000 USDT free" in report["key"][0]["found"]
        assert "NOPE" in report["markets"][0]["found"]
        monkeypatch.setenv("API_SECRET", "canary-wrong-secret")
        code, report = doctor("--mode", "sandbox")
        assert code == 1
        assert levels(report, "key") == {"fail"}
        assert "neither buys nor sells" in report["key"][0]["means"]


def test_an_exchange_that_is_not_there_fails_where_money_depends_on_it(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In sandbox and live; paper has prices of its own."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("API_KEY", KEY)
        monkeypatch.setenv("API_SECRET", SECRET)
        monkeypatch.setenv("GATE_HOST", f"http://127.0.0.1:{unused.getsockname()[1]}/api/v4")
        code, report = doctor("--mode", "sandbox")
        assert code == 1
        assert levels(report, "rest") == {"fail"}
        code, report = doctor("--mode", "paper")
        assert code == 0
        assert levels(report, "exchange") == {"skip"}


def test_p9_a_damaged_journal_is_found_and_not_touched(doctor: Doctor, tmp_path: Path) -> None:
    """And the advice is not to delete it."""
    folder = tmp_path / "данные"
    folder.mkdir()
    journal = folder / "live.sqlite3"
    with sqlite3.connect(journal) as connection:
        connection.execute("CREATE TABLE fills (id INTEGER PRIMARY KEY, what TEXT)")
        connection.executemany("INSERT INTO fills (what) VALUES (?)", [("x" * 500,)] * 200)
    connection.close()
    whole = journal.read_bytes()
    damaged = whole[:8192] + b"\xff" * 4096 + whole[12288:]
    journal.write_bytes(damaged)
    code, report = doctor("--feed", "synthetic")
    assert code == 1
    assert levels(report, "database") == {"fail"}
    assert "Do not delete it" in report["database"][0]["do"]
    assert journal.read_bytes() == damaged


def test_a_taken_port_is_found(tmp_path: Path) -> None:
    """Before the start fails on it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load({"data_dir": str(tmp_path), "port": str(port)}).settings
        (finding,) = [one for one in doctor_machine.running(settings) if one.name == "port"]
        assert finding.level == "fail"


def test_a_dead_man_without_a_watchdog_is_a_warning(tmp_path: Path) -> None:
    """The person counts on somebody who is not there."""
    settings = load({"data_dir": str(tmp_path), "port": "0", "dead_man": "sell:30"}).settings
    assert [one.level for one in doctor_machine.running(settings) if one.name == "dead_man"] == ["warn"]


@pytest.mark.parametrize(("offset_ms", "level"), [(0, "ok"), (-1500, "warn"), (1500, "warn"), (6000, "fail")])
def test_m12_the_clock_against_the_exchange(offset_ms: int, level: str) -> None:
    """Over one second it is told, over five nothing can be trusted."""
    findings = {one.name: one for one in doctor_exchange._rest(load().settings, Reached(20.0, offset_ms))}
    assert findings["clock"].level == level


@pytest.mark.parametrize(
    ("told", "level"),
    [
        (KeyRights((("spot", False), ("wallet", True)), True), "ok"),
        (KeyRights((), None, "FORBIDDEN"), "ok"),
        (KeyRights((("spot", True),), True), "fail"),
        (KeyRights((("futures", False),), True), "fail"),
        (KeyRights((("spot", False), ("withdraw", False)), True), "fail"),
    ],
)
def test_a4_what_the_key_may_do(told: KeyRights, level: str) -> None:
    """A key that cannot trade, or that can take the money away, is found."""
    findings = {one.name: one for one in doctor_exchange._rights(load().settings, told)}
    assert findings["key_rights"].level == level


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (404, "fail")])
def test_notify_tells_whether_alerts_get_through(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, status: int, level: str
) -> None:
    """A test alert through the real webhook, and its failure is a failure."""
    receiver = Receiver()
    receiver.statuses = [status]
    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", receiver.url + "canary-path")
    code, report = doctor("--feed", "synthetic", "--notify")
    assert levels(report, "alerts") == {level}
    assert code == (level == "fail")
    assert json.loads(receiver.got[0][2])["code"] == "test"
    receiver.server.shutdown()
    receiver.server.server_close()


def test_an_examination_that_breaks_hides_nothing_else(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a failure of its own."""

    def breaks() -> Any:
        raise RuntimeError("odd")

    monkeypatch.setattr(doctor_machine, "time_zone", breaks)
    code, report = doctor("--feed", "synthetic")
    assert code == 1
    assert levels(report, "time_zone") == {"fail"}
    assert levels(report, "data_dir") == {"ok"}
