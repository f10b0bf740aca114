"""Figures over trades and prices: how it went, what it took, and what buying without a ladder would have given.

Values in, values out. Money is exact; percentages and annual rates are rounded where they are shown.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.backtest.result import Rest, Result, Trade
from autotrader_v2.domain.money import HUNDRED, ONE, ZERO, share_of_cost

DAY_MS = 86_400_000
_YEAR_MS = Decimal("31557600000")


class Price(NamedTuple):
    """The last price of a candle of a symbol, in quote currency per coin; `at_ms`: when the candle ended."""

    at_ms: int
    symbol: str
    price: Decimal


class Sample(NamedTuple):
    """The account at one time. Units: quote currency. `invested`: what the open cycles' coins were paid with."""

    at_ms: int
    equity: Decimal
    invested: Decimal


class Position:
    """The coins of a symbol's open cycle and what they were paid with, as its trades tell.

    Dust, what a sale left that cannot be sold, is none of them: it keeps its cost until a later sale takes it along, as
    in the engine's own books (`domain.cycle`).
    """

    def __init__(self) -> None:
        self.held = self.invested = ZERO
        self._dust = self._dust_cost = ZERO

    def book(self, trade: Trade) -> Decimal:
        """Take the symbol's next trade; what a sale earned: received less what the coins it took had cost."""
        coin, paid = moved(trade)
        if trade.side == "buy":
            if trade.step == 0:
                self._leave()
            self.held, self.invested = self.held + coin, self.invested - paid
            return ZERO
        taken = min(-coin, self.held)
        cost = share_of_cost(self.invested, taken, self.held)
        self.held, self.invested = self.held - taken, self.invested - cost
        from_dust = min(-coin - taken, self._dust)
        dust_cost = share_of_cost(self._dust_cost, from_dust, self._dust)
        self._dust, self._dust_cost = self._dust - from_dust, self._dust_cost - dust_cost
        if trade.rest is Rest.NONE:
            self._leave()
        return paid - cost - dust_cost

    def _leave(self) -> None:
        """What is held is dust from now on."""
        self._dust, self._dust_cost = self._dust + self.held, self._dust_cost + self.invested
        self.held = self.invested = ZERO


