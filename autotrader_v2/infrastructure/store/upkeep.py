"""What a running journal's file needs every hour and every day: a verified copy, a whole check. One thread."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from autotrader_v2.infrastructure.store.backups import Backup, BackupFailed, Backups
from autotrader_v2.infrastructure.store.examine import Interrupted, problems_of

_log = structlog.get_logger()

_FIRST_AFTER_S = 60.0
_DAY_S = 24 * 3600.0
_RETRY_S = 600.0
_LOOK_EVERY_S = 1.0
_BREATHE_S = 0.005
# Whoever asked the program to stop waits for it.
_LAST_COPY_S = 6.0


class Kept(Protocol):
    """The journal, as far as its upkeep needs it."""

    @property
    def written(self) -> int:
        """How many commits it has made in this run."""

    def backed_up(self, made_ms: int) -> None:
        """A verified copy was made."""

    def backup_failed(self, why: str) -> None:
        """None was made; told to the owner."""

    def checked(self, at_ms: int, problems: tuple[str, ...]) -> None:
        """The whole of it was looked at; with problems no order leaves any more."""


class Upkeep:
    """Copies and checks a database file in the background."""

    def __init__(
        self,
        journal: Kept,
        backups: Backups,
        *,
        every_s: float,
        first_after_s: float = _FIRST_AFTER_S,
    ) -> None:
        """`every_s` 0: no copies, only the daily check. The first look comes soon after the start."""
        self._journal = journal
        self._backups = backups
        self._every_s = every_s
        self._first_after_s = first_after_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._copied = -1
        # One copy at a time: they share the file that is being written.
        self._copying = threading.Lock()

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="journal-upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what has not been copied yet is copied once more, if that is done soon."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self._every_s or self._journal.written == self._copied:
            return
        ends_s = time.monotonic() + _LAST_COPY_S
        try:
            self._copy(full=False, breathe=lambda: time.monotonic() < ends_s)
        except Interrupted:
            _log.warning("no last backup was made: it would have taken too long")

    def known(self) -> list[Backup]:
        """The copies there are, newest first."""
        return self._backups.list()

    def copy_now(self, limit_s: float) -> Backup:
        """Make a verified copy by hand, on the caller's thread. Errors: `BackupFailed`, also when it takes longer."""
        ends_s = time.monotonic() + limit_s
        with self._copying:
            try:
                return self._make(
                    full=False, by_hand=True, breathe=lambda: self._breathe() and time.monotonic() < ends_s
                )
            except Interrupted as error:
                raise BackupFailed("The copy took too long and was given up; the last one stays.") from error

    def _run(self) -> None:
        now_s = time.monotonic()
        check_due_s = now_s + self._first_after_s
        copy_due_s = max(check_due_s, now_s + self._every_s - self._age_s()) if self._every_s else float("inf")
        while not self._stop.wait(min(_LOOK_EVERY_S, self._first_after_s)):
            now_s = time.monotonic()
            if now_s < min(check_due_s, copy_due_s):
                continue
            check = now_s >= check_due_s
            try:
                if now_s >= copy_due_s:
                    done = self._copy(full=check, breathe=self._breathe)
                    copy_due_s = time.monotonic() + (self._every_s if done else min(self._every_s, _RETRY_S))
                elif check:
                    self._check()
            except Interrupted:
                return
            except Exception:
                _log.exception("the journal's upkeep failed; it is tried again")
                copy_due_s = time.monotonic() + _RETRY_S
            if check:
                check_due_s = time.monotonic() + _DAY_S

    def _age_s(self) -> float:
        """Age of the newest copy; the program may have been started again in between."""
        known = self._backups.list()
        return (datetime.now(UTC) - known[0].made).total_seconds() if known else self._every_s

    def _copy(self, *, full: bool, breathe: Callable[[], bool]) -> bool:
        try:
            with self._copying:
                self._make(full=full, breathe=breathe)
        except BackupFailed as error:
            self._journal.backup_failed(str(error))
            return False
        except OSError as error:
            self._journal.backup_failed(f"Old backups cannot be deleted: {error.strerror or error}.")
            return False
        return True

    def _make(self, *, full: bool, breathe: Callable[[], bool], by_hand: bool = False) -> Backup:
        written, now = self._journal.written, datetime.now(UTC)
        try:
            made = self._backups.make(now, full=full, by_hand=by_hand, breathe=breathe)
            self._backups.prune(now + timedelta(seconds=1))
        except BackupFailed as error:
            if error.damaged:
                self._journal.checked(_ms(now), error.damaged)
            raise
        self._copied = written
        self._journal.backed_up(_ms(made.made))
        if full:
            self._journal.checked(_ms(now), ())
        return made

    def _check(self) -> None:
        problems = problems_of(self._backups.database, self._backups.account, full=True, breathe=self._breathe)
        self._journal.checked(_ms(datetime.now(UTC)), problems)

    def _breathe(self) -> bool:
        """Let others work; False when the program ends."""
        return not self._stop.wait(_BREATHE_S)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
