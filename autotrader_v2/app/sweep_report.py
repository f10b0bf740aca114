"""What a search says at its end: tables and sentences, or one JSON object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from autotrader_v2.app.sweep_words import sentence
from autotrader_v2.search.doubts import Doubt
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.montecarlo import Spread
from autotrader_v2.search.splits import Split, Stretch
from autotrader_v2.search.trials import OBJECTIVES
from autotrader_v2.search.verdict import Judged, Standings, Verdict

_WIDTH = 140
_RUNS_SHOWN = 12
_SO_FAR_SHOWN = 5
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Report:
    """What the command says at its end."""

    fixed: Mapping[str, str]
    objectives: Sequence[str]
    rule: str
    limits: Mapping[str, float]
    engine: str
    study: str
    where: str
    split: Split
    tried: int
    refused: Mapping[str, int]
    verdict: Verdict
    doubts: Sequence[Doubt]
    spread: Spread | None
    runs: Sequence[tuple[str, Stretch, Figures]]

    def as_json(self) -> dict[str, Any]:
        """Everything, figures as numbers."""
        return {
            "study": self.study,
            "db": self.where,
            "engine": self.engine,
            "trials": self.tried,
            "refused": dict(self.refused),
            "split": {
                "seen": [asdict(one) for one in self.split.seen],
                "segments": [[asdict(one) for one in part] for part in self.split.segments],
                "later": [asdict(one) for one in self.split.later],
                "others": [asdict(one) for one in self.split.others],
            },
            "winner": _judged_json(self.verdict.winner),
            "front": [_judged_json(one) for one in self.verdict.front],
            "walk_forward": [
                {
                    "segment": fold.segment,
                    "number": fold.winner.number,
                    "params": dict(fold.winner.point),
                    "chosen_on": _figures_json(fold.chosen_on),
                    "judged_on": _figures_json(fold.judged_on),
                }
                for fold in self.verdict.folds
            ],
            "runs": [{"part": part, **asdict(one), **figures.as_json()} for part, one, figures in self.runs],
            "monte_carlo": asdict(self.spread) if self.spread else None,
            "warnings": [{"code": one.code, "values": dict(one.values), "text": sentence(one)} for one in self.doubts],
        }

    def tell(self) -> None:
        """Tables and sentences."""
        console = Console()
        if not console.is_terminal:
            console.width = _WIDTH
        names = list(self.verdict.winner.trial.point)
        seen, later, others = self.split.seen, self.split.later, self.split.others
        print(
            f"{self.tried} ladders chosen on {_coins(seen)}, {_day(min(one.from_ms for one in seen))} to "
            f"{_day(self.split.cut_ms)}."
        )
        if later:
            print(f"Held back: the time from then to {_day(max(one.to_ms for one in later))}", end="")
            print(f", and {_coins(others)} whole." if others else ".")
        elif others:
            print(f"Held back: {_coins(others)} whole.")
        view = Table(title=f"Front of {', '.join(self.objectives)}; best by {self._rule} first")
        for name in names:
            view.add_column(name, justify="right")
        for title in ("a year", "drawdown", "capital", "cycles"):
            view.add_column(title, justify="right")
        for title, there in (("later", later), ("other coins", others)):
            if there:
                view.add_column(f"{title}, a year", justify="right")
                view.add_column("drawdown", justify="right")
        for one in self.verdict.front:
            view.add_row(*one.trial.point.values(), *_cells(one))
        console.print(view)
        print(
            "A year: profit after fees as a simple yearly rate in % of the budget, coins held at their last price; "
            "a run is one stretch of one coin. Drawdown: the deepest of all runs."
        )
        self._tell_winner(console)
        for doubt in self.doubts:
            print(f"! {sentence(doubt)}")
        for reason, count in list(self.refused.items())[:3]:
            print(f"  refused ({count}): {reason}")
        print(f"Kept as study {self.study} in {self.where}.")
        print("What a search finds fits the data it searched: docs/BACKTESTING.md says how that misleads.")

    @property
    def _rule(self) -> str:
        limits = " and ".join(
            f"{name} {'from' if OBJECTIVES[name].largest else 'up to'} {value:g}" for name, value in self.limits.items()
        )
        return f"{self.rule}, {limits}" if limits else self.rule

    def _tell_winner(self, console: Console) -> None:
        winner = self.verdict.winner
        values = {**self.fixed, **winner.trial.point}
        print(f"Winner by {self._rule}: {' '.join(f'--set {name}={value}' for name, value in values.items())}")
        for title, figures in (
            ("where it was chosen", winner.trial.seen),
            ("afterwards", winner.later),
            ("on other coins", winner.others),
        ):
            if figures:
                print(
                    f"  {title}: {_pct(figures.year_pct)} a year, {_pct(figures.mean_pnl_pct)} a run (buying and "
                    f"holding {_pct(figures.hold_pnl_pct / figures.runs)}), worst run {_pct(figures.worst_pnl_pct)}, "
                    f"deepest drawdown {_pct(figures.drawdown_pct)}, {figures.cycles_closed} cycles closed, "
                    f"{figures.cycles_open} open, ran dry {figures.ran_dry} times."
                )
        if self.verdict.folds:
            view = Table(title="Walking forward: chosen on all before, judged on the next stretch")
            for name in ("stretch", "chosen", "a year before", "a year then", "drawdown then"):
                view.add_column(name, justify="right")
            for fold in self.verdict.folds:
                begin = min(one.from_ms for one in self.split.segments[fold.segment])
                chosen = ", ".join(f"{name} {value}" for name, value in fold.winner.point.items())
                then = fold.judged_on
                view.add_row(
                    _day(begin), chosen, _pct(fold.chosen_on.year_pct), _pct(then.year_pct), _pct(then.drawdown_pct)
                )
            console.print(view)
        self._tell_runs(console)
        if self.spread:
            one = self.spread
            print(
                f"A year drawn {one.paths} times from the winner's own days in blocks of {one.block_days}: "
                f"{_pct(one.gain_p5)} / {_pct(one.gain_p50)} / {_pct(one.gain_p95)} (worst 5 % / middle / best 5 %), "
                f"a loss in {one.loss_chance_pct:.0f} % of them; deeper than "
                + ", ".join(f"{depth} %: {chance:.0f} %" for depth, chance in one.deeper_chance_pct.items())
                + "."
            )

    def _tell_runs(self, console: Console) -> None:
        view = Table(title="The winner in each market, the worst markets first")
        for title in ("coin", "from", "days", "", "buying and holding", "winner", "drawdown", "longest under water"):
            view.add_column(title, justify="left" if title == "coin" else "right")
        for part, one, figures in self.runs[:_RUNS_SHOWN]:
            view.add_row(
                one.symbol.partition("_")[0],
                _day(one.from_ms),
                f"{one.span_ms / _DAY_MS:.0f}",
                "chosen on" if part == "seen" else "held back",
                _pct(figures.hold_pnl_pct),
                _pct(figures.pnl_pct),
                _pct(figures.drawdown_pct),
                f"{figures.under_water_ms / _DAY_MS:.0f} days",
            )
        console.print(view)
        if len(self.runs) > _RUNS_SHOWN:
            print(f"  and {len(self.runs) - _RUNS_SHOWN} more (--json lists all)")


def so_far(standings: Standings, fixed: Mapping[str, str], rule: str) -> str:
    """The front of a search that was stopped, best first: on what it was chosen on, and nothing else."""
    lines = [f"Best by {rule} so far, only on what it was chosen on (nothing held back was played):"]
    front = standings.front()
    best = [one for one in (standings.best,) if one is not None]
    for trial in [*best, *(one for one in front if one not in best)][:_SO_FAR_SHOWN]:
        seen = trial.seen
        if seen is not None:
            ladder = " ".join(f"--set {name}={value}" for name, value in {**fixed, **trial.point}.items())
            year, fall = _pct(seen.year_pct), _pct(seen.drawdown_pct)
            lines.append(f"  {year} a year, drawdown {fall}, {seen.cycles_closed} cycles: {ladder}")
    return "\n".join(lines)


def _judged_json(one: Judged) -> dict[str, Any]:
    return {
        "number": one.trial.number,
        "params": dict(one.trial.point),
        "seen": _figures_json(one.trial.seen),
        "later": _figures_json(one.later),
        "others": _figures_json(one.others),
    }


def _figures_json(figures: Figures | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    return {**figures.as_json(), "year_pct": figures.year_pct}


def _cells(one: Judged) -> Iterator[str]:
    if one.trial.seen:
        seen = one.trial.seen
        yield from (_pct(seen.year_pct), _pct(seen.drawdown_pct), f"{seen.capital_max:.0f}", str(seen.cycles_closed))
    for figures in (one.later, one.others):
        if figures:
            yield from (_pct(figures.year_pct), _pct(figures.drawdown_pct))


def _coins(stretches: Sequence[Stretch]) -> str:
    return ", ".join(dict.fromkeys(one.symbol.partition("_")[0] for one in stretches))


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def _pct(value: float) -> str:
    return f"{value:,.1f} %"
