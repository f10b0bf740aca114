"""What happened in a world, in words for whoever reads a break."""

from autotrader_v2.application.events import (
    AttemptClosed,
    AttemptUnknown,
    CycleChanged,
    FillsBooked,
    Intended,
    PauseSet,
    Record,
    SwitchSet,
)
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.situation import Pause


def brief(what: Record | str) -> str:
    """A record, or a word of the world's own, in one line."""
    match what:
        case str():
            return what
        case Intended(intent=one):
            return (
                f"{one.market.base} intends {one.client_id} {one.side} {one.amount} ({one.why}, cycle {one.cycle_id}"
                f" step {one.step}) at {one.seen_price}"
            )
        case CycleChanged(market=market, event=event, after=after):
            state = f"step {after.position.step} held {after.held}" if isinstance(after, Active) else "idle"
            return f"{market.base} {type(event).__name__} -> {state}, dust {after.tally.dust.coins}"
        case FillsBooked(client_id=client_id, fills=fills):
            return f"{client_id} filled {' + '.join(f'{one.base} for {one.quote}' for one in fills)}"
        case AttemptClosed(client_id=client_id, outcome=outcome, label=label):
            return f"{client_id} ended: {outcome} {label}"
        case AttemptUnknown(client_id=client_id, detail=detail):
            return f"{client_id} unknown: {detail}"
        case SwitchSet(market=market, mode=mode):
            return f"{market.base if market else 'all'} switched {mode}"
        case PauseSet(market=market, pause=pause):
            return f"{market.base} {_why(pause)}"
        case _:
            return " ".join(str(what).split())[:200]


def hold(slot: Slot) -> str:
    """Why a market waits."""
    order = slot.state.order
    waits = f" for {order.what} {order.intent.client_id if order.intent else ''}" if order else ""
    return f"{slot.hold.reason.value}{waits} {dict(slot.hold.values)}"


def _why(pause: Pause | None) -> str:
    return "goes on" if pause is None else f"pauses: {pause.cause} {dict(pause.values)}"
