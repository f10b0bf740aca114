"""What stands still although it should trade: why, since when, how much money hangs on it, and every way out.

A read model over frozen values, no lock. The ways out are those of `halt_ways.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autotrader_v2.application.deciding import texts
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.halt_ways import (
    ACCOUNT_WAYS,
    BOOK_UNREAD_AFTER_MS,
    COIN_WAYS,
    HOLD_WAYS,
    JOURNAL_TROUBLES,
    PAUSE_WAYS,
    POSTS,
    START_ASKS_MS,
    STOPS_BUYS,
    STOPS_SALES,
    TOLD_AFTER_MS,
    Way,
)
from autotrader_v2.application.health import SLOW_COMMIT_MS, health_of
from autotrader_v2.application.ports import AccessRefused
from autotrader_v2.application.readings import outside_coins
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.views import figure, hold_of, if_sold, text
from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Hold, Pause, Reason, SwitchMode

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2


# What of `health_of` stops trading: (part, code) -> the halt's code.
_PARTS = {
    ("feed", "offline"): "prices_silent",
    ("feed", "silent"): "prices_silent",
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
    """Something that stands still. `kind`: pause, hold (of one currency), account_pause, account (of all or of one).

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
    if floor.mode_of(slot) is SwitchMode.OFF and hold.reason is not Reason.ORDER_UNKNOWN:
        return  # a pause of the account, or a switch: told by itself
    if slot.book_wanted_ms and now_ms - slot.book_wanted_ms >= BOOK_UNREAD_AFTER_MS:
        yield _of_coin("book_unread", slot.market, stake, slot.book_wanted_ms)
    if hold.reason not in TOLD_AFTER_MS or (hold.reason is Reason.ORDER_IN_FLIGHT and order is None):
        return
    values = texts(hold.values)
    since_ms = int(values.get("since_ms", slot.hold_since_ms))
    if not since_ms or now_ms - since_ms < TOLD_AFTER_MS[hold.reason]:
        return  # it passes by itself, or nothing was decided yet
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


def _of_coin(code: str, market: Market, stake: Stake, since_ms: int = 0) -> Halt:
    return Halt(
        kind="account",
        code=code,
        stops="all",
        ways=COIN_WAYS[code],
        stake=stake,
        currency=market.base,
        since_ms=since_ms,
        values={"symbol": market.pair},
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
    if hold.reason in STOPS_BUYS or side == Side.BUY:
        return "buys"
    return "sales" if hold.reason in STOPS_SALES or side == Side.SELL else "all"


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
    elif trader.start_waits is not None:
        error, since_ms = trader.start_waits
        waits = "start_refused" if isinstance(error, AccessRefused) else "start_waits"
        yield halt(waits, {"what": error.what}, since_ms)
    elif trader.asks_since_ms and floor.clock.now_ms() - trader.asks_since_ms >= START_ASKS_MS:
        yield halt("start_asks", since_ms=trader.asks_since_ms)
    elif trader.phase == "running" and not trader.running:
        yield halt("engine_held")
    for trouble, what, stops in _journal(floor):
        yield halt(trouble, {"what": what} if what else {}, stops=stops)
    for hold in floor.standstill.reasons():
        if hold.reason is Reason.UNREACHABLE and trader.start_waits is not None:
            continue  # told above, in the words of what was asked
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
        cycle = trader.loaded.cycles.get(market)
        if isinstance(cycle, Active):
            yield _of_coin("market_missing", market, _stake(cycle, None, ZERO))
        elif trader.loaded.switches.get(market, SwitchMode.OFF) is not SwitchMode.OFF:
            yield _of_coin("market_unknown", market, Stake())


def _journal(floor: Floor) -> Iterator[tuple[str, str, str]]:
    """(code, what is wrong, what it stops): everything at once, where `health_of` names the worst alone."""
    status = floor.journal.status()
    if status.cause is not None:
        yield JOURNAL_TROUBLES[status.cause], status.trouble, "all"
    elif floor.journal_failing:
        yield "journal_failing", floor.journal_failing, "all"
    if status.full:
        yield "journal_full", "", "buys"
    if status.commit_ms is not None and status.commit_ms > SLOW_COMMIT_MS:
        yield "journal_slow", f"{status.commit_ms:.0f} ms", "all"


def _stake_of_all(trader: "AutoTraderV2") -> Stake:
    slots = list(trader.floor.slots.values())
    if not slots:
        # Before the exchange has answered for the first time: what the journal knows.
        buys = [one.intent for one in trader.loaded.open_attempts if one.intent.side is Side.BUY]
        reserved = sum((intent.max_cost for intent in buys), ZERO)
        return Stake(invested=_invested(trader.loaded.cycles.values()), reserved=reserved)
    return Stake(invested=_invested(slot.state.cycle for slot in slots), reserved=trader.floor.wallet.funds().reserved)


def _invested(cycles: Iterable[TradingCycle]) -> Decimal:
    return sum((cycle.invested for cycle in cycles if isinstance(cycle, Active)), ZERO)
