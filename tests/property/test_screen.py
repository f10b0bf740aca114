"""No wrong price reaches the board."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.domain.quotes import NOTHING_SEEN, Quote, Screened, Verdict, screen
from tests.builders import NOW_MS, a_quote


def at(price: str, ms: int, **changes: object) -> Quote:
    """A quote of that price, that many ms later."""
    return a_quote(
        price, str(Decimal(price) + Decimal("0.01")), exchange_ms=NOW_MS + ms, confirmed_ms=NOW_MS + ms
    )._replace(
        **changes  # type: ignore[arg-type]
    )


SEEN = Screened(accepted=at("100", 0))

raw = st.one_of(st.decimals(allow_nan=True, allow_infinity=True), st.decimals(Decimal("0.01"), Decimal(1000), places=2))


@given(st.lists(st.tuples(raw, raw, raw, st.integers(-1000, 5000), st.booleans()), max_size=30))
def test_m1_m2_whatever_comes_only_sound_quotes_are_accepted_in_the_order_of_time(
    messages: list[tuple[Decimal, Decimal, Decimal, int, bool]],
) -> None:
    """Finite, positive, not crossed, never older; and a jump only after it was confirmed."""
    screened, now = NOTHING_SEEN, NOW_MS
    for bid, ask, last, later, book in messages:
        now += max(later, 0)
        quote = Quote(SEEN.accepted.market, bid, ask, last, NOW_MS + later, now, from_book_read=book)  # type: ignore[union-attr]
        before = screened.accepted
        screened = screen(screened, quote)
        kept = screened.accepted
        if screened.verdict is not Verdict.ACCEPTED:
            assert kept is before
            continue
        assert kept is quote
        assert 0 < quote.bid <= quote.ask
        assert quote.ask.is_finite()
        if before is not None:
            assert quote.exchange_ms >= before.exchange_ms


def test_m8_one_wild_quote_changes_nothing() -> None:
    wild = screen(SEEN, at("50", 100))
    assert (wild.verdict, wild.accepted) == (Verdict.JUMP_WAITS, SEEN.accepted)
    back = screen(wild, at("100", 200))
    assert back.verdict is Verdict.ACCEPTED
    assert back.waiting is None


def test_m8_a_jump_is_believed_when_a_later_quote_agrees() -> None:
    wild = screen(SEEN, at("50", 100))
    assert screen(wild, at("50.5", 599)).verdict is Verdict.JUMP_WAITS
    assert screen(wild, at("50.5", 600)).verdict is Verdict.ACCEPTED


def test_m8_a_jump_that_goes_on_jumping_waits_on() -> None:
    wild = screen(SEEN, at("50", 100))
    other = screen(wild, at("40", 700))
    assert other.verdict is Verdict.JUMP_WAITS
    assert screen(other, at("40.2", 1300)).verdict is Verdict.ACCEPTED


def test_m8_a_jump_is_believed_at_once_when_a_book_read_agrees() -> None:
    wild = screen(SEEN, at("50", 100))
    assert screen(wild, at("50.1", 110, from_book_read=True)).verdict is Verdict.ACCEPTED
    assert screen(wild, at("80", 110, from_book_read=True)).verdict is Verdict.ACCEPTED, "it agrees with the old price"
    assert screen(wild, at("30", 110, from_book_read=True)).verdict is Verdict.JUMP_WAITS, "it agrees with neither"


def test_the_first_quote_and_one_after_a_silence_wait_for_a_book_read() -> None:
    first = screen(NOTHING_SEEN, at("100", 0))
    assert (first.verdict, first.accepted) == (Verdict.FIRST_WAITS, None)
    assert screen(first, at("100", 1, from_book_read=True)).verdict is Verdict.ACCEPTED
    late = screen(SEEN, at("100", 60_001))
    assert late.verdict is Verdict.FIRST_WAITS
    assert screen(late, at("70", 60_002, from_book_read=True)).verdict is Verdict.ACCEPTED
    assert screen(SEEN, at("100", 60_000)).verdict is Verdict.ACCEPTED
