"""From a path or URL to a database that is whole, ours and up to date; or an error that says what is in the way."""

import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from autotrader_v2.application.ports import Binding, JournalRefused, JournalUnavailable
from autotrader_v2.infrastructure.files import replace_file
from autotrader_v2.infrastructure.store import chain, codec, schema, standing
from autotrader_v2.infrastructure.store.dialects import SQLITE_LEAST, Backend, SqliteFile, damaged

_log = structlog.get_logger()

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Above this a start does not wait for every page to be read.
_QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024
# Where SQLite's header tells how many pages the file has.
_PAGES_AT = 28
_BOUND = ("mode", "host", "account", "feed_family")


def open_database(backend: Backend, binding: Binding, now_ms: int, *, revisions: tuple[str, ...]) -> None:
    """Make the database ready, creating or migrating it as needed.

    Errors: `JournalRefused` (it belongs to something else, or to a newer program), `JournalUnavailable`.
    """
    try:
        if isinstance(backend, SqliteFile):
            _open_file(backend, binding, now_ms, revisions)
        else:
            _open_server(backend, binding, now_ms, revisions)
    except DBAPIError as error:
        raise backend.failure(error.orig if isinstance(error.orig, Exception) else error) from error
    except sqlite3.Error as error:
        raise backend.failure(error) from error
    except OSError as error:
        raise JournalUnavailable(
            f"The journal {backend.name} cannot be opened: {error.strerror or error}.",
            do="Check that its folder exists and that you may write there.",
        ) from error


def create_tables(connection: Connection, binding: Binding, now_ms: int) -> None:
    """The newest schema and the facts of a new database, without walking through every migration."""
    schema.finish_for(connection.dialect.name)
    schema.metadata.create_all(connection, checkfirst=False)
    schema.version.create(connection)
    connection.execute(insert(schema.version).values(version_num=schema.HEAD))
    facts = {
        **{name: getattr(binding, name) for name in _BOUND},
        "instance": "".join(secrets.choice(_DIGITS) for _ in range(4)),
        "created_ms": str(now_ms),
        "next_number": "1",
        "moved": codec.to_text({"last_id": 0, "moved": {}}),
    }
    connection.execute(insert(schema.meta), [{"name": name, "value": value} for name, value in facts.items()])
    chain.begin(connection)


def check_binding(facts: Mapping[str, str], binding: Binding, name: str) -> None:
    """Refuse a database of another mode, host, account or feed family. Errors: `JournalRefused`."""
    differences = [
        f"{field.replace('_', ' ')} {facts.get(field, '')!r} (this run: {getattr(binding, field)!r})"
        for field in _BOUND
        if facts.get(field) != getattr(binding, field)
    ]
    if differences:
        raise JournalRefused(
            f"The database {name} belongs to {', '.join(differences)}.",
            do="Nothing was changed. Name another file with DB_PATH, or go back to the settings it was made with.",
        )


