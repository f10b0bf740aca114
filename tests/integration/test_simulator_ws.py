"""The simulator's WebSocket, as real clients see it."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from autotrader_v2.domain.orders import Side
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import PushFault
from tests.integration.simulated import RawClient, a_simulator
from tests.integration.ws_client import Client

PAIR = "LTC_USDT"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """One exchange for the whole module."""
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    """The exchange, at its ordinary prices, without open orders."""
    running.price(PAIR, "64.02", "64.03")
    running.call(lambda core: [core.cancel_all(account) for account in core.accounts.values()])
    return running


@pytest.fixture
def client(sim: Simulator) -> Iterator[Client]:
    """One connection."""
    with connect(sim.ws_url, compression=None) as connection:
        yield Client(connection)


def test_ping(client: Client) -> None:
    client.say("spot.ping", "")
    pong = client.hear(lambda one: one["channel"] == "spot.pong")
    assert (pong["event"], pong["error"], pong["result"]) == ("", None, None)


def test_best_prices(client: Client, sim: Simulator) -> None:
    answer = client.subscribe("spot.book_ticker", [PAIR, "BTC_USDT"], id=7)
    assert (answer["id"], answer["result"], answer["error"]) == (7, {"status": "success"}, None)
    sim.price(PAIR, "65.01", "65.02")
    first = client.update("spot.book_ticker")
    assert (first["s"], first["b"], first["a"]) == (PAIR, "65.01", "65.02")
    assert float(first["B"]) > 0 and float(first["A"]) > 0
    own = sim.trade_by_hand(PAIR, Side.BUY, "1", price="65.015")
    sim.price(PAIR, "65", "65.10")
    assert own.price.to_eng_string() == "65.01"
    newer = client.hear(lambda one: one["channel"] == "spot.book_ticker" and one["result"]["a"] == "65.1")["result"]
    assert newer["b"] == "65.01" and newer["u"] > first["u"]
    client.say("spot.book_ticker", "unsubscribe", [PAIR])
    client.hear(lambda one: one["event"] == "unsubscribe")
    sim.price(PAIR, "66", "66.01")
    sim.price("BTC_USDT", "64001", "64002")
    assert client.update("spot.book_ticker")["s"] == "BTC_USDT"


def test_tickers_trades_and_candles(client: Client, sim: Simulator) -> None:
    client.subscribe("spot.tickers", [PAIR])
    assert client.update("spot.tickers")["currency_pair"] == PAIR
    client.subscribe("spot.trades", [PAIR])
    sim.price(PAIR, "66", "66.01")
    trade = client.update("spot.trades")
    assert (trade["price"], trade["side"], trade["currency_pair"]) == ("66", "buy", PAIR)
    assert isinstance(trade["id"], int) and trade["range"] == f"{trade['id']}-{trade['id']}"
    client.subscribe("spot.candlesticks", ["1m", PAIR])
    candle = client.update("spot.candlesticks")
    assert (candle["n"], candle["c"], candle["w"]) == (f"1m_{PAIR}", "66", False)


def test_book_snapshots(client: Client) -> None:
    client.subscribe("spot.order_book", [PAIR, "5", "100ms"])
    book = client.update("spot.order_book")
    assert (book["s"], book["l"], len(book["bids"]), len(book["asks"])) == (PAIR, "5", 5, 5)


def test_a_local_book_follows_the_differences(client: Client, sim: Simulator) -> None:
    """Subscribe, read a snapshot over REST, apply what comes, and end with the exchange's own book."""
    client.subscribe("spot.order_book_update", [PAIR, "20ms"])
    _, snapshot, _ = RawClient(sim)("GET", "/spot/order_book", query=f"currency_pair={PAIR}&limit=20&with_id=true")
    sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
    at = snapshot["id"]
    for step in range(1, 4):
        sim.price(PAIR, f"64.{step}0", f"64.{step}1")
        target = sim.call(lambda core: core.pits[PAIR].book.update_id)
        while at < target:
            change = client.update("spot.order_book_update")
            assert change["U"] <= at + 1
            for side, levels in sides.items():
                for price, size in change[side]:
                    levels.pop(price, None)
                    if size != "0":
                        levels[price] = size
            at = change["u"]
    _, snapshot, _ = RawClient(sim)("GET", "/spot/order_book", query=f"currency_pair={PAIR}&limit=20&with_id=true")
    assert snapshot["id"] == at
    assert dict(snapshot["bids"]) == sides["b"] and dict(snapshot["asks"]) == sides["a"]


