"""What can be wrong with a price source, in words for the person who named it."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar


class SourceError(ValueError):
    """The prices asked for cannot be played. `what` happened and what it means, then what to `do`.

    For whoever shows it in another language: `code`, and more exactly `reason` with the `values` of its sentence (""
    where only `what` tells it); `where` in no language: file, row and column as far as known.
    """

    code: ClassVar[str] = "bad_data"

    def __init__(
        self, what: str, *, do: str, where: str = "", reason: str = "", values: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{what} {do}")
        self.what, self.do, self.where = what, do, where
        self.reason, self.values = reason, dict(values or {})


class UnknownSource(SourceError):
    """The text names no source."""


class SourceMissing(SourceError):
    """There is no such file or folder, or it cannot be opened."""

    code = "missing"


class SourceUnreadable(SourceError):
    """The file is not one of the known kinds: columns, format or market are unknown."""

    code = "unreadable"


class UnknownMarket(SourceUnreadable):
    """The file's name tells no market."""

    code = "no_market"


class SourceEmpty(SourceError):
    """There is nothing to play, or nothing of the wanted markets."""

    code = "empty"


class SourceBadData(SourceError):
    """A value that no market has (NaN, zero, high under low), or times that run backwards."""


def not_parquet(path: Path, error: Exception) -> SourceUnreadable:
    """What the reader of parquet said of a file."""
    return SourceUnreadable(
        f"{path} is not readable as parquet: {str(error).rstrip('.')}.",
        do="Check that it was copied whole.",
        where=path.name,
        reason="not_parquet",
    )