def _open_file(backend: SqliteFile, binding: Binding, now_ms: int, revisions: tuple[str, ...]) -> None:
    path = backend.path
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        raise JournalUnavailable(
            f"SQLite {sqlite3.sqlite_version} is too old.", do="Use a Python that comes with SQLite 3.37 or newer."
        )
    if not path.exists():
        _create_file(path, binding, now_ms)
        return
    if path.stat().st_size == 0:
        raise damaged(str(path), "it is empty")
    with closing(_connect(path)) as connection:
        _check_whole(connection, path)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "meta"} <= tables:
            raise _foreign(backend.name)
        found = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
        check_binding(facts, binding, backend.name)
        if found == revisions[-1]:
            return
        _check_known(found, revisions, backend.name)
        before = _free_name(path, f"before-{revisions[-1]}")
        copy = path.with_name(path.name + ".migrating")
        copy.unlink(missing_ok=True)
        for target in (before, copy):
            with closing(sqlite3.connect(target)) as other:
                connection.backup(other)
    head = _migrate_copy(copy)
    _forget_log(path)
    if "commits" not in tables and not standing.head_path(path).exists():
        # Its first: until now nothing could be noted. Before the move, so that a try cut short leaves nothing unproven.
        standing.write_head(path, head)
    replace_file(copy, path)
    _log.info(
        "the journal was brought up to date", database=backend.name, was=found, now=revisions[-1], copy=str(before)
    )


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Every page of a small file, the header of a large one, whose pages are looked at while it is used.

    Errors: `JournalUnavailable`.
    """
    size = path.stat().st_size
    if size <= _QUICK_CHECK_MAX_BYTES:
        problems = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    else:
        page_size = int(connection.execute("PRAGMA page_size").fetchone()[0])
        with path.open("rb") as file:
            file.seek(_PAGES_AT)
            pages = int.from_bytes(file.read(4), "big")
        log = path.with_name(path.name + "-wal")
        logged = log.exists() and log.stat().st_size > 0
        problems = ["ok"] if logged or pages * page_size <= size else [f"{pages} pages do not fit into {size} bytes"]
    if problems != ["ok"]:
        raise damaged(str(path), "; ".join(problems))


def _create_file(path: Path, binding: Binding, now_ms: int) -> None:
    """Make it beside its place and move it there whole: a creation cut short leaves nothing that looks like one."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise JournalUnavailable(
            f"The journal {path} is gone, but its log {log.name} is still there.",
            do="Nothing was changed. Put the file back; to begin anew, move the log away too.",
        )
    noted = standing.head_path(path)
    if noted.exists():
        raise JournalUnavailable(
            f"The journal {path} is gone, but {noted.name} beside it says that there was one.",
            do="Nothing was begun anew. Put the file back, or run `mTrade.py maintenance restore latest`; to begin "
            f"anew although orders may be open, delete {noted.name} too.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    engine = _plain_engine(new)
    try:
        with engine.begin() as connection:
            create_tables(connection, binding, now_ms)
    finally:
        engine.dispose()
    replace_file(new, path)


def _migrate_copy(copy: Path) -> chain.Head:
    """Migrate the copy and return where its chain stands; the original is untouched whatever happens.

    Errors: `JournalUnavailable`.
    """
    engine = _plain_engine(copy)
    try:
        with engine.connect() as connection:
            _upgrade(connection)
            head = chain.head_of(connection)
            connection.commit()
            problems = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if problems != ["ok"] or broken:
            raise ValueError("; ".join(problems) if problems != ["ok"] else f"{len(broken)} rows without their parent")
    except Exception as error:
        engine.dispose()
        copy.unlink(missing_ok=True)
        raise JournalUnavailable(
            f"The journal could not be brought up to date ({type(error).__name__}: {error}).",
            do="It is as it was; go on with the version of the program that wrote it, and report this.",
        ) from error
    engine.dispose()
    return head


def _open_server(backend: Backend, binding: Binding, now_ms: int, revisions: tuple[str, ...]) -> None:
    engine = create_engine(backend.url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            tables = set(inspect(connection).get_table_names())
            if not tables:
                create_tables(connection, binding, now_ms)
                return
            if not {"alembic_version", "meta"} <= tables:
                raise _foreign(backend.name)
            found = connection.execute(select(schema.version.c.version_num)).scalar_one()
            facts = {row.name: row.value for row in connection.execute(select(schema.meta))}
            check_binding(facts, binding, backend.name)
            if found != revisions[-1]:
                _check_known(found, revisions, backend.name)
                _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    # Alembic takes longer to import than everything else here, and is needed once per release.
    from autotrader_v2.infrastructure.store import migrations  # noqa: PLC0415

    migrations.upgrade(connection)
    chain.begin(connection)


def _check_known(found: str, revisions: tuple[str, ...], name: str) -> None:
    if found not in revisions:
        raise JournalRefused(
            f"The database {name} was written by a newer version of this program (its schema is {found}, "
            f"this version knows {revisions[-1]}).",
            do="Nothing was changed. Use the newer version, or go back to a copy that was made before it.",
        )


def _foreign(name: str) -> JournalRefused:
    return JournalRefused(
        f"{name} is a database, but not of this program.", do="Nothing was changed. Name another file with DB_PATH."
    )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=2.0, isolation_level=None)


def _plain_engine(path: Path) -> Engine:
    return create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)


def _free_name(path: Path, word: str) -> Path:
    """A name for a copy that is not taken."""
    number = 0
    while True:
        candidate = path.with_name(f"{path.stem}.{word}{f'-{number}' if number else ''}{path.suffix}")
        if not candidate.exists():
            return candidate
        number += 1


def _forget_log(path: Path) -> None:
    """The old file's log, emptied by closing it, must not meet the new file. Errors: `JournalUnavailable`."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise JournalUnavailable(
            f"Another program holds the journal {path}, which must be brought up to date.",
            do="Nothing was changed. Close it (a database viewer, a second copy of this program) and start again.",
        )
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
