"""What trading has earned, first in first out with fees: walked once through everything booked, then kept up to date.

It is read from the journal's archive and kept in sums of a quarter of an hour (every zone's midnight is the border of
one), so that a question costs nothing however much was traded. Nothing is ever decided on it.
"""

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import assert_never

from autotrader_v2.application.archive import Archive, BookedFill, BookedResult, WithoutOrder
from autotrader_v2.domain.cycle import (
    Adopted,
    BuyBooked,
    CycleReset,
    ExitAtBreakeven,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    WrittenOff,
)
from autotrader_v2.domain.fifo import Disposal, Lot, Lots, bought, fee_worth, gone, sold, total
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Fill, Side

QUARTER_MS = 900_000
_QUARTERS_OF_A_DAY = 96
AT_ONCE = 500
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Coins that came or went. `kind`: buy, sell, adopted, sold_by_hand, written_off, reset.

    `disposal` is None when coins came, or were only set aside; `fill` is None when no order of ours moved them.
    """

    market: Market
    cycle_id: int
    time_ms: int
    kind: str
    fill: Fill | None = None
    disposal: Disposal | None = None


class Walk:
    """Goes through everything booked, in the order it was booked in, with each market's lots."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._fill_id = self._event_seq = 0
        self._waiting: list[WithoutOrder] = []
        self.lots: dict[Market, Lots] = {}

    def next(self, limit: int = AT_ONCE) -> Sequence[Moved]:
        """What comes next; empty: nothing more was booked."""
        fills = self._archive.fills_after(self._fill_id, limit)
        while newer := self._archive.without_order_after(self._event_seq, AT_ONCE):
            self._event_seq = newer[-1].seq
            self._waiting += newer
        if fills:
            self._fill_id = fills[-1].id
        return list(self._in_order(fills, last=len(fills) < limit))

    def _in_order(self, fills: Sequence[BookedFill], *, last: bool) -> Iterator[Moved]:
        """Events stand among the trades by their time."""
        for booked in fills:
            while self._waiting and self._waiting[0].time_ms <= booked.fill.time_ms:
                yield self._without_order(self._waiting.pop(0))
            yield self._filled(booked)
        while last and self._waiting:
            yield self._without_order(self._waiting.pop(0))

    def _filled(self, booked: BookedFill) -> Moved:
        fill = booked.fill
        lots = self.lots.get(fill.market, ())
        disposal = None
        if fill.side is Side.BUY:
            lots = bought(lots, fill)
        else:
            lots, disposal = sold(lots, fill)
        self.lots[fill.market] = lots
        return Moved(
            market=fill.market,
            cycle_id=booked.cycle_id,
            time_ms=fill.time_ms,
            kind=fill.side.value,
            fill=fill,
            disposal=disposal,
        )

    def _without_order(self, one: WithoutOrder) -> Moved:
        lots = self.lots.get(one.market, ())
        disposal = None
        match one.event:
            case Adopted(coins=coins, cost=cost):
                kind, lots = "adopted", (*lots, Lot(coins, cost))
            case SoldByHand(coins=coins, proceeds=proceeds):
                kind, (lots, disposal) = "sold_by_hand", gone(lots, coins, proceeds)
            case WrittenOff():
                kind, (lots, disposal) = "written_off", gone(lots, total(lots).coins, ZERO)
            case CycleReset():
                # The coins lie outside from now on; what they cost is nobody's result.
                kind, lots = "reset", ()
            case BuyBooked() | SaleBooked() | RestLeft() | OutsideIgnored() | TermsChanged() | ExitAtBreakeven():
                raise ValueError(f"{type(one.event).__name__} moves no coins without an order")
            case _:
                assert_never(one.event)
        self.lots[one.market] = lots
        return Moved(market=one.market, cycle_id=one.cycle_id, time_ms=one.time_ms, kind=kind, disposal=disposal)


