"""What can wait: decisions for the page, numbers ahead of need, tidying. One thread, small transactions."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from autotrader_v2.application.events import Decision
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.infrastructure.store import codec
from autotrader_v2.infrastructure.store.commits import GroupCommit
from autotrader_v2.infrastructure.store.dialects import Backend, Cursor
from autotrader_v2.infrastructure.store.numbers import Numbers
from autotrader_v2.infrastructure.store.rows import SAW
from autotrader_v2.infrastructure.store.statements import Statements

_log = structlog.get_logger()

DECISIONS_KEPT = 2000
_CAPACITY = 20_000
_BATCH = 200
_SAMPLES_MAX = 2000
_EVERY_S = 1.0
_ANSWERS_EVERY_S = 600.0
# A market is pruned again after so many of its decisions: rarely, and never far over what is kept.
_PRUNE_EVERY = 100
_CHECKPOINT_AFTER_COMMITS = 50


class Background:
    """Keeps decisions in memory for at most a second, then writes them in small batches through the one writer."""

    def __init__(
        self,
        backend: Backend,
        commits: GroupCommit,
        sql: Statements,
        numbers: Numbers,
        account: str,
        now_ms: Callable[[], int],
        tend: Callable[[], bool],
    ) -> None:
        """`tend` looks after file and disk once a second; False: there is no room for what can wait."""
        self._backend = backend
        self._tend = tend
        self._commits = commits
        self._sql = sql
        self._numbers = numbers
        self._account = account
        self._now_ms = now_ms
        self._lock = threading.Lock()
        # Held by whoever writes: batches keep their order, and `flush` ends when what waited is written, by whomever.
        self._writing = threading.Lock()
        self._waiting: deque[tuple[Decision, Mapping[str, Any]]] = deque()
        self._samples: deque[tuple[EquitySample, Sequence[int]]] = deque(maxlen=_SAMPLES_MAX)
        self._since_pruned: Counter[str] = Counter()
        self._checkpoint_at = 0
        self._answers_pruned_s = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def note(self, decision: Decision, saw: Mapping[str, Any]) -> None:
        """Keep it and what it was taken on; when too many wait, the oldest is dropped and counted."""
        with self._lock:
            self._waiting.append((decision, saw))
            if len(self._waiting) > _CAPACITY:
                self._waiting.popleft()
                self.dropped += 1

    def note_equity(self, sample: EquitySample, forget: Sequence[int]) -> None:
        """Keep it, and let go of those ids; when too many wait, the oldest is dropped."""
        with self._lock:
            self._samples.append((sample, tuple(forget)))

    def start(self) -> None:
        """Begin."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal-background", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; what waits is written, if it can be."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._tidy(last=True)

    def flush(self) -> None:
        """Write all decisions and samples that wait. Errors: `JournalUnavailable`; they wait on."""
        with self._writing:
            self._write_samples()
            while True:
                with self._lock:
                    batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                if not batch:
                    return
                try:
                    self._write(batch)
                except JournalUnavailable:
                    with self._lock:
                        self._waiting.extendleft(reversed(batch))
                    raise

    def _run(self) -> None:
        self._tidy(last=False)
        while not self._stop.wait(_EVERY_S):
            self._tidy(last=False)

    def _tidy(self, *, last: bool) -> None:
        try:
            if not self._tend():
                return
            self.flush()
            if last:
                return
            self._numbers.refill()
            self._forget_answers()
            self._checkpoint()
        except JournalUnavailable as error:
            # The same trouble stops orders, where it is told; here nothing is lost by trying again.
            _log.warning("the journal's background work waits", what=error.what)
        except Exception:
            _log.exception("the journal's background work failed; it is tried again")

    def _write(self, batch: list[tuple[Decision, Mapping[str, Any]]]) -> None:
        rows = [
            self._sql.decision.bind(
                {
                    "account": self._account,
                    "market": str(one.market),
                    "book": "averaging",
                    "kind": one.kind,
                    "reason": one.reason,
                    "payload": codec.to_text({**one.values, SAW: saw} if saw else one.values),
                    "time_ms": one.time_ms,
                }
            )
            for one, saw in batch
        ]
        self._since_pruned.update(str(one.market) for one, _ in batch)
        crowded = [market for market, count in self._since_pruned.items() if count >= _PRUNE_EVERY]
        prunes = [
            self._sql.prune_decisions.bind({"account": self._account, "market": market, "keep": DECISIONS_KEPT})
            for market in crowded
        ]

        def work(cursor: Cursor) -> None:
            cursor.executemany(self._sql.decision.sql, rows)
            for prune in prunes:
                cursor.execute(self._sql.prune_decisions.sql, prune)

        self._commits.run(work)
        for market in crowded:
            del self._since_pruned[market]

    def _write_samples(self) -> None:
        with self._lock:
            batch = [self._samples.popleft() for _ in range(min(_BATCH, len(self._samples)))]
        if not batch:
            return
        rows = [
            self._sql.equity.bind(
                {
                    "account": self._account,
                    "time_ms": sample.time_ms,
                    "equity": str(sample.equity),
                    "free": str(sample.free),
                    "invested": str(sample.invested),
                    "unrealised": str(sample.unrealised),
                    "realised": str(sample.realised),
                }
            )
            for sample, _ in batch
        ]
        gone = [self._sql.forget_equity.bind({"id": one}) for _, forget in batch for one in forget]

        def work(cursor: Cursor) -> None:
            cursor.executemany(self._sql.equity.sql, rows)
            if gone:
                cursor.executemany(self._sql.forget_equity.sql, gone)

        try:
            self._commits.run(work)
        except JournalUnavailable:
            with self._lock:
                self._samples.extendleft(reversed(batch))
            raise

    def _forget_answers(self) -> None:
        now_s = time.monotonic()
        if now_s - self._answers_pruned_s > _ANSWERS_EVERY_S:
            self._commits.run(lambda cursor: self._sql.prune_answers.run(cursor, {"now_ms": self._now_ms()}))
            self._answers_pruned_s = now_s

    def _checkpoint(self) -> None:
        """Tidy the log while nobody writes, so that no order has to."""
        if self._commits.commits - self._checkpoint_at >= _CHECKPOINT_AFTER_COMMITS and self._commits.idle:
            self._commits.outside_transaction(self._backend.checkpoint)
            self._checkpoint_at = self._commits.commits
