"""The engine's decisions over candles in machine code, price by price in the order of `exact.py`.

Each function stands for the one of the engine that its text names; where they differ the engine is right
(tests/property/test_backtest_parity.py). Arrays by `columns.py`: `work` has a row for each market (`one` where it is
the only one), `shared` the ladder, the money and why a run must end.
"""

import numpy as np

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest import levels, wide
from autotrader_v2.backtest.inside import fill_path, floored, low_first
from autotrader_v2.backtest.jit import compiled

_U = np.uint64
_I = np.int64
_NONE = np.uint64(0)
_SILENCE_MS = 60_000
_QUOTE_AGE_MS = 3000
_BOOK_APART_S = 0.5
_REST_PAUSE_MS = 60_000
_BACKOFF_MS = 1000
_READINGS_MAX = 100
# A price decides one order of each market at most (`QUOTE_AFTER_MS`), and with it one buy that cannot be paid.
_ROWS_A_PRICE = 2
_NEAR_PPM = 20_000
_FOREVER_MS = 1 << 62
_MILLION = 1_000_000


@compiled
def play(
    work, shared, book, text, paths, scratch, queue, first, last, rows, spans, blocks, trades, unpaid
):  # fmt: skip
    """Every price that may decide something, of all markets in order of time (`_Run.run`).

    `paths`, `scratch` and `queue` are room to work in; `rows` are the candles, `spans` and `blocks` their
    outline. With
    `LITTLE_ROOM` it goes on when called again with all the same, and more room in `trades` and `unpaid`.
    """
    many = len(first)
    points = shared[c.POINTS]
    if not shared[c.BEGUN]:
        shared[c.BEGUN] = 1
        for m in range(many):
            work[m, c.CANDLE], work[m, c.PATH_OF] = first[m], -1
            work[m, c.BOOK_MS], work[m, c.KNOWN], work[m, c.SEEN_MS] = -(1 << 62), -1, -1
            work[m, c.PLAN_PRICE], work[m, c.UNPAID_CYCLE] = -1, -1
            work[m, c.START_Q] = -1
    most_trades, most_unpaid = len(trades) - _ROWS_A_PRICE * many, len(unpaid) - _ROWS_A_PRICE * many
    while True:
        if shared[c.TRADES] > most_trades or shared[c.UNPAID] > most_unpaid:
            shared[c.FAULT] = c.LITTLE_ROOM
            return
        m, at_ms = -1, _I(_FOREVER_MS)
        for one in range(many):
            candle = work[one, c.CANDLE]
            if candle < last[one]:
                time_ms = _time_ms(rows[candle], work[one, c.POINT], points)
                if time_ms < at_ms:
                    m, at_ms = one, time_ms
        if m < 0:
            return
        candle, point = work[m, c.CANDLE], work[m, c.POINT]
        _see_path(m, candle, work, paths, text, scratch, rows)
        ticks = paths[m, point]
        point += 1
        work[m, c.CANDLE], work[m, c.POINT] = (candle + 1, 0) if point == points else (candle, point)
        _take_price(
            m, ticks, at_ms, queue, work, shared, book, trades,
        )  # fmt: skip
        if shared[c.FAULT]:
            return
        _note_unpaid(m, at_ms, work, unpaid, shared)
        if shared[c.FAULT]:
            return
        near_low, near_high, until_ms = _quiet(m, ticks, many == 1, work)
        if near_low <= near_high and until_ms:
            _leave_out(
                m, near_low, near_high, until_ms, last[m], points, work, paths, text, scratch, rows, spans, blocks
            )  # fmt: skip


@compiled
def _see_path(m, candle, work, paths, text, scratch, rows):
    """`Head._way_of`."""
    if work[m, c.PATH_OF] != candle:
        work[m, c.PATH_OF] = candle
        row = rows[candle]
        if not row[c.WAY]:
            # The same for every ladder, so it is noted for the next ones.
            row[c.WAY] = 1 if low_first(scratch, text[m], work[m, c.TEXT_LENGTH], row[c.OPEN_MS]) else 2
        fill_path(paths[m], row[c.OPENED], row[c.HIGH], row[c.LOW], row[c.CLOSED], row[c.WAY] == 1)


@compiled
def _time_ms(row, point, points):
    """`CandleTape.time_ms`."""
    return row[c.OPEN_MS] + floored(row[c.INTERVAL_MS] * point, points)


