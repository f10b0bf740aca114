"""What differs between SQLite and a database server: how to connect, to begin, and what its errors mean."""

import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from autotrader_v2.application.ports import JournalRefused, JournalUnavailable

SQLITE_LEAST = (3, 37)  # STRICT tables
BUSY_TIMEOUT_MS = 2000
# Pages in the log before a commit has to clean up by itself; the journal does it earlier, when nobody waits.
_CHECKPOINT_PAGES = 20_000
_NO_ROOM_BYTES = 256 * 1024
_FULL, _BUSY, _LOCKED, _READ_ONLY, _IO, _CORRUPT, _CANNOT_OPEN, _NOT_A_DATABASE = 13, 5, 6, 8, 10, 11, 14, 26

# Which rule a message of a broken constraint means: by the index's name (server) or its columns (SQLite).
_RULES: Sequence[tuple[tuple[str, str], str, str]] = (
    (
        ("one_buy_of_a_step", "attempts.account, attempts.market, attempts.cycle_id, attempts.step"),
        "This step of this cycle is bought already, or its buy is not known yet.",
        "Nothing was sent; a step is bought once.",
    ),
    (
        ("one_open_order", "attempts.account, attempts.market"),
        "This market has an order whose outcome is not known yet.",
        "Nothing was sent; wait until that order is known.",
    ),
    (
        ("one_attempt_of_a_label", "attempts.client_id"),
        "This order label was used before.",
        "Nothing was sent; restart the program.",
    ),
    (
        ("pk_intents", "intents.number"),
        "This order number was used before for another order.",
        "Nothing was sent; restart the program.",
    ),
    (
        ("one_booking_of_a_trade", "fills.account, fills.market, fills.trade_id"),
        "One of these trades is booked already.",
        "Nothing was booked; leave out the trades that the journal already has.",
    ),
)


class JournalFull(JournalUnavailable):
    """There is no room on the disk."""


class Cursor(Protocol):
    """The part of a driver's cursor that the journal uses."""

    @property
    def rowcount(self) -> int:
        """Rows the last statement changed."""

    def execute(self, sql: str, values: Any = ..., /) -> Any:
        """Run one statement."""

    def executemany(self, sql: str, values: Any, /) -> Any:
        """Run it for each set of values."""

    def fetchone(self) -> Any:
        """The next row, None at the end."""

    def fetchall(self) -> Any:
        """All rows left."""


class Backend:
    """A database by URL. `SqliteFile` adds what only a file has."""

    begin = "BEGIN"
    # A lost connection leaves open whether the last commit arrived.
    commit_can_be_lost = True

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self.name = self.url.render_as_string(hide_password=True)
        self._readers: Engine | None = None
        self._writers: Engine | None = None

    @property
    def readers(self) -> Engine:
        """Connections for reading, pooled; they never wait for the writer."""
        if self._readers is None:
            self._readers = create_engine(
                self.url, isolation_level="AUTOCOMMIT", pool_size=4, max_overflow=12, pool_pre_ping=True
            )
        return self._readers

    @property
    def writers(self) -> Engine:
        """Makes the connection that writes; transactions are begun by hand."""
        if self._writers is None:
            self._writers = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        return self._writers

    @property
    def dialect(self) -> Dialect:
        """How its SQL is written."""
        return self.writers.dialect

    @property
    def driver(self) -> Any:
        """The driver's module, with its error classes."""
        return self.writers.dialect.loaded_dbapi

    def in_transaction(self, connection: Any) -> bool:
        """Whether there is something to roll back after an error."""
        return True

    def settle(self) -> None:
        """It is open: from now on it must stay where it is."""

    def in_place(self) -> bool:
        """Before each order: whether the file is still the one that was opened. As cheap as can be."""
        return True

    def check_place(self) -> None:
        """Now and then. Errors: `JournalUnavailable` when what is written would not be found again."""

    def checkpoint(self, cursor: Cursor) -> None:
        """Tidy up while nobody writes."""

    def last_words(self, cursor: Cursor) -> None:
        """Before the connection that writes is closed."""

    def close_readers(self) -> None:
        """Give the readers' connections back."""
        if self._readers is not None:
            self._readers.dispose()

    def dispose(self) -> None:
        """Give all connections back."""
        for engine in (self._readers, self._writers):
            if engine is not None:
                engine.dispose()
        self._readers = self._writers = None

    def refusal(self, error: Exception) -> JournalRefused:
        """A broken rule of the schema in words."""
        text = str(error)
        for marks, what, do in _RULES:
            if any(mark in text for mark in marks):
                return JournalRefused(what, do=do)
        return JournalRefused(f"A rule of the journal forbids it: {text.splitlines()[0]}.", do="Nothing was written.")

    def failure(self, error: Exception) -> JournalUnavailable:
        """Any other database error in words."""
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return JournalUnavailable(
            f"The journal at {self.name} cannot be used: {first}.",
            do="Nothing was written; trading goes on by itself once the database answers again.",
        )


