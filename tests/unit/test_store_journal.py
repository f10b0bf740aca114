"""The journal's promises on one thread: what it keeps and what it makes impossible."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    AttemptUnknown,
    CommandGiven,
    Decision,
    FillsBooked,
    Intended,
    Outcome,
    ParamsSet,
    PauseSet,
    Priority,
    SettingSet,
    SwitchSet,
)
from autotrader_v2.application.ports import Binding, JournalRefused, JournalUnavailable, OpenAttempt
from autotrader_v2.domain.cycle import Active, Idle, OutsideIgnored
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Book, ClientId, OrderType, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal
from tests.unit.test_store_values import BINDING, BTC, ETH, NOW_MS, Scribe, a_fill, an_intent

NOT_TRADED = (Outcome.UNFILLED, Outcome.NOT_SENT, Outcome.REFUSED, Outcome.ABSENT)


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


def test_an_open_order_comes_back_exactly_after_a_restart(scribe: Scribe) -> None:
    """Everything that the resolver needs, to the last digit, with the exchange's id as the hint it is."""
    intent = scribe.intended(
        market=Market("gate", "1INCH", "USDC"),
        side=Side.SELL,
        type=OrderType.LIMIT,
        limit_price=Decimal("0.30"),
        amount=Decimal("1E+1"),
        why=Why.SELL_ALL,
        step=None,
        book=Book.MANUAL,
        worst_price=Decimal(0),
        max_cost=Decimal(0),
    )
    scribe.journal.write(AttemptUnknown(client_id=intent.client_id, detail="timeout", time_ms=1, order_id="77"))
    scribe.journal.write(AttemptUnknown(client_id=intent.client_id, detail="timeout", time_ms=2))
    again = reopened(scribe)
    state = again.journal.load()
    again.journal.close()
    assert state.open_attempts == (OpenAttempt(intent=intent, order_id="77"),)
    assert repr(state.open_attempts[0].intent) == repr(intent)


def test_o2_that_an_order_has_traded_is_known_after_a_restart(scribe: Scribe) -> None:
    """Once said it stays said, whatever is noted after it."""
    intent = scribe.intended()
    scribe.journal.write(AttemptUnknown(client_id=intent.client_id, detail="no trades", time_ms=1, traded=True))
    scribe.journal.write(AttemptUnknown(client_id=intent.client_id, detail="timeout", time_ms=2))
    again = reopened(scribe)
    state = again.journal.load()
    again.journal.close()
    assert state.open_attempts == (OpenAttempt(intent=intent, traded=True),)


def test_a_market_has_at_most_one_open_order(scribe: Scribe) -> None:
    """In the database itself, whatever the engine believes; other markets go on."""
    first = scribe.intended()
    for changes in ({"step": 1, "why": Why.REBUY}, {"side": Side.SELL, "step": None}, {"book": Book.MANUAL}):
        with pytest.raises(JournalRefused, match="not known yet"):
            scribe.intended(**changes)
    scribe.intended(market=ETH)
    scribe.closed(first, Outcome.UNFILLED)
    scribe.intended(step=1)


@pytest.mark.parametrize("outcome", NOT_TRADED)
def test_a_step_is_bought_again_only_if_nothing_was_traded(scribe: Scribe, outcome: Outcome) -> None:
    """A6: one buy of a step in a cycle, for ever."""
    scribe.closed(scribe.intended(step=2), outcome)
    bought = scribe.intended(step=2)
    scribe.booked(bought)
    with pytest.raises(JournalRefused, match="bought already"):
        scribe.intended(step=2)
    again = reopened(scribe)
    with pytest.raises(JournalRefused, match="bought already"):
        again.intended(step=2)
    again.intended(step=2, cycle_id=2)
    again.journal.close()


def test_buys_without_a_step_and_sales_are_free(scribe: Scribe) -> None:
    """Extra buys and partial sales may come as often as a person likes."""
    for _ in range(3):
        scribe.closed(scribe.intended(step=None, why=Why.QUICK_BUY), Outcome.FILLED)
        scribe.closed(scribe.intended(step=None, side=Side.SELL, why=Why.SELL_ALL), Outcome.FILLED)


