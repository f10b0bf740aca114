"""A study as plain data for a page: finished trials, a heat map of two parameters, the scatter with its front."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from autotrader_v2.search.pareto import front_of, goodness
from autotrader_v2.search.space import Point, Space
from autotrader_v2.search.trials import OBJECTIVES, Trial


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Of parameters `x` and `y`, one figure: `mean[row][column]` and `best` for `y_values[row]`, `x_values[column]`.

    Over all trials that have these two values, whatever their others are; `trials` says how many, None where none is.
    """

    x: str
    y: str
    figure: str
    x_values: tuple[str, ...]
    y_values: tuple[str, ...]
    mean: tuple[tuple[float | None, ...], ...]
    best: tuple[tuple[float | None, ...], ...]
    trials: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A trial in the scatter. `values` in the order of the objectives asked for."""

    number: int
    point: Point
    values: tuple[float, ...]
    on_front: bool


def heat_map(trials: Iterable[Trial], space: Space, x: str, y: str, figure: str) -> HeatMap:
    """Two searched parameters against an objective. Errors: KeyError for a name that is not there."""
    ranges = {one.name: one.values for one in space.ranges}
    x_values, y_values, wanted = ranges[x], ranges[y], OBJECTIVES[figure]
    cells: dict[tuple[str, str], list[float]] = {}
    for trial in trials:
        if trial.seen is not None:
            cells.setdefault((trial.point[y], trial.point[x]), []).append(wanted.of(trial.seen))
    rows = [[cells.get((row, column), []) for column in x_values] for row in y_values]
    best = max if wanted.largest else min
    return HeatMap(
        x=x,
        y=y,
        figure=figure,
        x_values=x_values,
        y_values=y_values,
        mean=tuple(tuple(fmean(cell) if cell else None for cell in row) for row in rows),
        best=tuple(tuple(best(cell) if cell else None for cell in row) for row in rows),
        trials=tuple(tuple(len(cell) for cell in row) for row in rows),
    )


def pareto_points(trials: Iterable[Trial], objectives: Sequence[str]) -> list[ParetoPoint]:
    """Every trial with figures. Errors: KeyError for an unknown objective."""
    wanted = [OBJECTIVES[name] for name in objectives]
    played = [(trial, trial.seen) for trial in trials if trial.seen is not None]
    front = set(front_of([goodness(seen, wanted) for _, seen in played]))
    return [
        ParetoPoint(trial.number, trial.point, tuple(one.of(seen) for one in wanted), at in front)
        for at, (trial, seen) in enumerate(played)
    ]
