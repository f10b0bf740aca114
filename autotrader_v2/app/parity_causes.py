"""Why an order of a journal and the backtest's differ: what the journal tells of the moment the two parted."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from autotrader_v2.app.past_state import PastMarket, quote_of_decision
from autotrader_v2.app.recordings import utc
from autotrader_v2.backtest.heads import Tape
from autotrader_v2.backtest.parity import Cause, Compared, Difference, Order
from autotrader_v2.backtest.result import Unpaid
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.orders import Why
from autotrader_v2.domain.situation import Reason, SwitchMode
from autotrader_v2.infrastructure.store.past import PastDecision, PastOrder, Wish

# What happened so near to an order may have made it another one. Inside a candle the backtest only guesses when a
# price was there, so that the way of the price may have made it a candle's length off.
NEAR_MS = 60_000
_PRICE_NEAR_MS = 120_000
# A decision is noted that soon behind its order at the most.
_NOTED_WITHIN_MS = 5_000
_PROGRAM = frozenset({"engine", "first start", "finish"})
# Commands that change nothing of what is running.
_HARMLESS = frozenset({"start_setting"})
_BY_PERSON = frozenset({Why.QUICK_BUY, Why.SELL_ALL})
_BY_REASON = (
    (Cause.BALANCE, {Reason.NEEDS_MONEY, Reason.SHORTAGE, Reason.HOLDS_COINS}),
    (Cause.LIMIT, {Reason.LIMIT_REACHED, Reason.OUTSIDE_BAND}),
    (Cause.SPREAD, {Reason.SPREAD_TOO_WIDE, Reason.THIN_BOOK}),
    (Cause.PERSON, {Reason.OFF, Reason.PAUSED, Reason.SELL_ONLY, Reason.FINISHING, Reason.LOCKED_IN_YOUR_ORDER}),
    (
        Cause.FAULT,
        {
            Reason.ORDER_UNKNOWN,
            Reason.FAILING,
            Reason.CLOCK_WRONG,
            Reason.UNREACHABLE,
            Reason.CHECKING,
            Reason.NO_QUOTE,
            Reason.QUOTE_TOO_OLD,
            Reason.PRICE_LEAPED,
            Reason.MARKET_CLOSED,
            Reason.DELISTING,
            Reason.BALANCE_UNKNOWN,
            Reason.BACKING_OFF,
            Reason.JOURNAL_FULL,
        },
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A difference with its cause. `detail`: what the cause was told by."""

    difference: Difference
    cause: Cause
    detail: str


def explained(
    outcome: Compared,
    one: PastMarket,
    past: Sequence[PastOrder],
    tape: Tape,
    begin_ms: int,
    near_ms: int,
    *,
    candles: bool,
    unpaid: Collection[Unpaid] = (),
) -> list[Explained]:
    """Each difference of a market with its cause; after the first one that changes the cycle, the others follow.

    `unpaid`: what the backtest's account could not pay.
    """
    found: list[Explained] = []
    parted = False
    by_id = {order.intent.client_id: order for order in past}
    for difference in outcome.differences:
        order = by_id.get(difference.order.client_id) if difference.order is not None else None
        cause, detail = _cause(difference, order, one, tape, begin_ms, near_ms, candles=candles, unpaid=unpaid)
        if parted and cause not in (Cause.PERSON, Cause.FAULT):
            cause, detail = Cause.FOLLOWS, f"of {utc(found[0].difference.ts_ms)}"
        parted = True
        found.append(Explained(difference=difference, cause=cause, detail=detail))
    return found


def _cause(
    difference: Difference,
    order: PastOrder | None,
    one: PastMarket,
    tape: Tape,
    begin_ms: int,
    near_ms: int,
    *,
    candles: bool,
    unpaid: Collection[Unpaid],
) -> tuple[Cause, str]:
    at_ms = difference.ts_ms
    if order is not None and order.intent.why in _BY_PERSON:
        return Cause.PERSON, f"{order.intent.why.value} by hand"
    wishes = [wish for wish in one.wishes(begin_ms, at_ms + abs(difference.apart_ms) + 1) if _is_a_hand(wish)]
    if wishes:
        last = wishes[-1]
        return Cause.PERSON, f"{last.what} by {last.by} at {utc(last.time_ms)}"
    if one.mode_at(at_ms) is not SwitchMode.ON:
        return Cause.PERSON, f"the switch was {one.mode_at(at_ms).value}"
    pause = one.pause_at(at_ms)
    if pause is not None:
        return Cause.FAULT, f"paused: {pause.cause}"
    failed = _failed_sends(difference, order, one, near_ms)
    if failed:
        return Cause.FAULT, failed
    both = difference.order is not None and difference.trade is not None
    if difference.order is not None and not both and any(_is_of(difference.order, wanted) for wanted in unpaid):
        return Cause.BALANCE, "the backtest's money did not pay it"
    if both and abs(difference.apart_ms) <= near_ms:
        return Cause.FILL, "the same decision, filled otherwise"
    for tried in one.orders(at_ms - NEAR_MS, at_ms + NEAR_MS):
        if not tried.traded or tried.state == "filled_late":
            return Cause.FAULT, f"{tried.intent.client_id} ended as {tried.state} {tried.label}".rstrip()
    # What held the journal back until it made its order, not what it decided behind that.
    until_ms = at_ms + near_ms
    if order is not None and difference.apart_ms > 0:
        until_ms = min(until_ms, order.intent.decided_ms)
    for decision in _in_force(one, at_ms, at_ms - near_ms, until_ms):
        for cause, reasons in _BY_REASON:
            if decision.reason in reasons:
                return cause, f"{decision.reason} at {utc(decision.time_ms)}"
    if difference.apart_ms > 0:
        return Cause.MOMENT, f"the backtest made it {_span(difference.apart_ms)} earlier; {_held_then(one, at_ms)}"
    if difference.order is not None:
        price = order.intent.seen_price if order is not None else difference.order.price
        unseen = _unseen(price, tape, at_ms)
        if unseen:
            return Cause.PRICE, unseen
        if both:
            late = _span(-difference.apart_ms)
            return Cause.MOMENT, f"the backtest made it {late} later, though prices played before reach {plain(price)}"
        if not candles:
            return Cause.UNEXPLAINED, f"the prices played reach {plain(price)}"
    if candles:
        return Cause.PRICE, "candles do not tell the way of the price inside them"
    hole = _hole(tape, at_ms)
    if hole is not None:
        return Cause.PRICE, f"nothing was recorded from {utc(hole[0])} to {utc(hole[1])}"
    return Cause.UNEXPLAINED, ""


