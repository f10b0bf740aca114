"""Is this order one the exchange takes? Every refusal before anything is locked. Source: Gate API v4, create order."""

import re
from dataclasses import replace
from decimal import Decimal

from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ONE, ZERO, floor_to, plain
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.knobs import Knobs, SurplusDigits
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from autotrader_v2.matching.refused import Label, Refused

_TEXT = re.compile(r"t-[0-9A-Za-z_.-]{0,28}")


def checked(request: OrderRequest, rules: MarketRules, knobs: Knobs, price_now: Decimal) -> OrderRequest:
    """Return the order with surplus digits dealt with. `price_now` values a market sale.

    Errors: `Refused`.
    """
    check_text(request.text)
    _check_side(request.side, rules)
    if request.type is OrderType.MARKET:
        return _checked_market(request, rules, knobs, price_now)
    if request.price is None:
        raise Refused(Label.INVALID_PARAM_VALUE, "Invalid parameter `price`: a limit order needs one")
    price = trimmed(request.price, rules.tick, knobs, "price")
    amount = trimmed(request.amount, rules.lot, knobs, "amount")
    check_size(amount, price, rules)
    if knobs.price_band and price_now and abs(price / price_now - ONE) > knobs.price_band:
        raise Refused(Label.PRICE_THRESHOLD_EXCEEDED, f"Price {plain(price)} is too far from {plain(price_now)}")
    return replace(request, price=price, amount=amount)


def check_text(text: str) -> None:
    """Errors: `Refused` for a label that is not `t-` and at most 28 of `0-9A-Za-z_.-`."""
    if text and not _TEXT.fullmatch(text):
        raise Refused(Label.INVALID_PARAM_VALUE, f"Invalid parameter `text` with value: {text[:80]}")


def trimmed(value: Decimal, step: Decimal, knobs: Knobs, what: str) -> Decimal:
    """The value on the market's step.

    Errors: `Refused` when it is not positive, or when it has surplus digits and they count.
    """
    if value <= 0:
        raise Refused(Label.INVALID_PARAM_VALUE, f"Invalid parameter `{what}` with value: {plain(value)}")
    rounded = floor_to(value, step)
    if rounded != value and knobs.surplus_digits is SurplusDigits.REJECT:
        raise Refused(Label.INVALID_PRECISION, f"Invalid precision of `{what}`: {plain(value)}, step is {plain(step)}")
    return rounded


def check_size(amount: Decimal, price: Decimal, rules: MarketRules) -> None:
    """Errors: `Refused` for an order of that many coins at that price outside the market's minimums and maximums."""
    market, quote = rules.market, amount * price
    if amount < max(rules.min_base, rules.lot) or price <= 0:
        raise _too_small(amount, market.base, max(rules.min_base, rules.lot))
    if quote < rules.min_quote:
        raise _too_small(quote, market.quote, rules.min_quote)
    if rules.max_base and amount > rules.max_base:
        raise _too_large(amount, market.base, rules.max_base)
    if rules.max_quote and quote > rules.max_quote:
        raise _too_large(quote, market.quote, rules.max_quote)


def _checked_market(request: OrderRequest, rules: MarketRules, knobs: Knobs, price_now: Decimal) -> OrderRequest:
    market = rules.market
    if request.time_in_force not in (TimeInForce.IOC, TimeInForce.FOK):
        raise Refused(
            Label.INVALID_PARAM_VALUE,
            f"Invalid parameter `time_in_force` with value: {request.time_in_force}; market orders take ioc or fok",
        )
    if request.side is Side.SELL:
        amount = trimmed(request.amount, rules.lot, knobs, "amount")
        if rules.market_max_base and amount > rules.market_max_base:
            raise _too_large(amount, market.base, rules.market_max_base)
        # Without any price the value is unknown; the order will find an empty book.
        check_size(amount, price_now or max(rules.min_quote, ONE) / max(amount, rules.lot), rules)
        return replace(request, price=None, amount=amount)
    spend = request.amount
    if spend <= 0:
        raise Refused(Label.INVALID_PARAM_VALUE, f"Invalid parameter `amount` with value: {plain(spend)}")
    if spend < rules.min_quote:
        raise _too_small(spend, market.quote, rules.min_quote)
    if price_now and spend / price_now < rules.min_base:
        raise _too_small(spend / price_now, market.base, rules.min_base)
    cap = min((cap for cap in (rules.max_quote, rules.market_max_quote) if cap), default=ZERO)
    if cap and spend > cap:
        raise _too_large(spend, market.quote, cap)
    return request if request.price is None else replace(request, price=None)


def _check_side(side: Side, rules: MarketRules) -> None:
    allowed = rules.status.buys if side is Side.BUY else rules.status.sells
    if not allowed:
        raise Refused(Label.INVALID_CURRENCY_PAIR, f"{rules.market.pair} does not take a {side}: it is {rules.status}")


def _too_small(size: Decimal, currency: str, least: Decimal) -> Refused:
    # Gate uses the general label for this one (gateapi-python issue 139).
    return Refused(
        Label.INVALID_PARAM_VALUE,
        f"Your order size {size:.6f} {currency} is too small. The minimum is {plain(least)} {currency}",
    )


def _too_large(size: Decimal, currency: str, most: Decimal) -> Refused:
    return Refused(
        Label.AMOUNT_TOO_MUCH,
        f"Your order size {size:.6f} {currency} is too large. The maximum is {plain(most)} {currency}",
    )