class Line(NamedTuple):
    """What became of the budget in some way. Percentages of the budget, drawdown of the peak before it."""

    pnl: Decimal
    pnl_pct: Decimal
    max_drawdown_pct: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How a backtest went. Units: `*_pct` percent, `*_ms` milliseconds, the rest quote currency or counts.

    `pnl` counts fees and values coins still held at their last price; `realised` is of closed cycles only.
    `annualised_pct`: None for less than a day, or when all is lost. `under_water_ms`: the longest time below an
    earlier peak. `deepest`: cycles by their deepest step. `ran_dry`: cycles that bought their last step.
    `unpaid`: buys wanted and not affordable. `exposure_pct`: share of candles at whose end coins were held.
    """

    begin_ms: int
    end_ms: int
    budget: Decimal
    pnl: Decimal
    pnl_pct: Decimal
    realised: Decimal
    annualised_pct: Decimal | None
    max_drawdown_pct: Decimal
    max_drawdown: Decimal
    under_water_ms: int
    cycles_closed: int
    cycles_open: int
    cycles_won: int
    win_rate_pct: Decimal | None
    deepest: Mapping[int, int]
    ran_dry: int
    unpaid: int
    capital_p50: Decimal
    capital_p95: Decimal
    capital_max: Decimal
    exposure_pct: Decimal
    buy_and_hold: Line
    periodic: Line


class Drawdown(NamedTuple):
    """The worst fall from a peak, in money and in percent (each its own worst), and the longest time below one."""

    money: Decimal
    pct: Decimal
    under_water_ms: int


def metrics_of(result: Result, prices: Sequence[Price], fee: Decimal) -> Metrics:
    """All figures. `prices` ordered by time, at least one; `fee` (a fraction) is what the comparisons pay.

    Errors: ValueError without prices.
    """
    if not prices:
        raise ValueError("figures need prices")
    budget = result.budget
    samples = list(samples_of(budget, result.trades, prices))
    symbols = sorted({one.symbol for one in prices})
    return metrics_from(
        result,
        begin_ms=prices[0].at_ms,
        end_ms=prices[-1].at_ms,
        equity=samples[-1].equity,
        fall=drawdown(budget, ((one.at_ms, one.equity) for one in samples)),
        invested=Counter(one.invested for one in samples),
        buy_and_hold=_line(budget, prices, buy_and_hold(budget, prices, symbols, fee)),
        periodic=_line(budget, prices, _periodic(budget, prices, symbols, fee)),
    )


def metrics_from(
    result: Result,
    *,
    begin_ms: int,
    end_ms: int,
    equity: Decimal,
    fall: Drawdown,
    invested: Mapping[Decimal, int],
    buy_and_hold: Line,
    periodic: Line,
) -> Metrics:
    """All figures, from those that need a look at every candle. `invested`: at the end of how many candles."""
    budget, trades = result.budget, result.trades
    pnl = equity - budget
    outcomes = cycle_results(trades)
    deepest = Counter(deepest_steps(trades).values())
    won = sum(one > 0 for one in outcomes.values())
    candles = sum(invested.values())
    return Metrics(
        begin_ms=begin_ms,
        end_ms=end_ms,
        budget=budget,
        pnl=pnl,
        pnl_pct=pnl * HUNDRED / budget,
        realised=sum(outcomes.values(), ZERO),
        annualised_pct=annualised_pct(budget, budget + pnl, end_ms - begin_ms),
        max_drawdown_pct=fall.pct,
        max_drawdown=fall.money,
        under_water_ms=fall.under_water_ms,
        cycles_closed=len(outcomes),
        cycles_open=sum(deepest.values()) - len(outcomes),
        cycles_won=won,
        win_rate_pct=won * HUNDRED / len(outcomes) if outcomes else None,
        deepest=dict(sorted(deepest.items())),
        ran_dry=deepest[result.ladder_steps],
        unpaid=len(result.unpaid),
        capital_p50=percentile(invested, 50),
        capital_p95=percentile(invested, 95),
        capital_max=max(invested),
        exposure_pct=(candles - invested.get(ZERO, 0)) * HUNDRED / candles,
        buy_and_hold=buy_and_hold,
        periodic=periodic,
    )


def samples_of(budget: Decimal, trades: Iterable[Trade], prices: Iterable[Price]) -> Iterator[Sample]:
    """The account at the end of each candle. A coin is worth its last trade until its first candle ends."""
    coins: dict[str, Decimal] = {}
    worth: dict[str, Decimal] = {}
    positions: dict[str, Position] = {}
    money, value = budget, ZERO
    waiting = iter(trades)
    trade = next(waiting, None)
    for at_ms, symbol, price in prices:
        while trade is not None and trade.ts_ms <= at_ms:
            one = trade.symbol
            held = coins.get(one, ZERO)
            value -= held * worth.setdefault(one, trade.price)
            coin, paid = moved(trade)
            money += paid
            coins[one] = held + coin
            value += coins[one] * worth[one]
            positions.setdefault(one, Position()).book(trade)
            trade = next(waiting, None)
        held = coins.get(symbol, ZERO)
        if held:
            value += held * (price - worth[symbol])
        worth[symbol] = price
        yield Sample(at_ms, money + value, sum((one.invested for one in positions.values()), ZERO))


def cycle_results(trades: Iterable[Trade]) -> dict[tuple[str, int], Decimal]:
    """What the sales of each closed cycle earned after fees; see `Position`.

    A sale closes it, unless it left a part to be sold later. What such a rest was paid with goes with it where it
    begins the next cycle.
    """
    sums: dict[tuple[str, int], Decimal] = {}
    positions: dict[str, Position] = {}
    closed: set[tuple[str, int]] = set()
    for trade in trades:
        key = trade.symbol, trade.cycle_id
        earned = positions.setdefault(trade.symbol, Position()).book(trade)
        sums[key] = sums.get(key, ZERO) + earned
        if trade.side == "sell" and trade.rest is not Rest.HELD:
            closed.add(key)
    return {key: total for key, total in sums.items() if key in closed}


def following(sale: Trade) -> tuple[str, int]:
    """The cycle that a sale's rest begins."""
    return sale.symbol, sale.cycle_id + 1


