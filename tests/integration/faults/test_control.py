"""The control routes: only with the token, only from this machine, and they do what they say."""

import http.client
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.simulator import Simulator
from tests.integration.faults.box import MARKET_BUY, PAIR
from tests.integration.simulated import RawClient, a_simulator

TOKEN = "a-made-up-control-token"


class Controls:
    """Calls control routes."""

    def __init__(self, sim: Simulator, token: str = TOKEN) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", urlsplit(sim.url).port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        text = None if body is None else body if isinstance(body, str) else json.dumps(body)
        self.connection.request(method, f"/sim/{path}", text, self.headers | headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with a_simulator(control_token=TOKEN) as sim:
        yield sim


@pytest.fixture
def control(sim: Simulator) -> Controls:
    return Controls(sim)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "é" * 20])
def test_without_the_token_nothing_is_told_or_done(sim: Simulator, token: str) -> None:
    control = Controls(sim, "")
    # As latin-1, the way any bytes reach a server.
    control.headers = {"Authorization": f"Bearer {token}"} if token else {}
    for method, path, body in (("GET", "account", None), ("POST", "account", {"act": "deposit"}), ("GET", "x", None)):
        assert control(method, path, body)[0] == 401


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer"])
def test_an_empty_token_opens_nothing(given: str) -> None:
    with a_simulator() as sim:
        control = Controls(sim, "")
        control.headers = {"Authorization": given}
        assert control("GET", "account")[0] == 404


def test_a_web_page_or_another_host_name_is_refused(control: Controls) -> None:
    assert control("GET", "account", Origin="http://127.0.0.1")[0] == 403
    assert control("GET", "account", Host="attacker.example:80")[0] == 403
    assert control("GET", "account", Host="localhost:1")[0] == 200


def test_faults_are_listed_added_replaced_counted_and_removed(sim: Simulator, control: Controls) -> None:
    call = RawClient(sim)
    assert control("GET", "faults") == (200, {"seed": 7, "rules": [], "counts": {}})
    status, told = control("POST", "faults", {"kind": "error", "status": 503, "times": 2})
    assert status == 200
    assert told["rules"] == [{"id": 1, "seen": 0, "struck": 0, "kind": "error", "status": 503, "times": 2}]
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 503
    told = control("GET", "faults")[1]
    assert (told["rules"][0]["struck"], told["counts"]) == (1, {"error": 1})
    assert control("DELETE", "faults?id=9")[0] == 404
    assert control("DELETE", "faults?id=1")[1]["rules"] == []
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 201
    new = {"seed": 9, "profile": "hostile", "rules": [{"kind": "twice"}], "knobs": {"visible_after_ms": 5}}
    told = control("PUT", "faults", new)[1]
    assert (told["seed"], told["rules"][0]["kind"], told["counts"]) == (9, "twice", {})
    assert len(told["rules"]) > 30
    assert control("GET", "knobs")[1]["knobs"]["visible_after_ms"] == "5"
    assert control("DELETE", "faults")[1]["rules"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("POST", "faults", {"kind": "nonsense"}, "rules[0].kind 'nonsense' is unknown"),
        ("POST", "faults", [{"kind": "late"}, {"kind": "late", "seconds": "5"}], "rules[1].seconds must be a number"),
        ("POST", "faults", "{", "the body is no JSON"),
        ("PUT", "faults", {"rules": {}, "more": 1}, "more is unknown here"),
        ("POST", "account", {"act": "deposit", "currency": "USDT", "amount": "x"}, "account.amount must be a number"),
        ("POST", "account", {"act": "withdraw", "currency": "USDT", "amount": "99999999"}, "Not enough balance"),
        ("POST", "account", {}, "account.act is missing"),
        ("POST", "account", {"act": "clock"}, "account.act must be one of"),
        ("POST", "account", {"act": "trade", "pair": "NO_USDT", "side": "buy", "amount": "1"}, "NO_USDT"),
        ("POST", "price", {"act": "price", "pair": PAIR, "bid": "2", "ask": "1"}, "price.bid is above the ask"),
        ("POST", "knobs", {"visible_after": 1}, "knobs.visible_after is unknown"),
        ("POST", "account", {"act": "key", "key": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    control: Controls, method: str, path: str, body: Any, reason: str
) -> None:
    status, told = control(method, path, body)
    assert status == 400
    assert reason in told["error"]


def test_money_clock_prices_and_markets_move(sim: Simulator, control: Controls) -> None:
    told = control("POST", "account", {"act": "deposit", "currency": "USDT", "amount": "5"})[1]
    assert told["accounts"]["key"]["USDT"] == {"available": "10005", "locked": "0"}
    told = control("POST", "account", {"act": "trade", "pair": PAIR, "side": "sell", "amount": "1"})[1]
    assert told["order_id"] == str(sim.account().orders[0].id)
    assert control("PUT", "clock", {"offset_ms": -500})[1]["offset_ms"] == -500
    assert sim.clock_offset_ms == -500
    told = control("POST", "price", {"act": "price", "pair": PAIR, "bid": "70", "ask": "70.5"})[1]
    assert told["prices"][PAIR] == {"bid": "70", "ask": "70.5"}
    told = control("POST", "market", {"act": "status", "pair": PAIR, "status": "untradable"})[1]
    assert told["markets"][PAIR] == "untradable"
    assert control("GET", "faults")[1]["counts"] == {"clock": 1, "deposit": 1, "price": 1, "status": 1, "trade": 1}
    assert control("DELETE", "account")[0] == 405
    assert control("GET", "nowhere")[0] == 404


def test_the_control_routes_are_never_struck_themselves(sim: Simulator, control: Controls) -> None:
    control("POST", "faults", {"kind": "maintenance"})
    assert RawClient(sim)("GET", "/spot/time")[0] == 503
    assert control("GET", "faults")[0] == 200


def test_the_books_are_shown_whole_page_by_page_whatever_the_owner_is_shown(sim: Simulator, control: Controls) -> None:
    for _ in range(3):
        sim.trade_by_hand(PAIR, Side.SELL, 1, text="t-mine")
    sim.trade_by_hand(PAIR, Side.BUY, 1, price=10)
    control("POST", "knobs", {"visible_after_ms": 60_000})
    control("POST", "faults", {"kind": "maintenance"})
    account = sim.account()
    for name, own in (("orders", account.orders), ("trades", account.trades)):
        first = control("GET", f"{name}?limit=2")[1]
        assert first["more"] is True
        rest = control("GET", f"{name}?limit=2&after={first[name][-1]['id']}")[1]
        assert rest["more"] is False
        assert [row["id"] for row in first[name] + rest[name]] == [str(one.id) for one in own]
        assert control("GET", f"{name}?after={own[-1].id}") == (200, {name: [], "more": False})
        assert control("GET", f"{name}?key=bob") == (200, {name: [], "more": False})
    told = control("GET", "orders")[1]["orders"]
    assert [(row["status"], row["text"]) for row in told] == [("closed", "t-mine")] * 3 + [("open", "web")]
    told = control("GET", "trades")[1]["trades"][0]
    assert (Decimal(told["amount"]), Decimal(told["price"])) == (account.trades[0].amount, account.trades[0].price)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "trades?limit=0", 400),
        ("GET", "trades?limit=1001", 400),
        ("GET", "orders?after=-1", 400),
        ("GET", "orders?after=x", 400),
        ("GET", "orders?key=nobody", 404),
        ("POST", "orders", 405),
        ("DELETE", "trades", 405),
    ],
)
def test_books_that_cannot_be_shown_are_refused(control: Controls, method: str, path: str, status: int) -> None:
    assert control(method, path, {} if method == "POST" else None)[0] == status