def test_the_book_stream_begins_whole(client: Client, sim: Simulator) -> None:
    stream = f"ob.{PAIR}.50"
    client.subscribe("spot.obu", [stream])
    first = client.update("spot.obu")
    assert (first["full"], first["s"], len(first["b"])) == (True, stream, 50)
    sim.price(PAIR, "64.10", "64.11")
    after = client.update("spot.obu")
    assert "full" not in after and after["U"] == first["u"] + 1
    assert client.subscribe("spot.obu", [stream])["error"]["code"] == 2


@pytest.mark.parametrize(
    ("channel", "payload", "code", "words"),
    [
        ("spot.book_ticker", ["NOPE_USDT"], 2, "unknown currency pair: NOPE_USDT"),
        ("spot.book_ticker", [], 2, "empty"),
        ("spot.book_ticker", {"a": 1}, 2, "payload"),
        ("spot.nothing", [PAIR], 2, "unknown channel"),
        ("spot.candlesticks", ["1x", PAIR], 2, "invalid payload"),
        ("spot.order_book_update", [PAIR, "1ms"], 2, "invalid payload"),
        ("spot.obu", ["ob.LTC"], 2, "unknown stream"),
        ("spot.orders", [PAIR], 4, "INVALID_CREDENTIALS"),
    ],
)
def test_bad_subscriptions_fail(client: Client, channel: str, payload: Any, code: int, words: str) -> None:
    answer = client.subscribe(channel, payload)
    assert (answer["error"]["code"], answer["result"]) == (code, {"status": "fail"})
    assert words in answer["error"]["message"]


def test_private_channels_tell_of_orders_trades_and_balances(client: Client, sim: Simulator) -> None:
    for channel in ("spot.orders", "spot.usertrades"):
        assert client.subscribe_own(channel, ["!all"])["error"] is None
    assert client.subscribe_own("spot.balances")["error"] is None
    RawClient(sim)("POST", "/spot/orders", {"currency_pair": PAIR, "side": "buy", "amount": "1", "price": "60"})
    (locked,) = client.update("spot.balances")
    assert (locked["freeze_change"], locked["change_type"], locked["change"]) == ("60", "order-create", "0")
    (put,) = client.update("spot.orders")
    assert (put["event"], put["left"], put["text"]) == ("put", "1", "apiv4") and "status" not in put
    assert isinstance(put["create_time_ms"], str) and isinstance(put["user"], int)
    sim.price(PAIR, "58", "59")
    (trade,) = client.update("spot.usertrades")
    assert (trade["order_id"], trade["role"], trade["price"], trade["fee"]) == (put["id"], "maker", "60", "0.002")
    (finish,) = client.update("spot.orders")
    assert (finish["event"], finish["left"], finish["finish_as"]) == ("finish", "0", "filled")


def test_nobody_hears_of_anothers_orders(client: Client, sim: Simulator) -> None:
    client.subscribe_own("spot.orders", [PAIR], key="bob", secret="bobs")
    sim.trade_by_hand(PAIR, Side.BUY, "1", price="50")
    sim.trade_by_hand(PAIR, Side.BUY, "2", price="50", key="bob")
    (mine,) = client.update("spot.orders")
    assert mine["amount"] == "2"


def test_a_wrong_signature_is_refused(client: Client) -> None:
    error = client.subscribe_own("spot.orders", [PAIR], secret="wrong")["error"]
    assert error["code"] == 4 and json.loads(error["message"])["label"] == "INVALID_SIGNATURE"


