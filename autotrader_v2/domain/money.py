"""Exact money: `Decimal` from text, rounded only here, in a direction the name tells.

Importing this module sets the decimal precision of this thread and of every thread started later to 60 digits
(TRADING_RULES.md), so that products and sums of prices and amounts stay exact.
"""

import decimal
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache

PRECISION_DIGITS = 60

decimal.DefaultContext.prec = PRECISION_DIGITS
decimal.setcontext(decimal.DefaultContext.copy())

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# Beyond these a number on a wire or in a form is an error, not money.
_LARGEST_EXPONENT = 20
_SMALLEST_EXPONENT = -30
_REPORT = decimal.Context(prec=12, rounding=ROUND_HALF_EVEN)
_COST_STEP = Decimal("1e-18")


class NotANumber(ValueError):
    """The text is not a plain, finite decimal number of a believable size."""


def amount(text: str | int | Decimal) -> Decimal:
    """Read a number exactly.

    Errors: `NotANumber` for empty text, NaN, infinity, other digits than 0-9, grouping signs, or a size no market has.
    A float is refused by type: it has already lost the digits.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise NotANumber(f"{text!r} is not a decimal number given as text")
    if isinstance(text, str) and (not text.isascii() or "_" in text or text != text.strip()):
        raise NotANumber(f"{text[:40]!r} is not a plain decimal number")
    try:
        number = Decimal(text)
    except decimal.InvalidOperation:
        raise NotANumber(f"{str(text)[:40]!r} is not a decimal number") from None
    if not number.is_finite():
        raise NotANumber(f"{str(text)[:40]!r} is not a finite number")
    if number and not _SMALLEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT:
        raise NotANumber(f"{str(text)[:40]!r} is outside the range of any price or amount")
    return number


@lru_cache(maxsize=64)
def step_of(precision: int) -> Decimal:
    """The smallest step of a number with that many decimals: 2 -> 0.01."""
    return Decimal((0, (1,), -precision))


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round down (towards minus infinity) to a power-of-ten step."""
    return value.quantize(step, ROUND_FLOOR)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Round up (towards plus infinity) to a power-of-ten step."""
    return value.quantize(step, ROUND_CEILING)


def share_of_cost(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The cost that goes with `part` of `whole` coins, to 18 decimals.

    All of it when the part is the whole, so that costs given away and costs kept always add up exactly.
    """
    if part == whole:
        return cost
    return (cost * part / whole).quantize(_COST_STEP, ROUND_HALF_EVEN)


def reported(value: Decimal) -> Decimal:
    """A figure for people: 12 significant digits, half-even."""
    return _REPORT.plus(value)


def plain(value: Decimal) -> str:
    """Exact text without exponent or trailing zeros: 2500, 0.004, 0."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
