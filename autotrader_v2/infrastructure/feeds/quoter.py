"""Makes quotes of one market from prices counted in whole ticks."""

from decimal import ROUND_HALF_EVEN, Decimal

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.coins import spread_ppm

# What stands at the best price on each side, in quote currency: the base amount and the shares of it that alternate.
# Wide enough for ordinary ladders, so that depth is not what a replay is about.
_WORTH = 25_000
_SHARES_PCT = (100, 62, 147, 88, 215, 71, 120, 54, 178, 95, 66, 133, 240, 81, 110, 58)
_SIZE_DIGITS = 4
# Neighbouring prices come again and again; a thousand markets must still fit into a small machine.
_REMEMBERED_PRICES = 500
_MILLION = 1_000_000


class Quoter:
    """Turns a price in ticks into bid, ask and last, with sizes.

    The spread is the market's share of the price in whole ticks, at least one; `last` lies within it.
    """

    def __init__(self, market: Market, tick: Decimal) -> None:
        if not tick.is_finite() or tick <= 0:
            raise ValueError(f"the price step of {market} must be positive, got {tick}")
        self.market = market
        self.tick = tick
        self.spread_ppm = spread_ppm(market)
        self._prices: dict[int, Decimal] = {}
        self._sizes: list[Decimal] = []
        self._sizes_from = self._sizes_to = 0
        self._count = 0

    def ticks_of(self, price: Decimal) -> int:
        """The price in whole ticks, half-even, at least one."""
        return max(1, int((price / self.tick).to_integral_value(ROUND_HALF_EVEN)))

    def quote(self, ticks: int, at_ms: int) -> Quote:
        """The quote around that price at that time."""
        if not self._sizes_from <= ticks <= self._sizes_to:
            self._fit_sizes(ticks)
        spread = ticks * self.spread_ppm // _MILLION or 1
        bid = ticks - (spread >> 1) or 1
        self._count = count = (self._count + 1) & 15
        price = self.price
        return Quote(
            self.market,
            price(bid),
            price(bid + spread),
            price(ticks),
            at_ms,
            at_ms,
            self._sizes[count],
            self._sizes[count ^ 5],
        )

    def bare(self, ticks: int, at_ms: int) -> Quote:
        """The same quote, but of unknown sizes."""
        spread = ticks * self.spread_ppm // _MILLION or 1
        bid = ticks - (spread >> 1) or 1
        price = self.price
        return Quote(self.market, price(bid), price(bid + spread), price(ticks), at_ms, at_ms)

    def price(self, ticks: int) -> Decimal:
        """The exact price of that many ticks."""
        known = self._prices.get(ticks)
        if known is None:
            if len(self._prices) >= _REMEMBERED_PRICES:
                self._prices.clear()
            known = self._prices[ticks] = ticks * self.tick
        return known

    def _fit_sizes(self, ticks: int) -> None:
        """Sizes worth about the same, until the price has moved far; made rarely because division is slow."""
        self._sizes_from, self._sizes_to = ticks * 4 // 5, ticks * 5 // 4
        coins = _WORTH / (ticks * self.tick)
        step = Decimal((0, (1,), min(0, coins.adjusted() - _SIZE_DIGITS + 1)))
        self._sizes = [(coins * share / 100).quantize(step) for share in _SHARES_PCT]
