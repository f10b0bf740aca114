"""A run in a few figures, for searches: no trade objects, the same memory for one ladder or a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest import equity
from autotrader_v2.backtest.compiled import Run, joined, play_markets
from autotrader_v2.backtest.prepared import Prepared
from autotrader_v2.backtest.terms import digits_of
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of `Metrics` as floats and counts. Units: `*_pct` percent, `*_ms` milliseconds, else quote currency.

    `pnl` is exact until it becomes a float; what is looked at in each candle (drawdown, capital) is summed in floats,
    so that accounts which agree to 14 digits count as equal in `under_water_ms`.
    A sale in part counts as one of all here; `Metrics` tells them apart.
    `deepest_step` -1: nothing was bought. `fees`: worth of all fees at the price of their trade.
    """

    begin_ms: int
    end_ms: int
    candles: int
    pnl: float
    pnl_pct: float
    max_drawdown: float
    max_drawdown_pct: float
    under_water_ms: int
    capital_max: float
    capital_mean: float
    cycles_closed: int
    cycles_open: int
    deepest_step: int
    ran_dry: int
    unpaid: int
    trades: int
    fees: float
    buy_and_hold_pnl: float


def summarise(
    prepared: Sequence[Prepared],
    params: LadderParams,
    budget: Decimal,
    *,
    from_ms: int = 0,
    to_ms: int | None = None,
) -> Summary:
    """Run the ladder over the candles that begin in `[from_ms, to_ms)`. Errors: see `run_compiled`."""
    run = play_markets(prepared, params, budget, from_ms=from_ms, to_ms=to_ms)
    found, counted = _followed(run, budget), np.zeros(4, np.int64)
    counted[2] = -1
    equity.count_cycles(run.trades, params.steps, counted, *np.zeros((3, len(run.markets)), np.int64))
    pnl = run.money - budget
    end_value = held = 0.0
    fees = 0.0
    begin_ms, end_ms = 1 << 62, 0
    for number, (one, coins) in enumerate(zip(run.markets, run.coins, strict=True)):
        first, last = one.span(from_ms, to_ms)
        begin_ms = min(begin_ms, int(one.rows[first, :2].sum()))
        end_ms = max(end_ms, int(one.rows[last - 1, :2].sum()))
        pnl += coins * int(one.closed[last - 1]) * one.rules.tick if coins else ZERO
        held += float(budget) / len(run.markets)
        end_value += (
            float(budget)
            / len(run.markets)
            * (1 - float(run.markets[0].rules.fee))
            * float(one.closed[last - 1])
            / float(one.closed[first])
        )
        mine = run.trades[run.trades[:, c.TRADE_MARKET] == number, c.TRADE_W]
        fees += float(mine.sum(dtype=np.float64)) / 10 ** digits_of(one.rules).worth * float(one.rules.fee)
    candles = int((run.last - run.first).sum())
    return Summary(
        begin_ms=begin_ms,
        end_ms=end_ms,
        candles=candles,
        pnl=float(pnl),
        pnl_pct=float(pnl * 100 / budget),
        max_drawdown=float(found[equity.MAX_DRAWDOWN]),
        max_drawdown_pct=float(found[equity.MAX_DRAWDOWN_PCT]),
        under_water_ms=int(found[equity.UNDER_WATER_MS]),
        capital_max=float(found[equity.CAPITAL_MAX]),
        capital_mean=float(found[equity.CAPITAL_SUM]) / candles,
        cycles_closed=int(counted[0]),
        cycles_open=int(counted[1]),
        deepest_step=int(counted[2]),
        ran_dry=int(counted[3]),
        unpaid=len(run.unpaid),
        trades=len(run.trades),
        fees=fees,
        buy_and_hold_pnl=end_value - held,
    )


def _followed(run: Run, budget: Decimal) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """What `equity` finds in the samples at the end of each candle."""
    candles, found = joined(tuple(run.markets)), np.zeros(equity.FOUND_COLUMNS)
    digits = [digits_of(one.rules) for one in run.markets]
    ticks_of = np.array([10.0**one.rules.price_precision for one in run.markets])
    quote_of_w = np.array([10.0**one.worth for one in digits])
    fee_by = np.array([10 ** (one.net - one.worth) for one in digits], np.int64)
    coins_of = np.array([10.0**one.rules.amount_precision for one in run.markets]) * fee_by
    kept = np.array([int((1 - one.rules.fee) * int(by)) for one, by in zip(run.markets, fee_by, strict=True)], np.int64)
    if len(run.markets) == 1:
        equity.follow_one(
            found,
            float(budget),
            run.trades,
            int(run.first[0]),
            int(run.last[0]),
            candles.rows,
            candles.outline.closed,
            candles.outline.closed_blocks,
            ticks_of,
            quote_of_w,
            coins_of,
            kept,
            fee_by,
            np.zeros(1, np.int64),
            np.zeros(1),
        )
        return found
    order = sorted(range(len(run.markets)), key=lambda number: run.markets[number].market.pair)
    equity.follow_many(
        found,
        float(budget),
        run.trades,
        run.first,
        run.last,
        np.array(order, np.int64),
        candles.rows,
        ticks_of,
        quote_of_w,
        coins_of,
        kept,
        fee_by,
        np.zeros(len(order), np.int64),
        np.zeros(len(order)),
        np.full(len(order), -1.0),
        run.first.copy(),
    )
    return found
