"""The whole check of a database file: SQLite's own, the chain against the rows, the fold from the first event.

On a connection of its own that only reads and sees one moment, whatever is written meanwhile.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from autotrader_v2.infrastructure.store import chain, schema
from autotrader_v2.infrastructure.store.loading import Loader
from autotrader_v2.infrastructure.store.queries import Queries

_TOLD_MAX = 10
# How often a running statement asks whether to go on, in SQLite's own instructions.
_ASK_EVERY = 100_000


class Interrupted(Exception):
    """Whoever asked for the check no longer waits for it."""


def problems_of(
    database: Path, account: str, *, full: bool, breathe: Callable[[], bool] = lambda: True
) -> tuple[str, ...]:
    """What is wrong with it; empty: all is well. `full`: every commit and event, else the newest commits and the state.

    `breathe` is called now and then, to let others work; False ends it. Errors: `Interrupted`, OSError.
    """

    def rest_of() -> None:
        if not breathe():
            raise Interrupted

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(database, timeout=2.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        connection.set_progress_handler(lambda: not breathe(), _ASK_EVERY)
        return connection

    if not database.exists():
        return (f"{database.name} is not there",)
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            problems = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA integrity_check({_TOLD_MAX})")]
            if problems != ["ok"]:
                return tuple(problems)
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(_TOLD_MAX):
                return tuple(f"a row of {row[0]} lacks its {row[2]}" for row in broken)
            loader = Loader(connection, account)
            loader.state(0)
            if not full:
                return tuple(chain.broken_tail(connection))
            problems = [*chain.broken(connection, rest_of), *loader.differences(rest_of)]
            queries = Queries(connection, account)
            if queries.moved(0)[0] != queries.moved_since_mark()[0]:
                problems.append("the sum kept of all fills is not the sum of all fills")
            return tuple(problems[:_TOLD_MAX])
    except DBAPIError as error:
        if not breathe():
            raise Interrupted from error
        return (str(error.orig),)
    except sqlite3.Error as error:
        return (str(error),)
    except (ValueError, ArithmeticError) as error:
        # Rows that are no values of ours, or events that cannot follow each other.
        return (str(error),)
    finally:
        engine.dispose()


def facts_of(database: Path) -> dict[str, str]:
    """The facts of a database: what it is bound to, with its `revision`. Errors: ValueError when it is none of ours."""
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
            facts["revision"] = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except sqlite3.Error as error:
        raise ValueError(f"{database.name} cannot be read: {error}") from error
    if facts["revision"] not in schema.REVISIONS:
        raise ValueError(f"{database.name} was written by a newer version of this program")
    return facts
