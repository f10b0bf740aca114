"""The prices of a market over five minutes, thinned out: what a single price is compared with before a buy."""

from array import array
from decimal import Decimal

from autotrader_v2.domain.limits import FEW_MINUTES_MS, median_price
from autotrader_v2.domain.quotes import Quote

_APART_MS = 5000
_KEPT = FEW_MINUTES_MS // _APART_MS


class RecentPrices:
    """A ring of 60 middle prices, one each 5 s at most, by the exchange's time. About 1.3 KB, whatever the speed.

    Whoever owns it brings the lock for `note`; its plain attributes are read by anybody.
    """

    __slots__ = ("_mids", "_next", "_times", "due_ms", "median")

    def __init__(self) -> None:
        self._times = array("q", bytes(8 * _KEPT))
        self._mids = array("d", bytes(8 * _KEPT))
        self._next = 0
        # Of the five minutes before the newest sample; None while they tell too little. Worked out with each sample,
        # so that it is there when a price decides an order.
        self.median: Decimal | None = None
        # From when on a quote is noted: asked for at every quote, so it is a plain attribute.
        self.due_ms = 0

    def note(self, quote: Quote) -> None:
        """Keep this accepted quote as the sample of its five seconds."""
        self.due_ms = quote.exchange_ms + _APART_MS
        self._times[self._next] = quote.exchange_ms
        self._mids[self._next] = float(quote.bid + quote.ask) / 2
        self._next = (self._next + 1) % _KEPT
        self.median = median_price(self._times, self._mids, quote.exchange_ms)
