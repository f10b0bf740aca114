"""What stands where in the arrays that the compiled rules work on.

Units: `W` (worth) is a tick times a lot in quote currency, `Q` the market's step of quote amounts, money is quote
currency in 1e-18, held coins are in lots times the fee's smallest part. A maximum of 0 is given as the largest number.
"""

# A market.
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
    MARKET_COLUMNS,
) = range(28)

# The ladder, the same for all markets. `*_HIGH`, `*_LOW` are the two parts of a wide number.
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
    LADDER_COLUMNS,
) = range(22)

RESERVE_NONE, RESERVE_NEXT, RESERVE_LADDER = range(3)
# How a start of another amount changes the sizes: not at all, to that amount, in proportion.
SIZES_STAY, SIZES_EQUAL, SIZES_SCALE = range(3)

# A step: what is left of the price after its fall, and its profit factor, as numerators.
STEP_PRICE, STEP_PROFIT = range(2)
# How many times the start amount a step is: parts and a shift, or (shift -1) a numerator and a denominator.
TIMES_HIGH, TIMES_LOW, TIMES_SHIFT = range(3)

# What is known of a market while it runs.
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
    STATE_COLUMNS,
) = range(45)

# Wide numbers of a market: what its cycle cost, and what starts of others may not touch.
INVESTED_HIGH, INVESTED_LOW, RESERVED_HIGH, RESERVED_LOW = range(4)
WIDE_COLUMNS = 4

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

# Why a run ended early.
(
    FINE,
    TOO_LARGE,
    UNDECIDABLE,
    PRICE_LEAPED,
    REFUSED,
    NO_ROOM,
    TOO_CLOSE,
) = range(7)

# A trade, and a buy that could not be paid, as rows.
TRADE_MS, TRADE_MARKET, TRADE_STEP, TRADE_LOTS, TRADE_W, TRADE_CYCLE = range(6)
TRADE_COLUMNS = 6
UNPAID_MS_COLUMN, UNPAID_MARKET_COLUMN, UNPAID_CYCLE_COLUMN, UNPAID_STEP_COLUMN = range(4)
UNPAID_COLUMNS = 4
