"""A search judged at its end: winner and front on what they were not chosen by, and what speaks against them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.search.doubts import Doubt, doubts, market_kinds
from autotrader_v2.search.figures import Figures, added
from autotrader_v2.search.montecarlo import Spread, resampled
from autotrader_v2.search.space import Space
from autotrader_v2.search.splits import Split, Stretch
from autotrader_v2.search.trials import Machine, Objective, Trial
from autotrader_v2.search.verdict import Judged, Rule, Standings, Verdict

_FRONT_SHOWN = 15
_DRAWN_DAYS, _DRAWN_BLOCK_DAYS, _DRAWN_PATHS = 365, 7, 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Plays ladders on what was held back. No choice is made here: it was made on what could be seen.

    `budget` None: each ladder begins with what the whole of it costs.
    """

    space: Space
    split: Split
    data: SweepData
    machine: Machine
    objectives: Sequence[Objective]
    rule: Rule
    budget: Decimal | None

    def standings(self, trials: Iterable[Trial]) -> Standings:
        """All trials in their places."""
        standings = Standings(self.objectives, self.rule)
        for trial in trials:
            standings.add(trial)
        return standings

    def verdict(self, standings: Standings, winner: Trial) -> Verdict:
        """The winner and the best of the front, played on what was held back."""
        front = standings.front()[:_FRONT_SHOWN]
        judged = {trial.number: self._judged(trial) for trial in (winner, *front)}
        return Verdict(
            winner=judged[winner.number],
            front=tuple(judged[trial.number] for trial in front),
            folds=tuple(standings.folds()),
        )

    def doubts(self, standings: Standings, verdict: Verdict) -> list[Doubt]:
        """What speaks against the winner, gravest first."""
        seen = verdict.winner.trial.seen
        return doubts(
            verdict,
            self.space,
            self.split,
            market_kinds(self.data.closes(self.split.seen)),
            refused=standings.refused.total(),
            tried=standings.tried,
            within=seen is not None and self.rule(seen)[0] == 0,
            budget=self.budget,
        )

    def runs(self, trial: Trial) -> list[tuple[str, Stretch, Figures]]:
        """It in every market, the one that fell deepest first."""
        ladder = self.space.ladder(trial.point)
        parts = (("seen", self.split.seen), ("later", self.split.later), ("others", self.split.others))
        runs = [(part, one, self.machine.figures(ladder, one)) for part, stretches in parts for one in stretches]
        return sorted(runs, key=lambda run: run[2].hold_pnl_pct)

    def drawn(self, trial: Trial, seed: int) -> Spread | None:
        """From the days held back as well as those seen: more of them, and the choice is over."""
        ladder = self.space.ladder(trial.point)
        stretches = (*self.split.seen, *self.split.later, *self.split.others)
        return resampled(
            [self.machine.daily_returns(ladder, one) for one in stretches],
            days=_DRAWN_DAYS,
            block_days=_DRAWN_BLOCK_DAYS,
            paths=_DRAWN_PATHS,
            seed=seed,
        )

    def _judged(self, trial: Trial) -> Judged:
        return Judged(trial, self._over(trial, self.split.later), self._over(trial, self.split.others))

    def _over(self, trial: Trial, stretches: Sequence[Stretch]) -> Figures | None:
        ladder = self.space.ladder(trial.point)
        return added(self.machine.figures(ladder, one) for one in stretches) if stretches else None


def kept_with_study(standings: Standings, verdict: Verdict, found: Sequence[Doubt]) -> dict[str, Any]:
    """What the Lab shows of it. `tried`: how many ladders it is about; `later`, `others`: None where none were held."""
    winner = verdict.winner
    return {
        "tried": standings.tried,
        "number": winner.trial.number,
        "seen": _told(winner.trial.seen),
        "later": _told(winner.later),
        "others": _told(winner.others),
        "doubts": [{"code": one.code, "values": dict(one.values)} for one in found],
    }


def _told(figures: Figures | None) -> Mapping[str, float] | None:
    if figures is None:
        return None
    return {
        "year_pct": figures.year_pct,
        # Of a run, as a fall of a quarter times four would be more than all.
        "run_pct": figures.mean_pnl_pct,
        "hold_run_pct": figures.hold_pnl_pct / figures.runs,
        "drawdown_pct": figures.drawdown_pct,
        "cycles": figures.cycles_closed,
        "ran_dry": figures.ran_dry,
    }
