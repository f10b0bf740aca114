"""Who may ask: tokens of scripts and the page's password. Stored hashed, shown once, revocable.

A token is 256 random bits, so a plain SHA-256 of it cannot be turned back; a password is what a person thought of, so
it goes through scrypt.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from autotrader_v2.application.ports import Credential, CredentialStore, JournalUnavailable, Scope
from autotrader_v2.application.refusals import CommandRefused

_log = structlog.get_logger()
_TOKEN, _PASSWORD = "token", "password"
_PREFIX = "mtrade_"
_NAME = re.compile(r"[\w .@-]{1,40}")
_TOKENS_MAX = 100
_USE_NOTED_EVERY_MS = 60_000
_PASSWORD_MIN, _PASSWORD_MAX = 10, 200
# scrypt: 32 MiB and some tens of milliseconds for each guess.
_N, _R, _P = 2**15, 8, 1
_SCRYPT_MEMORY = 64 * 1024 * 1024


class Credentials:
    """Thread-safe. What is stored is read once; checking touches no disk but to note a use, once a minute at most."""

    def __init__(self, store: CredentialStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._all: dict[str, Credential] = {one.id: one for one in store.credentials()}
        self._used_ms: dict[str, int] = {}

    # -- tokens

    def create(self, name: str, scope: str, by: str) -> dict[str, Any]:
        """A new token; `secret` is told here and never again. Errors: `CommandRefused` (400, 409)."""
        if not _NAME.fullmatch(name) or name != name.strip():
            raise CommandRefused(
                "bad_value", "A token's name is 1 to 40 letters, digits, spaces or . @ - _", status=400, field="name"
            )
        if scope not in list(Scope):
            raise CommandRefused("bad_value", f"The scope is one of {', '.join(Scope)}.", status=400, field="scope")
        secret = _PREFIX + secrets.token_urlsafe(32)
        one = Credential(
            id=secrets.token_hex(4),
            kind=_TOKEN,
            name=name,
            scope=Scope(scope),
            digest=_digest(secret),
            created_ms=self._now_ms(),
            created_by=by,
        )
        with self._lock:
            good = self._good(_TOKEN)
            if any(known.name == name for known in good):
                raise CommandRefused("bad_value", "There is a token of that name.", field="name")
            if len(good) >= _TOKENS_MAX:
                raise CommandRefused("bad_value", f"There are {_TOKENS_MAX} tokens; revoke one first.")
            self._store.add_credential(one)
            self._all[one.id] = one
        return {**_view(one, None), "secret": secret}

    def listed(self) -> Sequence[dict[str, Any]]:
        """Every token that is good, oldest first; never its secret."""
        with self._lock:
            return [_view(one, self._used_ms.get(one.id)) for one in self._good(_TOKEN)]

    def revoke(self, id: str) -> None:
        """It is worth nothing from now on. Errors: `CommandRefused` (404)."""
        with self._lock:
            one = next((one for one in self._good(_TOKEN) if one.id == id or one.name == id), None)
            if one is None:
                raise CommandRefused("bad_value", "There is no such token.", status=404)
            self._revoke(one)

    def carry_out(self, wish: Mapping[str, str], by: str) -> dict[str, Any]:
        """What the console asks: `{do: create|list|revoke, name, scope, id}`. Errors: `CommandRefused`."""
        match wish.get("do"):
            case "create":
                return self.create(wish.get("name", ""), wish.get("scope", ""), by)
            case "revoke":
                self.revoke(wish.get("id", ""))
                return {}
            case "list":
                return {"tokens": list(self.listed())}
        raise CommandRefused("bad_value", "do is create, list or revoke.", status=400, field="do")

    def check(self, secret: str) -> tuple[str, Scope] | None:
        """(name, scope) of a token that is good. Every one is compared, so the time tells nothing."""
        shown = _digest(secret)
        found: Credential | None = None
        with self._lock:
            for one in self._good(_TOKEN):
                if hmac.compare_digest(one.digest, shown):
                    found = one
            if found is None:
                return None
            now_ms = self._now_ms()
            due = now_ms - self._used_ms.get(found.id, 0) >= _USE_NOTED_EVERY_MS
            if due:
                self._used_ms[found.id] = now_ms
        if due:
            try:
                self._store.credential_used(found.id, now_ms)
            except JournalUnavailable as error:
                _log.warning("the use of a token could not be noted", token=found.name, what=error.what)
        return found.name, found.scope

    # -- the page's password

    @property
    def has_password(self) -> bool:
        """Whether one is set."""
        with self._lock:
            return bool(self._good(_PASSWORD))

    def set_password(self, password: str, by: str) -> None:
        """Replace it. Errors: `CommandRefused` (400) for one that is too short or too long."""
        if not _PASSWORD_MIN <= len(password) <= _PASSWORD_MAX:
            raise CommandRefused(
                "bad_value",
                f"A password has {_PASSWORD_MIN} to {_PASSWORD_MAX} characters.",
                status=400,
                field="password",
            )
        one = Credential(
            id=secrets.token_hex(4),
            kind=_PASSWORD,
            name="page",
            scope=Scope.ADMIN,
            digest=_slow_digest(password, secrets.token_bytes(16)),
            created_ms=self._now_ms(),
            created_by=by,
        )
        with self._lock:
            before = self._good(_PASSWORD)
            self._store.add_credential(one)
            self._all[one.id] = one
            for old in before:
                self._revoke(old)

    def is_password(self, password: str) -> bool:
        """Whether it is the page's; takes as long when none is set."""
        with self._lock:
            known = self._good(_PASSWORD)
        digest = known[-1].digest if known else _slow_digest("", b"nobody")
        salt = bytes.fromhex(digest.partition("$")[0])
        good = hmac.compare_digest(_slow_digest(password[: _PASSWORD_MAX + 1], salt), digest)
        return good and bool(known)

    def _good(self, kind: str) -> list[Credential]:
        return [one for one in self._all.values() if one.kind == kind and one.revoked_ms is None]

    def _revoke(self, one: Credential) -> None:
        self._store.revoke_credential(one.id, self._now_ms())
        del self._all[one.id]


def _view(one: Credential, used_ms: int | None) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope.value,
        "created_ms": one.created_ms,
        "created_by": one.created_by,
        "used_ms": used_ms or one.used_ms,
    }


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _slow_digest(password: str, salt: bytes) -> str:
    made = hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=_N, r=_R, p=_P, maxmem=_SCRYPT_MEMORY, dklen=32
    )
    return f"{salt.hex()}${made.hex()}"