@compiled
def _quiet(m, ticks, alone, work):
    """`quiet_of`: (lowest, highest, until) of prices that decide nothing; until 0: every price may.

    A market that waits for money beside others looks at every price: that is simpler, and here it costs little.
    """
    near = ticks * _NEAR_PPM // _MILLION
    low, high, until_ms = ticks - near, ticks + near, _I(_FOREVER_MS)
    reason = work[m, c.HOLD]
    if work[m, c.ACTIVE]:
        high = min(high, work[m, c.SELL_AT] - 1)
        if work[m, c.STOP_AT] >= 0:
            stop = work[m, c.STOP_AT] + 1
            low = max(low, stop * 1005 // 1000 + 3)
        if reason == c.BETWEEN_STEPS:
            low = max(low, work[m, c.NEXT_PRICE] + 1)
        elif reason == c.REBUY_PAUSE:
            until_ms = work[m, c.UNTIL_MS]
        elif reason != c.LADDER_USED_UP and not (reason == c.NEEDS_MONEY and alone):
            until_ms = _I(0)
    elif reason == c.COOLING_DOWN:
        until_ms = work[m, c.UNTIL_MS]
    elif reason == c.ABOVE_START_LIMIT:
        low = max(low, work[m, c.START_LIMIT_TICKS] + 1)
    elif not (reason == c.NEEDS_MONEY and alone):
        until_ms = _I(0)
    return low, high, until_ms


@compiled
def _leave_out(
    m, near_low, near_high, until_ms, last, points, work, paths, text, scratch, rows, spans, blocks
):  # fmt: skip
    """`Head.leave_out`."""
    candle, point = work[m, c.CANDLE], work[m, c.POINT]
    begin_candle, begin_point = candle, point
    while candle < last:
        _see_path(m, candle, work, paths, text, scratch, rows)
        while point < points:
            ticks = paths[m, point]
            if (
                ticks < near_low
                or ticks > near_high
                or (until_ms != _FOREVER_MS and _time_ms(rows[candle], point, points) >= until_ms)
            ):
                if candle != begin_candle or point != begin_point:
                    point -= 1
                    if point < 0:
                        candle, point = candle - 1, points - 1
                work[m, c.CANDLE], work[m, c.POINT] = candle, point
                return
            point += 1
        candle = _next_beside(candle + 1, last, near_low, near_high, until_ms, rows, spans, blocks)
        point = 0
    work[m, c.CANDLE], work[m, c.POINT] = candle, 0


_IN_BLOCK = (1 << c.BLOCK_BITS) - 1


@compiled
def _next_beside(candle, last, near_low, near_high, until_ms, rows, spans, blocks):
    """The first candle from there on that leaves the span, or does not end before that time."""
    if until_ms != _FOREVER_MS:
        while (
            candle < last
            and near_low <= spans[candle, c.LOWEST]
            and spans[candle, c.HIGHEST] <= near_high
            and rows[candle, c.OPEN_MS] + rows[candle, c.INTERVAL_MS] <= until_ms
        ):
            candle += 1
        return candle
    while candle < last:
        if not candle & _IN_BLOCK:
            block, end = candle >> c.BLOCK_BITS, last >> c.BLOCK_BITS
            while block < end and near_low <= blocks[block, c.LOWEST] and blocks[block, c.HIGHEST] <= near_high:
                block += 1
            candle = max(candle, block << c.BLOCK_BITS)
            if candle >= last:
                break
        if spans[candle, c.LOWEST] < near_low or spans[candle, c.HIGHEST] > near_high:
            return candle
        candle += 1
    return last


@compiled
def _note_unpaid(m, at_ms, work, unpaid, shared):
    """`_Run._note_unpaid`: cycles and steps only rise, so the last one noted tells whether this one is new."""
    if work[m, c.HOLD] != c.NEEDS_MONEY:
        return
    if work[m, c.ACTIVE]:
        if work[m, c.NEXT_PRICE] < 1:
            return
        cycle, step = work[m, c.CYCLE], work[m, c.STEP] + 1
    else:
        cycle, step = work[m, c.LAST_CYCLE] + 1, _I(0)
    if work[m, c.UNPAID_CYCLE] == cycle and work[m, c.UNPAID_STEP] == step:
        return
    work[m, c.UNPAID_CYCLE], work[m, c.UNPAID_STEP] = cycle, step
    if shared[c.UNPAID] == len(unpaid):
        shared[c.FAULT] = c.NO_ROOM
        return
    row = unpaid[shared[c.UNPAID]]
    row[0], row[1], row[2], row[3] = at_ms, m, cycle, step
    shared[c.UNPAID] += 1


@compiled
def _take_price(
    m, ticks, at_ms, queue, work, shared, book, trades
):  # fmt: skip
    """`_Run._play`: the quote is screened, the market decided, then whoever waits for money looks at a new reading."""
    spread = ticks * work[m, c.SPREAD_PPM] // _MILLION
    if spread == 0:
        spread = _I(1)
    bid = ticks - (spread >> 1)
    if bid == 0:
        bid = _I(1)
    ask = bid + spread
    one = work[m]
    was_bid, was_ask = one[c.SEEN_BID], one[c.SEEN_ASK]
    waits = (
        one[c.SEEN_MS] < 0
        or at_ms - one[c.SEEN_MS] > _SILENCE_MS
        or abs(bid - was_bid) * 100 > 20 * was_bid
        or abs(ask - was_ask) * 100 > 20 * was_ask
    )
    if waits:
        # The order book is read at once, and vouches for the price.
        if not _may_read(one, at_ms):
            shared[c.FAULT] = c.TOO_CLOSE
            return
        one[c.BOOK_MS] = at_ms
    one[c.SEEN_MS], one[c.SEEN_BID], one[c.SEEN_ASK], one[c.SEEN_LAST] = at_ms, bid, ask, ticks
    one[c.SEEN_BOOK] = 1 if waits else 0
    wants = _decide_and_act(m, at_ms, work, shared, book, trades)
    for _ in range(_READINGS_MAX):
        if not wants or shared[c.FAULT]:
            return
        wants = False
        waiting = 0
        for other in range(len(work)):
            reason = work[other, c.HOLD]
            if reason in (c.NEEDS_MONEY, c.TOO_SMALL_TO_SELL):
                queue[waiting] = other
                waiting += 1
        for at in range(waiting):
            if _decide_and_act(
                queue[at], at_ms, work, shared, book, trades,
            ):  # fmt: skip
                wants = True
            if shared[c.FAULT]:
                return


@compiled
def _may_read(one, at_ms):
    """Whether the order book may be read again (`AutoTraderV2._want_book`)."""
    return one[c.BOOK_MS] < 0 or not at_ms / 1000 - one[c.BOOK_MS] / 1000 < _BOOK_APART_S


@compiled
def _decide_and_act(
    m, at_ms, work, shared, book, trades
):  # fmt: skip
    """`AutoTraderV2._decide` until nothing follows from it. Returns whether a reading of the balances is wanted."""
    one = work[m]
    wants = False
    while True:
        action = _decide(at_ms, one, shared, book[m])
        if shared[c.FAULT]:
            return False
        if action == c.READ_BOOK:
            if not _may_read(one, at_ms):
                return wants
            one[c.BOOK_MS], one[c.SEEN_BOOK] = at_ms, 1
            continue
        one[c.KNOWN] = one[c.SEEN_BID]
        money1, money0 = _U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW])
        if action == c.BUYS:
            filled = _buy(m, at_ms, one, shared, book[m], trades)  # fmt: skip
        elif action == c.SELLS:
            filled = _sell(m, at_ms, one, shared, book[m], trades)  # fmt: skip
        else:
            if action == c.NEEDS_MONEY and one[c.HOLD] != c.NEEDS_MONEY:
                wants = True
            one[c.HOLD] = action
            return wants
        if shared[c.FAULT]:
            return False
        wants = True
        if filled:
            # The quote has decided its one order; what an idle market's ladder would do is looked at all the same.
            one[c.HOLD] = c.WAITS_FOR_NEW_QUOTE
            if not one[c.ACTIVE]:
                now1, now0 = _U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW])
                if action == c.SELLS:
                    # What a sale got is known to the next reading only.
                    shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = money1, money0
                start = _start_share(one, shared) if shared[c.SHARE] else _I(-1)
                shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = now1, now0
                _plan(one, start, shared)
            return wants
        one[c.HOLD] = c.NO_QUOTE


