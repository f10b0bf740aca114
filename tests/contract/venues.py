"""The exchanges that must keep the port's promises, and what a test may do to them from outside."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from autotrader_v2.application.ports import Exchange
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.accounts import FeeSettings
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.matching.records import OrderRequest, TimeInForce
from autotrader_v2.simulator import Simulator

LTC = Market("gate", "LTC", "USDT")
GT = Market("gate", "GT", "USDT")
NOWHERE = Market("gate", "NOPE", "USDT")
PRICES = {LTC: ("64.02", "64.03"), GT: ("9.999", "10")}
MONEY = {"USDT": Decimal(1000), "LTC": Decimal(10), "GT": Decimal(50)}
CLOCK = SystemClock()


@dataclass(frozen=True)
class Venue:
    """An exchange, and the world around it."""

    exchange: Exchange
    feed: Callable[[Quote], None]
    by_hand: Callable[[Side, Decimal], None]
    # (side, coins, price): an order of the owner's that waits in the book
    rest: Callable[[Side, Decimal, Decimal], None]

    def total(self, currency: str) -> Decimal:
        """All the account has of a currency."""
        holding = self.exchange.balances().get(currency)
        return holding.total if holding else Decimal(0)


def a_quote(market: Market = LTC, **changes: Any) -> Quote:
    """The market's ordinary price, now."""
    bid, ask = PRICES[market]
    now_ms = CLOCK.now_ms()
    return Quote(market, Decimal(bid), Decimal(ask), Decimal(bid), now_ms, now_ms)._replace(**changes)


def an_intent(client_id: str = "t-a1b2-7.1", **changes: Any) -> OrderIntent:
    """A start buy of 5 USDT at market, decided and committed now."""
    now_ms = CLOCK.now_ms()
    usual = OrderIntent(
        client_id=client_id,
        market=LTC,
        side=Side.BUY,
        type=OrderType.MARKET,
        amount=Decimal(5),
        why=Why.START,
        cycle_id=1,
        step=0,
        worst_price=Decimal(65),
        seen_price=Decimal("64.03"),
        decided_ms=now_ms,
        expires_ms=now_ms + 3_000,
    )
    return replace(usual, **changes)


def a_sale(client_id: str = "t-a1b2-8.1", amount: str = "1", **changes: Any) -> OrderIntent:
    """A take-profit sale of 1 LTC at market."""
    sale = {"side": Side.SELL, "amount": Decimal(amount), "why": Why.TAKE_PROFIT, "worst_price": Decimal(60)}
    return an_intent(client_id, **(sale | changes))


@contextmanager
def on_paper(fees: FeeSettings, money: Mapping[str, Decimal]) -> Iterator[Venue]:
    """The matching core in process."""
    paper = PaperExchange([rules_for("LTC"), rules_for("GT")], money, clock=CLOCK, fees=fees, seed=7)

    def by_hand(side: Side, amount: Decimal, price: Decimal | None = None) -> None:
        request = OrderRequest(
            pair=LTC.pair,
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            amount=amount,
            price=price,
            time_in_force=TimeInForce.IOC if price is None else TimeInForce.GTC,
            text="",
        )
        paper.by_hand(request)

    yield Venue(paper, paper.feed, by_hand, by_hand)


@contextmanager
def on_the_simulator(fees: FeeSettings, money: Mapping[str, Decimal]) -> Iterator[Venue]:
    """The Gate adapter over real HTTP."""
    with Simulator([rules_for("LTC"), rules_for("GT")], money, fees=fees, seed=7) as sim:
        exchange = GateExchange(sim.url, "key", "secret", CLOCK)
        exchange.warm()

        def by_hand(side: Side, amount: Decimal, price: Decimal | None = None) -> None:
            sim.trade_by_hand(LTC.pair, side, amount, price=price)

        yield Venue(exchange, sim.feed, by_hand, by_hand)
        exchange.close()


VENUES = {"paper": on_paper, "gate": on_the_simulator}
