"""Everything a decision needs, and the decision. Same situation, same answer (TRADING_RULES.md, "Deciding")."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, assert_never

from autotrader_v2.domain.cycle import Active, Idle, TradingCycle
from autotrader_v2.domain.ladder import LadderParams, OrderStyle
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import HUNDRED, ZERO, floor_to, plain
from autotrader_v2.domain.orders import Why
from autotrader_v2.domain.quotes import Quote, average_for_base, average_for_quote, leaps

_REST_PAUSE_MS = 60_000
_SECOND_MS = 1000
# A single price this far from the last one decides no order: the order book is read first, as a second source.
_DOUBT_PCT = 5


class SwitchMode(StrEnum):
    """What a person allows, from free to strict; the stricter of a market's and the global one wins."""

    ON = "on"
    FINISH = "finish"
    SELL_ONLY = "sell_only"
    OFF = "off"

    @property
    def starts(self) -> bool:
        """Whether a new cycle may start."""
        return self is SwitchMode.ON

    @property
    def rebuys(self) -> bool:
        """Whether a running cycle may buy its next step."""
        return self in (SwitchMode.ON, SwitchMode.FINISH)

    @property
    def sells(self) -> bool:
        """Whether a running cycle may sell."""
        return self is not SwitchMode.OFF


_STRICTNESS = {mode: rank for rank, mode in enumerate(SwitchMode)}


def stricter(one: SwitchMode, other: SwitchMode) -> SwitchMode:
    """The stricter of two switches."""
    return one if _STRICTNESS[one] >= _STRICTNESS[other] else other


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is bought or sold until the way out is taken. Codes with values; catalogues make the sentences."""

    cause: str
    since_ms: int
    way_out: str = "resume"
    values: tuple[tuple[str, str], ...] = ()
    sells: bool = False


class Reason(StrEnum):
    """Why a market holds."""

    ORDER_IN_FLIGHT = "order_in_flight"
    ORDER_UNKNOWN = "order_unknown"
    BUSY = "busy"
    FAILING = "failing"
    CLOCK_WRONG = "clock_wrong"
    UNREACHABLE = "unreachable"
    CHECKING = "checking"
    PAUSED = "paused"
    OFF = "off"
    NO_QUOTE = "no_quote"
    QUOTE_TOO_OLD = "quote_too_old"
    WAITS_FOR_NEW_QUOTE = "waits_for_new_quote"
    PRICE_LEAPED = "price_leaped"
    MARKET_CLOSED = "market_closed"
    DELISTING = "delisting"
    BALANCE_UNKNOWN = "balance_unknown"
    SHORTAGE = "shortage"
    LOCKED_IN_YOUR_ORDER = "locked_in_your_order"
    TOO_SMALL_TO_SELL = "too_small_to_sell"
    THIN_BOOK = "thin_book"
    BACKING_OFF = "backing_off"
    REBUY_PAUSE = "rebuy_pause"
    SPREAD_TOO_WIDE = "spread_too_wide"
    NEEDS_MONEY = "needs_money"
    LADDER_USED_UP = "ladder_used_up"
    SELL_ONLY = "sell_only"
    FINISHING = "finishing"
    HOLDS_COINS = "holds_coins"
    COOLING_DOWN = "cooling_down"
    ABOVE_START_LIMIT = "above_start_limit"
    BAD_LADDER = "bad_ladder"
    LIMIT_REACHED = "limit_reached"
    JOURNAL_FULL = "journal_full"
    OUTSIDE_BAND = "outside_band"
    BETWEEN_STEPS = "between_steps"
    WAITING = "waiting"


class Awaited(NamedTuple):
    """The one thing a market waits for: an order out at the exchange, or a person's command being written.

    `client_id` is empty for a command; `unknown`: the answer was lost and the exchange's books are being asked.
    """

    what: str
    since_ms: int
    client_id: str = ""
    unknown: bool = False


class BaseReading(NamedTuple):
    """The account's coins of a market, from a reading later than the market's last order. Units: coins."""

    available: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """All of them, whatever orders of the owner's hold."""
        return self.available + self.locked


