"""A generic webhook: one POST of JSON per alert, to an address the person chose and to nowhere else (row W8)."""

import hashlib
import hmac
import ipaddress
import json
import socket
from urllib.parse import urlsplit

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from autotrader_v2.infrastructure.notify.channel import CannotDeliver, Message

SIGNATURE_HEADER = "X-MTrade-Signature"
_TIMEOUT = Timeout(connect=5.0, read=5.0)
_OK, _FAILED = 200, 300
_LATER = frozenset({408, 425, 429})
_SERVER_ERROR = 500

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Webhook:
    """Delivers to `url`. With a secret each request carries `X-MTrade-Signature: sha256=HMAC(secret, body)` in hex."""

    def __init__(self, url: str, secret: str = "", *, private: bool = False) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret = secret.encode()
        self._private = private

    def __call__(self, message: Message) -> None:
        """Post it once. Errors: `CannotDeliver`; its text names neither address nor secret."""
        body = body_of(message)
        headers = {"Content-Type": "application/json", "User-Agent": "mTrade", "Host": self._host_header()}
        if self._secret:
            headers[SIGNATURE_HEADER] = signature(self._secret, body)
        try:
            with self._pool(checked_address(self._host, self._port, private=self._private)) as pool:
                answer = pool.urlopen(
                    "POST", self._path, body, headers, retries=False, redirect=False, preload_content=False
                )
                answer.close()  # nothing of what it says matters here
        except HTTPError as error:
            raise CannotDeliver(f"the webhook cannot be reached ({type(error).__name__})") from None
        if not _OK <= answer.status < _FAILED:
            lasting = answer.status < _SERVER_ERROR and answer.status not in _LATER
            raise CannotDeliver(f"the webhook answered {answer.status}", lasting=lasting)

    def _host_header(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if self._port == (443 if self._tls else 80) else f"{host}:{self._port}"

    def _pool(self, address: str) -> HTTPConnectionPool:
        """Connect to the address that was checked, not to what the name may mean a moment later."""
        if not self._tls:
            return HTTPConnectionPool(address, self._port, timeout=_TIMEOUT)
        return HTTPSConnectionPool(
            address,
            self._port,
            timeout=_TIMEOUT,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certifi.where(),
            server_hostname=self._host,
            assert_hostname=self._host,
        )


def body_of(message: Message) -> bytes:
    """Return what is posted: JSON, UTF-8."""
    alert = message.alert
    content = {
        "code": alert.code,
        "priority": alert.priority.value,
        "time": alert.time_ms,
        "market": alert.market.pair if alert.market else None,
        "values": dict(alert.values or {}),
        "text": message.text,
        "text_ru": message.text_ru,
        "instance": message.instance,
    }
    return json.dumps(content, ensure_ascii=False).encode()


def signature(secret: bytes, body: bytes) -> str:
    """Return the header that proves who sent the body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def checked_address(host: str, port: int, *, private: bool) -> str:
    """Look the host up and return an address that may be called. Errors: `CannotDeliver`.

    Loopback only where the person wrote this machine's own name, private networks only when they said so, link-local
    (where clouds keep their secrets) never. Every address of the name must pass: one bad one refuses all.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotDeliver("the webhook's name cannot be looked up") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    own_name = names_this_machine(host)
    if not addresses or not all(_allowed(address, own_name=own_name, private=private) for address in addresses):
        raise CannotDeliver("the webhook's name leads into a network that alerts may not go to", lasting=True)
    return str(addresses[0])


def names_this_machine(host: str) -> bool:
    """Whether the person wrote this machine's own name or loopback address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _allowed(address: _Address, *, own_name: bool, private: bool) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address.is_loopback:
        return own_name
    if own_name:
        return False
    return address.is_global or (private and address.is_private and not address.is_reserved)
