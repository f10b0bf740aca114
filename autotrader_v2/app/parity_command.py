"""`mTrade.py parity`: a recorded day through the backtest engine, each order that differs from the journal with why."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.app.past_run import money_at, money_words, run_compiled_from, run_from, seed_words, tapes_of
from autotrader_v2.app.past_state import PastMarket, quote_of_decision
from autotrader_v2.app.recordings import utc
from autotrader_v2.app.replay_command import markets_of
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.backtest.exact import Tape
from autotrader_v2.backtest.parity import Cause, Compared, Difference, Order, compared
from autotrader_v2.backtest.result import BacktestFailed, Trade
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.orders import Why
from autotrader_v2.domain.situation import Reason, SwitchMode
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.store.past import Past, PastDecision, PastOrder, Wish
from autotrader_v2.simulation.silence import quiet

DAY_MS = 86_400_000
_UNEXPLAINED, _USAGE_ERROR = 1, 2
# What these leave open nobody may take for explained.
_WITHOUT_CAUSE = (Cause.UNEXPLAINED, Cause.MOMENT)
# What happened so near to an order may have made it another one.
_NEAR_MS = 60_000
_PRICE_NEAR_MS = 120_000
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
_WORDS = {
    Cause.PERSON: "a person's hand",
    Cause.FAULT: "a fault",
    Cause.BALANCE: "the balance",
    Cause.LIMIT: "a limit of buys held it back, which no backtest has",
    Cause.SPREAD: "the spread or the depth forbade it",
    Cause.FILL: "another price or amount was filled",
    Cause.MOMENT: "at another moment",
    Cause.PRICE: "the price was not seen by the other one",
    Cause.FOLLOWS: "follows from an earlier difference",
    Cause.UNEXPLAINED: "no cause found",
}


class Asked(NamedTuple):
    """Which day of which journal, and which prices it is played with."""

    db: Path
    day_ms: int
    symbol: str
    data: Path | None
    recorded: Path
    free: Decimal | None
    seed: int
    compiled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A difference with its cause. `detail`: what the cause was told by."""

    difference: Difference
    cause: Cause
    detail: str