def test_a_trade_is_booked_once_and_takes_its_whole_group_with_it(scribe: Scribe) -> None:
    """The cycle in the group was made from new trades only, so one old trade makes the group wrong."""
    intent = scribe.intended()
    fill = a_fill(intent)
    scribe.booked(intent, fill)
    known = scribe.journal.load()
    with pytest.raises(JournalRefused, match="booked already"):
        scribe.journal.write(
            SwitchSet(market=BTC, mode=SwitchMode.ON, by="x", time_ms=1),
            FillsBooked(intent.client_id, (a_fill(intent, trade_id="new"), fill)),
        )
    assert scribe.journal.load() == replace(known, next_number=scribe.journal.load().next_number)
    assert scribe.journal.fills_of(intent.client_id) == (fill,)
    scribe.journal.write(FillsBooked(intent.client_id, (a_fill(intent, trade_id="new"),)))
    assert [one.trade_id for one in scribe.journal.fills_of(intent.client_id)] == [fill.trade_id, "new"]


def test_the_same_trade_id_in_another_market_is_another_trade(scribe: Scribe) -> None:
    """Trade ids count per market."""
    for market in (BTC, ETH):
        intent = scribe.intended(market=market)
        scribe.booked(intent, a_fill(intent, trade_id="1"))


def test_fills_come_back_as_they_were_told(scribe: Scribe) -> None:
    """A label the exchange did not tell stays untold; decimals keep their digits."""
    intent = scribe.intended()
    fills = (
        a_fill(intent, trade_id="a", client_id="", quote=Decimal("1E+1"), fee=Decimal("0.00"), fee_currency=""),
        a_fill(intent, trade_id="b", fee=Decimal("0.010"), fee_currency="GT"),
    )
    scribe.booked(intent, *fills)
    assert repr(scribe.journal.fills_of(intent.client_id)) == repr(fills)
    assert scribe.journal.fills_of("t-none-1.1") == ()


@pytest.mark.parametrize("outcome", NOT_TRADED)
def test_a_late_fill_is_kept_truthfully(scribe: Scribe, outcome: Outcome) -> None:
    """The money moved, so the fill wins; its step counts as bought from then on."""
    intent = scribe.intended(step=1)
    scribe.closed(intent, outcome)
    scribe.booked(intent)
    assert scribe.journal.orders(BTC, 1)[0]["state"] == "filled"
    with pytest.raises(JournalRefused, match="bought already"):
        scribe.intended(step=1)


@pytest.mark.parametrize("outcome", [*NOT_TRADED, Outcome.FILLED])
def test_an_attempt_can_be_asked_for_whatever_became_of_it(scribe: Scribe, outcome: Outcome) -> None:
    """A late trade is booked with what its order was for."""
    intent = scribe.intended(step=1)
    scribe.closed(intent, outcome, order_id="77")
    known = scribe.journal.attempt_of(intent.client_id)
    assert known == OpenAttempt(intent=intent, order_id="77")
    assert scribe.journal.attempt_of("t-none-1.1") is None


def test_a_late_fill_of_a_step_bought_again_breaks_no_rule(scribe: Scribe) -> None:
    """Both buys happened; both are in the books, and the step stays closed."""
    late = scribe.intended(step=1)
    scribe.closed(late, Outcome.ABSENT)
    second = scribe.intended(step=1)
    scribe.booked(late)
    scribe.booked(second)
    assert [(row["state"], row["outcome"]) for row in scribe.journal.orders(BTC, 5)] == [
        ("filled", "filled"),
        ("filled_late", "filled"),
    ]
    assert len(scribe.journal.trades(BTC, 10)) == 2
    scribe.closed(late, Outcome.FILLED)
    with pytest.raises(JournalRefused, match="bought already"):
        scribe.intended(step=1)


