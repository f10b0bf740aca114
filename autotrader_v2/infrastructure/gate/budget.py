"""Our own rate limits, so that Gate's never stop an order: half of them in the long run, for orders at all times.

Source: Gate API v4, rate limits: placing 10/s per account and pair; every other endpoint 200 per 10 s. Reads come in
bursts (a fall in which a hundred coins look at their books at once, a start with fifty open cycles): in their busiest
ten seconds they reach the limit and do not pass it, one short of 200.
"""

import threading
from typing import NamedTuple

from autotrader_v2.application.ports import Clock, RateUse


class Rate(NamedTuple):
    """So many calls per second in the long run, so many at once.

    `kept`: how many of these are left alone by ordinary calls, for those that find out what became of orders.
    """

    per_s: float
    burst: int
    kept: int = 0


_CLOSED_MIN_S = 1.0
_CLOSED_MAX_S = 15.0

# Within any second, or any ten: `burst` and what comes in meanwhile.
PLACE = Rate(3, 2)
READ = Rate(10, 99)
PRIVATE_READ = Rate(10, 99, 30)


class _Bucket:
    __slots__ = ("closed_until_s", "filled_s", "tokens")

    def __init__(self, tokens: float, now_s: float) -> None:
        self.tokens = tokens
        self.filled_s = now_s
        self.closed_until_s = 0.0


class Budget:
    """Token buckets, one per key."""

    def __init__(self, clock: Clock, rate: Rate) -> None:
        self._clock = clock
        self._rate = rate
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: str, patience_s: float, *, urgent: bool = False) -> bool:
        """Take a token, waiting for it at most that long. False: none would come in time, and none was taken.

        `urgent` calls may take the tokens that are kept.
        """
        with self._lock:
            now_s = self._clock.monotonic_s()
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = _Bucket(self._rate.burst, now_s)
            earned = (now_s - bucket.filled_s) * self._rate.per_s
            bucket.tokens = min(self._rate.burst, bucket.tokens + earned)
            bucket.filled_s = now_s
            # A token may be taken before it exists: who takes it waits until it does.
            needed = 1 if urgent else 1 + self._rate.kept
            wait_s = max((needed - bucket.tokens) / self._rate.per_s, bucket.closed_until_s - now_s, 0.0)
            if wait_s > patience_s:
                return False
            bucket.tokens -= 1
        if wait_s:
            self._clock.wait(threading.Event(), wait_s)
        return True

    def use(self, group: str) -> RateUse:
        """How much is used now; of several buckets the one that has the least left."""
        rate = self._rate
        with self._lock:
            now_s = self._clock.monotonic_s()
            left = [
                min(rate.burst, bucket.tokens + (now_s - bucket.filled_s) * rate.per_s)
                for bucket in self._buckets.values()
            ]
            closed_s = max((bucket.closed_until_s - now_s for bucket in self._buckets.values()), default=0.0)
        used = rate.burst - min(left, default=rate.burst)
        return RateUse(group, max(used, 0.0), rate.burst, rate.per_s, rate.kept, max(closed_s, 0.0))

    def close(self, key: str, until_open_ms: int) -> None:
        """Give nothing for a while: the exchange said that it is too much, and how long (milliseconds) it lasts.

        What it said is taken within limits: a wrong or missing reset time must not stop us for long, or not at all.
        """
        for_s = min(max(until_open_ms / 1000, _CLOSED_MIN_S), _CLOSED_MAX_S)
        with self._lock:
            now_s = self._clock.monotonic_s()
            bucket = self._buckets.setdefault(key, _Bucket(self._rate.burst, now_s))
            bucket.closed_until_s = max(bucket.closed_until_s, now_s + for_s)
