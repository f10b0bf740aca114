"""The chain of commits: a changed row, a missing one, an older copy, another history and a second writer are found."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from autotrader_v2.application.events import Intended, SwitchSet
from autotrader_v2.application.ports import Doubt, JournalRefused, JournalUnavailable, Trouble
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal, opening
from autotrader_v2.infrastructure.store.chain import Head
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.infrastructure.store.standing import HeadFile, head_path, read_head
from tests.unit.test_store_values import BINDING, BTC, ETH, NOW_MS, Scribe, an_intent

REAL = replace(BINDING, mode="sandbox")
A_SWITCH = SwitchSet(market=BTC, mode=SwitchMode.ON, by="person", time_ms=NOW_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def scribe(path: Path) -> Iterator[Scribe]:
    """A journal with some history, of an account with real money."""
    scribe = Scribe.opens(path, REAL)
    scribe.whole_cycle(BTC)
    scribe.booked(scribe.intended(cycle_id=2))
    yield scribe
    scribe.journal.close()


def change(path: Path, *statements: str) -> None:
    """By somebody else's hand."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


CHANGES = {
    "a trade's money": "UPDATE fills SET quote = '9.9' WHERE id = 2",
    "a trade's fee": "UPDATE fills SET fee = '0' WHERE id = 1",
    "an event": "UPDATE cycle_events SET payload = replace(payload, '0.004', '0.005') WHERE seq = 1",
    "an event's order": "UPDATE cycle_events SET time_ms = 1 WHERE seq = 3",
    "a trade taken away": "DELETE FROM fills WHERE id = 1",
    "a commit taken away": "DELETE FROM commits WHERE seq = 2",
    "a commit's word on the rest": "UPDATE commits SET rest = rest + 1 WHERE seq = 1",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_p9_a_changed_row_that_no_page_check_sees_is_found_at_start(scribe: Scribe, path: Path, statement: str) -> None:
    """P9: among the newest commits at every start, among all of them once a day."""
    scribe.journal.close()
    assert problems_of(path, "paper", full=True) == ()
    change(path, statement)
    assert problems_of(path, "paper", full=True)
    journal = SqlJournal(path, REAL, account="paper")
    with pytest.raises(JournalUnavailable, match="damaged") as error:
        journal.load()
    journal.close()
    assert "maintenance restore" in error.value.do


def test_p9_a_row_that_nobody_committed_is_found(scribe: Scribe, path: Path) -> None:
    """P9: a trade written into the file by hand."""
    scribe.journal.close()
    names = "account, market, book, client_id, order_id, label, side, base, quote, fee, fee_currency, time_ms"
    change(path, f"INSERT INTO fills (trade_id, {names}) SELECT 'made up', {names} FROM fills WHERE id = 1")
    assert "no commit wrote" in problems_of(path, "paper", full=True)[0]


def test_p9_damage_in_a_page_that_no_start_reads_is_found_all_the_same(scribe: Scribe, path: Path) -> None:
    """P9: every page of a small file is looked at, not only what is needed now."""
    scribe.journal.close()
    with closing(sqlite3.connect(path)) as connection:
        [(page,)] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'decisions_of_market'"
        ).fetchall()
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    whole = path.read_bytes()
    begin = (page - 1) * size
    path.write_bytes(whole[:begin] + bytes(255 - byte for byte in whole[begin : begin + size]) + whole[begin + size :])
    journal = SqlJournal(path, REAL, account="paper")
    with pytest.raises(JournalUnavailable, match="damaged"):
        journal.load()
    journal.close()


@pytest.mark.parametrize("pages", ["whole", "header"])
def test_p9_a_large_file_that_was_cut_is_refused(
    scribe: Scribe, path: Path, monkeypatch: pytest.MonkeyPatch, pages: str
) -> None:
    """P9: above the size that a start checks page by page its header still tells."""
    if pages == "header":
        monkeypatch.setattr(opening, "_QUICK_CHECK_MAX_BYTES", 0)
    scribe.journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 4096 * 4096 - 8192])
    journal = SqlJournal(path, REAL, account="paper")
    # Before anything of it is read: what is missing may be what no start reads.
    with pytest.raises(JournalUnavailable, match="damaged.*pages do not fit" if pages == "header" else "damaged"):
        journal.load()
    journal.close()


