"""Signatures, against the exchange's own examples (1, 2) and some made with an independent tool (3-6)."""

import pytest

from autotrader_v2.simulator.signing import channel_signature, login_signature, rest_signature, same

FUTURES = "/api/v4/futures/orders"
FUTURES_BODY = b'{"contract":"BTC_USD","type":"limit","size":100,"price":6800,"time_in_force":"gtc"}'
QUERY = "contract=BTC_USD&status=finished&limit=50"


@pytest.mark.parametrize(
    ("made", "right"),
    [
        (rest_signature("secret", "GET", FUTURES, QUERY, b"", "1541993715"), "55f84ea195d6fe57ce62464daaa7c3c0"),
        (rest_signature("secret", "POST", FUTURES, "", FUTURES_BODY, "1541993715"), "eae42da914a590ddf727473aff25fc87"),
        (
            rest_signature(
                "secret",
                "POST",
                "/api/v4/spot/orders",
                "",
                b'{"text": "t-1", "currency_pair": "BTC_USDT"}',
                "1700000000.5",
            ),
            "e1cfe5d202a7e36722adca51964bedb3",
        ),
        (channel_signature("secret", "spot.orders", "subscribe", 1700000000), "0dc17b76097b2726573e30bde2a792ce"),
        (login_signature("secret", "spot.login", "", "1700000000"), "fda6efd05e40791f1059365daecc597f"),
        (login_signature("secret", "spot.login", "{}", "1700000000"), "03cd3c385a7f3b5002acb584da5556d0"),
    ],
)
def test_signatures_are_those_of_the_exchange(made: str, right: str) -> None:
    assert len(made) == 128
    assert made.startswith(right)


def test_a_query_is_signed_decoded() -> None:
    one = rest_signature("s", "GET", "/p", "currency_pairs=BTC_USDT%2CETH_USDT", b"", "1")
    other = rest_signature("s", "GET", "/p", "currency_pairs=BTC_USDT,ETH_USDT", b"", "1")
    assert one == other


def test_any_text_can_be_compared() -> None:
    assert not same("\ud800ü", "abc")
