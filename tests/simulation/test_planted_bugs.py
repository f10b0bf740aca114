"""An auditor that cannot fail is worthless: each of these bugs loses money in its own way and must be caught."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application import booking, deciding, execute_trade
from autotrader_v2.application.events import CycleChanged, Record
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.reconcile import Reconciler
from autotrader_v2.application.resolve import Resolver
from autotrader_v2.domain import cycle, ladder, quotes, situation
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.orders import OrderIntent, OrderResult
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation import journal
from autotrader_v2.simulation.faults import HOSTILE
from autotrader_v2.simulation.process import CONFIG
from autotrader_v2.simulation.venue import VenueExchange
from autotrader_v2.simulation.world import Plan
from tests.simulation.planted import FEW, caught

Patch = pytest.MonkeyPatch


class Adapter:
    """Wraps the exchange's port."""

    def __init__(self, port: VenueExchange) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


class SendsTwice(Adapter):
    """Repeats an order when the answer is lost."""

    def send(self, intent: OrderIntent) -> OrderResult:
        self._port.send(intent)
        return self._port.send(intent)


class RepeatsBelow(Adapter):
    """The transport repeats the request without anybody's knowledge."""

    def send(self, intent: OrderIntent) -> OrderResult:
        result = self._port.send(intent)
        self._port._venue.arrive(intent)
        return result


class ForgetsTrades(Adapter):
    """Tells only the first trade of an order."""

    def send(self, intent: OrderIntent) -> OrderResult:
        result = self._port.send(intent)
        return replace(result, fills=result.fills[:1])


class RoundsAmounts(Adapter):
    """Tells amounts as a float would have them."""

    def send(self, intent: OrderIntent) -> OrderResult:
        result = self._port.send(intent)
        fills = tuple(replace(one, base=one.base + Decimal("1e-12")) for one in result.fills)
        return replace(result, fills=fills)


@pytest.mark.parametrize(
    ("adapter", "broken"),
    [(SendsTwice, {"I1"}), (RepeatsBelow, {"I1", "I3"}), (ForgetsTrades, {"I2"}), (RoundsAmounts, {"I2"})],
)
def test_a_wrong_adapter_is_caught(adapter: Callable[[VenueExchange], Any], broken: set[str]) -> None:
    found = caught(Plan(seed=0, rates=FEW, exchange=adapter))
    assert found
    assert found <= broken


def test_a_resolver_that_declares_absence_too_early_is_caught() -> None:
    """It does not wait until the exchange must show a fresh order."""
    hasty = replace(CONFIG, visibility_ms=0, clock_error_ms=0, absence_reads=1, order_life_ms=1000)
    # An order of which the answer or the stream tells is never absent: it takes one of which neither does.
    silent = {**FEW, "send_lost_after": 0.2, "order_invisible": 0.5, "fill_missed": 0.5}
    assert caught(Plan(seed=0, rates=silent, config=hasty)) & {"I1", "I2"}


def test_a_resolver_that_never_looks_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Resolver, "look_at_due", lambda self: None)
    assert caught(Plan(seed=0, rates=FEW)) == {"I12"}


def test_trading_on_old_prices_is_caught() -> None:
    rates = {**FEW, "price_silence": 0.02, "balances_fail": 0.2}
    assert caught(Plan(seed=0, rates=rates, config=replace(CONFIG, max_quote_age_ms=30_000))) == {"I9"}


def test_believing_a_single_wrong_price_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(quotes, "_jumps", lambda before, now, limit: False)
    monkeypatch.setattr(situation, "_doubtful", lambda now, quote: False)
    assert caught(Plan(seed=0, rates={**FEW, "price_spike": 0.05})) == {"I9"}


def test_a_booking_that_forgets_a_fill_is_caught(monkeypatch: Patch) -> None:
    whole = booking.Booking._book

    def forgetful(self: Any, slot: Any, order: Any, intent: Any, fills: Any, *rest: Any) -> Any:
        return whole(self, slot, order, intent, fills[:1], *rest)

    monkeypatch.setattr(booking.Booking, "_book", forgetful)
    assert caught(Plan(seed=0, rates=FEW)) == {"I2"}


