"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, _INT, nullable=nullable)


def _words(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "alerts",
        _number("seq"),
        _words("account"),
        _words("market", nullable=True),
        _words("code"),
        _words("priority"),
        _words("payload", nullable=True),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_alerts"),
        sqlite_strict=True,
    )
    op.create_table(
        "answers",
        _words("request_key"),
        _words("request_hash"),
        _words("payload"),
        _number("expires_ms"),
        sa.PrimaryKeyConstraint("request_key", name="pk_answers"),
        sqlite_strict=True,
    )
    op.create_index("answers_by_expiry", "answers", ["expires_ms"])
    op.create_table(
        "commands",
        _number("seq"),
        _words("account"),
        _words("market", nullable=True),
        _words("name"),
        _words("payload"),
        _words("given_by"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_commands"),
        sqlite_strict=True,
    )
    op.create_table(
        "cycle_events",
        _number("seq"),
        _words("account"),
        _words("market"),
        _words("book"),
        _number("cycle_id"),
        _words("kind"),
        _words("payload"),
        _words("realised"),
        _words("result", nullable=True),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_cycle_events"),
        sqlite_strict=True,
    )
    op.create_index("events_of_market", "cycle_events", ["account", "market", "seq"])
    where = sa.text("result IS NOT NULL")
    op.create_index("sales_by_time", "cycle_events", ["time_ms"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "decisions",
        _number("id"),
        _words("account"),
        _words("market"),
        _words("book"),
        _words("kind"),
        _words("reason"),
        _words("payload"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sqlite_strict=True,
    )
    op.create_index("decisions_of_market", "decisions", ["account", "market", "id"])
    op.create_table(
        "intents",
        sa.Column("number", _INT, nullable=False, autoincrement=False),
        _words("account"),
        _words("market"),
        _words("book"),
        _number("cycle_id"),
        _number("step", nullable=True),
        _words("side"),
        _words("why"),
        _number("created_ms"),
        _words("state"),
        sa.PrimaryKeyConstraint("number", name="pk_intents"),
        sa.CheckConstraint("state IN ('open', 'filled', 'ended')", name=op.f("ck_intent_state")),
        sqlite_strict=True,
    )
    op.create_table(
        "meta",
        _words("name"),
        _words("value"),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
        sqlite_strict=True,
    )
    op.create_table(
        "params",
        _number("seq"),
        _words("account"),
        _words("market", nullable=True),
        _words("payload"),
        _words("given_by"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_params"),
        sqlite_strict=True,
    )
    op.create_table(
        "pauses",
        _number("seq"),
        _words("account"),
        _words("market"),
        _words("payload", nullable=True),
        _words("given_by"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_pauses"),
        sqlite_strict=True,
    )
    op.create_table(
        "settings",
        _number("seq"),
        _words("account"),
        _words("name"),
        _words("payload"),
        _words("given_by"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_settings"),
        sqlite_strict=True,
    )
    op.create_table(
        "switches",
        _number("seq"),
        _words("account"),
        _words("market", nullable=True),
        _words("mode"),
        _words("given_by"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("seq", name="pk_switches"),
        sqlite_strict=True,
    )
    op.create_table(
        "attempts",
        _number("seq"),
        _words("client_id"),
        _number("number"),
        _number("attempt"),
        _words("account"),
        _words("market"),
        _words("book"),
        _words("side"),
        _words("type"),
        _words("amount"),
        _words("why"),
        _number("cycle_id"),
        _number("step", nullable=True),
        _words("worst_price"),
        _words("seen_price"),
        _words("max_cost"),
        _words("limit_price", nullable=True),
        _number("decided_ms"),
        _number("expires_ms"),
        _words("state"),
        _words("order_id"),
        _words("label"),
        _number("closed_ms", nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_attempts"),
        sa.UniqueConstraint("client_id", name="one_attempt_of_a_label"),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f("ck_attempt_side")),
        sa.CheckConstraint(
            "state IN ('intended', 'unknown', 'filled', 'filled_late', 'unfilled', 'not_sent', 'refused', 'absent')",
            name=op.f("ck_attempt_state"),
        ),
        sa.ForeignKeyConstraint(["number"], ["intents.number"], name="fk_attempts_number"),
        sqlite_strict=True,
    )
    op.create_index("attempts_of_market", "attempts", ["account", "market", "seq"])
    where = sa.text("side = 'buy' AND step IS NOT NULL AND state IN ('intended', 'unknown', 'filled')")
    op.create_index(
        "one_buy_of_a_step",
        "attempts",
        ["account", "market", "cycle_id", "step"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    where = sa.text("state IN ('intended', 'unknown')")
    op.create_index(
        "one_open_order", "attempts", ["account", "market"], unique=True, sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "snapshots",
        _number("event_seq"),
        _words("account"),
        _words("market"),
        _words("payload"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("event_seq", name="pk_snapshots"),
        sa.ForeignKeyConstraint(["event_seq"], ["cycle_events.seq"], name="fk_snapshots_event_seq"),
        sqlite_strict=True,
    )
    op.create_index("snapshots_of_market", "snapshots", ["account", "market", "event_seq"])
    op.create_table(
        "fills",
        _number("id"),
        _words("account"),
        _words("market"),
        _words("book"),
        _words("client_id"),
        _words("trade_id"),
        _words("order_id"),
        _words("label"),
        _words("side"),
        _words("base"),
        _words("quote"),
        _words("fee"),
        _words("fee_currency"),
        _number("time_ms"),
        sa.PrimaryKeyConstraint("id", name="pk_fills"),
        sa.UniqueConstraint("account", "market", "trade_id", name="one_booking_of_a_trade"),
        sa.ForeignKeyConstraint(["client_id"], ["attempts.client_id"], name="fk_fills_client_id"),
        sqlite_strict=True,
    )
    op.create_index("fills_of_attempt", "fills", ["client_id"])
    op.create_index("fills_of_market", "fills", ["account", "market", "id"])