@compiled
def _decide(at_ms, one, shared, book):
    """`decide` with its `Situation`: a reason to hold, or what to do; then how much and up to which price is noted."""
    start = _I(-1)
    if not one[c.ACTIVE]:
        if shared[c.SHARE]:
            start = _start_share(one, shared)
        _plan(one, start, shared)
        if shared[c.FAULT]:
            return _I(0)
    if at_ms - one[c.SEEN_MS] > _QUOTE_AGE_MS:
        return _I(c.QUOTE_TOO_OLD)
    if one[c.SEEN_MS] <= one[c.QUOTE_AFTER_MS]:
        return _I(c.WAITS_FOR_NEW_QUOTE)
    bid, ask, known = one[c.SEEN_BID], one[c.SEEN_ASK], one[c.KNOWN]
    if known >= 0 and (bid > known * 3 or bid * 3 < known):
        shared[c.FAULT] = c.PRICE_LEAPED
        return _I(0)
    if one[c.ACTIVE]:
        stop_at = one[c.STOP_AT]
        stopped = stop_at >= 0 and bid <= stop_at
        if stopped and bid == stop_at and one[c.STOP_TIE]:
            shared[c.FAULT] = c.UNDECIDABLE
            return _I(0)
        if stopped or bid >= one[c.SELL_AT]:
            return _decide_sale(stopped, one, shared, book)
        price = one[c.NEXT_PRICE]
        if price < 1:
            return _I(c.LADDER_USED_UP)
        if ask > price:
            return _I(c.BETWEEN_STEPS)
        until_ms = one[c.BOUGHT_MS] + shared[c.REBUY_MS]
        if one[c.REST_MS]:
            until_ms = max(until_ms, one[c.REST_MS] + _REST_PAUSE_MS)
        if at_ms < until_ms:
            one[c.UNTIL_MS] = until_ms
            return _I(c.REBUY_PAUSE)
        one[c.WORST_A], one[c.WORST_B], one[c.WORST_BY] = price, shared[c.SLIPPAGE], shared[c.SLIPPAGE_BY]
        amount = one[c.NEXT_W]
    else:
        until_ms = one[c.CLOSED_MS] + shared[c.COOLDOWN_MS]
        if shared[c.COOLDOWN_MS] and at_ms < until_ms:
            one[c.UNTIL_MS] = until_ms
            return _I(c.COOLING_DOWN)
        limited = shared[c.HAS_START_LIMIT]
        if limited and ask > one[c.START_LIMIT_TICKS]:
            return _I(c.ABOVE_START_LIMIT)
        if one[c.PLAN_BAD]:
            return _I(c.BAD_LADDER)
        one[c.WORST_A], one[c.WORST_B], one[c.WORST_BY] = ask, shared[c.SLIPPAGE], shared[c.SLIPPAGE_BY]
        if limited:
            n1, n0 = wide.times(ask, shared[c.SLIPPAGE])
            a2, a1, a0 = wide.times_wide(n1, n0, one[c.START_LIMIT_BY])
            n1, n0 = wide.times(one[c.START_LIMIT], shared[c.SLIPPAGE_BY])
            if wide.order(a2, a1, a0, _NONE, n1, n0) > 0:
                one[c.WORST_A], one[c.WORST_B], one[c.WORST_BY] = (
                    one[c.START_LIMIT], _I(1), one[c.START_LIMIT_BY],
                )  # fmt: skip
        amount = wide.product(_size(0, start, one, shared), one[c.W_OF_Q])
    return _decide_buy(at_ms, amount, one, shared, book)


