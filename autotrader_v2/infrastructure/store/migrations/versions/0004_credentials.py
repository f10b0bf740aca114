"""Tokens of scripts and the page's password, hashed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _words(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "credentials",
        _words("id"),
        _words("account"),
        _words("kind"),
        _words("name"),
        _words("scope"),
        _words("digest"),
        sa.Column("created_ms", _INT, nullable=False),
        _words("created_by"),
        sa.Column("used_ms", _INT, nullable=True),
        sa.Column("revoked_ms", _INT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.CheckConstraint("kind IN ('token', 'password')", name="credential_kind"),
        sa.CheckConstraint("scope IN ('read', 'trade', 'admin')", name="credential_scope"),
        sqlite_strict=True,
    )
