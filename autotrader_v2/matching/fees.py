"""What a trade costs its owner: taken from the received currency, or paid in GT or from points."""

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from autotrader_v2.domain.money import ZERO
from autotrader_v2.matching.accounts import GT, POINT, FeeSettings
from autotrader_v2.matching.records import Order, Role

_SMALLEST = Decimal("1e-8")
# One point is worth one US dollar, so points only pay where the quote currency is one.
_DOLLARS = ("USDT", "USDC", "USD")


class Charge(NamedTuple):
    """A fee; at most one of the three is not 0. Units: `fee` in the received currency, `gt_fee` in GT, points."""

    fee: Decimal = ZERO
    gt_fee: Decimal = ZERO
    point_fee: Decimal = ZERO


def rate_of(fees: FeeSettings, market_fee: Decimal, role: Role) -> Decimal:
    """The ordinary fee as a fraction."""
    own = fees.taker if role is Role.TAKER else fees.maker
    return market_fee if own is None else own


def charge(order: Order, role: Role, received: Decimal, quote: Decimal, gt_price: Decimal) -> Charge:
    """The fee of one trade. `received` in the received currency, `quote` what it is worth, `gt_price` of one GT.

    The split between GT and ordinary fee is all or nothing: Gate's own rule for too little GT is not documented.
    """
    account, fees = order.account, order.account.fees
    rate = rate_of(fees, order.rules.fee, role)
    if fees.pays_points and order.rules.market.quote in _DOLLARS:
        points = (quote * rate).quantize(_SMALLEST, ROUND_CEILING)
        if account.available(POINT) >= points:
            return Charge(point_fee=points)
    if fees.pays_gt:
        gt_rate = fees.gt_taker if role is Role.TAKER else fees.gt_maker
        in_gt = (quote * gt_rate / (gt_price or fees.gt_price)).quantize(_SMALLEST, ROUND_CEILING)
        if account.available(GT) >= in_gt:
            return Charge(gt_fee=in_gt)
    return Charge(fee=received * rate)
