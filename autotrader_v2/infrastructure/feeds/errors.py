"""What can be wrong with a price source, in words for the person who named it."""


class SourceError(ValueError):
    """The prices asked for cannot be played. `what` happened and what it means, then what to `do`."""

    def __init__(self, what: str, *, do: str) -> None:
        super().__init__(f"{what} {do}")
        self.what, self.do = what, do


class UnknownSource(SourceError):
    """The text names no source."""


class SourceMissing(SourceError):
    """There is no such file or folder, or it cannot be opened."""


class SourceUnreadable(SourceError):
    """The file is not one of the known kinds: columns, format or market are unknown."""


class SourceEmpty(SourceError):
    """There is nothing to play, or nothing of the wanted markets."""


class SourceBadData(SourceError):
    """A value that no market has (NaN, zero, high under low), or times that run backwards."""
