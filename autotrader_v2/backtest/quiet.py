"""Prices at which the engine surely does nothing: what lies between may be left out of a backtest."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.situation import Reason

FOREVER_MS = 1 << 62
# No price further than this from the last one that the engine saw is left out: then neither its screen nor its doubt
# of sudden moves (5 %) can tell whether it saw the ones between.
_NEAR_PPM = 20_000
_MILLION = 1_000_000
# A bid lies at most half a spread and one tick below the price; no spread here is a hundredth.
_BID_BELOW = Decimal("1.005")


@dataclass(frozen=True, slots=True)
class Quiet:
    """Every price from `low` to `high` (ticks, both included) decides nothing before `until_ms`."""

    low: int
    high: int
    until_ms: int = FOREVER_MS


def quiet_of(slot: Slot, ticks: int, tick: Decimal, *, alone: bool) -> Quiet | None:
    """What the engine has just decided at that price, read as a span; None: every price may decide something.

    `alone`: no other market can free the money that this one waits for.
    """
    state, hold = slot.state, slot.hold
    if state.order is not None or state.pause is not None:
        return None
    low, high, until_ms = ticks - ticks * _NEAR_PPM // _MILLION, ticks + ticks * _NEAR_PPM // _MILLION, FOREVER_MS
    cycle, reason = state.cycle, hold.reason
    if isinstance(cycle, Active):
        # The bid is never above the price, so below the threshold nothing is sold.
        high = min(high, int((cycle.sell_price / tick).to_integral_value(ROUND_CEILING)) - 1)
        if cycle.stop_price is not None:
            low = max(low, int((cycle.stop_price * _BID_BELOW / tick).to_integral_value(ROUND_CEILING)) + 2)
        if reason is Reason.BETWEEN_STEPS and cycle.next_step is not None:
            # The ask is never below the price.
            low = max(low, int((cycle.next_step.price / tick).to_integral_value(ROUND_FLOOR)) + 1)
        elif reason is Reason.REBUY_PAUSE:
            until_ms = _until_ms(slot)
        elif reason is not Reason.LADDER_USED_UP and not (reason is Reason.NEEDS_MONEY and alone):
            return None
    elif reason is Reason.COOLING_DOWN:
        until_ms = _until_ms(slot)
    elif reason is Reason.ABOVE_START_LIMIT:
        low = max(low, int((state.params.start_limit / tick).to_integral_value(ROUND_FLOOR)) + 1)
    elif not (reason is Reason.NEEDS_MONEY and alone):
        return None
    return Quiet(low, high, until_ms)


def _until_ms(slot: Slot) -> int:
    return int(dict(slot.hold.values)["until_ms"])
