"""Where Gate is: the hosts of API v4, and which WebSocket belongs to which. Source: Gate API v4, base URLs."""

from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

LIVE_HOST = "https://api.gateio.ws/api/v4"
TESTNET_HOST = "https://api-testnet.gateapi.io/api/v4"

_API_PATH = "/api/v4"
_LIVE = {LIVE_HOST: "wss://api.gateio.ws/ws/v4/"}
_TESTNET = {
    TESTNET_HOST: "wss://ws-testnet.gate.com/v4/ws/spot",
    # The official SDK still names this one.
    "https://fx-api-testnet.gateio.ws/api/v4": "wss://ws-testnet.gate.com/v4/ws/spot",
}


class HostKind(StrEnum):
    """What is at stake there."""

    LIVE = "live"
    TESTNET = "testnet"
    LOOPBACK = "loopback"


def kind_of(host: str) -> HostKind:
    """What a REST base URL is. Errors: ValueError for one that is neither Gate's nor on this machine."""
    if host in _LIVE:
        return HostKind.LIVE
    if host in _TESTNET:
        return HostKind.TESTNET
    parts = urlsplit(host)
    if parts.scheme in ("http", "https") and parts.path == _API_PATH and _is_loopback(parts.hostname or ""):
        return HostKind.LOOPBACK
    raise ValueError(
        f"{host!r} is no host of Gate's API v4; use {LIVE_HOST}, {TESTNET_HOST} or http://127.0.0.1:PORT{_API_PATH}"
    )


def ws_url_of(host: str) -> str:
    """The WebSocket that belongs to a REST base URL. Errors: ValueError as `kind_of`."""
    match kind_of(host):
        case HostKind.LIVE:
            return _LIVE[host]
        case HostKind.TESTNET:
            return _TESTNET[host]
        case HostKind.LOOPBACK:
            parts = urlsplit(host)
            return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/ws/v4/"


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
