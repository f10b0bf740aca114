"""What the writer says, compiled once by SQLAlchemy for the database at hand and run on the driver's own cursor.

Every column is text or a whole number, so values need no conversion and a call costs little more than the driver's.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Dialect, Table, insert, text
from sqlalchemy.sql.elements import ClauseElement

from autotrader_v2.infrastructure.store import schema
from autotrader_v2.infrastructure.store.dialects import Cursor

Values = Mapping[str, Any]

_OPEN = "state IN ('intended', 'unknown')"

# A retry opens its number again, if it is of the same market, cycle, step and side.
_REOPEN_INTENT = """
UPDATE intents SET state = 'open'
WHERE number = :number AND account = :account AND market = :market AND cycle_id = :cycle_id AND side = :side
  AND coalesce(step, -1) = coalesce(:step, -1)
"""
_END_INTENT = """
UPDATE intents SET state = :state WHERE number = (SELECT number FROM attempts WHERE client_id = :client_id)
"""
_END_OPEN = f"""
UPDATE attempts SET state = :state, label = :label, closed_ms = :closed_ms, order_id = coalesce(:order_id, order_id),
  sent_ms = coalesce(:sent_ms, sent_ms), answered_ms = :answered_ms
WHERE client_id = :client_id AND {_OPEN}
"""  # noqa: S608
# The step goes to the late fill unless another buy has it by now (the rule of the index one_buy_of_a_step).
_END_LATE = f"""
UPDATE attempts SET label = :label, closed_ms = :closed_ms, order_id = coalesce(:order_id, order_id),
  state = CASE WHEN side = 'buy' AND EXISTS (
      SELECT 1 FROM attempts AS other
      WHERE other.account = attempts.account AND other.market = attempts.market
        AND other.cycle_id = attempts.cycle_id AND other.step = attempts.step AND other.side = 'buy'
        AND other.client_id <> attempts.client_id AND (other.{_OPEN} OR other.state = 'filled')
    ) THEN 'filled_late' ELSE 'filled' END
WHERE client_id = :client_id
"""  # noqa: S608
_SET_UNKNOWN = f"""
UPDATE attempts SET state = 'unknown', label = :label, order_id = coalesce(:order_id, order_id),
  sent_ms = coalesce(:sent_ms, sent_ms), traded = coalesce(:traded, traded)
WHERE client_id = :client_id AND {_OPEN}
"""  # noqa: S608
# A trade takes its book from the attempt, which must be of the same market.
_FILL = """
INSERT INTO fills (account, market, book, client_id, trade_id, order_id, label, side, base, quote, fee, fee_currency,
  time_ms)
SELECT account, market, book, client_id, :trade_id, :order_id, :label, :side, :base, :quote, :fee, :fee_currency,
  :time_ms
FROM attempts WHERE client_id = :client_id AND account = :account AND market = :market
"""
_LAST_EVENT = """
SELECT seq, realised FROM cycle_events WHERE account = :account AND market = :market ORDER BY seq DESC LIMIT 1
"""
# Decisions are for the page: only the newest of a market are kept.
_PRUNE_DECISIONS = """
DELETE FROM decisions WHERE account = :account AND market = :market AND id <= (
  SELECT id FROM decisions WHERE account = :account AND market = :market ORDER BY id DESC LIMIT 1 OFFSET :keep
)
"""
FILL_COLUMNS = "trade_id, order_id, label, market, side, base, quote, fee, fee_currency, time_ms"


class Prepared:
    """A statement as the driver wants it."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, names: list[str] | None = None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.sql = str(compiled)
        order = getattr(compiled, "positiontup", None)
        self._order: tuple[str, ...] | None = tuple(order) if order is not None else None
        # One name alone would give the value itself.
        self._picked = itemgetter(*order) if order is not None and len(order) > 1 else None

    def bind(self, values: Values) -> Any:
        """The values as the driver takes them: in order, or by name."""
        if self._picked is not None:
            return self._picked(values)
        return values if self._order is None else tuple([values[name] for name in self._order])

    def run(self, cursor: Cursor, values: Values) -> None:
        """Run it once."""
        cursor.execute(self.sql, self.bind(values))


class Statements:
    """All of them, for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(sql: str) -> Prepared:
            return Prepared(text(sql), dialect)

        def row_of(table: Table) -> Prepared:
            names = [one.name for one in table.columns if one is not table.autoincrement_column]
            return Prepared(insert(table).inline(), dialect, names)

        self.intent = row_of(schema.intents)
        self.reopen_intent = prepared(_REOPEN_INTENT)
        self.end_intent = prepared(_END_INTENT)
        self.attempt = row_of(schema.attempts)
        self.end_open = prepared(_END_OPEN)
        self.end_late = prepared(_END_LATE)
        self.set_unknown = prepared(_SET_UNKNOWN)
        self.attempt_state = prepared("SELECT state FROM attempts WHERE client_id = :client_id")
        self.fill = prepared(_FILL)
        self.fills_of = prepared(f"SELECT {FILL_COLUMNS} FROM fills WHERE client_id = :client_id ORDER BY id")  # noqa: S608
        self.event = row_of(schema.cycle_events)
        self.last_event = prepared(_LAST_EVENT)
        self.snapshot = row_of(schema.snapshots)
        self.switch = row_of(schema.switches)
        self.pause = row_of(schema.pauses)
        self.params = row_of(schema.params)
        self.setting = row_of(schema.app_settings)
        self.command = row_of(schema.commands)
        self.alert = row_of(schema.alerts)
        self.decision = row_of(schema.decisions)
        self.prune_decisions = prepared(_PRUNE_DECISIONS)
        self.equity = row_of(schema.equity)
        self.forget_equity = prepared("DELETE FROM equity WHERE id = :id")
        self.credential = row_of(schema.credentials)
        self.credential_used = prepared("UPDATE credentials SET used_ms = :time_ms WHERE id = :id")
        self.revoke_credential = prepared(
            "UPDATE credentials SET revoked_ms = :time_ms WHERE id = :id AND revoked_ms IS NULL"
        )
        self.answer = row_of(schema.answers)
        self.answer_of = prepared("SELECT request_hash, payload, expires_ms FROM answers WHERE request_key = :key")
        self.forget_answer = prepared("DELETE FROM answers WHERE request_key = :key")
        self.prune_answers = prepared("DELETE FROM answers WHERE expires_ms <= :now_ms")
        self.link = row_of(schema.commits)
        self.read_meta = prepared("SELECT value FROM meta WHERE name = :name")
        self.write_meta = prepared("UPDATE meta SET value = :value WHERE name = :name")
        self.forget_meta = prepared("DELETE FROM meta WHERE name = :name")