def deepest_steps(trades: Iterable[Trade]) -> dict[tuple[str, int], int]:
    """The deepest step that each cycle bought, by (symbol, cycle)."""
    deepest: dict[tuple[str, int], int] = {}
    for trade in trades:
        if trade.step is not None:
            key = trade.symbol, trade.cycle_id
            deepest[key] = max(deepest.get(key, 0), trade.step)
        elif trade.rest is Rest.RESTARTED:
            deepest[following(trade)] = 0
    return deepest


def drawdown(begin: Decimal, equity: Iterable[tuple[int, Decimal]]) -> Drawdown:
    """The worst falls of (time, equity) samples; the first peak is `begin`, at the first sample's time."""
    peak, peak_ms, below = begin, -1, False
    money = pct = ZERO
    longest_ms = 0
    for at_ms, value in equity:
        if peak_ms < 0:
            peak_ms = at_ms
        if value >= peak:
            if below:
                longest_ms = max(longest_ms, at_ms - peak_ms)
            peak, peak_ms, below = value, at_ms, False
            continue
        below = True
        fall = peak - value
        money = max(money, fall)
        if fall * HUNDRED > pct * peak:
            pct = fall * HUNDRED / peak
        longest_ms = max(longest_ms, at_ms - peak_ms)
    return Drawdown(money, pct, longest_ms)


def annualised_pct(begin: Decimal, end: Decimal, span_ms: int) -> Decimal | None:
    """The yearly rate that makes one of the other; None for less than a day, or when nothing is left."""
    if span_ms < DAY_MS or end <= 0:
        return None
    return ((end / begin) ** (_YEAR_MS / span_ms) - ONE) * HUNDRED


def percentile(counts: Mapping[Decimal, int], pct: int) -> Decimal:
    """The smallest value that at least so many percent are not above (nearest rank); how often there is each."""
    rank = max(1, -(-sum(counts.values()) * pct // 100))
    for value in sorted(counts):
        rank -= counts[value]
        if rank <= 0:
            return value
    raise ValueError("there is no value")


def moved(trade: Trade) -> tuple[Decimal, Decimal]:
    """Coins and quote currency that came in (negative: went out), after the fee."""
    base, quote = trade.symbol.split("_")
    coin_fee = trade.fee if trade.fee_currency == base else ZERO
    quote_fee = trade.fee if trade.fee_currency == quote else ZERO
    if trade.side == "buy":
        return trade.base - coin_fee, -trade.quote - quote_fee
    return -trade.base - coin_fee, trade.quote - quote_fee


def _line(budget: Decimal, prices: Sequence[Price], buys: Sequence[Trade]) -> Line:
    equity = [(one.at_ms, one.equity) for one in samples_of(budget, buys, prices)]
    pnl = equity[-1][1] - budget
    return Line(pnl, pnl * HUNDRED / budget, drawdown(budget, equity).pct)


def buy_and_hold(budget: Decimal, prices: Iterable[Price], symbols: Sequence[str], fee: Decimal) -> list[Trade]:
    """Each symbol for its equal share, at the end of its first candle."""
    seen: set[str] = set()
    buys = []
    for one in prices:
        if one.symbol not in seen:
            seen.add(one.symbol)
            buys.append(bought(one, budget / len(symbols), fee))
    return buys


def _periodic(budget: Decimal, prices: Sequence[Price], symbols: Sequence[str], fee: Decimal) -> list[Trade]:
    """Each symbol for its equal share, in equal parts: one at the end of its first candle of each day."""
    days: dict[tuple[str, int], Price] = {}
    for one in prices:
        days.setdefault((one.symbol, one.at_ms // DAY_MS), one)
    parts = Counter(symbol for symbol, _ in days)
    return [bought(one, budget / len(symbols) / parts[one.symbol], fee) for one in days.values()]


def bought(price: Price, quote: Decimal, fee: Decimal) -> Trade:
    """A buy for that much, at that price and time."""
    coins = quote / price.price
    return Trade(
        ts_ms=price.at_ms,
        symbol=price.symbol,
        side="buy",
        step=0,
        base=coins,
        quote=quote,
        fee=coins * fee,
        fee_currency=price.symbol.partition("_")[0],
        cycle_id=1,
    )


def merged(series: Iterable[Iterable[Price]]) -> list[Price]:
    """Prices of several symbols in order of time."""
    return list(heapq.merge(*series))
