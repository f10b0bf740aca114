"""The chain of commits. Its first row is made when the database is opened."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, _INT, nullable=False)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "commits",
        sa.Column("seq", _INT, nullable=False, autoincrement=False),
        _number("rest"),
        _number("events"),
        _number("fills"),
        _number("hash"),
        sa.PrimaryKeyConstraint("seq", name="pk_commits"),
        sqlite_strict=True,
    )