def test_several_prices_are_told_at_once_with_what_is_on_offer_there(sim: Simulator, control: Controls) -> None:
    other = "BTC_USDT"
    prices = [
        {"act": "price", "pair": PAIR, "bid": "70", "ask": "70.5", "bid_size": "5", "ask_size": "7"},
        {"act": "price", "pair": other, "bid": "60000", "ask": "60001"},
    ]
    status, told = control("POST", "price", prices)
    assert (status, told["done"]) == (200, [{"done": "price"}] * 2)
    assert told["prices"][PAIR] == {"bid": "70", "ask": "70.5"}
    assert told["prices"][other] == {"bid": "60000", "ask": "60001"}
    book = RawClient(sim)("GET", "/spot/order_book", query=f"currency_pair={PAIR}&limit=1")[1]
    assert (book["bids"], book["asks"]) == ([["70", "5"]], [["70.5", "7"]])


def test_a_list_with_an_act_nobody_can_mean_does_nothing(sim: Simulator, control: Controls) -> None:
    deposit = {"act": "deposit", "currency": "USDT", "amount": "5"}
    status, told = control("POST", "account", [deposit, {"act": "deposit", "currency": "USDT", "amount": "x"}])
    assert (status, sim.account().total("USDT")) == (400, Decimal(10_000))
    assert "account[1].amount must be a number" in told["error"]
    status, told = control("POST", "account", [deposit] * 1001)
    assert (status, told["error"]) == (400, "account: at most 1000 acts at once, not 1001")
    # What can be read but not done ends the list where it is.
    status, told = control("POST", "account", [deposit, deposit | {"act": "withdraw", "amount": "99999999"}, deposit])
    assert (status, sim.account().total("USDT")) == (400, Decimal(10_005))
    assert told["error"].startswith("account[1]: ")


def test_rate_limits_are_switched_off_and_on() -> None:
    now_us = time.time_ns() // 1000
    # The clock stands still, so that no window ends.
    with a_simulator(control_token=TOKEN, rate_limits=True, clock_us=lambda: now_us) as sim:
        control, call = Controls(sim), RawClient(sim)

        def statuses() -> set[int]:
            return {call("POST", "/spot/orders", MARKET_BUY)[0] for _ in range(12)}

        assert statuses() == {201, 429}
        assert control("POST", "account", {"act": "rate_limits", "enabled": False})[0] == 200
        assert statuses() == {201}
        assert control("POST", "account", {"act": "rate_limits", "enabled": True})[0] == 200
        assert statuses() == {429}
