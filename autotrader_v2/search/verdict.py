"""Who wins, and how the winner does on what it was not chosen by."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autotrader_v2.search.figures import Figures, added
from autotrader_v2.search.pareto import Front, goodness
from autotrader_v2.search.trials import OBJECTIVES, Objective, Trial

RATIO = "ratio"
WINNER_RULES = (RATIO, *OBJECTIVES)
# Below this a drawdown counts as this much: nothing is gained by dividing by almost nothing.
_DRAWDOWN_LEAST_PCT = 0.5

# How ladders are ranked: more is better.
Rule = Callable[[Figures], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of walking forward: chosen on all segments before `segment`, judged on that one."""

    segment: int
    winner: Trial
    chosen_on: Figures
    judged_on: Figures


@dataclass(frozen=True, slots=True)
class Judged:
    """A trial on data held back: `later`, the same coins afterwards; `others`, coins it was not chosen on."""

    trial: Trial
    later: Figures | None
    others: Figures | None

    @property
    def held_back(self) -> Figures | None:
        """Both together."""
        both = [one for one in (self.later, self.others) if one is not None]
        return added(both) if both else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a study says. `front` is the Pareto front over what choices may see, best by the rule first."""

    winner: Judged
    front: tuple[Judged, ...]
    folds: tuple[Fold, ...]


def rule_of(name: str, limits: Mapping[str, float] | None = None) -> Rule:
    """How the winner is told: an objective, or `ratio`, profit by deepest drawdown; what breaks `limits` comes last.

    `limits`: by objective, the worst value that is still good enough. Errors: KeyError.
    """
    bounds = [(OBJECTIVES[one], value if OBJECTIVES[one].largest else -value) for one, value in (limits or {}).items()]
    best = _ratio if name == RATIO else _by(OBJECTIVES[name])
    return lambda figures: (float(-sum(one.goodness(figures) < least for one, least in bounds)), *best(figures))


class Standings:
    """Trials as they come, any number of them: who leads, the front, and who led at each step of walking forward."""

    def __init__(self, objectives: Sequence[Objective], rule: Rule) -> None:
        self._objectives, self._rule = objectives, rule
        self._front: Front[Trial] = Front()
        self._on_front: set[Figures] = set()
        self._leaders: list[tuple[tuple[float, ...], int, Trial]] = []
        self.refused: Counter[str] = Counter()
        self.tried = 0
        self.best: Trial | None = None
        self._place_of_best: tuple[tuple[float, ...], int] = ((), 0)

    def add(self, trial: Trial) -> None:
        """Count one."""
        self.tried += 1
        if trial.seen is None:
            self.refused[trial.refused] += 1
            return
        if self.best is None or _place(self._rule, trial.seen, trial) < self._place_of_best:
            self.best, self._place_of_best = trial, _place(self._rule, trial.seen, trial)
        # Ladders that differ in what never came into play did the same; the first speaks for them.
        if trial.seen not in self._on_front and self._front.add(goodness(trial.seen, self._objectives), trial):
            self._on_front = {one.seen for one in self._front.values() if one.seen is not None}
        self._walk(trial)

    def front(self) -> list[Trial]:
        """The Pareto front, best by the rule first."""
        return sorted(self._front.values(), key=lambda one: _place(self._rule, one.seen, one) if one.seen else ())

    def folds(self) -> list[Fold]:
        """Chosen on the segments up to each, judged on it. No choice sees its own segment or a later one."""
        return [
            Fold(at, trial, added(trial.segments[:at]), trial.segments[at])
            for at, (*_, trial) in enumerate(self._leaders, start=1)
        ]

    def _walk(self, trial: Trial) -> None:
        for at in range(1, len(trial.segments)):
            standing = (*_place(self._rule, added(trial.segments[:at]), trial), trial)
            if at > len(self._leaders):
                self._leaders.append(standing)
            elif standing[:2] < self._leaders[at - 1][:2]:
                self._leaders[at - 1] = standing


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's: 1 when both order the same, -1 when opposite; None for fewer than three or all alike."""
    first, second = _ranks(one), _ranks(other)
    count = len(first)
    if count < 3:
        return None
    middle = (count - 1) / 2
    spread = [sum((rank - middle) ** 2 for rank in ranks) for ranks in (first, second)]
    if not all(spread):
        return None
    both = sum((a - middle) * (b - middle) for a, b in zip(first, second, strict=True))
    return float(both / (spread[0] * spread[1]) ** 0.5)


def _place(rule: Rule, figures: Figures, trial: Trial) -> tuple[tuple[float, ...], int]:
    """Smaller is better; equals by number."""
    return tuple(-one for one in rule(figures)), trial.number


def _by(objective: Objective) -> Rule:
    return lambda figures: (objective.goodness(figures), *_ratio(figures))


def _ratio(figures: Figures) -> tuple[float, ...]:
    """Profit by drawdown; what loses comes after what earns, the smaller loss first."""
    if figures.pnl_pct <= 0:
        return 0.0, figures.year_pct
    return 1.0, figures.year_pct / max(figures.drawdown_pct, _DRAWDOWN_LEAST_PCT)


def _ranks(values: Sequence[float]) -> list[float]:
    """Places from 0, equals share the mean of theirs."""
    shared: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        shared.setdefault(value, []).append(place)
    return [sum(shared[value]) / len(shared[value]) for value in values]
