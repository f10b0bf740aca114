"""Trials that no other beats in everything that counts."""

from collections.abc import Sequence

from autotrader_v2.search.figures import Figures
from autotrader_v2.search.trials import Objective, Trial


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """At least as good in all, better in one; more is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def front_of(goodness: Sequence[Sequence[float]]) -> list[int]:
    """Where the points that nothing dominates are, in the given order. Equal points are all on it."""
    # What dominates a point comes before it in this order, and is itself on the front or dominated by what is.
    order = sorted(range(len(goodness)), key=lambda at: tuple(goodness[at]), reverse=True)
    front: list[int] = []
    for at in order:
        if not any(dominates(goodness[known], goodness[at]) for known in front):
            front.append(at)
    return sorted(front)


def pareto(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The front of the trials that have figures."""
    played = [trial for trial in trials if trial.seen is not None]
    front = front_of([goodness(trial.seen, objectives) for trial in played if trial.seen is not None])
    return [played[at] for at in front]


def goodness(figures: Figures, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """All objectives, more is better."""
    return tuple(one.goodness(figures) for one in objectives)