def test_an_ending_told_twice_is_harmless_and_another_ending_is_refused(scribe: Scribe) -> None:
    """What is written as ended is changed only by money that moved."""
    intent = scribe.intended()
    scribe.closed(intent, Outcome.REFUSED, label="BALANCE_NOT_ENOUGH")
    scribe.closed(intent, Outcome.REFUSED, label="again")
    with pytest.raises(JournalRefused, match="ended as refused"):
        scribe.closed(intent, Outcome.ABSENT)
    with pytest.raises(JournalRefused, match="ended as refused"):
        scribe.journal.write(AttemptUnknown(client_id=intent.client_id, detail="x", time_ms=1))
    assert scribe.journal.orders(BTC, 1)[0]["label"] == "BALANCE_NOT_ENOUGH"


def test_what_was_never_intended_cannot_end_or_be_booked(scribe: Scribe) -> None:
    """Only orders of this journal, only in their own market."""
    stranger = an_intent(client_id="t-zzzz-5.1")
    for record in (
        AttemptClosed(client_id=stranger.client_id, outcome=Outcome.FILLED, time_ms=1),
        AttemptUnknown(client_id=stranger.client_id, detail="", time_ms=1),
        FillsBooked(stranger.client_id, (a_fill(stranger),)),
        FillsBooked(scribe.intended().client_id, (a_fill(an_intent(market=ETH)),)),
    ):
        with pytest.raises(JournalRefused, match="knows no order"):
            scribe.journal.write(record)
    with pytest.raises(JournalRefused, match="not a label"):
        scribe.journal.write(Intended(an_intent(client_id="whatever")))


def test_a_retry_is_a_new_attempt_of_the_same_number(scribe: Scribe) -> None:
    """Same number, next attempt, only for the same wish."""
    first = scribe.intended(step=3)
    scribe.closed(first, Outcome.ABSENT)
    label = ClientId.parse(first.client_id)
    assert label is not None
    retry = replace(first, client_id=str(replace(label, attempt=2)))
    for other in (replace(retry, step=4), replace(retry, cycle_id=2), replace(retry, side=Side.SELL)):
        with pytest.raises(JournalRefused, match="number was used before"):
            scribe.journal.write(Intended(other))
    scribe.journal.write(Intended(retry))
    scribe.closed(retry, Outcome.ABSENT)
    with pytest.raises(JournalRefused, match="label was used before"):
        scribe.journal.write(Intended(retry))
    with pytest.raises(JournalRefused, match="number was used before"):
        scribe.journal.write(Intended(first))


def test_switches_pauses_parameters_and_settings_outlive_a_restart(scribe: Scribe) -> None:
    """The newest of each, per market and for all."""
    pause = Pause(cause="orders_fail", since_ms=5, values=(("label", "X"),))
    scribe.journal.write(
        SwitchSet(market=None, mode=SwitchMode.SELL_ONLY, by="a", time_ms=1),
        SwitchSet(market=BTC, mode=SwitchMode.ON, by="a", time_ms=1),
        SwitchSet(market=None, mode=SwitchMode.ON, by="a", time_ms=2),
        PauseSet(market=BTC, pause=pause, by="a", time_ms=1),
        PauseSet(market=ETH, pause=pause, by="a", time_ms=1),
        PauseSet(market=ETH, pause=None, by="a", time_ms=2),
        ParamsSet(market=None, values={"steps": "5"}, by="a", time_ms=1),
        ParamsSet(market=BTC, values={"steps": "6", "sizes": ["1", "2"]}, by="a", time_ms=1),
        ParamsSet(market=BTC, values={"steps": "7"}, by="a", time_ms=2),
        SettingSet(name="limits", value={"total_budget": "100", "max_active_cycles": "0"}, by="a", time_ms=1),
        SettingSet(name="account_pause", value=None, by="a", time_ms=1),
        CommandGiven(name="reset", market=BTC, values={"x": Decimal("1.0")}, by="a", time_ms=1),
        Alert(code="x", priority=Priority.HIGH, time_ms=1),
        Alert(code="x", priority=Priority.LOW, time_ms=1, market=BTC, values={"a": "b"}),
    )
    again = reopened(scribe)
    state = again.journal.load()
    again.journal.close()
    assert state.switches == {None: SwitchMode.ON, BTC: SwitchMode.ON}
    assert state.pauses == {BTC: pause}
    assert state.params == {None: {"steps": "5"}, BTC: {"steps": "7"}}
    assert state.settings == {
        "limits": {"total_budget": "100", "max_active_cycles": "0"},
        "account_pause": None,
    }


