"""Whatever comes in, the answer is a 4xx in Gate's shape and the exchange goes on serving."""

import json
import socket
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotrader_v2.simulator import Simulator
from tests.integration.simulated import RawClient, a_simulator

PAIR = "LTC_USDT"
GOOD_ORDER = {"currency_pair": PAIR, "side": "buy", "amount": "0.1", "price": "60", "text": "t-x"}
BOUNDED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One exchange for the whole module, impatient with half requests."""
    with a_simulator(patience_s=0.2) as sim:
        yield sim


@pytest.fixture(scope="module")
def call(sim: Simulator) -> RawClient:
    """Signed calls on one kept connection."""
    return RawClient(sim)


def check(status: int, body: Any) -> None:
    """Gate-shaped refusal, or no refusal at all."""
    assert status in (200, 201) or 400 <= status < 500, (status, body)
    if status >= 400:
        assert set(body) == {"label", "message"} and body["label"].isupper()


def still_serves(call: RawClient) -> None:
    """An ordinary order is still possible, and the books still add up."""
    status, body, _ = call("GET", "/spot/accounts")
    assert status == 200 and body


def raw(sim: Simulator, data: bytes) -> bytes:
    """Send bytes as they are, read until the exchange closes."""
    parts = urlsplit(sim.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR) if not data else None
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /api/v4/spot/time HTTP/2.0\r\n\r\n",
        b"GET /api/v4/spot/time HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET spot/time HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST /api/v4/spot/orders HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /api/v4/spot/orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v4/spot/orders HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /api/v4/spot/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/v4/spot/orders HTTP/1.1\r\nContent-Length: 10\r\n\r\n{",
        b"GET /api/v4/spot/time HTTP/1.1\r\nX: " + b"x" * 20_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /api/v4/spo",
        b"GET /ws/v4/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_bad_http_is_refused_and_closed(sim: Simulator, call: RawClient, data: bytes) -> None:
    status = int(raw(sim, data).split(b" ")[1])
    assert 400 <= status < 500
    still_serves(call)


def test_requests_may_come_in_pieces_or_all_at_once(sim: Simulator) -> None:
    request = b"GET /api/v4/spot/time HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /api/v4/spot/time HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert raw(sim, request * 3 + last).count(b"200 OK") == 4
    parts = urlsplit(sim.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as line:
        for byte in last:
            line.sendall(bytes([byte]))
        assert b"server_time" in line.recv(65_536)


@pytest.mark.parametrize(
    ("method", "path", "status", "label"),
    [
        ("GET", "/spot/nothing", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/spot/orders/1/2", 404, "NOT_FOUND"),
        ("PUT", "/spot/orders", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/spot/time", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/spot/currency_pairs/NOPE", 400, "INVALID_CURRENCY_PAIR"),
        ("GET", "/spot/currencies/NOPE", 400, "INVALID_CURRENCY"),
        ("GET", "/spot/price_orders/x", 400, "INVALID_PARAM_VALUE"),
        ("GET", "/spot/price_orders/1", 404, "ORDER_NOT_FOUND"),
    ],
)
def test_unknown_things(call: RawClient, method: str, path: str, status: int, label: str) -> None:
    got, body, headers = call(method, path)
    assert (got, body["label"]) == (status, label)
    assert headers["X-In-Time"] and headers["X-Out-Time"] and headers["X-Gate-Trace-Id"]


@pytest.mark.parametrize("missing", ["KEY", "SIGN", "Timestamp"])
def test_missing_headers_are_named(call: RawClient, missing: str) -> None:
    status, body, _ = call("GET", "/spot/accounts", headers={missing: ""})
    assert (status, body) == (
        400,
        {"label": "MISSING_REQUIRED_HEADER", "message": f"Missing required header: {missing}"},
    )


@pytest.mark.parametrize("timestamp", ["nan", "inf", "x", "1e999", "0", "-1"])
def test_odd_timestamps_are_expired(call: RawClient, timestamp: str) -> None:
    status, body, _ = call("GET", "/spot/accounts", headers={"Timestamp": timestamp})
    assert (status, body["label"]) == (403, "REQUEST_EXPIRED")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"NaN",
        b"\xff",
        b'{"amount": NaN}',
        b'{"amount": 1e999999999}',
        b"[" * 5000,
        b"9" * 5000,
    ],
)
def test_bodies_that_are_no_order(call: RawClient, body: bytes) -> None:
    for path in ("/spot/orders", "/spot/batch_orders", "/spot/countdown_cancel_all", "/spot/price_orders"):
        status, answer, _ = call("POST", path, body)
        if body != b"[]":
            assert 400 <= status < 500
        check(status, answer)


@pytest.mark.parametrize("name", ["currency_pair", "side", "amount", "text", "account", "iceberg", "action_mode"])
@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "9" * 4000, "-1E+400"])
def test_numbers_too_large_to_write_out(call: RawClient, name: str, number: str) -> None:
    rest = {key: value for key, value in GOOD_ORDER.items() if key != name}
    body = json.dumps(rest)[:-1] + f', "{name}": {number}}}'
    status, answer, _ = call("POST", "/spot/orders", body.encode())
    assert 400 <= status < 500
    check(status, answer)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from([PAIR, "buy", "sell", "market", "limit", "ioc", "5", "1", "60", "1e400", "NaN", "-0", "٣", "spot"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
ORDER_FIELDS = (
    "currency_pair",
    "side",
    "amount",
    "price",
    "type",
    "time_in_force",
    "text",
    "account",
    "iceberg",
    "slippage",
    "stp_act",
    "action_mode",
    "id",
    "order_id",
)
orders = st.dictionaries(st.sampled_from(ORDER_FIELDS), scalars, max_size=4).map(lambda odd: GOOD_ORDER | odd)


@BOUNDED
@given(order=orders)
def test_odd_orders_never_break_it(call: RawClient, order: dict[str, Any]) -> None:
    for path, body in (
        ("/spot/orders", order),
        ("/spot/batch_orders", [order]),
        ("/spot/amend_batch_orders", [order]),
        ("/spot/cancel_batch_orders", [order]),
    ):
        status, answer, _ = call("POST", path, body)
        check(status, answer)
    status, answer, _ = call("PATCH", "/spot/orders/1", order)
    check(status, answer)


@BOUNDED
@given(trigger=scalars, put=scalars, fields=st.dictionaries(st.sampled_from(["price", "rule", "expiration"]), scalars))
def test_odd_trigger_orders_never_break_it(call: RawClient, trigger: Any, put: Any, fields: dict[str, Any]) -> None:
    good = {"price": "50", "rule": "<=", "expiration": 100}
    for body in (
        {"market": PAIR, "trigger": trigger, "put": put},
        {"market": PAIR, "trigger": good | fields, "put": {"side": "buy", "price": "50", "amount": "1"}},
        {"market": put, "trigger": good, "put": {"side": "buy", "price": trigger, "amount": "1"}},
    ):
        status, answer, _ = call("POST", "/spot/price_orders", body)
        check(status, answer)


QUERY_NAMES = (
    "currency_pair",
    "limit",
    "page",
    "from",
    "to",
    "interval",
    "status",
    "side",
    "order_id",
    "with_id",
    "code",
)
GETS = (
    "/spot/accounts",
    "/spot/account_book",
    "/spot/orders",
    "/spot/open_orders",
    "/spot/my_trades",
    "/spot/order_book",
    "/spot/trades",
    "/spot/candlesticks",
    "/spot/tickers",
    "/spot/price_orders",
    "/spot/batch_fee",
    "/wallet/fee",
)
queries = st.dictionaries(
    st.sampled_from(QUERY_NAMES),
    st.one_of(st.sampled_from([PAIR, "1m", "open", "0", "1", "-1", "9" * 30]), st.text(max_size=8)),
)


@BOUNDED
@given(path=st.sampled_from(GETS), values=queries)
def test_odd_queries_never_break_it(call: RawClient, path: str, values: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in values.items())
    status, answer, _ = call("GET", path, query=query)
    check(status, answer)


@BOUNDED
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]),
    tail=st.text(string.ascii_lowercase + "/_%.-", max_size=20),
    body=st.binary(max_size=50),
)
def test_odd_paths_never_break_it(sim: Simulator, method: str, tail: str, body: bytes) -> None:
    head = f"{method} /api/v4/{tail} HTTP/1.1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    answer = raw(sim, head.encode() + body)
    status = int(answer.split(b" ")[1])
    assert status == 200 or 400 <= status < 500
    check(status, json.loads(answer.split(b"\r\n\r\n", 1)[1]))


@BOUNDED
@given(data=st.binary(min_size=1, max_size=80))
def test_odd_bytes_never_break_it(sim: Simulator, data: bytes) -> None:
    answer = raw(sim, data + b"\r\n\r\n")
    assert 400 <= int(answer.split(b" ")[1]) < 500


def test_after_all_that_it_still_serves_and_its_books_add_up(sim: Simulator, call: RawClient) -> None:
    still_serves(call)
    status, order, _ = call("POST", "/spot/orders", GOOD_ORDER)
    assert status == 201 and order["status"] == "open"
    assert sim.call(lambda core: core.imbalance()) == {}
