"""Whether the exchange answers, and how fast: every call of the engine to it goes through here (rows E13, M16).

When nothing was answered for a minute it is left in peace: one read every half minute goes out, the others are refused
at once as unanswered.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from autotrader_v2.application.lines import Doing, doing
from autotrader_v2.application.ports import (
    AccessRefused,
    AccountFacts,
    Clock,
    Exchange,
    ExchangeUnavailable,
    Found,
    Holding,
    NotSeen,
    OpenOrder,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult
from autotrader_v2.domain.quotes import Quote

SLOW_S = 1.0
# So long, and so often in a row, without an answer: it is away.
AWAY_S = 10.0
AWAY_FAILURES = 3
CALM_AFTER_S = 60.0
CALM_EVERY_S = 30.0
_REMEMBERED = 5
_SLOW_OF_REMEMBERED = 3

T = TypeVar("T")


class Reach:
    """How the exchange answered lately. Each attribute is replaced in one assignment; readers take no lock.

    Units: seconds by the engine's clock; `failing_since_s` None while it answers.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._took_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._probe_lock = threading.Lock()
        self._probed_s = float("-inf")
        self.failing_since_s: float | None = None
        self.failing_since_ms = 0
        self.failures = 0
        self.answered_ms = 0

    @property
    def away_s(self) -> float | None:
        """How long the exchange has not answered, when that is long enough to say so; else None."""
        since_s = self.failing_since_s
        if since_s is None or self.failures < AWAY_FAILURES:
            return None
        away_s = self._clock.monotonic_s() - since_s
        return away_s if away_s >= AWAY_S else None

    @property
    def calm(self) -> bool:
        """Whether it is left in peace but for a read now and then."""
        since_s = self.failing_since_s
        return since_s is not None and self._clock.monotonic_s() - since_s > CALM_AFTER_S

    @property
    def slow_s(self) -> float | None:
        """The longest of the last calls when three of five took more than a second, else None."""
        took = tuple(self._took_s)
        return max(took) if sum(one > SLOW_S for one in took) >= _SLOW_OF_REMEMBERED else None

    def leave_peace(self) -> None:
        """Something says that it may be back: the next read goes out at once."""
        with self._probe_lock:
            self._probed_s = float("-inf")

    def timed(self, call: Callable[[], T]) -> T:
        """One request, timed."""
        self._not_in_vain()
        began_s = self._clock.monotonic_s()
        try:
            return self._ask(call)
        finally:
            self._took_s.append(self._clock.monotonic_s() - began_s)

    def asked(self, call: Callable[[], T]) -> T:
        """One or more requests; only whether they were answered counts."""
        self._not_in_vain()
        return self._ask(call)

    def _not_in_vain(self) -> None:
        if self.calm and not self._may_probe():
            raise ExchangeUnavailable(
                "The exchange has not answered for over a minute.", do="It is asked now and then."
            )

    def _may_probe(self) -> bool:
        with self._probe_lock:
            now_s = self._clock.monotonic_s()
            if now_s - self._probed_s < CALM_EVERY_S:
                return False
            self._probed_s = now_s
            return True

    def _ask(self, call: Callable[[], T]) -> T:
        with doing(Doing.ASKS):
            try:
                answer = call()
            except AccessRefused:
                # It is there, and says no.
                self._answered()
                raise
            except ExchangeUnavailable:
                self._failed()
                raise
        self._answered()
        return answer

    def _failed(self) -> None:
        if self.failing_since_s is None:
            self.failing_since_ms = self._clock.now_ms()
            self.failing_since_s = self._clock.monotonic_s()
        self.failures += 1

    def _answered(self) -> None:
        self.answered_ms = self._clock.now_ms()
        self.failing_since_s, self.failures = None, 0


class WatchedExchange:
    """An `Exchange` that tells `Reach` how each call went."""

    def __init__(self, exchange: Exchange, reach: Reach) -> None:
        self._exchange = exchange
        self._reach = reach
        self.now_ms = exchange.now_ms
        self.time_check = exchange.time_check

    @property
    def name(self) -> str:
        """See the port."""
        return self._exchange.name

    def send(self, intent: OrderIntent) -> OrderResult:
        """See the port. A refusal is an answer; what came of an order that got none is the reads' to tell."""
        with doing(Doing.ASKS):
            return self._exchange.send(intent)

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """See the port."""
        return self._reach.asked(lambda: self._exchange.find(intent, order_id))

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        return self._reach.asked(lambda: self._exchange.own_trades(market, since_ms))

    def account_trades(self, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        return self._reach.asked(lambda: self._exchange.account_trades(since_ms))

    def account(self) -> AccountFacts:
        """See the port."""
        return self._reach.asked(self._exchange.account)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """See the port."""
        return self._reach.asked(self._exchange.open_orders)

    def balances(self) -> Mapping[str, Holding]:
        """See the port."""
        return self._reach.timed(self._exchange.balances)

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        """See the port."""
        return self._reach.asked(lambda: self._exchange.rules(markets))

    def book(self, market: Market) -> Quote:
        """See the port."""
        return self._reach.timed(lambda: self._exchange.book(market))

    def tickers(self) -> Sequence[Quote]:
        """See the port."""
        return self._reach.timed(self._exchange.tickers)

    def warm(self) -> None:
        """See the port; not while the exchange is left in peace."""
        if not self._reach.calm:
            with doing(Doing.ASKS):
                self._exchange.warm()

    def forget_refusal(self) -> None:
        """See the port."""
        self._exchange.forget_refusal()

    def close(self) -> None:
        """See the port."""
        self._exchange.close()
