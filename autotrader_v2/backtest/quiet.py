"""Prices at which the engine surely does nothing: what lies between may be left out of a backtest."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from autotrader_v2.application.slot import Plan, Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.situation import Reason

FOREVER_MS = 1 << 62
# No price further than this from the last one that the engine saw is left out, so that no leap hides among them. A
# jump that its screen would doubt is doubted a price sooner or later at most, and a book read settles it at once.
_NEAR_PPM = 100_000
# Of an idle market less: what its ladder would cost is kept while the price stays within 1 %.
_NEAR_IDLE_PPM = 20_000
_MILLION = 1_000_000
# A bid lies at most half a spread and one tick below the price; no spread here is a hundredth.
_BID_BELOW = Decimal("1.005")
# `Plan.holds_for`.
_PLAN_HOLDS_FROM, _PLAN_HOLDS_TO = Decimal("0.99"), Decimal("1.01")
_BOUGHT_OR_BETWEEN = frozenset({Reason.WAITS_FOR_NEW_QUOTE, Reason.BETWEEN_STEPS})
_USED_UP = frozenset({Reason.WAITS_FOR_NEW_QUOTE, Reason.LADDER_USED_UP})


@dataclass(frozen=True, slots=True)
class Quiet:
    """Every price from `low` to `high` (ticks, both included) decides nothing before `until_ms`.

    `while_money_stays`: unless an order of another market frees or takes money.
    """

    low: int
    high: int
    until_ms: int = FOREVER_MS
    while_money_stays: bool = False


def quiet_of(slot: Slot, ticks: int, tick: Decimal, ask_at: Callable[[int], Decimal], *, alone: bool) -> Quiet | None:
    """What the engine has just decided at that price, read as a span; None: every price may decide something.

    `ask_at`: the ask around a price. `alone`: no other market can free the money that this one waits for.
    """
    state, hold = slot.state, slot.hold
    if state.order is not None or state.pause is not None:
        return None
    cycle, reason = state.cycle, hold.reason
    while_money_stays = reason is Reason.NEEDS_MONEY and not alone
    near = ticks * (_NEAR_PPM if isinstance(cycle, Active) else _NEAR_IDLE_PPM) // _MILLION
    low, high, until_ms = ticks - near, ticks + near, FOREVER_MS
    if isinstance(cycle, Active):
        # The bid is never above the price, so below the threshold nothing is sold.
        high = min(high, int((cycle.sell_price / tick).to_integral_value(ROUND_CEILING)) - 1)
        if cycle.stop_price is not None:
            low = max(low, int((cycle.stop_price * _BID_BELOW / tick).to_integral_value(ROUND_CEILING)) + 2)
        # After an order the engine waits for any later price, and each one is later.
        if reason in _BOUGHT_OR_BETWEEN and cycle.next_step is not None:
            # The ask is always above the price.
            low = max(low, int((cycle.next_step.price / tick).to_integral_value(ROUND_CEILING)))
        elif reason is Reason.REBUY_PAUSE:
            until_ms = _until_ms(slot)
        elif reason not in _USED_UP and reason is not Reason.NEEDS_MONEY:
            return None
    elif reason is Reason.COOLING_DOWN:
        until_ms = _until_ms(slot)
    elif reason is Reason.ABOVE_START_LIMIT:
        low = max(low, int((state.params.start_limit / tick).to_integral_value(ROUND_FLOOR)) + 1)
    elif reason is not Reason.NEEDS_MONEY:
        return None
    elif not alone:
        if slot.plan is None:
            return None
        lowest, highest = _span_of(slot.plan, tick, ask_at)
        low, high = max(low, lowest), min(high, highest)
    return Quiet(low, high, until_ms, while_money_stays)


def _span_of(plan: Plan, tick: Decimal, ask_at: Callable[[int], Decimal]) -> tuple[int, int]:
    """Prices at which the plan of a start holds: it has to be the same when money comes, and is made again beyond."""
    lowest, most = plan.price * _PLAN_HOLDS_FROM, plan.price * _PLAN_HOLDS_TO
    highest = int((most / tick).to_integral_value(ROUND_FLOOR))
    # The ask lies the more above the price the higher that is.
    highest -= int(((ask_at(highest) - most) / tick).to_integral_value(ROUND_CEILING))
    return int((lowest / tick).to_integral_value(ROUND_CEILING)), highest


def _until_ms(slot: Slot) -> int:
    return int(dict(slot.hold.values)["until_ms"])