class Situation(NamedTuple):
    """Units: `*_ms` milliseconds (`now_ms` by our clock, `exchange_now_ms` and the rest by the exchange's).

    `mode` is the stricter of market's and global switch. `params` are resolved; `free_quote` is what a rebuy may
    spend, `free_for_start` what is left for starts after other ladders' reserves. `base` None: no reading yet that is
    later than the last order. `quote_after_ms`: only a quote later than that may decide. `not_before_*_ms`: back-off.
    `standstill`: why no market may trade now. `confirmed_after_ms`: only prices confirmed since then count.
    `known_price`: what the coin was worth when last decided on or, after a start, bought; None: nothing to compare.
    """

    cycle: TradingCycle
    quote: Quote | None
    rules: MarketRules
    params: LadderParams
    mode: SwitchMode
    now_ms: int
    exchange_now_ms: int
    free_quote: Decimal
    free_for_start: Decimal
    base: BaseReading | None
    awaited: Awaited | None = None
    pause: Pause | None = None
    quote_after_ms: int = 0
    not_before_buy_ms: int = 0
    not_before_sell_ms: int = 0
    max_quote_age_ms: int = 3000
    ladder_error: tuple[str, str] | None = None
    start_refused: "Hold | None" = None
    standstill: "Hold | None" = None
    confirmed_after_ms: int = 0
    known_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing, and say why: a code with values (numbers stay exact; whoever shows them forms the sentence)."""

    reason: Reason
    values: tuple[tuple[str, Decimal | int | str], ...] = ()


@dataclass(frozen=True, slots=True)
class NeedBook:
    """Read the order book, then decide again: the best price's size does not tell what the amount would get, or the
    price moved so far at once that one message is not enough.
    """

    side: str


@dataclass(frozen=True, slots=True)
class Buy:
    """Units: `quote_amount` in quote, prices in quote per coin. `worst_price`: the highest average allowed."""

    why: Why
    step: int
    quote_amount: Decimal
    worst_price: Decimal
    seen_price: Decimal


@dataclass(frozen=True, slots=True)
class Sell:
    """Units: `amount` in coins, prices in quote per coin. `worst_price` 0: at any price (a stop)."""

    why: Why
    amount: Decimal
    worst_price: Decimal
    seen_price: Decimal


Action = Buy | Sell | Hold | NeedBook


def decide(now: Situation) -> Action:
    """Say what this market wants now. First match wins."""
    if (blocked := _blocked(now)) is not None:
        return blocked
    quote = now.quote
    assert quote is not None  # noqa: S101  (_blocked holds without a quote)
    match now.cycle:
        case Active() as cycle:
            return _decide_active(now, cycle, quote)
        case Idle() as idle:
            return _decide_idle(now, idle, quote)
        case _:
            assert_never(now.cycle)


def _blocked(now: Situation) -> Hold | None:
    """What stops every kind of order: an open order, a pause, `off`, untrusted data."""
    if (awaited := now.awaited) is not None:
        if not awaited.client_id:
            return Hold(Reason.BUSY, (("what", awaited.what), ("since_ms", awaited.since_ms)))
        reason = Reason.ORDER_UNKNOWN if awaited.unknown else Reason.ORDER_IN_FLIGHT
        return Hold(reason, (("what", awaited.what), ("client_id", awaited.client_id), ("since_ms", awaited.since_ms)))
    pause = now.pause
    if pause is not None and not (pause.sells and isinstance(now.cycle, Active)):
        return Hold(Reason.PAUSED, (("cause", pause.cause), ("since_ms", pause.since_ms), *pause.values))
    if now.mode is SwitchMode.OFF:
        return Hold(Reason.OFF)
    if now.standstill is not None:
        return now.standstill
    quote = now.quote
    if quote is None:
        return Hold(Reason.NO_QUOTE)
    age_ms = now.now_ms - quote.confirmed_ms
    if age_ms > now.max_quote_age_ms:
        return Hold(Reason.QUOTE_TOO_OLD, (("age_ms", age_ms), ("limit_ms", now.max_quote_age_ms)))
    if quote.exchange_ms <= now.quote_after_ms or quote.confirmed_ms < now.confirmed_after_ms:
        return Hold(Reason.WAITS_FOR_NEW_QUOTE)
    if now.known_price is not None and leaps(now.known_price, quote.bid):
        return Hold(Reason.PRICE_LEAPED, (("before", now.known_price), ("bid", quote.bid)))
    return None


def _decide_active(now: Situation, cycle: Active, quote: Quote) -> Action:
    stop = cycle.stop_price
    stopped = stop is not None and quote.bid <= stop
    if stopped or quote.bid >= cycle.sell_price:
        return _sale(now, cycle, quote, stopped=stopped)
    row = cycle.next_step
    mode = now.mode
    if row is None:
        return Hold(Reason.LADDER_USED_UP, (("take_profit", cycle.sell_price), ("bid", quote.bid)))
    if quote.ask > row.price:
        return Hold(
            Reason.BETWEEN_STEPS,
            (("next_buy", row.price), ("ask", quote.ask), ("take_profit", cycle.sell_price), ("bid", quote.bid)),
        )
    if not mode.rebuys or now.pause is not None:
        return Hold(Reason.SELL_ONLY, (("next_buy", row.price), ("take_profit", cycle.sell_price), ("bid", quote.bid)))
    if (refused := _market_refuses_buys(now)) is not None:
        return refused
    pause_ends_ms = cycle.bought[-1].time_ms + int(now.params.rebuy_pause_s * _SECOND_MS)
    if cycle.rest_since_ms:
        pause_ends_ms = max(pause_ends_ms, cycle.rest_since_ms + _REST_PAUSE_MS)
    if now.exchange_now_ms < pause_ends_ms:
        return Hold(Reason.REBUY_PAUSE, (("until_ms", pause_ends_ms),))
    if (short := _base_short(now, cycle)) is not None:
        return short
    step = row.number
    assert step is not None  # noqa: S101  (rows ahead are steps)
    worst = row.price * (1 + now.params.max_slippage_pct / HUNDRED)
    return _buy(now, quote, Why.REBUY, step, row.quote, worst, now.free_quote)


def _sale(now: Situation, cycle: Active, quote: Quote, *, stopped: bool) -> Action:
    rules = now.rules
    if not rules.status.sells:
        return Hold(Reason.MARKET_CLOSED, (("side", "sell"), ("status", rules.status.value)))
    if now.exchange_now_ms < now.not_before_sell_ms:
        return Hold(Reason.BACKING_OFF, (("until_ms", now.not_before_sell_ms), ("side", "sell")))
    if (short := _base_short(now, cycle)) is not None:
        return short
    base = now.base
    assert base is not None  # noqa: S101  (_base_short holds without a reading)
    wanted = floor_to(cycle.held + cycle.tally.dust.coins, rules.lot)
    amount = floor_to(min(wanted, base.available), rules.lot)
    if rules.market_max_base:
        amount = min(amount, floor_to(rules.market_max_base, rules.lot))
    if base.locked and amount + rules.lot < floor_to(cycle.held, rules.lot):
        return Hold(Reason.LOCKED_IN_YOUR_ORDER, (("locked", base.locked), ("available", base.available)))
    if not rules.sellable(amount, quote.bid):
        return Hold(
            Reason.TOO_SMALL_TO_SELL,
            (("amount", amount), ("min_base", rules.least_sale), ("min_quote", rules.min_quote), ("bid", quote.bid)),
        )
    if _doubtful(now, quote):
        return NeedBook("sell")
    if stopped:
        return Sell(Why.STOP_LOSS, amount, ZERO, quote.bid)
    if quote.bid_size is None or quote.bid_size < amount:
        if not quote.bids:
            return NeedBook("sell")
        average = average_for_base(quote.bids, amount)
        if average is None or average < cycle.sell_price:
            return Hold(
                Reason.THIN_BOOK, (("side", "sell"), ("average", average or ZERO), ("wanted", cycle.sell_price))
            )
    return Sell(Why.TAKE_PROFIT, amount, cycle.breakeven, quote.bid)


def _decide_idle(now: Situation, idle: Idle, quote: Quote) -> Action:
    mode = now.mode
    if not mode.starts:
        return Hold(Reason.FINISHING if mode is SwitchMode.FINISH else Reason.SELL_ONLY)
    if (refused := _market_refuses_buys(now)) is not None:
        return refused
    base = now.base
    if base is None:
        return Hold(Reason.BALANCE_UNKNOWN)
    outside = base.total - idle.tally.dust.coins - idle.tally.ignored
    if outside > 0 and now.rules.sellable(floor_to(outside, now.rules.lot), quote.bid):
        return Hold(Reason.HOLDS_COINS, (("coins", outside), ("worth", outside * quote.bid)))
    params = now.params
    cooldown_ends_ms = idle.tally.closed_ms + int(params.cooldown_s * _SECOND_MS)
    if params.cooldown_s and now.exchange_now_ms < cooldown_ends_ms:
        return Hold(Reason.COOLING_DOWN, (("until_ms", cooldown_ends_ms),))
    if params.start_limit and quote.ask > params.start_limit:
        return Hold(Reason.ABOVE_START_LIMIT, (("ask", quote.ask), ("limit", params.start_limit)))
    if now.ladder_error is not None:
        return Hold(Reason.BAD_LADDER, (("field", now.ladder_error[0]), ("why", now.ladder_error[1])))
    if now.start_refused is not None:
        return now.start_refused
    amount = floor_to(params.size(0), now.rules.qstep)
    worst = quote.ask * (1 + params.max_slippage_pct / HUNDRED)
    if params.start_limit:
        worst = min(worst, params.start_limit)
    return _buy(now, quote, Why.START, 0, amount, worst, now.free_for_start)


def _too_small(rules: MarketRules, step: int, amount: Decimal) -> str:
    least = f"{plain(rules.least_sale)} coins and {plain(rules.min_quote)}"
    return f"step {step} spends {plain(amount)}; the exchange now takes no order below {least}"


def _doubtful(now: Situation, quote: Quote) -> bool:
    """Whether the price has moved so far at once that one message is not enough to act on."""
    known = now.known_price
    return known is not None and not quote.from_book_read and abs(quote.bid - known) * HUNDRED > known * _DOUBT_PCT


def _market_refuses_buys(now: Situation) -> Hold | None:
    rules = now.rules
    if rules.delisting_s:
        return Hold(Reason.DELISTING, (("at_s", rules.delisting_s),))
    if not rules.status.buys:
        return Hold(Reason.MARKET_CLOSED, (("side", "buy"), ("status", rules.status.value)))
    return None


def _base_short(now: Situation, cycle: Active) -> Hold | None:
    """An order of a running cycle needs to know that its coins are still there (within a lot)."""
    base = now.base
    if base is None:
        return Hold(Reason.BALANCE_UNKNOWN)
    total = base.total
    if total < cycle.held - now.rules.lot:
        return Hold(Reason.SHORTAGE, (("has", total), ("held", cycle.held)))
    return None


def _buy(now: Situation, quote: Quote, why: Why, step: int, amount: Decimal, worst: Decimal, free: Decimal) -> Action:
    if now.exchange_now_ms < now.not_before_buy_ms:
        return Hold(Reason.BACKING_OFF, (("until_ms", now.not_before_buy_ms), ("side", "buy")))
    limit = now.params.max_spread_pct
    if (quote.ask - quote.bid) * HUNDRED > limit * quote.ask:
        return Hold(Reason.SPREAD_TOO_WIDE, (("spread_pct", quote.spread_pct), ("limit_pct", limit)))
    at_price = worst if now.params.order_style is OrderStyle.CAPPED else quote.ask
    if amount < now.rules.min_quote or floor_to(amount / at_price, now.rules.lot) < now.rules.least_sale:
        # The exchange has raised its minimums since the ladder was checked.
        return Hold(Reason.BAD_LADDER, (("field", "start_quote"), ("why", _too_small(now.rules, step, amount))))
    if amount > free:
        return Hold(Reason.NEEDS_MONEY, (("needs", amount), ("has", free), ("step", step)))
    if _doubtful(now, quote):
        return NeedBook("buy")
    if now.params.order_style is OrderStyle.MARKET and (quote.ask_size is None or quote.ask * quote.ask_size < amount):
        if not quote.asks:
            return NeedBook("buy")
        average = average_for_quote(quote.asks, amount)
        if average is None or average > worst:
            return Hold(Reason.THIN_BOOK, (("side", "buy"), ("average", average or ZERO), ("wanted", worst)))
    elif quote.ask > worst:
        return Hold(Reason.THIN_BOOK, (("side", "buy"), ("average", quote.ask), ("wanted", worst)))
    return Buy(why, step, amount, worst, quote.ask)
