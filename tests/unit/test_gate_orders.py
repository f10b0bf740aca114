"""What an order's answer, or the lack of one, means: sorted by what the caller must do."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.ports import NotSent, OutcomeUnknown, Rejected, TradingError
from autotrader_v2.domain.orders import OrderType
from autotrader_v2.infrastructure.gate import connections, placing
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.infrastructure.gate.wire import fill_of, trades_of
from tests.contract.stub import Script, Stub, answer, hang_up, in_turn, say_nothing
from tests.contract.venues import CLOCK, a_sale, an_intent

KEY, SECRET = "key-0123456789", "secret-0123456789"
ORDERS = "POST /api/v4/spot/orders"
HTML = "<html><head><title>504 Gateway Time-out</title></head></html>"

OpenExchange = Callable[[Script], tuple[GateExchange, Stub]]


def an_order(**changes: Any) -> dict[str, Any]:
    """Gate's answer to the ordinary intent."""
    order = {
        "id": "12332324",
        "text": "t-a1b2-7.1",
        "create_time_ms": 1710488334073,
        "status": "closed",
        "finish_as": "filled",
        "currency_pair": "LTC_USDT",
        "type": "market",
        "side": "buy",
        "amount": "5",
        "left": "0.00566",
        "filled_amount": "0.078",
        "filled_total": "4.99434",
    }
    return order | changes


