"""Candles as arrays, made once for any number of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest.inside import TEXT_MAX
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus

Whole = NDArray[np.int64]
# Products of a price and a place inside a candle stay below 2^53.
_TICKS_MAX = 1 << 40
_POINTS_MAX = 1 << 12
_POINTS_APART_LEAST_MS = 500
_LINE_BYTES = 64


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


class Outline(NamedTuple):
    """What tells of most candles that they may be passed, close together: a row is fetched where something happens.

    `spans` are the highest and lowest price of each candle, `closed` its last one; of each block of candles likewise.
    The last candles fill no block.
    """

    spans: Whole
    blocks: Whole
    closed: Whole
    closed_blocks: Whole


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """The candles of one market with its rules. Any number of threads may run on it: what they note is the same.

    `rows`: a candle each, by `columns.py`.
    """

    market: Market
    rules: MarketRules
    spread_ppm: int
    points: int
    text: str
    rows: Whole

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be worked out again."""
        return {name: value for name, value in vars(self).items() if name != "outline"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, rows=aligned(state["rows"]))

    @cached_property
    def outline(self) -> Outline:
        """Worked out when first asked for."""
        return outline_of(self.rows)

    @property
    def open_ms(self) -> Whole:
        """When each begins."""
        return self.rows[:, c.OPEN_MS]

    @property
    def ends_ms(self) -> Whole:
        """When each ends."""
        ends: Whole = self.rows[:, c.OPEN_MS] + self.rows[:, c.INTERVAL_MS]
        return ends

    @property
    def closed(self) -> Whole:
        """The last price of each, in ticks."""
        return self.rows[:, c.CLOSED]

    def span(self, from_ms: int, to_ms: int | None) -> tuple[int, int]:
        """The candles that begin in `[from_ms, to_ms)`: first, and behind the last."""
        first = int(np.searchsorted(self.open_ms, from_ms))
        return first, len(self) if to_ms is None else max(first, int(np.searchsorted(self.open_ms, to_ms)))


def prepare(candles: Candles, rules: MarketRules) -> Prepared:
    """Candles for `run_compiled` and `summarise`. Errors: `NotCovered`, ValueError (no candle).

    They are copied: 89 bytes each with what is worked out of them.
    """
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
    rows = rows_of(
        *(_column(getattr(candles, name)) for name in ("open_ms", "interval_ms", "opened", "high", "low", "closed"))
    )
    if int(rows[:, c.HIGH].max()) >= _TICKS_MAX:
        raise NotCovered(f"{market}: a price of more than {_TICKS_MAX} steps")
    if candles.points > _POINTS_MAX:
        raise NotCovered(f"more than {_POINTS_MAX} prices inside a candle")
    if int(rows[0, c.OPEN_MS]) < 0:
        raise NotCovered(f"{market}: candles before 1970")
    shortest = int(rows[:, c.INTERVAL_MS].min())
    if shortest < candles.points * _POINTS_APART_LEAST_MS:
        raise ValueError(f"{market}: candles of {shortest} ms are too short for {candles.points} prices each")
    prepared = Prepared(
        market=market,
        rules=rules,
        spread_ppm=candles.spread_ppm,
        points=candles.points,
        text=text,
        rows=rows,
    )
    if bool(np.any(prepared.open_ms[1:] < prepared.ends_ms[:-1])):
        raise NotCovered(f"{market}: candles that overlap")
    return prepared


def rows_of(open_ms: Whole, interval_ms: Whole, opened: Whole, high: Whole, low: Whole, closed: Whole) -> Whole:
    """Candles by `columns.py` from their columns."""
    rows = _room(len(open_ms))
    for at, column in enumerate((open_ms, interval_ms, opened, high, low, closed)):
        rows[:, at] = column
    rows[:, c.WAY :] = 0
    return rows


def aligned(rows: Whole) -> Whole:
    """The same rows, each in one line of the processor's cache."""
    if not rows.ctypes.data % _LINE_BYTES:
        return rows
    copied = _room(len(rows))
    copied[:] = rows
    return copied


def outline_of(rows: Whole) -> Outline:
    """See `Outline`."""
    high, low, closed = (np.ascontiguousarray(rows[:, column]) for column in (c.HIGH, c.LOW, c.CLOSED))
    return Outline(np.stack((high, low), 1), _extremes(high, low), closed, _extremes(closed, closed))


def _extremes(highest: Whole, lowest: Whole) -> Whole:
    whole = len(highest) >> c.BLOCK_BITS << c.BLOCK_BITS
    shape = (-1, 1 << c.BLOCK_BITS)
    return np.stack((highest[:whole].reshape(shape).max(axis=1), lowest[:whole].reshape(shape).min(axis=1)), 1)


def _room(candles: int) -> Whole:
    room = np.empty(candles * c.CANDLE_COLUMNS + _LINE_BYTES // 8, np.int64)
    begin = -room.ctypes.data % _LINE_BYTES // 8
    return room[begin : begin + candles * c.CANDLE_COLUMNS].reshape(-1, c.CANDLE_COLUMNS)


def _column(values: Sequence[int]) -> Whole:
    return np.frombuffer(values, np.int64) if len(values) else np.zeros(0, np.int64)  # type: ignore[call-overload]
