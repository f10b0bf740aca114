"""The tables. What must never happen with money is made impossible here, by unique indexes.

Money is text, so that every digit survives. Rows are only added, except for what became of an attempt. `market` is
`gate:BTC_USDT`; NULL means all markets.

How an attempt lives: `intended` (about to be sent), `unknown` (the answer was lost), then one end: `filled`,
`unfilled`, `not_sent`, `refused`, `absent`. A fill that arrives after the end was written as "nothing traded" makes it
`filled`; if that step was bought again meanwhile, `filled_late`, which says the same and leaves the step to the other.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

# Alembic revisions this program knows, oldest first; the last is the schema below.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]

OPEN_STATES = ("intended", "unknown")
STATES = (*OPEN_STATES, "filled", "filled_late", "unfilled", "not_sent", "refused", "absent")

_INT: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(constraint_name)s",
    }
)

IS_OPEN = "state IN ('intended', 'unknown')"
_HAS_ITS_STEP = "side = 'buy' AND step IS NOT NULL AND state IN ('intended', 'unknown', 'filled')"
_IS_SALE = "result IS NOT NULL"
# Coins that came or went without an order of ours.
WITHOUT_ORDER = "kind IN ('Adopted', 'SoldByHand', 'WrittenOff', 'CycleReset')"


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, _INT, nullable=nullable)


def _words(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _sequence(name: str = "seq") -> Column[int]:
    return Column(name, _INT, primary_key=True, autoincrement=True)


def _table(name: str, *parts: Column[int] | Column[str] | CheckConstraint | UniqueConstraint | Index) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True)


def _partial(name: str, *columns: str, unique: bool, where: str) -> Index:
    """An index over some rows only. For SQLite; `finish_for` tells other databases which rows."""
    _partial_indexes[name] = where
    return Index(name, *columns, unique=unique, sqlite_where=text(where))


_partial_indexes: dict[str, str] = {}


def finish_for(dialect: str) -> None:
    """Give partial indexes the condition of another database. Not at import: that would import its dialect too."""
    for table in metadata.tables.values():
        for index in table.indexes:
            where = _partial_indexes.get(str(index.name))
            if where is not None and dialect != "sqlite":
                index.dialect_options[dialect]["where"] = text(where)


meta = _table("meta", Column("name", Text, primary_key=True), _words("value"))

# The chain (see chain.py): one row for each transaction of records.
commits = _table(
    "commits",
    Column("seq", _INT, primary_key=True, autoincrement=False),
    _number("rest"),
    _number("events"),
    _number("fills"),
    _number("hash"),
)

intents = _table(
    "intents",
    Column("number", _INT, primary_key=True, autoincrement=False),
    _words("account"),
    _words("market"),
    _words("book"),
    _number("cycle_id"),
    _number("step", nullable=True),
    _words("side"),
    _words("why"),
    _number("created_ms"),
    _words("state"),
    CheckConstraint("state IN ('open', 'filled', 'ended')", name="intent_state"),
)

attempts = _table(
    "attempts",
    _sequence(),
    _words("client_id"),
    Column("number", _INT, ForeignKey("intents.number"), nullable=False),
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
    _number("sent_ms", nullable=True),
    _number("answered_ms", nullable=True),
    _number("traded", nullable=True),
    UniqueConstraint("client_id", name="one_attempt_of_a_label"),
    CheckConstraint("side IN ('buy', 'sell')", name="attempt_side"),
    CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in STATES)), name="attempt_state"),
    _partial("one_open_order", "account", "market", unique=True, where=IS_OPEN),
    _partial("one_buy_of_a_step", "account", "market", "cycle_id", "step", unique=True, where=_HAS_ITS_STEP),
    Index("attempts_of_market", "account", "market", "seq"),
)

fills = _table(
    "fills",
    _sequence("id"),
    _words("account"),
    _words("market"),
    _words("book"),
    Column("client_id", Text, ForeignKey("attempts.client_id"), nullable=False),
    _words("trade_id"),
    _words("order_id"),
    _words("label"),
    _words("side"),
    _words("base"),
    _words("quote"),
    _words("fee"),
    _words("fee_currency"),
    _number("time_ms"),
    UniqueConstraint("account", "market", "trade_id", name="one_booking_of_a_trade"),
    Index("fills_of_attempt", "client_id"),
    Index("fills_by_time", "time_ms", "id"),
    Index("fills_of_market_by_time", "account", "market", "time_ms", "id"),
)

cycle_events = _table(
    "cycle_events",
    _sequence(),
    _words("account"),
    _words("market"),
    _words("book"),
    _number("cycle_id"),
    _words("kind"),
    _words("payload"),
    _words("realised"),
    _words("result", nullable=True),
    _number("time_ms"),
    Index("events_of_market", "account", "market", "seq"),
    _partial("sales_by_time", "time_ms", unique=False, where=_IS_SALE),
    _partial("events_without_order", "seq", unique=False, where=WITHOUT_ORDER),
)

snapshots = _table(
    "snapshots",
    Column("event_seq", _INT, ForeignKey("cycle_events.seq"), primary_key=True, autoincrement=False),
    _words("account"),
    _words("market"),
    _words("payload"),
    _number("time_ms"),
    Index("snapshots_of_market", "account", "market", "event_seq"),
)

switches = _table(
    "switches",
    _sequence(),
    _words("account"),
    _words("market", nullable=True),
    _words("mode"),
    _words("given_by"),
    _number("time_ms"),
)

pauses = _table(
    "pauses",
    _sequence(),
    _words("account"),
    _words("market"),
    _words("payload", nullable=True),
    _words("given_by"),
    _number("time_ms"),
)

params = _table(
    "params",
    _sequence(),
    _words("account"),
    _words("market", nullable=True),
    _words("payload"),
    _words("given_by"),
    _number("time_ms"),
)

app_settings = _table(
    "settings",
    _sequence(),
    _words("account"),
    _words("name"),
    _words("payload"),
    _words("given_by"),
    _number("time_ms"),
)

commands = _table(
    "commands",
    _sequence(),
    _words("account"),
    _words("market", nullable=True),
    _words("name"),
    _words("payload"),
    _words("given_by"),
    _number("time_ms"),
)

alerts = _table(
    "alerts",
    _sequence(),
    _words("account"),
    _words("market", nullable=True),
    _words("code"),
    _words("priority"),
    _words("payload", nullable=True),
    _number("time_ms"),
)

decisions = _table(
    "decisions",
    _sequence("id"),
    _words("account"),
    _words("market"),
    _words("book"),
    _words("kind"),
    _words("reason"),
    _words("payload"),
    _number("time_ms"),
    Index("decisions_of_market", "account", "market", "id"),
)

# Samples of what everything was worth; thinned as they age (see equity.py of the application).
equity = _table(
    "equity",
    _sequence("id"),
    _words("account"),
    _number("time_ms"),
    _words("equity"),
    _words("free"),
    _words("invested"),
    _words("unrealised"),
    _words("realised"),
    Index("equity_by_time", "account", "time_ms"),
)

# Tokens of scripts and the page's password, hashed.
credentials = _table(
    "credentials",
    Column("id", Text, primary_key=True),
    _words("account"),
    _words("kind"),
    _words("name"),
    _words("scope"),
    _words("digest"),
    _number("created_ms"),
    _words("created_by"),
    _number("used_ms", nullable=True),
    _number("revoked_ms", nullable=True),
    CheckConstraint("kind IN ('token', 'password')", name="credential_kind"),
    CheckConstraint("scope IN ('read', 'trade', 'admin')", name="credential_scope"),
)

answers = _table(
    "answers",
    Column("request_key", Text, primary_key=True),
    _words("request_hash"),
    _words("payload"),
    _number("expires_ms"),
    Index("answers_by_expiry", "expires_ms"),
)

# Alembic's own table, in its own metadata so that Alembic does not see it as ours.
version = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True, nullable=False),
)
