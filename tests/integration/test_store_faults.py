"""Real files that are full, locked, cut, foreign or old: nothing is lost, nothing begins anew by itself."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from autotrader_v2.application.events import Decision, SwitchSet
from autotrader_v2.application.ports import Doubt, JournalRefused, JournalUnavailable
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal, migrations, opening, schema
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.infrastructure.store.standing import head_path
from tests.unit.test_store_values import BINDING, BTC, ETH, NOW_MS, Scribe

A_SWITCH = SwitchSet(market=BTC, mode=SwitchMode.ON, by="person", time_ms=NOW_MS)
# The revision of a later version of the program.
NEXT = f"{int(schema.HEAD) + 1:04}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal lies; a folder with letters and spaces that people use."""
    return tmp_path / "мои данные 100% #1" / "journal 1.sqlite3"


@pytest.fixture
def scribe(path: Path) -> Iterator[Scribe]:
    """A journal with some history."""
    scribe = Scribe.opens(path)
    scribe.whole_cycle(BTC)
    scribe.booked(scribe.intended(cycle_id=2))
    yield scribe
    scribe.journal.close()


def an_unloaded(path: Path) -> SqlJournal:
    """The same database, not opened yet."""
    return SqlJournal(path, BINDING, account="paper")


def test_p7_a_full_disk_stops_writing_and_nothing_else(scribe: Scribe) -> None:
    """P7: nothing half-written, reading goes on, and writing goes on by itself once there is room."""
    known = scribe.journal.trades(None, 10)
    cursor = scribe.journal._commits._open()
    cursor.execute("PRAGMA page_count")
    pages = cursor.fetchone()[0]
    cursor.execute(f"PRAGMA max_page_count = {pages}")
    cursor.fetchall()
    with pytest.raises(JournalUnavailable, match="full"):
        for _ in range(10_000):
            scribe.whole_cycle(ETH)
    assert scribe.journal.trades(BTC, 10) == [row for row in known if row["symbol"] == "BTC_USDT"]
    assert scribe.journal.load().cycles == scribe.cycles
    with pytest.raises(JournalUnavailable, match="full"):
        for _ in range(200):
            scribe.journal.write(*[A_SWITCH] * 100)
    cursor.execute("PRAGMA max_page_count = 1000000")
    cursor.fetchall()
    scribe.journal.write(A_SWITCH)
    assert scribe.journal.load().cycles == scribe.cycles
    assert scribe.journal.verify() == ()


def test_p8_a_journal_held_by_another_program_is_not_waited_for_long(scribe: Scribe, path: Path) -> None:
    """P8: two seconds, then an error that says who may hold it; reading never waits; then it works again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(JournalUnavailable, match="Another program"):
            scribe.journal.write(A_SWITCH)
        assert time.monotonic() - began >= 1.5, "it gave the other a chance"
        assert len(scribe.journal.trades(None, 10)) == 3
        other.execute("ROLLBACK")
    scribe.journal.write(A_SWITCH)


def test_a_locked_journal_fails_everybody_who_waits_and_then_works(scribe: Scribe, path: Path) -> None:
    """Nobody hangs behind the one who tried, and nobody waits twice."""
    failures: list[JournalUnavailable] = []

    def write() -> None:
        try:
            scribe.journal.write(A_SWITCH)
        except JournalUnavailable as error:
            failures.append(error)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=write) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=3)
        assert not any(thread.is_alive() for thread in threads)
        other.execute("ROLLBACK")
    assert len(failures) == 10
    assert len({id(error) for error in failures}) == 10
    scribe.journal.write(A_SWITCH)


def test_decisions_wait_while_the_journal_is_held(scribe: Scribe, path: Path) -> None:
    """`note` never blocks and loses nothing to a short hold-up."""
    scribe.journal.note(Decision(market=BTC, kind="hold", reason="off", values={}, time_ms=1))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable):
            scribe.journal._background.flush()
        scribe.journal.note(Decision(market=BTC, kind="hold", reason="off", values={}, time_ms=2))
        other.execute("ROLLBACK")
    scribe.journal._background.flush()
    assert [row["time_ms"] for row in scribe.journal.decisions(BTC, 5)] == [2, 1]


@pytest.mark.parametrize(
    "damage", ["zeros in the middle", "cut in half", "not a database", "empty", "one flipped page"]
)
def test_p9_a_damaged_journal_is_never_replaced_by_an_empty_one(scribe: Scribe, path: Path, damage: str) -> None:
    """P9: it says what to do; the file stays for whoever can read it."""
    for _ in range(30):
        scribe.whole_cycle(ETH)
    scribe.journal.close()
    whole = path.read_bytes()
    size = len(whole)
    broken = {
        "zeros in the middle": whole[: 4096 * 3] + bytes(4096 * 6) + whole[4096 * 9 :],
        "cut in half": whole[: size // 2],
        "not a database": b"Hello, I am a text file. " * 1000,
        "empty": b"",
        "one flipped page": whole[:4096] + bytes(255 - byte for byte in whole[4096:8192]) + whole[8192:],
    }[damage]
    path.write_bytes(broken)
    journal = an_unloaded(path)
    with pytest.raises(JournalUnavailable, match="damaged") as error:
        journal.load()
    journal.close()
    assert "backup" in error.value.do
    assert str(path) in error.value.what
    assert path.read_bytes() == broken


def test_a_journal_whose_file_is_gone_but_not_its_log_is_not_begun_anew(scribe: Scribe, path: Path) -> None:
    """P10: somebody moved the file of a program that had been killed."""
    log = path.with_name(path.name + "-wal")
    kept = log.read_bytes()
    scribe.journal.close()
    path.unlink()
    log.write_bytes(kept)
    journal = an_unloaded(path)
    with pytest.raises(JournalUnavailable, match="gone"):
        journal.load()
    journal.close()
    assert not path.exists()
    assert log.read_bytes() == kept


def test_another_programs_database_is_refused_untouched(path: Path) -> None:
    """A wrong DB_PATH does no harm."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (name TEXT)")
        other.commit()
    before = path.read_bytes()
    journal = an_unloaded(path)
    with pytest.raises(JournalRefused, match="not of this program"):
        journal.load()
    journal.close()
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_p17_a_newer_schema_is_refused_untouched(scribe: Scribe, path: Path) -> None:
    """P17: an older program does not guess."""
    scribe.journal.close()
    _set_revision(path, "9999")
    before = path.read_bytes()
    journal = an_unloaded(path)
    with pytest.raises(JournalRefused, match=r"newer version .* 9999"):
        journal.load()
    journal.close()
    assert path.read_bytes() == before


