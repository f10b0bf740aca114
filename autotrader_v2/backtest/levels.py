"""The paper exchange's order book in machine code: what an amount would get, and what it gets.

The levels are those of `matching/depth.py`, made one by one as far as an order reaches. Units: prices in ticks, sizes
in lots, quote amounts in ticks times lots.
"""

import numpy as np

from autotrader_v2.backtest.jit import compiled
from autotrader_v2.backtest.wide import LARGEST, order, product, scaled_up, times, times_wide

_U = np.uint64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TWO_64 = 18446744073709551616.0
_SIZE_MAX = 4.0e18

# What a market's book is made of: columns of a float64 row.
TICKS_PER_ONE, TICK, LOT, TOP_QUOTE, GROWTH, JITTER, GAP = range(7)
BOOK_COLUMNS = 7
LEVELS = 50

NOT_ENOUGH, WITHIN, BEYOND, TIE, TOO_LARGE = range(5)


@compiled
def size_at(seed, bids, ticks, coins, book):
    """Lots at a level; -1 where they do not fit."""
    mixed = (seed + _U(ticks) * _U(2) + _U(bids)) * _GOLDEN
    mixed = (mixed ^ (mixed >> _U(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> _U(27))) * _MIX_2
    noise = np.float64(mixed ^ (mixed >> _U(31))) / _TWO_64
    share = 1 - book[JITTER] / 2 + book[JITTER] * noise
    lots = coins * share / book[LOT]
    if lots > _SIZE_MAX:
        return np.int64(-1)
    return max(np.int64(lots), np.int64(1))


@compiled
def coins_on_top(ticks, book):
    """Coins at the best price before jitter."""
    return book[TOP_QUOTE] / (ticks / book[TICKS_PER_ONE])


@compiled
def gap_at(ticks, book):
    """How many ticks lie between two levels."""
    return max(np.int64(ticks / book[TICKS_PER_ONE] * book[GAP] / book[TICK]), np.int64(1))


@compiled
def buys_within(seed, ask, amount, worst_a, worst_b, worst_by, book):
    """Whether spending `amount` costs on average at most worst_a * worst_b / worst_by."""
    gap = gap_at(ask, book)
    at = ask // gap * gap
    coins = coins_on_top(ask, book)
    price, left, bought = ask, amount, np.int64(0)
    for level in range(LEVELS):
        if level:
            at += gap
            coins *= book[GROWTH]
            price = at
        size = size_at(seed, 0, price, coins, book)
        if size < 0:
            return TOO_LARGE
        worth = product(price, size)
        if worth >= left:
            # average = amount / (bought + left / price)
            both = product(bought, price)
            if both >= LARGEST - left:
                return TOO_LARGE
            high, low = times(amount, price)
            a2, a1, a0 = times_wide(high, low, worst_by)
            high, low = times(worst_a, worst_b)
            b2, b1, b0 = times_wide(high, low, both + left)
            compared = order(a2, a1, a0, b2, b1, b0)
            if compared == 0:
                return TIE
            return BEYOND if compared > 0 else WITHIN
        bought += size
        left -= worth
    return NOT_ENOUGH


@compiled
def sells_within(seed, bid, amount, wanted, book):
    """Whether selling `amount` lots gets on average at least `wanted`."""
    gap = gap_at(bid, book)
    at = -(-bid // gap) * gap
    coins = coins_on_top(bid, book)
    price, left, total = bid, amount, np.int64(0)
    for level in range(LEVELS):
        if level:
            at -= gap
            if at <= 0:
                return NOT_ENOUGH
            coins *= book[GROWTH]
            price = at
        size = size_at(seed, 1, price, coins, book)
        if size < 0:
            return TOO_LARGE
        taken = min(left, size)
        total += taken * price
        left -= taken
        if not left:
            a1, a0 = times(wanted, amount)
            return BEYOND if a1 or a0 > _U(total) else WITHIN
    return NOT_ENOUGH


@compiled
def buy(seed, ask, amount, lots, limit, limit_by, book):
    """What a buy gets: (lots, quote). Of `amount` quote, or where that is 0 of `lots`.

    Nothing above limit / limit_by is paid. (-1, 0): too large.
    """
    gap = gap_at(ask, book)
    at = ask // gap * gap
    coins = coins_on_top(ask, book)
    price, left = ask, amount if amount else lots
    bought, paid = np.int64(0), np.int64(0)
    for level in range(LEVELS):
        if level:
            at += gap
            coins *= book[GROWTH]
            price = at
        if product(price, limit_by) > limit:
            break
        size = size_at(seed, 0, price, coins, book)
        if size < 0:
            return np.int64(-1), np.int64(0)
        wanted = left // price if amount else left
        if not wanted:
            break
        taken = min(wanted, size)
        bought += taken
        cost = product(taken, price)
        paid += cost
        if paid >= LARGEST:
            return np.int64(-1), np.int64(0)
        left -= cost if amount else taken
        if not left:
            break
    return bought, paid


@compiled
def sell(seed, bid, lots, limit, limit_by, book):
    """What a sale gets: (lots, quote, last price). Nothing is sold below limit / limit_by. (-1, 0, 0): too large."""
    gap = gap_at(bid, book)
    at = -(-bid // gap) * gap
    coins = coins_on_top(bid, book)
    price, left, last = bid, lots, bid
    got = np.int64(0)
    for level in range(LEVELS):
        if level:
            at -= gap
            if at <= 0:
                break
            coins *= book[GROWTH]
            price = at
        if product(price, limit_by) < limit:
            break
        size = size_at(seed, 1, price, coins, book)
        if size < 0:
            return np.int64(-1), np.int64(0), np.int64(0)
        taken = min(left, size)
        left -= taken
        got += taken * price
        last = price
        if not left:
            break
    return lots - left, got, last


@compiled
def least_limit(least_quote, lots):
    """The lowest price at which that many lots are worth that much."""
    return scaled_up(least_quote, 1, lots)
