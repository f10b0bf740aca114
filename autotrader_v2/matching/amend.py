"""What a wish to change an order comes to. Source: Gate API v4, amend an order."""

from dataclasses import dataclass
from decimal import Decimal

from autotrader_v2.matching.checks import check_size, trimmed
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.records import Order
from autotrader_v2.matching.refused import Label, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """New `amount` (coins) or `price` (quote currency), or both; None leaves it.

    `expires_ms` by the exchange's clock: refused later than that, 0 = never.
    """

    amount: Decimal | None = None
    price: Decimal | None = None
    text: str = "-"
    expires_ms: int = 0


def amended(order: Order, wish: Amendment, knobs: Knobs) -> tuple[Decimal, Decimal] | None:
    """The order's new (amount, price); None when nothing would be left of it, so that it ends.

    Errors: `Refused`.
    """
    rules = order.rules
    amount = order.amount if wish.amount is None else trimmed(wish.amount, rules.lot, knobs, "amount")
    price = order.price if wish.price is None else trimmed(wish.price, rules.tick, knobs, "price")
    if amount == order.amount and price == order.price:
        raise Refused(Label.NO_CHANGE, "Nothing would change")
    if amount <= order.filled_base:
        return None
    check_size(amount, price, rules)
    return amount, price