class SqliteFile(Backend):
    """One file, write-ahead log, every commit on the disk before it returns."""

    # Waits for other writers at the beginning, never in the middle of the work.
    begin = "BEGIN IMMEDIATE"
    commit_can_be_lost = False

    def __init__(self, path: Path) -> None:
        super().__init__(URL.create("sqlite", database=str(path)))
        self.path = path
        self.name = str(path)
        self._log_path = path.with_name(path.name + "-wal")
        self._file: tuple[int, int] | None = None
        self._log_file: tuple[int, int] | None = None
        self._size = 0

    @property
    def readers(self) -> Engine:
        """See `Backend`."""
        if self._readers is None:
            self._readers = self._engine({"pool_size": 4, "max_overflow": 12}, _set_up_reader)
        return self._readers

    @property
    def writers(self) -> Engine:
        """See `Backend`."""
        if self._writers is None:
            self._writers = self._engine({"poolclass": NullPool}, _set_up_writer)
        return self._writers

    def failure(self, error: Exception) -> JournalUnavailable:
        """See `Backend`."""
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case code if code == _FULL or (code == _IO and self._no_room()):
                return JournalFull(
                    f"The disk with the journal {self.name} is full.",
                    do="Nothing was written. Free some space; trading goes on by itself.",
                )
            case code if code in (_BUSY, _LOCKED):
                return JournalUnavailable(
                    f"Another program holds the journal {self.name}.",
                    do="Nothing was written. Close it (a database viewer, a backup, a second copy of this program).",
                )
            case code if code in (_CORRUPT, _NOT_A_DATABASE):
                return damaged(self.name, str(error))
            case code if code in (_READ_ONLY, _CANNOT_OPEN):
                return JournalUnavailable(
                    f"The journal {self.name} cannot be opened for writing.",
                    do="Nothing was written. Check that its folder exists and that you may write there.",
                )
            case code if code == _IO:
                return JournalUnavailable(
                    f"The disk with the journal {self.name} failed: {error}.",
                    do="Nothing was written. Check the disk, then start again.",
                )
        return super().failure(error)

    def in_transaction(self, connection: Any) -> bool:
        """See `Backend`. On some errors SQLite rolls back by itself."""
        return bool(connection.in_transaction)

    def settle(self) -> None:
        """See `Backend`."""
        file = os.stat(self.path)
        self._file, self._size, self._log_file = (file.st_dev, file.st_ino), file.st_size, None

    def in_place(self) -> bool:
        """See `Backend`."""
        try:
            return self._file is None or os.stat(self.name).st_ino == self._file[1]
        except OSError:
            return False

    def check_place(self) -> None:
        """See `Backend`. A file deleted or replaced under us goes on taking writes that nobody finds (P10)."""
        if self._file is None:
            return
        try:
            file = os.stat(self.name)
        except FileNotFoundError as error:
            raise self._misplaced("it was deleted or moved away") from error
        except OSError as error:
            raise self._misplaced(str(error.strerror or error)) from error
        if (file.st_dev, file.st_ino) != self._file:
            raise self._misplaced("another file was put in its place")
        if file.st_size < self._size:
            raise self._misplaced("it became shorter")
        self._size = file.st_size
        self._check_log()

    def _check_log(self) -> None:
        """It comes with the first write and stays as long as we have the file open."""
        try:
            log = os.stat(self._log_path)
        except OSError as error:
            if self._log_file is None:
                return
            raise self._misplaced("its log was deleted or moved away") from error
        if self._log_file is None:
            self._log_file = (log.st_dev, log.st_ino)
        elif (log.st_dev, log.st_ino) != self._log_file:
            raise self._misplaced("its log was replaced")

    def _misplaced(self, how: str) -> JournalUnavailable:
        return JournalUnavailable(
            f"The journal {self.name} is no longer the file that this program opened: {how}.",
            do="Nothing was written and nothing is sent. Stop the program, put the file back (or `maintenance restore "
            "latest`) and start again.",
        )

    def _no_room(self) -> bool:
        """Whether an input/output error is a full disk in disguise, as when SQLite's shared memory cannot grow."""
        try:
            return shutil.disk_usage(self.path.parent).free < _NO_ROOM_BYTES
        except OSError:
            return False

    def checkpoint(self, cursor: Cursor) -> None:
        """Move the log into the file. Only the writer's connection does it (and is alone meanwhile)."""
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.fetchall()

    def last_words(self, cursor: Cursor) -> None:
        """Leave a file that is complete without its log."""
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()

    def _engine(self, options: Mapping[str, Any], set_up: Any) -> Engine:
        engine = create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
            **options,
        )
        event.listen(engine, "connect", set_up)
        return engine


def backend_of(url_or_path: str | Path) -> Backend:
    """The backend of a file's path or a database URL."""
    text = str(url_or_path)
    if "://" not in text:
        return SqliteFile(Path(text))
    url = make_url(text)
    if url.get_backend_name() == "sqlite":
        if not url.database:
            raise JournalUnavailable("A journal in memory would be lost.", do="Name a file for the database.")
        return SqliteFile(Path(url.database))
    return Backend(text)


def damaged(name: str, detail: str) -> JournalUnavailable:
    """It is not what was written. Never replaced by an empty one: it says what was bought."""
    return JournalUnavailable(
        f"The journal {name} is damaged ({detail}).",
        do="Nothing was changed and nothing trades. Run `mTrade.py maintenance restore latest`: it keeps this file and "
        "puts the newest verified backup in its place; what was traded since is read from the exchange. Without a "
        "backup, move the file away and hand the coins to new cycles.",
    )


def _set_up_writer(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")


def _set_up_reader(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")
