"""A journal as it was at any time: read, never changed, also while the engine writes into it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.domain.cycle import CycleEvent
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, OrderIntent
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.store import codec, schema
from autotrader_v2.infrastructure.store.rows import SAW, fill_of, market_of, open_attempt
from autotrader_v2.infrastructure.store.statements import FILL_COLUMNS

# The exchange stamps fills, this program its readings: their clocks may differ by less than that.
_CLEAR_MS = 2_000
# Columns of attempts that an older program did not have and that are not asked for: its file is read as it is.
_ADDED_LATER = ("sent_ms", "answered_ms", "traded")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """An attempt with what became of it. `state`: see `schema`; `label`: the exchange's word or our reason."""

    intent: OrderIntent
    state: str
    label: str
    closed_ms: int | None
    fills: tuple[Fill, ...]

    @property
    def traded(self) -> bool:
        """Whether anything was filled."""
        return bool(self.fills)


@dataclass(frozen=True, slots=True)
class PastMoney:
    """What an account owned of its quote currency, reserved or not, worked out from the reading of `read_ms`."""

    amount: Decimal
    read_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """A cycle event; `client_id` of the order that caused it, "" when none did."""

    seq: int
    event: CycleEvent
    time_ms: int
    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """A decision as it was noted: when its kind or reason changed. `saw`: the prices noted beside it."""

    market: Market
    kind: str
    reason: str
    values: Mapping[str, str]
    saw: Mapping[str, Any]
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person (or the program for one) changed. `market` None: the whole account."""

    what: str
    market: Market | None
    value: Any
    by: str
    time_ms: int


class Past:
    """One journal's file as it is when this is made, opened for reading only; `close` it. For one thread.

    What the engine writes meanwhile is not seen: a decision beside a cycle of before it would look wrong. Errors of
    every call: `JournalUnavailable`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise JournalUnavailable(f"There is no journal {path}.", do="Check the path given to --db.")

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)

        self._engine: Engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        self._connection: Connection | None = None
        facts = self._facts()
        if facts.get("instance") is None:
            raise JournalUnavailable(f"{path} is no journal of mTrade.", do="Check the path given to --db.")
        self.account = facts["account"]
        self.mode, self.feed_family, self.host = facts["mode"], facts["feed_family"], facts["host"]

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()

    def markets(self) -> list[Market]:
        """Every market that was ever decided on."""
        found: set[str] = set()
        with self._reading() as connection:
            for table in (schema.attempts, schema.cycle_events, schema.decisions):
                asked = select(table.c.market).where(table.c.account == self.account).distinct()
                found.update(connection.execute(asked).scalars())
        return sorted(map(market_of, found))

    def span(self) -> tuple[int, int]:
        """The first and the last moment that the journal tells of. Errors: ValueError where it tells of none."""
        # An engine that runs notes its balance at least every few minutes; orders and decisions come between.
        lived = (
            schema.attempts.c.decided_ms,
            schema.cycle_events.c.time_ms,
            schema.decisions.c.time_ms,
            schema.fills.c.time_ms,
            schema.equity.c.time_ms,
        )
        # Old decisions and balances are thinned out; the first switches and ladders stay.
        begun = (*lived, schema.switches.c.time_ms, schema.params.c.time_ms)
        with self._reading() as connection:

            def moments(columns: Iterable[Column[int]], of: Callable[[Column[int]], Any]) -> list[int]:
                asked = [select(of(one)).where(one.table.c.account == self.account) for one in columns]
                found = [connection.execute(one).scalar() for one in asked]
                return [one for one in found if one is not None]

            first, last = moments(begun, func.min), moments(lived, func.max)
        if not last:
            raise ValueError("The journal tells of no order, decision or balance; there is no time to compare.")
        return min(first), max(last)

    def events(self, market: Market) -> list[PastEvent]:
        """Every cycle event of a market, in order."""
        table = schema.cycle_events
        with self._reading() as connection:
            rows = connection.execute(select(table).where(self._of(table, market)).order_by(table.c.seq)).all()
            read = [(row.seq, codec.event_from_text(row.kind, row.payload), row.time_ms) for row in rows]
        return [
            PastEvent(seq=seq, event=event, time_ms=time_ms, client_id=getattr(event, "client_id", ""))
            for seq, event, time_ms in read
        ]

    def orders(self, market: Market, from_ms: int, to_ms: int) -> list[PastOrder]:
        """Attempts decided in `[from_ms, to_ms)`, in the order they were written."""
        table = schema.attempts
        asked = (
            select(*(column for column in table.c if column.name not in _ADDED_LATER))
            .where(self._of(table, market), table.c.decided_ms >= from_ms, table.c.decided_ms < to_ms)
            .order_by(table.c.seq)
        )
        with self._reading() as connection:
            rows = [dict(row) for row in connection.execute(asked).mappings()]
            return [
                PastOrder(
                    intent=open_attempt(row).intent,
                    state=row["state"],
                    label=row["label"],
                    closed_ms=row["closed_ms"],
                    fills=self._fills(connection, row["client_id"]),
                )
                for row in rows
            ]

    def decisions(self, market: Market, from_ms: int, to_ms: int) -> list[PastDecision]:
        """Decisions noted in `[from_ms, to_ms)` and still kept, oldest first."""
        table = schema.decisions
        asked = (
            select(table)
            .where(self._of(table, market), table.c.time_ms >= from_ms, table.c.time_ms < to_ms)
            .order_by(table.c.id)
        )
        with self._reading() as connection:
            return [_decision(row) for row in connection.execute(asked)]

    def wishes(self, to_ms: int) -> list[Wish]:
        """Switches, pauses, ladders, settings and commands before that, in order of time."""
        with self._reading() as connection:
            found = [
                *self._wishes(connection, schema.switches, "switch", to_ms, lambda row: SwitchMode(row.mode)),
                *self._wishes(connection, schema.pauses, "pause", to_ms, _pause),
                *self._wishes(connection, schema.params, "params", to_ms, lambda row: codec.from_text(row.payload)),
                *self._wishes(
                    connection,
                    schema.app_settings,
                    "setting",
                    to_ms,
                    lambda row: (row.name, codec.from_text(row.payload)),
                ),
                *self._wishes(
                    connection,
                    schema.commands,
                    "command",
                    to_ms,
                    lambda row: (row.name, codec.from_text(row.payload)),
                ),
            ]
        return sorted(found, key=lambda one: one.time_ms)

    def alerts(self, from_ms: int, to_ms: int) -> list[tuple[int, Market | None, str]]:
        """(time, market, code) of every alert in `[from_ms, to_ms)`."""
        table = schema.alerts
        asked = select(table).where(
            table.c.account == self.account, table.c.time_ms >= from_ms, table.c.time_ms < to_ms
        )
        with self._reading() as connection:
            return [
                (row.time_ms, market_of(row.market) if row.market else None, row.code)
                for row in connection.execute(asked.order_by(table.c.seq))
            ]

    def moved(self, to_ms: int) -> dict[str, Decimal]:
        """What all fills before that moved, by currency."""
        table = schema.fills
        asked = select(table).where(table.c.account == self.account, table.c.time_ms < to_ms)
        moved: dict[str, Decimal] = {}
        with self._reading() as connection:
            for row in connection.execute(asked):
                market = market_of(row.market)
                sign = 1 if row.side == "buy" else -1
                for currency, change in (
                    (market.base, sign * Decimal(row.base)),
                    (market.quote, -sign * Decimal(row.quote)),
                    (row.fee_currency, -Decimal(row.fee)),
                ):
                    if currency:
                        moved[currency] = moved.get(currency, Decimal(0)) + change
        return moved

    def money_at(self, quote: str, at_ms: int) -> PastMoney | None:
        """How much of the quote currency there was: the nearest reading before (else after), and own fills in between.

        None: no reading is kept. Payments in and out between the two are not known.
        """
        table, fills = schema.equity, schema.fills
        # Which of a reading and a fill of the same moment came first, nobody can tell.
        near = select(fills.c.id).where(
            fills.c.account == self.account,
            fills.c.time_ms.between(table.c.time_ms - _CLEAR_MS, table.c.time_ms + _CLEAR_MS),
        )
        clear = select(table.c.time_ms, table.c.free).where(table.c.account == self.account, ~near.exists())
        with self._reading() as connection:
            row = (
                connection.execute(
                    clear.where(table.c.time_ms <= at_ms).order_by(table.c.time_ms.desc()).limit(1)
                ).first()
                or connection.execute(clear.order_by(table.c.time_ms).limit(1)).first()
            )
        if row is None:
            return None
        then, there = self.moved(at_ms + 1), self.moved(row.time_ms + 1)
        return PastMoney(Decimal(row.free) + then.get(quote, Decimal(0)) - there.get(quote, Decimal(0)), row.time_ms)

    def _wishes(self, connection: Connection, table: Table, what: str, to_ms: int, value: Any) -> list[Wish]:
        asked = select(table).where(table.c.account == self.account, table.c.time_ms < to_ms).order_by(table.c.seq)
        return [
            Wish(
                what=what,
                market=market_of(text) if (text := getattr(row, "market", None)) else None,
                value=value(row),
                by=row.given_by,
                time_ms=row.time_ms,
            )
            for row in connection.execute(asked)
        ]

    def _fills(self, connection: Connection, client_id: str) -> tuple[Fill, ...]:
        table = schema.fills
        columns = [table.c[name] for name in FILL_COLUMNS.split(", ")]
        rows = connection.execute(select(*columns).where(table.c.client_id == client_id).order_by(table.c.id))
        return tuple(fill_of(tuple(row)) for row in rows)

    def _facts(self) -> Mapping[str, str]:
        with self._reading() as connection:
            asked = select(schema.meta.c.name, schema.meta.c.value)
            return {row.name: row.value for row in connection.execute(asked)}

    def _of(self, table: Table, market: Market) -> ColumnElement[bool]:
        return (table.c.account == self.account) & (table.c.market == str(market))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
                self._connection.exec_driver_sql("BEGIN")
            yield self._connection
        except (SQLAlchemyError, sqlite3.Error, ValueError, KeyError) as error:
            cause = getattr(error, "orig", None) or error
            raise JournalUnavailable(
                f"The journal {self._path} cannot be read: {cause}.", do="Check the path; nothing was changed."
            ) from error


def _decision(row: Any) -> PastDecision:
    values = codec.from_text(row.payload)
    saw = values.pop(SAW, None)
    return PastDecision(
        market=market_of(row.market),
        kind=row.kind,
        reason=row.reason,
        values=values,
        saw=saw or {},
        time_ms=row.time_ms,
    )


def _pause(row: Any) -> Pause | None:
    return None if row.payload is None else codec.pause_from_text(row.payload)
