"""Which market a file of prices holds, by its name."""

import re
from itertools import pairwise
from pathlib import Path

from autotrader_v2.infrastructure.feeds.errors import SourceUnreadable

# Longer names first: FDUSD ends with USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "GBP", "TRY", "DAI", "BTC", "ETH", "BNB")
_EXTENSIONS = re.compile(r"(\.(parquet|csv|jsonl|gz))+$", re.IGNORECASE)
_NUMBER_OR_INTERVAL = re.compile(r"\d+(S|M|H|D|W|MIN|MO)?")
_BESIDE_THE_MARKET = re.compile(
    r"BINANCE|GATE(IO)?|OKX|KRAKEN|BYBIT|COINBASE|KUCOIN|BITFINEX|BITSTAMP|HTX|MEXC|SPOT|(ORDER)?BOOKS?|PRICES|TRADES|"
    r"STREAM|CANDLES|KLINES|OHLCV?|TICKS|DATA|HISTORY"
)
_INTERVALS_MS = {"S": 1_000, "M": 60_000, "MIN": 60_000, "H": 3_600_000, "D": 86_400_000, "W": 604_800_000}


def market_in_name(path: Path) -> tuple[str, str]:
    """Base and quote: `binance_BTC_USDT_5m_20240101`, `BTC_USDT.csv`, `BTCUSDT-1m.csv`. Errors: `SourceUnreadable`."""
    words = [word for word in _words(path) if not _NUMBER_OR_INTERVAL.fullmatch(word)]
    pairs = [(base, quote) for base, quote in pairwise(words) if quote in _QUOTES and base != quote]
    # "binance_BTC_USDT": Binance is no coin, although BTC can be a quote currency. But DATA_USDT alone is a market.
    pairs.sort(key=lambda pair: _BESIDE_THE_MARKET.fullmatch(pair[0]) is not None)
    if pairs:
        return pairs[0]
    for word in words:
        name = None if _BESIDE_THE_MARKET.fullmatch(word) else _split(word)
        if name is not None:
            return name
    raise SourceUnreadable(
        f"The name of {path.name} does not tell which market its prices are of, so they cannot be used.",
        do="Rename it so that it holds base and quote, such as BTC_USDT_5m.csv or BTCUSDT-1m.csv.",
    )


def split_symbol(symbol: str, path: Path) -> tuple[str, str]:
    """Base and quote of a symbol in one word, found in that file: `btcusdt`. Errors: `SourceUnreadable`."""
    name = _split(symbol.upper())
    if name is None:
        raise SourceUnreadable(
            f"{path} holds prices of {symbol!r}, which is no known pair.",
            do="Choose a recording of markets against " + ", ".join(_QUOTES) + ".",
        )
    return name


def interval_in_name_ms(path: Path) -> int | None:
    """The candle interval the name tells (`5m`, `1h`), in ms; None when it tells none."""
    for word in _words(path):
        found = re.fullmatch(r"(\d+)([A-Z]+)", word)
        if found and found[2] in _INTERVALS_MS:
            return int(found[1]) * _INTERVALS_MS[found[2]]
    return None


def _split(word: str) -> tuple[str, str] | None:
    quote = next((quote for quote in _QUOTES if word.endswith(quote) and word != quote), None)
    return (word.removesuffix(quote), quote) if quote else None


def _words(path: Path) -> list[str]:
    return [word for word in re.split(r"[_\-. ]+", _EXTENSIONS.sub("", path.name).upper()) if word]
