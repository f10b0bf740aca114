"""The small parts of the Gate adapter: signatures, hosts, labels, limits, clocks, numbers."""

import threading
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.ports import AccessRefused
from autotrader_v2.domain.market import Market, TradeStatus
from autotrader_v2.infrastructure.gate import account_label, reachable, wire
from autotrader_v2.infrastructure.gate.access import Access
from autotrader_v2.infrastructure.gate.answers import error_answer
from autotrader_v2.infrastructure.gate.budget import PLACE, PRIVATE_READ, READ, Budget, Rate
from autotrader_v2.infrastructure.gate.hosts import LIVE_HOST, TESTNET_HOST, HostKind, kind_of, ws_url_of
from autotrader_v2.infrastructure.gate.labels import LABELS, Reach, Refusal, Unproven
from autotrader_v2.infrastructure.gate.server_time import ServerTime
from autotrader_v2.infrastructure.gate.signing import Signer
from tests.contract.stub import Stub, answer, hang_up, say_nothing

# Every error label of API v4's spot and common groups, and those seen in the field only.
DOCUMENTED = """
MISSING_REQUIRED_HEADER REQUEST_EXPIRED INVALID_KEY INVALID_SIGNATURE INVALID_CREDENTIALS IP_FORBIDDEN READ_ONLY
ACCOUNT_LOCKED FORBIDDEN AUTHENTICATION_FAILED INVALID_PARAM_VALUE MISSING_REQUIRED_PARAM INVALID_ARGUMENT
INVALID_REQUEST_BODY BAD_REQUEST INVALID_PROTOCOL INVALID_CONTENT_TYPE NOT_ACCEPTABLE METHOD_NOT_ALLOWED NOT_FOUND
INVALID_CURRENCY INVALID_CURRENCY_PAIR INVALID_PRECISION AMOUNT_TOO_LITTLE AMOUNT_TOO_MUCH BALANCE_NOT_ENOUGH
QUANTITY_NOT_ENOUGH POC_FILL_IMMEDIATELY FOK_NOT_FILL ORDER_NOT_FOUND CLIENT_ID_NOT_FOUND ORDER_CLOSED ORDER_CANCELLED
CANCEL_FAIL NO_CHANGE TOO_MANY_ORDERS TOO_MANY_CURRENCY_PAIRS MIXED_ACCOUNT_TYPE REPEATED_CREATION ORDER_EXISTS
DUPLICATE_REQUEST INVALID_CLIENT_ORDER_ID TOO_FAST TOO_MANY_REQUESTS PRICE_THRESHOLD_EXCEEDED INTERNAL SERVER_ERROR
INTERNAL_SERVER_ERROR TOO_BUSY
"""


class Clock:
    """A clock in the test's hand; waiting moves it."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        """Milliseconds."""
        return self.ms

    def monotonic_s(self) -> float:
        """Seconds."""
        return self.ms / 1000

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Jumps."""
        self.ms += round(timeout_s * 1000)
        return event.is_set()


def test_signatures_are_those_of_the_documentation() -> None:
    """Test vectors 1 and 2 are Gate's own."""
    signer = Signer("key", "secret")
    query = "contract=BTC_USD&status=finished&limit=50"
    signed = signer.rest("GET", "/api/v4/futures/orders", query, None, "1541993715")
    assert signed["SIGN"].startswith("55f84ea195d6fe57ce62464daaa7c3c02fa9d1dde954e4c898289c9a2407a3d6fb3faf24")
    body = '{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
    signed = signer.rest("POST", "/api/v4/futures/orders", "", body, "1541993715")
    assert signed["SIGN"].startswith("eae42da914a590ddf727473aff25fc87d50b64783941061f47a3fdb92742541fc4c2c140")
    body = '{"text": "t-1", "currency_pair": "BTC_USDT"}'
    signed = signer.rest("POST", "/api/v4/spot/orders", "", body, "1700000000.5")
    assert signed["SIGN"].startswith("e1cfe5d202a7e36722adca51964bedb334a0bf34e01050f60092a0f7b910b1c157383287")
    assert (signed["KEY"], signed["Timestamp"]) == ("key", "1700000000.5")
    stream = signer.stream("spot.orders", "subscribe", 1700000000)
    assert stream["SIGN"].startswith("0dc17b76097b2726573e30bde2a792ce238bbd452f414d949a5f71d5bf1dd50e8e8166a7")


def test_an_account_has_a_name_without_its_key() -> None:
    assert account_label("abc") == account_label("abc") != account_label("abd")
    assert "abc" not in account_label("abc")


