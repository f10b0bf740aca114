"""Who wins, and how the winner does on what it was not chosen by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autotrader_v2.search.figures import Figures, added
from autotrader_v2.search.pareto import pareto
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


def ranked(trials: Sequence[Trial], rule: Rule) -> list[Trial]:
    """Those with figures, best first; equals by number."""
    played = [(trial, rule(trial.seen)) for trial in trials if trial.seen is not None]
    return [trial for trial, _ in sorted(played, key=lambda one: ([-value for value in one[1]], one[0].number))]


def front_of(trials: Sequence[Trial], objectives: Sequence[Objective], rule: Rule) -> list[Trial]:
    """The Pareto front, best by the rule first."""
    return ranked(pareto(trials, objectives), rule)


def walk_forward(trials: Sequence[Trial], rule: Rule) -> list[Fold]:
    """Choose on the segments up to each, judge on it. No fold's choice sees its own segment or a later one."""
    played = [trial for trial in trials if trial.segments]
    folds = []
    for segment in range(1, len(played[0].segments) if played else 0):
        best = min(played, key=lambda trial: ([-one for one in rule(added(trial.segments[:segment]))], trial.number))
        folds.append(Fold(segment, best, added(best.segments[:segment]), best.segments[segment]))
    return folds


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
