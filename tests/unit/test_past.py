"""What is kept beside a decision for a replay, and what people see of it: nothing."""

import sqlite3
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autotrader_v2.app.past_state import PastMarket, quote_of_decision
from autotrader_v2.app.witness import witness_of
from autotrader_v2.application.archive import Which
from autotrader_v2.application.events import Decision
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.infrastructure.store.past import Past
from tests.builders import ETH, NOW_MS, RULES
from tests.unit.test_store_values import BINDING, BTC, Scribe

QUOTE = Quote(ETH, D("2500.01"), D("2500.02"), D(2500), NOW_MS - 5, NOW_MS - 3, D("1.5"), None)


class _Board:
    def __init__(self) -> None:
        self.quotes: dict[Market, Quote] = {ETH: QUOTE}

    def newest(self, market: Market) -> Quote | None:
        """See `QuoteBoard`."""
        return self.quotes.get(market)


def _floor(**rules: Any) -> Any:
    return SimpleNamespace(board=_Board(), slots={ETH: SimpleNamespace(state=SimpleNamespace(rules=RULES, **rules))})


def _decision(time_ms: int = NOW_MS) -> Decision:
    return Decision(market=ETH, kind="hold", reason="between_steps", values={"bid": "2500.01"}, time_ms=time_ms)


def test_the_price_beside_a_decision_is_for_a_replay_and_not_for_people(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "j.sqlite3", BINDING, account=BINDING.account)
    journal.load()
    journal.witness = witness_of(_floor())
    journal.note(_decision())
    journal.note(_decision(NOW_MS - 4))
    journal._background.flush()
    assert [row["values"] for row in journal.decisions(ETH, 9)] == [{"bid": "2500.01"}] * 2
    assert [row["values"] for row in journal.archive.decisions(Which(), 9)] == [{"bid": "2500.01"}] * 2
    journal.close()
    past = Past(tmp_path / "j.sqlite3")
    first, second = past.decisions(ETH, 0, NOW_MS + 1)
    assert dict(first.values) == {"bid": "2500.01"}
    assert quote_of_decision(first) == QUOTE._replace(last=QUOTE.bid)
    # A price that came after the decision is not the one it was taken on.
    assert quote_of_decision(second) is None
    assert PastMarket(past, ETH, []).rules_at(NOW_MS) == RULES
    past.close()


def test_a_journal_without_a_witness_keeps_decisions_as_they_are(tmp_path: Path) -> None:
    journal = SqlJournal(tmp_path / "j.sqlite3", BINDING, account=BINDING.account)
    journal.load()
    journal.note(_decision())
    journal.close()
    past = Past(tmp_path / "j.sqlite3")
    (one,) = past.decisions(ETH, 0, NOW_MS + 1)
    past.close()
    assert not one.saw and quote_of_decision(one) is None


def test_a_journal_is_read_as_of_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    """Read piece by piece, a decision could stand beside the cycle of before it: a difference that there never was."""
    journal = SqlJournal(tmp_path / "j.sqlite3", BINDING, account=BINDING.account)
    journal.load()
    journal.note(_decision())
    journal._background.flush()
    past = Past(tmp_path / "j.sqlite3")
    journal.note(_decision(NOW_MS + 1))
    journal._background.flush()
    assert len(past.decisions(ETH, 0, NOW_MS + 2)) == 1
    past.close()
    again = Past(tmp_path / "j.sqlite3")
    assert len(again.decisions(ETH, 0, NOW_MS + 2)) == 2
    again.close()
    journal.close()


def test_rules_are_told_first_when_they_change_and_now_and_then() -> None:
    floor = _floor()
    witness = witness_of(floor)
    told = ["rules" in witness(ETH) for _ in range(1001)]
    assert [number for number, one in enumerate(told) if one] == [0, 500, 1000]
    floor.slots[ETH].state = SimpleNamespace(rules=RULES.__class__(**{**_fields(RULES), "fee": D("0.001")}))
    assert witness(ETH)["rules"].fee == D("0.001") and "rules" not in witness(ETH)
    # A market that is not followed any more has nothing to tell, and nothing fails.
    assert witness(Market("gate", "BTC", "USDT")) == {}


def _fields(rules: Any) -> dict[str, Any]:
    return {name: getattr(rules, name) for name in rules.__dataclass_fields__}


def test_a_journal_that_an_older_program_left_is_read_as_it_is(tmp_path: Path) -> None:
    """A backup of before an update: reading it needs no start that brings it up to date."""
    path = tmp_path / "j.sqlite3"
    scribe = Scribe.opens(path)
    intent = scribe.intended(market=BTC)
    scribe.journal.close()
    with closing(sqlite3.connect(path)) as connection:
        for later in ("sent_ms", "answered_ms", "traded"):
            connection.execute(f"ALTER TABLE attempts DROP COLUMN {later}")
        connection.commit()
    past = Past(path)
    assert [one.intent for one in past.orders(BTC, 0, intent.decided_ms + 1)] == [intent]
    past.close()