def test_order_numbers_go_on_after_a_restart_and_never_repeat(scribe: Scribe) -> None:
    """A block is skipped rather than a number given twice; the instance stays."""
    given = [scribe.journal.new_number() for _ in range(2500)]
    again = reopened(scribe)
    assert again.instance == scribe.instance
    assert again.journal.load().next_number > given[-1]
    given += [again.journal.new_number() for _ in range(10)]
    again.journal.close()
    assert len(set(given)) == len(given)
    assert given == sorted(given)


def test_cycles_come_back_as_they_were(scribe: Scribe) -> None:
    """Idle with a tally, active with rows, and a market of which nothing is known."""
    scribe.whole_cycle(BTC)
    scribe.whole_cycle(BTC)
    scribe.booked(scribe.intended(cycle_id=3))
    scribe.booked(scribe.intended(cycle_id=3, step=1, why=Why.REBUY))
    scribe.happens(ETH, OutsideIgnored(coins=Decimal("0.5")))
    again = reopened(scribe)
    loaded = again.journal.load().cycles
    assert loaded == scribe.cycles
    assert isinstance(loaded[BTC], Active)
    assert again.journal.verify() == ()
    again.journal.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [("mode", "live"), ("host", "other"), ("account", "key-1234"), ("feed_family", "gate")],
)
def test_a_database_opens_only_for_what_it_was_made_for(scribe: Scribe, field: str, value: str) -> None:
    """A7: a paper database never opens live; the text says what differs."""
    path = Path(scribe.journal._backend.name)
    scribe.whole_cycle(BTC)
    scribe.journal.close()
    before = path.read_bytes()
    other: Binding = replace(BINDING, **{field: value})
    with pytest.raises(JournalRefused) as refused:
        SqlJournal(path, other, account=other.account).load()
    for word in (field.replace("_", " "), repr(value), repr(getattr(BINDING, field)), "DB_PATH"):
        assert word in str(refused.value)
    assert path.read_bytes() == before


def test_nothing_is_written_before_the_journal_is_loaded_or_after_it_is_closed(tmp_path: Path) -> None:
    """An error, not a lost record; closing twice is harmless."""
    journal = SqlJournal(tmp_path / "j.sqlite3", BINDING, account="paper")
    record = SwitchSet(market=None, mode=SwitchMode.ON, by="x", time_ms=1)
    with pytest.raises(JournalUnavailable):
        journal.write(record)
    journal.load()
    journal.write(record)
    journal.close()
    for use in (lambda: journal.write(record), journal.new_number, lambda: journal.trades(None, 1)):
        with pytest.raises(JournalUnavailable):
            use()
    journal.note(Decision(market=BTC, kind="hold", reason="off", values={}, time_ms=1))
    journal.close()


def test_a_new_journal_is_empty_and_idle(scribe: Scribe) -> None:
    """And has an instance of four characters for its order labels."""
    state = scribe.journal.load()
    assert len(state.instance) == 4
    assert ClientId.parse(f"t-{state.instance}-1.1") is not None
    assert not (state.cycles or state.switches or state.pauses or state.params or state.settings)
    assert state.open_attempts == ()
    assert scribe.journal.verify() == ()
    assert scribe.cycle(BTC) == Idle(market=BTC)


def test_an_older_copy_put_back_does_not_give_its_numbers_again(tmp_path: Path) -> None:
    """P10: labels of the time between the copy and its return are at the exchange already."""
    now = [NOW_MS * 2]
    path = tmp_path / "j.sqlite3"

    def numbers() -> set[int]:
        journal = SqlJournal(path, BINDING, account="paper", now_ms=lambda: now[0])
        journal.load()
        taken = {journal.new_number() for _ in range(5)}
        journal.close()
        return taken

    first = numbers()
    copy = path.read_bytes()
    lost = numbers()
    path.write_bytes(copy)
    now[0] += 3_600_000
    assert not numbers() & (first | lost)
