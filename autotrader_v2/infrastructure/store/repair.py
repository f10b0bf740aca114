"""Work on a database file that nobody has open: put a backup in its place, make the file smaller."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from autotrader_v2.application.ports import Binding, Doubt, JournalRefused
from autotrader_v2.infrastructure.files import replace_file
from autotrader_v2.infrastructure.store.backups import Backup
from autotrader_v2.infrastructure.store.examine import facts_of, problems_of
from autotrader_v2.infrastructure.store.opening import check_binding
from autotrader_v2.infrastructure.store.standing import DOUBT_FACT

_LOG_ENDS = ("-wal", "-shm")


class CannotRepair(Exception):
    """Nothing was changed: what is in the way, and what to do."""


def restore(database: Path, backup: Backup, binding: Binding, account: str) -> Path | None:
    """Put a verified copy of the backup in the database's place; returns where the replaced file is kept, if any.

    The next start sends no order before its owner has confirmed it. Cut short anywhere, the next start says what is
    missing. Errors: `CannotRepair`, OSError.
    """
    try:
        check_binding(facts_of(backup.path), binding, backup.name)
    except (ValueError, JournalRefused) as error:
        raise CannotRepair(f"{error}") from error
    problems = problems_of(backup.path, account, full=True)
    if problems:
        raise CannotRepair(f"The backup {backup.name} is not whole ({'; '.join(problems)}). Choose another one.")
    new = database.with_name(database.name + ".restoring")
    new.unlink(missing_ok=True)
    database.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(backup.path, new)
    with closing(sqlite3.connect(new)) as connection:
        connection.execute("DELETE FROM meta WHERE name = ?", (DOUBT_FACT,))
        connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (DOUBT_FACT, Doubt.RESTORED.value))
        connection.commit()
    kept = _put_away(database)
    replace_file(new, database)
    return kept


def vacuum(database: Path, account: str) -> tuple[int, int]:
    """Make the file as small as it can be; returns its bytes before and after. Errors: `CannotRepair`, OSError."""
    if not database.exists():
        raise CannotRepair(f"There is no database {database}.")
    problems = problems_of(database, account, full=False)
    if problems:
        raise CannotRepair(
            f"{database} is damaged ({'; '.join(problems)}). Restore a backup: `maintenance restore latest`."
        )
    before = database.stat().st_size
    free = shutil.disk_usage(database.parent).free
    if free < 2 * before:
        raise CannotRepair(f"It needs {2 * before >> 20} MB beside {database}; there are {free >> 20} MB.")
    try:
        with closing(sqlite3.connect(database, timeout=2.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise CannotRepair(f"{database} could not be made smaller: {error}. It is as it was.") from error
    return before, database.stat().st_size


def _put_away(database: Path) -> Path | None:
    """The replaced file keeps its log: together they are what it was."""
    if not database.exists():
        for end in _LOG_ENDS:
            database.with_name(database.name + end).unlink(missing_ok=True)
        return None
    moment = datetime.now(UTC).replace(microsecond=0)
    number = 0
    while True:
        kept = database.with_name(
            f"{database.stem}.replaced-{moment:%Y%m%dT%H%M%SZ}{f'-{number}' if number else ''}.sqlite3"
        )
        if not kept.exists():
            break
        number += 1
    # The log first: a file without its log would look whole and lack its newest commits.
    moved = []
    try:
        for end in _LOG_ENDS:
            log = database.with_name(database.name + end)
            if log.exists():
                replace_file(log, kept.with_name(kept.name + end))
                moved.append(end)
        replace_file(database, kept)
    except OSError:
        # What stays where it was stays whole.
        for end in moved:
            replace_file(kept.with_name(kept.name + end), database.with_name(database.name + end))
        raise
    return kept
