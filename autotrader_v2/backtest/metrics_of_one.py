"""The figures of one market, candles as columns: `metrics.metrics_of` in whole numbers, a tenth of the time.

Between two trades the account is money and coins at the candle's last price, so most candles need only be compared with
the tick from which they would make a new peak. What is compared is exact; `tests/property/test_backtest_metrics.py`
holds the figures to those of `metrics_of`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.backtest.metrics import DAY_MS, Drawdown, Line, Metrics, Position, Price, bought, metrics_from, moved
from autotrader_v2.backtest.result import Result, Trade
from autotrader_v2.domain.money import HUNDRED, ZERO

_BLOCK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Closes:
    """The last price of each candle of a market, in `tick`s, and when the candle ended; at least one."""

    symbol: str
    tick: Decimal
    ends_ms: Sequence[int]
    ticks: Sequence[int]

    def price(self, candle: int) -> Price:
        """One of them as a value."""
        return Price(self.ends_ms[candle], self.symbol, self.ticks[candle] * self.tick)


class _Stretch(NamedTuple):
    """The candles `[first, last)` between two trades, and what the account held."""

    first: int
    last: int
    money: Decimal
    coins: Decimal
    invested: Decimal


def metrics_of_one(result: Result, closes: Closes, fee: Decimal) -> Metrics:
    """See `metrics_of`; all trades are of the market of `closes`."""
    stretches = list(_stretches(result.budget, result.trades, closes))
    invested: Counter[Decimal] = Counter()
    for one in stretches:
        invested[one.invested] += one.last - one.first
    equity, fall = _followed(result.budget, stretches, closes)
    return metrics_from(
        result,
        begin_ms=closes.ends_ms[0],
        end_ms=closes.ends_ms[-1],
        equity=equity,
        fall=fall,
        invested=invested,
        buy_and_hold=_line(result.budget, [bought(closes.price(0), result.budget, fee)], closes),
        periodic=_line(result.budget, _periodic(result.budget, closes, fee), closes),
    )


def _stretches(budget: Decimal, trades: Iterable[Trade], closes: Closes) -> Iterator[_Stretch]:
    """See `metrics.samples_of`: a trade counts from the first candle that ends then or later."""
    first, money, coins, position = 0, budget, ZERO, Position()
    for trade in trades:
        last = bisect_left(closes.ends_ms, trade.ts_ms, first)
        if last > first:
            yield _Stretch(first, last, money, coins, position.invested)
            first = last
        coin, paid = moved(trade)
        money, coins = money + paid, coins + coin
        position.book(trade)
    if first < len(closes.ends_ms):
        yield _Stretch(first, len(closes.ends_ms), money, coins, position.invested)


def _line(budget: Decimal, buys: Sequence[Trade], closes: Closes) -> Line:
    equity, fall = _followed(budget, list(_stretches(budget, buys, closes)), closes)
    pnl = equity - budget
    return Line(pnl, pnl * HUNDRED / budget, fall.pct)


def _periodic(budget: Decimal, closes: Closes, fee: Decimal) -> list[Trade]:
    """In equal parts, one at the end of the first candle of each day."""
    firsts, candle = [], 0
    while candle < len(closes.ends_ms):
        firsts.append(closes.price(candle))
        candle = bisect_left(closes.ends_ms, (closes.ends_ms[candle] // DAY_MS + 1) * DAY_MS, candle)
    return [bought(one, budget / len(firsts), fee) for one in firsts]


def _followed(budget: Decimal, stretches: Sequence[_Stretch], closes: Closes) -> tuple[Decimal, Drawdown]:
    """What the account is worth at the end, and its worst falls (`metrics.drawdown`)."""
    coin_part = _part(*(one.coins for one in stretches))
    tick_part = _part(closes.tick)
    # Amounts in parts so small that all of them are whole numbers.
    part = min(coin_part + tick_part, _part(budget, *(one.money for one in stretches)))
    each = _whole(closes.tick, tick_part) * 10 ** (coin_part + tick_part - part)
    falls = _Falls(_whole(budget, part), closes.ends_ms[0])
    worth = 0
    for one in stretches:
        money, coins = _whole(one.money, part), _whole(one.coins, coin_part) * each
        falls.follow(one, money, coins, closes)
        worth = money + coins * closes.ticks[one.last - 1]
    return Decimal(worth).scaleb(part), falls.found(part)


class _Falls:
    """`metrics.drawdown` of samples in whole numbers."""

    def __init__(self, peak: int, peak_ms: int) -> None:
        self._peak, self._peak_ms = peak, peak_ms
        # The lowest since the peak, and the worst fall in parts of its peak: both numbers of it.
        self._low = peak
        self._below = False
        self._fall, self._share = 0, (0, 1)
        self._under_water_ms = 0

    def follow(self, stretch: _Stretch, money: int, coins: int, closes: Closes) -> None:
        """The samples of a stretch; blocks of candles that make no new peak by their lowest one."""
        candle, last = stretch.first, stretch.last
        ends_ms, ticks = closes.ends_ms, closes.ticks
        if not coins:
            # The price does not matter.
            self._look(ends_ms[candle], money)
            self._look(ends_ms[last - 1], money)
            return
        while candle < last:
            end = min(last, candle + _BLOCK)
            block = ticks[candle:end]
            lowest, highest = sorted((money + coins * min(block), money + coins * max(block)))
            if highest < self._peak:
                self._sink(ends_ms[end - 1], lowest)
            else:
                for at_ms, price in zip(ends_ms[candle:end], block, strict=True):
                    self._look(at_ms, money + coins * price)
            candle = end

    def found(self, part: int) -> Drawdown:
        """The worst of all; `part`: how small the parts are, as a power of ten."""
        self._settle()
        fall, peak = self._share
        return Drawdown(Decimal(self._fall).scaleb(part), fall * HUNDRED / peak, self._under_water_ms)

    def _look(self, at_ms: int, value: int) -> None:
        if value < self._peak:
            self._sink(at_ms, value)
            return
        if self._below:
            self._under_water_ms = max(self._under_water_ms, at_ms - self._peak_ms)
            self._settle()
        self._peak = self._low = value
        self._peak_ms, self._below = at_ms, False

    def _sink(self, at_ms: int, value: int) -> None:
        """Below the peak until then, at the lowest there."""
        self._below = True
        self._low = min(self._low, value)
        self._under_water_ms = max(self._under_water_ms, at_ms - self._peak_ms)

    def _settle(self) -> None:
        fall = self._peak - self._low
        worst, of_peak = self._share
        self._fall = max(self._fall, fall)
        if fall * of_peak > worst * self._peak:
            self._share = fall, self._peak


def _part(*amounts: Decimal) -> int:
    """The power of ten that all of them are whole multiples of."""
    return min(int(one.as_tuple().exponent) for one in amounts)


def _whole(amount: Decimal, part: int) -> int:
    sign, digits, exponent = amount.as_tuple()
    return int(Decimal((sign, digits, 0))) * int(10 ** (int(exponent) - part))
