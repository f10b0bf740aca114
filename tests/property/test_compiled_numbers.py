"""What the compiled rules count with, against Python's own whole numbers and the code it stands for."""

import itertools
import os
import random
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from autotrader_v2.backtest import equity, levels, wide
from autotrader_v2.backtest.inside import fill_path, low_first
from autotrader_v2.backtest.prepared import outline_of, rows_of
from autotrader_v2.backtest.terms import _book
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import average_for_base, average_for_quote
from autotrader_v2.infrastructure.feeds import candles
from autotrader_v2.matching.depth import Depth
from autotrader_v2.matching.markets import profile_for, rules_for

_ROUNDS = 3_000


def _number(rng: random.Random, bits: int) -> int:
    """Small, large and round numbers alike."""
    value = rng.getrandbits(rng.randrange(1, bits + 1))
    return rng.choice((value, value, 1 << rng.randrange(bits), (1 << rng.randrange(1, bits + 1)) - 1))


def _parts(value: int, count: int) -> list[np.uint64]:
    return [np.uint64(value >> 64 * place & ((1 << 64) - 1)) for place in reversed(range(count))]


def _whole(*parts: int) -> int:
    value = 0
    for part in parts:
        value = (value << 64) + int(part)
    return value


@pytest.mark.parametrize("seed", range(4))
def test_wide_numbers_are_exact(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(_ROUNDS):
        a, b, d = _number(rng, 62), _number(rng, 62), _number(rng, 62) or 1
        big, other = _number(rng, 127), _number(rng, 127)
        assert _whole(*wide.times(a, b)) == a * b, (a, b)
        assert _whole(*wide.times_wide(*_parts(big, 2), b)) == big * b, (big, b)
        assert _whole(*wide.plus(*_parts(big, 2), *_parts(other, 2))) == big + other, (big, other)
        low, high = sorted((big, other))
        assert _whole(*wide.minus(*_parts(high, 2), *_parts(low, 2))) == high - low, (high, low)
        assert wide.less(*_parts(big, 2), *_parts(other, 2)) == (big < other), (big, other)
        assert wide.product(a, b) == min(a * b, wide.LARGEST), (a, b)
        quotient, rest = divmod(big * b, other or 1)
        divided = wide.divided(*_parts(big * b, 3), *_parts(other or 1, 2))
        if quotient < 1 << 61:
            assert tuple(map(int, divided)) == (quotient, rest == 0), (big, b, other)
        if a * b // d < 1 << 61:
            assert wide.scaled_down(a, b, d) == a * b // d, (a, b, d)
            assert wide.scaled_up(a, b, d) == -(-a * b // d), (a, b, d)
        part = min(a, d)
        assert _whole(*wide.share(*_parts(big, 2), part, d)) == round(Fraction(big * part, d)), (big, part, d)


def test_wide_division_meets_its_edges() -> None:
    """A quotient one beside a whole number is where a float's guess is wrong."""
    rng = random.Random(5)
    for _ in range(_ROUNDS):
        by, quotient = _number(rng, 120) or 1, _number(rng, 61)
        for value, wanted in ((by * quotient, (quotient, 1)), (by * quotient + by - 1, (quotient, int(by == 1)))):
            assert tuple(map(int, wide.divided(*_parts(value, 3), *_parts(by, 2)))) == wanted, (value, by)


def test_which_quotients_end() -> None:
    rng = random.Random(6)
    for _ in range(_ROUNDS):
        by = 2 ** rng.randrange(12) * 5 ** rng.randrange(8) * rng.choice((1, 1, 3, 7, 9))
        value = _number(rng, 120) * rng.choice((1, 3, 9))
        rest = Fraction(value, by).denominator
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        assert wide.terminates(*_parts(value, 2), by) == (rest == 1), (value, by)


def test_the_way_inside_a_candle_is_the_feeds() -> None:
    rng = random.Random(7)
    scratch = np.empty(32, np.uint64)
    for _ in range(_ROUNDS):
        seed, pair = rng.choice((0, rng.getrandbits(40))), rng.choice(("BTC_USDT", "A_B", "LONGESTNAMEOFALL_USDT"))
        open_ms = rng.choice((0, 9, 10, rng.randrange(10**13), 10**13))
        text = np.frombuffer(f"{seed}:{pair}:".encode(), np.uint8)
        first = bool(blake2b(f"{seed}:{pair}:{open_ms}".encode(), digest_size=1).digest()[0] & 1)
        assert low_first(scratch, text, len(text), open_ms) == first == candles.low_first(seed, pair, open_ms)
        low = rng.randrange(1, 10**6)
        high = low + rng.choice((0, 1, rng.randrange(10**5)))
        opened, closed = rng.randint(low, high), rng.randint(low, high)
        path = np.empty(rng.choice((4, 12, 25)), np.int64)
        fill_path(path, opened, high, low, closed, first)
        assert path.tolist() == candles.path_inside(
            opened, high, low, closed, low_before_high=first, points=len(path)
        ), (opened, high, low, closed)


@pytest.mark.parametrize("coin", ["BTC", "ADA", "PEPE", "NOBODY"])
def test_levels_are_those_of_the_paper_exchange(coin: str) -> None:
    rng = random.Random(coin)
    for _ in range(150):
        price = Decimal(repr(10 ** rng.uniform(-5, 4)))
        rules = rules_for(coin, price=price)
        ticks = max(2, int(price / rules.tick))
        seed = rng.getrandbits(64)
        depth, book = Depth(rules, profile_for(coin), seed), np.array(_book(rules))
        for side in (Side.BUY, Side.SELL):
            best = ticks * rules.tick
            expected = tuple(depth.levels(side, best, depth.top(side, best)))
            buys = int(side is Side.BUY)
            coins = levels.coins_on_top(ticks, book)
            for level, (at, size) in enumerate(expected[:12]):
                coins = coins * book[levels.GROWTH] if level else coins
                found = levels.size_at(np.uint64(seed), buys, int(at / rules.tick), coins, book)
                assert found == int(size / rules.lot), (coin, seed, ticks, level)
            held = sum(int(size / rules.lot) for _, size in expected)
            lots = rng.randrange(1, held + held // 10 + 2)
            if side is Side.BUY:
                average = average_for_base(expected, lots * rules.lot)
                wanted = ticks - rng.randrange(0, max(2, ticks // 500))
                within = average is not None and average >= wanted * rules.tick
                assert (levels.sells_within(np.uint64(seed), ticks, lots, wanted, book) == levels.WITHIN) == within
            else:
                amount = lots * ticks
                worth = amount * rules.tick * rules.lot
                paid = average_for_quote(expected, worth)
                worst = rng.randrange(10_000, 10_040)
                within = paid is not None and paid <= best * worst / 10_000
                found = levels.buys_within(np.uint64(seed), ticks, amount, ticks, worst, 10_000, book)
                assert (found == levels.WITHIN) == within, (coin, seed, ticks, amount, worst)


@pytest.mark.parametrize("seed", range(40))
def test_an_account_followed_by_blocks_is_as_if_looked_at_candle_by_candle(seed: int) -> None:
    """Falls, times under water, heights and plateaus of a few stretches, to the last bit of each float."""
    rng = random.Random(seed)
    count, lively = 2_000, rng.choice((1, 3, 40))
    closed = np.array([20_000 + sum(rng.randint(-lively, lively) for _ in range(4)) for _ in range(count)], np.int64)
    closed += np.cumsum(np.array([rng.randint(-lively, lively) for _ in range(count)], np.int64))
    minutes = np.arange(count, dtype=np.int64) * 60_000
    rows = rows_of(minutes, np.full(count, 60_000, np.int64), closed, closed, closed, closed)
    outline = outline_of(rows)
    fast, plain = np.zeros(equity.FOUND_COLUMNS), np.zeros(equity.FOUND_COLUMNS)
    for found in (fast, plain):
        found[equity.PEAK], found[equity.PEAK_MS] = 1000.0, -1.0
    ends = sorted(rng.sample(range(1, count), 5))
    for begin, end in itertools.pairwise([rng.randrange(ends[0]), *ends]):
        each = rng.choice((0.001, 0.017, 0.3))
        money = 1000.0 - each * 20_000 + rng.uniform(-20, 20)
        equity._hold(fast, begin, end, money, each, rows, outline.closed, outline.closed_blocks)
        for candle in range(begin, end):
            equity._look(plain, float(minutes[candle] + 60_000), money + each * closed[candle])
        assert fast.tolist() == plain.tolist(), f"seed {seed}, candles {begin} to {end}"


def test_code_is_kept_by_its_sources(tmp_path: Path) -> None:
    program = "import numba; import autotrader_v2.backtest.jit; print(numba.config.CACHE_DIR)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (folder,) = tmp_path.iterdir()
    assert done.stdout.strip() == str(folder)
    assert folder.name.startswith("numba-") and len(folder.name) == len("numba-") + 16
