"""Whole numbers of 128 and 192 bits, made of 64-bit parts, highest first: products of amounts and prices fit them.

Nothing here is negative. Plain numbers are int64 from 0 on, parts are uint64.
"""

import numpy as np

from autotrader_v2.backtest.jit import compiled

U64 = np.uint64
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_0 = np.uint64(0)
_1 = np.uint64(1)
_TWO_64 = 18446744073709551616.0
# Amounts stay below this, so that sums of two of them still fit.
LARGEST = 1 << 62
_LARGEST_FLOAT = 4.6e18


@compiled
def times(a, b):
    """a * b as two parts."""
    a, b = U64(a), U64(b)
    a0, a1, b0, b1 = a & _LOW, a >> _32, b & _LOW, b >> _32
    low, cross, other, high = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (low >> _32) + (cross & _LOW) + (other & _LOW)
    return high + (cross >> _32) + (other >> _32) + (middle >> _32), (low & _LOW) | (middle << _32)


@compiled
def times_wide(high, low, c):
    """Two parts times a plain number, as three parts."""
    carry, n0 = times(low, c)
    n2, n1 = times(high, c)
    n1 += carry
    if n1 < carry:
        n2 += _1
    return n2, n1, n0


@compiled
def plus(a1, a0, b1, b0):
    """The sum of two numbers of two parts."""
    low = a0 + b0
    high = a1 + b1
    if low < a0:
        high += _1
    return high, low


@compiled
def minus(a1, a0, b1, b0):
    """The difference of two numbers of two parts; the first is not smaller."""
    high = a1 - b1
    if a0 < b0:
        high -= _1
    return high, a0 - b0


@compiled
def less(a1, a0, b1, b0):
    """a < b, two parts each."""
    return a1 < b1 or (a1 == b1 and a0 < b0)


@compiled
def order(a2, a1, a0, b2, b1, b0):
    """-1, 0 or 1 as a is below, equal to or above b, three parts each."""
    if a2 != b2:
        return 1 if a2 > b2 else -1
    if a1 != b1:
        return 1 if a1 > b1 else -1
    if a0 != b0:
        return 1 if a0 > b0 else -1
    return 0


@compiled
def divided(n2, n1, n0, d1, d0):
    """(quotient rounded down, whether nothing was left); -1 where the quotient does not fit.

    A float tells it nearly, exact remainders tell the rest.
    """
    by = float(d1) * _TWO_64 + float(d0)
    near = ((float(n2) * _TWO_64 + float(n1)) * _TWO_64 + float(n0)) / by
    if not near < _LARGEST_FLOAT:
        return np.int64(-1), False
    quotient = np.int64(near)
    while True:
        p2, p1, p0 = times_wide(d1, d0, quotient)
        if order(n2, n1, n0, p2, p1, p0) < 0:
            r0 = p0 - n0
            borrow = _1 if p0 < n0 else _0
            r1 = p1 - n1 - borrow
            borrow = _1 if p1 < n1 or (p1 == n1 and borrow) else _0
            r2 = p2 - n2 - borrow
            away = ((float(r2) * _TWO_64 + float(r1)) * _TWO_64 + float(r0)) / by
            quotient -= max(np.int64(away), np.int64(1))
        else:
            r0 = n0 - p0
            borrow = _1 if n0 < p0 else _0
            r1 = n1 - p1 - borrow
            borrow = _1 if n1 < p1 or (n1 == p1 and borrow) else _0
            r2 = n2 - p2 - borrow
            if r2 == _0 and less(r1, r0, d1, d0):
                return quotient, r1 == _0 and r0 == _0
            away = ((float(r2) * _TWO_64 + float(r1)) * _TWO_64 + float(r0)) / by
            quotient += max(np.int64(away), np.int64(1))


@compiled
def scaled_down(a, b, c):
    """a * b / c rounded down; -1 where it does not fit."""
    high, low = times(a, b)
    if high == _0 and low < U64(LARGEST):
        return np.int64(low) // c
    return divided(_0, high, low, _0, U64(c))[0]


@compiled
def scaled_up(a, b, c):
    """a * b / c rounded up; -1 where it does not fit."""
    high, low = times(a, b)
    quotient, whole = divided(_0, high, low, _0, U64(c))
    return quotient if whole or quotient < 0 else quotient + 1


@compiled
def share(high, low, part, whole):
    """Two parts times part / whole, half to even, as two parts. `part` is not above `whole`."""
    n2, n1, n0 = times_wide(high, low, part)
    by = U64(whole)
    rest = q1 = q0 = _0
    for bit in range(191, -1, -1):
        if bit >= 128:
            taken = (n2 >> U64(bit - 128)) & _1
        elif bit >= 64:
            taken = (n1 >> U64(bit - 64)) & _1
        else:
            taken = (n0 >> U64(bit)) & _1
        rest = (rest << _1) | taken
        q1 = (q1 << _1) | (q0 >> U64(63))
        q0 = q0 << _1
        if rest >= by:
            rest -= by
            q0 |= _1
    twice = rest << _1
    if twice > by or (twice == by and q0 & _1):
        return plus(q1, q0, _0, _1)
    return q1, q0


@compiled
def terminates(high, low, by):
    """Whether two parts divided by a plain number above 0 is a decimal number that ends."""
    value, rest = by, _0
    for bit in range(127, -1, -1):
        part = high if bit >= 64 else low
        rest = (rest << _1) | ((part >> U64(bit & 63)) & _1)
        if rest >= U64(by):
            rest -= U64(by)
    other = np.int64(rest)
    while other:
        value, other = other, value % other
    value = by // value
    while value % 2 == 0:
        value //= 2
    while value % 5 == 0:
        value //= 5
    return value == 1


@compiled
def product(a, b):
    """a * b; `LARGEST` where it is as much or more."""
    high, low = times(a, b)
    return np.int64(LARGEST) if high != _0 or low >= U64(LARGEST) else np.int64(low)
