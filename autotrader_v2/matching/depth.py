"""How much waits behind the best price where no book was recorded: the market's profile, with a seeded jitter."""

from collections.abc import Iterator
from decimal import Decimal

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import Profile

_MASK = (1 << 64) - 1


class Depth:
    """The levels of one market around a price.

    A level's jitter is a hash of its price, so the same price looks the same in the next book, and looking at a book
    changes nothing about later ones (a generator asked at each look would).
    """

    def __init__(self, rules: MarketRules, profile: Profile, seed: int) -> None:
        self._profile = profile
        self._seed = seed
        self._tick, self._lot = rules.tick, rules.lot
        self._tick_float, self._lot_float = float(rules.tick), float(rules.lot)
        # The newest best price of each side and its coins: asked for several times at each price.
        self._tops: dict[Side, tuple[Decimal, Decimal]] = {}

    def top(self, side: Side, price: Decimal) -> Decimal:
        """Coins at the best price."""
        known = self._tops.get(side)
        if known is None or known[0] is not price:
            coins = self._profile.top_quote / float(price)
            known = self._tops[side] = price, self._lots(side, int(price / self._tick), coins) * self._lot
        return known[1]

    def levels(self, side: Side, price: Decimal, size: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
        """All levels of a side, best first, given the best price and the coins there."""
        yield price, size
        profile, tick, lot, lots = self._profile, self._tick, self._lot, self._lots
        growth = profile.growth
        gap = max(int(float(price) * profile.gap / self._tick_float), 1)
        # Levels sit on a grid fixed in price, so that a moving best price leaves the others where they were.
        best = int(price / tick)
        at, away = (-(-best // gap) * gap, -gap) if side is Side.BUY else (best // gap * gap, gap)
        coins = profile.top_quote / float(price)
        for _ in range(profile.levels - 1):
            at += away
            if at <= 0:
                break
            coins *= growth
            yield at * tick, lots(side, at, coins) * lot

    def _lots(self, side: Side, ticks: int, coins: float) -> int:
        """About so many coins in whole lots; the jitter comes from seed, side and price alone (splitmix64)."""
        mixed = (self._seed + ticks * 2 + (side is Side.BUY)) * 0x9E3779B97F4A7C15 & _MASK
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
        jitter = self._profile.jitter
        share = 1 - jitter / 2 + jitter * ((mixed ^ (mixed >> 31)) / (_MASK + 1))
        return max(int(coins * share / self._lot_float), 1)
