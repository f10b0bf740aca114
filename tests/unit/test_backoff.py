"""A side whose order came to nothing waits, longer each time, until the price is another one."""

from decimal import Decimal

from autotrader_v2.application.slot import NO_BACKOFF

_PRICE = Decimal(2500)


def test_o11_a_side_that_got_nothing_waits_twice_as_long_each_time() -> None:
    backoff, waits_s = NO_BACKOFF, []
    for _ in range(9):
        backoff = backoff.failed(1_000_000, _PRICE)
        waits_s.append((backoff.until(_PRICE) - 1_000_000) / 1000)
    assert waits_s == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert backoff.failures == 9


def test_o11_a_price_one_percent_away_ends_the_wait() -> None:
    backoff = NO_BACKOFF.failed(1_000_000, _PRICE)
    assert backoff.until(Decimal("2524.99")) == backoff.until(Decimal("2475.01")) == 1_001_000
    assert backoff.until(Decimal(2525)) == backoff.until(Decimal(2475)) == 0
