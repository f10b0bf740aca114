"""Which schedules are tried: all of them up to a number of deviations, or random ones from a seed.

Left alone a thread runs until it waits or ends, and then the one that was started first goes on. A *deviation* is any
other choice. Most races need one or two of them, so all schedules with few are worth more than many random ones (delay
bounding: Emmi, Qadeer and Rakamaric, POPL 2011).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Choice:
    """One decision of a run: who is still to be tried there (the first one now), and the deviations before it."""

    left: list[int]
    usual: int
    spent: int


@dataclass(slots=True)
class Bounded:
    """All schedules with at most that many deviations, each exactly once: take `plans()` to its end."""

    deviations: int
    _path: list[_Choice] = field(default_factory=list)
    _at: int = 0

    def plans(self) -> Iterator["Bounded"]:
        """One plan for each schedule; run it before taking the next one."""
        while True:
            self._at = 0
            yield self
            del self._path[self._at :]
            while self._path and len(self._path[-1].left) == 1:
                self._path.pop()
            if not self._path:
                return
            self._path[-1].left.pop(0)

    def choose(self, running: int | None, ready: Sequence[int]) -> int:
        """See `Plan`."""
        if self._at == len(self._path):
            self._path.append(self._first_time(running, ready))
        taken = self._path[self._at].left[0]
        self._at += 1
        if taken not in ready:
            raise AssertionError("the run is not repeatable: the last time another thread was ready here")
        return taken

    def _first_time(self, running: int | None, ready: Sequence[int]) -> _Choice:
        spent = 0
        if self._path:
            last = self._path[-1]
            spent = last.spent + (last.left[0] != last.usual)
        usual = ready[0] if running is None else running
        others = [number for number in ready if number != usual] if spent < self.deviations else []
        return _Choice([usual, *others], usual, spent)


class Seeded:
    """A random schedule that its seed repeats: so many forced switches among about `length` points."""

    def __init__(self, seed: int, switches: int, length: int) -> None:
        self._rng = random.Random(seed)
        self._points = {self._rng.randrange(max(1, length)) for _ in range(switches)}
        self._at = 0

    def choose(self, running: int | None, ready: Sequence[int]) -> int:
        """See `Plan`."""
        self._at += 1
        if running is None:
            return self._rng.choice(list(ready))
        if self._at not in self._points:
            return running
        return self._rng.choice([number for number in ready if number != running])