@compiled
def _doubtful(one):
    """`situation._doubtful`."""
    known = one[c.KNOWN]
    return known >= 0 and not one[c.SEEN_BOOK] and abs(one[c.SEEN_BID] - known) * 100 > known * 5


@compiled
def _decide_sale(stopped, one, shared, book):
    """`situation._sale`."""
    bid = one[c.SEEN_BID]
    amount = min((one[c.HELD] + one[c.DUST]) // one[c.FEE_BY], one[c.CAP_LOTS])
    worth = wide.product(amount, bid)
    if worth >= wide.LARGEST:
        shared[c.FAULT] = c.TOO_LARGE
        return _I(0)
    if amount < one[c.LEAST] or worth < one[c.MIN_WORTH]:
        return _I(c.TOO_SMALL_TO_SELL)
    if _doubtful(one):
        return _I(c.READ_BOOK)
    one[c.AMOUNT], one[c.STOPPED] = amount, 1 if stopped else 0
    if not stopped:
        if not one[c.SEEN_BOOK]:
            return _I(c.READ_BOOK)
        found = levels.sells_within(_U(one[c.SEED]), bid, amount, one[c.SELL_AT], book)
        if found == levels.TOO_LARGE:
            shared[c.FAULT] = c.TOO_LARGE
        if found != levels.WITHIN:
            return _I(c.THIN_BOOK)
    return _I(c.SELLS)


@compiled
def _decide_buy(at_ms, amount, one, shared, book):
    """`situation._buy`."""
    bid, ask = one[c.SEEN_BID], one[c.SEEN_ASK]
    waits_ms = one[c.BACKOFF_MS]
    if waits_ms and abs(ask - one[c.BACKOFF_PRICE]) * 100 < one[c.BACKOFF_PRICE] and at_ms < waits_ms:
        return _I(c.BACKING_OFF)
    n1, n0 = wide.times((ask - bid) * 100, shared[c.SPREAD_BY])
    m1, m0 = wide.times(shared[c.SPREAD], ask)
    if wide.less(m1, m0, n1, n0):
        return _I(c.SPREAD_TOO_WIDE)
    if shared[c.FAULT]:
        return _I(0)
    if amount >= wide.LARGEST:
        shared[c.FAULT] = c.TOO_LARGE
        return _I(0)
    capped = shared[c.CAPPED]
    lots = _lots_at_worst(amount, one, shared) if capped else amount // ask
    if amount < one[c.MIN_WORTH] or lots < one[c.LEAST]:
        return _I(c.BAD_LADDER)
    if not _affordable(amount, one, shared):
        return _I(c.NEEDS_MONEY)
    if _doubtful(one):
        return _I(c.READ_BOOK)
    one[c.AMOUNT] = amount
    if not capped:
        if not one[c.SEEN_BOOK]:
            return _I(c.READ_BOOK)
        on_top = levels.size_at(_U(one[c.SEED]), 0, ask, levels.coins_on_top(ask, book), book)
        if on_top < 0:
            shared[c.FAULT] = c.TOO_LARGE
            return _I(0)
        if wide.product(ask, on_top) < amount:
            found = levels.buys_within(
                _U(one[c.SEED]), ask, amount, one[c.WORST_A], one[c.WORST_B], one[c.WORST_BY], book
            )  # fmt: skip
            if found == levels.TOO_LARGE:
                shared[c.FAULT] = c.TOO_LARGE
            elif found == levels.TIE:
                shared[c.FAULT] = c.UNDECIDABLE
            return _I(c.BUYS) if found == levels.WITHIN else _I(c.THIN_BOOK)
    n1, n0 = wide.times(ask, one[c.WORST_BY])
    m1, m0 = wide.times(one[c.WORST_A], one[c.WORST_B])
    return _I(c.THIN_BOOK) if wide.less(m1, m0, n1, n0) else _I(c.BUYS)


@compiled
def _lots_at_worst(amount, one, shared):
    """How many lots an amount buys at the worst price."""
    n1, n0 = wide.times(amount, one[c.WORST_BY])
    d1, d0 = wide.times(one[c.WORST_A], one[c.WORST_B])
    lots, _ = wide.divided(_NONE, n1, n0, d1, d0)
    if lots < 0:
        shared[c.FAULT] = c.TOO_LARGE
    return lots


@compiled
def _affordable(amount, one, shared):
    """Whether the free money covers it: all of it for a rebuy, less the reserves of the others for a start."""
    n1, n0 = wide.times(amount, one[c.MONEY_OF_W])
    if shared[c.HAS_BUDGET]:
        b1, b0 = n1, n0
        if one[c.ACTIVE]:
            b1, b0 = wide.plus(n1, n0, _U(one[c.INVESTED_HIGH]), _U(one[c.INVESTED_LOW]))
        if wide.less(_U(shared[c.BUDGET_HIGH]), _U(shared[c.BUDGET_LOW]), b1, b0):
            return False
    if not one[c.ACTIVE]:
        n1, n0 = wide.plus(n1, n0, _U(shared[c.RESERVES_HIGH]), _U(shared[c.RESERVES_LOW]))
    return not wide.less(_U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW]), n1, n0)


