"""The official gate-api SDK, unmodified, trades on the simulator over real HTTP."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import gate_api
import pytest
import urllib3
from gate_api.exceptions import GateApiException

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.knobs import Knobs, Unfillable
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import gateway_page, lost_answer, lost_request, server_error, too_many_requests
from tests.integration.simulated import a_simulator

PAIR = "LTC_USDT"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """One exchange for the whole module."""
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    """The exchange, with its prices and without open orders."""
    running.price(PAIR, "64.02", "64.03")
    yield running
    running.faults.clear()
    running.set_knobs(Knobs())
    running.call(lambda core: [core.cancel_all(account) for account in core.accounts.values()])


@pytest.fixture
def client(sim: Simulator) -> gate_api.ApiClient:
    """The SDK's client."""
    return gate_api.ApiClient(gate_api.Configuration(host=sim.url, key="key", secret="secret"))


@pytest.fixture
def spot(client: gate_api.ApiClient) -> gate_api.SpotApi:
    """The SDK's spot calls."""
    return gate_api.SpotApi(client)


def an_order(**changes: Any) -> gate_api.Order:
    """A resting limit buy. Name only what the test is about."""
    usual = {"currency_pair": PAIR, "type": "limit", "side": "buy", "amount": "1", "price": "60"}
    return gate_api.Order(**(usual | changes))


def a_market_buy(spend: str = "5", **changes: Any) -> gate_api.Order:
    """A market buy of so much quote currency."""
    usual = {"currency_pair": PAIR, "type": "market", "side": "buy", "amount": spend, "time_in_force": "ioc"}
    return gate_api.Order(**(usual | changes))


def label_of(caught: pytest.ExceptionInfo[GateApiException]) -> tuple[int, str]:
    """HTTP status and label."""
    return caught.value.status, caught.value.label


def test_the_recorded_market_buy(spot: gate_api.SpotApi) -> None:
    """LTC_USDT, 5 USDT, as captured from the real exchange (ccxt PR 19098)."""
    order = spot.create_order(a_market_buy(text="t-abc"))
    shown = (order.amount, order.price, order.avg_deal_price, order.filled_total, order.fill_price, order.left)
    assert shown == ("5", "0", "64.03", "4.99434", "4.99434", "0.00566")
    assert (order.fee, order.fee_currency, order.time_in_force) == ("0.000156", "LTC", "ioc")
    assert (order.status, order.finish_as, order.text) == ("closed", "filled", "t-abc")
    assert spot.get_order(order.id, PAIR).filled_amount == "0.078"
    (trade,) = spot.list_my_trades(currency_pair=PAIR, order_id=order.id)
    assert (trade.amount, trade.price, trade.role, trade.text) == ("0.078", "64.03", "taker", "t-abc")


def test_public_calls(spot: gate_api.SpotApi, sim: Simulator) -> None:
    assert abs(spot.get_system_time().server_time - time.time() * 1000) < 5_000
    assert {one.currency for one in spot.list_currencies()} == {"BTC", "ETH", "LTC", "XRP", "USDT"}
    assert spot.get_currency("LTC").name == "Litecoin"
    pair = spot.get_currency_pair(PAIR)
    assert (pair.precision, pair.amount_precision, pair.min_quote_amount, pair.fee) == (2, 3, "3", "0.2")
    assert (pair.trade_status, pair.max_base_amount) == ("tradable", None)
    assert len(spot.list_currency_pairs()) == 4
    (ticker,) = spot.list_tickers(currency_pair=PAIR)
    assert (ticker.highest_bid, ticker.lowest_ask, ticker.last) == ("64.02", "64.03", "64.02")
    assert len(spot.list_tickers()) == 4
    book = spot.list_order_book(PAIR, limit=20, with_id=True)
    assert book.id and len(book.asks) == len(book.bids) == 20
    assert book.asks[0][0] == "64.03" and Decimal(book.asks[1][0]) > Decimal(book.asks[0][0])
    sim.price(PAIR, "65", "65.01")
    newest, *_ = spot.list_trades(PAIR)
    assert (newest.price, newest.side) == ("65", "buy")
    *_, candle = spot.list_candlesticks(PAIR, interval="1m")
    assert len(candle) == 8 and candle[2] == "65" and candle[7] == "false"
    from_s = int(time.time()) - 600
    assert spot.list_candlesticks(PAIR, interval="1m", _from=from_s, to=from_s + 900)


