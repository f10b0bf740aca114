"""Backups: whole while the journal is written to, verified, kept by age, put back by name."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.application.ports import Doubt
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.store import SqlJournal, backups, chain, repair
from autotrader_v2.infrastructure.store import upkeep as upkeep_module
from autotrader_v2.infrastructure.store.backups import BackupFailed, Backups, kept
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.infrastructure.store.repair import CannotRepair, restore, vacuum
from autotrader_v2.infrastructure.store.standing import head_path
from autotrader_v2.infrastructure.store.upkeep import Upkeep
from tests.unit.test_store_values import BINDING, BTC, ETH, Scribe

REAL = replace(BINDING, mode="live")
NOW = datetime(2026, 11, 21, 14, 3, 5, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "мои данные" / "live.sqlite3"


@pytest.fixture
def scribe(path: Path) -> Iterator[Scribe]:
    scribe = Scribe.opens(path, REAL)
    scribe.whole_cycle(BTC)
    scribe.booked(scribe.intended(cycle_id=2))
    yield scribe
    scribe.journal.close()


def copies(path: Path) -> Backups:
    return Backups(path, "paper", path.parent / "backups")


def test_a_backup_made_while_four_threads_write_is_one_moment_of_it(scribe: Scribe, path: Path) -> None:
    """Whole by every check, and a plain file without a log."""
    ending = threading.Event()

    def write(number: int) -> None:
        own = Scribe(scribe.journal, scribe.instance, {})
        while not ending.is_set():
            own.whole_cycle(Market("gate", f"C{number}", "USDT"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        made = [copies(path).make(NOW, full=True, breathe=lambda: time.sleep(0.002) is None) for _ in range(3)]
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert [one.name for one in made] == [f"live-20261121T14030{second}Z.sqlite3" for second in (5, 6, 7)]
    assert copies(path).list() == made[::-1]
    assert sorted(os.listdir(copies(path).folder)) == [one.name for one in made]
    for one in made:
        assert problems_of(one.path, "paper", full=True) == ()


@pytest.mark.parametrize("by_hand", [True, False])
def test_of_two_backups_of_one_second_the_later_is_the_latest(scribe: Scribe, path: Path, *, by_hand: bool) -> None:
    """One by hand and one of the stop right after it: what is restored is the newer one."""
    copies(path).make(NOW, full=False, by_hand=by_hand)
    later = copies(path).make(NOW, full=False, by_hand=not by_hand)
    assert copies(path).named("latest") == later


moments = st.lists(st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda age: NOW - age), max_size=60)


@given(moments)
def test_of_each_hour_day_and_week_that_counts_the_newest_is_kept(made: list[datetime]) -> None:
    """24 hours, 7 days, 4 weeks; the newest whatever its age."""
    keep = kept(made, NOW)
    assert keep <= set(made)
    assert not made or max(made) in keep
    for span, bucket in (
        (timedelta(hours=24), lambda one: (one.date(), one.hour)),
        (timedelta(days=7), lambda one: one.date()),
        (timedelta(weeks=4), lambda one: tuple(one.isocalendar()[:2])),
    ):
        recent = [one for one in made if NOW - one < span]
        for group in {bucket(one) for one in recent}:
            assert max(one for one in recent if bucket(one) == group) in keep
    assert len(keep) <= 25 + 8 + 5 + 1


def test_pruned_by_age_and_nothing_else_is_touched(scribe: Scribe, path: Path) -> None:
    folder = copies(path).folder
    folder.mkdir()
    for age_h in range(0, 24 * 40, 5):
        (folder / f"live-{NOW - timedelta(hours=age_h):%Y%m%dT%H%M%SZ}.sqlite3").touch()
    others = ("paper-20200101T000000Z.sqlite3", "live-holiday.sqlite3", "live-20209901T000000Z.sqlite3", "notes.txt")
    for name in others:
        (folder / name).touch()
    copies(path).prune(NOW)
    assert set(others) <= set(os.listdir(folder))
    left = [one.made for one in copies(path).list()]
    assert set(left) == kept(left, NOW)
    assert left[0] == NOW


def test_a_backup_made_by_hand_outlives_whatever_is_made_by_itself(scribe: Scribe, path: Path) -> None:
    """It was made to go back to: a newer one of the same hour, or of the stop that a restore needs, leaves it."""
    one_by_hand = copies(path).make(NOW, full=False, by_hand=True)
    upkeep = Upkeep(scribe.journal, copies(path), every_s=3600, first_after_s=3600)
    upkeep.start()
    from_the_page = upkeep.copy_now(30)
    scribe.whole_cycle(ETH)
    upkeep.stop()
    made_by_the_stop = copies(path).named("latest")
    assert [one.by_hand for one in (one_by_hand, from_the_page, made_by_the_stop)] == [True, True, False]
    assert set(copies(path).list()) == {one_by_hand, from_the_page, made_by_the_stop}
    copies(path).prune(NOW + timedelta(days=400))
    assert set(copies(path).list()) == {one_by_hand, from_the_page, made_by_the_stop}
    assert copies(path).named(one_by_hand.name) == one_by_hand


def test_of_the_backups_made_by_hand_only_the_newest_twenty_stay(scribe: Scribe, path: Path) -> None:
    """They count for themselves: none of those made by itself makes room for them, or goes for one."""
    folder = copies(path).folder
    folder.mkdir()
    by_hand = [f"live-{NOW - timedelta(days=age):%Y%m%dT%H%M%SZ}-by-hand.sqlite3" for age in range(25)]
    of_itself = f"live-{NOW - timedelta(minutes=2):%Y%m%dT%H%M%SZ}.sqlite3"
    for name in (*by_hand, of_itself):
        (folder / name).touch()
    copies(path).prune(NOW)
    assert set(os.listdir(folder)) == {*by_hand[:20], of_itself}


def test_p9_a_damaged_journal_makes_no_backup_and_says_so(scribe: Scribe, path: Path) -> None:
    """P9: the older ones stay."""
    made = copies(path).make(NOW, full=False)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE fills SET base = '1'")
        other.commit()
    with pytest.raises(BackupFailed) as error:
        copies(path).make(NOW, full=True)
    assert error.value.damaged
    assert os.listdir(copies(path).folder) == [made.name]


def test_p7_without_room_no_backup_is_begun(scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: backups never fill the disk."""
    monkeypatch.setattr(backups, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(BackupFailed, match="has room for"):
        copies(path).make(NOW, full=False)
    assert os.listdir(copies(path).folder) == []


@pytest.mark.parametrize("name", ["../live.sqlite3", "/etc/passwd", "..\\x", "", "live-1.sqlite3", "CON", "latest"])
def test_w7_only_names_of_backups_are_restored(scribe: Scribe, path: Path, name: str) -> None:
    """A name, never a path; `latest` needs one."""
    with pytest.raises(BackupFailed, match="no backup"):
        copies(path).named(name)


def test_p9_p10_a_restored_backup_is_what_it_was_and_takes_no_order_until_confirmed(scribe: Scribe, path: Path) -> None:
    """P9, P10: what was there stays beside it, with its log; the way out for a damaged or deleted file."""
    known = scribe.journal.load().cycles
    copies(path).make(NOW, full=True)
    scribe.whole_cycle(ETH)
    scribe.journal.close()
    kept_as = restore(path, copies(path).named("latest"), REAL, "paper")
    assert kept_as is not None
    assert problems_of(kept_as, "paper", full=True) == ()
    again = SqlJournal(path, REAL, account="paper")
    state = again.load()
    assert (state.cycles, state.doubt) == (known, Doubt.RESTORED)
    again.close()
    path.unlink()
    assert restore(path, copies(path).named("latest"), REAL, "paper") is None
    again = SqlJournal(path, REAL, account="paper")
    assert again.load().doubt is Doubt.RESTORED
    assert again.confirm("owner") is Doubt.RESTORED
    again.close()
    again = SqlJournal(path, REAL, account="paper")
    assert again.load().doubt is Doubt.NONE
    again.close()


def test_p10_a_restore_keeps_the_log_of_a_killed_program_with_its_file(scribe: Scribe, path: Path) -> None:
    """P10: file and log together are what was there; the new file never meets the old log."""
    made = copies(path).make(NOW, full=False)
    scribe.whole_cycle(ETH)
    file, log = path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()
    scribe.journal.close()
    path.write_bytes(file)
    path.with_name(path.name + "-wal").write_bytes(log)
    kept_as = restore(path, made, REAL, "paper")
    assert kept_as is not None
    assert kept_as.with_name(kept_as.name + "-wal").read_bytes() == log
    assert not path.with_name(path.name + "-wal").exists()
    assert problems_of(kept_as, "paper", full=True) == ()
    assert problems_of(path, "paper", full=True) == ()


def test_p9_a_backup_of_another_account_or_a_damaged_one_is_not_restored(scribe: Scribe, path: Path) -> None:
    made = copies(path).make(NOW, full=False)
    scribe.journal.close()
    before = path.read_bytes()
    with pytest.raises(CannotRepair, match="belongs to"):
        restore(path, made, replace(REAL, account="another"), "paper")
    with closing(sqlite3.connect(made.path)) as other:
        other.execute("UPDATE fills SET base = '1'")
        other.commit()
    with pytest.raises(CannotRepair, match="not whole"):
        restore(path, made, REAL, "paper")
    made.path.write_bytes(b"no database")
    with pytest.raises(CannotRepair, match="cannot be read"):
        restore(path, made, REAL, "paper")
    assert path.read_bytes() == before


def test_vacuum_makes_it_smaller_and_changes_nothing(scribe: Scribe, path: Path) -> None:
    for _ in range(300):
        scribe.journal.write()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE large (text TEXT)")
        other.execute("INSERT INTO large VALUES (?)", ("x" * 1_000_000,))
        other.execute("DROP TABLE large")
        other.commit()
    known = scribe.journal.load().cycles
    scribe.journal.close()
    before, after = vacuum(path, "paper")
    assert after < before - 900_000
    again = SqlJournal(path, REAL, account="paper")
    state = again.load()
    assert (state.cycles, state.doubt) == (known, Doubt.NONE)
    again.close()
    with pytest.raises(CannotRepair, match="no database"):
        vacuum(path.with_name("other.sqlite3"), "paper")


def test_vacuum_without_room_changes_nothing(scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scribe.journal.close()
    monkeypatch.setattr(repair.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0})())
    with pytest.raises(CannotRepair, match="It needs"):
        vacuum(path, "paper")


