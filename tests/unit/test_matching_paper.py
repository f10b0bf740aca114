"""The paper exchange keeps the promises of the `Exchange` port."""

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.ports import Exchange, ExchangeUnavailable, Found, NotSeen, Rejected
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderType, Side, Why
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.accounts import FeeSettings
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.matching.records import OrderRequest, TimeInForce

LTC = Market("gate", "LTC", "USDT")


class Clock:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        """Milliseconds."""
        return self.ms

    def monotonic_s(self) -> float:
        """Seconds."""
        return self.ms / 1000

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Never waits."""
        return event.is_set()


def a_quote(bid: str = "64.02", ask: str = "64.03", **changes: Any) -> Quote:
    """An ordinary price of LTC."""
    return Quote(LTC, Decimal(bid), Decimal(ask), Decimal(bid), 5, 5)._replace(**changes)


def an_intent(**changes: Any) -> OrderIntent:
    """A start buy of 5 USDT."""
    usual = OrderIntent(
        client_id="t-a1b2-7.1",
        market=LTC,
        side=Side.BUY,
        type=OrderType.MARKET,
        amount=Decimal(5),
        why=Why.START,
        cycle_id=1,
        step=0,
        worst_price=Decimal(65),
        seen_price=Decimal("64.03"),
        decided_ms=1_700_000_000_000,
    )
    return replace(usual, **changes)


def a_paper_exchange(**changes: Any) -> PaperExchange:
    """One with 100 USDT."""
    return PaperExchange([rules_for("LTC")], {"USDT": Decimal(100)}, clock=Clock(), first_id=1, **changes)


@pytest.fixture
def paper() -> PaperExchange:
    """One with a price."""
    paper = a_paper_exchange()
    paper.feed(a_quote())
    return paper


def test_it_is_an_exchange(paper: PaperExchange) -> None:
    exchange: Exchange = paper
    assert exchange.name == "gate"
    exchange.warm()
    exchange.close()
    assert exchange.now_ms() == 1_700_000_000_000


def test_a_market_buy_returns_its_fills(paper: PaperExchange) -> None:
    result = paper.send(an_intent())
    assert (result.client_id, result.base, result.quote) == ("t-a1b2-7.1", Decimal("0.078"), Decimal("4.99434"))
    (fill,) = result.fills
    assert (fill.fee, fill.fee_currency, fill.base_received) == (Decimal("0.000156"), "LTC", Decimal("0.077844"))
    assert paper.find(an_intent()) == Found(result, finished=True)
    assert paper.find(an_intent(client_id="t-none-1.1"), result.order_id) == Found(result, finished=True)
    assert paper.own_trades(LTC, 0) == result.fills
    assert paper.books() == {"USDT": Decimal("95.00566"), "LTC": Decimal("0.077844")}


def test_the_order_meets_the_newest_price_and_the_same_id_twice_buys_twice(paper: PaperExchange) -> None:
    paper.feed(a_quote("60", "61"))
    assert paper.send(an_intent()).fills[0].price == 61
    paper.send(an_intent())
    assert len(paper.own_trades(LTC, 0)) == 2


def test_a_limit_order_that_cannot_fill_ends_unfilled(paper: PaperExchange) -> None:
    intent = an_intent(type=OrderType.LIMIT, amount=Decimal("0.1"), limit_price=Decimal(60))
    result = paper.send(intent)
    assert (result.fills, result.note) == ((), "ioc")


@pytest.mark.parametrize(
    ("changes", "label", "lasting"),
    [
        ({"amount": Decimal(101)}, "BALANCE_NOT_ENOUGH", False),
        ({"amount": Decimal(1)}, "INVALID_PARAM_VALUE", False),
        ({"expires_ms": 1}, "REQUEST_EXPIRED", False),
        ({"market": Market("gate", "NOPE", "USDT")}, "INVALID_CURRENCY_PAIR", True),
    ],
)
def test_a_refusal_is_known_to_have_placed_nothing(
    paper: PaperExchange, changes: dict[str, Any], label: str, lasting: bool
) -> None:
    with pytest.raises(Rejected) as refusal:
        paper.send(an_intent(**changes))
    assert (refusal.value.label, refusal.value.lasting) == (label, lasting)
    assert isinstance(paper.find(an_intent()), NotSeen)
    assert paper.books() == {"USDT": Decimal(100)}


def test_a_book_needs_a_price_and_keeps_its_time(paper: PaperExchange) -> None:
    with pytest.raises(ExchangeUnavailable):
        a_paper_exchange().book(LTC)
    book = paper.book(LTC)
    assert (book.bid, book.ask, book.exchange_ms, book.from_book_read) == (Decimal("64.02"), Decimal("64.03"), 5, True)
    assert len(book.asks) == 50 and book.asks[0] == (book.ask, book.ask_size)
    (ticker,) = paper.tickers()
    assert (ticker.exchange_ms, ticker.bid_size, ticker.bids) == (5, None, ())


def test_impossible_prices_change_nothing(paper: PaperExchange) -> None:
    for quote in (a_quote("65", "64"), a_quote("0", "1"), a_quote(last=Decimal("NaN"))):
        paper.feed(quote)
    assert paper.book(LTC).ask == Decimal("64.03")


def test_markets_open_from_the_table_or_their_first_price() -> None:
    paper = a_paper_exchange(fees=FeeSettings(taker=Decimal("0.001")))
    btc, odd = Market("gate", "BTC", "USDT"), Market("gate", "ODDCOIN", "USDT")
    assert set(paper.rules([btc, odd])) == {btc}
    assert paper.rules([btc])[btc].fee == Decimal("0.001")
    paper.feed(Quote(odd, Decimal("0.0012"), Decimal("0.0013"), Decimal("0.0012"), 1, 1))
    assert paper.book(odd).bid == Decimal("0.0012")
    assert paper.rules([odd])[odd].price_precision == 7


def test_own_trades_are_told_also_when_a_resting_order_of_a_person_fills(paper: PaperExchange) -> None:
    heard: list[Fill] = []
    paper.start(heard.append, lambda: None)
    paper.by_hand(
        OrderRequest(
            pair="LTC_USDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            amount=Decimal(1),
            price=Decimal(60),
            time_in_force=TimeInForce.GTC,
        )
    )
    assert paper.balances()["USDT"].locked == 60
    paper.feed(a_quote("58", "59"))
    assert [(fill.base, fill.price, fill.client_id) for fill in heard] == [(1, 60, "")]
    paper.stop()


def test_balances_are_restored(paper: PaperExchange) -> None:
    paper.restore({"LTC": Decimal(2), "USDT": Decimal(7)})
    assert paper.books() == {"LTC": Decimal(2), "USDT": Decimal(7)}
    paper.restore({})
    assert paper.books() == {}


def test_threads_share_it() -> None:
    paper = a_paper_exchange()
    paper.feed(a_quote())
    paper.restore({"USDT": Decimal(10_000)})

    def trade(number: int) -> None:
        for step in range(20):
            paper.feed(a_quote())
            paper.send(an_intent(client_id=f"t-a1b2-{number}.{step}"))

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fills = paper.own_trades(LTC, 0)
    assert len({fill.trade_id for fill in fills}) == 80
    assert paper.books()["USDT"] == Decimal(10_000) - sum(fill.quote for fill in fills)
