"""The order book of one market: liquidity around the fed price, and the accounts' own resting orders in it."""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import overload

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO, ceil_to, floor_to
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Levels, Quote
from autotrader_v2.matching.depth import Depth
from autotrader_v2.matching.markets import Profile
from autotrader_v2.matching.records import Order


class Level:
    """One price of the outside market with what is left there, in coins."""

    __slots__ = ("price", "size")

    def __init__(self, price: Decimal, size: Decimal) -> None:
        self.price = price
        self.size = size


class _Outside:
    """The outside market's levels of a side, best first, made when first asked for: most orders need the best alone."""

    __slots__ = ("_made", "_rest")

    def __init__(self, levels: Iterable[tuple[Decimal, Decimal]]) -> None:
        self._made: list[Level] = []
        self._rest = iter(levels)

    def best(self) -> Level | None:
        """The best level that still holds coins."""
        made = self._made
        while True:
            if not made:
                following = next(self._rest, None)
                if following is None:
                    return None
                made.append(Level(*following))
            if made[0].size:
                return made[0]
            del made[0]

    def __iter__(self) -> Iterator[Level]:
        yield from tuple(self._made)
        for price, size in self._rest:
            level = Level(price, size)
            self._made.append(level)
            yield level


class Quoted(Sequence[tuple[Decimal, Decimal]]):
    """The levels that a price was quoted with, whatever is traded after; made anew by each look that goes so deep."""

    def __init__(self, depth: Depth, side: Side, price: Decimal, size: Decimal, limit: int) -> None:
        self._of = depth, side, price, size, limit

    def __iter__(self) -> Iterator[tuple[Decimal, Decimal]]:
        depth, side, price, size, limit = self._of
        return islice(depth.levels(side, price, size), limit)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return self._of[-1] > 0

    @overload
    def __getitem__(self, at: int) -> tuple[Decimal, Decimal]: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[tuple[Decimal, Decimal], ...]: ...
    def __getitem__(self, at: int | slice) -> tuple[Decimal, Decimal] | tuple[tuple[Decimal, Decimal], ...]:
        return self._of[2:4] if at == 0 else tuple(self)[at]


