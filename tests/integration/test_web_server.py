"""The served page over real sockets and the real engine: connections, the guard, the push, one order per key."""

import base64
import http.client
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.browser.served import API_TOKEN, Served
from web.config import WebConfig
from web.server import CannotServe, WebServer

LIMIT_S = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One engine and page for all tests here."""
    with Served(tmp_path_factory.mktemp("web")) as one:
        yield one


def call(served: Served, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """A script's request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", served.web.port, timeout=LIMIT_S)
    sent = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json", **headers}
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    response = connection.getresponse()
    read = response.read()
    connection.close()
    return response.status, json.loads(read)


def raw(served: Served, request: bytes) -> bytes:
    """All that the server answers to these bytes until it closes or is silent."""
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=2) as wire:
        wire.sendall(request)
        answer = b""
        try:
            while part := wire.recv(65536):
                answer += part
        except TimeoutError:
            pass
        return answer


class Browser:
    """A signed-in browser without a window."""

    def __init__(self, served: Served) -> None:
        self.host = f"127.0.0.1:{served.web.port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", served.web.port, timeout=LIMIT_S)
        self._connection.request("GET", served.web.one_time_link().removeprefix(f"http://{self.host}"))
        opened = self._connection.getresponse()
        opened.read()
        self.cookie = opened.headers["Set-Cookie"].partition(";")[0]
        self._connection.request("GET", "/", headers={"Cookie": self.cookie})
        page = self._connection.getresponse().read().decode()
        self.csrf = re.search('csrf-token" content="([^"]+)', page)[1]  # type: ignore[index]
        self.socket_token = re.search('socket-token" content="([^"]+)', page)[1]  # type: ignore[index]

    def post(self, path: str, body: Any, key: str = "") -> tuple[int, Any]:
        """As the page does it."""
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, "Content-Type": "application/json"}
        headers["Origin"] = f"http://{self.host}"
        if key:
            headers["Idempotency-Key"] = key
        self._connection.request("POST", path, json.dumps(body), headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    @contextmanager
    def listen(
        self, token: str | None = None, cookie: str | None = None, origin: str | None = None
    ) -> Iterator[ClientConnection]:
        """Open the socket and ask to be connected. A session is bound to its User-Agent; here that is none."""
        with connect(
            f"ws://{self.host}/socket.io/?EIO=4&transport=websocket",
            origin=origin or f"http://{self.host}",  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie if cookie is None else cookie},
            user_agent_header=None,
            compression=None,
            open_timeout=LIMIT_S,
        ) as wire:
            assert str(wire.recv(LIMIT_S)).startswith("0")
            wire.send("40" + json.dumps({"token": self.socket_token if token is None else token}))
            yield wire


def heard(wire: ClientConnection) -> tuple[str, Any]:
    """The next event; pings are answered."""
    while True:
        told = str(wire.recv(LIMIT_S))
        if told == "2":
            wire.send("3")
        elif told.startswith("42"):
            event, data = json.loads(told[2:])
            return event, data
        elif told.startswith("44"):
            return "refused", json.loads(told[2:])


# -- connections


def test_a_connection_serves_many_requests(served: Served) -> None:
    """Kept open between answers, also after refused ones."""
    connection = http.client.HTTPConnection("127.0.0.1", served.web.port, timeout=LIMIT_S)
    connection.connect()
    wire = connection.sock
    for path, status in (
        ("/api/symbols", 401),
        ("/static/js/main.js", 200),
        ("/nowhere", 404),
        ("/api/openapi.json", 200),
    ):
        connection.request("GET", path)
        response = connection.getresponse()
        assert (response.status, response.version) == (status, 11)
        response.read()
        assert connection.sock is wire
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 70000\r\n", b"413"),
        (b"Content-Length: 99999999999999999999\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n", b"411"),
        (b"Content-Length: 2\r\nContent-Length: 5\r\n", b"400"),
        (b"Content-Length: -1\r\n", b"400"),
        (b"Content-Length: two\r\n", b"400"),
    ],
)
def test_w10_a_body_of_unknown_or_great_length_ends_the_connection(served: Served, head: bytes, status: bytes) -> None:
    """What follows on the wire could be read as another request."""
    host = f"Host: 127.0.0.1:{served.web.port}\r\n".encode()
    request = b"POST /api/autotrader/stop HTTP/1.1\r\n" + host + head + b"\r\n{}GET / HTTP/1.1\r\n\r\n"
    answer = raw(served, request)
    assert answer.split()[1] == status
    assert b"Connection: close" in answer
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "line", [b"", b"GET\r\n\r\n", b"\x00\xff\xfe\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000]
)
def test_w10_what_is_no_request_is_no_event(served: Served, line: bytes) -> None:
    """The server lives on."""
    raw(served, line + b"\r\n\r\n")
    assert call(served, "GET", "/api/symbols")[0] == 200


