"""One ladder tried, what is asked of it, and where trials are kept so that several machines share them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.space import Point
from autotrader_v2.search.splits import Stretch

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A ladder that was tried. `seen`: over all that choices may see; `segments`: over each of its pieces.

    `refused` says why it could not be played; then there are no figures.
    """

    number: int
    point: Point
    seen: Figures | None = None
    segments: tuple[Figures, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A trial to be done."""

    number: int
    point: Point


class LadderRefused(ValueError):
    """The machine cannot play this ladder on this data; the message says why."""


class Machine(Protocol):
    """Plays a ladder over a stretch of the data it holds, with the whole budget."""

    def figures(self, ladder: LadderParams, stretch: Stretch) -> Figures:
        """How it went. Errors: `LadderRefused`."""

    def daily_returns(self, ladder: LadderParams, stretch: Stretch) -> list[float]:
        """What the account gained each day, as fractions of the day before. Errors: `LadderRefused`."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure that is to be large, or small. Units: percent of the budget, days, quote currency, counts."""

    name: str
    of: Callable[[Figures], float]
    largest: bool

    def goodness(self, figures: Figures) -> float:
        """The figure, turned so that more is better."""
        value = self.of(figures)
        return value if self.largest else -value


OBJECTIVES: Mapping[str, Objective] = {
    one.name: one
    for one in (
        Objective("profit", lambda figures: figures.year_pct, largest=True),
        Objective("worst", lambda figures: figures.worst_pnl_pct, largest=True),
        Objective("drawdown", lambda figures: figures.drawdown_pct, largest=False),
        Objective("mean_drawdown", lambda figures: figures.mean_drawdown_pct, largest=False),
        Objective("under_water", lambda figures: figures.under_water_ms / _DAY_MS, largest=False),
        Objective("capital", lambda figures: figures.capital_max, largest=False),
        Objective("ran_dry", lambda figures: float(figures.ran_dry), largest=False),
    )
}
DEFAULT_OBJECTIVES = ("profit", "drawdown", "capital")


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a study is. `highest` is the number of its last trial, -1 without any."""

    waiting: int
    running: int
    done: int
    refused: int
    highest: int

    @property
    def finished(self) -> int:
        """Trials that need nothing more."""
        return self.done + self.refused


class StudyDiffers(ValueError):
    """A study of that name is there, about something else. `differences`: (what, there, here)."""

    def __init__(self, name: str, differences: Sequence[tuple[str, str, str]]) -> None:
        told = "; ".join(f"{what}: {there} there, {here} here" for what, there, here in differences)
        super().__init__(
            f"The study {name} is about something else: {told}. Nothing was changed. "
            "Go on with its own data and ranges, or give this one another name with --study."
        )
        self.name, self.differences = name, tuple(differences)


class StudyUnavailable(RuntimeError):
    """The database cannot be used; the message says why and what to do."""


class Study(Protocol):
    """The trials of one study. Every finished trial is kept at once; several processes may work on it."""

    def counts(self) -> Counts:
        """How far it is. Errors of all: `StudyUnavailable`."""

    def offer(self, asks: Sequence[Ask]) -> None:
        """Add trials to be done; numbers that are there already are left as they are."""

    def claim(self, most: int, owner: str) -> list[Ask]:
        """Take trials that nobody works on, lowest numbers first. An owner that is silent too long loses its claims."""

    def alive(self, owner: str) -> None:
        """Keep the owner's claims."""

    def finish(self, trials: Sequence[Trial]) -> None:
        """Keep results. One that another finished meanwhile stays as it is."""

    def release(self, owner: str) -> None:
        """Give the owner's claims back."""

    def trials(self) -> Iterator[Trial]:
        """The finished ones by number."""

    def about(self) -> Mapping[str, Any]:
        """What it was begun with."""
