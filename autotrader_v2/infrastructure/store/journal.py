"""The journal: the durable record of what was wanted, sent, booked and commanded."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from autotrader_v2.application.archive import Archive
from autotrader_v2.application.events import Alert, CommandGiven, Decision, Intended, Priority, Record
from autotrader_v2.application.ports import (
    Binding,
    Credential,
    Doubt,
    JournalRefused,
    JournalState,
    JournalStatus,
    JournalUnavailable,
    OpenAttempt,
    Trouble,
)
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.infrastructure.store import chain, codec, opening, schema
from autotrader_v2.infrastructure.store.archive import SqlArchive
from autotrader_v2.infrastructure.store.background import Background
from autotrader_v2.infrastructure.store.chain import Chain, Said
from autotrader_v2.infrastructure.store.commits import GroupCommit, JournalTaken, Work
from autotrader_v2.infrastructure.store.dialects import Cursor, JournalFull, SqliteFile, backend_of, damaged
from autotrader_v2.infrastructure.store.history import CycleHistory
from autotrader_v2.infrastructure.store.loading import Loader
from autotrader_v2.infrastructure.store.news import News
from autotrader_v2.infrastructure.store.numbers import Numbers
from autotrader_v2.infrastructure.store.queries import Queries
from autotrader_v2.infrastructure.store.records import RecordWriter
from autotrader_v2.infrastructure.store.room import Room
from autotrader_v2.infrastructure.store.rows import credential_of, fill_of
from autotrader_v2.infrastructure.store.standing import DOUBT_FACT, HeadFile, doubt_about
from autotrader_v2.infrastructure.store.statements import Statements

Rows = Sequence[Mapping[str, Any]]

_log = structlog.get_logger()

T = TypeVar("T")

_PAPER = "paper"
_MARK_AFTER_FILLS = 2000
# 2025-01-01 UTC
_NUMBERS_SINCE_MS = 1_735_689_600_000
_ANSWER_KEPT_MS = 24 * 3600 * 1000


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class SqlJournal:
    """A `Journal` in one SQLite file (by path) or a database server (by URL). `load` comes first."""

    def __init__(
        self,
        url_or_path: str | Path,
        binding: Binding,
        *,
        account: str,
        now_ms: Callable[[], int] = _wall_ms,
        room: Room | None = None,
    ) -> None:
        """`now_ms` dates the database and the answers of request keys; everything else brings its own time.

        `room` is the reserve for a full disk; a file without one has none.
        """
        self._backend = backend_of(url_or_path)
        self._binding = binding
        self._account = account
        self._now_ms = now_ms
        self._sql = Statements(self._backend.dialect)
        self._file = self._backend.path if isinstance(self._backend, SqliteFile) else None
        self._head_file = HeadFile(self._file) if self._file is not None else None
        self._room = room or (Room(self._file, 0) if self._file is not None else None)
        self._chain = Chain(self._sql)
        self._commits = GroupCommit(self._backend, self._chain)
        self._records = RecordWriter(self._sql, account)
        self._numbers = Numbers(self._reserve)
        self._history = CycleHistory(account)
        self.archive: Archive = SqlArchive(self._reading, account)
        self._background = Background(
            self._backend, self._commits, self._sql, self._numbers, account, now_ms, self._tend
        )
        self._news = News()
        self._doubt = Doubt.NONE
        self._damage: JournalUnavailable | None = None
        self._misplaced: JournalUnavailable | None = None
        self._taken: JournalTaken | None = None
        self._backup_ms = self._checked_ms = 0
        self._backup_error = ""
        self._ready = False
        # Asked when a decision is noted, which is behind its order: it must take no lock and never raise.
        self.witness: Callable[[Market], Mapping[str, Any]] = lambda _: {}

    def load(self) -> JournalState:
        """See `Journal`. Creates, checks and migrates the database first.

        Errors: `JournalRefused` for a foreign or newer database, `JournalUnavailable` for a damaged or blocked one.
        """
        if not self._ready:
            opening.open_database(self._backend, self._binding, self._now_ms(), revisions=schema.REVISIONS)
            self._ready = True
        with self._reading() as connection:
            self._look_back(connection)
        next_number = self._numbers.prepare()
        with self._reading() as connection:
            state = Loader(connection, self._account).state(next_number, self._doubt)
        self._backend.settle()
        self._background.start()
        return state

    def verify(self) -> tuple[str, ...]:
        """What a fold of every event since the beginning says differently from what is loaded; empty: all is well."""
        with self._reading() as connection:
            differences = tuple(Loader(connection, self._account).differences())
            queries = Queries(connection, self._account)
            if queries.moved(0)[0] != queries.moved_since_mark()[0]:
                differences += ("the sum kept of all fills is not the sum of all fills",)
            return differences

    def write(self, *records: Record) -> None:
        """See `Journal`. Intents are refused while it is in doubt or damaged, buys also while the disk is full."""
        self._check_ready()
        buys = self._admit(records)
        work, said = self._records.work(records)
        self._durable(work, said, again=not buys)

    @property
    def last_commit_ms(self) -> float | None:
        """See `Journal`."""
        return self._commits.last_commit_ms

    @property
    def full(self) -> bool:
        """See `Journal`."""
        return self._room is not None and self._room.full

    def status(self) -> JournalStatus:
        """See `Journal`."""
        troubles = {
            Trouble.DAMAGED: self._damage,
            Trouble.MISPLACED: self._misplaced,
            Trouble.TAKEN: self._taken,
            Trouble.UNCERTAIN: self._commits.uncertain,
        }
        cause, trouble = next(((cause, one) for cause, one in troubles.items() if one is not None), (None, None))
        return JournalStatus(
            commit_ms=self._commits.last_commit_ms,
            full=self.full,
            doubt=self._doubt,
            cause=cause,
            trouble=trouble.what if trouble is not None else "",
            backup_ms=self._backup_ms,
            backup_error=self._backup_error,
            checked_ms=self._checked_ms,
        )

    def listen(self, on_news: Callable[[str, Priority, Mapping[str, str]], None]) -> None:
        """See `Journal`."""
        self._news.listen(on_news)

    def confirm(self, by: str) -> Doubt:
        """See `Journal`."""
        self._check_ready()
        doubt = self._doubt
        if doubt is Doubt.NONE:
            return doubt
        values = {"doubt": doubt.value}
        work, said = self._records.work(
            [CommandGiven(market=None, name="confirm_journal", values=values, by=by, time_ms=self._now_ms())]
        )

        def confirmed(cursor: Cursor) -> None:
            work(cursor)
            self._sql.forget_meta.run(cursor, {"name": DOUBT_FACT})

        self._durable(confirmed, said)
        self._doubt = Doubt.NONE
        self._note_head()
        return doubt

    @property
    def file(self) -> Path | None:
        """The database file; None: a server has it."""
        return self._file

    @property
    def account(self) -> str:
        """Whose rows these are."""
        return self._account

    @property
    def written(self) -> int:
        """See `upkeep.Kept`."""
        return self._commits.linked

    def backed_up(self, made_ms: int) -> None:
        """See `upkeep.Kept`."""
        self._backup_ms, self._backup_error = made_ms, ""
        self._news.ends("backup_failed")

    def backup_failed(self, why: str) -> None:
        """See `upkeep.Kept`."""
        self._backup_error = why
        _log.error("the journal could not be backed up", why=why)
        self._news.begins("backup_failed", Priority.MEDIUM, what=why)

    def checked(self, at_ms: int, problems: tuple[str, ...]) -> None:
        """See `upkeep.Kept`. Damage lasts until a restart, which looks again."""
        self._checked_ms = at_ms
        if problems:
            self._damage = damaged(self._backend.name, "; ".join(problems))
            _log.error("the journal is damaged; no order leaves", problems=problems)
            self._news.begins("journal_damaged", Priority.HIGH, what=self._damage.what)

    def note(self, decision: Decision) -> None:
        """See `Journal`. What `witness` says of the market is kept beside it, for a replay."""
        self._background.note(decision, self.witness(decision.market))

    def note_equity(self, sample: EquitySample, forget: Sequence[int] = ()) -> None:
        """See `Journal`."""
        self._background.note_equity(sample, forget)

    @property
    def dropped_decisions(self) -> int:
        """Decisions that were never written because too many waited."""
        return self._background.dropped

    def new_number(self) -> int:
        """See `Journal`. Errors: `JournalUnavailable` when the database has been unusable for a thousand orders."""
        self._check_ready()
        return self._numbers.take()

    def fills_of(self, client_id: str) -> tuple[Fill, ...]:
        """See `Journal`."""
        with self._reading() as connection:
            cursor = connection.connection.cursor()
            self._sql.fills_of.run(cursor, {"client_id": client_id})
            return tuple(fill_of(row) for row in cursor.fetchall())

    def attempt_of(self, client_id: str) -> OpenAttempt | None:
        """See `Journal`."""
        with self._asking() as queries:
            return queries.attempt_of(client_id)

    def trades(self, market: Market | None, limit: int, before: int | None = None) -> Rows:
        """See `Journal`. `before` is the `id` of a row: the older ones follow."""
        with self._asking() as queries:
            return queries.trades(market, limit, before)

    def decisions(self, market: Market | None, limit: int) -> Rows:
        """See `Journal`."""
        with self._asking() as queries:
            return queries.decisions(market, limit)

    def alerts(self, limit: int) -> Sequence[Alert]:
        """See `Journal`."""
        with self._asking() as queries:
            return queries.alerts(limit)

    def cycle_history(self, market: Market, limit: int) -> Rows:
        """See `Journal`."""
        with self._reading() as connection:
            return self._history.closed(connection, market, limit)

    def results(self, market: Market | None, since_ms: int) -> Rows:
        """See `Journal`."""
        with self._asking() as queries:
            return queries.results(market, since_ms)

    def orders(self, market: Market | None, limit: int) -> Rows:
        """See `Journal`."""
        with self._asking() as queries:
            return queries.orders(market, limit)

    def balances(self, start: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """See `Journal`."""
        with self._asking() as queries:
            moved, counted, last_id = queries.moved_since_mark()
        if counted > _MARK_AFTER_FILLS:
            self._mark(moved, last_id)
        return {
            currency: start.get(currency, ZERO) + moved.get(currency, ZERO)
            for currency in dict.fromkeys((*start, *moved))
        }

    def idempotent(self, key: str, request_hash: str) -> Mapping[str, Any] | None:
        """See `Journal`. Answers are forgotten after a day."""
        with self._reading() as connection:
            cursor = connection.connection.cursor()
            return self._answer(cursor, key, request_hash)

    def remember(self, key: str, request_hash: str, answer: Mapping[str, Any]) -> None:
        """See `Journal`. The first answer of a key stays."""
        self._check_ready()
        values = {
            "request_key": key,
            "request_hash": request_hash,
            "payload": codec.to_text(answer),
            "expires_ms": self._now_ms() + _ANSWER_KEPT_MS,
        }

        def work(cursor: Cursor) -> None:
            if self._answer(cursor, key, request_hash) is None:
                self._sql.forget_answer.run(cursor, {"key": key})
                self._sql.answer.run(cursor, values)

        self._durable(work)

    # The `CredentialStore` port.

    def credentials(self) -> Sequence[Credential]:
        """See the port."""
        table = schema.credentials
        with self._reading() as connection:
            rows = connection.execute(
                select(table).where(table.c.account == self._account).order_by(table.c.created_ms, table.c.id)
            ).mappings()
            return [credential_of(row) for row in rows]

    def add_credential(self, one: Credential) -> None:
        """See the port."""
        self._check_ready()
        values = {**asdict(one), "scope": one.scope.value, "account": self._account}
        self._durable(lambda cursor: self._sql.credential.run(cursor, values))

    def credential_used(self, id: str, time_ms: int) -> None:
        """See the port."""
        self._check_ready()
        self._durable(lambda cursor: self._sql.credential_used.run(cursor, {"id": id, "time_ms": time_ms}))

    def revoke_credential(self, id: str, time_ms: int) -> None:
        """See the port."""
        self._check_ready()
        self._durable(lambda cursor: self._sql.revoke_credential.run(cursor, {"id": id, "time_ms": time_ms}))

    def close(self) -> None:
        """See `Journal`."""
        self._background.stop()
        if self._ready:
            self._backend.close_readers()
            self._commits.close(self._backend.last_words)
            self._note_head()
        if self._head_file is not None:
            self._head_file.close()
        self._ready = False
        self._backend.dispose()

    def _answer(self, cursor: Cursor, key: str, request_hash: str) -> Mapping[str, Any] | None:
        self._sql.answer_of.run(cursor, {"key": key})
        row = cursor.fetchone()
        if row is None or row[2] <= self._now_ms():
            return None
        if row[0] != request_hash:
            raise JournalRefused(
                "This request key was used for another request.",
                do="Nothing was done. Use a new key for a new request.",
            )
        answer: Mapping[str, Any] = codec.from_text(row[1])
        return answer

    def _mark(self, moved: Mapping[str, Decimal], last_id: int) -> None:
        """Keep the sum of all fills so far, so that the next start need not add them up again."""
        value = codec.to_text({"last_id": last_id, "moved": moved})
        try:
            self._commits.run(lambda cursor: self._sql.write_meta.run(cursor, {"name": "moved", "value": value}))
        except JournalUnavailable as error:
            _log.warning("the sum of fills is not kept; it is added up again next time", what=error.what)

    def _reserve(self, count: int) -> int:
        def work(cursor: Cursor) -> int:
            self._sql.read_meta.run(cursor, {"name": "next_number"})
            # Not below the clock, so that an older copy put back does not give its numbers a second time.
            first = max(int(cursor.fetchone()[0]), (self._now_ms() - _NUMBERS_SINCE_MS) // 1000)
            self._sql.write_meta.run(cursor, {"name": "next_number", "value": str(first + count)})
            return first

        return self._durable(work)

    def _admit(self, records: Sequence[Record]) -> bool:
        """Whether a buy is among them. Errors: `JournalUnavailable` for what must not be done now.

        All else is looked at once a second (`_tend`): to look at every commit would make each of them slower.
        """
        for trouble in (self._misplaced, self._taken):
            if trouble is not None:
                raise JournalUnavailable(trouble.what, do=trouble.do)
        sides = [record.intent.side for record in records if isinstance(record, Intended)]
        if not sides:
            return False
        if not self._backend.in_place():
            self._backend.check_place()
        trouble = self._damage
        if trouble is not None:
            raise JournalUnavailable(trouble.what, do=trouble.do)
        if self._doubt is not Doubt.NONE:
            raise JournalUnavailable(
                f"The journal {self._backend.name} may not be the one that the last run left ({self._doubt.value}).",
                do="Nothing is sent. Compare the account with it on the page; resuming the account confirms it.",
            )
        buys = Side.BUY in sides
        if buys and self._room is not None:
            self._room.check()
        return buys

    def _durable(self, work: Work[T], said: Said | None = None, *, again: bool = True) -> T:
        """Run it in a durable transaction. On a full disk the reserve is given up; `again`: for this."""
        try:
            try:
                return self._commits.run(work, said)
            except JournalFull:
                if self._room is None:
                    raise
                self._room.give_up()
                self._news.begins("journal_full", Priority.HIGH, file=self._backend.name)
                if not again:
                    raise
            return self._commits.run(work, said)
        except JournalTaken as error:
            # Lasts until a restart, which reads what the other one wrote.
            self._taken = error
            _log.error("another program writes to the journal; no order leaves", file=self._backend.name)
            self._news.begins("journal_taken", Priority.HIGH, file=self._backend.name)
            raise

    def _note_head(self) -> None:
        """Beside the database; not while its owner may yet put another one in its place."""
        head = self._chain.head
        if self._head_file is not None and head is not None and self._doubt is Doubt.NONE:
            self._head_file.note(head)

    def _look_back(self, connection: Connection) -> None:
        """Whether the newest commits are what they were, and this is what the last run left.

        Errors: `JournalUnavailable` for damage.
        """
        broken = list(chain.broken_tail(connection))
        if broken:
            raise damaged(self._backend.name, "; ".join(broken))
        self._chain.head = chain.head_of(connection)
        facts = schema.meta
        stored = connection.execute(select(facts.c.value).where(facts.c.name == DOUBT_FACT)).scalar()
        doubt = Doubt(stored or "")
        if self._file is not None and doubt is Doubt.NONE:
            doubt = doubt_about(connection, self._file)
        if doubt is not Doubt.NONE and self._binding.mode == _PAPER:
            _log.warning("the journal is not the one that the last run left; paper goes on with it", doubt=doubt.value)
            if stored:
                self._commits.run(lambda cursor: self._sql.forget_meta.run(cursor, {"name": DOUBT_FACT}))
            doubt = Doubt.NONE
        self._doubt = doubt
        self._note_head()

    def _tend(self) -> bool:
        """Once a second: the file is where it was, and there is room. False: no room for what can wait."""
        try:
            self._check_place()
        except JournalUnavailable as error:
            self._misplaced = error
            self._news.begins("journal_misplaced", Priority.HIGH, what=error.what)
        else:
            self._misplaced = None
            self._news.ends("journal_misplaced")
            self._note_head()
        if self._room is None or self._room.make():
            self._news.ends("journal_full", "journal_has_room")
            return True
        self._news.begins("journal_full", Priority.HIGH, file=self._backend.name)
        return False

    def _check_place(self) -> None:
        """Errors: `JournalUnavailable` when it is not the file that was opened, or somebody else writes to it."""
        self._backend.check_place()
        head = self._chain.head
        with self._reading() as connection:
            if head is not None and not chain.still_there(connection, head):
                raise JournalUnavailable(
                    f"The journal {self._backend.name} no longer has what this program wrote to it.",
                    do="Nothing is sent. Stop the program, put the right file back (or `maintenance restore latest`) "
                    "and start again.",
                )

    def _check_ready(self) -> None:
        if not self._ready:
            raise JournalUnavailable("The journal is not open.", do="Nothing was written; load it first.")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection that only reads and waits for nobody; foreign errors become ours."""
        self._check_ready()
        try:
            with self._backend.readers.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None)
            raise self._backend.failure(cause if isinstance(cause, Exception) else error) from error
        except self._backend.driver.Error as error:
            raise self._backend.failure(error) from error
        except (ValueError, ArithmeticError) as error:
            # Rows that are no values of ours, or events that cannot follow each other.
            raise damaged(self._backend.name, str(error)) from error

    @contextmanager
    def _asking(self) -> Iterator[Queries]:
        with self._reading() as connection:
            yield Queries(connection, self._account)