@compiled
def _start_share(one, shared):
    """`LadderParams.resolved`: the start amount as a share of what is free for starts; -1 where that is nothing."""
    money1, money0 = _U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW])
    reserves1, reserves0 = _U(shared[c.RESERVES_HIGH]), _U(shared[c.RESERVES_LOW])
    if wide.less(money1, money0, reserves1, reserves0):
        return _I(-1)
    free1, free0 = wide.minus(money1, money0, reserves1, reserves0)
    n2, n1, n0 = wide.times_wide(free1, free0, shared[c.SHARE])
    d1, d0 = wide.times(shared[c.SHARE_BY], one[c.MONEY_OF_Q])
    found, _ = wide.divided(n2, n1, n0, d1, d0)
    if found < 0:
        shared[c.FAULT] = c.TOO_LARGE
    return found if found > 0 else _I(-1)


@compiled
def _size(step, start, one, shared):
    """`floor_to(params.size(step), qstep)`; `start` -1: of the amount the ladder was given."""
    kind = shared[c.SIZE_KIND]
    if start < 0 or kind == c.SIZES_STAY:
        return one[c.SIZES_AT + step]
    if kind == c.SIZES_EQUAL or step == 0:
        return start
    at = c.STEPS_AT + c.STEP_COLUMNS * step
    shift = shared[at + c.TIMES_SHIFT]
    if shift < 0:
        found = wide.scaled_down(start, shared[at + c.TIMES_HIGH], shared[at + c.TIMES_LOW])
        return found if found >= 0 else _I(wide.LARGEST)
    n2, n1, n0 = wide.times_wide(_U(shared[at + c.TIMES_HIGH]), _U(shared[at + c.TIMES_LOW]), start)
    least = _shifted(n2, n1, n0, shift)
    m0 = n0 + _U(start)
    m1 = n1 + _U(1) if m0 < n0 else n1
    m2 = n2 + _U(1) if m1 < n1 else n2
    if _shifted(m2, m1, m0, shift) != least:
        shared[c.FAULT] = c.UNDECIDABLE
    return least


