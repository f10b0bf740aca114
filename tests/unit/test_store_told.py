"""What the journal tells the page and the paper account: numbers as text, newest first."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.events import (
    Decision,
    Outcome,
)
from autotrader_v2.application.ports import JournalRefused
from autotrader_v2.domain.cycle import Active, CycleReset, OutsideIgnored, SoldByHand, WrittenOff
from autotrader_v2.domain.orders import Side, Why
from autotrader_v2.infrastructure.store import SqlJournal, background
from autotrader_v2.infrastructure.store import journal as journal_module
from tests.unit.test_store_values import BINDING, BTC, ETH, NOW_MS, Scribe, a_fill


@pytest.fixture
def scribe(tmp_path: Path) -> Iterator[Scribe]:
    """A new journal."""
    scribe = Scribe.opens(tmp_path / "journal.sqlite3")
    yield scribe
    scribe.journal.close()


def reopened(scribe: Scribe) -> Scribe:
    """The same database after an ordinary end and start."""
    path = Path(scribe.journal._backend.name)
    scribe.journal.close()
    return Scribe.opens(path)


def test_the_trade_log_tells_each_fill_with_its_orders_purpose(scribe: Scribe) -> None:
    """Numbers as text, newest first, page by page."""
    scribe.whole_cycle(BTC)
    scribe.whole_cycle(ETH)
    rows = scribe.journal.trades(None, 10)
    assert [(row["symbol"], row["side"], row["why"], row["step"]) for row in rows] == [
        ("ETH_USDT", "sell", "take_profit", None),
        ("ETH_USDT", "buy", "start", 0),
        ("BTC_USDT", "sell", "take_profit", None),
        ("BTC_USDT", "buy", "start", 0),
    ]
    newest = dict(scribe.journal.trades(BTC, 1)[0])
    label = newest["client_id"]
    assert newest == {
        "id": rows[2]["id"],
        "time_ms": NOW_MS + 500,
        "symbol": "BTC_USDT",
        "currency": "BTC",
        "side": "sell",
        "why": "take_profit",
        "step": None,
        "base": "0.0039",
        "quote": "11",
        "price": "2820.51282051",
        "promised": "2500",
        "fee": "0.02",
        "fee_currency": "USDT",
        "client_id": label,
        "order_id": f"order of {label}",
        "trade_id": f"trade of {label}",
        "cycle_id": 1,
        "book": "averaging",
    }
    assert [row["id"] for row in scribe.journal.trades(None, 2, before=rows[1]["id"])] == [
        rows[2]["id"],
        rows[3]["id"],
    ]
    assert [row["id"] for row in scribe.journal.trades(ETH, 1, before=rows[0]["id"])] == [rows[1]["id"]]


def test_the_order_list_tells_state_and_what_was_filled(scribe: Scribe) -> None:
    """Open, filled in two trades, refused."""
    filled = scribe.intended()
    scribe.booked(filled, a_fill(filled, trade_id="1"), a_fill(filled, trade_id="2"))
    scribe.closed(scribe.intended(step=1), Outcome.REFUSED, label="POC")
    scribe.intended(step=2)
    told = [
        (row["step"], row["state"], row["outcome"], row["label"], row["filled_base"], row["filled_quote"])
        for row in scribe.journal.orders(BTC, 10)
    ]
    assert told == [
        (2, "intended", None, "", "0", "0"),
        (1, "refused", "refused", "POC", "0", "0"),
        (0, "filled", "filled", "", "0.008", "20"),
    ]
    first = scribe.journal.orders(None, 3)[2]
    assert (first["created_ms"], first["closed_ms"], first["amount"], first["order_id"]) == (
        NOW_MS,
        NOW_MS + 1000,
        "10",
        f"order of {filled.client_id}",
    )
    assert scribe.journal.orders(ETH, 5) == []


def test_results_are_those_of_sales_since_a_moment(scribe: Scribe) -> None:
    """What today earned: each sale's own result, not the sum so far."""
    scribe.whole_cycle(BTC, "11", time_ms=1000)
    scribe.whole_cycle(BTC, "12", time_ms=2000)
    scribe.whole_cycle(ETH, "13", time_ms=3000)
    scribe.booked(scribe.intended(market=ETH, cycle_id=2), time_ms=4000)
    lost = scribe.cycle(ETH)
    assert isinstance(lost, Active)
    scribe.happens(ETH, WrittenOff(time_ms=5000), time_ms=5000)
    rows = scribe.journal.results(None, 2000)
    assert [(row["time_ms"], row["symbol"]) for row in rows] == [
        (2000, "BTC_USDT"),
        (3000, "ETH_USDT"),
        (5000, "ETH_USDT"),
    ]
    told = [Decimal(row["result"]) for row in scribe.journal.results(None, 0)]
    assert sum(told) == scribe.cycle(BTC).tally.realised + scribe.cycle(ETH).tally.realised
    assert told[-1] == -lost.invested
    assert [row["time_ms"] for row in scribe.journal.results(BTC, 0)] == [1000, 2000]
    assert scribe.journal.verify() == ()