def test_upkeep_copies_and_checks_and_copies_once_more_at_the_end(scribe: Scribe, path: Path) -> None:
    upkeep = Upkeep(scribe.journal, copies(path), every_s=3600, first_after_s=0.01)
    upkeep.start()
    _until(lambda: scribe.journal.status().checked_ms > 0 and scribe.journal.status().backup_ms > 0)
    assert len(copies(path).list()) == 1
    scribe.whole_cycle(ETH)
    scribe.journal.close()
    upkeep.stop()
    newest = SqlJournal(copies(path).list()[0].path, REAL, account="paper")
    assert newest.load().cycles[ETH] == scribe.cycles[ETH]
    newest.close()
    assert not scribe.journal.status().backup_error


def test_without_backups_the_whole_is_checked_all_the_same(scribe: Scribe, path: Path) -> None:
    upkeep = Upkeep(scribe.journal, copies(path), every_s=0, first_after_s=0.01)
    upkeep.start()
    _until(lambda: scribe.journal.status().checked_ms > 0)
    upkeep.stop()
    assert copies(path).list() == []
    assert not scribe.journal.status().trouble


def test_p9_the_daily_check_comes_again_and_reads_every_commit(
    scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P9: what was whole at the start and is damaged later, long before the newest commits that a start reads."""
    monkeypatch.setattr(upkeep_module, "_DAY_S", 0.05)
    monkeypatch.setattr(chain, "_TAIL_COMMITS", 2)
    upkeep = Upkeep(scribe.journal, copies(path), every_s=0, first_after_s=0.01)
    upkeep.start()
    try:
        _until(lambda: scribe.journal.status().checked_ms > 0)
        assert not scribe.journal.status().trouble
        with closing(sqlite3.connect(path, timeout=5)) as other:
            other.execute("UPDATE commits SET rest = rest + 1 WHERE seq = 1")
            other.commit()
        _until(lambda: "commit 1 " in scribe.journal.status().trouble)
    finally:
        upkeep.stop()


def test_a_backup_that_fails_is_told_once_and_tried_again(scribe: Scribe, path: Path) -> None:
    told: list[str] = []
    scribe.journal.listen(lambda code, _priority, _values: told.append(code))
    copies(path).folder.write_text("a file where the folder should be")
    upkeep = Upkeep(scribe.journal, copies(path), every_s=3600, first_after_s=0.01)
    upkeep.start()
    _until(lambda: bool(scribe.journal.status().backup_error))
    upkeep.stop()
    assert told == ["backup_failed"]


def test_p18_backups_checks_and_restarts_leave_no_handle_open(scribe: Scribe, path: Path) -> None:
    """P18: as many open files after twenty rounds as after the first."""
    scribe.journal.close()
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("reads the process's open files from /proc")

    def a_round() -> int:
        again = Scribe.opens(path, REAL)
        again.whole_cycle(ETH)
        copies(path).make(NOW, full=True)
        again.journal.trades(None, 5)
        again.journal.close()
        return len(list(folder.iterdir()))

    first = a_round()
    assert max(a_round() for _ in range(20)) <= first
    assert head_path(path).stat().st_size == 128


def _until(holds: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < ends_s, "it never came true"
        time.sleep(0.01)
