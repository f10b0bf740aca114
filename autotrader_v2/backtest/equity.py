"""The account at the end of each candle in machine code: `metrics.samples_of` and `drawdown` in floats."""

import numpy as np

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest.jit import compiled

# What the pass finds.
(
    MAX_DRAWDOWN,
    MAX_DRAWDOWN_PCT,
    UNDER_WATER_MS,
    CAPITAL_MAX,
    CAPITAL_SUM,
    PEAK,
    PEAK_MS,
    BELOW,
    FOUND_COLUMNS,
) = range(9)
# Sums in floats differ in their last digits where exact ones are equal.
_NEARLY = 1 - 4e-15
_IN_BLOCK = (1 << c.BLOCK_BITS) - 1


@compiled
def _look(found, at_ms, value):
    """One sample of `metrics.drawdown`."""
    if found[PEAK_MS] < 0:
        found[PEAK_MS] = at_ms
    if value >= found[PEAK] * _NEARLY:
        if found[BELOW]:
            found[UNDER_WATER_MS] = max(found[UNDER_WATER_MS], at_ms - found[PEAK_MS])
        found[PEAK], found[PEAK_MS], found[BELOW] = value, at_ms, 0
        return
    found[BELOW] = 1
    fall = found[PEAK] - value
    found[MAX_DRAWDOWN] = max(found[MAX_DRAWDOWN], fall)
    found[MAX_DRAWDOWN_PCT] = max(found[MAX_DRAWDOWN_PCT], fall * 100 / found[PEAK])
    found[UNDER_WATER_MS] = max(found[UNDER_WATER_MS], at_ms - found[PEAK_MS])


@compiled
def _move(row, quote_of_w, coins_of, kept, fee_by, coins, money, invested):
    """A trade's change of coins, money and what the open cycle was paid with."""
    m = row[c.TRADE_MARKET]
    paid = row[c.TRADE_W] / quote_of_w[m]
    if row[c.TRADE_STEP] >= 0:
        coins[m] += row[c.TRADE_LOTS] * kept[m]
        invested[m] += paid
        return money - paid
    coins[m] -= row[c.TRADE_LOTS] * fee_by[m]
    invested[m] = 0.0
    return money + paid * (kept[m] / fee_by[m])


@compiled
def _end_ms(row):
    return row[c.OPEN_MS] + row[c.INTERVAL_MS]


@compiled
def follow_one(
    found, budget, trades, first, last, rows, closed, blocks, ticks_of, quote_of_w, coins_of, kept, fee_by, coins,
    invested,
):  # fmt: skip
    """The samples of one market: stretches between trades at once where the price cannot matter.

    `closed` and `blocks`: the last price of each candle, and the highest and lowest one of each block of them.
    `coins` and `invested` begin at 0, also below, where `worth` begins at -1 and `at_candle` as `first`.
    """
    money, candle, at = budget, first, 0
    found[PEAK], found[PEAK_MS] = budget, -1.0
    while candle < last:
        while at < len(trades) and trades[at, c.TRADE_MS] <= _end_ms(rows[candle]):
            money = _move(trades[at], quote_of_w, coins_of, kept, fee_by, coins, money, invested)
            at += 1
        until = last
        if at < len(trades):
            # The candle at whose end the next trade has happened: its last price may be at the very next one's begin.
            until = trades[at, c.TRADE_CANDLE] + 1
            while until > candle + 1 and _end_ms(rows[until - 1]) >= trades[at, c.TRADE_MS]:
                until -= 1
            until = max(until, candle + 1)
        found[CAPITAL_MAX] = max(found[CAPITAL_MAX], invested[0])
        found[CAPITAL_SUM] += invested[0] * (until - candle)
        each = coins[0] / coins_of[0] / ticks_of[0]
        if coins[0] == 0:
            _look(found, _end_ms(rows[candle]), money)
            if until > candle + 1:
                _look(found, _end_ms(rows[until - 1]), money)
        else:
            _hold(found, candle, until, money, each, rows, closed, blocks)
        candle = until


