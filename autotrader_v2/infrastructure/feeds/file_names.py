"""Which files a path means, and which market a file of prices holds, by its name."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from autotrader_v2.infrastructure.feeds.errors import SourceEmpty, SourceMissing, SourceUnreadable, UnknownMarket

# Longer names first: FDUSD ends with USD.
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "GBP", "TRY", "DAI", "BTC", "ETH", "BNB")
_EXTENSIONS = re.compile(r"(\.(parquet|csv|jsonl|gz))+$", re.IGNORECASE)
_NUMBER_OR_INTERVAL = re.compile(r"\d+(S|M|H|D|W|MIN|MO)?")
_BESIDE_THE_MARKET = re.compile(
    r"BINANCE|GATE(IO)?|OKX|KRAKEN|BYBIT|COINBASE|KUCOIN|BITFINEX|BITSTAMP|HTX|MEXC|SPOT|(ORDER)?BOOKS?|PRICES|TRADES|"
    r"STREAM|CANDLES|KLINES|OHLCV?|TICKS|DATA|HISTORY"
)
_INTERVALS_MS = {"S": 1_000, "M": 60_000, "MIN": 60_000, "H": 3_600_000, "D": 86_400_000, "W": 604_800_000}


def files_in(path: Path, endings: Sequence[str]) -> list[Path]:
    """The file itself, or the folder's own files with those endings, in order of their names.

    Errors: `SourceMissing` (also for a link that leads nowhere), `SourceEmpty`.
    """
    try:
        if path.is_file():
            return [path]
        is_folder = path.is_dir()
        named = sorted(one for one in path.iterdir() if one.name.lower().endswith(tuple(endings))) if is_folder else []
    except OSError as error:
        raise SourceMissing(
            f"{path} cannot be read: {error.strerror or error}.", do="Check the path and its permissions."
        ) from error
    if not is_folder:
        if path.is_symlink():
            raise _leads_nowhere(path)
        raise SourceMissing(
            f"There is no file or folder {path}, so there are no prices.",
            do="Check the path; a relative one counts from the folder the program was started in.",
        )
    files = [one for one in named if one.is_file()]
    strange = [one for one in named if not one.is_file() and not one.is_dir()]
    if strange:
        # Left out in silence, a coin would be missing from the result.
        raise _leads_nowhere(strange[0])
    if not files:
        raise SourceEmpty(
            f"The folder {path} holds no file of prices ({', '.join(endings)}); its subfolders are not searched.",
            do="Name the folder that holds the files themselves, or one file.",
        )
    return files


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
    raise UnknownMarket(
        f"The name of {path.name} does not tell which market its prices are of, so they cannot be used.",
        do="Rename it so that it holds base and quote, such as BTC_USDT_5m.csv or BTCUSDT-1m.csv.",
        where=path.name,
        reason="no_market",
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


def _leads_nowhere(path: Path) -> SourceMissing:
    what = "is a link that leads nowhere" if path.is_symlink() else "is no ordinary file"
    return SourceMissing(f"{path} {what}, so its prices cannot be read.", do="Mend or remove it.")


def _split(word: str) -> tuple[str, str] | None:
    quote = next((quote for quote in _QUOTES if word.endswith(quote) and word != quote), None)
    return (word.removesuffix(quote), quote) if quote else None


def _words(path: Path) -> list[str]:
    return [word for word in re.split(r"[_\-. ]+", _EXTENSIONS.sub("", path.name).upper()) if word]
