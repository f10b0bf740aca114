"""One public connection with its share of the pairs: best prices and last trades, as they come."""

from collections.abc import Callable
from decimal import Decimal

import structlog

from autotrader_v2.application.ports import Clock
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate.frames import BEST, TICKERS, Frame, Result, frame_of
from autotrader_v2.infrastructure.gate.stream import Stream
from autotrader_v2.infrastructure.gate.subscriptions import Subscriptions

# No price and no size is beyond these; beyond them a number is an error.
_LOW = Decimal("1e-25")
_HIGH = Decimal("1e20")
_ZERO = Decimal(0)
# Without any message for this long the REST reads are asked whether something was missed; for this long it is dropped.
_DOUBT_S = 5.0
_SILENCE_S = 15.0
_SILENCE_MAX_S = 240.0
# A message that took longer waited somewhere: it confirms its price for the time it was made, not for now.
_LATE_MS = 1_000

_log = structlog.get_logger()


class Place:
    """What the feed knows of a market: its newest quote, and when the WebSocket last spoke of it (our clock)."""

    __slots__ = ("heard_ms", "last", "market", "quote")

    def __init__(self, market: Market) -> None:
        self.market = market
        self.quote: Quote | None = None
        self.last: Decimal | None = None
        self.heard_ms = 0


class Shard:
    """Reads one connection. Messages that are no numbers are dropped and counted; nothing is raised from here.

    `places` is shared with the feed: pair -> place. `on_quote` gets every quote.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        name: str,
        places: dict[str, Place],
        on_quote: Callable[[Quote], None],
        exchange_now_ms: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._places = places
        self._on_quote = on_quote
        self._exchange_now_ms = exchange_now_ms
        self.bad_messages = 0
        self.heard_s = clock.monotonic_s()
        self.heard_ms = 0
        self._patience_s = _SILENCE_S
        self.stream = Stream(url, clock, name, on_open=self._opened, on_message=self.take, on_close=lambda: None)
        self.subscriptions = Subscriptions(clock, lambda: exchange_now_ms() // 1000, self.stream.send)

    def take(self, data: bytes) -> None:
        """One message."""
        try:
            frame = frame_of(data)
            result = frame.result
            if frame.event == "update" and result is not None:
                if frame.channel == BEST:
                    self._best(result)
                elif frame.channel == TICKERS:
                    self._ticker(result)
                return
        except (ValueError, ArithmeticError, TypeError) as error:
            # Missing numbers, NaN (which cannot be compared), text that is no number, no JSON.
            self.bad_messages += 1
            if self.bad_messages % 1000 == 1:
                _log.warning("an unreadable message", count=self.bad_messages, error=type(error).__name__)
            return
        self._other(frame)

    def look(self, *, missed: bool) -> None:
        """Watchdog. `missed`: a REST read shows prices that this connection should have told but did not."""
        if not self.stream.connected or not self.subscriptions.pairs:
            return
        silent_s = self._clock.monotonic_s() - self.heard_s
        if self.subscriptions.overdue():
            self.stream.drop("a subscription was not answered")
        elif silent_s > _DOUBT_S and missed:
            self.stream.drop(f"prices changed, but it has been silent for {silent_s:.0f} s")
        elif silent_s > self._patience_s:
            # Where nothing moves a new connection is as silent as the old one.
            self._patience_s = min(self._patience_s * 2, _SILENCE_MAX_S)
            self.stream.drop(f"silent for {silent_s:.0f} s")

    def _best(self, result: Result) -> None:
        place = self._places.get(result.s)
        if place is None:
            return
        bid, ask, bid_size, ask_size = result.b, result.a, result.B, result.A
        # None raises TypeError here, NaN an ArithmeticError: both are caught where messages are taken.
        if not (_LOW < bid < _HIGH and _LOW < ask < _HIGH and result.t > 0):  # type: ignore[operator]
            raise ValueError("a price outside any range")
        if not (_ZERO <= bid_size < _HIGH and _ZERO <= ask_size < _HIGH):  # type: ignore[operator]
            raise ValueError("a size outside any range")
        now_ms = self._clock.now_ms()
        late_ms = self._exchange_now_ms() - result.t
        if late_ms < _LATE_MS:
            place.heard_ms, late_ms = now_ms, 0
        quote = Quote(place.market, bid, ask, place.last or bid, result.t, now_ms - late_ms, bid_size, ask_size)  # type: ignore[arg-type]
        place.quote = quote
        self.heard_ms = now_ms
        self.heard_s = self._clock.monotonic_s()
        self._on_quote(quote)

    def _ticker(self, result: Result) -> None:
        place = self._places.get(result.currency_pair)
        if place is None:
            return
        if not _LOW < result.last < _HIGH:  # type: ignore[operator]
            raise ValueError("a price outside any range")
        place.last = result.last
        self.heard_ms = self._clock.now_ms()
        self.heard_s = self._clock.monotonic_s()

    def _other(self, frame: Frame) -> None:
        if frame.asks_to_reconnect:
            self.stream.drop("the exchange asked for it")
        elif frame.event == "subscribe":
            self.subscriptions.answered(frame)

    def _opened(self) -> None:
        self.heard_s = self._clock.monotonic_s()
        self.subscriptions.opened()
