"""The chain: every commit says what it wrote and which commit it follows.

A row of `commits` holds how many cycle events and fills the commit added, a digest of everything else it said, and a
hash over all that and the hash before it. So a copy that went its own way, or an older one, is told from the true one
by one number, and a changed row is found by reading what the hash was made of.

The hash is 64 bits of BLAKE2b: against accidents. Whoever may write the file could make a new chain.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, insert, select

from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.infrastructure.store import codec, schema
from autotrader_v2.infrastructure.store.dialects import Cursor
from autotrader_v2.infrastructure.store.statements import Statements

Row = dict[str, Any]

# What of a row is hashed, in this order: what the writer knows before it writes.
EVENT_COLUMNS = ("account", "market", "book", "cycle_id", "kind", "payload", "realised", "time_ms")
FILL_COLUMNS = (
    *("account", "market", "client_id", "trade_id", "order_id", "label", "side", "base", "quote"),
    *("fee", "fee_currency", "time_ms"),
)
_AT_ONCE = 5000
_TAIL_COMMITS, _TAIL_ROWS = 1000, 5000
_TOLD_MAX = 10


class Head(NamedTuple):
    """Where a chain stands: its newest commit."""

    seq: int
    hash: int


class Said(NamedTuple):
    """What one caller's work writes, as bytes to be hashed. `rest` is all that is neither event nor fill."""

    rest: bytes = b""
    events: tuple[bytes, ...] = ()
    fills: tuple[bytes, ...] = ()


def event_bytes(row: Row) -> bytes:
    """A row of `cycle_events` as it is hashed."""
    return codec.to_bytes([row[name] for name in EVENT_COLUMNS])


def fill_bytes(row: Row) -> bytes:
    """A row of `fills` as it is hashed."""
    return codec.to_bytes([row[name] for name in FILL_COLUMNS])


class Chain:
    """The end of the chain, as the one connection that writes goes on with it."""

    def __init__(self, sql: Statements) -> None:
        self._link = sql.link
        # No two runs make the same link, even of the same words: an older copy never grows into the true one.
        self._run = secrets.token_bytes(8)
        self.head: Head | None = None

    def link(self, cursor: Cursor, said: Sequence[Said]) -> Head:
        """Add a transaction's row and return the head it leads to once it is durable.

        The driver refuses the row when somebody else has added one of that number.
        """
        before = self.head
        if before is None:
            raise JournalUnavailable("The journal is not open.", do="Nothing was written; load it first.")
        if len(said) == 1:
            (one,) = said
            rest, events, fills = _number(self._run + one.rest), one.events, one.fills
        else:
            rest = _number(b"".join([self._run, *[one.rest for one in said]]))
            events = tuple([row for one in said for row in one.events])
            fills = tuple([row for one in said for row in one.fills])
        head = Head(before.seq + 1, _hash(before.hash, rest, events, fills))
        values = {"seq": head.seq, "rest": rest, "events": len(events), "fills": len(fills), "hash": head.hash}
        cursor.execute(self._link.sql, self._link.bind(values))
        return head


def begin(connection: Connection) -> None:
    """The first row, over all that is there already; who and when the database is tells this chain from every other."""
    table, meta = schema.commits, schema.meta
    if connection.execute(select(func.count()).select_from(table)).scalar_one():
        return
    counts = {
        name: connection.execute(select(func.count()).select_from(of)).scalar_one()
        for name, of in (("events", schema.cycle_events), ("fills", schema.fills))
    }
    facts = connection.execute(
        select(meta.c.value).where(meta.c.name.in_(("instance", "created_ms"))).order_by(meta.c.name)
    ).scalars()
    rest = _number(" ".join(facts).encode())
    events, fills = _rows(connection, schema.cycle_events), _rows(connection, schema.fills)
    connection.execute(insert(table).values(seq=0, rest=rest, **counts, hash=_hash(0, rest, events, fills)))


def is_unused(connection: Connection) -> bool:
    """Whether nothing was ever written after the database was made."""
    table = schema.commits
    newest = connection.execute(select(table).order_by(table.c.seq.desc()).limit(1)).one()
    return not (newest.seq or newest.events or newest.fills)