def test_a_port_that_is_taken_and_an_open_address_are_refused(served: Served) -> None:
    """With words for the person."""
    with pytest.raises(CannotServe, match="--port"):
        WebServer(served.engine.desk, WebConfig(port=served.web.port))
    with pytest.raises(CannotServe, match="not this machine"):
        WebServer(served.engine.desk, WebConfig(host="0.0.0.0"))


def test_w9_nothing_secret_reaches_the_logs(
    served: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the link's token nor the cookie, the socket's token or the API token."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets").setLevel(logging.WARNING)  # this test's own client
    browser = Browser(served)
    browser.post("/api/trade/quick/buy", {"base_currency": "NOPE"})
    call(served, "GET", "/api/overview")
    with browser.listen() as wire:
        heard(wire)
    out, err = capfd.readouterr()
    for secret in (browser.cookie.partition("=")[2], browser.csrf, browser.socket_token, API_TOKEN):
        assert secret not in out + err + caplog.text


# -- the guard, from outside


@pytest.mark.parametrize("upgrade", [False, True])
def test_w4_a_rebound_name_reaches_nothing(served: Served, upgrade: bool) -> None:
    """`Host: evil.test` with a matching Origin: the page, the API and Socket.IO, polling and WebSocket."""
    head = "Host: evil.test\r\nOrigin: http://evil.test\r\n"
    path = "/socket.io/?EIO=4&transport=" + ("websocket" if upgrade else "polling")
    if upgrade:
        key = base64.b64encode(b"k" * 16).decode()
        head += (
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        )
    for where in (path, "/", "/api/overview"):
        assert raw(served, f"GET {where} HTTP/1.1\r\n{head}\r\n".encode()).split()[1] == b"403"


def test_w3_a_foreign_page_cannot_open_the_socket(served: Served) -> None:
    """The right Host with a foreign Origin, and `null`."""
    browser = Browser(served)
    for origin in ("http://evil.test", "null", f"http://localhost.evil.test:{served.web.port}"):
        with pytest.raises(InvalidStatus) as refused:
            browser.listen(origin=origin).__enter__()
        assert refused.value.response.status_code == 403


def test_w3_the_socket_needs_session_and_token(served: Served) -> None:
    """Either alone is refused; the token belongs to its session."""
    browser, other = Browser(served), Browser(served)
    for token in ("", "guess", other.socket_token):
        with browser.listen(token=token) as wire:
            assert heard(wire)[0] == "refused"
    for cookie in ("", "mtrade=x", browser.cookie + "x"):
        with pytest.raises(InvalidStatus) as refused:
            browser.listen(cookie=cookie).__enter__()
        assert refused.value.response.status_code == 401
    with browser.listen() as wire:
        assert heard(wire)[0] == "snapshot"


def test_w10_a_stranger_cannot_make_the_socket_work(served: Served) -> None:
    """Long polling without a session makes no connection that the server would have to keep."""
    before = threading.active_count()
    for _ in range(30):
        asked = f"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1:{served.web.port}\r\n"
        assert raw(served, f"{asked}Connection: close\r\n\r\n".encode()).split()[1] == b"401"
    assert threading.active_count() < before + 20


# -- the push


def test_a_page_hears_prices_within_a_moment(served: Served) -> None:
    """A snapshot with every coin, then changes that follow one another without a gap."""
    browser = Browser(served)
    with browser.listen() as wire:
        event, told = heard(wire)
        assert event == "snapshot"
        assert {coin["currency"] for coin in told["coins"]} == {"BTC", "ETH", "SOL"}
        assert told["head"]["mode"] == "sandbox"
        served.price("SOL", "151.5")
        version = told["version"]
        for _ in range(50):
            event, told = heard(wire)
            assert (event, told["base"]) == ("changes", version)
            version = told["version"]
            if any(one["currency"] == "SOL" and one.get("bid") == "151.5" for one in told["changes"]):
                return
        pytest.fail("the price never came")


