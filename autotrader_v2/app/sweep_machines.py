"""What plays a ladder in a search: the trading engine itself, slow, as the judge of faster machines."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from copy import copy
from decimal import Decimal
from itertools import pairwise

from autotrader_v2.app.backtest_data import PaperOutside
from autotrader_v2.app.backtest_figures import prices_of
from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.metrics import Price, metrics_of, samples_of
from autotrader_v2.backtest.result import BacktestFailed, Result
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.splits import Stretch
from autotrader_v2.search.trials import LadderRefused
from autotrader_v2.simulation.silence import quiet

_DAY_MS = 86_400_000


class ExactMachine:
    """`search.trials.Machine` by the production engine: slow. `budget` None: see `budget_of`."""

    def __init__(self, data: SweepData, budget: Decimal | None) -> None:
        self._tapes = {tape.market.pair: tape for tape in data.tapes}
        self._rules = {tape.market.pair: rules for tape, rules in zip(data.tapes, data.rules, strict=True)}
        self._budget = budget

    def figures(self, ladder: LadderParams, stretch: Stretch) -> Figures:
        """See `Machine`."""
        tape, rules = tape_of(self._tapes[stretch.symbol], stretch), self._rules[stretch.symbol]
        if not len(tape):
            return nothing(stretch)
        result = self._run(ladder, tape, rules)
        metrics = metrics_of(result, prices_of([tape]), rules.fee)
        return Figures(
            runs=1,
            span_ms=stretch.span_ms,
            pnl_pct=float(metrics.pnl_pct),
            worst_pnl_pct=float(metrics.pnl_pct),
            drawdown_pct=float(metrics.max_drawdown_pct),
            mean_drawdown_pct=float(metrics.max_drawdown_pct),
            under_water_ms=metrics.under_water_ms,
            capital_max=float(metrics.capital_max),
            cycles_closed=metrics.cycles_closed,
            cycles_open=metrics.cycles_open,
            ran_dry=metrics.ran_dry,
            unpaid=metrics.unpaid,
            trades=len(result.trades),
            hold_pnl_pct=float(metrics.buy_and_hold.pnl_pct),
        )

    def daily_returns(self, ladder: LadderParams, stretch: Stretch) -> list[float]:
        """See `Machine`."""
        tape, rules = tape_of(self._tapes[stretch.symbol], stretch), self._rules[stretch.symbol]
        return daily_returns(self._run(ladder, tape, rules), prices_of([tape])) if len(tape) else []

    def _run(self, ladder: LadderParams, tape: CandleTape, rules: MarketRules) -> Result:
        quiet()
        budget = budget_of(ladder, self._budget)
        try:
            return run_exact([tape], ladder, budget, PaperOutside([rules], budget))
        except (BacktestFailed, ValueError) as error:
            raise LadderRefused(str(error)) from error


def budget_of(ladder: LadderParams, budget: Decimal | None) -> Decimal:
    """What a run begins with; None: what the whole ladder costs. Errors: `LadderRefused`."""
    if budget is not None:
        return budget
    if ladder.start_balance_pct:
        raise LadderRefused("a start buy that is a share of the balance needs a budget that is an amount")
    return sum((ladder.size(step) for step in range(ladder.steps + 1)), ZERO)


def tape_of(tape: CandleTape, stretch: Stretch) -> CandleTape:
    """The part of a tape that begins in the stretch."""
    begin, end = bisect_left(tape.open_ms, stretch.from_ms), bisect_left(tape.open_ms, stretch.to_ms)
    part = copy(tape)
    for name in ("open_ms", "interval_ms", "opened", "high", "low", "closed"):
        column: array[int] = getattr(tape, name)
        setattr(part, name, column[begin:end])
    return part


def nothing(stretch: Stretch) -> Figures:
    """Of a stretch so short that no candle begins in it."""
    return Figures(
        runs=1,
        span_ms=stretch.span_ms,
        pnl_pct=0,
        worst_pnl_pct=0,
        drawdown_pct=0,
        mean_drawdown_pct=0,
        under_water_ms=0,
        capital_max=0,
        cycles_closed=0,
        cycles_open=0,
        ran_dry=0,
        unpaid=0,
        trades=0,
        hold_pnl_pct=0,
    )


def daily_returns(result: Result, prices: Iterable[Price]) -> list[float]:
    """What the account gained from one day's end (UTC) to the next, the first day from the budget; of one coin."""
    days = {one.at_ms // _DAY_MS: one for one in prices}
    equity = [result.budget, *(sample.equity for sample in samples_of(result.budget, result.trades, days.values()))]
    return [float(after / before - 1) for before, after in pairwise(equity)]
