"""One connection that writes, and many threads that share its commits.

A commit waits for the disk, and that wait is nearly all it costs. Whoever comes while nobody writes commits at once,
on its own thread. Whoever comes meanwhile waits, and the first of them then commits the work of all in one
transaction. A refused one fails alone, an unusable database fails them all.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Generic, TypeVar, cast

import structlog
from sqlalchemy.exc import DBAPIError

from autotrader_v2.application.ports import JournalRefused, JournalUnavailable
from autotrader_v2.infrastructure.store.chain import Chain, Head, Said
from autotrader_v2.infrastructure.store.dialects import Backend, Cursor

_log = structlog.get_logger()

T = TypeVar("T")
Work = Callable[[Cursor], T]

# So many join one transaction at most; the rest takes the next, so that nobody waits for a crowd.
_TOGETHER_MAX = 128


class _Group(Generic[T]):
    """One caller's work and what became of it.

    `turn` is held until the work is done or the caller must lead. Who is woken wakes `next`: a hundred threads woken by
    one would all fight for the interpreter at once.
    """

    __slots__ = ("done", "error", "next", "result", "said", "turn", "work")

    def __init__(self, work: Work[T], said: Said | None) -> None:
        self.work = work
        self.said = said
        self.turn: threading.Lock | None = None
        self.next: _Group[Any] | None = None
        self.done = False
        self.error: BaseException | None = None
        self.result: T | None = None

    def wake(self) -> None:
        """Let its thread go on."""
        if self.turn is not None:
            self.turn.release()

    def outcome(self) -> T:
        """The result, or the error raised."""
        if self.error is not None:
            raise self.error
        return cast(T, self.result)


class JournalTaken(JournalUnavailable):
    """Another program has written to it since; nothing of ours is written any more."""


class GroupCommit:
    """Runs work in durable transactions on the one connection that writes, each a link of the chain."""

    def __init__(self, backend: Backend, chain: Chain) -> None:
        self._backend = backend
        self._chain = chain
        self._mutex = threading.Lock()
        self._busy = False
        self._waiting: deque[_Group[Any]] = deque()
        self._connection: Any = None
        self._cursor: Cursor | None = None
        self._closed: JournalUnavailable | None = None
        # Whether the last commit is durable is not known; nothing is written any more.
        self.uncertain: JournalUnavailable | None = None
        self.commits = 0
        # Of them, those that added to the chain.
        self.linked = 0
        self.last_commit_ms: float | None = None

    @property
    def idle(self) -> bool:
        """Nobody writes at this moment."""
        return not self._busy

    def run(self, work: Work[T], said: Said | None = None) -> T:
        """Run the work in a transaction and return its result when that is durable. `said`: what the chain keeps of it.

        Errors: `JournalRefused` from the work or a broken rule; `JournalUnavailable`. Either way nothing was written.
        """
        group = _Group(work, said)
        with self._mutex:
            if self._busy:
                group.turn = threading.Lock()
                group.turn.acquire()
                self._waiting.append(group)
            else:
                self._busy = True
        if group.turn is None or not self._waited(group, group.turn):
            self._lead(group)
        return group.outcome()

    def outside_transaction(self, work: Work[T]) -> T:
        """Run on the same connection without a transaction (a checkpoint); nobody writes meanwhile."""
        with self._mutex:
            if self._busy:
                raise JournalUnavailable("The journal is being written.", do="Try again.")
            self._busy = True
        try:
            return work(self._open())
        except self._driver_error as error:
            raise self._backend.failure(error) from error
        finally:
            self._pass_on([])

    def close(self, last: Work[object]) -> None:
        """Let pending work finish, do the last thing, close the connection; later work fails."""
        closed = JournalUnavailable("The journal is closed.", do="The program is ending; nothing was written.")

        def end(cursor: Cursor) -> None:
            self._closed = closed

        try:
            if self._closed is None:
                self.run(end)
                if self._cursor is not None:
                    last(self._cursor)
        except (JournalUnavailable, self._driver_error) as error:
            # All that was acknowledged is durable already; only tidying is left undone.
            _log.warning("the journal could not be tidied up at the end", error=str(error))
            self._closed = closed
        self._drop_connection()

    def _lead(self, first: _Group[Any]) -> None:
        """Commit the work of everybody who waits, then wake them."""
        with self._mutex:
            batch = [first]
            while self._waiting and len(batch) < _TOGETHER_MAX:
                batch.append(self._waiting.popleft())
        try:
            self._commit(batch)
        except BaseException as error:
            # Nobody may wait for ever, and what interrupts this thread is not the others' own error.
            self._drop_connection()
            for group in batch:
                if group is not first:
                    group.error = JournalUnavailable("The journal's writer was interrupted.", do="Try again.")
            first.error = error
        finally:
            self._pass_on(batch)

    def _waited(self, group: _Group[Any], turn: threading.Lock) -> bool:
        """Wait; True when somebody else has committed the work, False when its own thread must."""
        try:
            turn.acquire()
        except BaseException:
            with self._mutex:
                if group in self._waiting:
                    self._waiting.remove(group)
                    raise
            # Too late to leave: others wait behind this one.
            turn.acquire()
            if not group.done:
                self._lead(group)
            elif group.next is not None:
                group.next.wake()
            raise
        if group.done and group.next is not None:
            group.next.wake()
        return group.done

    def _pass_on(self, batch: list[_Group[Any]]) -> None:
        """The next leader first, so that the disk is busy again; then, one by one, those whose work is done."""
        with self._mutex:
            if self._waiting:
                leader = self._waiting.popleft()
            else:
                leader = None
                self._busy = False
        if leader is not None:
            leader.wake()
        others = batch[1:]
        for group, after in pairwise([*others, None]):
            if group is not None:
                group.next, group.done = after, True
        if others:
            others[0].wake()

    def _commit(self, batch: list[_Group[Any]]) -> None:
        committing = False
        try:
            if self._closed is not None:
                raise self._closed
            cursor = self._open()
            began_s = time.perf_counter()
            cursor.execute(self._backend.begin)
            written = self._together(cursor, batch) or (len(batch) > 1 and self._apart(cursor, batch))
            head = self._link(cursor, batch) if written else None
            committing = written
            cursor.execute("COMMIT" if written else "ROLLBACK")
            if head is not None:
                self._chain.head = head
                self.linked += 1
            self.commits += 1
            self.last_commit_ms = (time.perf_counter() - began_s) * 1000
        except JournalUnavailable as error:
            self._roll_back()
            self._fail(batch, error)
        except self._driver_error as error:
            failure = self._backend.failure(error)
            if committing and self._backend.commit_can_be_lost:
                # Whether it is durable is not known, and memory must not go on from a guess.
                failure = self._closed = self.uncertain = JournalUnavailable(
                    f"{failure.what} The last commit may or may not have arrived.",
                    do="Nothing is sent any more. Restart the program: it finds out from the journal and the exchange.",
                )
            self._roll_back()
            failure.__cause__ = error
            self._fail(batch, failure)

    def _link(self, cursor: Cursor, batch: list[_Group[Any]]) -> Head | None:
        """The transaction's row in the chain; None when all in it is of no account there."""
        said = [group.said for group in batch if group.said is not None and group.error is None]
        try:
            return self._chain.link(cursor, said) if said else None
        except self._backend.driver.IntegrityError as error:
            raise JournalTaken(
                "Another program has written to the journal.",
                do="Nothing was written and nothing is sent. Stop the other program, then start this one again.",
            ) from error

    def _together(self, cursor: Cursor, batch: list[_Group[Any]]) -> bool:
        """The usual case: nobody is refused, so nobody needs a savepoint. False when somebody was."""
        return all(self._done(cursor, group) for group in batch)

    def _apart(self, cursor: Cursor, batch: list[_Group[Any]]) -> bool:
        """Once more from the start, each inside a savepoint; False when nothing is left to commit."""
        cursor.execute("ROLLBACK")
        cursor.execute(self._backend.begin)
        for group in batch:
            cursor.execute("SAVEPOINT one")
            if not self._done(cursor, group):
                cursor.execute("ROLLBACK TO SAVEPOINT one")
            cursor.execute("RELEASE SAVEPOINT one")
        return any(group.error is None for group in batch)

    def _done(self, cursor: Cursor, group: _Group[Any]) -> bool:
        """Run one caller's work. What it refuses, or a defect in it, is that caller's alone."""
        group.error = None
        try:
            group.result = group.work(cursor)
        except Exception as error:
            broken_rule = isinstance(error, self._backend.driver.IntegrityError)
            if isinstance(error, JournalUnavailable) or (isinstance(error, self._driver_error) and not broken_rule):
                raise
            group.error = self._in_words(error) if broken_rule else error
        return group.error is None

    def _in_words(self, error: Exception) -> JournalRefused:
        refusal = self._backend.refusal(error)
        refusal.__cause__ = error
        return refusal

    def _fail(self, batch: list[_Group[Any]], error: JournalUnavailable) -> None:
        """The database failed them all, and those who came meanwhile: waiting once is enough for everybody."""
        with self._mutex:
            batch += self._waiting
            self._waiting.clear()
        for group in batch:
            if group.error is None:
                # Each raises its own: one exception object in two threads would mix their tracebacks.
                own = type(error)(error.what, do=error.do)
                own.__cause__ = error.__cause__
                group.error = own

    def _roll_back(self) -> None:
        """Back to a clean connection: roll back, and if even that fails connect anew next time."""
        if self._cursor is None or not self._backend.in_transaction(self._connection.dbapi_connection):
            return
        try:
            self._cursor.execute("ROLLBACK")
        except self._driver_error as error:
            _log.warning("the journal's connection is given up", error=str(error))
            self._drop_connection()

    @property
    def _driver_error(self) -> type[Exception]:
        return self._backend.driver.Error  # type: ignore[no-any-return]

    def _open(self) -> Cursor:
        if self._cursor is None:
            try:
                self._connection = self._backend.writers.raw_connection()
            except DBAPIError as error:
                raise self._backend.failure(error.orig or error) from error
            self._cursor = self._connection.cursor()
        return self._cursor

    def _drop_connection(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            # Not back to the pool, whatever state it is in.
            connection.invalidate()
