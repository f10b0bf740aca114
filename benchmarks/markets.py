"""Made-up markets, all alike, and their prices."""

import time
from collections.abc import Sequence
from decimal import Decimal

from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.quotes import Quote

TICK = Decimal("0.01")
PRICE = Decimal(100)
_PLENTY = Decimal(10**9)


def markets(count: int) -> tuple[Market, ...]:
    """So many of them."""
    return tuple(Market("gate", f"C{number:04}", "USDT") for number in range(count))


def rules_of(some: Sequence[Market]) -> list[MarketRules]:
    """Their rules."""
    return [
        MarketRules(
            market=market,
            price_precision=2,
            amount_precision=4,
            fee=Decimal("0.002"),
            min_base=Decimal("0.001"),
            min_quote=Decimal(3),
        )
        for market in some
    ]


def a_quote(market: Market, bid: Decimal = PRICE, *, from_book_read: bool = False) -> Quote:
    """A fresh price, one tick wide, with plenty behind it."""
    now_ms = time.time_ns() // 1_000_000
    return Quote(market, bid, bid + TICK, bid, now_ms, now_ms, _PLENTY, _PLENTY, from_book_read=from_book_read)
