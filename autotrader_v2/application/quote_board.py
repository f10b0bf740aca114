"""The newest accepted quote of every market, and which markets are due for a decision."""

import queue
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal

from autotrader_v2.application.recent_prices import RecentPrices
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import DEFAULT_SCREEN, NOTHING_SEEN, Quote, Screened, ScreenRules, Verdict, screen


class _Entry:
    __slots__ = ("due", "lock", "recent", "refused", "screened")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.screened: Screened = NOTHING_SEEN
        self.recent = RecentPrices()
        self.due = False
        self.refused = 0


class QuoteBoard:
    """Feeds offer, workers take. Many quotes that come while a market is due collapse into the newest one.

    `on_book_wanted` is called on the feed's thread, so it only leaves a note, for a market whose quote waits for a
    second source.
    """

    def __init__(self, rules: ScreenRules = DEFAULT_SCREEN) -> None:
        self._entries: dict[Market, _Entry] = {}
        self._due: queue.SimpleQueue[Market | None] = queue.SimpleQueue()
        self._rules = rules
        self._pending = 0
        self._pending_lock = threading.Condition(threading.Lock())
        self.on_book_wanted: Callable[[Market], None] = lambda _market: None
        # Rises with each accepted quote, for who looks whether any came; two at the same moment may count as one.
        self.accepted = 0

    def follow(self, markets: Iterable[Market]) -> None:
        """Keep a place for these markets; quotes of others are dropped."""
        for market in markets:
            self._entries.setdefault(market, _Entry())

    def forget(self, market: Market) -> None:
        """Drop what is known of a market, and its quotes from now on."""
        self._entries.pop(market, None)

    def offer(self, quote: Quote) -> Verdict:
        """Screen a quote; an accepted one is the market's newest from now on and makes it due."""
        entry = self._entries.get(quote.market)
        if entry is None:
            return Verdict.MISSING
        with entry.lock:
            screened = screen(entry.screened, quote, self._rules)
            entry.screened = screened
            verdict = screened.verdict
            if verdict is Verdict.ACCEPTED:
                wake = not entry.due
                entry.due = True
                if quote.exchange_ms >= entry.recent.due_ms:
                    entry.recent.note(quote)
                self.accepted += 1
            else:
                wake = False
                entry.refused += 1
        if wake:
            self._put(quote.market)
        elif screened.waiting is not None:
            self.on_book_wanted(quote.market)
        return verdict

    def mark_due(self, market: Market) -> None:
        """Have the market decided again soon, on the quote that is there."""
        entry = self._entries.get(market)
        if entry is None:
            return
        with entry.lock:
            wake = not entry.due
            entry.due = True
        if wake:
            self._put(market)

    def take(self) -> Market | None:
        """Wait for a due market; None when `wake_workers` asked to end. Call `done` when it is decided."""
        market = self._due.get()
        entry = self._entries.get(market) if market is not None else None
        if entry is not None:
            with entry.lock:
                entry.due = False
        return market

    def wake_workers(self, count: int) -> None:
        """Let that many `take` calls return None."""
        for _ in range(count):
            self._due.put(None)

    def newest(self, market: Market) -> Quote | None:
        """The newest accepted quote; no lock."""
        entry = self._entries.get(market)
        return entry.screened.accepted if entry else None

    def screened(self, market: Market) -> Screened:
        """What the screen remembers, with its last verdict; no lock."""
        entry = self._entries.get(market)
        return entry.screened if entry else NOTHING_SEEN

    def median(self, market: Market) -> Decimal | None:
        """The median price of the last five minutes; None while under a minute is known. No lock."""
        entry = self._entries.get(market)
        return entry.recent.median if entry else None

    def done(self) -> None:
        """What `take` gave is decided."""
        with self._pending_lock:
            self._pending -= 1
            if not self._pending:
                self._pending_lock.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no market is due or being decided; True when that is so. Wall time."""
        with self._pending_lock:
            return self._pending_lock.wait_for(lambda: not self._pending, timeout_s)

    def _put(self, market: Market) -> None:
        with self._pending_lock:
            self._pending += 1
        self._due.put(market)