def a_trade(**changes: Any) -> dict[str, Any]:
    """The trade that filled it."""
    trade = {
        "id": "1",
        "create_time_ms": "1710488334073.456",
        "currency_pair": "LTC_USDT",
        "order_id": "12332324",
        "side": "buy",
        "amount": "0.078",
        "price": "64.03",
        "fee": "0.000156",
        "fee_currency": "LTC",
        "gt_fee": "0",
        "point_fee": "0",
        "text": "t-a1b2-7.1",
    }
    return trade | changes


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second each; the SDK takes only whole ones."""
    monkeypatch.setattr(placing, "_TIMEOUT", (1, 1))
    monkeypatch.setattr(placing, "_LOOKS_S", (0.0, 0.01, 0.01))


@pytest.fixture
def gate() -> Iterator[OpenExchange]:
    """Opens an adapter on a stub with a script."""
    opened: list[tuple[GateExchange, Stub]] = []

    def open_it(script: Script) -> tuple[GateExchange, Stub]:
        stub = Stub(script)
        opened.append((GateExchange(stub.url, KEY, SECRET, CLOCK), stub))
        return opened[-1]

    yield open_it
    for exchange, stub in opened:
        exchange.close()
        stub.__exit__(None, None, None)


def failure(exchange: GateExchange) -> TradingError:
    """What sending the ordinary order raises."""
    with pytest.raises(TradingError) as raised:
        exchange.send(an_intent())
    return raised.value


LOST = {
    "read timeout": say_nothing,
    "dropped": hang_up,
    "cut body": answer(201, b'{"id": "12332324", "te', length=900),
    "html 504": answer(504, HTML),
    "html 200": answer(200, HTML),
    "5xx with a label": answer(500, {"label": "SERVER_ERROR", "message": "x"}),
    "5xx with a label that refuses elsewhere": answer(502, {"label": "BALANCE_NOT_ENOUGH", "message": "x"}),
    "429 without a label": answer(429, ""),
    "empty 400": answer(400, ""),
    "list body": answer(400, [{"label": "BALANCE_NOT_ENOUGH"}]),
    "text body": answer(400, '"INVALID_KEY"'),
    "label that is no text": answer(400, {"label": ["INVALID_KEY"]}),
    "bytes that are no text": answer(400, b"\xff\xfe\x00"),
    "good status, no text": answer(201, b"\xff\xfe\x00"),
    "unknown label": answer(400, {"label": "BRAND_NEW", "message": "?"}),
    "repeated creation": answer(400, {"label": "REPEATED_CREATION", "message": "Repeated creation"}),
    "redirect": answer(307, "", headers="Location: /api/v4/spot/orders\r\n"),
    "no http": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
}


@pytest.mark.parametrize("script", LOST.values(), ids=LOST.keys())
def test_o5_o7_what_does_not_prove_that_nothing_was_placed_is_unknown_and_sent_once(
    gate: OpenExchange, script: Script
) -> None:
    exchange, stub = gate(script)
    error = failure(exchange)
    assert isinstance(error, OutcomeUnknown)
    assert error.order_id == ""
    assert len(stub.requests) == 1


IMPOSSIBLE = {
    "acknowledgement only": ({"id": "12332324", "text": "t-a1b2-7.1"}, "unreadably"),
    "no side": ({key: value for key, value in an_order().items() if key != "side"}, "unreadably"),
    "another pair": (an_order(currency_pair="BTC_USDT"), "BTC_USDT"),
    "another side": (an_order(side="sell"), "sell"),
    "another order": (an_order(text="t-a1b2-9.1"), "t-a1b2-9.1"),
    "more than asked": (an_order(filled_total="5.01"), "5.01 of 5"),
    "negative": (an_order(filled_amount="-1"), "-1"),
    "coins for nothing": (an_order(filled_total="0"), "for 0"),
    "no number": (an_order(filled_amount="NaN"), "NaN"),
    "still open": (an_order(status="open", filled_amount="0", filled_total="0"), "still open"),
}


@pytest.mark.parametrize(("body", "told"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_o9_an_impossible_answer_is_unknown_and_its_id_a_hint(gate: OpenExchange, body: object, told: str) -> None:
    """An answer about another order names that one: its id must not lead to it."""
    exchange, stub = gate(answer(201, body))
    error = failure(exchange)
    assert isinstance(error, OutcomeUnknown)
    hint = "" if told in ("BTC_USDT", "t-a1b2-9.1") else "12332324"
    assert (error.order_id, told in error.what, len(stub.requests)) == (hint, True, 1)
    assert not error.traded, "an id says that there is an order, not that it traded"
    assert error.halts == ("" if told in ("unreadably", "still open") else "contract_broken")


@pytest.mark.parametrize(("status", "halts"), [(400, "unknown_label"), (403, "unknown_label"), (500, "")])
def test_o21_a_label_nobody_knows_is_unknown_and_halts(gate: OpenExchange, status: int, halts: str) -> None:
    exchange, _ = gate(answer(status, {"label": "MOON_PHASE_WRONG", "message": "later"}))
    error = failure(exchange)
    assert isinstance(error, OutcomeUnknown)
    assert error.halts == halts


@pytest.mark.parametrize(
    ("status", "label", "lasting", "whole_account"),
    [
        (400, "BALANCE_NOT_ENOUGH", False, False),
        (400, "INVALID_PARAM_VALUE", False, False),
        (429, "TOO_MANY_REQUESTS", False, False),
        (403, "REQUEST_EXPIRED", False, False),
        (400, "INVALID_CURRENCY_PAIR", True, False),
        (401, "INVALID_KEY", True, True),
        (403, "READ_ONLY", True, True),
    ],
)
def test_o21_a_label_of_the_table_proves_a_refusal(
    gate: OpenExchange, status: int, label: str, lasting: bool, whole_account: bool
) -> None:
    exchange, stub = gate(answer(status, {"label": label, "message": "because"}))
    error = failure(exchange)
    assert isinstance(error, Rejected)
    assert (error.label, error.lasting, error.whole_account) == (label, lasting, whole_account)
    assert ("because" in error.what, len(stub.requests)) == (True, 1)


def test_nobody_listening_means_not_sent() -> None:
    with Stub(hang_up) as stub:
        url = stub.url
    assert isinstance(failure(GateExchange(url, KEY, SECRET, CLOCK)), NotSent)


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "unknown name"), TimeoutError("connecting"), OSError("no route")]
)
def test_what_fails_while_connecting_is_not_sent(
    gate: OpenExchange, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fail(*_args: object, **_more: object) -> socket.socket:
        raise error

    exchange, stub = gate(hang_up)
    monkeypatch.setattr("urllib3.util.connection.create_connection", fail)
    assert isinstance(failure(exchange), NotSent)
    assert stub.connections == 0


@pytest.mark.parametrize("script", [say_nothing, answer(400, "plain http")], ids=["silent", "no tls"])
def test_a_handshake_that_fails_or_hangs_is_not_sent(script: Script) -> None:
    """Both raise what a lost answer raises too; the difference is seen in the bytes, not in the error."""
    with Stub(script) as stub:
        exchange = GateExchange(stub.url.replace("http:", "https:"), KEY, SECRET, CLOCK)
        assert isinstance(failure(exchange), NotSent)
        assert stub.connections == 1
        exchange.close()


def test_an_order_that_cannot_be_built_is_not_sent(gate: OpenExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, stub = gate(hang_up)
    monkeypatch.setattr(placing, "body_of", lambda _intent: {"amount": object()})
    assert isinstance(failure(exchange), NotSent)
    assert stub.requests == []


def test_what_goes_over_the_wire(gate: OpenExchange) -> None:
    exchange, stub = gate(answer(400, {"label": "BALANCE_NOT_ENOUGH", "message": ""}))
    with pytest.raises(Rejected):
        exchange.send(an_intent(amount=Decimal("1.2E+2"), expires_ms=1_800_000_000_123))
    assert stub.body() == {
        "text": "t-a1b2-7.1",
        "currency_pair": "LTC_USDT",
        "type": "market",
        "account": "spot",
        "side": "buy",
        "amount": "120",
        "time_in_force": "ioc",
    }
    headers = stub.headers()
    assert headers["x-gate-exptime"] == "1800000000123"
    assert headers["key"] == KEY
    capped = an_intent(type=OrderType.LIMIT, amount=Decimal("0.100"), limit_price=Decimal("64.50"))
    with pytest.raises(Rejected):
        exchange.send(capped)
    assert (stub.body()["type"], stub.body()["amount"], stub.body()["price"]) == ("limit", "0.1", "64.5")
    assert stub.body()["time_in_force"] == "ioc"


def test_the_signature_has_the_exchanges_time(gate: OpenExchange) -> None:
    exchange, stub = gate(answer(400, {"label": "BALANCE_NOT_ENOUGH", "message": ""}))
    now_ms = CLOCK.now_ms()
    exchange.time.measured(now_ms + 3_600_000, CLOCK.monotonic_s())
    failure(exchange)
    assert abs(float(stub.headers()["timestamp"]) * 1000 - now_ms - 3_600_000) < 2_000
    assert abs(exchange.now_ms() - now_ms - 3_600_000) < 2_000


WHOLE = an_order()
# A last trade so small that the money without it is the order's but for rounding; its coins are not.
WITH_A_CRUMB = an_order(filled_amount="0.0780000001")
# As many coins as the order's, at a price that is not its.
OTHER_MONEY = an_order(filled_total="4.98654")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (WHOLE, []),
        (WHOLE, [a_trade(amount="0.07")]),
        (WITH_A_CRUMB, [a_trade()]),
        (OTHER_MONEY, [a_trade()]),
        (WHOLE, [a_trade(), a_trade(id="2")]),
    ],
    ids=["none", "a part", "all but a crumb", "other money", "too many"],
)
def test_trades_that_are_not_told_yet_leave_the_order_unknown(
    gate: OpenExchange, order: dict[str, Any], told: list[dict[str, Any]]
) -> None:
    """Coins that are not booked are coins that are never sold."""
    exchange, _ = gate(in_turn(answer(201, order), answer(200, told)))
    error = failure(exchange)
    assert isinstance(error, OutcomeUnknown)
    assert (error.order_id, error.traded) == ("12332324", True)


def test_o2_an_order_that_is_still_open_and_has_traded_is_known_to_have(gate: OpenExchange) -> None:
    exchange, _ = gate(answer(201, an_order(status="open")))
    error = failure(exchange)
    assert isinstance(error, OutcomeUnknown)
    assert (error.order_id, error.traded, error.halts) == ("12332324", True, "")


def test_trades_that_come_a_moment_later_are_waited_for(gate: OpenExchange) -> None:
    exchange, stub = gate(in_turn(answer(201, an_order()), answer(200, []), answer(200, [a_trade()])))
    result = exchange.send(an_intent())
    assert (result.base, result.quote, result.note) == (Decimal("0.078"), Decimal("4.99434"), "filled")
    assert len(stub.sent("GET /api/v4/spot/my_trades")) == 2


def test_trades_of_the_stream_spare_the_read(gate: OpenExchange) -> None:
    exchange, stub = gate(answer(201, an_order()))
    (row,) = trades_of(json.dumps([a_trade()]))
    exchange.recent_fills.add(fill_of(row, "gate"))
    assert len(exchange.send(an_intent()).fills) == 1
    assert len(stub.requests) == 1


def test_o22_an_unknown_word_for_the_end_decides_nothing(gate: OpenExchange) -> None:
    """The official SDK's own model would raise here, after the order was placed."""
    odd = an_order(finish_as="brand_new", status="odd", time_in_force="odd", filled_amount="0", filled_total="0")
    exchange, _ = gate(answer(201, odd))
    result = exchange.send(an_intent())
    assert (result.fills, result.note) == ((), "brand_new")


