"""A market, its rules, and the many spellings people use for it."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from autotrader_v2.domain.money import ZERO, step_of

_NAME = re.compile(r"[A-Z0-9]{1,20}")
_QUOTE_PRECISION_MAX = 8


class BadSymbol(ValueError):
    """The text names no market; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Market:
    """One coin against one quote currency at one exchange: the key of slot, journal and wallet."""

    exchange: str
    base: str
    quote: str

    def __hash__(self) -> int:
        # The key of nearly every look-up there is, some hundred times for each order; coins tell markets apart.
        return hash(self.base)

    @property
    def pair(self) -> str:
        """`BTC_USDT`, as Gate writes it."""
        return f"{self.base}_{self.quote}"

    def __str__(self) -> str:
        return f"{self.exchange}:{self.pair}"


def parse_symbol(text: str, home_quote: str = "USDT") -> tuple[str, str]:
    """Read BTC, BTCUSDT, BTC/USDT, BTC_USDT or BTC-USDT as (base, quote).

    A name without a quote currency means the home quote. Errors: `BadSymbol`.
    """
    cleaned = text.strip().upper()
    parts = re.split(r"[/_-]", cleaned)
    if len(parts) == 1 and cleaned.endswith(home_quote) and len(cleaned) > len(home_quote):
        parts = [cleaned[: -len(home_quote)], home_quote]
    elif len(parts) == 1:
        parts = [cleaned, home_quote]
    if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise BadSymbol(f"{text[:40]!r} is not a symbol; write BTC, BTCUSDT, BTC/USDT or BTC_USDT")
    base, quote = parts
    if base == quote:
        raise BadSymbol(f"{text[:40]!r} trades a currency against itself")
    return base, quote


class TradeStatus(StrEnum):
    """Which sides the exchange takes. Source: Gate API v4, `currency_pairs.trade_status`."""

    TRADABLE = "tradable"
    BUYABLE = "buyable"
    SELLABLE = "sellable"
    UNTRADABLE = "untradable"

    @property
    def buys(self) -> bool:
        """Whether the exchange takes buys."""
        return self in (TradeStatus.TRADABLE, TradeStatus.BUYABLE)

    @property
    def sells(self) -> bool:
        """Whether the exchange takes sales."""
        return self in (TradeStatus.TRADABLE, TradeStatus.SELLABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What the exchange demands of an order in a market, and what it charges this account.

    Units: precisions in decimals, `*_base` in coins, `*_quote` in quote currency; a minimum or cap of 0 means none.
    `fee` is the account's taker fee as a fraction of the received currency (0.002 = 0.2 %).
    `delisting_s` is the announced delisting time in Unix seconds, 0 if none. `pays_fees`: the account pays its fees in
    this very coin, so its balance shrinks with every trade of any market.
    """

    market: Market
    price_precision: int
    amount_precision: int
    fee: Decimal
    min_base: Decimal = ZERO
    min_quote: Decimal = ZERO
    max_base: Decimal = ZERO
    max_quote: Decimal = ZERO
    market_max_base: Decimal = ZERO
    market_max_quote: Decimal = ZERO
    status: TradeStatus = TradeStatus.TRADABLE
    delisting_s: int = 0
    pays_fees: bool = False
    # Marked by the exchange as risky (special treatment); for people, nothing is decided on it.
    special: bool = False
    name: str = ""

    @property
    def tick(self) -> Decimal:
        """Price step."""
        return step_of(self.price_precision)

    @property
    def lot(self) -> Decimal:
        """Amount step, in coins."""
        return step_of(self.amount_precision)

    @property
    def qstep(self) -> Decimal:
        """Step of quote amounts."""
        return step_of(min(self.price_precision, _QUOTE_PRECISION_MAX))

    @property
    def least_sale(self) -> Decimal:
        """The smallest amount of coins an order may sell."""
        return max(self.min_base, self.lot)

    def sellable(self, coins: Decimal, price: Decimal) -> bool:
        """Whether that many coins (already rounded to lots) may be sold at that price."""
        return coins >= self.least_sale and coins * price >= self.min_quote