def test_trigger_orders_are_announced(client: Client, sim: Simulator) -> None:
    client.subscribe_own("spot.priceorders", ["!all"])
    body = {
        "market": PAIR,
        "trigger": {"price": "60", "rule": "<=", "expiration": 100},
        "put": {"side": "buy", "price": "60", "amount": "1", "account": "normal"},
    }
    status, made, _ = RawClient(sim)("POST", "/spot/price_orders", body)
    assert status == 201
    sim.price(PAIR, "59", "59.5")
    told = client.update("spot.priceorders")
    assert told["id"] == str(made["id"]) and int(told["fired_order_id"]) > made["id"]


@pytest.mark.parametrize(("param_text", "more"), [("", {}), ("{}", {"req_param": {}}), ("{}", {})])
def test_login_both_ways(client: Client, param_text: str, more: dict[str, Any]) -> None:
    answer = client.login(param_text, **more)
    assert answer["header"]["status"] == "200"
    assert answer["data"]["result"]["api_key"] == "key" and answer["data"]["result"]["uid"]


def test_trading_needs_a_login(client: Client) -> None:
    answer = client.api("spot.order_place", {})
    assert answer["header"]["status"] == "400"
    assert answer["data"]["errs"]["label"] == "AUTHENTICATION_FAILED"
    assert client.login(secret="wrong")["data"]["errs"]["label"] == "INVALID_SIGNATURE"
    assert client.login(api_key="nobody")["header"]["status"] == "401"


def test_trading(client: Client, sim: Simulator) -> None:
    client.login()
    order = {"currency_pair": PAIR, "side": "buy", "amount": "1", "price": "60", "text": "t-ws"}
    client.say("spot.order_place", "api", {"req_id": "p", "req_param": order})
    ack = client.hear(lambda one: one.get("request_id") == "p")
    assert ack["ack"] is True and ack["header"]["status"] == "200"
    placed = client.hear(lambda one: one.get("request_id") == "p")
    assert "ack" not in placed
    made = placed["data"]["result"]
    assert (made["status"], made["text"]) == ("open", "t-ws")
    assert placed["header"]["x_gate_ratelimit_limit"] == 10
    named = {"order_id": made["id"], "currency_pair": PAIR}
    assert client.api("spot.order_status", named)["data"]["result"]["id"] == made["id"]
    assert client.api("spot.order_amend", named | {"price": "59"})["data"]["result"]["price"] == "59"
    (listed,) = client.api("spot.order_list", {"currency_pair": PAIR, "status": "open"})["data"]["result"]
    assert listed["id"] == made["id"]
    assert client.api("spot.order_cancel", named)["data"]["result"]["finish_as"] == "cancelled"
    two = [order | {"text": "t-1"}, order | {"text": "t-2"}]
    ids = [one["id"] for one in client.api("spot.order_place", two)["data"]["result"]]
    (gone,) = client.api("spot.order_cancel_ids", [{"id": ids[0], "currency_pair": PAIR}])["data"]["result"]
    assert gone["succeeded"] is True
    (rest,) = client.api("spot.order_cancel_cp", {"currency_pair": PAIR, "side": "buy"})["data"]["result"]
    assert rest["id"] == ids[1]
    unlabelled = client.api("spot.order_place", {name: order[name] for name in order if name != "text"})
    assert unlabelled["data"]["result"]["text"] == "apiv4-ws"


@pytest.mark.parametrize(
    ("channel", "param", "status", "label"),
    [
        ("spot.order_place", {"currency_pair": PAIR}, "400", "MISSING_REQUIRED_PARAM"),
        ("spot.order_place", "what", "400", "INVALID_REQUEST_BODY"),
        ("spot.order_cancel", {"order_id": "1", "currency_pair": "NOPE_USDT"}, "400", "INVALID_CURRENCY_PAIR"),
        ("spot.order_status", {"order_id": "1", "currency_pair": PAIR}, "404", "ORDER_NOT_FOUND"),
        ("spot.order_fly", {}, "400", "INVALID_ARGUMENT"),
    ],
)
def test_trading_calls_fail_like_rest(client: Client, channel: str, param: Any, status: str, label: str) -> None:
    client.login()
    answer = client.api(channel, param)
    assert (answer["header"]["status"], answer["data"]["errs"]["label"]) == (status, label)


