"""The rules and the depth of the markets this exchange in a box knows: a table for common coins, a rule for the rest.

Source of the precisions, minimums and caps of BTC, ETH, ADA, LTC, XRP, DOGE, TRX: Gate API v4, `/spot/currency_pairs`,
2026. The other rows follow the same pattern and are only plausible.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO, step_of
from autotrader_v2.domain.quotes import Quote

EXCHANGE = "gate"
STANDARD_FEE = Decimal("0.002")
_MIN_QUOTE = Decimal(3)
_MAX_QUOTE = Decimal(5_000_000)
# A coarser tick than this share of the price would make every spread a loss: old prices of a coin that grew.
_COARSEST_TICK = Decimal("0.0005")
_QUOTES_READ_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How deep a market is around its fed price.

    Units: `top_quote` is what the best level is worth in quote currency; every next level is `growth` times as large,
    give or take `jitter` (a fraction); levels are `gap` (a fraction of the price) apart, one tick at least. `slippage`
    is how far from the best price a market order may go (a fraction).
    """

    levels: int = 50
    top_quote: float = 2_000.0
    growth: float = 1.12
    jitter: float = 0.4
    gap: float = 0.00005
    slippage: Decimal = Decimal("0.05")


DEEP = Profile(top_quote=10_000.0, slippage=Decimal("0.03"))
USUAL = Profile()

# coin: (name, decimals of price, decimals of amount, min base, max base, market order cap in base, in quote)
_Row = tuple[str, int, int, str, str, str, str]
_TABLE: dict[str, _Row] = {
    "BTC": ("Bitcoin", 1, 6, "0.000001", "100", "63", "5000000"),
    "ETH": ("Ethereum", 2, 4, "0.001", "1000", "2128", "5000000"),
    "SOL": ("Solana", 2, 3, "0.001", "0", "24000", "3000000"),
    "XRP": ("XRP", 4, 3, "0.001", "0", "2154399", "3000000"),
    "DOGE": ("DogeCoin", 5, 2, "0.01", "0", "27219525", "3000000"),
    "ADA": ("Cardano", 4, 2, "0.01", "0", "8004803", "2000000"),
    "LTC": ("Litecoin", 2, 3, "0.001", "0", "18210", "1000000"),
    "TRX": ("TRON", 5, 2, "0.01", "0", "5852488", "2000000"),
    "BNB": ("BNB", 2, 3, "0.001", "0", "3000", "2000000"),
    "DOT": ("Polkadot", 4, 3, "0.001", "0", "200000", "1000000"),
    "LINK": ("Chainlink", 3, 3, "0.001", "0", "80000", "1000000"),
    "AVAX": ("Avalanche", 3, 3, "0.001", "0", "50000", "1000000"),
    "NEAR": ("NEAR Protocol", 4, 2, "0.01", "0", "300000", "1000000"),
    "ATOM": ("Cosmos", 3, 3, "0.001", "0", "150000", "1000000"),
    "UNI": ("Uniswap", 4, 3, "0.001", "0", "120000", "1000000"),
    "BCH": ("Bitcoin Cash", 2, 4, "0.001", "0", "2000", "1000000"),
    "ETC": ("Ethereum Classic", 3, 3, "0.001", "0", "40000", "1000000"),
    "FIL": ("Filecoin", 4, 3, "0.001", "0", "200000", "1000000"),
    "APT": ("Aptos", 4, 3, "0.001", "0", "100000", "1000000"),
    "SUI": ("Sui", 4, 2, "0.01", "0", "500000", "1000000"),
    "ARB": ("Arbitrum", 4, 2, "0.01", "0", "1000000", "500000"),
    "OP": ("Optimism", 4, 2, "0.01", "0", "600000", "500000"),
    "MATIC": ("Polygon", 4, 2, "0.01", "0", "1500000", "1000000"),
    "XTZ": ("Tezos", 4, 3, "0.001", "0", "300000", "300000"),
    "XLM": ("Stellar", 5, 2, "0.01", "0", "3000000", "500000"),
    "VET": ("VeChain", 6, 1, "1", "0", "20000000", "500000"),
    "ONE": ("Harmony", 6, 1, "1", "0", "10000000", "200000"),
    "WAVES": ("Waves", 4, 3, "0.001", "0", "100000", "200000"),
    "PERP": ("Perpetual Protocol", 4, 3, "0.01", "0", "300000", "200000"),
    "BTT": ("BitTorrent", 7, 0, "1", "0", "300000000", "300000"),
    "LUNA": ("Terra", 4, 3, "0.001", "0", "200000", "300000"),
    "GT": ("GateToken", 3, 3, "0.001", "0", "50000", "500000"),
    "WIF": ("dogwifhat", 4, 2, "0.01", "0", "500000", "500000"),
    "SHIB": ("Shiba Inu", 9, 0, "1", "0", "40000000000", "500000"),
    "PEPE": ("Pepe", 10, 0, "1", "0", "50000000000", "500000"),
}
_DEEP = ("BTC", "ETH", "SOL", "XRP", "DOGE")


