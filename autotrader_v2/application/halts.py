"""What stands still although it should trade: why, since when, how much money hangs on it, and every way out.

A read model over frozen values, no lock. Nothing may stay blocked without a way out: `PAUSE_WAYS`, `HOLD_WAYS` and
`ACCOUNT_WAYS` name one for every cause there is, and a test walks the code for causes that are missing here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from autotrader_v2.application.deciding import texts
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.health import health_of
from autotrader_v2.application.readings import outside_coins
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.views import figure, hold_of, if_sold, text
from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Hold, Pause, Reason, SwitchMode

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2


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
    "order_not_in_journal": (Way.RESUME, Way.ADOPT, Way.IGNORE, Way.SEE_ORDER),
    "contract_broken": (Way.RESUME, Way.RECONCILE, Way.SEE_ORDER),
    "unknown_label": (Way.RESUME, Way.SEE_ORDER),
    "order_doubled": (Way.RESUME, Way.SEE_ORDER),
    "account_refused": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "second_instance": (Way.STOP_OTHER, Way.RESUME_ACCOUNT),
    "account_kind": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "key_withdraws": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "key_read_only": (Way.CHECK_KEY, Way.RESUME_ACCOUNT),
    "journal_replaced": (Way.RECONCILE, Way.RESUME_ACCOUNT),
}

HOLD_WAYS: Mapping[Reason, tuple[Way, ...]] = {
    Reason.ORDER_IN_FLIGHT: (Way.WAIT,),
    Reason.ORDER_UNKNOWN: (Way.WAIT, Way.SEE_ORDER),
    Reason.BUSY: (Way.WAIT,),
    Reason.FAILING: (Way.WAIT, Way.RESTART),
    Reason.CLOCK_WRONG: (Way.FIX_CLOCK,),
    Reason.UNREACHABLE: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.CHECKING: (Way.WAIT,),
    Reason.PAUSED: (Way.RESUME,),
    Reason.OFF: (Way.SWITCH,),
    Reason.NO_QUOTE: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.QUOTE_TOO_OLD: (Way.WAIT, Way.CHECK_CONNECTION),
    Reason.WAITS_FOR_NEW_QUOTE: (Way.WAIT,),
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

ACCOUNT_WAYS: Mapping[str, tuple[Way, ...]] = {
    "engine_held": (Way.START,),
    "start_failed": (Way.RESTART,),
    "engine_stuck": (Way.RESTART,),
    "part_failing": (Way.WAIT, Way.RESTART),
    "prices_silent": (Way.WAIT, Way.CHECK_CONNECTION),
    "balances_unread": (Way.WAIT, Way.CHECK_KEY),
    "journal_failing": (Way.FREE_DISK, Way.WAIT),
    "journal_taken": (Way.STOP_OTHER, Way.RESTART),
    "sending_ended": (Way.RESTART,),
    "market_missing": (Way.WAIT, Way.RESTART),
}

# The holds that are halts: something that should move does not. How long each must last before it is told: what
# comes and goes by itself within seconds is no halt. The others are a coin's ordinary waiting, or a person's wish.
_TOLD_AFTER_MS: Mapping[Reason, int] = {
    Reason.ORDER_UNKNOWN: 0,
    Reason.FAILING: 0,
    Reason.NO_QUOTE: 15_000,
    Reason.QUOTE_TOO_OLD: 15_000,
    Reason.PRICE_LEAPED: 0,
    Reason.MARKET_CLOSED: 0,
    Reason.DELISTING: 0,
    Reason.BALANCE_UNKNOWN: 15_000,
    Reason.SHORTAGE: 5_000,
    Reason.LOCKED_IN_YOUR_ORDER: 0,
    Reason.TOO_SMALL_TO_SELL: 0,
    Reason.BACKING_OFF: 5_000,
    Reason.NEEDS_MONEY: 0,
    Reason.LADDER_USED_UP: 0,
    Reason.HOLDS_COINS: 0,
    Reason.BAD_LADDER: 0,
    Reason.LIMIT_REACHED: 0,
    Reason.OUTSIDE_BAND: 5_000,
    Reason.JOURNAL_FULL: 0,
}
_STOPS_BUYS = frozenset(
    {
        Reason.DELISTING,
        Reason.NEEDS_MONEY,
        Reason.LADDER_USED_UP,
        Reason.HOLDS_COINS,
        Reason.BAD_LADDER,
        Reason.LIMIT_REACHED,
        Reason.OUTSIDE_BAND,
        Reason.JOURNAL_FULL,
    }
)
_STOPS_SALES = frozenset({Reason.LOCKED_IN_YOUR_ORDER, Reason.TOO_SMALL_TO_SELL})
# What of `health_of` stops trading: (part, code) -> the halt's code.
_PARTS = {
    ("feed", "offline"): "prices_silent",
    ("feed", "silent"): "prices_silent",
    ("journal", "failing"): "journal_failing",
    ("journal", "taken"): "journal_taken",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """Units: quote currency, coins. `coins`: the cycle's, or those outside where none is open; None for many markets.

    `worth`: if sold now (of a cycle after the fee); None without a price. `reserved`: for a buy of unknown outcome.
    """

    invested: Decimal = ZERO
    coins: Decimal | None = None
    worth: Decimal | None = None
    reserved: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Something that stands still. `kind`: pause, hold (of one currency), account_pause, account (`currency` None).

    `stops`: all, buys, sales. `since_ms` and `until_ms` by our clock, 0 = not known, or not by waiting.
    """

    kind: str
    code: str
    stops: str
    ways: tuple[Way, ...]
    stake: Stake
    currency: str | None = None
    since_ms: int = 0
    until_ms: int = 0
    values: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """For the API: each way with the request that takes it, where there is one."""
        stake = self.stake
        return {
            "kind": self.kind,
            "code": self.code,
            "currency": self.currency,
            "stops": self.stops,
            "since_ms": self.since_ms or None,
            "until_ms": self.until_ms or None,
            "values": dict(self.values),
            "stake": {
                "invested": figure(stake.invested),
                "coins": text(stake.coins),
                "worth": figure(stake.worth),
                "reserved": figure(stake.reserved),
            },
            "ways": [{"way": way.value, "post": POSTS.get(way)} for way in self.ways],
        }


