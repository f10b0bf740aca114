"""Values written as text come back equal, to the last digit; and the builders that the journal's other tests use."""

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autotrader_v2.application.events import (
    AttemptClosed,
    CycleChanged,
    FillsBooked,
    Intended,
    Outcome,
)
from autotrader_v2.application.ports import Binding
from autotrader_v2.domain.cycle import (
    Adopted,
    BuyBooked,
    CycleEvent,
    CycleReset,
    ExitAtBreakeven,
    Idle,
    OutsideIgnored,
    RestLeft,
    SaleBooked,
    SoldByHand,
    Tally,
    TermsChanged,
    TradingCycle,
    WrittenOff,
    apply,
)
from autotrader_v2.domain.ladder import LadderParams, OrderStyle, SizeMode
from autotrader_v2.domain.market import Market, MarketRules, TradeStatus
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.situation import Pause
from autotrader_v2.infrastructure.store import SqlJournal, codec

BTC = Market("gate", "BTC", "USDT")
ETH = Market("gate", "ETH", "USDT")
BINDING = Binding("paper", "synthetic", "paper", "synthetic")
NOW_MS = 1_700_000_000_000
PARAMS = LadderParams(steps=4)


def rules_of(market: Market) -> MarketRules:
    """Rules with nothing special."""
    return MarketRules(
        market=market,
        price_precision=2,
        amount_precision=4,
        fee=Decimal("0.002"),
        min_base=Decimal("0.0001"),
        min_quote=Decimal(3),
    )


def an_intent(**changes: Any) -> OrderIntent:
    """An ordinary start buy. Name only what the test is about."""
    return replace(_ORDINARY, **changes)


_ORDINARY = OrderIntent(
    client_id="t-a1b2-1.1",
    market=BTC,
    side=Side.BUY,
    type=OrderType.MARKET,
    amount=Decimal("10"),
    why=Why.START,
    cycle_id=1,
    step=0,
    worst_price=Decimal("2507.5"),
    seen_price=Decimal("2500.00"),
    decided_ms=NOW_MS,
    max_cost=Decimal("10"),
    expires_ms=NOW_MS + 3000,
)


def a_fill(intent: OrderIntent, **changes: Any) -> Fill:
    """One trade that fills the order: 0.004 coins for 10."""
    buy = intent.side is Side.BUY
    ordinary = Fill(
        trade_id=f"trade of {intent.client_id}",
        order_id=f"order of {intent.client_id}",
        client_id=intent.client_id,
        market=intent.market,
        side=intent.side,
        base=Decimal("0.004") if buy else Decimal("0.0039"),
        quote=Decimal("10"),
        fee=Decimal("0.000008") if buy else Decimal("0.02"),
        fee_currency=intent.market.base if buy else intent.market.quote,
        time_ms=NOW_MS + 500,
    )
    return replace(ordinary, **changes)


