"""The prices of a market over five minutes, thinned out: what a single price is compared with before a buy."""

from array import array
from decimal import Decimal

from autotrader_v2.domain.limits import FEW_MINUTES_MS, median_price
from autotrader_v2.domain.quotes import Quote

_APART_MS = 5000
_KEPT = FEW_MINUTES_MS // _APART_MS


class RecentPrices:
    """A ring of 60 middle prices, one each 5 s at most, by the exchange's time. About 1.3 KB, whatever the speed.

    Not thread-safe: whoever owns it brings the lock.
    """

    __slots__ = ("_known", "_median", "_mids", "_next", "_times", "due_ms")

    def __init__(self) -> None:
        self._times = array("q", bytes(8 * _KEPT))
        self._mids = array("d", bytes(8 * _KEPT))
        self._next = 0
        # What `median` last came to, until the next sample. Several look at it before one order leaves.
        self._median: Decimal | None = None
        self._known = False
        # From when on a quote is noted: asked for at every quote, so it is a plain attribute.
        self.due_ms = 0

    def note(self, quote: Quote) -> None:
        """Keep this accepted quote as the sample of its five seconds."""
        self.due_ms = quote.exchange_ms + _APART_MS
        self._times[self._next] = quote.exchange_ms
        self._mids[self._next] = float(quote.bid + quote.ask) / 2
        self._next = (self._next + 1) % _KEPT
        self._known = False

    def median(self, newest_ms: int) -> Decimal | None:
        """The median of the five minutes before that exchange time; None while they tell too little.

        `newest_ms` is that of the newest quote, so that a sample of its five seconds is here.
        """
        if not self._known:
            self._median = median_price(self._times, self._mids, newest_ms)
            self._known = True
        return self._median
