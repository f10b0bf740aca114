"""Orders of a journal against the trades of a backtest of the same time: which differ."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import TypeVar

from autotrader_v2.backtest.result import Trade


class Cause(StrEnum):
    """Why the two went different ways."""

    PERSON = "person"
    FAULT = "fault"
    BALANCE = "balance"
    LIMIT = "limit"
    SPREAD = "spread"
    FILL = "fill"
    MOMENT = "moment"
    PRICE = "price"
    FOLLOWS = "follows"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order of the journal that traded, all its fills together, in the terms of a backtest's trade."""

    client_id: str
    ts_ms: int
    symbol: str
    side: str
    step: int | None
    cycle_id: int
    base: Decimal
    quote: Decimal

    @property
    def price(self) -> Decimal:
        """The average price."""
        return self.quote / self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An order that only one of the two made, or that both made at another moment, price or amount."""

    symbol: str
    order: Order | None
    trade: Trade | None

    @property
    def ts_ms(self) -> int:
        """When the two parted: when the first of them made it."""
        return min(one.ts_ms for one in (self.order, self.trade) if one is not None)

    @property
    def apart_ms(self) -> int:
        """How much later the journal made it than the backtest; 0 where only one of them did."""
        return 0 if self.order is None or self.trade is None else self.order.ts_ms - self.trade.ts_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many orders were the same to the last unit, and all that were not, in order of time."""

    same: int
    differences: tuple[Difference, ...]


def compared(orders: Sequence[Order], trades: Sequence[Trade], near_ms: int) -> Compared:
    """Orders are the same when they are the same step of the same cycle, or the same sale of it, with the same amounts.

    `near_ms`: made farther apart than that they are two decisions.
    """
    in_journal = dict(_keyed(orders))
    in_backtest = dict(_keyed(trades))
    same, found = 0, []
    for key in dict.fromkeys((*in_journal, *in_backtest)):
        order, trade = in_journal.get(key), in_backtest.get(key)
        difference = Difference(symbol=key[0], order=order, trade=trade)
        alike = order is not None and trade is not None and (order.base, order.quote) == (trade.base, trade.quote)
        if alike and abs(difference.apart_ms) <= near_ms:
            same += 1
        else:
            found.append(difference)
    return Compared(same=same, differences=tuple(sorted(found, key=lambda one: one.ts_ms)))


_T = TypeVar("_T", Order, Trade)
_Short = tuple[str, int, str, int | None]
_Key = tuple[str, int, str, int | None, int]


def _keyed(made: Iterable[_T]) -> Iterator[tuple[_Key, _T]]:
    """Several sales of a cycle, and extra buys without a step, are told apart by their number."""
    counts: Counter[_Short] = Counter()
    for one in sorted(made, key=attrgetter("ts_ms")):
        short: _Short = (one.symbol, one.cycle_id, one.side, one.step)
        counts[short] += 1
        yield (*short, counts[short]), one