def halts_of(trader: "AutoTraderV2") -> tuple[Halt, ...]:
    """Everything that stands still now: the account's first, then the coins', those with most money first."""
    coins = [halt for slot in trader.get_all_cycles() for halt in _of_slot(trader.floor, slot)]
    coins.sort(key=lambda halt: halt.stake.invested + halt.stake.reserved, reverse=True)
    return (*_of_account(trader), *coins)


def _of_slot(floor: Floor, slot: Slot) -> Iterator[Halt]:
    state, now_ms = slot.state, floor.clock.now_ms()
    quote = floor.board.newest(slot.market)
    order = state.order
    unknown = order is not None and order.unknown and order.intent is not None and order.intent.side is Side.BUY
    reserved = order.intent.max_cost if unknown and order is not None and order.intent is not None else ZERO
    reading = floor.wallet.base_reading(slot.market)
    outside = outside_coins(slot, reading) if reading is not None else ZERO
    stake = _stake(state.cycle, quote, reserved, outside)
    if state.pause is not None:
        yield _paused(state.pause, "pause", stake, slot.market.base)
    hold = hold_of(slot)
    if hold.reason not in _TOLD_AFTER_MS:
        return
    if floor.mode_of(slot) is SwitchMode.OFF and hold.reason is not Reason.ORDER_UNKNOWN:
        return  # a pause of the account, or a switch: told by itself
    values = texts(hold.values)
    since_ms = int(values.get("since_ms", slot.hold_since_ms))
    if now_ms - since_ms < _TOLD_AFTER_MS[hold.reason]:
        return
    yield Halt(
        kind="hold",
        code=hold.reason.value,
        stops=_stops(hold),
        ways=HOLD_WAYS[hold.reason],
        stake=stake,
        currency=slot.market.base,
        since_ms=since_ms,
        until_ms=_until(hold, values),
        values=values,
    )


