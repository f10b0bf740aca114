"""The same journal on a database server. Runs where MTRADE_TEST_SERVER names an empty database and its driver is there.

MTRADE_TEST_SERVER=postgresql+psycopg://me@127.0.0.1/empty python -m pytest tests/integration/test_store_server.py
"""

import os

import pytest

from autotrader_v2.application.events import Outcome
from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.infrastructure.store import SqlJournal
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
    again.close()
