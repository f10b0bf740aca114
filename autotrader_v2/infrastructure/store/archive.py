"""The journal's `Archive`: every question is one or two index walks over a connection that only reads."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, false, func, or_, select, tuple_
from sqlalchemy import text as literal_text

from autotrader_v2.application.archive import BookedFill, BookedResult, Rows, Which, WithoutOrder
from autotrader_v2.domain.equity import EquitySample
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.infrastructure.store import codec, schema
from autotrader_v2.infrastructure.store.queries import named, order_row, summed_fills, trade_row
from autotrader_v2.infrastructure.store.rows import decision_values, market_of

# Rows stand in the order they were written in, a little beside that of their times.
_ASIDE_MS = 3_600_000
_LOOKED_THROUGH = 5000
_STATES = {
    "open": ("intended",),
    "filled": ("filled", "filled_late"),
}
# Tables of the record: (kind, table, the column that names what happened).
_RECORD: tuple[tuple[str, Table, str], ...] = (
    ("alert", schema.alerts, "code"),
    ("command", schema.commands, "name"),
    ("params", schema.params, ""),
    ("pause", schema.pauses, ""),
    ("setting", schema.app_settings, "name"),
    ("switch", schema.switches, "mode"),
)


class SqlArchive:
    """See `Archive`. `reading` lends a connection that only reads."""

    def __init__(self, reading: Callable[[], AbstractContextManager[Connection]], account: str) -> None:
        self._reading = reading
        self._account = account

    def trades(self, which: Which, limit: int) -> Rows:
        """See `Archive`."""
        fills, attempts = schema.fills, schema.attempts
        asked = (
            select(fills, attempts.c.why, attempts.c.step, attempts.c.cycle_id, attempts.c.seen_price)
            .join(attempts, attempts.c.client_id == fills.c.client_id)
            .where(*self._of(fills, which), *_within(fills.c.time_ms, which))
            .order_by(fills.c.time_ms.desc(), fills.c.id.desc())
            .limit(limit)
        )
        if which.side:
            asked = asked.where(fills.c.side == which.side)
        if which.why:
            asked = asked.where(attempts.c.why == which.why)
        if which.cycle_id:
            asked = asked.where(attempts.c.cycle_id == which.cycle_id)
        with self._reading() as connection:
            if which.before:
                at = connection.execute(select(fills.c.time_ms).where(fills.c.id == _number(which.before))).scalar()
                if at is None:
                    return ()
                asked = asked.where(tuple_(fills.c.time_ms, fills.c.id) < (at, _number(which.before)))
            if not which.why:
                return [trade_row(row) for row in connection.execute(asked).mappings()]
            return [trade_row(row) for row in self._for_that(connection, asked, which.why, limit)]

    def orders(self, which: Which, limit: int) -> Rows:
        """See `Archive`."""
        table = schema.attempts
        with self._reading() as connection:
            asked = (
                select(table)
                .where(*self._of(table, which), *_within(table.c.decided_ms, which))
                .where(*self._between(connection, table, table.c.seq, table.c.decided_ms, which))
                .order_by(table.c.seq.desc())
                .limit(limit)
            )
            if which.side:
                asked = asked.where(table.c.side == which.side)
            if which.why:
                asked = asked.where(table.c.why == which.why)
            if which.state:
                asked = asked.where(table.c.state.in_(_STATES.get(which.state, (which.state,))))
            if which.state in ("open", *schema.OPEN_STATES):
                # In the words of the partial index, so that not every order ever made is looked at.
                asked = asked.where(literal_text(schema.IS_OPEN))
            rows = connection.execute(asked).mappings().all()
            filled = summed_fills(connection, [row["client_id"] for row in rows])
        return [{"id": row["seq"], **order_row(row, *filled[row["client_id"]])} for row in rows]

    def decisions(self, which: Which, limit: int) -> Rows:
        """See `Archive`."""
        table = schema.decisions
        with self._reading() as connection:
            asked = (
                select(table)
                .where(*self._of(table, which), *_within(table.c.time_ms, which))
                .where(*self._between(connection, table, table.c.id, table.c.time_ms, which))
                .order_by(table.c.id.desc())
                .limit(limit)
            )
            if which.state:
                asked = asked.where(table.c.kind == which.state)
            if which.why:
                asked = asked.where(table.c.reason == which.why)
            return [
                {
                    "id": row.id,
                    "time_ms": row.time_ms,
                    **named(row.market),
                    "kind": row.kind,
                    "reason": row.reason,
                    "values": decision_values(row.payload),
                }
                for row in connection.execute(asked)
            ]

    def record(self, which: Which, limit: int) -> Rows:
        """See `Archive`. A row's `id` is its time, kind and number."""
        found: list[dict[str, Any]] = []
        with self._reading() as connection:
            for kind, table, name in _RECORD:
                if which.state and which.state != kind:
                    continue
                if which.market is not None and "market" not in table.c:
                    continue
                asked = (
                    select(table)
                    .where(*self._of(table, which), *_within(table.c.time_ms, which), _older(table, kind, which.before))
                    .order_by(table.c.time_ms.desc(), table.c.seq.desc())
                    .limit(limit)
                )
                found += [_recorded(kind, name, row) for row in connection.execute(asked).mappings()]
        found.sort(key=lambda row: _cursor(row["id"]), reverse=True)
        return found[:limit]

    def life(self, client_id: str) -> Mapping[str, Any] | None:
        """See `Archive`."""
        attempts, fills = schema.attempts, schema.fills
        stem = client_id.rpartition(".")[0]
        with self._reading() as connection:
            row = (
                connection.execute(select(attempts).where(attempts.c.client_id == client_id, self._ours(attempts)))
                .mappings()
                .one_or_none()
            )
            if row is None:
                return None
            others = connection.execute(
                select(attempts.c.client_id, attempts.c.state, attempts.c.decided_ms)
                .where(attempts.c.client_id.between(f"{stem}.", f"{stem}/"), self._ours(attempts))
                .order_by(attempts.c.seq)
            ).all()
            trades = (
                connection.execute(
                    select(fills, attempts.c.why, attempts.c.step, attempts.c.cycle_id, attempts.c.seen_price)
                    .join(attempts, attempts.c.client_id == fills.c.client_id)
                    .where(fills.c.client_id == client_id)
                    .order_by(fills.c.id)
                )
                .mappings()
                .all()
            )
            filled = summed_fills(connection, [client_id])
        limit_price = row["limit_price"]
        return {
            **order_row(row, *filled[client_id]),
            "number": row["number"],
            "attempt": row["attempt"],
            "seen_price": plain(Decimal(row["seen_price"])),
            "worst_price": plain(Decimal(row["worst_price"])),
            "limit_price": None if limit_price is None else plain(Decimal(limit_price)),
            "max_cost": plain(Decimal(row["max_cost"])),
            "expires_ms": row["expires_ms"],
            "sent_ms": row["sent_ms"],
            "answered_ms": row["answered_ms"],
            "fills": [trade_row(trade) for trade in trades],
            "attempts": [{"client_id": one.client_id, "state": one.state, "time_ms": one.decided_ms} for one in others],
        }

    def equity(self, since_ms: int = 0) -> Sequence[tuple[int, EquitySample]]:
        """See `Archive`."""
        table = schema.equity
        with self._reading() as connection:
            rows = connection.execute(
                select(table)
                .where(table.c.account == self._account, table.c.time_ms >= since_ms)
                .order_by(table.c.time_ms, table.c.id)
            )
            return [
                (
                    row.id,
                    EquitySample(
                        time_ms=row.time_ms,
                        equity=Decimal(row.equity),
                        free=Decimal(row.free),
                        invested=Decimal(row.invested),
                        unrealised=Decimal(row.unrealised),
                        realised=Decimal(row.realised),
                    ),
                )
                for row in rows
            ]

    def fills_after(self, id_: int, limit: int) -> Sequence[BookedFill]:
        """See `Archive`."""
        fills, attempts = schema.fills, schema.attempts
        columns = (fills.c[name] for name in _FILL)
        with self._reading() as connection:
            rows = connection.execute(
                select(attempts.c.cycle_id, *columns)
                .join(attempts, attempts.c.client_id == fills.c.client_id)
                .where(fills.c.id > id_, self._ours(fills))
                .order_by(fills.c.id)
                .limit(limit)
            )
            return [_booked_fill(*row) for row in rows]

    def results_after(self, seq: int, limit: int) -> Sequence[BookedResult]:
        """See `Archive`."""
        table = schema.cycle_events
        with self._reading() as connection:
            rows = connection.execute(
                select(table.c.seq, table.c.market, table.c.cycle_id, table.c.time_ms, table.c.result)
                .where(table.c.seq > seq, table.c.result.is_not(None), self._ours(table))
                .order_by(table.c.seq)
                .limit(limit)
            )
            return [BookedResult(row[0], market_of(row[1]), row[2], row[3], Decimal(row[4])) for row in rows]

    def without_order_after(self, seq: int, limit: int) -> Sequence[WithoutOrder]:
        """See `Archive`."""
        table = schema.cycle_events
        with self._reading() as connection:
            rows = connection.execute(
                select(table.c.seq, table.c.market, table.c.cycle_id, table.c.time_ms, table.c.kind, table.c.payload)
                .where(literal_text(schema.WITHOUT_ORDER), table.c.seq > seq, self._ours(table))
                .order_by(table.c.seq)
                .limit(limit)
            )
            return [
                WithoutOrder(row[0], market_of(row[1]), row[2], row[3], codec.event_from_text(row[4], row[5]))
                for row in rows
            ]

    @staticmethod
    def _for_that(connection: Connection, asked: Select[Any], why: str, limit: int) -> Sequence[Mapping[Any, Any]]:
        """A frequent reason is found among the newest rows; a rare one by going through the orders."""
        fills, attempts = schema.fills, schema.attempts
        last = connection.execute(asked.with_only_columns(fills.c.time_ms).limit(1).offset(_LOOKED_THROUGH)).scalar()
        near = asked if last is None else asked.where(fills.c.time_ms > last)
        rows = connection.execute(near.where(attempts.c.why == why)).mappings().all()
        if last is None or len(rows) == limit:
            return rows
        those = select(attempts.c.client_id).where(attempts.c.why == why)
        return connection.execute(asked.where(fills.c.client_id.in_(those))).mappings().all()

    def _of(self, table: Table, which: Which) -> tuple[ColumnElement[bool], ...]:
        if which.market is not None:
            return (table.c.account == self._account, table.c.market == str(which.market))
        return (self._ours(table),)

    def _ours(self, table: Table) -> ColumnElement[bool]:
        # Nearly all rows are ours: an index by account would only make the planner sort them all for the newest few.
        return table.c.account.concat("") == self._account

    def _between(
        self, connection: Connection, table: Table, key: ColumnElement[int], time: ColumnElement[int], which: Which
    ) -> tuple[ColumnElement[bool], ...]:
        """The keys between which those times lie, and the page before: found by halving, not by looking at each row."""
        found: list[ColumnElement[bool]] = []
        if which.since_ms:
            found.append(key >= _key_at(connection, key, time, which.since_ms - _ASIDE_MS))
        if which.until_ms:
            found.append(key <= _key_at(connection, key, time, which.until_ms + _ASIDE_MS))
        if which.before:
            found.append(key < _number(which.before))
        return tuple(found)