def test_a_late_trading_call_is_refused(client: Client) -> None:
    client.login()
    order = {"currency_pair": PAIR, "side": "buy", "amount": "1", "price": "60"}
    answer = client.api("spot.order_place", order, req_header={"X-Gate-Exptime": "1700000000000"})
    assert answer["data"]["errs"]["label"] == "REQUEST_EXPIRED"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "1",
        "null",
        '{"channel": 5}',
        '{"channel": "spot.orders"}',
        '{"channel":"\\ud800"}',
        "[" * 9999,
    ],
)
def test_nonsense_is_answered(client: Client, text: str) -> None:
    client.socket.send(text)
    answer = json.loads(client.socket.recv(timeout=60))
    assert answer["error"]["code"] in (1, 2)
    client.say("spot.ping", "")
    client.hear(lambda one: one["channel"] == "spot.pong")


def test_clients_may_leave_and_the_rest_hears_on(client: Client, sim: Simulator) -> None:
    with connect(sim.ws_url, compression=None) as other:
        Client(other).subscribe("spot.book_ticker", [PAIR])
        client.subscribe("spot.book_ticker", [PAIR])
    sim.price(PAIR, "70", "70.01")
    assert client.update("spot.book_ticker")["b"] == "70"


def test_stopping_closes_connections() -> None:
    sim = a_simulator().start()
    with connect(sim.ws_url, compression=None) as connection:
        sim.stop()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=60)


def test_any_reader_gets_every_market() -> None:
    """Five hundred pushes of fifty markets' pace arrive in order, and the last is the newest."""
    with a_simulator() as sim, connect(sim.ws_url, compression=None) as connection:
        client = Client(connection)
        client.subscribe("spot.book_ticker", [PAIR])
        for step in range(500):
            sim.price(PAIR, f"60.{step:03d}"[:5], "70")
        newest = client.hear(lambda one: one["channel"] == "spot.book_ticker" and one["result"]["b"] == "60.49")
        assert newest["result"]["u"] == sim.call(lambda core: core.pits[PAIR].book.update_id)


def test_pushes_can_be_lost_doubled_or_late(client: Client, sim: Simulator) -> None:
    client.subscribe("spot.trades", [PAIR])
    sim.faults.add(PushFault(channel="spot.trades", copies=0))
    sim.faults.add(PushFault(channel="spot.trades", copies=2, delay_s=0.02))
    for price in ("65", "66", "67"):
        sim.price(PAIR, price, "70")
    assert [client.update("spot.trades")["price"] for _ in range(3)] == ["67", "66", "66"]
    sim.faults.clear()


def test_a_network_can_cut_every_socket(client: Client, sim: Simulator) -> None:
    client.subscribe("spot.trades", [PAIR])
    sim.drop_websockets()
    with pytest.raises(ConnectionClosed):
        client.socket.recv(timeout=60)


def test_a_reader_that_does_not_read_is_cut_off() -> None:
    with a_simulator(backlog_max=100_000) as sim, socket.socket() as line:
        # Little room on the way, so that what is not read piles up at the exchange.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        parts = urlsplit(sim.ws_url)
        line.connect((parts.hostname, parts.port))
        with connect(sim.ws_url, sock=line, compression=None, max_queue=1) as reader:
            client = Client(reader)
            client.subscribe("spot.trades", [PAIR])
            newest = 30_000
            for step in range(1, newest + 1):
                sim.price(PAIR, f"{60 + step % 2}", "65", f"{60 + step % 2}.{step % 100:02d}")
            before = sim.call(lambda core: core.pits[PAIR].tape.sequence)
            while (now := sim.call(lambda core: core.pits[PAIR].tape.sequence)) != before or now < newest:
                before = now
            with pytest.raises(ConnectionClosed):
                while True:
                    reader.recv(timeout=60)