def _is_a_hand(wish: Wish) -> bool:
    """Whether a person changed what is traded. Limits tell themselves, as the reason of a hold."""
    if wish.by in _PROGRAM or wish.what == "setting":
        return False
    return wish.what != "command" or wish.value[0] not in _HARMLESS


def _failed_sends(difference: Difference, order: PastOrder | None, one: PastMarket, near_ms: int) -> str:
    """What became of the journal's own tries at what the backtest made and it made later, or never; "" without any.

    They may begin as far off as the backtest's guess of the moment, and go on until the order that traded.
    """
    made = difference.trade
    if made is None:
        return ""
    begin_ms = made.ts_ms - near_ms
    until_ms = made.ts_ms + near_ms if order is None else order.intent.decided_ms
    wanted = (made.side, made.cycle_id, made.step)
    tried = [past for past in one.orders(begin_ms, until_ms) if not past.traded and _purpose(past) == wanted]
    if tried:
        ended = Counter(f"{past.state} {past.label}".rstrip() for past in tried)
        words = ", ".join(f"{count} x {what}" for what, count in ended.items())
        return f"{_tries([past.intent.decided_ms for past in tried])}: {words}"
    # What was given up before it reached the journal leaves no attempt, only the decision.
    given_up = [
        decision.time_ms
        for decision in one.decisions(begin_ms, until_ms)
        if decision.kind == made.side
        and (made.step is None or decision.values.get("step") == str(made.step))
        and not one.orders(decision.time_ms - _NOTED_WITHIN_MS, decision.time_ms + 1)
    ]
    return f"{_tries(given_up)}: given up before it was sent" if given_up else ""


def _purpose(past: PastOrder) -> tuple[str, int, int | None]:
    return past.intent.side.value, past.intent.cycle_id, past.intent.step


def _tries(times_ms: Sequence[int]) -> str:
    """How many and when, in words."""
    if len(times_ms) == 1:
        return f"the journal tried it at {utc(times_ms[0])}"
    return f"the journal tried it {len(times_ms)} times from {utc(times_ms[0])} to {utc(times_ms[-1])}"


def _in_force(one: PastMarket, at_ms: int, begin_ms: int, until_ms: int) -> Iterator[PastDecision]:
    """What held at that time, then what was decided around it, the nearest first, then what held until the beginning.

    A hold is noted once.
    """
    then, before = one.decision_at(at_ms), one.decision_at(begin_ms)
    if then is not None:
        yield then
    yield from sorted(one.decisions(begin_ms, until_ms), key=lambda decision: abs(decision.time_ms - at_ms))
    if before is not None:
        yield before


def _held_then(one: PastMarket, at_ms: int) -> str:
    """What the journal tells of that time: the decision in force and the price beside it."""
    decision = one.decision_at(at_ms)
    if decision is None:
        return "the journal keeps no decision of that time"
    values = "".join(f" {name}={value}" for name, value in decision.values.items())
    quote = quote_of_decision(decision)
    saw = "" if quote is None or {"bid", "ask"} & set(decision.values) else f" (bid {quote.bid}, ask {quote.ask})"
    return f"the journal's decision then, of {utc(decision.time_ms)}: {decision.kind} {decision.reason}{values}{saw}"


def _span(span_ms: int) -> str:
    """Minutes and seconds in words."""
    minutes, seconds = divmod(span_ms // 1000, 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _unseen(price: Decimal, tape: Tape, at_ms: int) -> str:
    """Why an order decided on that price was not made; empty where the prices played around that time reach it.

    An order is decided on a bid or an ask, so it is these that are looked at.
    """
    quotes = [
        tape.quote(ticks, tape.open_ms[number])
        for number in range(len(tape))
        if abs(tape.open_ms[number] - at_ms) <= max(_PRICE_NEAR_MS, tape.interval_ms[number])
        for ticks in tape.path(number)
    ]
    if not quotes:
        return "no price of that time was played"
    low, high = min(quote.bid for quote in quotes), max(quote.ask for quote in quotes)
    return "" if low <= price <= high else f"{plain(price)} is not among the prices played"


def _is_of(order: Order, wanted: Unpaid) -> bool:
    return (order.symbol, order.cycle_id, order.step) == (wanted.symbol, wanted.cycle_id, wanted.step)


def _hole(tape: Tape, at_ms: int) -> tuple[int, int] | None:
    """Half a minute or more without a recorded price, near that time."""
    times = [time_ms for time_ms in tape.open_ms if abs(time_ms - at_ms) <= _PRICE_NEAR_MS]
    holes = [(a, b) for a, b in pairwise(times) if b - a >= NEAR_MS // 2]
    return holes[0] if holes else None