def test_cycle_history_tells_each_closed_cycle_once(scribe: Scribe) -> None:
    """By profit, by hand, by reset; the running one is not told, and pages do not mix markets."""
    scribe.whole_cycle(BTC, "11")
    scribe.booked(scribe.intended(cycle_id=2))
    scribe.booked(scribe.intended(cycle_id=2, step=1, why=Why.REBUY))
    scribe.happens(BTC, SoldByHand(coins=Decimal("0.007984"), proceeds=Decimal("25"), time_ms=NOW_MS + 9, closes=True))
    scribe.happens(BTC, OutsideIgnored(coins=Decimal("0.5")))
    scribe.booked(scribe.intended(cycle_id=3))
    scribe.happens(BTC, CycleReset(time_ms=NOW_MS + 10))
    scribe.booked(scribe.intended(cycle_id=4))
    scribe.whole_cycle(ETH)
    rows = scribe.journal.cycle_history(BTC, 10)
    assert [(row["cycle_id"], row["closed_by"], row["steps_used"], row["invested"]) for row in rows] == [
        (3, "reset", 0, "10"),
        (2, "by_hand", 1, "20"),
        (1, "take_profit", 0, "10"),
    ]
    assert [row["realised"] for row in rows[:2]] == ["0", "5"]
    assert rows[1]["opened_ms"] == NOW_MS + 500
    assert rows[1]["closed_ms"] == NOW_MS + 9
    assert rows[2]["fees"] == {"BTC": "0.000008", "USDT": "0.02"}
    assert scribe.journal.cycle_history(BTC, 10) == rows
    assert scribe.journal.cycle_history(BTC, 1) == rows[:1]
    assert Decimal(rows[2]["realised"]) == Decimal(scribe.journal.results(BTC, 0)[0]["result"])


def test_a_sale_that_leaves_a_start_buys_worth_closes_one_cycle_and_opens_another(scribe: Scribe) -> None:
    """The closed one is in the history although the market was never idle."""
    intent = scribe.intended()
    scribe.booked(intent, a_fill(intent, base=Decimal("0.008"), quote=Decimal("20"), fee=Decimal(0)))
    sale = scribe.intended(side=Side.SELL, why=Why.TAKE_PROFIT, step=None, amount=Decimal("0.008"))
    after = scribe.booked(sale, a_fill(sale, base=Decimal("0.0045"), quote=Decimal("12"), fee=Decimal(0)))
    assert isinstance(after, Active)
    assert after.cycle_id == 2
    assert [row["cycle_id"] for row in scribe.journal.cycle_history(BTC, 10)] == [1]
    sale = scribe.intended(side=Side.SELL, why=Why.STOP_LOSS, step=None, cycle_id=2, amount=Decimal("0.0035"))
    scribe.booked(sale, a_fill(sale, base=Decimal("0.0035"), quote=Decimal("8"), fee=Decimal(0)))
    rows = scribe.journal.cycle_history(BTC, 10)
    assert [(row["cycle_id"], row["closed_by"], row["realised"]) for row in rows] == [
        (2, "stop_loss", "-0.75"),
        (1, "take_profit", "0.75"),
    ]


def test_balances_are_the_start_and_every_fill(scribe: Scribe) -> None:
    """Bought coins in, money out, each fee from the currency it was taken in."""
    scribe.whole_cycle(BTC, "11")
    other = scribe.intended(market=ETH, cycle_id=1)
    scribe.booked(other, a_fill(other, fee=Decimal("0.05"), fee_currency="GT"))
    assert scribe.journal.balances({"USDT": Decimal(100), "GT": Decimal(1), "XRP": Decimal(5)}) == {
        "USDT": Decimal("90.98"),
        "BTC": Decimal("0.000092"),
        "ETH": Decimal("0.004"),
        "GT": Decimal("0.95"),
        "XRP": Decimal(5),
    }