def test_a_page_that_signs_out_hears_no_more(served: Served) -> None:
    """Its socket is cut, though it was good when it connected."""
    browser = Browser(served)
    with browser.listen() as wire:
        assert heard(wire)[0] == "snapshot"
        assert browser.post("/sign-out", {})[0] == 200
        ended = False
        for _ in range(30):
            told = str(wire.recv(LIMIT_S))
            if told.startswith("41"):
                ended = True
                break
        assert ended


# -- money


def test_p15_one_key_is_one_order_however_often_and_fast_it_is_sent(served: Served) -> None:
    """Ten presses at once; the exchange's own books show one buy, and every press got its answer."""
    answers: list[tuple[int, Any]] = []
    wish = {"base_currency": "ETH", "quote_amount": "50"}

    def press() -> None:
        answers.append(call(served, "POST", "/api/trade/quick/buy", wish, **{"Idempotency-Key": "ten-presses"}))

    threads = [threading.Thread(target=press) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert len(answers) == 10
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert answers[0][1]["outcome"] == "filled"
    slot = served.engine.slot("ETH")
    assert len(served.paper.own_trades(slot.market, 0)) == 1


def test_a_cycle_over_the_api(served: Served) -> None:
    """On, bought, sold at take-profit; statistics, table, trades and history agree."""
    engine = served.engine
    assert call(served, "POST", "/api/autotrader/toggle", {"base_currency": "BTC_USDT", "enabled": True})[0] == 200
    engine.until("the start buy", lambda: engine.state("BTC") == "ACTIVE")
    assert call(served, "POST", "/api/autotrader/switch", {"base_currency": "BTC", "mode": "finish"})[0] == 200
    table = call(served, "GET", "/api/breakeven/table?base_currency=BTC")[1]
    assert [row["active"] for row in table["rows"]] == [True] + [False] * 8
    preview = call(served, "POST", "/api/breakeven/preview", {"base_currency": "BTC", "steps": 2})[1]
    assert len(preview["rows"]) == 3
    assert len(call(served, "GET", "/api/breakeven/table?base_currency=BTC")[1]["rows"]) == 9
    served.price("BTC", "61000")
    engine.until("the sale", lambda: engine.state("BTC") == "IDLE")
    stats = call(served, "GET", "/api/autotrader/stats?currency=BTC")[1]["cycles"]["BTC"]
    assert (stats["completed_cycles"], stats["switch"]) == (1, "off")
    trades = call(served, "GET", "/api/trades?symbol=BTC/USDT")[1]["trades"]
    assert [trade["side"] for trade in trades] == ["sell", "buy"]
    (cycle,) = call(served, "GET", "/api/cycles?base_currency=BTC")[1]["cycles"]
    assert cycle["closed_by"] == "take_profit"
    assert cycle["realised"].startswith(stats["realised_profit_quote"])  # statistics tell 12 digits


_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.sampled_from(
        [
            "BTC",
            "SOL",
            "NOPE",
            "btc_usdt",
            "1",
            "0",
            "12.5",
            "1e9",
            "-1",
            "on",
            "finish",
            "pause",
            "custom",
            "",
            "/",
            "0" * 30,
            "9" * 24,
        ]
    )
)
_NAMES = st.sampled_from(
    [
        "base_currency",
        "mode",
        "enabled",
        "price",
        "from_trades",
        "then",
        "quote_amount",
        "steps",
        "start_quote",
        "sizes",
        "size_mode",
        "drop_step_pct",
        "size_multiplier",
        "start_limit",
        "reserve",
        "start_balance_pct",
        "profit_pct",
    ]
)
_PATHS = st.sampled_from(
    [
        "autotrader/toggle",
        "autotrader/switch",
        "autotrader/adopt",
        "autotrader/reset_cycle",
        "autotrader/ignore_coins",
        "trade/params",
        "breakeven/preview",
    ]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=_PATHS, body=st.dictionaries(_NAMES, _VALUES | st.lists(_VALUES, max_size=4), max_size=4))
def test_no_wish_breaks_the_real_engine(wishes: Any, path: str, body: dict[str, Any]) -> None:
    """With the engine behind it: done, or refused with a 4xx and a reason."""
    status, answer = wishes(f"/api/{path}", body)
    assert status == 200 or 400 <= status < 500, (status, answer, body)


@pytest.fixture(scope="module")
def wishes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An engine of its own for wishes at random."""
    with Served(Path(tmp_path_factory.mktemp("fuzz"))) as one:
        yield lambda path, body: call(one, "POST", path, body)