def older_copy(scribe: Scribe, path: Path) -> None:
    """Put back as it was a while ago."""
    kept = path.with_name("kept")
    scribe.journal.close()
    shutil.copyfile(path, kept)
    later = Scribe.opens(path, REAL)
    later.journal.write(A_SWITCH)
    later.journal.close()
    shutil.copyfile(kept, path)


def other_history(scribe: Scribe, path: Path) -> None:
    """The same file, but what happened to it happened elsewhere."""
    elsewhere = path.with_name("elsewhere") / path.name
    elsewhere.parent.mkdir()
    scribe.journal.close()
    for file in (path, head_path(path)):
        shutil.copyfile(file, elsewhere.with_name(file.name))
    for place, count in ((path, 1), (elsewhere, 2)):
        one = Scribe.opens(place, REAL)
        for number in range(count):
            one.journal.write(replace(A_SWITCH, by=f"{place.parent.name} {number}"))
        one.journal.close()
    shutil.copyfile(elsewhere, path)


def without_its_note(scribe: Scribe, path: Path) -> None:
    """Copied to another machine without what lies beside it."""
    scribe.journal.close()
    head_path(path).unlink()


def unreadable_note(scribe: Scribe, path: Path) -> None:
    scribe.journal.close()
    head_path(path).write_bytes(b"\0" * 128)


DOUBTS = [
    (older_copy, Doubt.OLDER),
    (other_history, Doubt.OTHER),
    (without_its_note, Doubt.UNPROVEN),
    (unreadable_note, Doubt.UNPROVEN),
]


@pytest.mark.parametrize(("happens", "doubt"), DOUBTS)
def test_p10_a_journal_that_is_not_the_one_left_takes_no_order_until_confirmed(
    scribe: Scribe, path: Path, happens: Callable[[Scribe, Path], None], doubt: Doubt
) -> None:
    """P10: also not after another start; everything but orders is written."""
    happens(scribe, path)
    for _ in range(2):
        again = Scribe.opens(path, REAL)
        assert again.journal.load().doubt is doubt
        with pytest.raises(JournalUnavailable, match="may not be the one"):
            again.intended(market=ETH)
        again.journal.write(A_SWITCH)
        again.journal.close()
        # A commit more makes an older copy another history.
        doubt = Doubt.OTHER if doubt is Doubt.OLDER else doubt
    again = Scribe.opens(path, REAL)
    assert again.journal.confirm("owner") is doubt
    assert again.journal.confirm("owner") is Doubt.NONE
    again.intended(market=ETH)
    again.journal.close()
    sure = Scribe.opens(path, REAL)
    assert sure.journal.load().doubt is Doubt.NONE
    sure.journal.close()


def test_p10_an_older_copy_of_paper_goes_on(path: Path) -> None:
    """Play money lies in the journal itself: there is nothing to compare it with."""
    scribe = Scribe.opens(path)
    scribe.whole_cycle(BTC)
    scribe.journal.close()
    head_path(path).unlink()
    again = Scribe.opens(path)
    again.whole_cycle(BTC)
    again.journal.close()
    assert read_head(path) is not None


def test_p10_the_right_file_put_back_after_all_is_not_doubted(scribe: Scribe, path: Path) -> None:
    """P10: until the owner confirms the wrong one, the note beside it stays that of the right one."""
    scribe.journal.close()
    right, note = path.read_bytes(), head_path(path).read_bytes()
    other = Scribe.opens(path.with_name("other.sqlite3"), REAL)
    other.whole_cycle(BTC)
    other.journal.close()
    shutil.copyfile(path.with_name("other.sqlite3"), path)
    wrong = SqlJournal(path, REAL, account="paper")
    assert wrong.load().doubt is not Doubt.NONE
    wrong.close()
    assert head_path(path).read_bytes() == note
    path.write_bytes(right)
    again = SqlJournal(path, REAL, account="paper")
    assert again.load().doubt is Doubt.NONE
    again.close()


def test_p10_a_deleted_journal_is_not_begun_anew(scribe: Scribe, path: Path) -> None:
    """P10, P9: never an empty one silently."""
    scribe.journal.close()
    path.unlink()
    journal = SqlJournal(path, REAL, account="paper")
    with pytest.raises(JournalUnavailable, match="gone") as error:
        journal.load()
    journal.close()
    assert "maintenance restore latest" in error.value.do
    assert not path.exists()


