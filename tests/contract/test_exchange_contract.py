"""Every exchange keeps the promises of the `Exchange` port: the same cases over each of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal

import pytest

from autotrader_v2.application.ports import Exchange, ExchangeUnavailable, Found, NotSeen, Rejected
from autotrader_v2.domain.market import Market, TradeStatus
from autotrader_v2.domain.orders import OrderType, Side
from autotrader_v2.matching.accounts import FeeSettings
from tests.contract.venues import CLOCK, GT, LTC, MONEY, NOWHERE, PRICES, VENUES, Venue, a_quote, a_sale, an_intent

OpenVenue = Callable[..., Venue]


@pytest.fixture(params=sorted(VENUES))
def open_venue(request: pytest.FixtureRequest) -> Iterator[OpenVenue]:
    """Opens the exchange with prices; closed after the test."""
    with ExitStack() as stack:

        def make(*, priced: bool = True, **fees: object) -> Venue:
            venue: Venue = stack.enter_context(VENUES[request.param](FeeSettings(**fees), MONEY))  # type: ignore[arg-type]
            for market in PRICES if priced else ():
                venue.feed(a_quote(market))
            return venue

        yield make


@pytest.fixture
def venue(open_venue: OpenVenue) -> Venue:
    """An ordinary one."""
    return open_venue()


def test_it_says_who_it_is_and_what_time_it_is_there(venue: Venue) -> None:
    exchange: Exchange = venue.exchange
    assert exchange.name == "gate"
    assert abs(exchange.now_ms() - CLOCK.now_ms()) < 1_000


def test_a_market_buy_spends_quote_and_keeps_the_residue(venue: Venue) -> None:
    result = venue.exchange.send(an_intent())
    assert (result.client_id, result.base, result.quote) == ("t-a1b2-7.1", Decimal("0.078"), Decimal("4.99434"))
    (fill,) = result.fills
    assert (fill.market, fill.side, fill.client_id) == (LTC, Side.BUY, "t-a1b2-7.1")
    assert (fill.order_id, bool(fill.trade_id)) == (result.order_id, True)
    assert (fill.fee, fill.fee_currency, fill.base_received) == (Decimal("0.000156"), "LTC", Decimal("0.077844"))
    assert abs(fill.time_ms - venue.exchange.now_ms()) < 5_000
    assert venue.total("USDT") == MONEY["USDT"] - Decimal("4.99434")
    assert venue.total("LTC") == MONEY["LTC"] + Decimal("0.077844")


def test_a_market_sale_pays_its_fee_in_quote(venue: Venue) -> None:
    result = venue.exchange.send(a_sale())
    assert (result.base, result.quote) == (Decimal(1), Decimal("64.02"))
    (fill,) = result.fills
    assert (fill.fee, fill.fee_currency) == (Decimal("0.12804"), "USDT")
    assert venue.total("USDT") == MONEY["USDT"] + Decimal("63.89196")


def test_a_capped_order_fills_within_its_limit(venue: Venue) -> None:
    limit = {"type": OrderType.LIMIT, "amount": Decimal("0.1"), "limit_price": Decimal("64.1")}
    result = venue.exchange.send(an_intent(**limit))
    assert (result.base, result.quote) == (Decimal("0.1"), Decimal("6.403"))


def test_o11_a_capped_order_beyond_the_market_ends_without_a_fill(venue: Venue) -> None:
    limit = {"type": OrderType.LIMIT, "amount": Decimal("0.1"), "limit_price": Decimal(64)}
    result = venue.exchange.send(an_intent(**limit))
    assert (result.fills, result.base, bool(result.order_id), bool(result.note)) == ((), 0, True, True)
    assert venue.exchange.balances()["USDT"].locked == 0


def test_o10_a_thin_book_fills_a_capped_order_in_part(open_venue: OpenVenue) -> None:
    venue = open_venue(priced=False)
    asks = ((Decimal("64.03"), Decimal("0.05")), (Decimal("64.04"), Decimal("0.02")), (Decimal(70), Decimal(5)))
    bids = ((Decimal("64.02"), Decimal(1)),)
    venue.feed(a_quote(bid_size=Decimal(1), ask_size=Decimal("0.05"), bids=bids, asks=asks))
    limit = {"type": OrderType.LIMIT, "amount": Decimal("0.1"), "limit_price": Decimal("64.5")}
    result = venue.exchange.send(an_intent(**limit))
    assert (result.base, result.quote) == (Decimal("0.07"), Decimal("4.4823"))
    assert [fill.price for fill in result.fills] == [Decimal("64.03"), Decimal("64.04")]
    assert venue.exchange.balances()["USDT"].locked == 0
    assert venue.exchange.find(an_intent(**limit), result.order_id) == Found(result, finished=True)


def test_o16_a_fee_in_gt_leaves_the_coins_whole(open_venue: OpenVenue) -> None:
    venue = open_venue(pays_gt=True)
    (fill,) = venue.exchange.send(an_intent()).fills
    assert (fill.fee_currency, fill.base_received) == ("GT", Decimal("0.078"))
    assert fill.fee > 0
    assert venue.total("GT") == MONEY["GT"] - fill.fee
    assert venue.total("LTC") == MONEY["LTC"] + Decimal("0.078")


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"amount": Decimal(1001)}, "BALANCE_NOT_ENOUGH"),
        ({"amount": Decimal(1)}, "INVALID_PARAM_VALUE"),
        ({"expires_ms": 1_000}, "REQUEST_EXPIRED"),
        ({"market": NOWHERE}, "INVALID_CURRENCY_PAIR"),
    ],
)
def test_a_refusal_is_known_to_have_placed_nothing(venue: Venue, changes: dict[str, object], label: str) -> None:
    with pytest.raises(Rejected) as refused:
        venue.exchange.send(an_intent(**changes))
    assert (refused.value.label, refused.value.whole_account) == (label, False)
    assert venue.exchange.find(an_intent()) == NotSeen()
    assert venue.total("USDT") == MONEY["USDT"]


def test_more_coins_than_there_are_cannot_be_sold(venue: Venue) -> None:
    with pytest.raises(Rejected) as refused:
        venue.exchange.send(a_sale(amount="11"))
    assert refused.value.label == "BALANCE_NOT_ENOUGH"


def test_a_finished_order_is_found_by_its_label_and_by_its_id(venue: Venue) -> None:
    venue.exchange.send(an_intent("t-a1b2-6.1"))
    intent = an_intent()
    result = venue.exchange.send(intent)
    assert venue.exchange.find(intent) == Found(result, finished=True)
    assert venue.exchange.find(intent, result.order_id) == Found(result, finished=True)


def test_an_order_that_filled_nothing_is_found_too(venue: Venue) -> None:
    intent = an_intent(type=OrderType.LIMIT, amount=Decimal("0.1"), limit_price=Decimal(64))
    result = venue.exchange.send(intent)
    assert venue.exchange.find(intent) == Found(result, finished=True)


def test_an_order_never_sent_is_not_seen(venue: Venue) -> None:
    venue.exchange.send(an_intent())
    assert venue.exchange.find(an_intent("t-a1b2-9.1")) == NotSeen()


def test_a_label_used_twice_makes_two_orders(venue: Venue) -> None:
    first, second = venue.exchange.send(an_intent()), venue.exchange.send(an_intent())
    assert first.order_id != second.order_id
    assert venue.total("LTC") == MONEY["LTC"] + 2 * Decimal("0.077844")
    trades = venue.exchange.own_trades(LTC, 0)
    assert {fill.order_id for fill in trades} == {first.order_id, second.order_id}


def test_own_trades_are_ours_and_foreign_ones_oldest_first(venue: Venue) -> None:
    before_ms = venue.exchange.now_ms() - 1_000
    venue.exchange.send(an_intent())
    venue.by_hand(Side.SELL, Decimal(2))
    result = venue.exchange.send(a_sale())
    trades = venue.exchange.own_trades(LTC, before_ms)
    assert [fill.client_id for fill in trades] == ["t-a1b2-7.1", "", "t-a1b2-8.1"]
    assert [fill.side for fill in trades] == [Side.BUY, Side.SELL, Side.SELL]
    assert trades[-1:] == result.fills
    assert venue.exchange.own_trades(GT, before_ms) == ()
    assert venue.exchange.own_trades(LTC, venue.exchange.now_ms() + 5_000) == ()


def test_own_trades_of_the_whole_account_are_one_list(venue: Venue) -> None:
    before_ms = venue.exchange.now_ms() - 1_000
    venue.exchange.send(an_intent())
    venue.by_hand(Side.SELL, Decimal(2))
    trades = venue.exchange.account_trades(before_ms)
    assert trades == venue.exchange.own_trades(LTC, before_ms)
    assert [fill.client_id for fill in trades] == ["t-a1b2-7.1", ""]
    assert venue.exchange.account_trades(venue.exchange.now_ms() + 5_000) == ()


def test_orders_that_rest_are_told_with_what_is_left_of_them(venue: Venue) -> None:
    venue.exchange.send(an_intent())
    assert venue.exchange.open_orders() == ()
    venue.rest(Side.SELL, Decimal("0.5"), Decimal(100))
    (order,) = venue.exchange.open_orders()
    assert (order.market, order.side, order.left, order.client_id) == (LTC, Side.SELL, Decimal("0.5"), "")
    assert abs(order.created_ms - venue.exchange.now_ms()) < 5_000


def test_a5_rules_carry_the_accounts_own_fee(open_venue: OpenVenue) -> None:
    rules = open_venue(taker=Decimal("0.0015"), pays_gt=True).exchange.rules([LTC, NOWHERE])
    assert list(rules) == [LTC]
    ltc = rules[LTC]
    assert (ltc.fee, ltc.price_precision, ltc.amount_precision) == (Decimal("0.0015"), 2, 3)
    assert (ltc.min_base, ltc.min_quote) == (Decimal("0.001"), Decimal(3))
    assert (ltc.market_max_base, ltc.market_max_quote) == (Decimal(18210), Decimal(1_000_000))
    assert (ltc.status, ltc.market, ltc.name) == (TradeStatus.TRADABLE, LTC, "Litecoin")


def test_a_book_has_levels_and_vouches_for_itself(venue: Venue) -> None:
    book = venue.exchange.book(LTC)
    assert (book.market, book.bid, book.ask) == (LTC, Decimal("64.02"), Decimal("64.03"))
    assert book.from_book_read
    assert (book.bids[0], book.asks[0]) == ((book.bid, book.bid_size), (book.ask, book.ask_size))
    assert [price for price, _ in book.bids] == sorted((price for price, _ in book.bids), reverse=True)
    assert [price for price, _ in book.asks] == sorted(price for price, _ in book.asks)
    assert len(book.asks) > 10


@pytest.mark.parametrize("market", [LTC, NOWHERE])
def test_a_book_without_prices_is_no_book(open_venue: OpenVenue, market: Market) -> None:
    with pytest.raises(ExchangeUnavailable):
        open_venue(priced=False).exchange.book(market)


def test_tickers_are_all_markets_in_one_read(venue: Venue) -> None:
    quotes = {quote.market: quote for quote in venue.exchange.tickers()}
    assert {market: (str(quote.bid), str(quote.ask)) for market, quote in quotes.items()} == PRICES
    assert all(quote.bid_size is None and not quote.bids and not quote.from_book_read for quote in quotes.values())
    assert all(abs(quote.exchange_ms - CLOCK.now_ms()) < 5_000 for quote in quotes.values())


def test_holdings_tell_what_is_free(venue: Venue) -> None:
    holdings = venue.exchange.balances()
    assert {name: (one.available, one.locked) for name, one in holdings.items()} == {
        name: (amount, Decimal(0)) for name, amount in MONEY.items()
    }


def test_an_intent_without_expiry_is_taken(venue: Venue) -> None:
    assert venue.exchange.send(replace(an_intent(), expires_ms=0)).fills
