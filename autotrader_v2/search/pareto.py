"""Trials that no other beats in everything that counts."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from autotrader_v2.search.figures import Figures
from autotrader_v2.search.trials import Objective

T = TypeVar("T")


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """At least as good in all, better in one; more is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


class Front(Generic[T]):
    """What nothing dominates of all that was added, in the order it was added. Equals are all on it."""

    def __init__(self) -> None:
        self._points: list[tuple[tuple[float, ...], T]] = []

    def add(self, point: Sequence[float], value: T) -> bool:
        """Keep it unless something is better, and let go of what it is better than. Whether it was kept."""
        new = tuple(point)
        if any(dominates(known, new) for known, _ in self._points):
            return False
        self._points = [one for one in self._points if not dominates(new, one[0])]
        self._points.append((new, value))
        return True

    def values(self) -> list[T]:
        """Those on it."""
        return [value for _, value in self._points]


def front_of(goodness: Sequence[Sequence[float]]) -> list[int]:
    """Where the points that nothing dominates are."""
    front: Front[int] = Front()
    for at, point in enumerate(goodness):
        front.add(point, at)
    return front.values()


def goodness(figures: Figures, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """All objectives, more is better."""
    return tuple(one.goodness(figures) for one in objectives)
