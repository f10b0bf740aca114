"""Every fault of the WebSocket is really injected."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from autotrader_v2.simulator import Simulator
from tests.integration.faults.box import MARKET_BUY, PAIR, inject, listening
from tests.integration.simulated import RawClient, a_simulator
from tests.integration.ws_client import Client

BEST = "spot.book_ticker"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with a_simulator() as sim:
        yield sim


@pytest.fixture
def client(sim: Simulator) -> Iterator[Client]:
    """Listens to best prices of two markets and to its own trades."""
    with listening(sim) as client:
        client.subscribe(BEST, [PAIR, "ETH_USDT"])
        client.subscribe_own("spot.usertrades", [PAIR])
        yield client


def bids(sim: Simulator, client: Client, *prices: str) -> list[Any]:
    """Set prices one after the other, a pace apart; the bids that came until a last, ordinary one."""
    for price in (*prices, "99"):
        sim.price(PAIR, price, "100")
        time.sleep(0.03)
    told = []
    while not told or told[-1] != "99":
        told.append(client.update(BEST)["b"])
    return told


def test_m1_an_update_comes_twice(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_twice", channel=BEST)
    assert bids(sim, client, "60", "61") == ["60", "60", "61", "99"]


def test_m2_an_update_comes_after_the_next(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_swap", channel=BEST)
    assert bids(sim, client, "60", "61") == ["61", "60", "99"]


def test_m3_a_gap_in_the_sequence_of_a_book(sim: Simulator) -> None:
    with listening(sim) as client:
        client.subscribe("spot.order_book_update", [PAIR, "20ms"])
        inject(sim, "ws_lost", channel="spot.order_book_update")
        sim.price(PAIR, "60", "61")
        time.sleep(0.1)
        told = []
        for price in ("62", "63"):
            sim.price(PAIR, price, "64")
            told.append(client.update("spot.order_book_update"))
        assert sim.faults.counts == {"ws_lost": 1}
        first, second = told
        assert second["U"] == first["u"] + 1


def test_m4_silence_with_pings_answered(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_silence", until_s=0.3)
    sim.price(PAIR, "60", "61")
    client.say("spot.ping", "")
    assert client.hear(lambda one: True)["channel"] == "spot.pong"
    time.sleep(0.3)
    assert bids(sim, client) == ["99"]


def test_m5_connections_flap(sim: Simulator) -> None:
    inject(sim, "ws_drop", every_s=0.1, times=0)
    for _ in range(2):
        with pytest.raises(ConnectionClosed), listening(sim) as client:
            client.subscribe(BEST, [PAIR])
            client.hear(lambda one: False)
    assert sim.faults.counts["ws_drop"] >= 2


def test_m5_the_exchange_asks_to_connect_anew(sim: Simulator, client: Client) -> None:
    sim.act("ws_upgrade")
    assert client.hear(lambda one: one.get("type") == "upgrade")["msg"]


def test_m6_a_subscription_is_refused_for_one_market(sim: Simulator) -> None:
    inject(sim, "subscription_refused", pair="ETH_USDT", times=0)
    inject(sim, "subscription_ignored", channel="spot.tickers")
    with listening(sim) as client:
        assert client.subscribe(BEST, [PAIR])["error"] is None
        assert client.subscribe(BEST, [PAIR, "ETH_USDT"])["error"]["code"] == 2
        client.say("spot.tickers", payload=[PAIR])
        client.say("spot.ping", "")
        assert client.hear(lambda one: one["channel"] != BEST)["channel"] == "spot.pong"


def test_m8_one_update_is_ten_times_as_high(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_wrong_price", factor="10", pair=PAIR)
    sim.price("ETH_USDT", "3000", "3001")
    assert client.update(BEST)["b"] == "3000"
    assert bids(sim, client, "60", "61") == ["600", "61", "99"]


@pytest.mark.parametrize("value", ["NaN", "null", "", "1,5", "1e400"])
def test_m9_an_update_has_a_field_that_is_no_number(sim: Simulator, client: Client, value: str) -> None:
    inject(sim, "ws_wrong_number", field="b", value=value, channel=BEST)
    assert bids(sim, client, "60") == [None if value == "null" else value, "99"]


@pytest.mark.parametrize(
    ("how", "said"),
    [("crossed", ("78", "61")), ("empty", ("", "")), ("one_sided", ("60", "")), ("wide", ("60", "79.3"))],
)
def test_m10_best_prices_are_no_book(sim: Simulator, client: Client, how: str, said: tuple[str, str]) -> None:
    inject(sim, "ws_wrong_book", how=how, channel=BEST)
    sim.price(PAIR, "60", "61")
    told = client.update(BEST)
    assert tuple(text.removesuffix(".0") for text in (told["b"], told["a"])) == said


def test_o14_o15_a_trade_is_told_before_its_answer_and_twice(sim: Simulator, client: Client) -> None:
    inject(sim, "slow", seconds=0.3)
    inject(sim, "ws_twice", channel="spot.usertrades")
    began = time.monotonic()
    answers: list[float] = []

    def place() -> None:
        RawClient(sim)("POST", "/spot/orders", MARKET_BUY)
        answers.append(time.monotonic() - began)

    thread = threading.Thread(target=place)
    thread.start()
    first, second = client.update("spot.usertrades"), client.update("spot.usertrades")
    told = time.monotonic() - began
    thread.join()
    assert first == second
    assert told < answers[0]


def test_o16_an_update_tells_a_fee_in_another_currency(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_wrong_fee", how="unknown")
    RawClient(sim)("POST", "/spot/orders", MARKET_BUY)
    assert client.update("spot.usertrades")[0]["fee_currency"] == "NEWCOIN"


def test_o22_updates_with_new_fields_and_updates_that_are_no_json(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_strange", what="extra", channel=BEST)
    inject(sim, "ws_garbage", channel=BEST)
    sim.price(PAIR, "60", "61")
    assert client.update(BEST)["brand_new"]
    time.sleep(0.03)
    sim.price(PAIR, "61", "62")
    with pytest.raises(json.JSONDecodeError):
        client.update(BEST)


def test_an_update_can_be_late(sim: Simulator, client: Client) -> None:
    inject(sim, "ws_late", seconds=0.2, channel=BEST)
    assert bids(sim, client, "60", "61") == ["61", "99"]
    assert client.update(BEST)["b"] == "60"