class Book:
    """Bids and asks of one market. Outside levels come back whole with every fed quote; own orders stay until taken.

    At one price the accounts' orders are older than the freshly quoted outside level, so they come first.
    """

    def __init__(self, rules: MarketRules, profile: Profile, seed: int, update_id: int) -> None:
        self.rules = rules
        self.profile = profile
        self.update_id = update_id
        self.updated_ms = 0
        self.last = ZERO
        self._depth = Depth(rules, profile, seed)
        self.quote: Quote | None = None
        self._best = {Side.BUY: ZERO, Side.SELL: ZERO}
        self._outside: dict[Side, _Outside] = {}
        self._resting: dict[Side, list[tuple[Decimal, int, Order]]] = {Side.BUY: [], Side.SELL: []}

    def feed(self, quote: Quote, now_ms: int) -> None:
        """Set the outside market; it is brought onto ticks outwards. Errors: ValueError for an impossible quote."""
        if not (ZERO < quote.bid <= quote.ask and quote.last > ZERO):
            raise ValueError(f"not a price of {self.rules.market}: bid={quote.bid} ask={quote.ask} last={quote.last}")
        tick = self.rules.tick
        bid = max(floor_to(quote.bid, tick), tick)
        ask = ceil_to(quote.ask, tick)
        self._best[Side.BUY] = bid
        self._best[Side.SELL] = ask if ask > bid else bid + tick
        self.last = max(floor_to(quote.last, tick), tick)
        self.quote = quote
        self._outside.clear()
        self.touch(now_ms)

    def touch(self, now_ms: int) -> None:
        """Count one visible change."""
        self.update_id += 1
        self.updated_ms = now_ms

    def rest(self, order: Order) -> None:
        """Put an order into the queue of its price."""
        bisect.insort(self._resting[order.side], _entry(order))

    def take_off(self, order: Order) -> None:
        """Remove a resting order. Errors: KeyError when it does not rest here, a bug of the caller."""
        queue = self._resting[order.side]
        at = bisect.bisect_left(queue, _entry(order))
        if at == len(queue) or queue[at][2] is not order:
            raise KeyError(f"order {order.id} does not rest in {order.pair}")
        del queue[at]

    def resting(self, side: Side) -> tuple[Order, ...]:
        """The accounts' own orders of a side, best first."""
        return tuple(order for _, _, order in self._resting[side])

    def best_resting(self, side: Side) -> Order | None:
        """The accounts' own best order of a side."""
        queue = self._resting[side]
        return queue[0][2] if queue else None

    def best_outside(self, side: Side) -> Level | None:
        """The outside market's best level of a side that still holds coins."""
        return self._outside_levels(side).best()

    def best(self, side: Side) -> tuple[Decimal, Decimal]:
        """Best price of a side and all coins there; zeros when the side is empty."""
        if side in self._outside:
            level = self.best_outside(side)
            price, size = (level.price, level.size) if level else (ZERO, ZERO)
        elif self.quote is None:
            price = size = ZERO
        else:
            price, size = self._top(side, self.quote)
        for _, _, order in self._resting[side]:
            ahead = order.price - price if side is Side.BUY else price - order.price
            if price and ahead < 0:
                break
            size = order.left if ahead or not price else size + order.left
            price = order.price
        return price, size

    def levels(self, side: Side, limit: int) -> Levels:
        """The best `limit` prices of a side with all coins there, best first."""
        quote = self.quote
        if quote and side not in self._outside and not self._resting[side] and not quote.bids and not quote.asks:
            return Quoted(self._depth, side, *self._top(side, quote), limit)
        found: list[tuple[Decimal, Decimal]] = []
        for price, size in self._walk(side):
            if found and found[-1][0] == price:
                found[-1] = (price, found[-1][1] + size)
            elif len(found) == limit:
                break
            else:
                found.append((price, size))
        return tuple(found)

    def _walk(self, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """Every price of a side with coins, best first, own orders before the outside's."""
        own = iter(self._resting[side])
        order = next(own, None)
        for level in self._outside_levels(side):
            while order and (order[2].price >= level.price if side is Side.BUY else order[2].price <= level.price):
                yield order[2].price, order[2].left
                order = next(own, None)
            if level.size:
                yield level.price, level.size
        while order:
            yield order[2].price, order[2].left
            order = next(own, None)

    def _outside_levels(self, side: Side) -> _Outside:
        levels = self._outside.get(side)
        if levels is None:
            levels = self._outside[side] = _Outside(self._quoted_levels(side))
        return levels

    def _quoted_levels(self, side: Side) -> Iterable[tuple[Decimal, Decimal]]:
        quote = self.quote
        if quote is None:
            return ()
        recorded = quote.bids if side is Side.BUY else quote.asks
        if recorded:
            return tuple((price, floor_to(size, self.rules.lot)) for price, size in recorded)
        price, size = self._top(side, quote)
        return self._depth.levels(side, price, size)

    def _top(self, side: Side, quote: Quote) -> tuple[Decimal, Decimal]:
        recorded = quote.bids if side is Side.BUY else quote.asks
        if recorded:
            return recorded[0][0], floor_to(recorded[0][1], self.rules.lot)
        price = self._best[side]
        told = quote.bid_size if side is Side.BUY else quote.ask_size
        size = floor_to(told, self.rules.lot) if told else ZERO
        return price, size or self._depth.top(side, price)


def _entry(order: Order) -> tuple[Decimal, int, Order]:
    """Sorts best price first, then oldest. The priority is unique, so orders themselves are never compared."""
    return (-order.price if order.side is Side.BUY else order.price, order.priority, order)