def test_p10_after_a_crash_the_note_lags_behind_and_nothing_is_doubted(scribe: Scribe, path: Path) -> None:
    """The note is a lower bound: the database may have gone on."""
    scribe.journal._background.stop()
    note = head_path(path).read_bytes()
    for _ in range(3):
        scribe.journal.write(A_SWITCH)
    scribe.journal.close()
    head_path(path).write_bytes(note)
    again = SqlJournal(path, REAL, account="paper")
    assert again.load().doubt is Doubt.NONE
    again.close()


def test_p10_a_note_written_by_two_at_once_stays_one_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner's confirmation meets the look of every second: of one note behind the other nothing could be read."""
    path.parent.mkdir(exist_ok=True)
    file, seek = HeadFile(path), os.lseek
    file.note(Head(1, 1))
    other = threading.Thread(target=file.note, args=(Head(3, 3),))

    def met_by_the_other(handle: int, at: int, how: int) -> int:
        found = seek(handle, at, how)
        if other.ident is None:
            other.start()
            other.join(1.0)  # or it waits for its turn
        return found

    monkeypatch.setattr(os, "lseek", met_by_the_other)
    file.note(Head(2, 2))
    other.join()
    file.close()
    assert read_head(path) in (Head(2, 2), Head(3, 3))


def test_p10_an_unused_journal_needs_no_proof(path: Path) -> None:
    """A first start cut short after the file was made."""
    opening.open_database(
        journal := SqlJournal(path, REAL, account="paper")._backend, REAL, NOW_MS, revisions=("0001", "0002")
    )
    journal.dispose()
    again = SqlJournal(path, REAL, account="paper")
    assert again.load().doubt is Doubt.NONE
    again.close()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_p10_a_log_that_is_not_ours_any_more_stops_every_order(scribe: Scribe, path: Path, how: str) -> None:
    """P10: the newest commits are in the log alone; what is written into one that nobody finds is lost."""
    told: list[str] = []
    scribe.journal.listen(lambda code, _priority, _values: told.append(code))
    scribe.journal.write(A_SWITCH)
    scribe.journal._tend()
    assert told == []
    log = path.with_name(path.name + "-wal")
    copy = log.read_bytes()
    try:
        log.unlink()
    except PermissionError:
        return  # Windows does not let it happen
    if how == "replaced":
        # A file of another number, however many are free.
        log.with_name("taken").write_bytes(b"")
        log.write_bytes(copy)
    scribe.journal._tend()
    assert told == ["journal_misplaced"]
    with pytest.raises(JournalUnavailable, match=f"its log was {how}"):
        scribe.intended(market=ETH)


def test_p10_a_second_program_writing_to_the_journal_stops_both(scribe: Scribe, path: Path) -> None:
    """P10: whoever comes second with the next link of the chain is refused, and the watch tells."""
    told: list[str] = []
    scribe.journal.listen(lambda code, _priority, _values: told.append(code))
    change(path, "INSERT INTO commits SELECT seq + 1, rest, 0, 0, hash FROM commits ORDER BY seq DESC LIMIT 1")
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match="Another program has written"):
            scribe.journal.write(A_SWITCH)
    assert told == ["journal_taken"]
    assert scribe.journal.status().cause is Trouble.TAKEN
    change(path, "UPDATE commits SET hash = hash + 1")
    scribe.journal._tend()
    assert told == ["journal_taken", "journal_misplaced"]
    with pytest.raises(JournalUnavailable, match="no longer has"):
        scribe.intended(market=ETH)


def test_refused_records_are_no_links(scribe: Scribe, path: Path) -> None:
    """Many at once, every second one against a rule: the chain has what stands there."""
    barrier = threading.Barrier(12)
    refused = []

    def write(number: int) -> None:
        barrier.wait()
        intent = an_intent(client_id=f"t-{scribe.instance}-{number // 2 + 500}.1", cycle_id=9, market=ETH, step=number)
        try:
            scribe.journal.write(Intended(intent), replace(A_SWITCH, by=str(number)))
        except JournalRefused:
            refused.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 11
    scribe.journal.close()
    assert problems_of(path, "paper", full=True) == ()
