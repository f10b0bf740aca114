"""Every fault of a REST call is really injected: seen raw, as bytes and JSON, before any client is tried on it."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults.edits import BAD_NUMBERS
from autotrader_v2.simulator.faults.kinds import CALLS
from tests.integration.faults.box import MARKET_BUY, PAIR, inject, listening
from tests.integration.simulated import RawClient, a_simulator

ABOUT_LTC = f"currency_pair={PAIR}"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def call(sim: Simulator) -> RawClient:
    return RawClient(sim)


def orders(sim: Simulator) -> int:
    """How many orders the exchange carried out."""
    return len(sim.account().orders)


def test_o1_a_lost_request_is_not_carried_out(sim: Simulator, call: RawClient) -> None:
    inject(sim, "lost_request")
    with pytest.raises((http.client.HTTPException, OSError)):
        call("POST", "/spot/orders", MARKET_BUY)
    assert orders(sim) == 0
    assert sim.faults.counts == {"lost_request": 1}


def test_o2_a_lost_answer_is_carried_out(sim: Simulator, call: RawClient) -> None:
    inject(sim, "lost_answer")
    with pytest.raises((http.client.HTTPException, OSError)):
        call("POST", "/spot/orders", MARKET_BUY)
    assert orders(sim) == 1


@pytest.mark.parametrize("executed", [True, False])
def test_o2_a_call_can_hang(sim: Simulator, executed: bool) -> None:
    inject(sim, "hang", executed=executed)
    with pytest.raises(TimeoutError):
        RawClient(sim, timeout_s=0.1)("POST", "/spot/orders", MARKET_BUY)
    assert orders(sim) == executed


def test_o4_a_late_call_arrives_after_its_expiry_and_is_refused(sim: Simulator, call: RawClient) -> None:
    inject(sim, "late", seconds=0.05)
    expires = {"x-gate-exptime": str(int(time.time() * 1000) + 20)}
    status, body, _ = call("POST", "/spot/orders", MARKET_BUY, headers=expires)
    assert (status, body["label"]) == (403, "REQUEST_EXPIRED")
    assert orders(sim) == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("html", [True, False])
@pytest.mark.parametrize("executed", [True, False])
def test_o5_a_server_error_says_nothing_of_the_order(
    sim: Simulator, call: RawClient, status: int, html: bool, executed: bool
) -> None:
    inject(sim, "error", status=status, html=html, executed=executed)
    call.connection.request("POST", "/x")  # the kept connection must survive
    assert call.connection.getresponse().read()
    if html:
        with pytest.raises(json.JSONDecodeError):
            call("POST", "/spot/orders", MARKET_BUY)
    else:
        assert call("POST", "/spot/orders", MARKET_BUY)[:2] == (
            status,
            {"label": "SERVER_ERROR", "message": "Internal server error"},
        )
    assert orders(sim) == executed


def test_o6_a_429_names_its_reason_and_when_it_ends(sim: Simulator, call: RawClient) -> None:
    inject(sim, "too_many", reset_ms=1_800_000_000_000, retry_after_s=3, fill_ratio=True)
    inject(sim, "too_many", label=False)
    status, body, headers = call("POST", "/spot/orders", MARKET_BUY)
    assert (status, body["label"]) == (429, "TOO_MANY_REQUESTS")
    assert "(212)" in body["message"]
    assert (headers["X-Gate-RateLimit-Reset-Timestamp"], headers["Retry-After"]) == ("1800000000000", "3")
    with pytest.raises(json.JSONDecodeError):
        call("POST", "/spot/orders", MARKET_BUY)
    assert orders(sim) == 0


@pytest.mark.parametrize("how", ["cut", "reset", "half_json", "too_long", "too_short", "gzip_cut"])
def test_o7_an_answer_is_spoilt_on_its_way(sim: Simulator, call: RawClient, how: str) -> None:
    inject(sim, "spoilt", how=how)
    with pytest.raises((http.client.HTTPException, ConnectionError, ValueError)):
        call("POST", "/spot/orders", MARKET_BUY)
    assert orders(sim) == 1


def test_o7_a_reset_is_a_reset_and_not_a_farewell(sim: Simulator) -> None:
    inject(sim, "spoilt", how="reset", path="/spot/time", method="GET")
    host, port = sim.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as raw:
        raw.sendall(b"GET /api/v4/spot/time HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with pytest.raises(ConnectionResetError):
            while piece := raw.recv(4096):
                got += piece
    assert got.startswith(b"HTTP/1.1 200")


def test_o8_a_repeated_call_is_two_orders_of_one_label(sim: Simulator, call: RawClient) -> None:
    inject(sim, "twice")
    status, made, _ = call("POST", "/spot/orders", MARKET_BUY | {"text": "t-one-1.1"})
    assert status == 201
    first, second = sim.account().orders
    assert (str(first.id), first.text, second.text) == (made["id"], "t-one-1.1", "t-one-1.1")


def test_o9_an_answer_says_what_cannot_be(sim: Simulator, call: RawClient) -> None:
    truth = {"currency_pair": PAIR, "side": "buy"}
    lies = {
        "pair": truth | {"currency_pair": "WRONG_USDT"},
        "side": truth | {"side": "sell"},
        "text": truth | {"text": "t-another-1.1"},
    }
    for what, said in lies.items():
        inject(sim, "impossible", what=what)
        answer = call("POST", "/spot/orders", MARKET_BUY)[1]
        assert {name: answer[name] for name in said} == said
    inject(sim, "impossible", what="amount")
    assert Decimal(call("POST", "/spot/orders", MARKET_BUY)[1]["filled_total"]) > 1000
    inject(sim, "impossible", what="negative")
    assert Decimal(call("POST", "/spot/orders", MARKET_BUY)[1]["filled_amount"]) < 0
    assert orders(sim) == 5


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_o10_a_thin_market_fills_a_share_and_the_books_agree(sim: Simulator, call: RawClient, side: str) -> None:
    inject(sim, "partial_fill", share="0.4", side=side)
    amount = "50" if side == "buy" else "2"
    _, made, _ = call("POST", "/spot/orders", MARKET_BUY | {"side": side, "amount": amount})
    assert (made["status"], made["finish_as"]) == ("cancelled", "ioc")
    told = Decimal(made["filled_total"] if side == "buy" else made["filled_amount"])
    assert Decimal(amount) * Decimal("0.37") < told <= Decimal(amount) * Decimal("0.4")
    view = sim.account()
    assert sum(one.amount for one in view.trades) == Decimal(made["filled_amount"])
    assert view.balances["LTC"][1] == view.balances["USDT"][1] == 0
    assert not sim.call(lambda core: core.imbalance())


@pytest.mark.parametrize("finish_as", ["ioc", "depth_not_enough", "small", "price_protect_cancelled"])
def test_o11_an_order_finds_nothing(sim: Simulator, call: RawClient, finish_as: str) -> None:
    inject(sim, "no_fill", finish_as=finish_as)
    _, made, _ = call("POST", "/spot/orders", MARKET_BUY)
    assert (made["status"], made["finish_as"], made["filled_amount"]) == ("cancelled", finish_as, "0")
    assert not sim.account().trades


@pytest.mark.parametrize("label", ["PRICE_THRESHOLD_EXCEEDED", "INVALID_PRECISION", "A_NEW_LABEL"])
def test_o21_a_refusal_has_any_label(sim: Simulator, call: RawClient, label: str) -> None:
    inject(sim, "refused", label=label, message="no")
    assert call("POST", "/spot/orders", MARKET_BUY)[:2] == (400, {"label": label, "message": "no"})
    assert orders(sim) == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("quote", {"fee_currency": "USDT"}),
        ("gt", {"fee": "0"}),
        ("points", {"fee": "0"}),
        ("unknown", {"fee_currency": "NEWCOIN"}),
        ("base", {"fee_currency": "LTC"}),
        ("rebate", {"fee_currency": "LTC"}),
    ],
)
def test_o16_fees_are_told_in_any_currency(sim: Simulator, call: RawClient, how: str, said: dict[str, str]) -> None:
    call("POST", "/spot/orders", MARKET_BUY)
    inject(sim, "wrong_fee", how=how)
    _, (row, *_), _ = call("GET", "/spot/my_trades", query=ABOUT_LTC)
    assert {name: row[name] for name in said} == said
    if how in ("gt", "points"):
        assert Decimal(row["gt_fee" if how == "gt" else "point_fee"]) > 0
    assert (Decimal(row["fee"]) < 0) is (how == "rebate")


def test_o16_a_fee_may_not_be_told_at_all(sim: Simulator, call: RawClient) -> None:
    call("POST", "/spot/orders", MARKET_BUY)
    inject(sim, "wrong_fee", how="missing", path="/spot/my_trades")
    _, (row, *_), _ = call("GET", "/spot/my_trades", query=ABOUT_LTC)
    assert "fee" not in row and "fee_currency" not in row


def test_o22_a_field_is_new_missing_or_of_an_unknown_value(sim: Simulator, call: RawClient) -> None:
    inject(sim, "strange", what="extra", path="/spot/orders")
    inject(sim, "strange", what="missing", field="side", path="/spot/orders")
    inject(sim, "strange", what="set", field="finish_as", value="brand_new", path="/spot/orders")
    one, two, three = (call("POST", "/spot/orders", MARKET_BUY)[1] for _ in range(3))
    assert one["brand_new"] and "side" not in two and three["finish_as"] == "brand_new"


def test_m7_a_cache_gives_the_answer_before(sim: Simulator, call: RawClient) -> None:
    query = ABOUT_LTC
    bare = {"KEY": "", "SIGN": "", "Timestamp": ""}
    old = call("GET", "/spot/tickers", query=query, headers=bare)[1]
    sim.price(PAIR, "70", "70.01")
    inject(sim, "cached")
    assert call("GET", "/spot/tickers", query=query, headers=bare)[1] == old
    assert call("GET", "/spot/tickers", query=query, headers=bare)[1] != old


def test_m8_one_read_shows_one_market_ten_times_as_high(sim: Simulator, call: RawClient) -> None:
    inject(sim, "wrong_price", factor="10", pair=PAIR)
    told = {row["currency_pair"]: row for row in call("GET", "/spot/tickers")[1]}
    assert told[PAIR]["lowest_ask"] == "640.3" and told["ETH_USDT"]["lowest_ask"] == "3100.02"
    assert {row["currency_pair"]: row for row in call("GET", "/spot/tickers")[1]}[PAIR]["lowest_ask"] == "64.03"


@pytest.mark.parametrize("value", ["NaN", "", "null", "1,5", "1e400", "@bare:NaN@", "@bare:1e400@", "-1", "0"])
def test_m9_a_field_is_no_number(sim: Simulator, call: RawClient, value: str) -> None:
    inject(sim, "wrong_number", field="last", value=value, path="/spot/tickers")
    call.connection.request("GET", f"/api/v4/spot/tickers?{ABOUT_LTC}")
    text = call.connection.getresponse().read().decode()
    shown = {"null": "null"}.get(value, value[6:-1] if value.startswith("@") else f'"{value}"')
    assert f'"last": {shown}' in text


def test_m9_chance_picks_field_and_value_from_the_seed(sim: Simulator, call: RawClient) -> None:
    def told(seed: int) -> list[Any]:
        sim.faults.replace([], seed)
        inject(sim, "wrong_number", path="/spot/tickers", times=0, pair=PAIR)
        found = []
        for _ in range(12):
            call.connection.request("GET", f"/api/v4/spot/tickers?{ABOUT_LTC}")
            found.append(call.connection.getresponse().read())
        return found

    assert told(1) == told(1) != told(2)
    assert len(set(told(1))) > 5 and len(BAD_NUMBERS) > 8


@pytest.mark.parametrize("how", ["crossed", "empty", "one_sided", "wide"])
def test_m10_a_book_is_no_book(sim: Simulator, call: RawClient, how: str) -> None:
    inject(sim, "wrong_book", how=how, path="/spot/order_book")
    book = call("GET", "/spot/order_book", query=ABOUT_LTC)[1]
    bids, asks = ([Decimal(row[0]) for row in book[side]] for side in ("bids", "asks"))
    facts = {
        "crossed": bool(asks) and bool(bids) and bids[0] > asks[0],
        "empty": not bids and not asks,
        "one_sided": bool(bids) and not asks,
        "wide": bool(asks) and bool(bids) and asks[0] > bids[0] * Decimal("1.25"),
    }
    assert facts[how]


def test_m16_maintenance_is_everywhere_while_it_lasts(sim: Simulator, call: RawClient) -> None:
    inject(sim, "maintenance", until_s=0.4)
    for path in ("/spot/time", "/spot/accounts", "/spot/tickers"):
        assert call("GET", path)[0] == 503
    with pytest.raises(InvalidStatus), listening(sim):
        pass
    time.sleep(0.4)
    assert call("GET", "/spot/time")[0] == 200
    with listening(sim) as client:
        assert client.subscribe("spot.book_ticker", [PAIR])["error"] is None


def test_a1_what_is_told_of_the_account_lags_behind(sim: Simulator, call: RawClient) -> None:
    inject(sim, "lag", ms=60_000, times=3)

    def held() -> dict[str, str]:
        return {row["currency"]: row["available"] for row in call("GET", "/spot/accounts")[1]}

    before = held()
    call("POST", "/spot/orders", MARKET_BUY)
    assert held() == before
    assert call("GET", "/spot/my_trades", query=ABOUT_LTC)[1] == []
    assert held() != before
    assert len(call("GET", "/spot/my_trades", query=ABOUT_LTC)[1]) == 1
    inject(sim, "lag", ms=60_000, path="/spot/orders")
    finished = f"{ABOUT_LTC}&status=finished"
    assert call("GET", "/spot/orders", query=finished)[1] == []
    assert len(call("GET", "/spot/orders", query=finished)[1]) == 1


def test_a_rule_hits_the_pair_and_side_it_names(sim: Simulator, call: RawClient) -> None:
    inject(sim, "refused", label="X", pair="ETH_*", side="sell", times=0)
    assert call("POST", "/spot/orders", MARKET_BUY)[0] == 201
    assert call("POST", "/spot/orders", MARKET_BUY | {"currency_pair": "ETH_USDT"})[0] == 201
    assert call("POST", "/spot/orders", MARKET_BUY | {"currency_pair": "ETH_USDT", "side": "sell"})[1]["label"] == "X"


def test_the_same_seed_strikes_the_same_calls(sim: Simulator, call: RawClient) -> None:
    def struck(seed: int) -> list[int]:
        sim.faults.replace([], seed)
        inject(sim, "error", path="/spot/time", method="GET", chance=0.3)
        return [call("GET", "/spot/time")[0] for _ in range(40)]

    assert struck(5) == struck(5) != struck(6)
    assert 3 < struck(5).count(500) < 25


def test_every_kind_of_call_fault_has_its_rows() -> None:
    """What a kind is for stands in its words."""
    assert all("(" in kind.says for name, kind in CALLS.items() if name != "lag")