def head_of(connection: Connection) -> Head:
    """The newest commit."""
    table = schema.commits
    seq, known = connection.execute(select(table.c.seq, table.c.hash).order_by(table.c.seq.desc()).limit(1)).one()
    return Head(seq, known)


def hash_at(connection: Connection, seq: int) -> int | None:
    """The hash of a commit; None: there is none of that number."""
    table = schema.commits
    return connection.execute(select(table.c.hash).where(table.c.seq == seq)).scalar()


def broken_tail(connection: Connection) -> Iterator[str]:
    """What the newest commits say differently from the rows they wrote: as many as a start has time for."""
    table = schema.commits
    rows, written = [], 0
    for row in connection.execute(select(table).order_by(table.c.seq.desc()).limit(_TAIL_COMMITS)):
        rows.append(row)
        written += row.events + row.fills
        if written > _TAIL_ROWS:
            break
    # The oldest only says what the others follow.
    before = rows.pop()
    events = _last(connection, schema.cycle_events, sum(row.events for row in rows))
    fills = _last(connection, schema.fills, sum(row.fills for row in rows))
    yield from _differences(reversed(rows), iter(events), iter(fills), Head(before.seq, before.hash))


def broken(connection: Connection, rest_of: Callable[[], None] = lambda: None) -> Iterator[str]:
    """What any commit says differently from the rows it wrote. `rest_of` is called now and then, to let others work."""
    table = schema.commits
    events, fills = _rows(connection, schema.cycle_events, rest_of), _rows(connection, schema.fills, rest_of)
    commits = _pages(connection, table, "seq", rest_of)
    yield from _differences(commits, events, fills, Head(-1, 0))
    if next(events, None) is not None or next(fills, None) is not None:
        yield "it holds rows that no commit wrote"


def _differences(commits: Iterator[Any], events: Iterator[bytes], fills: Iterator[bytes], head: Head) -> Iterator[str]:
    told = 0
    for row in commits:
        if row.seq != head.seq + 1:
            yield f"commit {head.seq + 1} is missing"
            return
        own_events = [one for _, one in zip(range(row.events), events, strict=False)]
        own_fills = [one for _, one in zip(range(row.fills), fills, strict=False)]
        if row.hash != _hash(head.hash, row.rest, own_events, own_fills):
            yield f"commit {row.seq} wrote something else than what stands there now"
            told += 1
            if told == _TOLD_MAX:
                return
        head = Head(row.seq, row.hash)


def _rows(connection: Connection, table: Table, rest_of: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """Every event or fill as it is hashed, in the order of writing."""
    names = EVENT_COLUMNS if table is schema.cycle_events else FILL_COLUMNS
    for row in _pages(connection, table, _key(table), rest_of):
        yield codec.to_bytes([getattr(row, name) for name in names])


def _last(connection: Connection, table: Table, count: int) -> list[bytes]:
    names, key = (EVENT_COLUMNS if table is schema.cycle_events else FILL_COLUMNS), table.c[_key(table)]
    columns = [table.c[name] for name in names]
    rows = connection.execute(select(*columns).order_by(key.desc()).limit(count)).all()
    return [codec.to_bytes(list(row)) for row in reversed(rows)]


def _pages(connection: Connection, table: Table, key: str, rest_of: Callable[[], None]) -> Iterator[Any]:
    """A whole table in the order of its key, some thousand rows at a time."""
    after = -1
    while True:
        rows = connection.execute(
            select(table).where(table.c[key] > after).order_by(table.c[key]).limit(_AT_ONCE)
        ).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        after = getattr(rows[-1], key)
        rest_of()


def _key(table: Table) -> str:
    return "seq" if table is schema.cycle_events else "id"


def _hash(before: int, rest: int, events: Iterable[bytes], fills: Iterable[bytes]) -> int:
    numbers = before.to_bytes(8, "big", signed=True) + rest.to_bytes(8, "big", signed=True)
    digest = blake2b(numbers, digest_size=8)
    for row in events:
        digest.update(row)
    digest.update(b"\0")
    for row in fills:
        digest.update(row)
    return int.from_bytes(digest.digest(), "big", signed=True)


def still_there(connection: Connection, head: Head) -> bool:
    """Whether a head that was written is still what it was."""
    return hash_at(connection, head.seq) == head.hash


def _number(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
