"""First in, first out: what each sale earned against the cost of the oldest coins, fees included.

A report beside the cycles' own results, which go by average cost. Nothing is ever decided on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from autotrader_v2.domain.money import ZERO, share_of_cost
from autotrader_v2.domain.orders import Fill


@dataclass(frozen=True, slots=True)
class Lot:
    """Coins that came in together and what they cost in quote, fee included."""

    coins: Decimal
    cost: Decimal


Lots = tuple[Lot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposal:
    """Coins that went, oldest first.

    Units: `coins` left the lots at `cost`; `proceeds` in quote after the fee is what those coins brought. `foreign`
    coins went along that were in no lot (their cost is not known here); they brought `foreign_proceeds`, no result.
    """

    coins: Decimal
    cost: Decimal
    proceeds: Decimal
    foreign: Decimal = ZERO
    foreign_proceeds: Decimal = ZERO

    @property
    def result(self) -> Decimal:
        """What they brought beyond their cost."""
        return self.proceeds - self.cost


def bought(lots: Lots, fill: Fill) -> Lots:
    """The lots after a buy: a fee in coins leaves fewer of them, one in quote makes them dearer."""
    cost = fill.quote + fill.fee if fill.fee_currency == fill.market.quote else fill.quote
    coins = fill.base_received
    return (*lots, Lot(coins, cost)) if coins > 0 else _dearer(lots, cost)


def sold(lots: Lots, fill: Fill) -> tuple[Lots, Disposal]:
    """The lots after a sale. A fee in coins took more of them, one in quote left less money."""
    coins = fill.base + fill.fee if fill.fee_currency == fill.market.base else fill.base
    return gone(lots, coins, fill.quote_received)


def gone(lots: Lots, coins: Decimal, proceeds: Decimal) -> tuple[Lots, Disposal]:
    """The lots after so many coins went for so much quote, and what that earned."""
    left, taken, cost = list(lots), ZERO, ZERO
    while left and taken < coins:
        lot = left[0]
        part = min(lot.coins, coins - taken)
        share = share_of_cost(lot.cost, part, lot.coins)
        taken, cost = taken + part, cost + share
        if part == lot.coins:
            left.pop(0)
        else:
            left[0] = Lot(lot.coins - part, lot.cost - share)
    ours = share_of_cost(proceeds, taken, coins)
    disposal = Disposal(coins=taken, cost=cost, proceeds=ours, foreign=coins - taken, foreign_proceeds=proceeds - ours)
    return tuple(left), disposal


def total(lots: Iterable[Lot]) -> Lot:
    """All of them as one."""
    held = list(lots)
    return Lot(sum((lot.coins for lot in held), ZERO), sum((lot.cost for lot in held), ZERO))


def fee_worth(fill: Fill) -> Decimal | None:
    """The fee in quote at the fill's own price; None when it was paid in another currency, whose worth is not known."""
    if not fill.fee:
        return ZERO
    if fill.fee_currency == fill.market.quote:
        return fill.fee
    if fill.fee_currency == fill.market.base:
        return share_of_cost(fill.quote, fill.fee, fill.base)
    return None


def _dearer(lots: Lots, cost: Decimal) -> Lots:
    """A buy whose fee took all its coins: its cost goes with the newest coins, so that no money is lost from sight."""
    if not lots:
        return ()
    return (*lots[:-1], Lot(lots[-1].coins, lots[-1].cost + cost))
