"""The control routes: only with the token, only from this machine, and they do what they say."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

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
