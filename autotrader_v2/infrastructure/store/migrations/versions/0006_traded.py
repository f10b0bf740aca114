"""Whether the exchange has said of an order of unknown outcome that it traded."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the column; of orders of before it is not known."""
    op.add_column("attempts", sa.Column("traded", _INT, nullable=True))
