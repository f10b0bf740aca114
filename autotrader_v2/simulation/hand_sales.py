"""What other hands sold, by the exchange's own trades: what the engine books as sold by hand has to come from there."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.simulation.ledger import ZERO, Terms

# A fee that is paid in points or GT costs nothing of the proceeds; the dearest one paid from them takes this share.
_FEE_MAX = Decimal("0.002")


class _Sale(NamedTuple):
    coins: Decimal
    quote: Decimal
    time_ms: int


@dataclass(slots=True)
class HandSales:
    """One market's. An own order that traded when its books were closed took coins of a cycle as other hands do."""

    _sales: list[_Sale] = field(default_factory=list)
    _claimed: Decimal = ZERO
    _claims: int = 0

    def sold(self, coins: Decimal, quote: Decimal, time_ms: int) -> None:
        """A sale at the exchange that no open books of ours are about; `quote` before fees."""
        self._sales.append(_Sale(coins, quote, time_ms))

    def claim(self, coins: Decimal, proceeds: Decimal, lot: Decimal) -> str | None:
        """The engine books so many coins as sold by hand for so much after fees. What is wrong with it, or None.

        Coins that left with a sale may be a lot more than it shows: what a lot hides is dust.
        """
        self._claimed += coins
        self._claims += 1
        sold = sum((one.coins for one in self._sales), ZERO)
        if self._claimed > sold + lot * self._claims:
            return f"{self._claimed} coins in all are booked as sold by hand, {sold} were"
        prices = [one.quote / one.coins for one in self._sales]
        if proceeds > max(prices) * coins:
            return f"{proceeds} for {coins} coins sold by hand, the best price was {max(prices)}"
        if proceeds < min(prices) * (1 - _FEE_MAX) * (coins - lot):
            return f"{proceeds} for {coins} coins sold by hand, the worst price was {min(prices)}"
        return None

    def ends(self, left: Decimal, terms: Terms, time_ms: int) -> bool:
        """Whether what is left cannot be sold at the price of the sale that ended it."""
        return all(not terms.sellable(left, one.quote / one.coins) for one in self._sales if one.time_ms == time_ms)
