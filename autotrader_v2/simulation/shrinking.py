"""A long history that broke is lived again with less until little is left: fewer steps, fewer events that go wrong.

What is left out changes what follows, so nothing is concluded: a shorter history is one that was lived and broke alike.
Events are left out by delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input").
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from autotrader_v2.simulation.event_names import Event
from autotrader_v2.simulation.lifetime import Break, lived
from autotrader_v2.simulation.world import Plan

_RUNS_MAX = 200


def shrunk(plan: Plan, found: Break) -> Break:
    """The shortest history that breaks alike and was met within so many runs; `found` itself if there is none."""
    search = _Search(plan, found)
    search.fewer_steps()
    search.fewer_events()
    search.fewer_steps()
    return search.best


class _Search:
    def __init__(self, plan: Plan, found: Break) -> None:
        self._plan = plan
        self._left = _RUNS_MAX
        self.best = found

    def fewer_steps(self) -> None:
        """By halves: what broke only when all had healed may have been wrong long before."""
        low = 0
        while self._left and low + 1 < self.best.steps:
            middle = (low + self.best.steps) // 2
            if not self._breaks(self.best.events, middle):
                low = middle

    def fewer_events(self) -> None:
        """Nothing at all, whole kinds, then ever smaller parts of what is left, until no single one can go."""
        if not self.best.events or self._breaks((), self.best.steps):
            return
        for kind in _most_first({event.kind for event in self.best.events}):
            self._leave_out({event for event in self.best.events if event.kind == kind})
        parts = 2
        while self._left and self.best.events:
            parts = min(parts, len(self.best.events))
            if any(self._leave_out(part) for part in _cut(self.best.events, parts)):
                parts = max(parts - 1, 2)
            elif parts == len(self.best.events):
                return
            else:
                parts *= 2

    def _leave_out(self, events: Iterable[Event]) -> bool:
        gone = frozenset(events)
        return self._breaks([event for event in self.best.events if event not in gone], self.best.steps)

    def _breaks(self, events: Iterable[Event], steps: int) -> bool:
        """Live with these events alone; keep what breaks alike."""
        if not self._left:
            return False
        self._left -= 1
        _, broken = lived(replace(self._plan, only=frozenset(events)), steps)
        if broken is None or not broken.same_as(self.best):
            return False
        self.best = replace(
            broken,
            # Others were never met.
            only=frozenset(broken.events),
            first_steps=self.best.first_steps,
            first_events=self.best.first_events,
        )
        return True


def _most_first(kinds: Iterable[str]) -> list[str]:
    """People and hands first: they are the least likely to matter."""
    return sorted(kinds, key=lambda kind: (not kind.startswith(("person", "hand", "price", "fill")), kind))


def _cut(events: Sequence[Event], parts: int) -> Iterator[Sequence[Event]]:
    """Neighbours in time together, the oldest first: what happened last is the likeliest to matter."""
    bounds = [len(events) * part // parts for part in range(parts + 1)]
    yield from (events[low:high] for low, high in pairwise(bounds))
