"""The causes that keep buys or sales from leaving, and the ways out of each: nothing stays blocked without one.

`PAUSE_WAYS`, `HOLD_WAYS`, `COIN_WAYS` and `ACCOUNT_WAYS` name the ways of every cause there is; `TOLD_AFTER_MS`,
`TOLD_BY_ACCOUNT`, `TOLD_AS_PAUSE` and `NO_HALT` share out the reasons of a decision. A test walks the code for causes
that are missing here.
"""

from collections.abc import Mapping
from enum import StrEnum

from autotrader_v2.application.ports import Trouble
from autotrader_v2.domain.situation import Reason


class Way(StrEnum):
    """A way out. The first ones are requests that the API takes as they are; the rest is for a person to do."""

    RESUME = "resume"
    RESUME_ACCOUNT = "resume_account"
    RECONCILE = "reconcile"
    START = "start"
    WRITE_OFF = "write_off"
    IGNORE = "ignore"
    ADOPT = "adopt"
    SELL_ALL = "sell_all"
    SWITCH = "switch"
    CHANGE_LADDER = "change_ladder"
    CHANGE_LIMITS = "change_limits"
    SEE_ORDER = "see_order"
    ADD_MONEY = "add_money"
    CANCEL_THERE = "cancel_there"
    CHECK_KEY = "check_key"
    CHECK_CONNECTION = "check_connection"
    STOP_OTHER = "stop_other"
    FREE_DISK = "free_disk"
    EASE_DISK = "ease_disk"
    PUT_BACK = "put_back"
    RESTORE_BACKUP = "restore_backup"
    FIX_CLOCK = "fix_clock"
    RESTART = "restart"
    WAIT = "wait"


# What each way that the API offers is asked with; the body names the currency where there is one.
POSTS: Mapping[Way, str] = {
    Way.RESUME: "/api/autotrader/resume_cycle",
    Way.RESUME_ACCOUNT: "/api/autotrader/resume_cycle",
    Way.RECONCILE: "/api/reconcile",
    Way.START: "/api/autotrader/start",
    Way.WRITE_OFF: "/api/autotrader/write_off",
    Way.IGNORE: "/api/autotrader/ignore_coins",
    Way.ADOPT: "/api/autotrader/adopt",
    Way.SELL_ALL: "/api/trade/quick/sell_all",
    Way.SWITCH: "/api/autotrader/switch",
    Way.CHANGE_LADDER: "/api/trade/params",
    Way.CHANGE_LIMITS: "/api/order_limits",
}

PAUSE_WAYS: Mapping[str, tuple[Way, ...]] = {
    "orders_fail": (Way.RESUME, Way.CHANGE_LADDER),
    "coins_missing": (Way.RESUME, Way.WRITE_OFF, Way.RECONCILE),
    "reset_by_you": (Way.RESUME, Way.ADOPT, Way.IGNORE),
    "sold_by_you": (Way.RESUME,),
    "sold_in_part_by_you": (Way.RESUME, Way.SELL_ALL),
    "order_not_in_journal": (Way.RESUME, Way.ADOPT, Way.IGNORE, Way.SEE_ORDER),
    "contract_broken": (Way.RESUME, Way.RECONCILE, Way.SEE_ORDER),
    "unknown_label": (Way.RESUME, Way.SEE_ORDER),
    "order_doubled": (Way.RESUME, Way.SEE_ORDER),
    "order_not_shown": (Way.RESUME, Way.RECONCILE, Way.SEE_ORDER),
    "account_refused": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "second_instance": (Way.STOP_OTHER, Way.RESUME_ACCOUNT),
    "account_kind": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "key_withdraws": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "key_read_only": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "journal_replaced": (Way.RECONCILE, Way.RESUME_ACCOUNT),
}

