"""What plays a ladder in a search: the rules as machine code, on candles that each process holds once."""

from decimal import Decimal

from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.app.sweep_machines import budget_of, daily_returns, nothing
from autotrader_v2.backtest.compiled import NotCovered, Prepared, prepare, run_compiled
from autotrader_v2.backtest.metrics import Price
from autotrader_v2.backtest.result import BacktestFailed
from autotrader_v2.backtest.summary import summarise
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.splits import Stretch
from autotrader_v2.search.trials import LadderRefused


class CompiledMachine:
    """`search.trials.Machine` by `backtest.compiled`. Errors: `NotCovered` for data it cannot play exactly."""

    def __init__(self, data: SweepData, budget: Decimal | None) -> None:
        self._markets = {
            tape.market.pair: prepare(tape, rules) for tape, rules in zip(data.tapes, data.rules, strict=True)
        }
        self._budget = budget

    def figures(self, ladder: LadderParams, stretch: Stretch) -> Figures:
        """See `Machine`."""
        market = self._markets[stretch.symbol]
        if self._is_empty(market, stretch):
            return nothing(stretch)
        budget = budget_of(ladder, self._budget)
        try:
            found = summarise([market], ladder, budget, from_ms=stretch.from_ms, to_ms=stretch.to_ms)
        except (NotCovered, BacktestFailed) as error:
            raise LadderRefused(str(error)) from error
        return Figures(
            runs=1,
            span_ms=stretch.span_ms,
            pnl_pct=found.pnl_pct,
            worst_pnl_pct=found.pnl_pct,
            drawdown_pct=found.max_drawdown_pct,
            mean_drawdown_pct=found.max_drawdown_pct,
            under_water_ms=found.under_water_ms,
            capital_max=found.capital_max,
            cycles_closed=found.cycles_closed,
            cycles_open=found.cycles_open,
            ran_dry=found.ran_dry,
            unpaid=found.unpaid,
            trades=found.trades,
            hold_pnl_pct=found.buy_and_hold_pnl * 100 / float(budget),
        )

    def daily_returns(self, ladder: LadderParams, stretch: Stretch) -> list[float]:
        """See `Machine`."""
        market = self._markets[stretch.symbol]
        if self._is_empty(market, stretch):
            return []
        budget = budget_of(ladder, self._budget)
        try:
            result = run_compiled([market], ladder, budget, from_ms=stretch.from_ms, to_ms=stretch.to_ms)
        except (NotCovered, BacktestFailed) as error:
            raise LadderRefused(str(error)) from error
        first, last = market.span(stretch.from_ms, stretch.to_ms)
        ends = market.ends_ms[first:last].tolist()
        closes, tick, symbol = market.closed[first:last].tolist(), market.rules.tick, market.market.pair
        return daily_returns(
            result, [Price(at_ms, symbol, ticks * tick) for at_ms, ticks in zip(ends, closes, strict=True)]
        )

    @staticmethod
    def _is_empty(market: Prepared, stretch: Stretch) -> bool:
        first, last = market.span(stretch.from_ms, stretch.to_ms)
        return first == last