@compiled
def _hold(found, candle, until, money, each, rows, closed, blocks):
    """`_look` at the end of each candle while the same coins are held; times are fetched where falls begin or end."""
    if found[PEAK_MS] < 0:
        _look(found, _end_ms(rows[candle]), money + each * closed[candle])
        candle += 1
    while candle < until:
        if not candle & _IN_BLOCK:
            candle = _skip_blocks(found, candle, until, money, each, blocks)
        end = min(until, (candle | _IN_BLOCK) + 1)
        peak, peak_at, below = found[PEAK], -1, found[BELOW] != 0
        reached, lowest = peak * _NEARLY, peak
        while candle < end:
            value = money + each * closed[candle]
            if value >= reached:
                if below:
                    _note_fall(found, peak, lowest)
                    since_ms = found[PEAK_MS] if peak_at < 0 else _end_ms(rows[peak_at])
                    found[UNDER_WATER_MS] = max(found[UNDER_WATER_MS], _end_ms(rows[candle]) - since_ms)
                peak, peak_at, below = value, candle, False
                reached, lowest = peak * _NEARLY, peak
            else:
                below, lowest = True, min(lowest, value)
            candle += 1
        if peak_at >= 0:
            found[PEAK], found[PEAK_MS] = peak, _end_ms(rows[peak_at])
        _note_fall(found, peak, lowest)
        found[BELOW] = 1 if below else 0
    if found[BELOW]:
        found[UNDER_WATER_MS] = max(found[UNDER_WATER_MS], _end_ms(rows[until - 1]) - found[PEAK_MS])


@compiled
def _note_fall(found, peak, lowest):
    fall = peak - lowest
    found[MAX_DRAWDOWN] = max(found[MAX_DRAWDOWN], fall)
    found[MAX_DRAWDOWN_PCT] = max(found[MAX_DRAWDOWN_PCT], fall * 100 / peak)


@compiled
def _skip_blocks(found, candle, until, money, each, blocks):
    """Go past whole blocks whose last prices reach neither the peak nor a deeper fall."""
    peak = found[PEAK]
    below = (peak * _NEARLY - money) / each
    above = (peak - min(found[MAX_DRAWDOWN], found[MAX_DRAWDOWN_PCT] * peak / 100) - money) / each
    block, end = candle >> c.BLOCK_BITS, until >> c.BLOCK_BITS
    # A tick of room for what floats round.
    while block < end and blocks[block, c.HIGHEST] < below - 1 and blocks[block, c.LOWEST] > above + 1:
        block += 1
    if block << c.BLOCK_BITS > candle:
        candle = block << c.BLOCK_BITS
        found[BELOW] = 1
    return candle


@compiled
def follow_many(
    found, budget, trades, first, last, order, rows, ticks_of, quote_of_w, coins_of, kept, fee_by, coins,
    invested, worth, at_candle,
):  # fmt: skip
    """The samples of several markets in order of time, those of one time in `order`."""
    many = len(first)
    money, at = budget, 0
    found[PEAK], found[PEAK_MS] = budget, -1.0
    while True:
        chosen, at_ms = -1, np.int64(1 << 62)
        for m in order:
            candle = at_candle[m]
            if candle < last[m]:
                ends_ms = _end_ms(rows[candle])
                if ends_ms < at_ms:
                    chosen, at_ms = m, ends_ms
        if chosen < 0:
            return
        while at < len(trades) and trades[at, c.TRADE_MS] <= at_ms:
            row = trades[at]
            m = row[c.TRADE_MARKET]
            if worth[m] < 0:
                worth[m] = row[c.TRADE_W] / quote_of_w[m] / (row[c.TRADE_LOTS] * fee_by[m] / coins_of[m])
            money = _move(row, quote_of_w, coins_of, kept, fee_by, coins, money, invested)
            at += 1
        worth[chosen] = rows[at_candle[chosen], c.CLOSED] / ticks_of[chosen]
        at_candle[chosen] += 1
        value, used = money, 0.0
        for m in range(many):
            if coins[m]:
                value += coins[m] / coins_of[m] * worth[m]
            used += invested[m]
        _look(found, at_ms, value)
        found[CAPITAL_MAX] = max(found[CAPITAL_MAX], used)
        found[CAPITAL_SUM] += used


@compiled
def count_cycles(trades, steps, counted, cycle, deepest, sold):
    """Into `counted`: closed, open, deepest step, how often the last step was bought (`metrics.cycle_results`)."""
    many = len(cycle)
    deepest[:] = -1
    for at in range(len(trades) + many):
        ends = at >= len(trades)
        m = at - len(trades) if ends else trades[at, c.TRADE_MARKET]
        if cycle[m] and (ends or trades[at, c.TRADE_CYCLE] != cycle[m]):
            counted[0] += sold[m]
            counted[1] += deepest[m] >= 0
            counted[2] = max(counted[2], deepest[m])
            counted[3] += deepest[m] == steps
            deepest[m] = -1
        if not ends:
            cycle[m] = trades[at, c.TRADE_CYCLE]
            deepest[m] = max(deepest[m], trades[at, c.TRADE_STEP])
            sold[m] = 1 if trades[at, c.TRADE_STEP] < 0 else 0
    counted[1] -= counted[0]
