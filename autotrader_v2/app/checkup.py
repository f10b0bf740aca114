"""One finding of `doctor`: what was found, what it means for the money, what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """`skip`: not looked at, and why. Only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """`means` and `do` are empty when there is nothing to mean and nothing to do."""

    name: str
    level: Level
    found: str
    means: str = ""
    do: str = ""


Examination = Callable[[], Iterator[Finding]]


def ok(name: str, found: str, means: str = "") -> Finding:
    """All is well."""
    return Finding(name, Level.OK, found, means)


def warn(name: str, found: str, means: str, do: str) -> Finding:
    """It works, but."""
    return Finding(name, Level.WARN, found, means, do)


def fail(name: str, found: str, means: str, do: str) -> Finding:
    """It will not work, or money is at risk."""
    return Finding(name, Level.FAIL, found, means, do)


def skip(name: str, why: str) -> Finding:
    """Not looked at."""
    return Finding(name, Level.SKIP, why)