@dataclass(slots=True)
class Scribe:
    """Writes to a journal what the engine would write."""

    journal: SqlJournal
    instance: str
    cycles: dict[Market, TradingCycle]

    @classmethod
    def opens(cls, path: Path, binding: Binding = BINDING) -> "Scribe":
        """Open and load a journal."""
        journal = SqlJournal(path, binding, account=binding.account)
        state = journal.load()
        return cls(journal, state.instance, dict(state.cycles))

    def label(self, attempt: int = 1) -> str:
        """A fresh order label."""
        return str(ClientId(self.instance, self.journal.new_number(), attempt))

    def cycle(self, market: Market) -> TradingCycle:
        """The market's cycle, as memory has it."""
        return self.cycles.get(market, Idle(market=market))

    def intended(self, **changes: Any) -> OrderIntent:
        """An order about to be sent."""
        intent = an_intent(**{"client_id": self.label(), **changes})
        self.journal.write(Intended(intent))
        return intent

    def closed(self, intent: OrderIntent, outcome: Outcome, **changes: Any) -> None:
        """What became of it."""
        self.journal.write(AttemptClosed(client_id=intent.client_id, outcome=outcome, time_ms=NOW_MS + 1000, **changes))

    def booked(self, intent: OrderIntent, *fills: Fill, time_ms: int = NOW_MS + 1000) -> TradingCycle:
        """Its trades (one ordinary one unless named), with the cycle they lead to, in one transaction."""
        fills = fills or (a_fill(intent),)
        event: CycleEvent
        if intent.side is Side.BUY:
            event = BuyBooked(
                client_id=intent.client_id,
                cycle_id=intent.cycle_id,
                why=intent.why,
                step=intent.step,
                seen_price=intent.seen_price,
                fills=fills,
                params=PARAMS,
                rules=rules_of(intent.market),
            )
        else:
            event = SaleBooked(client_id=intent.client_id, cycle_id=intent.cycle_id, why=intent.why, fills=fills)
        after = apply(self.cycle(intent.market), event)
        self.journal.write(
            FillsBooked(intent.client_id, fills),
            AttemptClosed(
                client_id=intent.client_id, outcome=Outcome.FILLED, time_ms=time_ms, order_id=fills[0].order_id
            ),
            CycleChanged(market=intent.market, event=event, after=after, time_ms=time_ms),
        )
        self.cycles[intent.market] = after
        return after

    def happens(self, market: Market, event: CycleEvent, time_ms: int = NOW_MS + 1000) -> TradingCycle:
        """A cycle event that is not an order's."""
        after = apply(self.cycle(market), event)
        self.journal.write(CycleChanged(market=market, event=event, after=after, time_ms=time_ms))
        self.cycles[market] = after
        return after

    def whole_cycle(self, market: Market, proceeds: str = "11", time_ms: int = NOW_MS + 1000) -> None:
        """A start buy and the sale of it."""
        cycle_id = self.cycle(market).tally.last_cycle_id + 1
        self.booked(self.intended(market=market, cycle_id=cycle_id), time_ms=time_ms)
        sale = self.intended(
            market=market,
            side=Side.SELL,
            why=Why.TAKE_PROFIT,
            cycle_id=cycle_id,
            step=None,
            amount=Decimal("0.0039"),
            max_cost=Decimal(0),
        )
        self.booked(sale, a_fill(sale, quote=Decimal(proceeds)), time_ms=time_ms)