@compiled
def _shifted(n2, n1, n0, shift):
    """Three parts shifted down by 0 to 191 bits, at most `LARGEST`."""
    while shift >= 64:
        n2, n1, n0 = _NONE, n2, n1
        shift -= 64
    if shift:
        up, down = _U(64 - shift), _U(shift)
        n0 = (n0 >> down) | (n1 << up)
        n1 = (n1 >> down) | (n2 << up)
        n2 = n2 >> down
    return _I(wide.LARGEST) if n2 or n1 or n0 >= _U(wide.LARGEST) else _I(n0)


@compiled
def _plan(one, start, shared):
    """`Decider._plan`: whether a start at about that price would work, looked at again 1 % away."""
    price = one[c.SEEN_ASK]
    was = one[c.PLAN_PRICE]
    if was >= 0 and one[c.PLAN_START] == start and abs(price - was) * 100 <= was:
        return
    one[c.PLAN_PRICE], one[c.PLAN_START] = price, start
    one[c.PLAN_BAD] = 1 if _is_bad(price, start, one, shared) else 0


@compiled
def _is_bad(price, start, one, shared):
    """`ladder.planned` with `ladder.check`."""
    if shared[c.HAS_START_LIMIT]:
        price = min(price, one[c.START_LIMIT_TICKS])
    base_price, held = price, _I(0)
    for step in range(shared[c.STEPS] + 1):
        if step:
            price = _price_of(step, price, base_price, shared)
        if price < 1:
            return True
        amount = wide.product(_size(step, start, one, shared), one[c.W_OF_Q])
        if shared[c.FAULT]:
            return True
        if amount >= wide.LARGEST and one[c.CAP_WORTH] == wide.LARGEST - 1:
            shared[c.FAULT] = c.TOO_LARGE
            return True
        if amount < one[c.MARGIN_WORTH] or amount > one[c.CAP_WORTH]:
            return True
        gross = amount // price
        if gross < one[c.LEAST]:
            return True
        held += wide.product(gross, one[c.KEPT])
        if held >= wide.LARGEST:
            shared[c.FAULT] = c.TOO_LARGE
            return True
        sellable = held // one[c.FEE_BY]
        if sellable < one[c.LEAST] or sellable > one[c.CAP_LOTS]:
            return True
        if wide.product(sellable, price) < one[c.MARGIN_WORTH]:
            return True
    return False


@compiled
def _price_of(step, previous, base_price, shared):
    """`ladder.step_price`."""
    reference = previous if shared[c.FROM_LAST_BUY] else base_price
    kept = shared[c.STEPS_AT + c.STEP_COLUMNS * step + c.STEP_PRICE]
    return wide.scaled_down(reference, kept, shared[c.FALL_BY])


@compiled
def _set_terms(one, shared):
    """What follows from a changed position: thresholds, next step, stop and reserve (`Active`, `publish_cycle`)."""
    held, step = one[c.HELD], one[c.STEP]
    invested1, invested0 = _U(one[c.INVESTED_HIGH]), _U(one[c.INVESTED_LOW])
    n2, n1, n0 = wide.times_wide(invested1, invested0, one[c.INVESTED_TIMES])
    d1, d0 = wide.times(held, one[c.HELD_TIMES])
    breakeven, whole = wide.divided(n2, n1, n0, d1, d0)
    if breakeven < 0:
        shared[c.FAULT] = c.TOO_LARGE
        return
    if not whole:
        breakeven += 1
    one[c.BREAKEVEN] = breakeven
    take_profit = wide.scaled_up(
        breakeven, shared[c.STEPS_AT + c.STEP_COLUMNS * step + c.STEP_PROFIT], shared[c.PROFIT_BY]
    )
    if take_profit < 0:
        shared[c.FAULT] = c.TOO_LARGE
        return
    one[c.SELL_AT] = breakeven if one[c.REST_MS] else take_profit
    one[c.NEXT_PRICE], one[c.NEXT_W] = 0, 0
    reserved = _I(0)
    if step < shared[c.STEPS]:
        price = _price_of(step + 1, one[c.ANCHOR], one[c.BASE_PRICE], shared)
        if price >= 1:
            amount = wide.product(_size(step + 1, one[c.START_Q], one, shared), one[c.W_OF_Q])
            one[c.NEXT_PRICE], one[c.NEXT_W] = price, amount
            if shared[c.RESERVE] == c.RESERVE_NEXT:
                reserved = amount
    if shared[c.RESERVE] == c.RESERVE_LADDER:
        price = one[c.ANCHOR]
        for ahead in range(step + 1, shared[c.STEPS] + 1):
            price = _price_of(ahead, price, one[c.BASE_PRICE], shared)
            if price < 1:
                break
            reserved += wide.product(_size(ahead, one[c.START_Q], one, shared), one[c.W_OF_Q])
            if reserved >= wide.LARGEST:
                shared[c.FAULT] = c.TOO_LARGE
                return
    one[c.STOP_AT], one[c.STOP_TIE] = -1, 0
    if shared[c.HAS_STOP] and one[c.NEXT_PRICE] < 1:
        n2, n1, n0 = wide.times_wide(invested1, invested0, one[c.STOP_NUMERATOR])
        d1, d0 = wide.times(held, one[c.STOP_TIMES])
        one[c.STOP_AT], whole = wide.divided(n2, n1, n0, d1, d0)
        # At the stop exactly, the engine's rounded quotient may lie on either side.
        one[c.STOP_TIE] = 1 if whole and not wide.terminates(invested1, invested0, held) else 0
        if one[c.STOP_AT] < 0:
            shared[c.FAULT] = c.TOO_LARGE
    _reserve(reserved, one, shared)


