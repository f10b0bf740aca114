"""Studies of `sweep` for the Lab: which there are, a heat map of two parameters, the scatter with its front."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotrader_v2.infrastructure.studies import Studies
from autotrader_v2.infrastructure.studies.database import StoredStudy
from autotrader_v2.search.space import Range, Space
from autotrader_v2.search.trials import OBJECTIVES, Trial
from autotrader_v2.search.views import HeatMap, heat_map, pareto_points

_STUDIES_MAX = 30
_SIDE_MAX = 30
# Beside those of the front and of the heat map; more points than that are one grey cloud.
_POINTS_MAX = 400
_PROFIT, _FALL = "profit", "drawdown"


def studies_told(file: Path) -> list[dict[str, Any]]:
    """The newest studies, each with its ranges. Errors: `StudyUnavailable`."""
    home = Studies(file)
    try:
        return [_told(home.existing(name)) for name in home.names()[:_STUDIES_MAX]]
    finally:
        home.close()


def study_told(file: Path, name: str, *, x: str, y: str, figure: str) -> dict[str, Any]:
    """A study's heat map and points. Errors: `StudyUnavailable`, KeyError for a name that is not there."""
    home = Studies(file)
    try:
        study = home.existing(name)
        space, trials, verdict = space_of(study.about()), list(study.trials()), study.verdict()
    finally:
        home.close()
    heat = heat_map(trials, space, x, y, figure)
    best = best_of_cells(trials, x, y, figure)
    points = pareto_points(trials, (_PROFIT, _FALL))
    wanted = set(best.values()) | {one.number for one in points if one.on_front}
    others = [one.number for one in points if one.number not in wanted]
    wanted |= set(others[:: max(1, -(-len(others) // _POINTS_MAX))])
    seen = {trial.number: trial.seen for trial in trials}
    return {
        "heat": _grid(heat, best),
        "points": [
            {
                "number": one.number,
                "ladder": {**space.fixed, **one.point},
                "profit": text_of(one.values[0]),
                "fall": text_of(one.values[1]),
                "front": one.on_front,
                "cycles": figures.cycles_closed,
                "ran_dry": figures.ran_dry,
                "capital": text_of(figures.capital_max),
            }
            for one in points
            if one.number in wanted and (figures := seen[one.number]) is not None
        ],
        "trials": len(points),
        "verdict": _verdict_told(verdict, space, trials) if verdict else None,
    }


def best_of_cells(trials: Iterable[Trial], x: str, y: str, figure: str) -> dict[tuple[str, str], int]:
    """The number of the best trial for each pair of values; the first of equals."""
    objective = OBJECTIVES[figure]
    best: dict[tuple[str, str], tuple[float, int]] = {}
    for trial in trials:
        if trial.seen is not None:
            cell, good = (trial.point[y], trial.point[x]), objective.goodness(trial.seen)
            if cell not in best or good > best[cell][0]:
                best[cell] = good, trial.number
    return {cell: number for cell, (_, number) in best.items()}


def _verdict_told(verdict: Mapping[str, Any], space: Space, trials: Sequence[Trial]) -> dict[str, Any] | None:
    """None when ladders were tried since: it is not about them."""
    if verdict["tried"] != len(trials):
        return None
    point = next(trial.point for trial in trials if trial.number == verdict["number"])
    figures = {
        part: {name: text_of(value) if name.endswith("_pct") else value for name, value in verdict[part].items()}
        if verdict[part]
        else None
        for part in ("seen", "later", "others")
    }
    doubts = [
        {"code": one["code"], "values": {name: _said(value) for name, value in one["values"].items()}}
        for one in verdict["doubts"]
    ]
    return {"number": verdict["number"], "ladder": {**space.fixed, **point}, "doubts": doubts, **figures}


def _said(value: float | str) -> str:
    return text_of(value) if isinstance(value, float) else str(value)


def _grid(heat: HeatMap, best: Mapping[tuple[str, str], int]) -> dict[str, Any] | None:
    """None when it is too wide for any screen."""
    if max(len(heat.x_values), len(heat.y_values)) > _SIDE_MAX:
        return None
    return {
        "x_values": list(heat.x_values),
        "y_values": list(heat.y_values),
        "rows": [
            [
                None if value is None else {"value": text_of(value), "number": best[y, x]}
                for x, value in _pairs(heat, row)
            ]
            for y, row in zip(heat.y_values, heat.best, strict=True)
        ],
    }


def _pairs(heat: HeatMap, row: Sequence[float | None]) -> Iterable[tuple[str, float | None]]:
    return zip(heat.x_values, row, strict=True)


def _told(study: StoredStudy) -> dict[str, Any]:
    about, counts = study.about(), study.counts()
    return {
        "name": study.name,
        "done": counts.done,
        "refused": counts.refused,
        "open": counts.waiting + counts.running,
        "ranges": {name: len(values) for name, values in about["ranges"].items()},
        "budget": str(about["budget"]),
        "data": str(about["data"]),
    }


def space_of(about: Mapping[str, Any]) -> Space:
    """What a study searches, from what it was begun with."""
    ranges = tuple(Range(name, tuple(values), True) for name, values in about["ranges"].items())
    return Space(ranges, dict(about["set"]))


def text_of(value: float) -> str:
    """A figure for the page."""
    return format(value, ".4f")