A_BUY = BuyBooked(
    client_id="t-a1b2-1.1",
    cycle_id=3,
    why=Why.REBUY,
    step=2,
    seen_price=Decimal("2500.10"),
    fills=(a_fill(_ORDINARY), a_fill(_ORDINARY, trade_id="2", quote=Decimal("1E+1"), fee=Decimal("0E-8"))),
    params=LadderParams(
        steps=1,
        size_mode=SizeMode.CUSTOM,
        sizes=(Decimal("10.00"), Decimal("20")),
        order_style=OrderStyle.CAPPED,
    ),
    rules=replace(rules_of(BTC), status=TradeStatus.SELLABLE, delisting_s=12, name="Bitcoin — “₿”"),
    fee_quote=Decimal("0.123456789012345678901234567890"),
    fee_estimated=True,
)
EVENTS: tuple[CycleEvent, ...] = (
    A_BUY,
    SaleBooked(
        client_id="x", cycle_id=1, why=Why.STOP_LOSS, fills=(a_fill(an_intent(side=Side.SELL)),), outside=Decimal("0.1")
    ),
    Adopted(coins=Decimal("1.5"), cost=Decimal("3000"), time_ms=5, params=PARAMS, rules=rules_of(ETH)),
    SoldByHand(coins=Decimal("0.1"), proceeds=Decimal("99.9"), time_ms=6, closes=True),
    WrittenOff(time_ms=7),
    RestLeft(time_ms=7),
    CycleReset(time_ms=8),
    OutsideIgnored(coins=Decimal("0.5")),
    TermsChanged(params=PARAMS, rules=rules_of(BTC)),
    ExitAtBreakeven(wanted=True),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_cycle_event_comes_back_equal_and_with_every_digit(event: CycleEvent) -> None:
    """`1E+1` and `0E-8` stay what they are: equal is not enough for a record."""
    again = codec.event_from_text(*codec.event_to_text(event))
    assert again == event
    assert repr(again) == repr(event)


def test_the_names_of_the_events_are_those_of_written_journals() -> None:
    """A renamed event would make journals unreadable."""
    assert set(codec.EVENT_KINDS) == {
        "Adopted",
        "BuyBooked",
        "CycleReset",
        "ExitAtBreakeven",
        "OutsideIgnored",
        "RestLeft",
        "SaleBooked",
        "SoldByHand",
        "TermsChanged",
        "WrittenOff",
    }
    assert {type(event).__name__ for event in EVENTS} == set(codec.EVENT_KINDS)


def test_a_payload_older_than_a_field_is_read_with_the_fields_default() -> None:
    """What was written stays readable when a value gains a field, at every depth."""
    kind, text = codec.event_to_text(A_BUY)
    payload = codec.from_text(text)
    for holder, name in ((payload, "fee_estimated"), (payload["params"], "budget_quote"), (payload["rules"], "name")):
        del holder[name]
    again = codec.event_from_text(kind, codec.to_text(payload))
    assert isinstance(again, BuyBooked)
    assert again == replace(A_BUY, fee_estimated=False, rules=replace(A_BUY.rules, name=""))


def test_a_field_that_a_value_lost_is_ignored() -> None:
    """A journal outlives what it was written with."""
    assert codec.idle_from_text('{"market":{"exchange":"gate","base":"BTC","quote":"USDT"},"was":{"x":1}}') == Idle(
        market=BTC
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("BuyBooked", "{"),
        ("BuyBooked", "{}"),
        ("Nothing", "{}"),
        ("OutsideIgnored", '{"coins":"many"}'),
        ("WrittenOff", '{"time_ms":"soon"}'),
    ],
)
def test_a_payload_that_is_not_its_kind_is_refused(kind: str, text: str) -> None:
    """A damaged row must not become a made-up cycle."""
    with pytest.raises(codec.Unreadable):
        codec.event_from_text(kind, text)


def test_snapshots_and_pauses_come_back_equal() -> None:
    """The two other values kept as JSON."""
    idle = Idle(market=ETH, tally=Tally(realised=Decimal("-1.50"), completed=3, last_cycle_id=9, closed_ms=4))
    assert repr(codec.idle_from_text(codec.to_text(idle))) == repr(idle)
    pause = Pause(cause="orders_fail", since_ms=1, values=(("label", "X"), ("side", "buy")), sells=True)
    assert codec.pause_from_text(codec.to_text(pause)) == pause


@pytest.mark.parametrize("market", [BTC, Market("gate", "1INCH", "USDC"), Market("a-b", "X", "Y")])
def test_a_markets_text_leads_back_to_it(market: Market) -> None:
    """The key of every row."""
    assert codec.market_from_text(str(market)) == market


@pytest.mark.parametrize("text", ["", "gate", "gate:", "gate:BTC", "gate:_USDT", ":BTC_USDT"])
def test_what_is_no_market_is_refused(text: str) -> None:
    """A damaged key must not become a market."""
    with pytest.raises(codec.Unreadable):
        codec.market_from_text(text)


def test_every_field_of_every_value_is_written() -> None:
    """A field that JSON cannot carry would be lost silently; an unknown type raises instead."""
    payload = codec.from_text(codec.event_to_text(A_BUY)[1])
    for value, told in ((A_BUY, payload), (A_BUY.params, payload["params"]), (A_BUY.rules, payload["rules"])):
        assert set(told) == {one.name for one in fields(value)}
    with pytest.raises(TypeError):
        codec.to_text({"set": object()})
    assert msgspec.json.decode(codec.to_text(a_fill(_ORDINARY)))["quote"] == "10"
