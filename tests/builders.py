"""Ordinary values for tests: name only what the test is about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from autotrader_v2.domain.cycle import Active, BuyBooked, Idle, apply
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import BaseReading, Situation, SwitchMode

ETH = Market("gate", "ETH", "USDT")
RULES = MarketRules(
    market=ETH,
    price_precision=2,
    amount_precision=4,
    fee=Decimal("0.002"),
    min_base=Decimal("0.001"),
    min_quote=Decimal(3),
)
PARAMS = LadderParams(steps=4)
NOW_MS = 1_800_000_000_000


def a_fill(base: str = "0.004", quote: str = "10", **changes: Any) -> Fill:
    """A buy with its fee taken in coins."""
    fill = Fill(
        trade_id=f"{changes.get('time_ms', NOW_MS)}-{base}-{quote}",
        order_id="1",
        client_id="t-test-1.1",
        market=ETH,
        side=Side.BUY,
        base=Decimal(base),
        quote=Decimal(quote),
        fee=Decimal(base) * RULES.fee,
        fee_currency="ETH",
        time_ms=NOW_MS,
    )
    return replace(fill, **changes)


def a_sale(base: str, quote: str, **changes: Any) -> Fill:
    """A sale with its fee taken in quote."""
    return a_fill(
        base,
        quote,
        side=Side.SELL,
        fee=Decimal(quote) * RULES.fee,
        fee_currency="USDT",
        **{"time_ms": NOW_MS, **changes},
    )


def a_buy(*fills: Fill, step: int | None = 0, cycle_id: int = 1, ask: str = "2500", **changes: Any) -> BuyBooked:
    """A booked buy of a step."""
    event = BuyBooked(
        client_id=f"t-test-{cycle_id}{step}.1",
        cycle_id=cycle_id,
        why=Why.START if step == 0 else Why.REBUY,
        step=step,
        seen_price=Decimal(ask),
        fills=fills or (a_fill(),),
        params=PARAMS,
        rules=RULES,
    )
    return replace(event, **changes)


def an_intent(client_id: str = "t-test-1.1", **changes: Any) -> OrderIntent:
    """The start of a cycle at market for 10 USDT, decided now."""
    usual = OrderIntent(
        client_id=client_id,
        market=ETH,
        side=Side.BUY,
        type=OrderType.MARKET,
        amount=Decimal(10),
        why=Why.START,
        cycle_id=1,
        step=0,
        worst_price=Decimal(2600),
        seen_price=Decimal(2500),
        decided_ms=NOW_MS,
        max_cost=Decimal(10),
        expires_ms=NOW_MS + 3000,
    )
    return replace(usual, **changes)


def an_active_cycle(**changes: Any) -> Active:
    """A cycle after its start buy of 10 USDT at 2500."""
    cycle = apply(Idle(market=ETH), a_buy())
    assert isinstance(cycle, Active)
    return replace(cycle, **changes) if changes else cycle


def a_quote(bid: str = "2499.99", ask: str = "2500", **changes: Any) -> Quote:
    """A fresh quote with plenty behind it."""
    quote = Quote(
        market=ETH,
        bid=Decimal(bid),
        ask=Decimal(ask),
        last=Decimal(bid),
        exchange_ms=NOW_MS,
        confirmed_ms=NOW_MS,
        bid_size=Decimal(1000),
        ask_size=Decimal(1000),
    )
    return quote._replace(**changes)


def a_situation(**changes: Any) -> Situation:
    """An idle market that may start, ten seconds after anything happened."""
    situation = Situation(
        cycle=Idle(market=ETH),
        quote=a_quote(),
        rules=RULES,
        params=PARAMS,
        mode=SwitchMode.ON,
        now_ms=NOW_MS + 100,
        exchange_now_ms=NOW_MS + 10_000,
        free_quote=Decimal(1000),
        free_for_start=Decimal(1000),
        base=BaseReading(Decimal(0), Decimal(0)),
    )
    return situation._replace(**changes)


def holding(cycle: Active) -> BaseReading:
    """A reading that has exactly the cycle's coins."""
    return BaseReading(cycle.held + cycle.tally.dust.coins, Decimal(0))