def test_a_cycle_changed_in_memory_only_is_caught(monkeypatch: Patch) -> None:
    """Fills become durable, what they made of the cycle does not."""
    write = journal.Store.commit

    def partly(self: journal.Store, records: Sequence[Record]) -> None:
        before = dict(self.newest)
        write(self, records)
        for record in records:
            if isinstance(record, CycleChanged) and len(self.events[record.market]) > 4:
                self.events[record.market].pop()
                self.newest = before

    monkeypatch.setattr(journal.Store, "commit", partly)
    assert "I7" in caught(Plan(seed=0, rates=FEW))


def test_an_order_without_a_durable_intent_is_caught(monkeypatch: Patch) -> None:
    def unwritten(self: Any, claims: Any) -> Any:
        expires_ms = self._floor.exchange.now_ms() + 3000
        return [(slot, replace(intent, expires_ms=expires_ms)) for slot, intent in claims]

    monkeypatch.setattr(execute_trade.ExecuteTrade, "_commit", unwritten)
    assert caught(Plan(seed=0, rates=FEW)) == {"I4"}


def test_a_switch_that_is_not_listened_to_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Floor, "mode_of", lambda self, slot: SwitchMode.ON)
    assert caught(Plan(seed=0, rates=FEW)) == {"I8"}


def test_a_breakeven_without_the_fee_is_caught(monkeypatch: Patch) -> None:
    def free(invested: Decimal, held: Decimal, rules: MarketRules) -> Decimal:
        return ladder.ceil_to(invested / held, rules.tick)

    monkeypatch.setattr(ladder, "breakeven_price", free)
    assert caught(Plan(seed=0, rates=FEW)) == {"I6"}


def test_selling_more_than_is_owned_is_caught(monkeypatch: Patch) -> None:
    claim = deciding.Decider._claim

    def greedy(self: Any, slot: Any, state: Any, action: Any, **rest: Any) -> Any:
        if isinstance(action, situation.Sell):
            action = replace(action, amount=action.amount * 2)
        return claim(self, slot, state, action, **rest)

    monkeypatch.setattr(deciding.Decider, "_claim", greedy)
    assert caught(Plan(seed=0, rates=FEW)) == {"I5"}


def test_spending_more_than_the_row_says_is_caught(monkeypatch: Patch) -> None:
    claim = deciding.Decider._claim

    def generous(self: Any, slot: Any, state: Any, action: Any, **rest: Any) -> Any:
        if isinstance(action, situation.Buy):
            action = replace(action, quote_amount=action.quote_amount * 2)
        return claim(self, slot, state, action, **rest)

    monkeypatch.setattr(deciding.Decider, "_claim", generous)
    assert caught(Plan(seed=0, rates=FEW)) == {"I3"}


def test_a_fall_that_moves_the_anchor_wrongly_is_caught(monkeypatch: Patch) -> None:
    """The next step counts from the worse of two prices: it buys too early."""
    monkeypatch.setattr(cycle, "min", max, raising=False)
    assert caught(Plan(seed=0, rates=FEW)) == {"I6"}


def test_a_defect_that_the_engine_survives_is_caught(monkeypatch: Patch) -> None:
    decide = situation.decide

    def fragile(now: situation.Situation) -> Any:
        if now.mode is SwitchMode.FINISH:
            raise ZeroDivisionError
        return decide(now)

    monkeypatch.setattr(deciding, "decide", fragile)
    assert caught(Plan(seed=0, rates=FEW)) == {"defect"}


def test_the_engine_as_it_is_passes_where_they_fail() -> None:
    assert caught(Plan(seed=0, rates=FEW)) == set()
    assert caught(Plan(seed=0, rates=HOSTILE)) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda event, held: replace(event, proceeds=event.proceeds * 10),
        lambda event, held: replace(event, proceeds=Decimal(0)),
        lambda event, held: replace(event, coins=held, closes=True),
        lambda event, held: replace(event, closes=True),
    ],
)
def test_a_sale_by_hand_booked_wrong_is_caught(monkeypatch: Patch, wrong: Callable[..., Any]) -> None:
    """Ten times the proceeds, none, the whole position for a part of it, and a cycle ended with coins left."""
    right = Reconciler._sold_by_hand

    def planted(held: Any, gone: Decimal, sales: Any, sold: Decimal) -> Any:
        return wrong(right(held, gone, sales, sold), held.held)

    monkeypatch.setattr(Reconciler, "_sold_by_hand", staticmethod(planted))
    assert caught(Plan(seed=0, rates={"hand_sell": 0.3})) == {"I6"}
