"""Ladder and market rules as whole numbers, in the columns that the compiled rules read (`columns.py`)."""

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest import levels
from autotrader_v2.backtest.prepared import NotCovered, Prepared, Whole
from autotrader_v2.backtest.wide import LARGEST
from autotrader_v2.domain.ladder import DropReference, LadderParams, OrderStyle, Reserve, SizeMode
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import floor_to
from autotrader_v2.matching.markets import profile_for

# Money is counted in 1e-18 of the quote currency, as `share_of_cost` does.
MONEY_DIGITS = 18
_SCALE_BITS = 127
# A search plays each of a batch of ladders over many parts of the same markets; a few kB each.
_KEPT = 256
_LADDER_MARGIN = Decimal("1.05")
_RESERVES = {
    Reserve.NONE: c.RESERVE_NONE,
    Reserve.NEXT_STEP: c.RESERVE_NEXT,
    Reserve.LADDER: c.RESERVE_LADDER,
}


class Terms(NamedTuple):
    """What a run begins with besides candles: a row for each market in `work`, `book` and `text`."""

    work: Whole
    shared: Whole
    book: NDArray[np.float64]
    text: NDArray[np.uint8]


class Digits(NamedTuple):
    """Decimals: of a worth (tick times lot), and of one after the fee."""

    worth: int
    net: int


def digits_of(rules: MarketRules) -> Digits:
    """How fine a market's amounts are. Errors: `NotCovered` where money of 18 decimals does not hold them."""
    worth = rules.price_precision + rules.amount_precision
    net = worth + _fee_digits(rules)
    if net > MONEY_DIGITS:
        raise NotCovered(f"{rules.market}: amounts of {net} decimals")
    return Digits(worth, net)


@lru_cache(maxsize=_KEPT)
def terms_of(markets: tuple[Prepared, ...], params: LadderParams) -> Terms:
    """All numbers of a run, read only. Errors: `NotCovered`."""
    ladder, steps = _ladder(params)
    ladder[c.POINTS] = markets[0].points
    if any(one.points != markets[0].points for one in markets):
        raise NotCovered("candles with different numbers of prices inside")
    draw = random.Random(0)
    rows = []
    for one in markets:
        row = _market(one, params)
        # As the paper exchange draws the shape of its books, and where their numbering begins.
        row[c.SEED] = _signed(draw.getrandbits(64))
        draw.randrange(10**6, 10**7)
        rows.append([*row, *[0] * (c.SIZES_AT - c.MARKET_COLUMNS), *_sizes(one.rules, params)])
    text = np.zeros((len(markets), max(len(one.text) for one in markets)), np.uint8)
    for letters, one in zip(text, markets, strict=True):
        letters[: len(one.text)] = np.frombuffer(one.text.encode(), np.uint8)
    scale = _scale(params)
    return Terms(
        work=_whole(rows),
        shared=_whole([*ladder, *(part for step, times in zip(steps, scale, strict=True) for part in (*step, *times))]),
        book=np.array([_book(one.rules) for one in markets]),
        text=text,
    )


def money(value: Decimal, what: str) -> tuple[int, int]:
    """Quote currency in 1e-18, as two parts as int64 holds them. Errors: `NotCovered`."""
    exact = Fraction(value) * 10**MONEY_DIGITS
    if exact.denominator != 1 or not 0 <= exact.numerator < 1 << 120:
        raise NotCovered(f"{what} {value}, finer than {MONEY_DIGITS} decimals or beyond any account")
    return exact.numerator >> 64, _signed(exact.numerator & ((1 << 64) - 1))


def _whole(values: Sequence[int] | Sequence[Sequence[int]]) -> Whole:
    try:
        return np.array(values, np.int64)
    except OverflowError as error:
        raise NotCovered("a parameter or rule with too many digits") from error


def _fee_digits(rules: MarketRules) -> int:
    exponent = rules.fee.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _fraction(value: Fraction, what: str) -> tuple[int, int]:
    if value.numerator >= LARGEST or value.denominator >= LARGEST:
        raise NotCovered(f"{what} has too many digits")
    return value.numerator, value.denominator


