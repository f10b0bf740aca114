"""What the page may know of, and ask from, the program around the engine: machine, log lines, backups."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class LogLines(Protocol):
    """The newest lines of the log, secrets hidden."""

    def newest(self, *, currency: str | None, level: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """Oldest first: `seq`, `time`, `level`, `currency`, `text`, `values`. `after`: only later ones than that seq.

        `level`: debug, info, warning, error and what is graver.
        """


class Surroundings(Protocol):
    """The program around the engine."""

    @property
    def lines(self) -> LogLines:
        """The log."""

    def facts(self) -> Mapping[str, Any]:
        """Versions, files and their sizes, how long it runs."""

    def settings(self) -> Mapping[str, Any]:
        """What a start reads: value, source, what the next start would take. A secret is only set or not."""

    def change_setting(self, name: str, value: str | None) -> Mapping[str, Any]:
        """Write one for the next start, or (None) take it back. Errors: `CommandRefused`; then nothing was changed."""

    def backups(self) -> Sequence[Mapping[str, Any]]:
        """Verified copies of the journal, newest first: `name`, `made_ms`, `bytes`, `by_hand`.

        Errors: `CommandRefused`.
        """

    def back_up(self) -> Mapping[str, Any]:
        """Make a copy by hand now and wait for it. Errors: `CommandRefused`."""
