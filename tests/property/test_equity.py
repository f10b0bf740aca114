"""Samples of equity: thinning keeps them few and never hides a fall."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from autotrader_v2.domain.equity import SAMPLE_EVERY_MS, EquitySample, deepest, falls, superfluous
from autotrader_v2.domain.money import ZERO
from tests.builders import NOW_MS


def a_sample(time_ms: int, result: int | Decimal, equity: int | Decimal | None = None) -> EquitySample:
    """Worth 1000 and what was earned, unless paid in or out."""
    worth = Decimal(1000) + result if equity is None else Decimal(equity)
    return EquitySample(
        time_ms=time_ms, equity=worth, free=worth, invested=ZERO, unrealised=ZERO, realised=Decimal(result)
    )


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=400), st.integers(1, 2000))
def test_thinning_keeps_the_deepest_fall_the_heights_and_the_newest(results: list[int], apart: int) -> None:
    """Whatever the samples' age; and thinning what was thinned takes nothing more."""
    samples = [(n, a_sample(NOW_MS + n * apart * SAMPLE_EVERY_MS, one)) for n, one in enumerate(results)]
    now_ms = samples[-1][1].time_ms
    spare = set(superfluous(samples, now_ms))
    kept = [one for one in samples if one[0] not in spare]
    assert kept[-1] == samples[-1]
    for pick in (min, max):
        assert pick(one.result for _, one in kept) == pick(one.result for _, one in samples)
    assert superfluous(kept, now_ms) == ()


def test_ten_years_take_a_few_thousand_samples() -> None:
    """Thinned every five hundred samples, as the engine does it."""
    kept: list[tuple[int, EquitySample]] = []
    count = 60_000
    for n in range(count):
        kept.append((n, a_sample(NOW_MS + n * SAMPLE_EVERY_MS * 18, n % 97)))
        if n % 500 == 0 or n == count - 1:
            spare = set(superfluous(kept, kept[-1][1].time_ms))
            kept = [one for one in kept if one[0] not in spare]
    assert len(kept) < 8000
    assert min(one.result for _, one in kept) == 0


def test_a_fall_is_a_share_of_the_height_before_and_payments_are_no_fall() -> None:
    """1000 earns 100, falls to 990, and 500 are taken out: still 10 % below 1100."""
    samples = [a_sample(1, 0), a_sample(2, 100), a_sample(3, -10), a_sample(4, 100, 600), a_sample(5, 100, 2000)]
    found = falls(samples)
    assert [fall.pct for fall in found] == [0, 0, Decimal(-10), 0, 0]
    assert deepest(found).time_ms == 3
    assert deepest(()).pct == 0
