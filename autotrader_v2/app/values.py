"""How the values of settings and flags are spelled. Every function raises `ValueError` with a person's reason."""

import ipaddress
import math
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from autotrader_v2.domain.market import parse_symbol

ROOT = Path(__file__).resolve().parents[2]
PAPER_ACCOUNT = "paper"  # whose the money of MODE=paper is
ENV_FILE_NAME = "MTRADE_ENV_FILE"  # names another file than `.env`; empty means none (the tests use it)

_SPEED_MAX = 1_000_000.0
_SHOWN_MAX = 60
# The year 2200, in ms since the epoch: later than anything recorded.
TIME_END_MS = 7_258_118_400_000
# Shorter than a restart with a slow exchange would sell out a trader that is well.
DEAD_MAN_MIN = 5
_DEAD_MAN_MAX = 10_080


class FeedKind(StrEnum):
    """Where prices come from."""

    AUTO = "auto"
    GATE = "gate"
    SYNTHETIC = "synthetic"
    REPLAY = "replay"


def split_list(text: str) -> list[str]:
    """Return the parts of a comma list, empty ones left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def read_currency(text: str) -> str:
    """Return the currency in capitals."""
    currency = text.strip().upper()
    if not re.fullmatch(r"[A-Z0-9]{1,20}", currency):
        raise ValueError(f"{shown(text)} is not a currency")
    return currency


def read_symbol(text: str, quote: str) -> str:
    """Return `BTC_USDT` for any spelling of a market against the home quote."""
    base, against = parse_symbol(text, quote)
    if against != quote:
        raise ValueError(f"{base}/{against} is not traded against {quote}, the home currency (QUOTE)")
    return f"{base}_{against}"


def read_feed(text: str) -> str:
    """Return the feed in its one spelling, a replay with its absolute path."""
    kind, colon, rest = text.strip().partition(":")
    kind, rest = kind.lower(), rest.strip()
    if kind not in list(FeedKind) or bool(colon) != (kind == FeedKind.REPLAY):
        raise ValueError(f"{shown(text)} is not a feed; choose auto, gate, synthetic or replay:PATH")
    if kind != FeedKind.REPLAY:
        return kind
    path = Path(rest).expanduser()
    found = next((place for place in (Path.cwd() / path, ROOT / path) if rest and place.exists()), None)
    if found is None:
        raise ValueError(f"there is no recording at {shown(rest)}" if rest else "replay: needs the path of a recording")
    return f"{kind}:{os.path.abspath(found)}"


def read_utc_ms(text: str) -> int:
    """Return ms since the epoch of `2022-01-31` or `2022-01-31T12:00`, UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{shown(text)} is not a day or time; write 2022-01-31 or 2022-01-31T12:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def read_speed(text: str) -> float:
    """Return how many times faster than the clock; `max` is infinity."""
    word = text.strip().lower()
    if word in ("max", "inf"):
        return math.inf
    try:
        speed = float(word)
    except ValueError:
        speed = math.nan
    if not 0 < speed <= _SPEED_MAX:
        raise ValueError(f"{shown(text)} is not a speed; give a number above 0, or max")
    return speed


def read_balances(texts: Iterable[str]) -> dict[str, Decimal]:
    """Read items such as `USDT=10000`."""
    balances: dict[str, Decimal] = {}
    for text in texts:
        name, equals, amount_text = text.partition("=")
        amount = _finite(amount_text)
        if not equals or amount is None or amount < 0:
            raise ValueError(f"{shown(text)} is not a balance; write CURRENCY=AMOUNT, amounts of 0 or more")
        currency = read_currency(name)
        if currency in balances:
            raise ValueError(f"{currency} is given twice")
        balances[currency] = amount
    if not balances:
        raise ValueError("no balance is given")
    return balances


def read_token(text: str) -> str:
    """Return a bearer token: not empty, without spaces."""
    if not re.fullmatch(r"[!-~]{8,200}", text):
        raise ValueError("must be 8 to 200 letters, digits or signs without spaces")
    return text


def read_word(text: str, *, yes: str, no: str) -> bool:
    """Return which of two words it is."""
    word = text.strip().lower()
    if word not in (yes, no):
        raise ValueError(f"must be {yes} or {no}")
    return word == yes


def read_dead_man(text: str) -> int:
    """Return after how many minutes everything is sold; 0 for `off`."""
    word = text.strip().lower()
    if word == "off":
        return 0
    sell, colon, minutes = word.partition(":")
    if sell != "sell" or not colon or not minutes.strip().isdecimal():
        raise ValueError(f"{shown(text)} is neither off nor sell:MINUTES")
    if not DEAD_MAN_MIN <= int(minutes) <= _DEAD_MAN_MAX:
        raise ValueError(f"must be between {DEAD_MAN_MIN} and {_DEAD_MAN_MAX} minutes")
    return int(minutes)


def check_webhook(url: str, *, private: bool) -> None:
    """Refuse an address that alerts may not be posted to. The reason never quotes it: it may hold a secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.fragment or port == 0:
        raise ValueError("must be an https:// address without name, password and #part")
    if not re.fullmatch(r"[!-~]+", url):
        raise ValueError("holds a space or a letter that addresses spell as %XX")
    if parts.scheme == "http" and not (private or is_loopback(host)):
        raise ValueError("must begin with https://: what alerts tell is nobody else's business")


def read_amount(text: str) -> Decimal:
    """Return an amount of 0 or more."""
    amount = _finite(text)
    if amount is None or amount < 0:
        raise ValueError(f"{shown(text)} is not a number of 0 or more")
    return amount


def read_address(text: str) -> str:
    """Return `scheme://host[:port]/path` in one spelling; a missing path means `/api/v4`."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an http:// or https:// address with nothing but host, port and path")
    # By number: resolving "localhost" tries IPv6 first on some systems and costs a second per connection.
    host = "127.0.0.1" if host == "localhost" else f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/') or '/api/v4'}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_loopback(text: str) -> str:
    """Return the address to listen on, which no other machine can reach."""
    host = text.strip().strip("[]")
    if not is_loopback(host):
        raise ValueError(
            f"{shown(host)} can be reached from other machines, and serving there safely is not part of this version; "
            "use 127.0.0.1, and a tunnel such as SSH to come in from elsewhere"
        )
    return "127.0.0.1" if host.lower() == "localhost" else host


def shown(text: str) -> str:
    """Return a value as an error quotes it: never long."""
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…")


def _finite(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
