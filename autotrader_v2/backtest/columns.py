"""What stands where in the arrays that the compiled rules work on.

Units: `W` (worth) is a tick times a lot in quote currency, `Q` the market's step of quote amounts, money is quote
currency in 1e-18, held coins are in lots times the fee's smallest part. A maximum of 0 is given as the largest number.
"""

# A candle: one row is one line of the processor's cache, so that all that is asked of a candle is fetched at once.
# `WAY`: which extreme comes first (0: not known yet).
OPEN_MS, INTERVAL_MS, OPENED, HIGH, LOW, CLOSED, WAY = range(7)
CANDLE_COLUMNS = 8
# The extremes of a candle, and of 2^BLOCK_BITS of them, so that most are passed without their row being fetched.
BLOCK_BITS = 5
HIGHEST, LOWEST = range(2)

# A market: what its rules say and, behind that, what is known of it while it runs.
(
    SPREAD_PPM,
    FEE_BY,
    KEPT,
    LEAST,
    MIN_WORTH,
    MARGIN_WORTH,
    CAP_WORTH,
    CAP_LOTS,
    SPEND_MAX,
    LOTS_MAX,
    WORTH_MAX,
    W_OF_Q,
    MONEY_OF_W,
    MONEY_OF_NET,
    MONEY_OF_Q,
    INVESTED_TIMES,
    HELD_TIMES,
    ANCHOR_TIMES,
    STOP_NUMERATOR,
    STOP_TIMES,
    REACH,
    REACH_BY,
    START_LIMIT,
    START_LIMIT_BY,
    START_LIMIT_TICKS,
    START_WORTH,
    TEXT_LENGTH,
    SEED,
    MARKET_COLUMNS,
) = range(29)

# What all markets share: the ladder, the money, how the run goes, and a row for each step. `*_HIGH`, `*_LOW` are the
# two parts of a wide number.
(
    STEPS,
    FROM_LAST_BUY,
    FALL_BY,
    PROFIT_BY,
    COOLDOWN_MS,
    REBUY_MS,
    SPREAD,
    SPREAD_BY,
    SLIPPAGE,
    SLIPPAGE_BY,
    CAPPED,
    RESERVE,
    HAS_STOP,
    HAS_BUDGET,
    BUDGET_HIGH,
    BUDGET_LOW,
    SHARE,
    SHARE_BY,
    SIZE_KIND,
    HAS_START_LIMIT,
    POINTS,
    MONEY_HIGH,
    MONEY_LOW,
    RESERVES_HIGH,
    RESERVES_LOW,
    FAULT,
    TRADES,
    UNPAID,
    BEGUN,
    STEPS_AT,
) = range(30)

RESERVE_NONE, RESERVE_NEXT, RESERVE_LADDER = range(3)
# How a start of another amount changes the sizes: not at all, to that amount, in proportion.
SIZES_STAY, SIZES_EQUAL, SIZES_SCALE = range(3)

# A step: what is left of the price after its fall, and its profit factor, as numerators; how many times the start
# amount it is: parts and a shift, or (shift -1) a numerator and a denominator.
STEP_PRICE, STEP_PROFIT, TIMES_HIGH, TIMES_LOW, TIMES_SHIFT, STEP_COLUMNS = range(6)

# What is known of a market while it runs; behind it what each step spends.
(
    ACTIVE,
    LAST_CYCLE,
    CLOSED_MS,
    DUST,
    CYCLE,
    HELD,
    ANCHOR,
    BASE_PRICE,
    STEP,
    BOUGHT_MS,
    REST_MS,
    START_Q,
    BREAKEVEN,
    SELL_AT,
    NEXT_PRICE,
    NEXT_W,
    STOP_AT,
    STOP_TIE,
    QUOTE_AFTER_MS,
    BACKOFF_MS,
    BACKOFF_PRICE,
    KNOWN,
    SEEN_MS,
    SEEN_BID,
    SEEN_ASK,
    SEEN_LAST,
    SEEN_BOOK,
    BOOK_MS,
    HOLD,
    UNTIL_MS,
    PLAN_PRICE,
    PLAN_START,
    PLAN_BAD,
    UNPAID_CYCLE,
    UNPAID_STEP,
    DUE,
    AMOUNT,
    WORST_A,
    WORST_B,
    WORST_BY,
    STOPPED,
    CANDLE,
    POINT,
    PATH_OF,
    INVESTED_HIGH,
    INVESTED_LOW,
    RESERVED_HIGH,
    RESERVED_LOW,
    SIZES_AT,
) = range(MARKET_COLUMNS, MARKET_COLUMNS + 49)

# What a market holds for, or does.
(
    NO_QUOTE,
    WAITS_FOR_NEW_QUOTE,
    QUOTE_TOO_OLD,
    BETWEEN_STEPS,
    REBUY_PAUSE,
    LADDER_USED_UP,
    NEEDS_MONEY,
    COOLING_DOWN,
    ABOVE_START_LIMIT,
    BAD_LADDER,
    BACKING_OFF,
    SPREAD_TOO_WIDE,
    THIN_BOOK,
    TOO_SMALL_TO_SELL,
    READ_BOOK,
    BUYS,
    SELLS,
) = range(17)

# Why a run ended early. With LITTLE_ROOM for trades or buys not paid it can go on.
(
    FINE,
    TOO_LARGE,
    UNDECIDABLE,
    PRICE_LEAPED,
    REFUSED,
    NO_ROOM,
    LITTLE_ROOM,
    TOO_CLOSE,
) = range(8)

# A trade as a row, with the candle its market was last heard in; a buy that could not be paid is when, market, cycle,
# step.
TRADE_MS, TRADE_MARKET, TRADE_STEP, TRADE_LOTS, TRADE_W, TRADE_CYCLE, TRADE_CANDLE = range(7)
TRADE_COLUMNS = 7
UNPAID_COLUMNS = 4
