"""Signatures as Gate checks them. Source: Gate API v4, authentication; `spot.login` of the WebSocket API."""

import hashlib
import hmac
from urllib.parse import unquote_plus


def rest_signature(secret: str, method: str, path: str, raw_query: str, body: bytes, timestamp: str) -> str:
    """The `SIGN` header of a REST call.

    `raw_query` as on the wire: clients sign it decoded, plus signs included. `timestamp` is the header's own text.
    """
    body_hash = hashlib.sha512(body).hexdigest()
    return _hmac(secret, "\n".join((method, path, unquote_plus(raw_query), body_hash, timestamp)))


def channel_signature(secret: str, channel: str, event: str, time_s: int) -> str:
    """The `SIGN` of a private WebSocket subscription."""
    return _hmac(secret, f"channel={channel}&event={event}&time={time_s}")


def login_signature(secret: str, channel: str, param_text: str, timestamp: str) -> str:
    """The `signature` of `spot.login`; the parameter text is empty or `{}`, both are in use."""
    return _hmac(secret, f"api\n{channel}\n{param_text}\n{timestamp}")


def same(one: str, other: str) -> bool:
    """Compare signatures; either may hold anything a client sent."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _hmac(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha512).hexdigest()