def test_each_host_has_its_websocket() -> None:
    assert (kind_of(LIVE_HOST), ws_url_of(LIVE_HOST)) == (HostKind.LIVE, "wss://api.gateio.ws/ws/v4/")
    assert (kind_of(TESTNET_HOST), ws_url_of(TESTNET_HOST)) == (
        HostKind.TESTNET,
        "wss://ws-testnet.gate.com/v4/ws/spot",
    )
    assert ws_url_of("http://127.0.0.1:8790/api/v4") == "ws://127.0.0.1:8790/ws/v4/"
    assert ws_url_of("https://[::1]:1/api/v4") == "wss://[::1]:1/ws/v4/"


@pytest.mark.parametrize(
    "host",
    [
        "http://api.gateio.ws/api/v4",
        "https://api.gateio.ws.example.com/api/v4",
        "http://10.0.0.1:8790/api/v4",
        "http://127.0.0.1:8790/api/v3",
        "ftp://127.0.0.1/api/v4",
        "",
    ],
)
def test_any_other_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="no host of Gate"):
        kind_of(host)


def test_every_documented_label_is_mapped() -> None:
    documented = set(DOCUMENTED.split())
    assert sorted(documented - LABELS.keys()) == []
    assert sorted(LABELS.keys() - documented) == []


def test_labels_that_may_mean_our_own_order_prove_nothing() -> None:
    for label in ("REPEATED_CREATION", "ORDER_EXISTS", "DUPLICATE_REQUEST", "SERVER_ERROR", "TOO_BUSY"):
        assert isinstance(LABELS[label], Unproven)
    key = LABELS["INVALID_KEY"]
    assert isinstance(key, Refusal)
    assert key.reach is Reach.ACCOUNT


@pytest.mark.parametrize(
    ("told", "meant_ms"), [("1700000005", 1_700_000_005_000), ("1700000005000", 1_700_000_005_000)]
)
def test_the_reset_time_comes_in_seconds_or_milliseconds(told: str, meant_ms: int) -> None:
    assert error_answer(429, b"", {"X-Gate-RateLimit-Reset-Timestamp": told}).reset_ms == meant_ms


def test_an_error_may_say_detail_instead_of_message() -> None:
    error = error_answer(400, b'{"label": "X", "detail": "why\\nnot"}', {})
    assert (str(error), error.reset_ms) == ("400 X: why not", 0)


def test_a_budget_gives_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    budget = Budget(clock, Rate(5, 10))
    assert all(budget.take("LTC", 0) for _ in range(10))
    assert not budget.take("LTC", 0.1)
    assert budget.take("BTC", 0)
    before_ms = clock.ms
    assert budget.take("LTC", 1)
    assert clock.ms - before_ms == 200