def _ladder(params: LadderParams) -> tuple[list[int], list[list[int]]]:
    """The ladder's numbers, and a row for each step."""
    steps = range(params.steps + 1)
    kept = [Fraction(1) - _fall(params, step) / 100 for step in steps]
    gained = [1 + Fraction(params.profit_at(step)) / 100 for step in steps]
    kept_by = lcm(*(one.denominator for one in kept))
    gained_by = lcm(*(one.denominator for one in gained))
    rows = [[int(keep * kept_by), int(gain * gained_by)] for keep, gain in zip(kept, gained, strict=True)]
    if max(kept_by, gained_by, *(gain for _, gain in rows)) >= LARGEST:
        raise NotCovered("falls or profits with too many digits")
    spread, spread_by = _fraction(Fraction(params.max_spread_pct), "max_spread_pct")
    slippage, slippage_by = _fraction(1 + Fraction(params.max_slippage_pct) / 100, "max_slippage_pct")
    share, share_by = _fraction(Fraction(params.start_balance_pct) / 100, "start_balance_pct")
    high, low = money(params.budget_quote, "budget_quote")
    ladder = [0] * c.STEPS_AT
    ladder[c.STEPS] = params.steps
    ladder[c.FROM_LAST_BUY] = params.drop_reference is DropReference.LAST_BUY
    ladder[c.FALL_BY], ladder[c.PROFIT_BY] = kept_by, gained_by
    ladder[c.COOLDOWN_MS], ladder[c.REBUY_MS] = int(params.cooldown_s * 1000), int(params.rebuy_pause_s * 1000)
    if max(ladder[c.COOLDOWN_MS], ladder[c.REBUY_MS]) >= 1 << 60:
        raise NotCovered("a pause of millions of years")
    ladder[c.SPREAD], ladder[c.SPREAD_BY] = spread, spread_by
    ladder[c.SLIPPAGE], ladder[c.SLIPPAGE_BY] = slippage, slippage_by
    ladder[c.CAPPED] = params.order_style is OrderStyle.CAPPED
    ladder[c.RESERVE] = _RESERVES[params.reserve]
    ladder[c.HAS_STOP] = params.stop_loss_pct > 0
    ladder[c.HAS_BUDGET] = params.budget_quote > 0
    ladder[c.BUDGET_HIGH], ladder[c.BUDGET_LOW] = high, low
    ladder[c.SHARE], ladder[c.SHARE_BY] = share, share_by
    ladder[c.HAS_START_LIMIT] = params.start_limit > 0
    match params.size_mode:
        case SizeMode.CUSTOM:
            ladder[c.SIZE_KIND] = c.SIZES_STAY
        case SizeMode.FIXED:
            ladder[c.SIZE_KIND] = c.SIZES_EQUAL
        case SizeMode.GEOMETRIC | SizeMode.MARTINGALE:
            ladder[c.SIZE_KIND] = c.SIZES_SCALE
    return ladder, rows


def _fall(params: LadderParams, step: int) -> Fraction:
    if params.drop_reference is DropReference.START:
        return sum((Fraction(params.fall_pct(one)) for one in range(1, step + 1)), Fraction(0))
    return Fraction(params.fall_pct(step))