def test_a_request_key_gives_its_first_answer_again_for_a_day(tmp_path: Path) -> None:
    """P15: a double click makes one order; the key with another request is refused."""
    now = [NOW_MS]
    journal = SqlJournal(tmp_path / "j.sqlite3", BINDING, account="paper", now_ms=lambda: now[0])
    journal.load()
    assert journal.idempotent("key", "hash") is None
    journal.remember("key", "hash", {"order": "t-1", "amount": Decimal("1.50")})
    journal.remember("key", "hash", {"order": "t-2"})
    assert journal.idempotent("key", "hash") == {"order": "t-1", "amount": "1.50"}
    for ask in (lambda: journal.idempotent("key", "other"), lambda: journal.remember("key", "other", {})):
        with pytest.raises(JournalRefused, match="another request"):
            ask()
    now[0] += 24 * 3600 * 1000
    assert journal.idempotent("key", "other") is None
    journal.remember("key", "other", {"order": "t-3"})
    assert journal.idempotent("key", "other") == {"order": "t-3"}
    journal.close()


def test_decisions_are_kept_in_the_background_and_only_the_newest(scribe: Scribe) -> None:
    """For the page; never a reason to wait."""
    kept = background.DECISIONS_KEPT
    for number in range(kept + 350):
        scribe.journal.note(Decision(market=BTC, kind="hold", reason="off", values={"n": str(number)}, time_ms=number))
    scribe.journal.note(Decision(market=ETH, kind="buy", reason="start", values={}, time_ms=1))
    scribe.journal._background.flush()
    newest = scribe.journal.decisions(BTC, kept * 2)
    assert kept <= len(newest) < kept + 2 * 100 + 200
    assert newest[0]["values"] == {"n": str(kept + 349)}
    assert {key: newest[0][key] for key in ("symbol", "currency", "kind", "reason", "time_ms")} == {
        "symbol": "BTC_USDT",
        "currency": "BTC",
        "kind": "hold",
        "reason": "off",
        "time_ms": kept + 349,
    }
    assert [row["symbol"] for row in scribe.journal.decisions(None, 2)] == ["ETH_USDT", "BTC_USDT"]
    assert scribe.journal.dropped_decisions == 0


def test_decisions_that_wait_are_written_at_the_end(scribe: Scribe) -> None:
    """An ordinary end loses nothing."""
    scribe.journal.note(Decision(market=BTC, kind="hold", reason="off", values={}, time_ms=1))
    again = reopened(scribe)
    assert len(again.journal.decisions(BTC, 5)) == 1
    again.journal.close()


def test_too_many_decisions_drop_the_oldest_and_are_counted(scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be written for hours does not eat the memory."""
    monkeypatch.setattr(background, "_CAPACITY", 10)
    for number in range(15):
        scribe.journal.note(Decision(market=BTC, kind="hold", reason="off", values={}, time_ms=number))
    scribe.journal._background.flush()
    assert scribe.journal.dropped_decisions == 5
    assert [row["time_ms"] for row in scribe.journal.decisions(BTC, 20)][-1] == 5


def test_the_sum_of_fills_is_kept_and_stays_right(scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long-lived paper account starts as fast as a new one."""
    monkeypatch.setattr(journal_module, "_MARK_AFTER_FILLS", 3)
    start = {"USDT": Decimal(100)}
    for _ in range(3):
        scribe.whole_cycle(BTC)
        plain = {"USDT": Decimal(100), "BTC": Decimal(0)}
        for row in scribe.journal.trades(None, 100):
            sign = 1 if row["side"] == "buy" else -1
            plain["BTC"] += sign * Decimal(row["base"])
            plain["USDT"] -= sign * Decimal(row["quote"])
            plain[row["fee_currency"]] -= Decimal(row["fee"])
        assert scribe.journal.balances(start) == plain
        assert scribe.journal.balances(start) == plain
    with scribe.journal._asking() as queries:
        assert queries.moved_since_mark()[1] < 6
    assert scribe.journal.verify() == ()
