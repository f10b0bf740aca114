"""Records as work for the writer. Everything is put into words before the work waits for its turn."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, assert_never

from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    AttemptUnknown,
    CommandGiven,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Record,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.domain.cycle import Idle
from autotrader_v2.domain.orders import ClientId
from autotrader_v2.infrastructure.store import codec
from autotrader_v2.infrastructure.store.chain import Said, event_bytes, fill_bytes
from autotrader_v2.infrastructure.store.dialects import Cursor
from autotrader_v2.infrastructure.store.rows import (
    RESULT_KINDS,
    Row,
    attempt_row,
    event_row,
    fill_row,
    intent_row,
    label_of,
    text_of,
)
from autotrader_v2.infrastructure.store.statements import Prepared, Statements

Step = Callable[[Cursor], None]
# What is neither an intent nor a trade nor a cycle event.
Other = AttemptUnknown | AttemptClosed | SwitchSet | PauseSet | ParamsSet | CommandGiven | SettingSet | Alert

_NOTHING_TRADED = ("unfilled", "not_sent", "refused", "absent")


class RecordWriter:
    """Turns records of one account into steps on a cursor."""

    def __init__(self, statements: Statements, account: str) -> None:
        self._sql = statements
        self._account = account

    def work(self, records: Sequence[Record]) -> tuple[Step, Said]:
        """One piece of work for all of them, in order, and what the chain keeps of it. Errors: `JournalRefused`."""
        said: list[bytes] = []
        events: list[bytes] = []
        fills: list[bytes] = []
        steps = []
        for record in records:
            match record:
                case FillsBooked():
                    rows = [fill_row(self._account, record.client_id, fill) for fill in record.fills]
                    fills += map(fill_bytes, rows)
                    steps.append(self._booked(record, rows))
                case CycleChanged():
                    row = event_row(self._account, record)
                    events.append(event_bytes(row))
                    steps.append(self._cycle_changed(record, row))
                case Intended(intent):
                    row = attempt_row(self._account, intent, label := label_of(intent.client_id))
                    said.append(codec.to_bytes(list(row.values())))
                    steps.append(self._intended(label, row))
                case _:
                    said.append(codec.to_bytes((type(record).__name__, record)))
                    steps.append(self._step(record))

        def run(cursor: Cursor) -> None:
            for step in steps:
                step(cursor)

        return run, Said(b"".join(said), tuple(events), tuple(fills))

    def _step(self, record: Other) -> Step:
        match record:
            case AttemptUnknown():
                return self._unknown(record)
            case AttemptClosed():
                return self._closed(record)
            case SwitchSet():
                return self._row(self._sql.switch, record, mode=record.mode.value)
            case PauseSet(pause=pause):
                return self._row(self._sql.pause, record, payload=None if pause is None else codec.to_text(pause))
            case ParamsSet():
                return self._row(self._sql.params, record, payload=codec.to_text(record.values))
            case CommandGiven():
                return self._row(self._sql.command, record, name=record.name, payload=codec.to_text(record.values))
            case SettingSet():
                return self._set_to(record)
            case Alert():
                return self._alert(record)
            case _:
                assert_never(record)

    def _intended(self, label: ClientId, values: Row) -> Step:
        sql = self._sql
        wanted = sql.intent.bind(intent_row(values))
        attempt = sql.attempt.bind(values)

        def run(cursor: Cursor) -> None:
            if label.attempt > 1:
                sql.reopen_intent.run(cursor, values)
            if label.attempt == 1 or cursor.rowcount == 0:
                cursor.execute(sql.intent.sql, wanted)
            cursor.execute(sql.attempt.sql, attempt)

        return run

    def _unknown(self, record: AttemptUnknown) -> Step:
        values = {
            "client_id": record.client_id,
            "label": record.detail,
            "order_id": record.order_id or None,
            "sent_ms": record.sent_ms or None,
            "traded": int(record.traded) or None,
        }

        def run(cursor: Cursor) -> None:
            self._sql.set_unknown.run(cursor, values)
            if cursor.rowcount == 0:
                raise self._ended(record.client_id, self._state_of(cursor, record.client_id))

        return run

    def _closed(self, record: AttemptClosed) -> Step:
        sql, outcome = self._sql, record.outcome
        values = {
            "client_id": record.client_id,
            "state": outcome.value,
            "label": record.label,
            "closed_ms": record.time_ms,
            "order_id": record.order_id or None,
            "sent_ms": record.sent_ms or None,
            "answered_ms": record.answered_ms or None,
        }
        end = {"client_id": record.client_id, "state": "filled" if outcome is Outcome.FILLED else "ended"}

        def run(cursor: Cursor) -> None:
            sql.end_open.run(cursor, values)
            if cursor.rowcount == 0:
                state = self._state_of(cursor, record.client_id)
                if state == outcome or (state == "filled_late" and outcome is Outcome.FILLED):
                    return
                if outcome is not Outcome.FILLED or state not in _NOTHING_TRADED:
                    raise self._ended(record.client_id, state)
                sql.end_late.run(cursor, values)
            sql.end_intent.run(cursor, end)

        return run

    def _booked(self, record: FillsBooked, values: Sequence[Row]) -> Step:
        sql = self._sql
        rows = [sql.fill.bind(row) for row in values]

        def run(cursor: Cursor) -> None:
            for row in rows:
                cursor.execute(sql.fill.sql, row)
                if cursor.rowcount == 0:
                    raise _no_such(record.client_id)

        return run

    def _cycle_changed(self, record: CycleChanged, row: Row) -> Step:
        sql, after = self._sql, record.after
        has_result = isinstance(record.event, RESULT_KINDS)
        snapshot = codec.to_text(after) if isinstance(after, Idle) else None

        def run(cursor: Cursor) -> None:
            if has_result:
                sql.last_event.run(cursor, row)
                last = cursor.fetchone()
                before = Decimal(last[1]) if last else Decimal(0)
                row["result"] = str(after.tally.realised - before)
            sql.event.run(cursor, row)
            if snapshot is not None:
                sql.last_event.run(cursor, row)
                (seq, _) = cursor.fetchone()
                sql.snapshot.run(cursor, {**row, "event_seq": seq, "payload": snapshot})

        return run

    def _set_to(self, record: SettingSet) -> Step:
        values = {
            "account": self._account,
            "name": record.name,
            "payload": codec.to_text(record.value),
            "given_by": record.by,
            "time_ms": record.time_ms,
        }
        return lambda cursor: self._sql.setting.run(cursor, values)

    def _alert(self, record: Alert) -> Step:
        values = {
            "account": self._account,
            "market": text_of(record.market),
            "code": record.code,
            "priority": record.priority.value,
            "payload": None if record.values is None else codec.to_text(record.values),
            "time_ms": record.time_ms,
        }
        return lambda cursor: self._sql.alert.run(cursor, values)

    def _row(self, insert: Prepared, record: SwitchSet | PauseSet | ParamsSet | CommandGiven, **own: Any) -> Step:
        """A row of what somebody wanted."""
        values = {
            "account": self._account,
            "market": text_of(record.market),
            "given_by": record.by,
            "time_ms": record.time_ms,
            **own,
        }
        return lambda cursor: insert.run(cursor, values)

    def _state_of(self, cursor: Cursor, client_id: str) -> str:
        self._sql.attempt_state.run(cursor, {"client_id": client_id})
        row = cursor.fetchone()
        if row is None:
            raise _no_such(client_id)
        return str(row[0])

    @staticmethod
    def _ended(client_id: str, state: str) -> JournalRefused:
        return JournalRefused(f"The order {client_id} has ended as {state}.", do="Nothing was written.")


def _no_such(client_id: str) -> JournalRefused:
    return JournalRefused(
        f"The journal knows no order {client_id} of this market.",
        do="Nothing was written; only orders of this journal can be booked.",
    )