def run_parity(asked: Asked, *, as_json: bool) -> int:
    """Compare and print; returns the exit code: 1 an order differs without a known cause, 2 it cannot be compared."""
    quiet()
    try:
        told = parity(asked)
    except (JournalUnavailable, SourceError, BacktestFailed, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    if as_json:
        print(json.dumps(told))
    else:
        _tell(told)
    return _UNEXPLAINED if any(told["causes"].get(cause.value) for cause in _WITHOUT_CAUSE) else 0


def parity(asked: Asked) -> dict[str, Any]:
    """The day compared. Errors: `JournalUnavailable`, the `SourceError` family, `BacktestFailed`, ValueError."""
    begin_ms, end_ms = asked.day_ms, asked.day_ms + DAY_MS
    past = Past(asked.db)
    markets = markets_of(past, asked.symbol, end_ms)
    # Rules and prices are known from the first order or decision of a market on, and not of all markets.
    tapes, rules, leave_out = tapes_of(markets, asked.data, asked.recorded, begin_ms, end_ms, asked.seed)
    played = {tape.market: (tape, rule) for tape, rule in zip(tapes, rules, strict=True)}
    begun = [one for one in markets if one.market in played]
    money = money_at(past, asked.free, begun, begin_ms - 1)
    same = orders_count = trades_count = 0
    found: list[Explained] = []
    for group in _by_ladder(begun, begin_ms, {market: tape.open_ms[0] for market, (tape, _) in played.items()}):
        tapes_of_group = [played[one.market][0] for one in group]
        first_ms = min(tape.open_ms[0] for tape in tapes_of_group)
        rules_of_group = [played[one.market][1] for one in group]
        params = group[0].params_at(first_ms)
        if asked.compiled:
            result = run_compiled_from(
                group, tapes_of_group, rules_of_group, at_ms=begin_ms - 1, params=params, free=money.free
            )
        else:
            result, _ = run_from(
                group,
                tapes_of_group,
                rules_of_group,
                at_ms=begin_ms - 1,
                params=params,
                changes={},
                free=money.free,
                leave_out=leave_out,
            )
        for one in group:
            pair = one.market.pair
            traded = [order for order in one.orders(begin_ms, end_ms) if order.traded]
            trades = [trade for trade in result.trades if trade.symbol == pair]
            orders_count, trades_count = orders_count + len(traded), trades_count + len(trades)
            tape = played[one.market][0]
            near_ms = max(_NEAR_MS, *tape.interval_ms)
            outcome = compared([_order(order) for order in traded], trades, near_ms)
            same += outcome.same
            found += explained(outcome, one, traded, tape, first_ms, near_ms, candles=asked.data is not None)
    found.sort(key=lambda one: one.difference.ts_ms)
    left_out = [one.market.pair for one in markets if one.market not in played]
    return {
        "day": utc(begin_ms)[:10],
        "prices": "candles" if asked.data is not None else "recorded",
        "seed": None if asked.data is None else asked.seed,
        "money": money.as_json(),
        "orders": orders_count,
        "trades": trades_count,
        "same": same,
        "without_prices": left_out,
        "causes": dict(Counter(one.cause.value for one in found)),
        "differences": [_row(one) for one in found],
    }


def explained(
    outcome: Compared,
    one: PastMarket,
    past: Sequence[PastOrder],
    tape: Tape,
    begin_ms: int,
    near_ms: int,
    *,
    candles: bool,
) -> list[Explained]:
    """Each difference of a market with its cause; after the first one that changes the cycle, the others follow."""
    found: list[Explained] = []
    parted = False
    by_id = {order.intent.client_id: order for order in past}
    for difference in outcome.differences:
        order = by_id.get(difference.order.client_id) if difference.order is not None else None
        cause, detail = _cause(difference, order, one, tape, begin_ms, near_ms, candles=candles)
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
    both = difference.order is not None and difference.trade is not None
    if both and abs(difference.apart_ms) <= near_ms:
        return Cause.FILL, "the same decision, filled otherwise"
    for tried in one.orders(at_ms - _NEAR_MS, at_ms + _NEAR_MS):
        if not tried.traded or tried.state == "filled_late":
            return Cause.FAULT, f"{tried.intent.client_id} ended as {tried.state} {tried.label}".rstrip()
    for decision in _in_force(one, at_ms):
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


def _in_force(one: PastMarket, at_ms: int) -> Iterator[PastDecision]:
    """What was decided around that time, newest first, and what held until then: a hold is noted once."""
    yield from reversed(one.decisions(at_ms - _NEAR_MS, at_ms + _NEAR_MS))
    held = one.decision_at(at_ms - _NEAR_MS)
    if held is not None:
        yield held


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
    """Why an order decided on that price was not made; empty where the prices played around that time reach it."""
    low, high = None, None
    for number in range(len(tape)):
        if abs(tape.open_ms[number] - at_ms) <= max(_PRICE_NEAR_MS, tape.interval_ms[number]):
            low = tape.low[number] if low is None else min(low, tape.low[number])
            high = tape.high[number] if high is None else max(high, tape.high[number])
    if low is None or high is None:
        return "no price of that time was played"
    return (
        "" if low * tape.tick <= price <= (high + 1) * tape.tick else f"{plain(price)} is not among the prices played"
    )


def _hole(tape: Tape, at_ms: int) -> tuple[int, int] | None:
    """Half a minute or more without a recorded price, near that time."""
    times = [time_ms for time_ms in tape.open_ms if abs(time_ms - at_ms) <= _PRICE_NEAR_MS]
    holes = [(a, b) for a, b in pairwise(times) if b - a >= _NEAR_MS // 2]
    return holes[0] if holes else None


def _by_ladder(markets: Sequence[PastMarket], begin_ms: int, first_ms: Mapping[Market, int]) -> list[list[PastMarket]]:
    """Markets with the same ladder share one run and one balance; the engine that is run has one ladder."""
    groups: dict[Any, list[PastMarket]] = {}
    for one in markets:
        groups.setdefault(one.params_at(max(begin_ms, first_ms[one.market])), []).append(one)
    return list(groups.values())


def _order(past: PastOrder) -> Order:
    intent, fills = past.intent, past.fills
    return Order(
        client_id=intent.client_id,
        ts_ms=fills[-1].time_ms,
        symbol=intent.market.pair,
        side=intent.side.value,
        step=intent.step,
        cycle_id=intent.cycle_id,
        base=sum((fill.base for fill in fills), ZERO),
        quote=sum((fill.quote for fill in fills), ZERO),
    )


def _row(one: Explained) -> dict[str, Any]:
    order, trade = one.difference.order, one.difference.trade
    return {
        "time_ms": one.difference.ts_ms,
        "symbol": one.difference.symbol,
        "cause": one.cause.value,
        "detail": one.detail,
        "client_id": "" if order is None else order.client_id,
        "journal": None if order is None else _made(order),
        "backtest": None if trade is None else _made(trade),
    }


def _made(one: Order | Trade) -> dict[str, Any]:
    return {
        "time_ms": one.ts_ms,
        "side": one.side,
        "step": one.step,
        "cycle_id": one.cycle_id,
        "price": plain(reported(one.price)),
        "base": plain(one.base),
        "quote": plain(one.quote),
    }


def _tell(told: Mapping[str, Any]) -> None:
    print(
        f"{told['day']} ({told['prices']} prices): {told['orders']} orders in the journal, {told['trades']} in the"
        f" backtest, {told['same']} the same to the last unit."
    )
    print(seed_words(told["seed"]), end="")
    print(money_words(told["money"]))
    if told["without_prices"]:
        print(f"Without prices or rules of that day, so left out: {', '.join(told['without_prices'])}")
    for row in told["differences"]:
        print(f"{utc(row['time_ms'])} {row['symbol']}: {_WORDS[Cause(row['cause'])]}. {row['detail']}".rstrip())
        for name in ("journal", "backtest"):
            made = row[name]
            if made is None:
                print(f"  {name}: nothing")
            else:
                print(
                    f"  {name}: {utc(made['time_ms'])} {made['side']} {_step(made)} {made['base']} at {made['price']}"
                )


def _step(made: Mapping[str, Any]) -> str:
    return f"of cycle {made['cycle_id']}" + ("" if made["step"] is None else f" step {made['step']}")
