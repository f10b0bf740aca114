"""Samples of equity, and indexes by time for what the page asks."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WITHOUT_ORDER = sa.text("kind IN ('Adopted', 'SoldByHand', 'WrittenOff', 'CycleReset')")


def _words(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "equity",
        sa.Column("id", _INT, nullable=False, autoincrement=True),
        _words("account"),
        sa.Column("time_ms", _INT, nullable=False),
        _words("equity"),
        _words("free"),
        _words("invested"),
        _words("unrealised"),
        _words("realised"),
        sa.PrimaryKeyConstraint("id", name="pk_equity"),
        sqlite_strict=True,
    )
    op.create_index("equity_by_time", "equity", ["account", "time_ms"])
    op.drop_index("fills_of_market", "fills")
    op.create_index("fills_by_time", "fills", ["time_ms", "id"])
    op.create_index("fills_of_market_by_time", "fills", ["account", "market", "time_ms", "id"])
    op.create_index(
        "events_without_order",
        "cycle_events",
        ["seq"],
        sqlite_where=_WITHOUT_ORDER,
        postgresql_where=_WITHOUT_ORDER,
    )