def test_an_order_rests_is_found_amended_and_cancelled(spot: gate_api.SpotApi) -> None:
    order = spot.create_order(an_order(text="t-rest"))
    assert (order.status, order.finish_as, order.left) == ("open", "open", "1")
    (usdt,) = spot.list_spot_accounts(currency="USDT")
    assert usdt.locked == "60"
    assert spot.get_order("t-rest", PAIR).id == order.id
    assert [one.id for one in spot.list_orders(PAIR, "open")] == [order.id]
    (of_pair,) = spot.list_all_open_orders()
    assert (of_pair.currency_pair, of_pair.total, of_pair.orders[0].id) == (PAIR, 1, order.id)
    amended = spot.amend_order(order.id, gate_api.OrderPatch(price="59"), currency_pair=PAIR)
    assert (amended.price, amended.amount) == ("59", "1")
    cancelled = spot.cancel_order(order.id, PAIR)
    assert (cancelled.status, cancelled.finish_as, cancelled.left) == ("cancelled", "cancelled", "1")
    assert order.id in [one.id for one in spot.list_orders(PAIR, "finished")]
    with pytest.raises(GateApiException) as caught:
        spot.cancel_order(order.id, PAIR)
    assert label_of(caught) == (400, "ORDER_CANCELLED")
    with pytest.raises(GateApiException) as caught:
        spot.get_order("t-rest", PAIR)
    assert label_of(caught) == (404, "CLIENT_ID_NOT_FOUND")


def test_batches(spot: gate_api.SpotApi) -> None:
    good, bad = spot.create_batch_orders(
        [
            gate_api.BatchOrder(text="t-1", currency_pair=PAIR, side="buy", amount="1", price="60"),
            gate_api.BatchOrder(text="t-2", currency_pair=PAIR, side="buy", amount="0.01", price="60"),
        ]
    )
    assert (good.succeeded, good.text, good.status) == (True, "t-1", "open")
    assert (bad.succeeded, bad.label) == (False, "INVALID_PARAM_VALUE")
    (amended,) = spot.amend_batch_orders([gate_api.BatchAmendItem(order_id=good.id, currency_pair=PAIR, amount="2")])
    assert (amended.succeeded, amended.amount) == (True, "2")
    done, lost = spot.cancel_batch_orders(
        [
            gate_api.CancelBatchOrder(currency_pair=PAIR, id=good.id),
            gate_api.CancelBatchOrder(currency_pair=PAIR, id="9"),
        ]
    )
    assert (done.succeeded, done.text, lost.succeeded, lost.label) == (True, "t-1", False, "ORDER_NOT_FOUND")
    spot.create_order(an_order())
    spot.create_order(an_order(side="sell", price="70"))
    (sold,) = spot.cancel_orders(currency_pair=PAIR, side="sell")
    assert (sold.side, sold.finish_as, sold.succeeded) == ("sell", "cancelled", True)
    assert len(spot.cancel_orders()) == 1


def test_account_calls(spot: gate_api.SpotApi, client: gate_api.ApiClient) -> None:
    spot.create_order(a_market_buy())
    fee = gate_api.WalletApi(client).get_trade_fee(currency_pair=PAIR)
    assert (fee.taker_fee, fee.maker_fee, fee.gt_discount) == ("0.002", "0.002", False)
    assert spot.get_fee(currency_pair=PAIR).currency_pair == PAIR
    assert spot.get_batch_spot_fee("BTC_USDT,LTC_USDT")[PAIR].taker_fee == "0.002"
    rows = spot.list_spot_account_book(currency="LTC", limit=2)
    assert {(row.type, row.code) for row in rows} == {("order_fee", "151"), ("order_fill", "102")}
    assert gate_api.AccountApi(client).get_account_detail().key.mode == 1


