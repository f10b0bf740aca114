"""The system's key ring: Credential Locker of Windows, Keychain of macOS, Secret Service of Linux; no other.

The library would also take what a settings file or an installed package offers, plain text included; that is not asked.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

# It may ask the person to unlock it; nobody may be there.
_PATIENCE_S = 60.0


class Ring(Protocol):
    """What keeps one text under a service and a name."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


class RingFailed(Exception):
    """It refused, is locked, or did not answer. The text never holds a secret."""


def find() -> Ring | None:
    """The key ring of this system; None when there is none that works here. Errors: `ImportError`, `RingFailed`."""
    if sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring as Backend
    elif sys.platform == "darwin":
        from keyring.backends.macOS import Keyring as Backend
    else:
        from keyring.backends.SecretService import Keyring as Backend
    backend: Any = Backend
    return within(lambda: backend() if backend.viable else None)


def within(call: Callable[[], T], patience_s: float = _PATIENCE_S) -> T:
    """Call it, but do not wait for ever. Errors: `RingFailed`."""
    answers: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as error:
            failures.append(error)  # told below, by the name of its kind

    thread = threading.Thread(target=run, name="key-ring", daemon=True)
    thread.start()
    thread.join(patience_s)
    if failures:
        # The error's own text is not ours to vouch for.
        raise RingFailed(f"it refused ({type(failures[0]).__name__}); it may be locked")
    if not answers:
        raise RingFailed(f"it did not answer within {patience_s:.0f} s; it may be waiting to be unlocked")
    return answers[0]
