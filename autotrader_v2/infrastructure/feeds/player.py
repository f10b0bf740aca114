"""Plays a price source on its own thread and moves the clock that goes with it."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.clock import PlayedClock
from autotrader_v2.infrastructure.feeds.sources import PriceSource

REPEAT_MS = 1_000
# A market without a real quote for so long is over, or its recording pauses: it falls silent, and its last price
# stops looking fresh. The longest gap inside the candle files in use is just under six hours.
REPEAT_FOR_MS = 12 * 3_600_000
# Repeats per second of wall time that are played one by one. Beyond it they are only made at stops (see `Player`).
_REPEATS_PER_S = 5_000
# Without real quotes the clock stops at least this often, so that waits end and no silence of a minute arises.
_LONGEST_STRIDE_MS = 30_000

log = logging.getLogger(__name__)


class Player:
    """Plays a source: each quote at its time, and the last one of a quiet market again each second of source time.

    `speed` s: source time runs s times the wall; None: as fast as everything is dealt with. At max speed `settle` is
    called before each advance and must return only when all that is due has been decided and carried out, so that
    nothing decides on stale prices. `on_quote` and `on_finished` are called from the player's thread; an exception
    from `on_quote` or from the source ends the play and is kept in `error`.

    Repeats. With a few markets at a modest speed every market's last quote is repeated each second. With hundreds of
    markets at speed 600, or at max speed, that would be millions of quotes that say nothing. There the clock does not
    run between stops (a stop is any real quote, and a stride of at most 30 s): it stands on the last one, and at each
    stop every market's quote older than a second is repeated. So whenever something decides, all prices are at
    most a second old by the clock it looks at, and a real quote is never skipped or merged into another.
    """

    def __init__(
        self,
        source: PriceSource,
        *,
        on_quote: Callable[[Quote], None],
        speed: float | None = 1.0,
        clock: PlayedClock | None = None,
        settle: Callable[[], None] | None = None,
        on_finished: Callable[[], None] | None = None,
    ) -> None:
        if clock is not None and clock.speed != speed:
            raise ValueError(f"the player's speed {speed} is not that of its clock, {clock.speed}")
        self.clock = clock or PlayedClock(source.start_ms, speed=speed)
        self.error: Exception | None = None
        self._source = source
        self._on_quote = on_quote
        self._settle = settle
        self._on_finished = on_finished
        self._stopping = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="price-player", daemon=True)
        # Last quote per market, the longest unrepeated first.
        self._last: OrderedDict[Market, Quote] = OrderedDict()
        self._real_ms: dict[Market, int] = {}
        repeats_per_s = len(source.markets) * (speed or 0.0)
        self._steady = speed is not None and repeats_per_s <= _REPEATS_PER_S
        self._stride_ms = _LONGEST_STRIDE_MS
        if speed is not None:
            self._stride_ms = min(_LONGEST_STRIDE_MS, int(REPEAT_MS * max(1.0, repeats_per_s / _REPEATS_PER_S)))

    @property
    def finished(self) -> bool:
        """Whether nothing comes any more: the source is at its end, failed (see `error`), or was stopped."""
        return self._done.is_set()

    def start(self) -> None:
        """Begin to play. Errors: RuntimeError at a second start."""
        self._thread.start()

    def stop(self) -> None:
        """End the play; returns when no callback runs any more. May be called twice, and from a callback."""
        self._stopping.set()
        if self._thread.ident is None:
            self.clock.run_free()
            self._done.set()
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def wait_finished(self, timeout_s: float | None = None) -> bool:
        """Wait, in wall time, for the end; True when it came."""
        return self._done.wait(timeout_s)

    def _run(self) -> None:
        try:
            self._play(self._source.quotes())
        except Exception as error:
            # It ends on this thread, where nobody could catch it: kept for whoever asks why the prices stopped.
            self.error = error
            log.exception("the price source failed; no more prices will come from it")
        finally:
            self.clock.run_free()
            self._done.set()
            if self._on_finished is not None:
                self._on_finished()

    def _play(self, quotes: Iterator[Quote]) -> None:
        clock, stopping = self.clock, self._stopping
        upcoming = next(quotes, None)
        while upcoming is not None:
            self._settled()
            if not self._last:
                # The beginning, or a hole in every market: nothing to repeat, so nothing to wait for.
                stop_ms = upcoming.exchange_ms
                clock.leap_to(stop_ms)
            else:
                stop_ms = self._next_stop(upcoming.exchange_ms)
            if not clock.travel_to(stop_ms, stopping, steady=self._steady):
                return
            fresh: list[Quote] = []
            while upcoming is not None and upcoming.exchange_ms <= stop_ms:
                self._remember(upcoming)
                fresh.append(upcoming)
                upcoming = next(quotes, None)
            self._deliver(stop_ms, fresh)
        self._settled()

    def _next_stop(self, upcoming_ms: int) -> int:
        oldest_ms = next(iter(self._last.values())).exchange_ms
        if self._steady:
            return min(upcoming_ms, oldest_ms + REPEAT_MS)
        return min(upcoming_ms, self.clock.now_ms() + self._stride_ms)

    def _deliver(self, stop_ms: int, fresh: list[Quote]) -> None:
        repeats = self._repeats(stop_ms)
        if self._steady or self.clock.speed is None:
            self.clock.arrive(stop_ms)
            self._hand_on(repeats)
        else:
            # Other threads look at a clock that is about to leap: first the old prices are made good for the new
            # time, so that none of them looks stale in between.
            self._hand_on(repeats)
            self.clock.arrive(stop_ms)
        self._hand_on(fresh)
        self.clock.wake_due()

    def _repeats(self, now_ms: int) -> list[Quote]:
        repeats: list[Quote] = []
        while self._last:
            market, quote = next(iter(self._last.items()))
            if quote.exchange_ms > now_ms - REPEAT_MS:
                break
            if now_ms - self._real_ms[market] > REPEAT_FOR_MS:
                del self._last[market]
                continue
            again = quote._replace(exchange_ms=now_ms, confirmed_ms=now_ms)
            self._last[market] = again
            self._last.move_to_end(market)
            repeats.append(again)
        return repeats

    def _remember(self, quote: Quote) -> None:
        market = quote.market
        self._real_ms[market] = quote.exchange_ms
        self._last[market] = quote
        self._last.move_to_end(market)

    def _hand_on(self, quotes: list[Quote]) -> None:
        for quote in quotes:
            if self._stopping.is_set():
                return
            self._on_quote(quote)

    def _settled(self) -> None:
        if self.clock.speed is None and self._settle is not None:
            self._settle()
