"""Candles as arrays, made once for any number of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autotrader_v2.backtest.inside import TEXT_MAX
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus

Whole = NDArray[np.int64]
# Products of a price and a place inside a candle stay below 2^53.
_TICKS_MAX = 1 << 40
_POINTS_MAX = 1 << 12
_POINTS_APART_LEAST_MS = 500


class NotCovered(ValueError):
    """The compiled rules cannot run this exactly; the message names what, and the exact engine can."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; use --engine exact")


class Candles(Protocol):
    """What a `CandleTape` has: candles in whole ticks, and what decides the way inside them and the spread."""

    @property
    def market(self) -> Market:
        """Whose."""

    @property
    def tick(self) -> Decimal:
        """The price step, in quote currency."""

    @property
    def seed(self) -> int:
        """What the way inside each candle is drawn from."""

    @property
    def spread_ppm(self) -> int:
        """The spread in millionths of the price."""

    @property
    def points(self) -> int:
        """How many prices a way has."""

    @property
    def open_ms(self) -> Any:
        """When each begins; like the other columns int64 values in one piece of memory."""

    @property
    def interval_ms(self) -> Any:
        """How long each lasts."""

    @property
    def opened(self) -> Any:
        """The first price of each."""

    @property
    def high(self) -> Any:
        """The highest."""

    @property
    def low(self) -> Any:
        """The lowest."""

    @property
    def closed(self) -> Any:
        """The last."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """The candles of one market with its rules; read only, so any number of threads may run on it."""

    market: Market
    rules: MarketRules
    spread_ppm: int
    points: int
    text: str
    open_ms: Whole
    interval_ms: Whole
    opened: Whole
    high: Whole
    low: Whole
    closed: Whole

    def __len__(self) -> int:
        return len(self.open_ms)

    def span(self, from_ms: int, to_ms: int | None) -> tuple[int, int]:
        """The candles that begin in `[from_ms, to_ms)`: first, and behind the last."""
        first = int(np.searchsorted(self.open_ms, from_ms))
        return first, len(self) if to_ms is None else max(first, int(np.searchsorted(self.open_ms, to_ms)))


def prepare(candles: Candles, rules: MarketRules) -> Prepared:
    """Candles for `run_compiled` and `summarise`. Nothing is copied. Errors: `NotCovered`, ValueError (no candle)."""
    market = candles.market
    if not len(candles.open_ms):
        raise ValueError(f"{market}: there is no candle")
    if candles.tick != rules.tick:
        raise NotCovered(f"{market}: candles in steps of {candles.tick} and orders in steps of {rules.tick}")
    if rules.status is not TradeStatus.TRADABLE or rules.delisting_s:
        raise NotCovered(f"{market} is not tradable on both sides")
    text = f"{candles.seed}:{market.pair}:"
    if len(text.encode()) > TEXT_MAX:
        raise NotCovered(f"{market}: the name is too long")
    columns = {
        name: _column(getattr(candles, name)) for name in ("open_ms", "interval_ms", "opened", "high", "low", "closed")
    }
    if int(columns["high"].max()) >= _TICKS_MAX:
        raise NotCovered(f"{market}: a price of more than {_TICKS_MAX} steps")
    if candles.points > _POINTS_MAX:
        raise NotCovered(f"more than {_POINTS_MAX} prices inside a candle")
    if int(columns["open_ms"][0]) < 0:
        raise NotCovered(f"{market}: candles before 1970")
    shortest = int(columns["interval_ms"].min())
    if shortest < candles.points * _POINTS_APART_LEAST_MS:
        raise ValueError(f"{market}: candles of {shortest} ms are too short for {candles.points} prices each")
    if bool(np.any(columns["open_ms"][1:] < columns["open_ms"][:-1] + columns["interval_ms"][:-1])):
        raise NotCovered(f"{market}: candles that overlap")
    return Prepared(
        market=market,
        rules=rules,
        spread_ppm=candles.spread_ppm,
        points=candles.points,
        text=text,
        **columns,
    )


def _column(values: Sequence[int]) -> Whole:
    return np.frombuffer(values, np.int64) if len(values) else np.zeros(0, np.int64)  # type: ignore[call-overload]