def _market(one: Prepared, params: LadderParams) -> list[int]:
    rules = one.rules
    if rules.pays_fees:
        raise NotCovered(f"{rules.market} pays the account's fees")
    digits = digits_of(rules)
    worth, lots = 10**digits.worth, 10**rules.amount_precision
    if (Fraction(rules.min_quote) * worth).denominator != 1:
        raise NotCovered(f"{rules.market}: a minimum of {rules.min_quote}, finer than a lot's worth,")
    quote_digits = -int(rules.qstep.as_tuple().exponent)
    fee_by = 10 ** _fee_digits(rules)
    kept = int((1 - rules.fee) * fee_by)
    if kept <= 0:
        raise NotCovered(f"{rules.market}: a fee of everything")
    finer = digits.net + _fee_digits(rules) - MONEY_DIGITS
    coarser = 10 ** (MONEY_DIGITS - digits.net)
    row = [0] * c.MARKET_COLUMNS
    row[c.SPREAD_PPM] = one.spread_ppm
    row[c.FEE_BY], row[c.KEPT] = fee_by, kept
    row[c.LEAST] = ceil(Fraction(rules.least_sale) * lots)
    row[c.MIN_WORTH] = int(rules.min_quote * worth)
    row[c.MARGIN_WORTH] = ceil(Fraction(_LADDER_MARGIN * rules.min_quote) * worth)
    row[c.CAP_WORTH] = _most(worth, rules.market_max_quote)
    row[c.CAP_LOTS] = _most(lots, rules.market_max_base)
    row[c.SPEND_MAX] = min(_most(worth, rules.max_quote), _most(worth, rules.market_max_quote))
    row[c.LOTS_MAX], row[c.WORTH_MAX] = _most(lots, rules.max_base), _most(worth, rules.max_quote)
    row[c.W_OF_Q] = 10 ** (digits.worth - quote_digits)
    row[c.MONEY_OF_W] = 10 ** (MONEY_DIGITS - digits.worth)
    row[c.MONEY_OF_NET] = coarser
    row[c.MONEY_OF_Q] = 10 ** (MONEY_DIGITS - quote_digits)
    row[c.INVESTED_TIMES], row[c.HELD_TIMES] = 10 ** max(finer, 0), kept * 10 ** max(-finer, 0)
    row[c.ANCHOR_TIMES] = coarser
    if params.stop_loss_pct:
        left = 1 - Fraction(params.stop_loss_pct) / 100
        row[c.STOP_NUMERATOR], row[c.STOP_TIMES] = left.numerator, left.denominator * coarser
        if max(left.numerator, left.denominator * coarser) >= LARGEST:
            raise NotCovered(f"{rules.market}: a stop_loss_pct of so many digits with so coarse prices")
    reach = 1 + Fraction(profile_for(rules.market.base).slippage)
    row[c.REACH], row[c.REACH_BY] = reach.numerator, reach.denominator
    limit = Fraction(params.start_limit) * 10**rules.price_precision
    row[c.START_LIMIT], row[c.START_LIMIT_BY] = _fraction(limit, "start_limit")
    row[c.START_LIMIT_TICKS] = floor(limit)
    row[c.START_WORTH] = min(ceil(Fraction(params.start_quote) * worth), LARGEST)
    row[c.TEXT_LENGTH] = len(one.text.encode())
    return row


def _most(by: int, most: Decimal) -> int:
    """A maximum in whole parts, rounded down; 0 is none."""
    return min(floor(Fraction(most) * by), LARGEST - 1) if most else LARGEST - 1


def _book(rules: MarketRules) -> list[float]:
    profile = profile_for(rules.market.base)
    row = [0.0] * levels.BOOK_COLUMNS
    row[levels.TICKS_PER_ONE] = float(10**rules.price_precision)
    row[levels.TICK], row[levels.LOT] = float(rules.tick), float(rules.lot)
    row[levels.TOP_QUOTE], row[levels.GROWTH] = profile.top_quote, profile.growth
    row[levels.JITTER], row[levels.GAP] = profile.jitter, profile.gap
    return row


def _sizes(rules: MarketRules, params: LadderParams) -> list[int]:
    """What each step spends, in the market's quote steps, of the amount the ladder was given."""
    step = rules.qstep
    found = []
    for number in range(params.steps + 1):
        size = params.size(number)
        whole = int(floor_to(size, step).scaleb(-step.adjusted())) if size < LARGEST else LARGEST
        found.append(min(whole, LARGEST))
    return found


def _scale(params: LadderParams) -> list[tuple[int, int, int]]:
    """How many times the start amount each step is: exactly, or in 127 bits."""
    multiplier = Decimal(2) if params.size_mode is SizeMode.MARTINGALE else params.size_multiplier
    if not params.start_balance_pct or params.size_mode not in (SizeMode.GEOMETRIC, SizeMode.MARTINGALE):
        return [(0, 0, 0)] * (params.steps + 1)
    rows = []
    for step in range(params.steps + 1):
        times = Fraction(multiplier**step)
        if times.numerator < LARGEST and times.denominator < LARGEST:
            rows.append((times.numerator, times.denominator, -1))
            continue
        shift = _SCALE_BITS - max(times.numerator.bit_length() - times.denominator.bit_length() + 1, 0)
        if shift < 0:
            raise NotCovered(f"size_multiplier {multiplier} over {params.steps} steps")
        parts = floor(times * (1 << shift))
        rows.append((_signed(parts >> 64), _signed(parts & ((1 << 64) - 1)), shift))
    return rows


def _signed(part: int) -> int:
    """The same 64 bits as int64 holds them."""
    return part - (1 << 64) if part >= 1 << 63 else part
