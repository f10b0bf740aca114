"""A decision taken again with the inputs it had, as far as they are known, and held against the one that was taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO, floor_to, plain, reported
from autotrader_v2.domain.orders import OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import (
    Action,
    BaseReading,
    Buy,
    Hold,
    NeedBook,
    Pause,
    Reason,
    Sell,
    Situation,
    SwitchMode,
    decide,
)

# What an order book holds is not kept: one that was read is taken to have been deep enough.
_DEEP = Decimal(10) ** 18
_BY_PERSON = frozenset({Why.QUICK_BUY, Why.SELL_ALL})
# Holds that follow from the cycle, the price, the switches and the ladder alone; the others come from outside.
_RERUN = frozenset(
    {
        Reason.OFF,
        Reason.PAUSED,
        Reason.BETWEEN_STEPS,
        Reason.LADDER_USED_UP,
        Reason.NEEDS_MONEY,
        Reason.ABOVE_START_LIMIT,
        Reason.COOLING_DOWN,
        Reason.REBUY_PAUSE,
        Reason.SPREAD_TOO_WIDE,
        Reason.SELL_ONLY,
        Reason.FINISHING,
    }
)
_WITHOUT_PRICE = frozenset({Reason.OFF, Reason.PAUSED})


class Source(StrEnum):
    """Where the price of a re-run comes from. ORDER: the order tells the side it was decided on, not the other."""

    RECORDED = "recorded"
    JOURNAL = "journal"
    ORDER = "order"
    NONE = "none"


class Outcome(StrEnum):
    """What a re-run says. PERSON: nobody decided it but a person. NOT_KEPT: an input is not known any more."""

    SAME = "same"
    DIFFERS = "differs"
    PERSON = "person"
    OUTSIDE = "outside"
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the engine had before it, as far as it is known. `quote` None: not kept."""

    cycle: TradingCycle
    params: LadderParams
    rules: MarketRules
    mode: SwitchMode
    pause: Pause | None
    at_ms: int
    quote: Quote | None
    source: Source


class Rerun(NamedTuple):
    """A decision and its re-run in words: `took` and `takes` are kind, reason and values."""

    outcome: Outcome
    took: str
    takes: str


def rerun_order(inputs: Inputs, intent: OrderIntent) -> Rerun:
    """The decision behind an order."""
    took = f"{intent.side.value} {intent.why.value}" + ("" if intent.step is None else f" {intent.step}")
    took += f" amount={plain(intent.amount)} price={plain(intent.seen_price)} worst={plain(intent.worst_price)}"
    if intent.why in _BY_PERSON:
        return Rerun(Outcome.PERSON, took, "a person's order")
    if inputs.quote is None:
        return Rerun(Outcome.NOT_KEPT, took, "the price is not kept")
    # It was paid and claimed, so the money was there and the coins were.
    action = decided(inputs, free=max(intent.max_cost, intent.amount if intent.side is Side.BUY else ZERO))
    return Rerun(Outcome.SAME if _is(action, intent, inputs.rules) else Outcome.DIFFERS, took, described(action))


def from_outside(reason: str) -> bool:
    """Whether a hold follows from what no re-run of the rules knows: limits of buys, orders out, connections."""
    return reason not in _RERUN


def rerun_hold(inputs: Inputs, reason: str, values: Mapping[str, str]) -> Rerun:
    """A decision to hold."""
    took = f"hold {reason}" + "".join(f" {name}={value}" for name, value in values.items())
    if from_outside(reason):
        return Rerun(Outcome.OUTSIDE, took, "follows from the outside of that moment, which is not kept")
    if reason not in _WITHOUT_PRICE and inputs.quote is None:
        return Rerun(Outcome.NOT_KEPT, took, "the price is not kept")
    # A hold for want of money tells what there was; any other one did not ask for it.
    action = decided(inputs, free=Decimal(values["has"]) if reason == Reason.NEEDS_MONEY else _DEEP)
    same = isinstance(action, Hold) and action.reason == reason and _agree(action, values)
    return Rerun(Outcome.SAME if same else Outcome.DIFFERS, took, described(action))


