"""REST calls the official clients do not make, and the limits of those they do."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.accounts import FeeSettings
from autotrader_v2.simulator import Simulator
from tests.integration.simulated import RawClient, a_simulator

PAIR = "LTC_USDT"
ORDER = {"currency_pair": PAIR, "side": "buy", "amount": "1", "price": "60", "text": "t-1"}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One exchange for the whole module."""
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def call(sim: Simulator) -> Iterator[RawClient]:
    """Signed calls; no order is left open."""
    call = RawClient(sim)
    yield call
    call("DELETE", "/spot/orders")


@pytest.mark.parametrize(
    ("path", "items", "label"),
    [
        ("/spot/batch_orders", [ORDER] * 11, "TOO_MANY_ORDERS"),
        ("/spot/batch_orders", [ORDER | {"currency_pair": f"C{n}_USDT"} for n in range(5)], "TOO_MANY_CURRENCY_PAIRS"),
        ("/spot/batch_orders", [ORDER, ORDER | {"account": "margin"}], "MIXED_ACCOUNT_TYPE"),
        ("/spot/batch_orders", [{**ORDER, "text": None}], "MISSING_REQUIRED_PARAM"),
        ("/spot/cancel_batch_orders", [{"currency_pair": PAIR, "id": "1"}] * 21, "TOO_MANY_ORDERS"),
        ("/spot/amend_batch_orders", [{"currency_pair": PAIR, "order_id": "1", "amount": 1}] * 6, "TOO_MANY_ORDERS"),
    ],
)
def test_batches_have_limits(call: RawClient, path: str, items: list[dict[str, Any]], label: str) -> None:
    status, body, _ = call("POST", path, items)
    assert (status, body["label"]) == (400, label)


@pytest.mark.parametrize(
    ("path", "query", "label"),
    [
        ("/spot/orders", "status=open", "MISSING_REQUIRED_PARAM"),
        ("/spot/orders", f"status=open&currency_pair={PAIR}&limit=101", "INVALID_PARAM_VALUE"),
        ("/spot/orders", f"status=all&currency_pair={PAIR}", "INVALID_PARAM_VALUE"),
        ("/spot/orders", f"status=finished&currency_pair={PAIR}&limit=1000&page=102", "INVALID_PARAM_VALUE"),
        ("/spot/orders", "status=finished&from=20&to=10", "INVALID_PARAM_VALUE"),
        ("/spot/my_trades", "order_id=1", "MISSING_REQUIRED_PARAM"),
        ("/spot/my_trades", "from={forty_days_ago}", "INVALID_PARAM_VALUE"),
        ("/spot/batch_fee", "currency_pairs=" + ",".join([PAIR] * 51), "TOO_MANY_CURRENCY_PAIRS"),
        ("/spot/candlesticks", f"currency_pair={PAIR}&limit=5&from=1", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", f"currency_pair={PAIR}&interval=3m", "INVALID_PARAM_VALUE"),
        ("/spot/candlesticks", f"currency_pair={PAIR}&interval=1m&from=1&to=61", "INVALID_PARAM_VALUE"),
        (
            "/spot/candlesticks",
            f"currency_pair={PAIR}&interval=1s&from={{more_than_an_hour_ago}}",
            "INVALID_PARAM_VALUE",
        ),
        ("/spot/order_book", f"currency_pair={PAIR}&limit=1001", "INVALID_PARAM_VALUE"),
    ],
)
def test_queries_have_limits(call: RawClient, path: str, query: str, label: str) -> None:
    now_s = int(time.time())
    # Filled in here: a test's name must be the same in every process that collects it.
    query = query.format(forty_days_ago=now_s - 40 * 86_400, more_than_an_hour_ago=now_s - 5_000)
    status, body, _ = call("GET", path, query=query)
    assert (status, body["label"]) == (400, label)


def test_lists_have_pages_and_filters(call: RawClient) -> None:
    for price in ("50", "51", "52"):
        call("POST", "/spot/orders", ORDER | {"price": price})
    call("POST", "/spot/orders", ORDER | {"side": "sell", "price": "70"})
    _, page, _ = call("GET", "/spot/orders", query=f"currency_pair={PAIR}&status=open&limit=1&page=2&side=buy")
    assert [one["price"] for one in page] == ["51"]
    now_s = int(time.time())
    call("DELETE", "/spot/orders", query=f"currency_pair={PAIR}&side=buy&action_mode=ACK")
    _, ended, _ = call("GET", "/spot/orders", query=f"status=finished&from={now_s - 5}&to={now_s + 5}&side=buy")
    assert {one["price"] for one in ended} == {"50", "51", "52"}
    _, none, _ = call("GET", "/spot/orders", query=f"status=finished&from={now_s + 100}")
    assert none == []
    _, trades, _ = call("GET", "/spot/trades", query=f"currency_pair={PAIR}&limit=1&from={now_s - 60}&to={now_s + 5}")
    assert len(trades) == 1


def test_numbers_may_come_as_numbers(call: RawClient) -> None:
    status, order, _ = call(
        "POST", "/spot/orders", b'{"currency_pair":"LTC_USDT","side":"buy","amount":0.1,"price":60.10}'
    )
    assert (status, order["amount"], order["price"]) == (201, "0.1", "60.1")


def test_parameters_of_a_patch_may_come_in_query_or_body(call: RawClient) -> None:
    _, made, _ = call("POST", "/spot/orders", ORDER)
    path = f"/spot/orders/{made['id']}"
    assert call("PATCH", path, {"price": "59"}, query=f"currency_pair={PAIR}&price=58")[1]["price"] == "59"
    assert call("PATCH", path, query=f"currency_pair={PAIR}&amount=2&amend_text=t-a")[1]["amend_text"] == "t-a"
    status, body, _ = call("PATCH", path, {"currency_pair": PAIR})
    assert (status, body["label"]) == (400, "MISSING_REQUIRED_PARAM")


def test_tickers_are_remembered_only_while_they_are_true(call: RawClient, sim: Simulator) -> None:
    def last() -> str:
        _, tickers, _ = call("GET", "/spot/tickers")
        return next(one["last"] for one in tickers if one["currency_pair"] == PAIR)

    sim.price(PAIR, "64.02", "64.03")
    assert (last(), last()) == ("64.02", "64.02")
    sim.price(PAIR, "64.05", "64.06")
    assert last() == "64.05"


def test_fees_follow_the_account(call: RawClient, sim: Simulator) -> None:
    sim.set_fees(FeeSettings(pays_gt=True))
    _, fee, _ = call("GET", "/wallet/fee")
    assert (fee["gt_discount"], fee["gt_taker_fee"], fee["debit_fee"]) == (True, "0.0018", 1)
    sim.deposit("GT", 1)
    order = sim.trade_by_hand(PAIR, Side.BUY, 10)
    _, shown, _ = call("GET", f"/spot/orders/{order.id}", query=f"currency_pair={PAIR}")
    assert shown["fee"] == "0" and float(shown["gt_fee"]) > 0
    sim.set_fees(FeeSettings())


def test_the_books_stay_readable_after_the_end() -> None:
    with a_simulator() as sim:
        sim.trade_by_hand(PAIR, Side.BUY, 10)
    assert len(sim.account().trades) == 1
    sim.stop()
