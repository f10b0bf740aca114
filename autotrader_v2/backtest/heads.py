"""Tapes of candles, and how far each is played: which prices are left out, and the way back to them."""

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from autotrader_v2.backtest.quiet import FOREVER_MS, Quiet
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote


class Tape(Protocol):
    """Candles of one market in whole ticks, oldest first, and the price's way inside each.

    A quote's bid is never above the price and its ask always; no spread is a hundredth of the price.
    """

    @property
    def market(self) -> Market:
        """Whose."""

    @property
    def tick(self) -> Decimal:
        """The price step, in quote currency."""

    @property
    def open_ms(self) -> Sequence[int]:
        """When each begins."""

    @property
    def interval_ms(self) -> Sequence[int]:
        """How long each lasts."""

    @property
    def low(self) -> Sequence[int]:
        """The lowest price of each."""

    @property
    def high(self) -> Sequence[int]:
        """The highest price of each."""

    @property
    def closed(self) -> Sequence[int]:
        """The last price of each."""

    @property
    def points(self) -> int:
        """How many prices a path has."""

    def __len__(self) -> int: ...

    def path(self, candle: int) -> Sequence[int]:
        """The prices inside."""

    def time_ms(self, candle: int, point: int) -> int:
        """When the price is there."""

    def quote(self, ticks: int, at_ms: int) -> Quote:
        """The quote around that price."""


class Price(NamedTuple):
    """A price of a tape's path, in ticks, and when it is there."""

    at_ms: int
    ticks: int


class Head:
    """How far one tape is played: the next price is at `candle`, `point`.

    `left_out`: the price right before the next one where that was not played, in ticks.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.candle = self.point = 0
        self.left_out: int | None = None
        # Where what was left out begins, as long as an order of another market may call it back.
        self._recallable_from: tuple[int, int] | None = None
        self._path: Sequence[int] = ()
        self._path_of = -1
        self.next_ms = self._when()

    @property
    def candles_done(self) -> int:
        """How many candles are played or left out for good."""
        return self.candle if self._recallable_from is None else self._recallable_from[0]

    def price(self) -> int:
        """The next price, in ticks; the head moves on."""
        ticks = self._way()[self.point]
        self._stand_at(*self._after(self.candle, self.point))
        self.left_out = self._recallable_from = None
        return ticks

    def leave_out(self, quiet: Quiet) -> None:
        """Move on to the first price that is not quiet. At the end of the tape nothing is left."""
        tape = self.tape
        begin = self.candle, self.point
        candle, point = self._first_not(quiet)
        self._stand_at(candle, point)
        if (candle, point) == begin:
            return
        if candle < len(tape):
            self.left_out = self._way()[point - 1] if point else tape.closed[candle - 1]
        if quiet.while_money_stays:
            self._recallable_from = begin

    def catch_up(self, before_ms: int) -> Price | None:
        """The last price before that time, if it may be called back; then it is no longer. None: there is none."""
        if self._recallable_from is None:
            return None
        tape = self.tape
        # What is called back comes after a price that was played, so that some candle begins before.
        candle = bisect_left(tape.open_ms, before_ms) - 1
        point = tape.points - 1
        while tape.time_ms(candle, point) >= before_ms:
            point -= 1
        if (candle, point) < self._recallable_from:
            return None
        self._recallable_from = self._after(candle, point)
        return Price(tape.time_ms(candle, point), tape.path(candle)[point])

    def come_back(self) -> None:
        """Stand at the first price that may be called back, right after one that was played."""
        if self._recallable_from is not None:
            self._stand_at(*self._recallable_from)
            self.left_out = self._recallable_from = None

    def _first_not(self, quiet: Quiet) -> tuple[int, int]:
        tape = self.tape
        low, high, until_ms, points = quiet.low, quiet.high, quiet.until_ms, tape.points
        lows, highs, opens, count = tape.low, tape.high, tape.open_ms, len(tape)
        candle, point = self.candle, self.point
        while candle < count:
            way = self._way_of(candle)
            while point < points:
                if not low <= way[point] <= high or tape.time_ms(candle, point) >= until_ms:
                    return candle, point
                point += 1
            candle, point = candle + 1, 0
            # Whole candles: those that end before the quiet does.
            if until_ms == FOREVER_MS:
                while candle < count and low <= lows[candle] and highs[candle] <= high:
                    candle += 1
            else:
                lasts = tape.interval_ms
                while (
                    candle < count
                    and low <= lows[candle]
                    and highs[candle] <= high
                    and opens[candle] + lasts[candle] <= until_ms
                ):
                    candle += 1
        return candle, 0

    def _after(self, candle: int, point: int) -> tuple[int, int]:
        return (candle + 1, 0) if point + 1 == self.tape.points else (candle, point + 1)

    def _stand_at(self, candle: int, point: int) -> None:
        self.candle, self.point = candle, point
        self.next_ms = self._when()

    def _when(self) -> int:
        """When the next price is; `FOREVER_MS` when none is left."""
        return self.tape.time_ms(self.candle, self.point) if self.candle < len(self.tape) else FOREVER_MS

    def _way(self) -> Sequence[int]:
        return self._way_of(self.candle)

    def _way_of(self, candle: int) -> Sequence[int]:
        if self._path_of != candle:
            self._path, self._path_of = self.tape.path(candle), candle
        return self._path
