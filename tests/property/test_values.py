"""Money, symbols and client ids: read exactly or refused, and rounded only in the direction the name says."""

from contextlib import suppress
from decimal import Decimal, getcontext
from fractions import Fraction
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.domain.market import BadSymbol, TradeStatus, parse_symbol
from autotrader_v2.domain.money import NotANumber, amount, ceil_to, floor_to, plain, reported, share_of_cost, step_of
from autotrader_v2.domain.orders import CLIENT_ID_LENGTH_MAX, LIFE_DIGITS, ClientId, base36

numbers = st.decimals(Decimal("-1e12"), Decimal("1e12"), places=12)


@given(numbers, st.integers(0, 10))
def test_rounding_goes_the_way_its_name_says_and_never_past_one_step(value: Decimal, precision: int) -> None:
    step = step_of(precision)
    low, high = floor_to(value, step), ceil_to(value, step)
    assert low <= value <= high
    assert Fraction(value) - Fraction(low) < Fraction(step)
    assert Fraction(high) - Fraction(value) < Fraction(step)


@given(numbers)
def test_plain_text_is_exact_and_has_no_exponent(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert "E" not in text.upper()
    assert not text.endswith(".")


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    with suppress(NotANumber):
        assert amount(text).is_finite()


@pytest.mark.parametrize("text", ["", " 1", "1 ", "nan", "Infinity", "1e400", "1e-400", "1_000", "1,5", "١", "0x1f"])
def test_m9_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(NotANumber):
        amount(text)


def test_a_float_is_no_money() -> None:
    with pytest.raises(NotANumber):
        amount(0.1)  # type: ignore[arg-type]


@given(
    st.decimals(Decimal("0.01"), Decimal(10**9), places=8),
    st.lists(st.decimals(Decimal("0.0001"), Decimal(10**6), places=8), min_size=1, max_size=8),
)
def test_shares_of_a_cost_always_add_up_to_it(cost: Decimal, parts: list[Decimal]) -> None:
    """Sold piece by piece, a position gives away exactly what it cost."""
    left_cost, left = cost, sum(parts, Decimal(0))
    given_away = Decimal(0)
    for part in parts:
        share = share_of_cost(left_cost, part, left)
        given_away += share
        left_cost, left = left_cost - share, left - part
    assert given_away == cost
    assert left_cost == 0


def test_every_thread_counts_with_sixty_digits() -> None:
    seen: list[int] = []
    thread = Thread(target=lambda: seen.append(getcontext().prec))
    thread.start()
    thread.join()
    assert [*seen, getcontext().prec] == [60, 60]


def test_figures_for_people_have_twelve_digits_half_even() -> None:
    assert plain(reported(Decimal("1.0383756345177665"))) == "1.03837563452"
    assert plain(reported(Decimal("0.1234567890125"))) == "0.123456789012"


@pytest.mark.parametrize("text", ["BTC", "btc", "BTCUSDT", "BTC/USDT", "BTC_USDT", "btc-usdt", " BTC/usdt "])
def test_every_spelling_of_a_symbol_is_the_same_market(text: str) -> None:
    assert parse_symbol(text) == ("BTC", "USDT")


@pytest.mark.parametrize("text", ["", "BTC/USDT/X", "<img>", "USDT_USDT", "BTC USDT", "B" * 21, "БТЦ"])
def test_what_names_no_market_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadSymbol):
        parse_symbol(text)


def test_trade_status_tells_the_sides_apart() -> None:
    assert [(one.buys, one.sells) for one in TradeStatus] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


@given(
    st.from_regex(r"[0-9a-z]{4}", fullmatch=True),
    st.integers(0, 36**9),
    st.integers(1, 999),
    st.just("") | st.from_regex(rf"[0-9a-z]{{{LIFE_DIGITS}}}", fullmatch=True),
)
def test_a_client_id_reads_back_and_fits_the_exchange(instance: str, number: int, attempt: int, life: str) -> None:
    label = ClientId(instance, number, attempt, life)
    assert ClientId.parse(str(label)) == label
    assert len(str(label)) <= CLIENT_ID_LENGTH_MAX
    assert int(base36(number), 36) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "apiv4",
        "t-1",
        "t-abcd-1",
        "t-abcd-1.x",
        "t-ABCD-1.1",
        "x-abcd-1.1",
        "t-abcde-1.1",
        "t-abcd-1.1-k3x",
        "t-abcd-1.1-",
    ],
)
def test_a_foreign_label_is_not_ours(text: str) -> None:
    assert ClientId.parse(text) is None