def known_coins() -> tuple[str, ...]:
    """The coins of the table, most traded first."""
    return tuple(_TABLE)


def rules_for(
    coin: str, quote: str = "USDT", *, price: Decimal | None = None, fee: Decimal = STANDARD_FEE
) -> MarketRules:
    """The rules of a coin's market.

    From the table; from `price` (quote currency per coin) when the table has no row, or when its tick would be too
    coarse at that price, as with years-old prices. A coin without either gets the rules of something worth 1.
    """
    market = Market(EXCHANGE, coin, quote)
    row = _TABLE.get(coin)
    if row is None or (price is not None and step_of(row[1]) > price * _COARSEST_TICK):
        return _derived(market, price or Decimal(1), fee, row[0] if row else coin)
    name, price_precision, amount_precision, min_base, max_base, cap_base, cap_quote = row
    return MarketRules(
        market=market,
        price_precision=price_precision,
        amount_precision=amount_precision,
        fee=fee,
        min_base=Decimal(min_base),
        min_quote=_MIN_QUOTE,
        max_base=Decimal(max_base),
        max_quote=_MAX_QUOTE,
        market_max_base=Decimal(cap_base),
        market_max_quote=Decimal(cap_quote),
        name=name,
    )


def table_for(coins: Iterable[str], quote: str = "USDT", *, fee: Decimal = STANDARD_FEE) -> tuple[MarketRules, ...]:
    """The rules of many coins' markets."""
    return tuple(rules_for(coin, quote, fee=fee) for coin in coins)


def rules_of(markets: Iterable[Market], quotes: Iterable[Quote], *, fee: Decimal = STANDARD_FEE) -> list[MarketRules]:
    """The rules of markets whose prices are about to be played, fitting the first price of each.

    Reads `quotes` until all markets were seen, or far enough; a market not seen gets the table's rules.
    """
    wanted = set(markets)
    prices: dict[Market, Decimal] = {}
    for quote in islice(quotes, _QUOTES_READ_MAX):
        if quote.market in wanted:
            prices.setdefault(quote.market, quote.last)
            if len(prices) == len(wanted):
                break
    return [rules_for(one.base, one.quote, price=prices.get(one), fee=fee) for one in sorted(wanted)]


def profile_for(coin: str) -> Profile:
    """How deep a coin's market is."""
    return DEEP if coin in _DEEP else USUAL


def _derived(market: Market, price: Decimal, fee: Decimal, name: str) -> MarketRules:
    """Five significant digits of price, and a lot worth a few cents, as Gate's own pairs have."""
    magnitude = price.adjusted()
    amount_precision = min(max(magnitude + 2, 0), 8)
    return MarketRules(
        market=market,
        price_precision=min(max(4 - magnitude, 1), 12),
        amount_precision=amount_precision,
        fee=fee,
        min_base=step_of(amount_precision),
        min_quote=_MIN_QUOTE,
        max_quote=_MAX_QUOTE,
        market_max_base=ZERO,
        market_max_quote=Decimal(1_000_000),
        name=name,
    )
