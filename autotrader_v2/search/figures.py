"""How a ladder went over one stretch or several, in numbers small enough to keep millions of."""

from collections.abc import Iterable
from typing import Any, NamedTuple

_YEAR_MS = 31_557_600_000


class Figures(NamedTuple):
    """Sums over `runs` runs, each begun with the whole budget. Units: `*_pct` percent of the budget, `*_ms` ms.

    `pnl_pct` after fees, coins still held at their last price; `worst_pnl_pct` of the worst run. Drawdowns are of the
    peak before them: the deepest of all, and their average by time. `capital_max` in quote currency.
    `under_water_ms`: the longest. `hold_pnl_pct`: buying once and holding. Searches rank by these; money is booked
    elsewhere, so floats will do.

    A tuple, since a search hands half a dozen of each ladder from its workers to the process that keeps them.
    """

    runs: int
    span_ms: int
    pnl_pct: float
    worst_pnl_pct: float
    drawdown_pct: float
    mean_drawdown_pct: float
    under_water_ms: int
    capital_max: float
    cycles_closed: int
    cycles_open: int
    ran_dry: int
    unpaid: int
    trades: int
    hold_pnl_pct: float

    @property
    def year_pct(self) -> float:
        """Profit in a year of one run, simple, in % of the budget."""
        return self.pnl_pct * _YEAR_MS / self.span_ms

    @property
    def mean_pnl_pct(self) -> float:
        """Profit of a run on average."""
        return self.pnl_pct / self.runs

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return self._asdict()


def added(figures: Iterable[Figures]) -> Figures:
    """Several runs as one. Errors: ValueError without any."""
    every = tuple(figures)
    if not every:
        raise ValueError("there are no figures to add")
    span_ms = sum(one.span_ms for one in every)
    return Figures(
        runs=sum(one.runs for one in every),
        span_ms=span_ms,
        pnl_pct=sum(one.pnl_pct for one in every),
        worst_pnl_pct=min(one.worst_pnl_pct for one in every),
        drawdown_pct=max(one.drawdown_pct for one in every),
        mean_drawdown_pct=sum(one.mean_drawdown_pct * one.span_ms for one in every) / span_ms,
        under_water_ms=max(one.under_water_ms for one in every),
        capital_max=max(one.capital_max for one in every),
        cycles_closed=sum(one.cycles_closed for one in every),
        cycles_open=sum(one.cycles_open for one in every),
        ran_dry=sum(one.ran_dry for one in every),
        unpaid=sum(one.unpaid for one in every),
        trades=sum(one.trades for one in every),
        hold_pnl_pct=sum(one.hold_pnl_pct for one in every),
    )
