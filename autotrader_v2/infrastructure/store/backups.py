"""Verified copies of a database file: made while it is written to, looked at, kept by age or by hand, found by name."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autotrader_v2.infrastructure.files import remove_file, replace_file
from autotrader_v2.infrastructure.store.examine import Interrupted, problems_of

_PAGES_AT_ONCE = 256
# So many pieces (megabytes) are handed to the disk at once, so that no commit waits behind the whole copy.
_SYNC_EVERY_PIECES = 8
_SPARE_BYTES = 64 * 1024 * 1024
_MOMENT = "%Y%m%dT%H%M%SZ"
_HOURS, _DAYS, _WEEKS = 24, 7, 4
BY_HAND_KEPT = 20
"""So many of the copies that a person asked for stay, the newest, whatever their age."""
_BY_HAND = "-by-hand"


class BackupFailed(Exception):
    """No copy was made, or it is not what it should be. The database itself is as it was."""

    def __init__(self, what: str, *, damaged: tuple[str, ...] = ()) -> None:
        """`damaged`: what is wrong with the database itself, not only with its copy."""
        super().__init__(what)
        self.damaged = damaged


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy; made at that moment (UTC). `by_hand`: a person asked for it."""

    path: Path
    made: datetime
    by_hand: bool = False

    @property
    def name(self) -> str:
        """What `restore` takes."""
        return self.path.name


class Backups:
    """The copies of one database in one folder."""

    def __init__(self, database: Path, account: str, folder: Path) -> None:
        self.database = database
        self.account = account
        self.folder = folder

    def list(self) -> list[Backup]:
        """Newest first."""
        pattern = re.compile(rf"{re.escape(self.database.stem)}-(\d{{8}}T\d{{6}}Z)({_BY_HAND})?\.sqlite3")
        found = []
        for path in self.folder.glob("*.sqlite3") if self.folder.is_dir() else ():
            name = pattern.fullmatch(path.name)
            if name is not None:
                with suppress(ValueError):  # digits that are no moment: not one of ours
                    made = datetime.strptime(name[1], _MOMENT).replace(tzinfo=UTC)
                    found.append(Backup(path, made, by_hand=name[2] is not None))
        return sorted(found, key=lambda one: one.made, reverse=True)

    def named(self, name: str) -> Backup:
        """The copy of that name, or the newest for `latest`. A name, never a path. Errors: `BackupFailed`."""
        known = self.list()
        if name == "latest" and known:
            return known[0]
        for one in known:
            if one.name == name:
                return one
        raise BackupFailed(f"There is no backup {name!r} of {self.database.name} in {self.folder}.")

    def make(
        self, now: datetime, *, full: bool, by_hand: bool = False, breathe: Callable[[], bool] = lambda: True
    ) -> Backup:
        """Copy, verify, and only then give it its name. Errors: `BackupFailed`, `Interrupted` (see `examine`)."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_room()
            part = self.folder / f"{self.database.stem}.part"
            part.unlink(missing_ok=True)
            try:
                copy_database(self.database, part, breathe)
                self._verify(part, full=full, breathe=breathe)
                backup = self._free_name(now, by_hand=by_hand)
                replace_file(part, backup.path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise BackupFailed(f"{error.filename or self.folder}: {error.strerror or error}.") from error
        except sqlite3.Error as error:
            raise BackupFailed(f"{self.database.name} could not be copied: {error}.") from error
        return backup

    def prune(self, now: datetime) -> None:
        """Delete what is neither the newest of an hour, a day nor a week that counts. Errors: OSError.

        A copy made by hand is what its owner goes back to: only newer ones made by hand, `BY_HAND_KEPT`, push it out.
        """
        known = self.list()
        of_itself = [one for one in known if not one.by_hand]
        keep = kept((one.made for one in of_itself), now)
        too_many = [one for one in known if one.by_hand][BY_HAND_KEPT:]
        for one in (*(one for one in of_itself if one.made not in keep), *too_many):
            remove_file(one.path)

    def _check_room(self) -> None:
        needed = self.database.stat().st_size + _SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise BackupFailed(f"{self.folder} has room for {free >> 20} MB, a backup needs {needed >> 20} MB.")

    def _verify(self, part: Path, *, full: bool, breathe: Callable[[], bool]) -> None:
        problems = problems_of(part, self.account, full=full, breathe=breathe)
        if not problems:
            return
        own = problems_of(self.database, self.account, full=full, breathe=breathe)
        raise BackupFailed(f"The copy is not whole: {'; '.join(problems)}.", damaged=own)

    def _free_name(self, now: datetime, *, by_hand: bool) -> Backup:
        # No two of one second, by hand or not: which of them is the newest nobody could tell.
        made, taken = now.replace(microsecond=0), {one.made for one in self.list()}
        while made in taken:
            made += timedelta(seconds=1)
        name = f"{self.database.stem}-{made:{_MOMENT}}{_BY_HAND if by_hand else ''}.sqlite3"
        return Backup(self.folder / name, made, by_hand)


def kept(moments: Iterable[datetime], now: datetime) -> set[datetime]:
    """Of each of the last 24 hours, 7 days and 4 weeks that have any, the newest; and the newest of all."""
    ordered = sorted(moments, reverse=True)
    keep = set(ordered[:1])
    spans: tuple[tuple[timedelta, Callable[[datetime], object]], ...] = (
        (timedelta(hours=_HOURS), lambda one: (one.date(), one.hour)),
        (timedelta(days=_DAYS), lambda one: one.date()),
        (timedelta(weeks=_WEEKS), lambda one: one.isocalendar()[:2]),
    )
    for span, bucket in spans:
        seen = set()
        for one in ordered:
            if now - one < span and bucket(one) not in seen:
                seen.add(bucket(one))
                keep.add(one)
    return keep


def copy_database(source: Path, target: Path, breathe: Callable[[], bool] = lambda: True) -> None:
    """One moment of a database, as a plain file without a log, on the disk when this returns.

    Nobody waits for it: pages are read from a snapshot, a megabyte at a time. Errors: sqlite3.Error, OSError.
    """
    with closing(sqlite3.connect(source, timeout=2.0, isolation_level=None)) as reading:
        reading.execute("PRAGMA query_only=ON")
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(target, isolation_level=None)) as writing, target.open("r+b") as file:
            writing.execute("PRAGMA synchronous=OFF")
            reading.backup(writing, pages=_PAGES_AT_ONCE, progress=_paced(file.fileno(), breathe))
        reading.execute("ROLLBACK")
    with closing(sqlite3.connect(target, isolation_level=None)) as writing:
        writing.execute("PRAGMA journal_mode=DELETE")
    with target.open("r+b") as file:
        os.fsync(file.fileno())


def _paced(file: int, breathe: Callable[[], bool]) -> Callable[[int, int, int], None]:
    """Lets others work between two pieces of a copy, and the disk keep up."""
    pieces = 0

    def progress(_status: int, _remaining: int, _total: int) -> None:
        nonlocal pieces
        pieces += 1
        if pieces % _SYNC_EVERY_PIECES == 0:
            os.fsync(file)
        if not breathe():
            raise Interrupted

    return progress
