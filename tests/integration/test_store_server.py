"""The same journal on a database server. Runs where MTRADE_TEST_SERVER names an empty database and its driver is there.

MTRADE_TEST_SERVER=postgresql+psycopg://me@127.0.0.1/empty python -m pytest tests/integration/test_store_server.py
"""

import os

import pytest
import sqlalchemy as sa

from autotrader_v2.application.events import Outcome
from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.infrastructure.store import SqlJournal, chain
from tests.unit.test_store_values import BINDING, BTC, ETH, Scribe

URL = os.environ.get("MTRADE_TEST_SERVER", "")


@pytest.mark.skipif(not URL, reason="MTRADE_TEST_SERVER names no database")
def test_a_server_keeps_the_same_promises_as_a_file() -> None:
    """Rules, late fills, folds, a restart."""
    journal = SqlJournal(URL, BINDING, account="paper")
    scribe = Scribe(journal, journal.load().instance, {})
    scribe.whole_cycle(BTC)
    late = scribe.intended(market=ETH, step=1)
    with pytest.raises(JournalRefused, match="not known yet"):
        scribe.intended(market=ETH, step=2)
    scribe.closed(late, Outcome.ABSENT)
    second = scribe.intended(market=ETH, step=1)
    scribe.booked(late)
    scribe.booked(second)
    with pytest.raises(JournalRefused, match="bought already"):
        scribe.intended(market=ETH, step=1)
    journal.close()
    again = SqlJournal(URL, BINDING, account="paper")
    assert again.load().cycles == scribe.cycles
    assert again.verify() == ()
    assert [row["state"] for row in again.orders(ETH, 5)] == ["filled", "filled_late"]
    with again._reading() as connection:
        assert list(chain.broken(connection)) == []
    again.close()
    _make_first_revision()
    updated = SqlJournal(URL, BINDING, account="paper")
    assert updated.load().cycles == scribe.cycles
    Scribe(updated, scribe.instance, scribe.cycles).whole_cycle(BTC)
    with updated._reading() as connection:
        assert list(chain.broken(connection)) == []
    updated.close()


def _make_first_revision() -> None:
    """What the first version of the program would have left."""
    engine = sa.create_engine(URL)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE commits")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()