HOLD_WAYS: Mapping[Reason, tuple[Way, ...]] = {
    Reason.ORDER_IN_FLIGHT: (Way.WAIT, Way.SEE_ORDER, Way.RESTART),
    Reason.ORDER_UNKNOWN: (Way.WAIT, Way.SEE_ORDER),
    Reason.BUSY: (Way.WAIT, Way.RESTART),
    Reason.FAILING: (Way.WAIT, Way.RESTART),
    Reason.CLOCK_WRONG: (Way.FIX_CLOCK,),
    Reason.UNREACHABLE: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.CHECKING: (Way.WAIT,),
    Reason.PAUSED: (Way.RESUME,),
    Reason.OFF: (Way.SWITCH,),
    Reason.NO_QUOTE: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.QUOTE_TOO_OLD: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.WAITS_FOR_NEW_QUOTE: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.PRICE_LEAPED: (Way.RESUME, Way.WAIT),
    Reason.MARKET_CLOSED: (Way.WAIT, Way.SWITCH),
    Reason.DELISTING: (Way.SELL_ALL, Way.WAIT),
    Reason.BALANCE_UNKNOWN: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.SHORTAGE: (Way.RECONCILE, Way.WRITE_OFF),
    Reason.LOCKED_IN_YOUR_ORDER: (Way.CANCEL_THERE, Way.WAIT),
    Reason.TOO_SMALL_TO_SELL: (Way.WAIT, Way.WRITE_OFF),
    Reason.THIN_BOOK: (Way.WAIT, Way.CHANGE_LADDER),
    Reason.BACKING_OFF: (Way.WAIT, Way.RESUME),
    Reason.REBUY_PAUSE: (Way.WAIT, Way.CHANGE_LADDER),
    Reason.SPREAD_TOO_WIDE: (Way.WAIT, Way.CHANGE_LADDER),
    Reason.NEEDS_MONEY: (Way.ADD_MONEY, Way.CHANGE_LADDER, Way.WAIT),
    Reason.LADDER_USED_UP: (Way.WAIT, Way.CHANGE_LADDER, Way.SELL_ALL),
    Reason.SELL_ONLY: (Way.SWITCH,),
    Reason.FINISHING: (Way.SWITCH,),
    Reason.HOLDS_COINS: (Way.ADOPT, Way.IGNORE, Way.SELL_ALL),
    Reason.COOLING_DOWN: (Way.WAIT, Way.CHANGE_LADDER),
    Reason.ABOVE_START_LIMIT: (Way.WAIT, Way.CHANGE_LADDER),
    Reason.BAD_LADDER: (Way.CHANGE_LADDER,),
    Reason.LIMIT_REACHED: (Way.WAIT, Way.CHANGE_LIMITS),
    Reason.OUTSIDE_BAND: (Way.WAIT, Way.CHANGE_LIMITS),
    Reason.JOURNAL_FULL: (Way.FREE_DISK,),
    Reason.BETWEEN_STEPS: (Way.WAIT,),
    Reason.WAITING: (Way.WAIT,),
}

# Of one coin, known otherwise than by the reason of a decision.
COIN_WAYS: Mapping[str, tuple[Way, ...]] = {
    "book_unread": (Way.WAIT, Way.CHECK_CONNECTION),
    "market_missing": (Way.WAIT, Way.RESTART),
    "market_unknown": (Way.WAIT, Way.RESTART),
}