def test_the_dead_mans_switch(spot: gate_api.SpotApi) -> None:
    task = gate_api.CountdownCancelAllSpotTask(timeout=30, currency_pair=PAIR)
    due = spot.countdown_cancel_all_spot(task).trigger_time
    assert 25_000 < int(due) - time.time() * 1000 < 35_000
    spot.countdown_cancel_all_spot(gate_api.CountdownCancelAllSpotTask(timeout=0, currency_pair=PAIR))
    with pytest.raises(GateApiException) as caught:
        spot.countdown_cancel_all_spot(gate_api.CountdownCancelAllSpotTask(timeout=3))
    assert label_of(caught) == (400, "INVALID_PARAM_VALUE")


def test_trigger_orders(spot: gate_api.SpotApi, sim: Simulator) -> None:
    trigger = gate_api.SpotPriceTriggeredOrder(
        trigger=gate_api.SpotPriceTrigger(price="60", rule="<=", expiration=3600),
        put=gate_api.SpotPricePutOrder(side="sell", price="58", amount="1", account="normal", time_in_force="gtc"),
        market=PAIR,
    )
    made = spot.create_spot_price_triggered_order(trigger).id
    other = spot.create_spot_price_triggered_order(trigger).id
    assert spot.cancel_spot_price_triggered_order(str(other)).status == "cancelled"
    assert [one.id for one in spot.list_spot_price_triggered_orders("open")] == [made]
    sim.price(PAIR, "59", "59.5")
    fired = spot.get_spot_price_triggered_order(str(made))
    assert fired.status == "finish" and fired.fired_order_id != made
    assert spot.get_order(str(fired.fired_order_id), PAIR).filled_total == "59"
    assert spot.cancel_spot_price_triggered_order_list(market=PAIR) == []


@pytest.mark.parametrize(
    ("order", "status", "label"),
    [
        (an_order(text="wrong"), 400, "INVALID_PARAM_VALUE"),
        (an_order(amount="0.01"), 400, "INVALID_PARAM_VALUE"),
        (an_order(amount="1000"), 400, "BALANCE_NOT_ENOUGH"),
        (an_order(currency_pair="NOPE_USDT"), 400, "INVALID_CURRENCY_PAIR"),
        (an_order(price="70", time_in_force="poc"), 400, "POC_FILL_IMMEDIATELY"),
        (an_order(time_in_force="fok"), 400, "FOK_NOT_FILL"),
        # The SDK sends gtc unless told otherwise; market orders take only ioc and fok.
        (gate_api.Order(currency_pair=PAIR, type="market", side="buy", amount="5"), 400, "INVALID_PARAM_VALUE"),
    ],
)
def test_refusals_carry_their_label(spot: gate_api.SpotApi, order: gate_api.Order, status: int, label: str) -> None:
    with pytest.raises(GateApiException) as caught:
        spot.create_order(order)
    assert label_of(caught) == (status, label)


def test_refused_kinds_can_also_come_as_cancelled_orders(spot: gate_api.SpotApi, sim: Simulator) -> None:
    sim.set_knobs(Knobs(unfillable=Unfillable.CANCELLED_ORDER))
    assert spot.create_order(an_order(price="70", time_in_force="poc")).finish_as == "poc"


def test_an_expired_request_is_refused(spot: gate_api.SpotApi) -> None:
    now_ms = int(time.time() * 1000)
    with pytest.raises(GateApiException) as caught:
        spot.create_order(a_market_buy(), x_gate_exptime=str(now_ms - 1))
    assert label_of(caught) == (403, "REQUEST_EXPIRED")
    assert spot.create_order(a_market_buy(), x_gate_exptime=str(now_ms + 5_000)).status == "closed"


