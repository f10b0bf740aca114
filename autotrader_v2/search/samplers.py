"""In which order a space is tried: all of it, a shuffle of it, or where earlier trials went well.

Which ladder a number means depends on nothing but the space, the seed and, for TPE, the trials of earlier rounds: the
same command gives the same trials on one process or ten, begun anew or taken up.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from autotrader_v2.search.space import Space
from autotrader_v2.search.trials import Ask, Counts, Objective, Trial

SAMPLERS = ("grid", "random", "tpe")
GRID_MAX = 1_000_000
# Trials that TPE chooses together, without knowing of each other: small enough to learn, large enough for many cores.
ROUND = 32
_AHEAD = 2_000
_FEISTEL_ROUNDS = 4
_TPE_TRIES = 8


class SpaceTooLarge(ValueError):
    """More combinations than anybody waits for."""


class Sampler(Protocol):
    """What is to be tried next."""

    @property
    def total(self) -> int:
        """How many trials there will be."""

    def following(self, counts: Counts, finished: Callable[[], Iterable[Trial]]) -> list[Ask]:
        """Trials to add now; none when enough wait, or when the next ones hang on those under way."""


def sampler_of(name: str, space: Space, trials: int | None, seed: int, objectives: Sequence[Objective]) -> Sampler:
    """The sampler of that name. `trials` None: the whole space. Errors: `SpaceTooLarge`."""
    if name == "grid" or trials is None:
        if trials is not None and trials < space.size:
            raise SpaceTooLarge(
                f"The grid has {space.size} combinations, --trials allows {trials}: its first ones would leave most of "
                "the ranges out. Take --sampler random or tpe, or coarser steps."
            )
        if space.size > GRID_MAX:
            raise SpaceTooLarge(
                f"The ranges have {space.size} combinations; all of them are tried up to {GRID_MAX}. "
                "Take coarser steps, or --trials N with --sampler random or tpe."
            )
    total = min(trials or space.size, space.size)
    if name == "tpe":
        return Tpe(space, total, seed, objectives)
    return Fixed(space, total, None if name == "grid" else seed)


class Fixed:
    """The grid in its own order, or in that of a seed."""

    def __init__(self, space: Space, total: int, seed: int | None) -> None:
        self.total = total
        self._space, self._seed = space, seed

    def following(self, counts: Counts, finished: Callable[[], Iterable[Trial]]) -> list[Ask]:
        """See `Sampler`."""
        if counts.waiting >= _AHEAD // 2:
            return []
        begin = counts.highest + 1
        return [self.ask(number) for number in range(begin, min(begin + _AHEAD, self.total))]

    def ask(self, number: int) -> Ask:
        """The trial of that number."""
        index = number if self._seed is None else shuffled(number, self._space.size, self._seed)
        return Ask(number, self._space.point(index))


class Tpe:
    """Tree-structured Parzen estimators (optuna), a round at a time; the first round is a shuffle of the space."""

    def __init__(self, space: Space, total: int, seed: int, objectives: Sequence[Objective]) -> None:
        self.total = total
        self._space, self._seed, self._objectives = space, seed, objectives

    def following(self, counts: Counts, finished: Callable[[], Iterable[Trial]]) -> list[Ask]:
        """See `Sampler`."""
        begin = counts.highest + 1
        if counts.finished < begin or begin >= self.total:
            return []
        numbers = range(begin, min(begin - begin % ROUND + ROUND, self.total))
        return [
            Ask(number, self._space.point(index))
            for number, index in zip(numbers, self._chosen(len(numbers), begin, list(finished())), strict=True)
        ]

    def _chosen(self, count: int, begin: int, done: Sequence[Trial]) -> list[int]:
        tried = {self._space.index(trial.point) for trial in done}
        spare = (shuffled(number, self._space.size, self._seed) for number in range(self._space.size))
        learnt = self._learnt(count, begin, done, tried) if done else []
        tried.update(learnt)
        while len(learnt) < count:
            index = next(one for one in spare if one not in tried)
            tried.add(index)
            learnt.append(index)
        return learnt

    def _learnt(self, count: int, begin: int, done: Sequence[Trial], tried: set[int]) -> list[int]:
        """What the estimators suggest and nobody has tried; fewer than asked for when they repeat themselves."""
        import optuna  # noqa: PLC0415 - a second of import that only this sampler needs

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        ranges = [one for one in self._space.ranges if len(one.values) > 1]
        spaces: dict[str, optuna.distributions.BaseDistribution] = {
            one.name: optuna.distributions.IntDistribution(0, len(one.values) - 1)
            if one.numeric
            else optuna.distributions.CategoricalDistribution(range(len(one.values)))
            for one in ranges
        }
        study = optuna.create_study(
            directions=["maximize" for _ in self._objectives],
            sampler=optuna.samplers.TPESampler(
                seed=int.from_bytes(hashlib.blake2b(f"{self._seed}:{begin}".encode(), digest_size=4).digest()),
                n_startup_trials=1,
                multivariate=len(ranges) > 1,
                constant_liar=True,
            ),
        )
        at = {one.name: {value: number for number, value in enumerate(one.values)} for one in ranges}
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={name: places[trial.point[name]] for name, places in at.items()},
                    distributions=spaces,
                    values=[one.goodness(trial.seen) for one in self._objectives],
                )
                for trial in done
                if trial.seen is not None
            ]
        )
        new: list[int] = []
        known = set(tried)
        for _ in range(count * _TPE_TRIES):
            asked = study.ask(fixed_distributions=spaces)
            point = {one.name: one.values[asked.params.get(one.name, 0)] for one in self._space.ranges}
            index = self._space.index(point)
            if index not in known:
                known.add(index)
                new.append(index)
                if len(new) == count:
                    break
        return new


def shuffled(number: int, size: int, seed: int) -> int:
    """A place in `[0, size)` for each number in it, every place once: a small Feistel cipher, walked until it fits."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    at = number
    while True:
        left, right = at >> half, at & mask
        for turn in range(_FEISTEL_ROUNDS):
            digest = hashlib.blake2b(f"{seed}:{turn}:{right}".encode(), digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest) & mask)
        at = left << half | right
        if at < size:
            return at