@dataclass(slots=True)
class Sums:
    """Of a stretch of time. Units: quote. `cycles` closed, `won` of them with a gain, `even` with neither.

    `fees`: all fees at their trades' prices, those in third currencies aside in `other_fees`.
    """

    result: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0
    cycles: int = 0
    won: int = 0
    even: int = 0
    other_fees: dict[str, Decimal] = field(default_factory=dict)

    def add(self, other: "Sums") -> None:
        """Count those too."""
        self.result += other.result
        self.fees += other.fees
        self.fills += other.fills
        self.cycles += other.cycles
        self.won += other.won
        self.even += other.even
        for currency, amount in other.other_fees.items():
            self.other_fees[currency] = self.other_fees.get(currency, ZERO) + amount


@dataclass(slots=True)
class _Cycle:
    opened_ms: int = 0
    closed_ms: int = 0
    result: Decimal | None = None


class _Stretches:
    """Sums of numbered stretches of time; most are empty."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._sums: dict[int, Sums] = {}

    def at(self, number: int) -> Sums:
        """The sums of that stretch."""
        found = self._sums.get(number)
        if found is None:
            found = self._sums[number] = Sums()
            insort(self._numbers, number)
        return found

    def sum_into(self, found: Sums, first: int, end: int) -> None:
        """Add those from `first` on, before `end`."""
        for number in self._numbers[bisect_left(self._numbers, first) : bisect_left(self._numbers, end)]:
            found.add(self._sums[number])


class _Coin:
    """One market's sums."""

    def __init__(self) -> None:
        self.all = Sums()
        self._quarters = _Stretches()
        self._days = _Stretches()
        self.cycles: dict[int, _Cycle] = {}
        self.durations_ms: list[int] = []
        self.folded_to = 0
        self.foreign = Lot(ZERO, ZERO)
        self.first_ms = 0

    def count(self, time_ms: int, own: Sums) -> None:
        """Add what happened at that time."""
        quarter = time_ms // QUARTER_MS
        self._quarters.at(quarter).add(own)
        self._days.at(quarter // _QUARTERS_OF_A_DAY).add(own)
        self.all.add(own)

    def between(self, since_ms: int, until_ms: int) -> Sums:
        """Sums of that time, to the quarter of an hour: whole days (UTC) where they fit, quarters at the ends."""
        first, end = -(-since_ms // QUARTER_MS), -(-until_ms // QUARTER_MS)
        first_day, end_day = -(-first // _QUARTERS_OF_A_DAY), end // _QUARTERS_OF_A_DAY
        found = Sums()
        if first_day >= end_day:
            self._quarters.sum_into(found, first, end)
            return found
        self._quarters.sum_into(found, first, first_day * _QUARTERS_OF_A_DAY)
        self._days.sum_into(found, first_day, end_day)
        self._quarters.sum_into(found, end_day * _QUARTERS_OF_A_DAY, end)
        return found

    def moved(self, one: Moved) -> None:
        """Coins came or went."""
        own = Sums()
        if one.fill is not None:
            own.fills = 1
            worth = fee_worth(one.fill)
            if worth is None:
                own.other_fees = {one.fill.fee_currency: one.fill.fee}
            else:
                own.fees = worth
            cycle = self._cycle(one.cycle_id)
            if cycle is not None and not cycle.opened_ms:
                cycle.opened_ms = one.time_ms
        if one.disposal is not None:
            own.result = one.disposal.result
            self.foreign = Lot(
                self.foreign.coins + one.disposal.foreign, self.foreign.cost + one.disposal.foreign_proceeds
            )
        self.first_ms = self.first_ms or one.time_ms
        self.count(one.time_ms, own)

    def earned(self, one: BookedResult) -> None:
        """A sale's result by average cost: a cycle's win or loss."""
        cycle = self._cycle(one.cycle_id)
        if cycle is not None:
            cycle.closed_ms = max(cycle.closed_ms, one.time_ms)
            cycle.result = (cycle.result or ZERO) + one.result

    def fold(self, before_ms: int) -> None:
        """Count cycles that are surely over (all but the newest, not touched since); they are not looked at again."""
        for cycle_id in sorted(self.cycles)[:-1]:
            cycle = self.cycles[cycle_id]
            if max(cycle.closed_ms, cycle.opened_ms) >= before_ms:
                return
            self.folded_to = cycle_id
            del self.cycles[cycle_id]
            own = _outcome(cycle)
            if own.cycles:
                self.count(cycle.closed_ms, own)
                if cycle.opened_ms:
                    self.durations_ms.append(cycle.closed_ms - cycle.opened_ms)

    def fresh(self, active: int | None) -> Iterator[_Cycle]:
        """Cycles that ended but are not folded yet."""
        return (cycle for id_, cycle in self.cycles.items() if id_ != active and cycle.result is not None)

    def _cycle(self, cycle_id: int) -> _Cycle | None:
        if cycle_id <= self.folded_to:
            return None
        return self.cycles.setdefault(cycle_id, _Cycle())


def _outcome(cycle: _Cycle) -> Sums:
    if cycle.result is None:
        return Sums()
    return Sums(cycles=1, won=int(cycle.result > 0), even=int(cycle.result == 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinResults:
    """One market's results: of all time, of each asked stretch, how long its cycles took, what is held by the lots.

    `foreign`: coins sold that were in no lot, and what they brought.
    """

    all: Sums
    stretches: Sequence[Sums]
    median_ms: int | None
    longest_ms: int | None
    lots: Lot
    foreign: Lot
    first_ms: int


class Results:
    """Thread-safe; questions see everything that was booked before them, once `complete`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._walk = Walk(archive)
        self._result_seq = 0
        self._coins: dict[Market, _Coin] = {}
        self._lock = threading.Lock()
        self.complete = False
        self.counted = 0

    def advance(self) -> bool:
        """Take in the next few hundred; False: everything booked is in."""
        with self._lock:
            moved = self._walk.next()
            results = self._archive.results_after(self._result_seq, AT_ONCE)
            for one in moved:
                self._coin(one.market).moved(one)
            for result in results:
                self._coin(result.market).earned(result)
                self._result_seq = result.seq
            self.counted += len(moved)
            # Both streams have told everything up to the older of the two.
            heads = [moved[-1].time_ms] if moved else []
            heads += [results[-1].time_ms] if results else []
            for coin in self._coins.values() if heads else ():
                coin.fold(min(heads) - _DAY_MS)
            more = bool(heads)
            self.complete = self.complete or not more
            return more

    def catch_up(self, most: int = 20) -> None:
        """Take in what is new, so many steps at most; the first walk is made in the background."""
        for _ in range(most):
            if not self.advance():
                return

    def of_coins(
        self, stretches: Sequence[tuple[int, int]], active: Mapping[Market, int]
    ) -> Mapping[Market, CoinResults]:
        """Results by market. `active`: cycles that run, which are no one's win or loss yet."""
        with self._lock:
            return {market: self._told(market, coin, stretches, active) for market, coin in self._coins.items()}

    def _told(
        self, market: Market, coin: _Coin, stretches: Sequence[tuple[int, int]], active: Mapping[Market, int]
    ) -> CoinResults:
        whole, found = Sums(), [coin.between(*stretch) for stretch in stretches]
        whole.add(coin.all)
        durations = coin.durations_ms
        for cycle in coin.fresh(active.get(market)):
            own = _outcome(cycle)
            whole.add(own)
            if cycle.opened_ms:
                durations = [*durations, cycle.closed_ms - cycle.opened_ms]
            for sums, (since_ms, until_ms) in zip(found, stretches, strict=True):
                if since_ms <= cycle.closed_ms < until_ms:
                    sums.add(own)
        ordered = sorted(durations)
        return CoinResults(
            all=whole,
            stretches=found,
            median_ms=ordered[(len(ordered) - 1) // 2] if ordered else None,
            longest_ms=ordered[-1] if ordered else None,
            lots=total(self._walk.lots.get(market, ())),
            foreign=coin.foreign,
            first_ms=coin.first_ms,
        )

    def _coin(self, market: Market) -> _Coin:
        found = self._coins.get(market)
        if found is None:
            found = self._coins[market] = _Coin()
        return found
