"""Closed cycles, told from the cycle events.

What lies between two snapshots is closed and never changes again. After the newest one a cycle runs, and may have
closed others: a partial sale that leaves only a start buy's worth closes its cycle and opens the next.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import Connection, select

from autotrader_v2.domain.cycle import (
    Active,
    Adopted,
    BuyBooked,
    CycleEvent,
    CycleReset,
    ExitAtBreakeven,
    Idle,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    TermsChanged,
    TradingCycle,
    WrittenOff,
    apply,
)
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain
from autotrader_v2.infrastructure.store import codec, schema

Row = dict[str, Any]

_REMEMBERED_SPANS_MAX = 5000


class CycleHistory:
    """Tells the closed cycles of one account's markets, and remembers what it has told."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._told: dict[tuple[Market, int], tuple[Row, ...]] = {}

    def closed(self, connection: Connection, market: Market, limit: int) -> Sequence[Row]:
        """The newest closed cycles of a market, newest first."""
        found: list[Row] = []
        for start, end in self._spans(connection, market):
            if len(found) >= limit:
                break
            told = self._told.get((market, end)) if end is not None else None
            if told is None:
                told = tuple(self._tell(connection, market, start, end))
                if end is not None:
                    self._remember(market, end, told)
            found += [dict(row) for row in reversed(told)]
        return found[:limit]

    def _remember(self, market: Market, end: int, told: tuple[Row, ...]) -> None:
        if len(self._told) >= _REMEMBERED_SPANS_MAX:
            self._told.clear()
        self._told[market, end] = told

    def _spans(self, connection: Connection, market: Market) -> Iterator[tuple[int, int | None]]:
        """(snapshot, the next one) by sequence number, newest first; 0 is the beginning, None the present."""
        table = schema.snapshots
        ends = connection.execute(
            select(table.c.event_seq)
            .where(table.c.account == self._account, table.c.market == str(market))
            .order_by(table.c.event_seq.desc())
        ).scalars()
        end: int | None = None
        for seq in ends:
            yield seq, end
            end = seq
        yield 0, end

    def _tell(self, connection: Connection, market: Market, start: int, end: int | None) -> Iterator[Row]:
        events, snapshots = schema.cycle_events, schema.snapshots
        known = connection.execute(select(snapshots.c.payload).where(snapshots.c.event_seq == start)).scalar()
        cycle: TradingCycle = codec.idle_from_text(known) if known is not None else Idle(market=market)
        realised, fees = cycle.tally.realised, dict[str, Decimal]()
        asked = (
            select(events.c.kind, events.c.payload)
            .where(events.c.account == self._account, events.c.market == str(market), events.c.seq > start)
            .order_by(events.c.seq)
        )
        if end is not None:
            asked = asked.where(events.c.seq <= end)
        for kind, payload in connection.execute(asked):
            event = codec.event_from_text(kind, payload)
            before, cycle = cycle, apply(cycle, event)
            _add_fees(fees, event)
            if isinstance(before, Idle):
                realised = before.tally.realised
            elif not isinstance(cycle, Active) or cycle.cycle_id != before.cycle_id:
                yield _closed(before, cycle, event, cycle.tally.realised - realised, fees)
                realised, fees = cycle.tally.realised, {}
            if isinstance(cycle, Idle):
                fees = {}


def _closed(before: Active, after: TradingCycle, event: CycleEvent, earned: Decimal, fees: dict[str, Decimal]) -> Row:
    return {
        "cycle_id": before.cycle_id,
        "symbol": before.market.pair,
        "currency": before.market.base,
        "opened_ms": before.opened_ms,
        "closed_ms": after.tally.closed_ms,
        "steps_used": before.position.step,
        "buys": len(before.bought),
        "invested": plain(sum((row.cost for row in before.bought), ZERO)),
        "realised": plain(earned),
        "fees": {currency: plain(fee) for currency, fee in fees.items()},
        "closed_by": _cause(event),
    }


def _add_fees(fees: dict[str, Decimal], event: CycleEvent) -> None:
    if isinstance(event, BuyBooked | SaleBooked):
        for fill in event.fills:
            if fill.fee:
                fees[fill.fee_currency] = fees.get(fill.fee_currency, ZERO) + fill.fee


def _cause(event: CycleEvent) -> str:
    """What ended the cycle: an order's why, or what a person did."""
    match event:
        case BuyBooked() | SaleBooked():
            return event.why.value
        case SoldByHand():
            return "by_hand"
        case WrittenOff():
            return "written_off"
        case RestLeft():
            return "rest_left"
        case CycleReset():
            return "reset"
        case Adopted() | OutsideIgnored() | TermsChanged() | ExitAtBreakeven():
            raise ValueError(f"{type(event).__name__} ends no cycle")
        case _:
            assert_never(event)
