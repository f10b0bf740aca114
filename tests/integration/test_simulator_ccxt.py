"""ccxt's gate, unmodified, as a second opinion on the simulator's manners."""

import time
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import Fault, gateway_page, too_many_requests
from tests.integration.simulated import a_simulator

PAIR = "LTC/USDT"


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One exchange for the whole module."""
    with a_simulator() as sim:
        yield sim


@pytest.fixture(scope="module")
def gate(sim: Simulator) -> Any:
    """ccxt pointed at it, as its documentation says."""
    gate = ccxt.gate(
        {
            "apiKey": "key",
            "secret": "secret",
            "enableRateLimit": False,
            "timeout": 5_000,
            "options": {"fetchMarkets": {"types": ["spot"]}, "defaultType": "spot"},
        }
    )
    for kind in ("public", "private"):
        gate.urls["api"][kind] = dict.fromkeys(gate.urls["api"][kind], sim.url)
    gate.load_markets()
    return gate


@pytest.fixture(autouse=True)
def calm(sim: Simulator) -> Iterator[None]:
    """Prices as ever before each test, no faults after it."""
    sim.price("LTC_USDT", "64.02", "64.03")
    yield
    sim.faults.clear()


def test_markets_are_read(gate: Any) -> None:
    market = gate.market(PAIR)
    assert (market["precision"], market["limits"]["cost"]["min"]) == (
        {"amount": 0.001, "price": 0.01} | market["precision"],
        3,
    )
    assert market["active"] and market["taker"] == 0.002


def test_prices_are_read(gate: Any) -> None:
    assert gate.fetch_ticker(PAIR)["ask"] == 64.03
    assert set(gate.fetch_tickers()) == {"BTC/USDT", "ETH/USDT", "LTC/USDT", "XRP/USDT"}
    book = gate.fetch_order_book(PAIR, 20)
    assert book["bids"][0][0] == 64.02 and len(book["asks"]) == 20 and book["nonce"]
    assert gate.fetch_trades(PAIR)[-1]["symbol"] == PAIR
    now_ms = int(time.time() * 1000)
    assert gate.fetch_ohlcv(PAIR, "1m")[-1][4] == 64.02
    assert gate.fetch_ohlcv(PAIR, "5m", since=now_ms - 600_000, limit=10)
    assert abs(gate.fetch_time() - now_ms) < 5_000
    assert gate.fetch_trading_fee(PAIR)["taker"] == 0.002


def test_an_order_lives_and_is_cancelled(gate: Any) -> None:
    order = gate.create_order(PAIR, "limit", "buy", 1, 60, {"clientOrderId": "ccxt-1"})
    assert order["status"] == "open" and order["clientOrderId"] == "t-ccxt-1"
    assert gate.fetch_balance()["USDT"]["used"] == 60
    assert gate.fetch_order(order["id"], PAIR)["remaining"] == 1
    assert gate.fetch_order(None, PAIR, {"clientOrderId": "t-ccxt-1"})["id"] == order["id"]
    assert [one["id"] for one in gate.fetch_open_orders(PAIR)] == [order["id"]]
    assert [one["id"] for one in gate.fetch_open_orders()] == [order["id"]]
    edited = gate.edit_order(order["id"], PAIR, "limit", "buy", 2, 59)
    assert (edited["amount"], edited["price"]) == (2, 59)
    assert gate.cancel_order(order["id"], PAIR)["status"] == "canceled"
    assert gate.fetch_order(order["id"], PAIR)["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        gate.fetch_order("1", PAIR)


def test_market_orders_by_cost_and_amount(gate: Any) -> None:
    bought = gate.create_market_buy_order_with_cost(PAIR, 5)
    assert (bought["info"]["filled_amount"], bought["info"]["left"], bought["status"]) == ("0.078", "0.00566", "closed")
    sold = gate.create_order(PAIR, "market", "sell", 1)
    assert (sold["filled"], sold["average"], sold["fees"][0]["currency"]) == (1, 64.02, "GT")
    newest = gate.fetch_my_trades(PAIR)[-1]
    assert (newest["order"], newest["side"], newest["takerOrMaker"]) == (sold["id"], "sell", "taker")
    assert sold["id"] in [one["id"] for one in gate.fetch_closed_orders(PAIR)]


def test_many_at_once(gate: Any) -> None:
    orders = gate.create_orders(
        [{"symbol": PAIR, "type": "limit", "side": "buy", "amount": 1, "price": price} for price in (50, 51, 52)]
    )
    ids = [one["id"] for one in orders]
    assert len(set(ids)) == 3
    assert len(gate.cancel_orders(ids[:2], PAIR)) == 2
    assert [one["id"] for one in gate.cancel_all_orders(PAIR)] == [ids[2]]


def test_trigger_orders_and_the_dead_mans_switch(gate: Any) -> None:
    stop = gate.create_order(PAIR, "limit", "sell", 1, 59, {"stopLossPrice": 60})
    assert gate.fetch_order(stop["id"], PAIR, {"trigger": True})["status"] == "open"
    gate.cancel_order(stop["id"], PAIR, {"trigger": True})
    assert "triggerTime" in gate.private_spot_post_countdown_cancel_all({"timeout": 30})
    gate.private_spot_post_countdown_cancel_all({"timeout": 0})


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ((PAIR, "limit", "buy", 1000, 60), ccxt.InsufficientFunds),
        ((PAIR, "limit", "buy", 0.01, 60), ccxt.BadRequest),
        ((PAIR, "limit", "buy", 1, 70, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
        ((PAIR, "limit", "buy", 1, 60, {"timeInForce": "FOK"}), ccxt.ExchangeError),
    ],
)
def test_refusals_become_its_own_errors(gate: Any, order: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        gate.create_order(*order)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(too_many_requests(), ccxt.RateLimitExceeded), (gateway_page(executed=False), ccxt.RequestTimeout)],
)
def test_faults_become_its_own_errors(gate: Any, sim: Simulator, fault: Fault, error: type[Exception]) -> None:
    sim.faults.add(fault)
    with pytest.raises(error):
        gate.create_order(PAIR, "limit", "buy", 1, 60)


def test_a_wrong_secret_is_an_authentication_error(gate: Any) -> None:
    gate.secret = "wrong"
    try:
        with pytest.raises(ccxt.AuthenticationError):
            gate.fetch_balance()
    finally:
        gate.secret = "secret"
