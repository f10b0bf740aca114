"""Studies by URL: SQLite for one machine, PostgreSQL for many. Claims are leases: nobody's death loses a trial."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from autotrader_v2.infrastructure.studies.tables import (
    DONE,
    REFUSED,
    RUNNING,
    WAITING,
    metadata,
    studies,
    trials,
    verdicts,
)
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.trials import Ask, Counts, StudyDiffers, StudyUnavailable, Trial

LEASE_MS = 60_000
_BUSY_S = 30.0
_INSERTS: Mapping[str, Callable[[Table], "sqlite.Insert | postgresql.Insert"]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_ROWS_AT_ONCE = 1_000


class Studies:
    """A database of studies, by URL or a file's path. Errors of all methods: `StudyUnavailable`."""

    def __init__(self, url: str | Path, *, lease_ms: int = LEASE_MS) -> None:
        self._lease_ms = lease_ms
        self.name, self._engine = _engine(url)
        with self._errors():
            self._make_tables()

    def names(self) -> list[str]:
        """All studies, the newest first."""
        with self._errors(), self._engine.connect() as connection:
            return list(connection.scalars(select(studies.c.name).order_by(studies.c.id.desc())))

    def open(self, name: str, about: Mapping[str, Any], *, may_change: Sequence[str] = ()) -> "StoredStudy":
        """The study of that name, begun now if there is none. Errors: `StudyDiffers`.

        `may_change` names what may differ from the begin, such as how many trials are wanted.
        """
        with self._errors(), self._writing() as connection:
            insert = _INSERTS[self._engine.dialect.name](studies).on_conflict_do_nothing()
            text = json.dumps(about, sort_keys=True)
            connection.execute(insert, {"name": name, "about": text, "begun_ms": self._now_ms(connection)})
            row = connection.execute(select(studies).where(studies.c.name == name)).one()
        there = json.loads(row.about)
        here = json.loads(text)
        differences = [
            (what, str(there.get(what, "nothing")), str(here.get(what, "nothing")))
            for what in dict.fromkeys((*here, *there))
            if there.get(what) != here.get(what) and what not in may_change
        ]
        if differences:
            raise StudyDiffers(name, differences)
        return StoredStudy(self, row.id, name)

    def existing(self, name: str) -> "StoredStudy":
        """A study to read. Errors: KeyError."""
        with self._errors(), self._engine.connect() as connection:
            number = connection.scalar(select(studies.c.id).where(studies.c.name == name))
        if number is None:
            raise KeyError(name)
        return StoredStudy(self, number, name)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that waits for other writers at its begin, not in its middle."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if self._is_file else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            first = (str(reason).splitlines() or [type(reason).__name__])[0]
            raise StudyUnavailable(
                f"The database of studies {self.name} cannot be used: {first}. "
                "What was finished before is kept; check the database and give the same command again."
            ) from error

    @property
    def _is_file(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _now_ms(self, connection: Connection) -> int:
        """The database's own time: machines that share it may differ in theirs."""
        if self._is_file:
            return time.time_ns() // 1_000_000
        return int(connection.scalar(select(func.extract("epoch", func.clock_timestamp()) * 1000)) or 0)

    def _make_tables(self) -> None:
        with self._writing() as connection:
            there = set(inspect(connection).get_table_names())
            if self._is_file and there and studies.name not in there:
                raise StudyUnavailable(
                    f"{self.name} is a database of something else. Nothing was changed. Name another one with --db."
                )
            metadata.create_all(connection, checkfirst=True)


class StoredStudy:
    """The trials of one study: `search.trials.Study`."""

    def __init__(self, home: Studies, number: int, name: str) -> None:
        self._home, self._study, self.name = home, number, name

    def about(self) -> Mapping[str, Any]:
        """See `Study`."""
        with self._home._errors(), self._home._engine.connect() as connection:
            text = connection.scalar(select(studies.c.about).where(studies.c.id == self._study))
        return dict(json.loads(text or "{}"))

    def counts(self) -> Counts:
        """See `Study`."""
        mine = trials.c.study == self._study
        with self._home._errors(), self._home._engine.connect() as connection:
            by_state = select(trials.c.state, func.count().label("trials")).where(mine).group_by(trials.c.state)
            counted = {row.state: row.trials for row in connection.execute(by_state)}
            highest = connection.scalar(select(func.max(trials.c.number)).where(mine))
        return Counts(
            waiting=counted.get(WAITING, 0),
            running=counted.get(RUNNING, 0),
            done=counted.get(DONE, 0),
            refused=counted.get(REFUSED, 0),
            highest=-1 if highest is None else highest,
        )

    def offer(self, asks: Sequence[Ask]) -> None:
        """See `Study`."""
        rows = [
            {"study": self._study, "number": one.number, "point": json.dumps(dict(one.point)), "state": WAITING}
            for one in asks
        ]
        with self._home._errors(), self._home._writing() as connection:
            insert = _INSERTS[self._home._engine.dialect.name](trials).on_conflict_do_nothing()
            for begin in range(0, len(rows), _ROWS_AT_ONCE):
                connection.execute(insert, rows[begin : begin + _ROWS_AT_ONCE])

    def claim(self, most: int, owner: str) -> list[Ask]:
        """See `Study`."""
        with self._home._errors(), self._home._writing() as connection:
            now_ms = self._home._now_ms(connection)
            free = or_(trials.c.state == WAITING, and_(trials.c.state == RUNNING, trials.c.until_ms < now_ms))
            wanted = (
                select(trials.c.number, trials.c.point)
                .where(trials.c.study == self._study, free)
                .order_by(trials.c.number)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            asks = [Ask(number, json.loads(point)) for number, point in connection.execute(wanted)]
            if asks:
                connection.execute(
                    update(trials)
                    .where(trials.c.study == self._study, trials.c.number.in_([one.number for one in asks]))
                    .values(state=RUNNING, owner=owner, until_ms=now_ms + self._home._lease_ms)
                )
        return asks

    def alive(self, owner: str) -> None:
        """See `Study`."""
        with self._home._errors(), self._home._writing() as connection:
            until_ms = self._home._now_ms(connection) + self._home._lease_ms
            connection.execute(update(trials).where(*self._claimed_by(owner)).values(until_ms=until_ms))

    def finish(self, finished: Sequence[Trial]) -> None:
        """See `Study`."""
        rows = [
            {"the_number": one.number, "now": REFUSED if one.refused else DONE, "text": _text(one)} for one in finished
        ]
        done = (
            update(trials)
            .where(
                trials.c.study == self._study,
                trials.c.number == bindparam("the_number"),
                or_(trials.c.state == WAITING, trials.c.state == RUNNING),
            )
            .values(state=bindparam("now"), owner=None, until_ms=None, result=bindparam("text"))
        )
        if rows:
            with self._home._errors(), self._home._writing() as connection:
                connection.execute(done, rows)

    def release(self, owner: str) -> None:
        """See `Study`."""
        with self._home._errors(), self._home._writing() as connection:
            connection.execute(
                update(trials).where(*self._claimed_by(owner)).values(state=WAITING, owner=None, until_ms=None)
            )

    def trials(self) -> Iterator[Trial]:
        """See `Study`."""
        after = -1
        while True:
            following = (
                select(trials.c.number, trials.c.point, trials.c.state, trials.c.result)
                .where(trials.c.study == self._study, trials.c.state.in_((DONE, REFUSED)), trials.c.number > after)
                .order_by(trials.c.number)
                .limit(_ROWS_AT_ONCE)
            )
            with self._home._errors(), self._home._engine.connect() as connection:
                rows = connection.execute(following).all()
            for number, point, state, result in rows:
                yield _trial(number, point, state, result)
            if len(rows) < _ROWS_AT_ONCE:
                return
            after = rows[-1].number

    def judge(self, told: Mapping[str, Any]) -> None:
        """Keep what was said at its end, instead of what was said before."""
        text = json.dumps(dict(told))
        with self._home._errors(), self._home._writing() as connection:
            insert = _INSERTS[self._home._engine.dialect.name](verdicts)
            instead = insert.on_conflict_do_update(index_elements=[verdicts.c.study], set_={"told": text})
            connection.execute(instead, {"study": self._study, "told": text})

    def verdict(self) -> Mapping[str, Any] | None:
        """What was said last; None before any end."""
        with self._home._errors(), self._home._engine.connect() as connection:
            text = connection.scalar(select(verdicts.c.told).where(verdicts.c.study == self._study))
        return None if text is None else dict(json.loads(text))

    def _claimed_by(self, owner: str) -> tuple[Any, ...]:
        return trials.c.study == self._study, trials.c.state == RUNNING, trials.c.owner == owner


def _engine(url: str | Path) -> tuple[str, Engine]:
    try:
        # A folder's name may hold what means something else in a URL.
        address = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
    except ArgumentError:
        raise StudyUnavailable(
            "The address of the database is not readable. Write sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME."
        ) from None
    shown = address.render_as_string(hide_password=True)
    dialect = address.get_backend_name()
    if dialect not in _INSERTS:
        raise StudyUnavailable(f"{shown}: studies are kept in SQLite or PostgreSQL, not {dialect}.")
    connect = {"timeout": _BUSY_S} if dialect == "sqlite" else {}
    try:
        engine = create_engine(address, isolation_level="AUTOCOMMIT", pool_pre_ping=True, connect_args=connect)
    except ModuleNotFoundError as error:
        raise StudyUnavailable(
            f"{shown} needs the driver {error.name}, which is not installed. Install it into .venv, "
            "or leave --db out to use a file."
        ) from error
    if dialect == "sqlite":
        event.listen(engine, "connect", _set_up)
    return shown, engine


def _set_up(connection: Any, _record: Any) -> None:
    # The last results may go with a power cut; they are found missing and done again.
    connection.execute("PRAGMA synchronous=NORMAL")


def _text(trial: Trial) -> str:
    if trial.seen is None:
        return trial.refused
    return json.dumps({"seen": trial.seen.as_json(), "segments": [one.as_json() for one in trial.segments]})


def _trial(number: int, point: str, state: str, result: str) -> Trial:
    if state == REFUSED:
        return Trial(number=number, point=json.loads(point), refused=result)
    kept = json.loads(result)
    return Trial(
        number=number,
        point=json.loads(point),
        seen=Figures(**kept["seen"]),
        segments=tuple(Figures(**one) for one in kept["segments"]),
    )
