"""Well-known coins: where a synthetic market starts, in which price steps, and how wide its spread is."""

import random
from decimal import Decimal
from typing import NamedTuple

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import step_of

# Spread as a share of the price, in millionths. Binance and Gate show one tick on the largest coins; smaller ones
# are traded a few hundredths of a percent wide.
_SPREAD_LARGE_PPM = 20
_SPREAD_OTHER_PPM = 400
_SIGNIFICANT_DIGITS = 5
_DOLLARS = ("USDT", "USDC", "USD")


class Coin(NamedTuple):
    """A price in dollars that the coin has had, and the decimals of its price at Gate."""

    price: str
    precision: int


COINS: dict[str, Coin] = {
    "BTC": Coin("64250", 1),
    "ETH": Coin("3180", 2),
    "SOL": Coin("148.5", 2),
    "XRP": Coin("0.5820", 4),
    "DOGE": Coin("0.12840", 5),
    "ADA": Coin("0.4410", 4),
    "LTC": Coin("72.40", 2),
    "AVAX": Coin("27.35", 2),
    "LINK": Coin("14.120", 3),
    "DOT": Coin("6.210", 3),
    "TRX": Coin("0.12890", 5),
    "ATOM": Coin("6.840", 3),
    "BNB": Coin("572.0", 1),
    "TON": Coin("6.950", 3),
    "NEAR": Coin("5.230", 3),
    "UNI": Coin("8.120", 3),
    "APT": Coin("7.060", 3),
    "SUI": Coin("1.0240", 4),
    "ARB": Coin("0.7410", 4),
    "OP": Coin("1.7520", 4),
    "FIL": Coin("4.380", 3),
    "ETC": Coin("22.48", 2),
    "BCH": Coin("382.1", 1),
    "XLM": Coin("0.09830", 5),
    "ALGO": Coin("0.13720", 5),
    "VET": Coin("0.026210", 6),
    "HBAR": Coin("0.07130", 5),
    "INJ": Coin("23.41", 2),
    "AAVE": Coin("101.30", 2),
    "XTZ": Coin("0.7930", 4),
    "EOS": Coin("0.5640", 4),
    "MATIC": Coin("0.5310", 4),
    "LUNA": Coin("0.4120", 4),
    "WAVES": Coin("0.9720", 4),
    "WIF": Coin("2.1140", 4),
    "GT": Coin("7.850", 3),
    "SHIB": Coin("0.000017420", 9),
    "PEPE": Coin("0.0000098400", 10),
}
_LARGE = frozenset({"BTC", "ETH", "SOL", "XRP", "BNB"})
_DEFAULT = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "AVAX", "LINK", "DOT", "TRX", "NEAR")


def default_markets(exchange: str) -> tuple[Market, ...]:
    """A dozen well-known coins against USDT."""
    return tuple(Market(exchange, base, "USDT") for base in _DEFAULT)


def start_price(market: Market, seed: int) -> Decimal:
    """Where a synthetic market begins: from the table, or for an unknown coin drawn from seed and name."""
    return _dollars(market.base, seed) / _dollars(market.quote, seed)


def usual_tick(market: Market, price: Decimal) -> Decimal:
    """The price step: as at Gate for coins of the table, else such that the price shows five digits."""
    coin = COINS.get(market.base)
    if coin is not None and market.quote in _DOLLARS:
        return step_of(coin.precision)
    return Decimal((0, (1,), price.adjusted() - _SIGNIFICANT_DIGITS + 1))


def spread_ppm(market: Market) -> int:
    """The spread in millionths of the price; a quote never shows less than one tick."""
    return _SPREAD_LARGE_PPM if market.base in _LARGE else _SPREAD_OTHER_PPM


def _dollars(currency: str, seed: int) -> Decimal:
    if currency in _DOLLARS:
        return Decimal(1)
    coin = COINS.get(currency)
    if coin is not None:
        return Decimal(coin.price)
    # A text seeds the generator alike on every platform and whatever Python's hash seed is.
    drawn = random.Random(f"{seed}:price of {currency}")
    return Decimal((0, tuple(int(digit) for digit in str(drawn.randrange(1_000, 10_000))), -drawn.randrange(2, 6)))