def test_a_rested_connection_is_not_used_again(gate: OpenExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, stub = gate(answer(200, {"server_time": CLOCK.now_ms()}))
    exchange.warm()
    exchange.warm()
    assert stub.connections == 1
    monkeypatch.setattr(connections, "IDLE_MAX_S", 0.0)
    exchange.warm()
    assert stub.connections == 2


def test_a_connection_that_the_exchange_closed_is_replaced_before_an_order(gate: OpenExchange) -> None:
    def answer_and_close(connection: socket.socket) -> None:
        answer(200, {"server_time": CLOCK.now_ms()})(connection)
        connection.shutdown(socket.SHUT_RDWR)

    exchange, stub = gate(in_turn(answer_and_close, answer(400, {"label": "BALANCE_NOT_ENOUGH", "message": ""})))
    exchange.warm()
    time.sleep(0.1)  # until the end has arrived on this side
    assert isinstance(failure(exchange), Rejected)
    assert (stub.connections, len(stub.sent(ORDERS))) == (2, 1)


def test_o6_a_limit_that_was_hit_closes_the_market_for_orders_until_it_resets(gate: OpenExchange) -> None:
    reset = f"X-Gate-RateLimit-Reset-Timestamp: {CLOCK.now_ms() + 5_000}\r\n"
    exchange, stub = gate(answer(429, {"label": "TOO_MANY_REQUESTS", "message": "(211)"}, headers=reset))
    assert isinstance(failure(exchange), Rejected)
    assert isinstance(failure(exchange), NotSent)
    assert len(stub.requests) == 1


def test_secrets_reach_no_text(gate: OpenExchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    exchange, _ = gate(answer(401, {"label": "INVALID_KEY", "message": f"no such key {KEY}, signed with {SECRET}"}))
    error = failure(exchange)
    texts = [str(error), repr(error), repr(exchange), repr(exchange.signer), caplog.text]
    seen: BaseException | None = error
    while seen is not None:
        texts += [str(seen), repr(seen), repr(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    assert not [text for text in texts if KEY in text or SECRET in text]


def test_a_sale_is_checked_in_coins(gate: OpenExchange) -> None:
    sold = an_order(text="t-a1b2-8.1", side="sell", amount="1", filled_amount="1.5", filled_total="96")
    exchange, _ = gate(answer(201, sold))
    with pytest.raises(OutcomeUnknown, match=r"1\.5 of 1"):
        exchange.send(a_sale())
