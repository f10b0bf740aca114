"""What everybody may see of a market's past: prints, candles, the last 24 hours."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from autotrader_v2.domain.money import HUNDRED, ZERO
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.records import PublicTrade

_SECOND_MS, _MINUTE_MS, _HOUR_MS = 1_000, 60_000, 3_600_000
_PRINTS_KEPT = 1_000
_DAY_HOURS = 24


@dataclass(slots=True)
class Bar:
    """One candle. Units: `open_ms` of its first moment, volumes in coins and in quote currency."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    base: Decimal = ZERO
    quote: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Day:
    """The last 24 hours, to the hour."""

    high: Decimal
    low: Decimal
    base: Decimal
    quote: Decimal
    change_pct: Decimal


class Tape:
    """Prints and candles of one market, counted as they come; old ones are forgotten.

    Without `candles` only prints are kept.
    """

    def __init__(self, pair: str, *, candles: bool = True) -> None:
        self.prints: deque[PublicTrade] = deque(maxlen=_PRINTS_KEPT)
        self._pair = pair
        self._sequence = 0
        # Finer candles are kept for a shorter time; coarser ones are made of them when asked for.
        self._bars: dict[int, deque[Bar]] = {}
        if candles:
            self._bars = {
                _SECOND_MS: deque(maxlen=3_600),
                _MINUTE_MS: deque(maxlen=10_000),
                _HOUR_MS: deque(maxlen=10_000),
            }

    @property
    def sequence(self) -> int:
        """Number of the newest print of this market."""
        return self._sequence

    def mark(self, price: Decimal, now_ms: int) -> None:
        """Note a price nobody of ours traded at."""
        self._count(price, ZERO, ZERO, now_ms)

    def print(self, side: Side, amount: Decimal, price: Decimal, now_ms: int) -> PublicTrade:
        """Note a trade; `side` is the taker's."""
        self._sequence += 1
        trade = PublicTrade(self._pair, self._sequence, side, amount, price, now_ms)
        self.prints.append(trade)
        self._count(price, amount, amount * price, now_ms)
        return trade

    def bars(self, interval_ms: int, from_ms: int, to_ms: int) -> list[Bar]:
        """Candles that open between the two, oldest first; moments without any price have none."""
        source = max(kept for kept in self._bars if kept <= interval_ms)
        merged: dict[int, Bar] = {}
        for bar in self._bars[source]:
            open_ms = bar.open_ms - bar.open_ms % interval_ms
            if from_ms <= open_ms <= to_ms:
                if open_ms in merged:
                    _add(merged[open_ms], bar)
                else:
                    merged[open_ms] = Bar(open_ms, bar.open, bar.high, bar.low, bar.close, bar.base, bar.quote)
        return list(merged.values())

    def day(self, now_ms: int) -> Day:
        """What a ticker says about the last 24 hours."""
        recent = [bar for bar in self._bars[_HOUR_MS] if bar.open_ms > now_ms - _DAY_HOURS * _HOUR_MS]
        if not recent:
            return Day(ZERO, ZERO, ZERO, ZERO, ZERO)
        first, last = recent[0].open, recent[-1].close
        return Day(
            high=max(bar.high for bar in recent),
            low=min(bar.low for bar in recent),
            base=_total(bar.base for bar in recent),
            quote=_total(bar.quote for bar in recent),
            change_pct=(last - first) * HUNDRED / first,
        )

    def _count(self, price: Decimal, base: Decimal, quote: Decimal, now_ms: int) -> None:
        for interval_ms, bars in self._bars.items():
            open_ms = now_ms - now_ms % interval_ms
            if not bars or bars[-1].open_ms < open_ms:
                bars.append(Bar(open_ms, price, price, price, price, base, quote))
                continue
            bar = bars[-1]
            if price > bar.high:
                bar.high = price
            elif price < bar.low:
                bar.low = price
            bar.close = price
            if base:
                bar.base += base
                bar.quote += quote


def _add(whole: Bar, part: Bar) -> None:
    whole.high = max(whole.high, part.high)
    whole.low = min(whole.low, part.low)
    whole.close = part.close
    whole.base += part.base
    whole.quote += part.quote


def _total(numbers: Iterable[Decimal]) -> Decimal:
    return sum(numbers, ZERO)