def _paused(pause: Pause, kind: str, stake: Stake, currency: str | None) -> Halt:
    last = Way.RESUME if currency is not None else Way.RESUME_ACCOUNT
    return Halt(
        kind=kind,
        code=pause.cause,
        stops="buys" if pause.sells else "all",
        # A cause that a later program wrote ends like every pause.
        ways=PAUSE_WAYS.get(pause.cause, (last,)),
        stake=stake,
        currency=currency,
        since_ms=pause.since_ms,
        values=dict(pause.values),
    )


def _stops(hold: Hold) -> str:
    side = dict(hold.values).get("side")
    if hold.reason in _STOPS_BUYS or side == Side.BUY:
        return "buys"
    return "sales" if hold.reason in _STOPS_SALES or side == Side.SELL else "all"


def _until(hold: Hold, values: Mapping[str, str]) -> int:
    if hold.reason is Reason.DELISTING:
        return int(values["at_s"]) * 1000
    return int(values.get("until_ms", 0))


def _stake(cycle: TradingCycle, quote: Quote | None, reserved: Decimal, outside: Decimal = ZERO) -> Stake:
    if not isinstance(cycle, Active):
        if outside <= 0:
            return Stake(reserved=reserved)
        return Stake(coins=outside, worth=outside * quote.bid if quote is not None else None, reserved=reserved)
    worth = cycle.invested + if_sold(cycle, quote) if quote is not None else None
    return Stake(invested=cycle.invested, coins=cycle.held, worth=worth, reserved=reserved)


def _of_account(trader: "AutoTraderV2") -> Iterator[Halt]:
    floor, stake = trader.floor, _stake_of_all(trader)
    if floor.account_pause is not None:
        yield _paused(floor.account_pause, "account_pause", stake, None)

    def halt(code: str, values: Mapping[str, str] | None = None, since_ms: int = 0, stops: str = "all") -> Halt:
        ways = ACCOUNT_WAYS[code]
        return Halt(
            kind="account", code=code, stops=stops, ways=ways, stake=stake, since_ms=since_ms, values=values or {}
        )

    if trader.phase == "failed":
        yield halt("start_failed")
    elif floor.sending_ended.is_set():
        yield halt("sending_ended")
    elif trader.phase == "running" and not trader.running:
        yield halt("engine_held")
    for hold in floor.standstill.reasons():
        values = texts(hold.values)
        yield Halt(
            kind="account",
            code=hold.reason.value,
            stops="all",
            ways=HOLD_WAYS[hold.reason],
            stake=stake,
            since_ms=int(values.get("since_ms", 0)),
            values=values,
        )
    for part in health_of(trader).parts:
        if part.ok:
            continue
        values = {"part": part.name, **dict(part.values)}
        if (code := _PARTS.get((part.name, part.code))) is not None:
            yield halt(code, values, part.since_ms)
        elif part.code == "stuck":
            yield halt("engine_stuck", values, part.since_ms)
        elif part.code == "restarts":
            yield halt("part_failing", values, part.since_ms)
    if trader.reader.failing:
        yield halt("balances_unread")
    for market in trader.missing:
        cycle = trader.cycle_in_journal(market)
        if isinstance(cycle, Active):
            own = _stake(cycle, None, ZERO)
            code = "market_missing"
            yield Halt(
                kind="account",
                code=code,
                stops="all",
                ways=ACCOUNT_WAYS[code],
                stake=own,
                currency=market.base,
                values={"symbol": market.pair},
            )


def _stake_of_all(trader: "AutoTraderV2") -> Stake:
    cycles = [slot.state.cycle for slot in trader.get_all_cycles()]
    invested = sum((cycle.invested for cycle in cycles if isinstance(cycle, Active)), ZERO)
    return Stake(invested=invested, reserved=trader.floor.wallet.funds().reserved)
