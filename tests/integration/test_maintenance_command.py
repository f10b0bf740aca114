"""`maintenance` as a person uses it: backup, list, integrity, restore, vacuum; exit codes and JSON."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import cli, instance
from autotrader_v2.application.ports import Binding
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.infrastructure.store.backups import Backups
from autotrader_v2.infrastructure.store.upkeep import Upkeep
from tests.unit.test_store_values import BTC, ETH, Scribe

SOL = Market("gate", "SOL", "USDT")
BINDING = Binding("paper", "synthetic", "paper", "synthetic")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a journal of paper."""
    monkeypatch.setenv("MTRADE_ENV_FILE", "")
    scribe = Scribe.opens(tmp_path / "paper-synthetic.sqlite3", BINDING)
    scribe.whole_cycle(BTC)
    scribe.journal.close()
    return tmp_path


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """(exit code, what it printed as JSON)."""
    code = cli.main(["maintenance", *words, "--feed", "synthetic", "--data-dir", str(folder), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_p9_a_backup_is_put_back_and_both_files_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """P9: the whole way out, command by command."""
    code, made = run(folder, capsys, "backup")
    assert (code, made["ok"]) == (0, True)
    database = folder / "paper-synthetic.sqlite3"
    later = Scribe.opens(database, BINDING)
    later.whole_cycle(ETH)
    later.journal.close()
    with closing(sqlite3.connect(database)) as other:
        other.execute("UPDATE fills SET base = '7'")
        other.commit()
    code, told = run(folder, capsys, "integrity")
    assert (code, told["ok"]) == (1, False)
    assert told["problems"]
    assert run(folder, capsys, "list")[1]["backups"] == [
        {"name": made["name"], "bytes": made["bytes"], "by_hand": True}
    ]
    code, told = run(folder, capsys, "restore", "latest")
    assert (code, told["restored"]) == (0, made["name"])
    assert Path(told["replaced"]).exists()
    assert run(folder, capsys, "integrity") == (0, {**run(folder, capsys, "integrity")[1], "ok": True, "problems": []})
    journal = SqlJournal(database, BINDING, account="paper")
    assert set(journal.load().cycles) == {BTC}
    journal.close()


def test_a_backup_made_by_hand_is_there_to_go_back_to_after_the_stop(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made, traded on, stopped within the hour, restored: each stop makes a copy by itself, and the next one too."""
    database = folder / "paper-synthetic.sqlite3"
    _, made = run(folder, capsys, "backup")
    for market in (ETH, SOL):
        later = Scribe.opens(database, BINDING)
        later.whole_cycle(market)
        Upkeep(later.journal, Backups(database, "paper", folder / "backups"), every_s=3600).stop()
        later.journal.close()
    listed = run(folder, capsys, "list")[1]["backups"]
    assert made["name"] in [one["name"] for one in listed if one["by_hand"]]
    assert made["kept_by_hand"] == 20
    _, latest = run(folder, capsys, "restore", "latest")
    assert (latest["restored"], latest["newest_by_hand"]) == (listed[0]["name"], made["name"]), "and it is told"
    code, told = run(folder, capsys, "restore", made["name"])
    assert (code, told["newest_by_hand"]) == (0, "")
    journal = SqlJournal(database, BINDING, account="paper")
    assert set(journal.load().cycles) == {BTC}
    journal.close()


def test_a_deleted_journal_is_restored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, capsys, "backup")[0] == 0
    (folder / "paper-synthetic.sqlite3").unlink()
    for what in ("backup", "integrity", "vacuum"):
        code, told = run(folder, capsys, what)
        assert code == 1
        assert "no database" in told["error"]
    assert run(folder, capsys, "restore", "latest")[1]["replaced"] == ""
    assert run(folder, capsys, "integrity")[0] == 0


@pytest.mark.parametrize("words", [("restore", "latest"), ("vacuum",)])
def test_beside_a_running_engine_nothing_is_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """Copies and checks are made beside it; the file itself is left alone."""
    before = (folder / "paper-synthetic.sqlite3").read_bytes()
    with instance.claim(folder):
        assert run(folder, capsys, "backup")[0] == 0
        assert run(folder, capsys, "integrity")[0] == 0
        code = cli.main(["maintenance", *words, "--feed", "synthetic", "--data-dir", str(folder)])
        assert code == 1
        assert "already at work" in capsys.readouterr().err
    assert (folder / "paper-synthetic.sqlite3").read_bytes() == before


@pytest.mark.parametrize("name", ["../paper-synthetic.sqlite3", "/etc/passwd", "latest", "paper.sqlite3"])
def test_w7_restore_takes_names_from_its_own_folder_only(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, told = run(folder, capsys, "restore", name)
    assert code == 1
    assert "There is no backup" in told["error"]


def test_vacuum_and_words_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("backup",), ("list",), ("integrity",), ("vacuum",), ("restore", "latest")):
        assert cli.main(["maintenance", *words, "--feed", "synthetic", "--data-dir", str(folder)]) == 0
        assert capsys.readouterr().out.strip()


def test_a_database_server_has_its_own_tools(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PATH", "postgresql://me@127.0.0.1/mtrade")
    code, told = run(folder, capsys, "backup")
    assert code == 1
    assert "pg_dump" in told["error"]


def test_a_backup_folder_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """BACKUP_DIR: another disk."""
    elsewhere = tmp_path / "another disk"
    monkeypatch.setenv("BACKUP_DIR", str(elsewhere))
    code, told = run(folder, capsys, "backup")
    assert (code, told["folder"]) == (0, str(elsewhere))
    assert os.listdir(elsewhere) == [told["name"]]
