"""How much waits behind the best price where no book was recorded: the market's profile, with a seeded jitter."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Levels
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
        self._tick = rules.tick
        self._lot = rules.lot

    def top(self, side: Side, price: Decimal) -> Decimal:
        """Coins at the best price."""
        return self._size(side, price, self._profile.top_quote / float(price))

    def levels(self, side: Side, price: Decimal, size: Decimal) -> Levels:
        """All levels of a side, best first, given the best price and the coins there."""
        profile = self._profile
        found = [(price, size)]
        away = -1 if side is Side.BUY else 1
        gap = max(int(float(price) * profile.gap / float(self._tick)), 1) * self._tick
        rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
        # Levels sit on a grid fixed in price, so that a moving best price leaves the others where they were.
        at = (price / gap).to_integral_value(rounding) * gap
        coins = profile.top_quote / float(price)
        for _ in range(profile.levels - 1):
            at += away * gap
            if at <= 0:
                break
            coins *= profile.growth
            found.append((at, self._size(side, at, coins)))
        return tuple(found)

    def _size(self, side: Side, price: Decimal, coins: float) -> Decimal:
        jitter = self._profile.jitter
        share = 1 - jitter / 2 + jitter * self._noise(side, price)
        return max(int(coins * share / float(self._lot)), 1) * self._lot

    def _noise(self, side: Side, price: Decimal) -> float:
        """Between 0 and 1, from seed, side and price alone (splitmix64)."""
        mixed = (self._seed + int(price / self._tick) * 2 + (side is Side.BUY)) * 0x9E3779B97F4A7C15 & _MASK
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
        return (mixed ^ (mixed >> 31)) / (_MASK + 1)
