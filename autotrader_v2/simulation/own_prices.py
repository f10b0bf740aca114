"""Which quotes the engine may believe, and the median of the last minutes: worked out from what it was handed.

Written a second time on purpose, from "Quotes" of TRADING_RULES.md and from what docs/RELIABILITY.md (M8) says of the
band: a screen or a median that went wrong would have to go wrong twice.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from autotrader_v2.domain.quotes import Quote

_WINDOW_MS = 300_000
_SAMPLE_MS = 5_000
# A median of less than a minute says nothing.
_LEAST_SPAN_MS = 60_000
_SILENCE_MS = 60_000
_CONFIRM_MS = 500
_JUMP = Decimal("0.2")
_AGREES = Decimal("0.05")


@dataclass(slots=True)
class OwnPrices:
    """One market's, of one process. `ask`: of the newest quote that counts."""

    ask: Decimal | None = None
    _newest: Quote | None = None
    _doubted: Quote | None = None
    # (exchange time, twice the middle price), five seconds apart.
    _samples: deque[tuple[int, Decimal]] = field(default_factory=deque)

    def heard(self, quote: Quote) -> None:
        """A quote was handed to the process, with the times by its own clocks that it was handed with."""
        bid, ask, newest, doubted = quote.bid, quote.ask, self._newest, self._doubted
        if not (bid.is_finite() and ask.is_finite() and 0 < bid <= ask):
            return
        if newest is not None and quote.exchange_ms < newest.exchange_ms:
            return
        silent = newest is None or quote.confirmed_ms - newest.confirmed_ms > _SILENCE_MS
        agrees = doubted is not None and _within(doubted, quote, _AGREES)
        if quote.from_book_read and (silent or agrees):
            self._take(quote)
        elif newest is None or silent:
            self._doubted = quote
        elif _within(newest, quote, _JUMP):
            self._take(quote)
        elif doubted is None or not agrees:
            self._doubted = quote
        elif quote.exchange_ms - doubted.exchange_ms >= _CONFIRM_MS:
            self._take(quote)

    def middles(self) -> tuple[Decimal, Decimal] | None:
        """The median price of five minutes; of an even number of prices both that are in the middle.

        None while they span less than a minute.
        """
        samples = self._samples
        if not samples or samples[-1][0] - samples[0][0] < _LEAST_SPAN_MS:
            return None
        ordered = sorted(twice for _, twice in samples)
        return ordered[(len(ordered) - 1) // 2] / 2, ordered[len(ordered) // 2] / 2

    def _take(self, quote: Quote) -> None:
        self._newest, self._doubted, self.ask = quote, None, quote.ask
        samples, now_ms = self._samples, quote.exchange_ms
        if samples and now_ms < samples[-1][0] + _SAMPLE_MS:
            return
        samples.append((now_ms, quote.bid + quote.ask))
        while samples[0][0] <= now_ms - _WINDOW_MS:
            samples.popleft()


def _within(before: Quote, now: Quote, share: Decimal) -> bool:
    return abs(now.bid - before.bid) <= share * before.bid and abs(now.ask - before.ask) <= share * before.ask