_FILL = (
    "id",
    "market",
    "client_id",
    "trade_id",
    "order_id",
    "side",
    "base",
    "quote",
    "fee",
    "fee_currency",
    "time_ms",
)


def _booked_fill(
    cycle_id: int,
    id_: int,
    market: str,
    client_id: str,
    trade_id: str,
    order_id: str,
    side: str,
    base: str,
    quote: str,
    fee: str,
    fee_currency: str,
    time_ms: int,
) -> BookedFill:
    fill = Fill(
        trade_id=trade_id,
        order_id=order_id,
        client_id=client_id,
        market=market_of(market),
        side=Side(side),
        base=Decimal(base),
        quote=Decimal(quote),
        fee=Decimal(fee),
        fee_currency=fee_currency,
        time_ms=time_ms,
    )
    return BookedFill(id_, cycle_id, fill)


def _within(time: ColumnElement[int], which: Which) -> tuple[ColumnElement[bool], ...]:
    found: list[ColumnElement[bool]] = []
    if which.since_ms:
        found.append(time >= which.since_ms)
    if which.until_ms:
        found.append(time < which.until_ms)
    return tuple(found)


def _key_at(connection: Connection, key: ColumnElement[int], time: ColumnElement[int], time_ms: int) -> int:
    """The first key whose time is not before that one; times rise with keys."""
    ends = connection.execute(select(func.min(key), func.max(key))).one()
    low, high = int(ends[0] or 0), int(ends[1] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(select(key, time).where(key >= middle).order_by(key).limit(1)).first()
        if row is None or row[1] >= time_ms:
            high = middle
        else:
            low = row[0] + 1
    return low


def _number(text: str) -> int:
    """A cursor as a key; what is none is before everything."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _cursor(text: str) -> tuple[int, str, int]:
    parts = text.split(".")
    if len(parts) != 3:
        return (0, "", 0)
    return (_number(parts[0]), parts[1], _number(parts[2]))


def _older(table: Table, kind: str, before: str) -> ColumnElement[bool]:
    """The rows of that kind that stand after the cursor."""
    if not before:
        return table.c.time_ms >= 0
    time_ms, other, seq = _cursor(before)
    if kind == other:
        same = table.c.seq < seq
    elif kind < other:
        same = table.c.seq > 0
    else:
        same = false()
    return or_(table.c.time_ms < time_ms, and_(table.c.time_ms == time_ms, same))


def _recorded(kind: str, name: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    payload = row.get("payload")
    market = row.get("market")
    return {
        "id": f"{row['time_ms']}.{kind}.{row['seq']}",
        "time_ms": row["time_ms"],
        "kind": kind,
        **(named(market) if market else {"symbol": None, "currency": None}),
        "name": row[name] if name else "",
        "by": row.get("given_by") or "engine",
        "priority": row.get("priority"),
        "values": None if payload is None else codec.from_text(payload),
    }
