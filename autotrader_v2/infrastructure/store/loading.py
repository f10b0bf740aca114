"""From rows back to memory: each market's newest snapshot and the events after it, folded."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, select
from sqlalchemy import text as literal_text

from autotrader_v2.application.ports import Doubt, JournalState, OpenAttempt, RecentBuy
from autotrader_v2.domain.cycle import Idle, TradingCycle, apply
from autotrader_v2.domain.limits import DAY_MS
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.store import codec, schema
from autotrader_v2.infrastructure.store.rows import RESULT_KINDS, market_of, open_attempt

# More buys than this in a day are beyond every limit anyway.
_RECENT_MAX = 20_000
# Attempts stand in the order they were committed in, a little beside that of their times.
_ASIDE_MS = 3_600_000
_BOUGHT = (*schema.OPEN_STATES, "filled", "filled_late")
_AT_ONCE = 1000


class Loader:
    """Reads the state of one account through one connection."""

    def __init__(self, connection: Connection, account: str) -> None:
        self._connection = connection
        self._account = account

    def state(self, next_number: int, doubt: Doubt = Doubt.NONE) -> JournalState:
        """Everything memory is made of."""
        return JournalState(
            instance=self._fact("instance"),
            next_number=next_number,
            cycles=self.cycles(),
            switches=self._switches(),
            pauses=self._pauses(),
            params=self._params(),
            settings=self._settings(),
            open_attempts=self._open_attempts(),
            recent_buys=self._recent_buys(),
            doubt=doubt,
        )

    def cycles(self) -> dict[Market, TradingCycle]:
        """Every market's cycle: the newest snapshot and what came after it."""
        snapshots, events = schema.snapshots, schema.cycle_events
        newest = select(func.max(snapshots.c.event_seq)).where(self._ours(snapshots)).group_by(snapshots.c.market)
        cycles: dict[Market, TradingCycle] = {}
        known: dict[str, int] = {}
        for seq, market, payload in self._connection.execute(
            select(snapshots.c.event_seq, snapshots.c.market, snapshots.c.payload).where(
                snapshots.c.event_seq.in_(newest)
            )
        ):
            known[market] = seq
            cycles[market_of(market)] = codec.idle_from_text(payload)
        markets = self._connection.execute(select(events.c.market).where(self._ours(events)).distinct()).scalars()
        for text in list(markets):
            market = market_of(text)
            cycle = cycles.get(market, Idle(market=market))
            for _, kind, payload, _, _ in self._events(text, known.get(text, 0)):
                cycle = apply(cycle, codec.event_from_text(kind, payload))
            cycles[market] = cycle
        return cycles

    def differences(self, rest_of: Callable[[], None] = lambda: None) -> Iterator[str]:
        """What a fold from the very first event says differently from snapshots and stored results.

        `rest_of` is called now and then, to let others work.
        """
        events, snapshots = schema.cycle_events, schema.snapshots
        loaded = self.cycles()
        markets = self._connection.execute(select(events.c.market).where(self._ours(events)).distinct()).scalars()
        for text in list(markets):
            kept: dict[int, str] = {
                row.event_seq: row.payload
                for row in self._connection.execute(
                    select(snapshots.c.event_seq, snapshots.c.payload).where(
                        self._ours(snapshots), snapshots.c.market == text
                    )
                )
            }
            market = market_of(text)
            cycle: TradingCycle = Idle(market=market)
            for number, (seq, kind, payload, realised, result) in enumerate(self._events(text, 0)):
                if number % _AT_ONCE == 0:
                    rest_of()
                before = cycle.tally.realised
                event = codec.event_from_text(kind, payload)
                cycle = apply(cycle, event)
                if seq in kept and codec.idle_from_text(kept[seq]) != cycle:
                    yield f"{text}: the snapshot after event {seq} is not what the events before it lead to"
                if Decimal(realised) != cycle.tally.realised:
                    yield f"{text}: event {seq} leaves {cycle.tally.realised} realised, the journal says {realised}"
                if isinstance(event, RESULT_KINDS) and Decimal(result or 0) != cycle.tally.realised - before:
                    yield f"{text}: event {seq} earned {cycle.tally.realised - before}, the journal says {result}"
            if cycle != loaded[market]:
                yield f"{text}: folded from the first event the cycle differs from the one loaded"

    def _events(self, market: str, after_seq: int) -> Iterator[tuple[int, str, str, str, str | None]]:
        events = schema.cycle_events
        for row in self._connection.execute(
            select(events.c.seq, events.c.kind, events.c.payload, events.c.realised, events.c.result)
            .where(self._ours(events), events.c.market == market, events.c.seq > after_seq)
            .order_by(events.c.seq)
        ):
            yield row[0], row[1], row[2], row[3], row[4]

    def _fact(self, name: str) -> str:
        table = schema.meta
        return str(self._connection.execute(select(table.c.value).where(table.c.name == name)).scalar_one())

    def _switches(self) -> dict[Market | None, SwitchMode]:
        table = schema.switches
        return {_market(row.market): SwitchMode(row.mode) for row in self._newest(table, table.c.market)}

    def _pauses(self) -> dict[Market, Pause]:
        table = schema.pauses
        return {
            market_of(row.market): codec.pause_from_text(row.payload)
            for row in self._newest(table, table.c.market)
            if row.payload is not None
        }

    def _params(self) -> dict[Market | None, dict[str, Any]]:
        table = schema.params
        return {_market(row.market): codec.from_text(row.payload) for row in self._newest(table, table.c.market)}

    def _settings(self) -> dict[str, Any]:
        table = schema.app_settings
        return {row.name: codec.from_text(row.payload) for row in self._newest(table, table.c.name)}

    def _open_attempts(self) -> tuple[OpenAttempt, ...]:
        table = schema.attempts
        # In the words of the partial index: only then it is used, and not every attempt ever made is looked at.
        rows = self._connection.execute(
            select(table).where(self._ours(table), literal_text(schema.IS_OPEN)).order_by(table.c.seq)
        ).mappings()
        return tuple(open_attempt(dict(row)) for row in rows)

    def _recent_buys(self) -> tuple[RecentBuy, ...]:
        """Walks back from the newest attempt and stops after a day, however long the table is."""
        table = schema.attempts
        # The account is compared here: asked for in SQL it would have SQLite sort all attempts of the account first.
        rows = self._connection.execute(
            select(*(table.c[name] for name in ("account", "client_id", "market", "decided_ms", "max_cost", "state")))
            .where(table.c.side == "buy")
            .order_by(table.c.seq.desc())
            .limit(_RECENT_MAX)
        )
        found: list[RecentBuy] = []
        newest_ms = 0
        for account, client_id, market, time_ms, max_cost, state in rows:
            if account != self._account or state == "not_sent":
                continue
            newest_ms = max(newest_ms, time_ms)
            if time_ms < newest_ms - DAY_MS - _ASIDE_MS:
                break
            cost = Decimal(max_cost) if state in _BOUGHT else ZERO
            found.append(RecentBuy(client_id=client_id, market=market_of(market), time_ms=time_ms, cost=cost))
        return tuple(found)

    def _newest(self, table: Table, key: ColumnElement[Any]) -> Any:
        """The newest row of each key."""
        newest: Select[Any] = select(func.max(table.c.seq)).where(self._ours(table)).group_by(key)
        return self._connection.execute(select(table).where(table.c.seq.in_(newest))).all()

    def _ours(self, table: Table) -> ColumnElement[bool]:
        return table.c.account == self._account


def _market(text: str | None) -> Market | None:
    return None if text is None else market_of(text)