@pytest.mark.parametrize(
    ("rate", "window_ms", "at_most", "later"),
    [(PLACE, 1_000, 5, 3), (READ, 10_000, 200, 100), (PRIVATE_READ, 10_000, 200, 100)],
)
def test_o6_however_it_is_asked_gates_limit_is_not_passed(rate: Rate, window_ms: int, at_most: int, later: int) -> None:
    """In no window more than Gate allows (orders: half of it), and half of it in the long run."""
    clock = Clock()
    budget = Budget(clock, rate)
    taken = []
    for _ in range(6 * window_ms // 10):
        while budget.take("any", 0, urgent=True):
            taken.append(clock.ms)
        clock.ms += 10
    in_windows = [sum(begin <= one < begin + window_ms for one in taken) for begin in taken]
    assert max(in_windows) <= at_most
    assert sum(one >= taken[0] + 5 * window_ms for one in taken) <= later


def test_o6_ordinary_reads_leave_a_share_for_finding_out_what_became_of_orders() -> None:
    clock = Clock()
    budget = Budget(clock, Rate(10, 100, kept=30))
    assert sum(budget.take("orders", 0) for _ in range(200)) == 70
    assert sum(budget.take("orders", 0, urgent=True) for _ in range(200)) == 30
    assert not budget.take("orders", 1)
    assert budget.take("orders", 0.2, urgent=True)


def test_a_closed_budget_opens_when_it_was_told_but_not_later_than_sense() -> None:
    clock = Clock()
    budget = Budget(clock, Rate(5, 10))
    budget.close("LTC", 3_000)
    assert not budget.take("LTC", 2)
    assert budget.take("LTC", 3.1)
    budget.close("LTC", 10**15)
    assert budget.take("LTC", 15.1)
    budget.close("LTC", -5)
    assert not budget.take("LTC", 0.5)


def test_the_quickest_measurement_tells_the_time() -> None:
    clock = Clock()
    time = ServerTime(clock)
    assert time.now_ms() == clock.ms
    time.measured(clock.ms + 2_100, clock.monotonic_s() - 0.4)
    assert time.now_ms() == clock.ms + 2_300
    clock.ms += 1_000
    time.measured(clock.ms + 2_150, clock.monotonic_s() - 0.02)
    assert time.now_ms() == clock.ms + 2_160
    clock.ms += 1_000
    time.measured(clock.ms + 2_300, clock.monotonic_s() - 0.3)
    assert time.now_ms() == clock.ms + 2_160
    clock.ms += 400_000
    assert time.age_s == 400
    time.measured(clock.ms + 2_300, clock.monotonic_s() - 0.3)
    assert time.now_ms() == clock.ms + 2_450


def test_a_leap_of_the_exchanges_clock_is_believed_at_once() -> None:
    clock = Clock()
    time = ServerTime(clock)
    time.measured(clock.ms + 10, clock.monotonic_s() - 0.01)
    time.measured(clock.ms + 60_000, clock.monotonic_s() - 0.1)
    assert time.now_ms() == clock.ms + 60_050


def test_rules_leave_out_what_the_market_does_not_limit() -> None:
    raw = b"""{"id":"BTC_USDT","amount_precision":6,"precision":1,"trade_status":"buyable","min_quote_amount":"3",
        "min_base_amount":null,"max_market_order_stock":"63","delisting_time":1700000000,"slippage":"0.05","st_tag":true}"""
    rules = wire.rules_of(wire.pair_of(raw), Market("gate", "BTC", "USDT"), Decimal("0.002"))
    assert (rules.min_base, rules.min_quote, rules.market_max_base) == (0, 3, 63)
    assert (rules.status, rules.delisting_s, rules.name) == (TradeStatus.BUYABLE, 1_700_000_000, "BTC")
    assert rules.special
    odd = raw.replace(b"buyable", b"brand_new")
    assert wire.rules_of(wire.pair_of(odd), Market("gate", "BTC", "USDT"), Decimal(0)).status is TradeStatus.UNTRADABLE


@pytest.mark.parametrize(
    ("fees", "paid"),
    [
        ('"fee":"0.1","fee_currency":"BTC","gt_fee":"0","point_fee":"0"', (Decimal("0.1"), "BTC")),
        ('"fee":"0","fee_currency":"BTC","gt_fee":"0.02","point_fee":"0"', (Decimal("0.02"), "GT")),
        ('"fee":"0","fee_currency":"BTC","gt_fee":"","point_fee":"3"', (Decimal(3), "POINT")),
        ('"fee":"-0.1","fee_currency":"USDT"', (Decimal(0), "USDT")),
    ],
)
def test_o16_a_fee_is_what_was_really_paid(fees: str, paid: tuple[Decimal, str]) -> None:
    (row,) = wire.trades_of(
        '[{"id":7,"order_id":"8","currency_pair":"BTC_USDT","side":"buy","amount":"2","price":"3.5",'
        f'"create_time_ms":1710488334073.9,"text":"apiv4",{fees}}}]'
    )
    fill = wire.fill_of(row, "gate")
    assert ((fill.fee, fill.fee_currency), fill.quote, fill.time_ms) == (paid, 7, 1_710_488_334_073)
    assert (fill.trade_id, fill.order_id, fill.client_id) == ("7", "8", "")


def test_reachable_says_whether_gate_answers_in_time() -> None:
    with Stub(answer(200, {"server_time": 1_700_000_000_000})) as stub:
        assert reachable(stub.url)
        url = stub.url
    assert not reachable(url)
    for script in (say_nothing, hang_up, answer(200, "<html>")):
        with Stub(script) as stub:
            assert not reachable(stub.url, timeout_s=0.3)


class _Told:
    """A clock that says what the test tells it."""

    now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s


def test_a4_a_refused_key_is_not_asked_with_again_for_half_a_minute() -> None:
    """Each further refusal might get the address banned; a resume asks at once."""
    clock: Any = _Told()
    access, refusal = Access(clock), AccessRefused("Gate.io refuses the key.", do="Check it.", label="INVALID_KEY")
    access.check()
    access.refused(refusal)
    for later_s in (0.0, 29.9):
        clock.now_s = 1000.0 + later_s
        with pytest.raises(AccessRefused) as told:
            access.check()
        assert (told.value.label, told.value.what) == (refusal.label, refusal.what)
    clock.now_s = 1030.0
    access.check()
    access.refused(refusal)
    access.forget()
    access.check()