def test_an_ack_is_all_an_ack_shows(spot: gate_api.SpotApi, client: gate_api.ApiClient, sim: Simulator) -> None:
    """The SDK cannot read it, but the order is live."""
    before = len(sim.account().orders)
    with pytest.raises(ValueError, match="currency_pair"):
        spot.create_order(a_market_buy(action_mode="ACK"))
    assert len(sim.account().orders) == before + 1
    assert client.last_response.status == 201
    assert spot.create_order(a_market_buy(action_mode="RESULT")).fee is None


def test_keys_clocks_and_signatures_are_checked_in_order(sim: Simulator) -> None:
    def label(key: str, secret: str) -> tuple[int, str]:
        config = gate_api.Configuration(host=sim.url, key=key, secret=secret)
        with pytest.raises(GateApiException) as caught:
            gate_api.SpotApi(gate_api.ApiClient(config)).list_spot_accounts()
        return label_of(caught)

    assert label("", "") == (400, "MISSING_REQUIRED_HEADER")
    assert label("nobody", "secret") == (401, "INVALID_KEY")
    assert label("key", "wrong") == (401, "INVALID_SIGNATURE")
    sim.clock_offset_ms = 61_000
    try:
        assert label("nobody", "wrong") == (403, "REQUEST_EXPIRED")
    finally:
        sim.clock_offset_ms = 0


def test_a_lost_answer_leaves_an_order_and_a_lost_request_none(spot: gate_api.SpotApi, sim: Simulator) -> None:
    before = len(sim.account().orders)
    sim.faults.add(lost_answer())
    with pytest.raises(urllib3.exceptions.ProtocolError):
        spot.create_order(a_market_buy(text="t-lost"))
    assert len(sim.account().orders) == before + 1
    assert spot.list_my_trades(currency_pair=PAIR, limit=1)[0].text == "t-lost"
    sim.faults.add(lost_request())
    with pytest.raises(urllib3.exceptions.ProtocolError):
        spot.create_order(a_market_buy())
    assert len(sim.account().orders) == before + 1


def test_server_errors_tell_nothing_about_the_order(spot: gate_api.SpotApi, sim: Simulator) -> None:
    before = len(sim.account().orders)
    for fault in (gateway_page(executed=True), server_error(executed=True), server_error(503, executed=False)):
        sim.faults.add(fault)
        with pytest.raises(gate_api.ApiException):
            spot.create_order(a_market_buy())
    assert len(sim.account().orders) == before + 2
    sim.faults.add(too_many_requests())
    with pytest.raises(GateApiException) as caught:
        spot.create_order(a_market_buy())
    assert label_of(caught) == (429, "TOO_MANY_REQUESTS")


def test_orders_of_a_market_are_limited_to_ten_a_second() -> None:
    clock_us = time.time_ns() // 1000
    with a_simulator(rate_limits=True, clock_us=lambda: clock_us) as sim:
        spot = gate_api.SpotApi(gate_api.ApiClient(gate_api.Configuration(host=sim.url, key="key", secret="secret")))
        for _ in range(10):
            spot.create_order(a_market_buy())
        with pytest.raises(GateApiException) as caught:
            spot.create_order(a_market_buy())
        assert label_of(caught) == (429, "TOO_MANY_REQUESTS")
        assert caught.value.headers["X-Gate-RateLimit-Limit"] == "10"
        assert caught.value.headers["X-Gate-RateLimit-Requests-Remain"] == "0"
        spot.create_order(a_market_buy(currency_pair="BTC_USDT"))
        clock_us += 1_000_000
        spot.create_order(a_market_buy())


def test_a_person_can_trade_beside_the_engine(spot: gate_api.SpotApi, sim: Simulator) -> None:
    before = sim.account().total("LTC")
    sold = sim.trade_by_hand(PAIR, Side.SELL, "1")
    assert spot.get_order(str(sold.id), PAIR).text == "web"
    assert sim.account().total("LTC") == before - 1
    sim.withdraw("LTC", 1)
    sim.deposit("LTC", "2.5")
    assert sim.account().total("LTC") == before + Decimal("0.5")
    assert sim.call(lambda core: core.imbalance()) == {}