def test_events_that_cannot_follow_each_other_are_damage(scribe: Scribe, path: Path) -> None:
    """A negative amount would make coins; it stops the start instead."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE cycle_events SET payload = replace(payload, '\"0.004\"', '\"-4\"')")
        other.commit()
    with pytest.raises(JournalUnavailable, match="damaged"):
        scribe.journal.load()


def test_an_end_while_the_journal_is_held_is_still_an_end(scribe: Scribe, path: Path) -> None:
    """What was acknowledged is durable; only tidying is left undone."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        scribe.journal.close()
        other.execute("ROLLBACK")
    again = Scribe.opens(path)
    assert again.cycles == scribe.cycles
    again.journal.close()


def test_an_ordinary_start_does_not_import_alembic(scribe: Scribe, path: Path) -> None:
    """It takes longer than everything else together, and a start is waited for."""
    scribe.journal.close()
    code = (
        "import sys; from pathlib import Path; from tests.unit.test_store_values import Scribe;"
        f"scribe = Scribe.opens(Path({str(path)!r})); scribe.whole_cycle(next(iter(scribe.cycles)));"
        "scribe.journal.close(); print([name for name in sys.modules if name.startswith('alembic')])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Here: a file where the folder should be."""
    (tmp_path / "data").write_text("a file")
    journal = an_unloaded(tmp_path / "data" / "journal.sqlite3")
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        journal.load()
    journal.close()


def test_a_creation_cut_short_leaves_nothing_that_looks_like_a_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start simply begins again."""

    def cut_short(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", cut_short)
        journal = an_unloaded(path)
        with pytest.raises(JournalUnavailable, match="No space"):
            journal.load()
        journal.close()
    assert not path.exists()
    Scribe.opens(path).journal.close()


def test_a_fresh_schema_is_what_the_migrations_lead_to() -> None:
    """So that a new database and a migrated one can never differ."""
    assert migrations.revisions() == schema.REVISIONS
    fresh, migrated = sa.create_engine("sqlite://"), sa.create_engine("sqlite://")
    with fresh.begin() as connection:
        opening.create_tables(connection, BINDING, NOW_MS)
        wanted = _tables(connection)
    with migrated.connect() as connection:
        migrations.upgrade(connection)
        assert _tables(connection) == wanted
    for engine in (fresh, migrated):
        engine.dispose()


def test_p17_a_journal_of_the_first_revision_comes_up_to_date_with_its_history(scribe: Scribe, path: Path) -> None:
    """P17: with an open cycle and an open order; a copy of the old file stays beside it, the chain covers all of it."""
    scribe.intended(market=ETH)
    known = scribe.journal.load()
    scribe.journal.close()
    make_first_revision(path)
    again = Scribe.opens(path)
    loaded = again.journal.load()
    assert (loaded.cycles, loaded.open_attempts) == (known.cycles, known.open_attempts)
    assert loaded.doubt is Doubt.NONE
    again.booked(again.intended(cycle_id=2, step=1))
    again.journal.close()
    copy = path.with_name(f"journal 1.before-{schema.HEAD}.sqlite3")
    assert {one.name for one in path.parent.iterdir()} == {path.name, f"{path.name}.head", copy.name}
    assert (_revision(copy), _revision(path)) == ("0001", schema.HEAD)
    assert problems_of(path, "paper", full=True) == ()
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE fills SET quote = '10.1' WHERE id = 1")
        other.commit()
    assert "commit 0 wrote something else" in problems_of(path, "paper", full=True)[0]


def test_p17_a_journal_comes_up_to_date_with_its_history(
    scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P17: with an open cycle and an open order; a copy of the old file stays beside it."""
    scribe.intended(market=ETH)
    known = scribe.journal.load()
    scribe.journal.close()
    _migrate_as(monkeypatch, "CREATE TABLE later (name TEXT)")
    again = Scribe.opens(path)
    loaded = again.journal.load()
    assert loaded.cycles == known.cycles
    assert loaded.open_attempts == known.open_attempts
    again.journal.close()
    copy = path.with_name(f"journal 1.before-{NEXT}.sqlite3")
    assert {one.name for one in path.parent.iterdir()} == {path.name, f"{path.name}.head", copy.name}
    assert _revision(copy) == schema.HEAD
    assert _revision(path) == NEXT


def test_p17_a_failed_migration_leaves_the_old_file_as_it_was(
    scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P17: the older program can go on with it."""
    known = scribe.journal.load()
    scribe.journal.close()
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        _migrate_as(patch, "CREATE TABLE meta (name TEXT)")
        journal = an_unloaded(path)
        with pytest.raises(JournalUnavailable, match="could not be brought up to date"):
            journal.load()
        journal.close()
        assert path.read_bytes() == before
        assert not list(path.parent.glob("*.migrating*"))
    again = Scribe.opens(path)
    assert again.journal.load().cycles == known.cycles
    again.journal.close()


def test_p6_the_environment_of_a_journal_is_durable_and_strict(scribe: Scribe) -> None:
    """Each commit waits for the disk; a number cannot become a float unseen."""
    cursor = scribe.journal._commits._open()
    told = {}
    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
        cursor.execute(f"PRAGMA {name}")
        told[name] = cursor.fetchone()[0]
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}
    with closing(sqlite3.connect(scribe.journal._backend.name)) as connection:
        strict = dict(connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'"))
    assert all(strict[table] for table in schema.metadata.tables)


def test_an_ordinary_end_leaves_one_complete_file(scribe: Scribe, path: Path) -> None:
    """No log beside it: a copy of the file is a backup. What else lies there says where it stands."""
    scribe.journal.close()
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, f"{path.name}.head"]


def test_verify_names_what_differs(scribe: Scribe, path: Path) -> None:
    """The daily check finds a changed past."""
    with closing(sqlite3.connect(path)) as other:
        other.execute('UPDATE cycle_events SET payload = replace(payload, \'"quote":"11"\', \'"quote":"12"\')')
        other.commit()
    differences = scribe.journal.verify()
    assert any("snapshot" in one for one in differences)
    assert any("realised" in one for one in differences)
    assert all(str(BTC) in one for one in differences)


def test_an_unreadable_event_is_damage_not_an_empty_cycle(scribe: Scribe, path: Path) -> None:
    """Whoever changed the file by hand is told."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE cycle_events SET payload = '{}'")
        other.commit()
    scribe.journal.close()
    journal = an_unloaded(path)
    with pytest.raises(JournalUnavailable, match="damaged"):
        journal.load()
    journal.close()


def _migrate_as(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """A next revision, as a later version of the program would bring it."""

    def upgrade(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{NEXT}'")
        connection.exec_driver_sql(statement)

    monkeypatch.setattr(schema, "REVISIONS", (*schema.REVISIONS, NEXT))
    monkeypatch.setattr(migrations, "upgrade", upgrade)


def make_first_revision(path: Path) -> None:
    """What the first version of the program would have left."""
    with closing(sqlite3.connect(path)) as connection:
        for later in ("fills_by_time", "fills_of_market_by_time", "events_without_order"):
            connection.execute(f"DROP INDEX {later}")
        connection.execute("CREATE INDEX fills_of_market ON fills (account, market, id)")
        for later in ("sent_ms", "answered_ms", "traded"):
            connection.execute(f"ALTER TABLE attempts DROP COLUMN {later}")
        connection.execute("DROP TABLE equity")
        connection.execute("DROP TABLE credentials")
        connection.execute("DROP TABLE commits")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    head_path(path).unlink()


def _set_revision(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _tables(connection: sa.Connection) -> dict[str, str]:
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}
