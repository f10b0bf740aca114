"""Signatures of API v4. The only place that holds the secret. Source: Gate API v4, authentication."""

import hashlib
import hmac

_SHOWN = "***"


class Signer:
    """Signs with an account's key. Neither key nor secret is part of any text it gives but the headers it is for."""

    def __init__(self, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return f"Signer({_SHOWN})"

    def rest(self, method: str, path: str, query: str, body: str | None, time_s: str) -> dict[str, str]:
        """Headers of a REST call. `query` as sent but not URL-encoded, `body` exactly as sent, `time_s` any text."""
        body_hash = hashlib.sha512((body or "").encode()).hexdigest()
        return {
            "KEY": self._key,
            "Timestamp": time_s,
            "SIGN": self._sign(f"{method}\n{path}\n{query}\n{body_hash}\n{time_s}"),
        }

    def stream(self, channel: str, event: str, time_s: int) -> dict[str, str]:
        """The `auth` object of a private WebSocket channel."""
        sign = self._sign(f"channel={channel}&event={event}&time={time_s}")
        return {"method": "api_key", "KEY": self._key, "SIGN": sign}

    def hidden(self, text: str) -> str:
        """The text without key and secret, should the exchange have repeated them."""
        for secret in (self._key, self._secret.decode()):
            if secret:
                text = text.replace(secret, _SHOWN)
        return text

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha512).hexdigest()


def account_label(key: str) -> str:
    """A short name for the account of a key, from which the key cannot be found again."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]