def decided(inputs: Inputs, *, free: Decimal) -> Action:
    """What the engine decides on these inputs, with so much money free and its coins all there."""
    cycle, rules = inputs.cycle, inputs.rules
    quote = inputs.quote
    if quote is not None:
        # As old as it was is not known; that it was young enough is, because it was decided on.
        quote = quote._replace(confirmed_ms=inputs.at_ms, exchange_ms=inputs.at_ms)
    params = inputs.params.resolved(free, rules.qstep)
    held = cycle.held if isinstance(cycle, Active) else ZERO
    now = Situation(
        cycle=cycle,
        quote=quote,
        rules=rules,
        params=cycle.params if isinstance(cycle, Active) else params,
        mode=inputs.mode,
        now_ms=inputs.at_ms,
        exchange_now_ms=inputs.at_ms,
        free_quote=free,
        free_for_start=free,
        base=BaseReading(held + cycle.tally.dust.coins + cycle.tally.ignored, ZERO),
        pause=inputs.pause,
    )
    action = decide(now)
    if isinstance(action, NeedBook) and quote is not None:
        deep = quote._replace(bid_size=_DEEP, ask_size=_DEEP, from_book_read=True)
        action = decide(now._replace(quote=deep))
    return action


def described(action: Action) -> str:
    """An action in the words of the decision log."""
    match action:
        case Buy(why=why, step=step, quote_amount=amount, seen_price=price, worst_price=worst):
            return f"buy {why.value} {step} amount={plain(amount)} price={plain(price)} worst={plain(worst)}"
        case Sell(why=why, amount=amount, seen_price=price, worst_price=worst):
            return f"sell {why.value} amount={plain(amount)} price={plain(price)} worst={plain(worst)}"
        case Hold(reason=reason, values=pairs):
            shown = ((name, plain(reported(one)) if isinstance(one, Decimal) else str(one)) for name, one in pairs)
            return f"hold {reason.value}" + "".join(f" {name}={value}" for name, value in shown)
        case NeedBook(side=side):
            return f"hold need_book side={side}"


def order_quote(intent: OrderIntent, rules: MarketRules) -> Quote:
    """The price an order was decided on, with the other side one tick away: that one is not kept."""
    seen = intent.seen_price
    bid, ask = (seen - rules.tick, seen) if intent.side is Side.BUY else (seen, seen + rules.tick)
    return Quote(intent.market, max(bid, rules.tick), ask, seen, intent.decided_ms, intent.decided_ms)


def agrees(quote: Quote, intent: OrderIntent) -> bool:
    """Whether the order can have been decided on that quote."""
    return (quote.ask if intent.side is Side.BUY else quote.bid) == intent.seen_price


def fits(quote: Quote, values: Mapping[str, str]) -> bool:
    """Whether a decision with these values can have been taken on that quote."""
    return all(name not in values or plain(reported(getattr(quote, name))) == values[name] for name in ("bid", "ask"))


def _is(action: Action, intent: OrderIntent, rules: MarketRules) -> bool:
    match action:
        case Buy(why=why, step=step, quote_amount=amount, worst_price=worst):
            if intent.side is not Side.BUY or (why, step) != (intent.why, intent.step):
                return False
            if intent.type is OrderType.LIMIT and intent.limit_price is not None:
                amount = floor_to(amount / intent.limit_price, rules.lot)
            return amount == intent.amount and worst == intent.worst_price
        case Sell(why=why, amount=amount, worst_price=worst):
            return intent.side is Side.SELL and (why, amount, worst) == (intent.why, intent.amount, intent.worst_price)
        case _:
            return False


def _agree(action: Hold, values: Mapping[str, str]) -> bool:
    """Whether the numbers are the same, as far as both tell them; times and amounts asked for are told by both."""
    own = {name: plain(reported(one)) if isinstance(one, Decimal) else str(one) for name, one in action.values}
    return all(values.get(name, value) == value for name, value in own.items())