@compiled
def _reserve(reserved, one, shared):
    """`Wallet.set_cycle`."""
    sum1, sum0 = wide.minus(
        _U(shared[c.RESERVES_HIGH]), _U(shared[c.RESERVES_LOW]), _U(one[c.RESERVED_HIGH]), _U(one[c.RESERVED_LOW])
    )  # fmt: skip
    one[c.RESERVED_HIGH], one[c.RESERVED_LOW] = wide.times(reserved, one[c.MONEY_OF_W])
    shared[c.RESERVES_HIGH], shared[c.RESERVES_LOW] = wide.plus(
        sum1, sum0, _U(one[c.RESERVED_HIGH]), _U(one[c.RESERVED_LOW])
    )  # fmt: skip


@compiled
def _note_trade(m, at_ms, step, lots, worth, cycle, candle, trades, shared):
    if shared[c.TRADES] == len(trades):
        shared[c.FAULT] = c.NO_ROOM
        return
    row = trades[shared[c.TRADES]]
    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = at_ms, m, step, lots, worth, cycle, candle
    shared[c.TRADES] += 1


@compiled
def _buy(
    m, at_ms, one, shared, book, trades
):  # fmt: skip
    """Send and book a buy (`PaperExchange.send`, `cycle._bought`). False: refused for now."""
    amount, ask = one[c.AMOUNT], one[c.SEEN_ASK]
    if shared[c.CAPPED]:
        limit = wide.scaled_down(one[c.WORST_A], one[c.WORST_B], one[c.WORST_BY])
        if limit < 1:
            shared[c.FAULT] = c.TOO_LARGE
            return False
        wanted = amount // limit
        worth = wide.product(wanted, limit)
        if worth < one[c.MIN_WORTH]:
            if one[c.BACKOFF_MS]:
                shared[c.FAULT] = c.REFUSED
                return False
            one[c.BACKOFF_MS], one[c.BACKOFF_PRICE] = at_ms + _BACKOFF_MS, ask
            return False
        if wanted > one[c.LOTS_MAX] or worth > one[c.WORTH_MAX]:
            shared[c.FAULT] = c.REFUSED
            return False
        lots, paid = levels.buy(_U(one[c.SEED]), ask, _I(0), wanted, limit, _I(1), book)
    else:
        if amount > one[c.SPEND_MAX]:
            shared[c.FAULT] = c.REFUSED
            return False
        lots, paid = levels.buy(_U(one[c.SEED]), ask, amount, _I(0), ask * one[c.REACH], one[c.REACH_BY], book)
    if lots < 1:
        shared[c.FAULT] = c.TOO_LARGE
        return False
    one[c.BACKOFF_MS] = 0
    one[c.QUOTE_AFTER_MS] = at_ms
    cost1, cost0 = wide.times(paid, one[c.MONEY_OF_W])
    shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = wide.minus(
        _U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW]), cost1, cost0
    )
    net = wide.product(lots, one[c.KEPT])
    if net >= wide.LARGEST or one[c.HELD] + one[c.DUST] + net >= wide.LARGEST:
        shared[c.FAULT] = c.TOO_LARGE
        return False
    anchor = min(paid // lots, ask)
    if one[c.ACTIVE]:
        one[c.STEP] += 1
        one[c.HELD] += net
        one[c.INVESTED_HIGH], one[c.INVESTED_LOW] = wide.plus(
            _U(one[c.INVESTED_HIGH]), _U(one[c.INVESTED_LOW]), cost1, cost0
        )  # fmt: skip
        _note_trade(m, at_ms, one[c.STEP], lots, paid, one[c.CYCLE], one[c.PATH_OF], trades, shared)
    else:
        cycle = one[c.LAST_CYCLE] + 1
        one[c.LAST_CYCLE] = cycle
        _note_trade(m, at_ms, _I(0), lots, paid, cycle, one[c.PATH_OF], trades, shared)
        sellable = net // one[c.FEE_BY]
        n1, n0 = wide.times(sellable, paid)
        m1, m0 = wide.times(one[c.MIN_WORTH], lots)
        if n1 == m1 and n0 == m0 and paid % lots:
            # The engine's rounded quotient may lie on either side.
            shared[c.FAULT] = c.UNDECIDABLE
            return False
        if sellable < one[c.LEAST] or wide.less(n1, n0, m1, m0):
            one[c.DUST] += net
            return True
        one[c.ACTIVE], one[c.CYCLE], one[c.STEP] = 1, cycle, 0
        one[c.HELD], one[c.BASE_PRICE], one[c.REST_MS] = net, anchor, 0
        one[c.START_Q] = amount // one[c.W_OF_Q] if shared[c.SHARE] else -1
        one[c.INVESTED_HIGH], one[c.INVESTED_LOW] = cost1, cost0
    one[c.ANCHOR], one[c.BOUGHT_MS] = anchor, at_ms
    _set_terms(one, shared)
    return True


@compiled
def _sell(
    m, at_ms, one, shared, book, trades
):  # fmt: skip
    """Send and book a sale (`PaperExchange.send`, `cycle._reduced`)."""
    wanted, bid = one[c.AMOUNT], one[c.SEEN_BID]
    capped = shared[c.CAPPED] and not one[c.STOPPED] and one[c.BREAKEVEN] > 0
    limit = max(one[c.BREAKEVEN], levels.least_limit(one[c.MIN_WORTH], wanted)) if capped else one[c.SEEN_LAST]
    if wanted > one[c.LOTS_MAX] or wide.product(wanted, limit) > one[c.WORTH_MAX]:
        shared[c.FAULT] = c.REFUSED
        return False
    if capped:
        lots, got, price = levels.sell(_U(one[c.SEED]), bid, wanted, limit, _I(1), book)
    else:
        reach = bid * (2 * one[c.REACH_BY] - one[c.REACH])
        lots, got, price = levels.sell(_U(one[c.SEED]), bid, wanted, reach, one[c.REACH_BY], book)
    if lots < 1:
        shared[c.FAULT] = c.TOO_LARGE
        return False
    n1, n0 = wide.times(got, one[c.KEPT])
    _, m1, m0 = wide.times_wide(n1, n0, one[c.MONEY_OF_NET])
    shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = wide.plus(_U(shared[c.MONEY_HIGH]), _U(shared[c.MONEY_LOW]), m1, m0)
    one[c.BACKOFF_MS] = 0
    one[c.QUOTE_AFTER_MS] = at_ms
    _note_trade(m, at_ms, _I(-1), lots, got, one[c.CYCLE], one[c.PATH_OF], trades, shared)
    coins = lots * one[c.FEE_BY]
    taken = min(coins, one[c.HELD])
    one[c.DUST] -= coins - taken
    held = one[c.HELD] - taken
    left = held // one[c.FEE_BY]
    if left < one[c.LEAST] or left * price < one[c.MIN_WORTH]:
        # Too little to be sold: it is dust, the cycle is over.
        one[c.DUST] += held
        one[c.ACTIVE], one[c.HELD], one[c.CLOSED_MS] = 0, 0, at_ms
        one[c.INVESTED_HIGH], one[c.INVESTED_LOW] = _NONE, _NONE
        _reserve(_I(0), one, shared)
        return True
    gone1, gone0 = wide.share(_U(one[c.INVESTED_HIGH]), _U(one[c.INVESTED_LOW]), taken, one[c.HELD])
    rest1, rest0 = wide.minus(_U(one[c.INVESTED_HIGH]), _U(one[c.INVESTED_LOW]), gone1, gone0)
    one[c.INVESTED_HIGH], one[c.INVESTED_LOW] = rest1, rest0
    one[c.HELD] = held
    start = one[c.START_Q] * one[c.W_OF_Q] if one[c.START_Q] >= 0 else one[c.START_WORTH]
    if left * price < start:
        # So little that it is a start buy: a new cycle with the rest as its fill.
        one[c.LAST_CYCLE] += 1
        one[c.CYCLE], one[c.CLOSED_MS], one[c.BOUGHT_MS] = one[c.LAST_CYCLE], at_ms, at_ms
        one[c.STEP], one[c.REST_MS] = 0, 0
        d1, d0 = wide.times(held, one[c.ANCHOR_TIMES])
        anchor, _ = wide.divided(_NONE, rest1, rest0, d1, d0)
        if anchor < 0:
            shared[c.FAULT] = c.TOO_LARGE
        one[c.ANCHOR], one[c.BASE_PRICE] = anchor, anchor
    else:
        one[c.REST_MS] = max(at_ms, one[c.REST_MS])
    _set_terms(one, shared)
    return True
