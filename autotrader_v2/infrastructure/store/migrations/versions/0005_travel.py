"""When an order's request left and when its answer came."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns; of orders of before they are not known."""
    op.add_column("attempts", sa.Column("sent_ms", _INT, nullable=True))
    op.add_column("attempts", sa.Column("answered_ms", _INT, nullable=True))