ACCOUNT_WAYS: Mapping[str, tuple[Way, ...]] = {
    "engine_held": (Way.START,),
    "start_asks": (Way.WAIT, Way.CHECK_CONNECTION),
    "start_waits": (Way.WAIT, Way.CHECK_CONNECTION),
    "start_refused": (Way.CHECK_KEY, Way.WAIT),
    "start_failed": (Way.RESTART,),
    "engine_stuck": (Way.RESTART,),
    "part_failing": (Way.WAIT, Way.RESTART),
    "prices_silent": (Way.WAIT, Way.CHECK_CONNECTION),
    "balances_unread": (Way.WAIT, Way.CHECK_KEY),
    "journal_damaged": (Way.RESTORE_BACKUP,),
    "journal_misplaced": (Way.PUT_BACK, Way.RESTORE_BACKUP),
    "journal_taken": (Way.STOP_OTHER, Way.RESTART),
    "journal_uncertain": (Way.RESTART,),
    "journal_failing": (Way.FREE_DISK, Way.STOP_OTHER, Way.WAIT),
    "journal_full": (Way.FREE_DISK,),
    "journal_slow": (Way.WAIT, Way.EASE_DISK),
    "sending_ended": (Way.RESTART,),
}

JOURNAL_TROUBLES: Mapping[Trouble, str] = {
    Trouble.DAMAGED: "journal_damaged",
    Trouble.MISPLACED: "journal_misplaced",
    Trouble.TAKEN: "journal_taken",
    Trouble.UNCERTAIN: "journal_uncertain",
}

# The holds that are halts: something that should move does not. How long each must last before it is told: what
# comes and goes by itself within seconds is no halt.
TOLD_AFTER_MS: Mapping[Reason, int] = {
    Reason.ORDER_IN_FLIGHT: 30_000,
    Reason.BUSY: 30_000,
    Reason.ORDER_UNKNOWN: 0,
    Reason.FAILING: 0,
    Reason.NO_QUOTE: 15_000,
    Reason.QUOTE_TOO_OLD: 15_000,
    Reason.WAITS_FOR_NEW_QUOTE: 60_000,
    Reason.PRICE_LEAPED: 0,
    Reason.MARKET_CLOSED: 0,
    Reason.DELISTING: 0,
    Reason.BALANCE_UNKNOWN: 15_000,
    Reason.SHORTAGE: 5_000,
    Reason.LOCKED_IN_YOUR_ORDER: 0,
    Reason.TOO_SMALL_TO_SELL: 0,
    Reason.THIN_BOOK: 60_000,
    Reason.BACKING_OFF: 5_000,
    Reason.SPREAD_TOO_WIDE: 60_000,
    Reason.NEEDS_MONEY: 0,
    Reason.LADDER_USED_UP: 0,
    Reason.HOLDS_COINS: 0,
    Reason.BAD_LADDER: 0,
    Reason.LIMIT_REACHED: 0,
    Reason.OUTSIDE_BAND: 5_000,
}
# The whole account stands still for it: told once, not by each coin.
TOLD_BY_ACCOUNT = frozenset({Reason.CLOCK_WRONG, Reason.UNREACHABLE, Reason.CHECKING, Reason.JOURNAL_FULL})
TOLD_AS_PAUSE = frozenset({Reason.PAUSED})
# A person's own switch or ladder, or nothing to do at this price.
NO_HALT = frozenset(
    {
        Reason.OFF,
        Reason.SELL_ONLY,
        Reason.FINISHING,
        Reason.REBUY_PAUSE,
        Reason.COOLING_DOWN,
        Reason.ABOVE_START_LIMIT,
        Reason.BETWEEN_STEPS,
        Reason.WAITING,
    }
)
# A start's first questions are answered sooner when all is well.
START_ASKS_MS = 1_500
# A book that is wanted is read twice a second; so long without one nothing is decided.
BOOK_UNREAD_AFTER_MS = 15_000
STOPS_BUYS = frozenset(
    {
        Reason.DELISTING,
        Reason.SPREAD_TOO_WIDE,
        Reason.NEEDS_MONEY,
        Reason.LADDER_USED_UP,
        Reason.HOLDS_COINS,
        Reason.BAD_LADDER,
        Reason.LIMIT_REACHED,
        Reason.OUTSIDE_BAND,
    }
)
STOPS_SALES = frozenset({Reason.LOCKED_IN_YOUR_ORDER, Reason.TOO_SMALL_TO_SELL})
