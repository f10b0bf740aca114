"""The passphrase of the encrypted file: from KEYS_PASSPHRASE, from a file, or typed."""

import getpass
import os
import stat
import sys
from pathlib import Path

from autotrader_v2.app.secret_store import StoreRefused
from autotrader_v2.infrastructure.environment import hand_down

VARIABLE = "KEYS_PASSPHRASE"
_LENGTH_MIN = 10
_BYTES_MAX = 4096
_UNATTENDED = "Name a file that only you can read in KEYS_PASSPHRASE_FILE, or set KEYS_PASSPHRASE in the environment."


def given(setting: str | None, file: Path | None) -> str | None:
    """The one that needs no person; None when there is none. Errors: `StoreRefused`."""
    if setting:
        return setting
    return None if file is None else _read(file)


def typed() -> str:
    """Ask for it, and hand it to the processes that this one starts: a watchdog brings an engine back alone.

    Errors: `StoreRefused` when nobody is there to ask.
    """
    word = _ask("Passphrase of the secrets: ")
    hand_down(VARIABLE, word)
    return word


def new(setting: str | None, file: Path | None) -> str:
    """The passphrase of a file that is made now: given, or typed twice. Errors: `StoreRefused`."""
    word = given(setting, file)
    if word is None:
        word = _ask(f"New passphrase for the encrypted file ({_LENGTH_MIN} characters or more): ")
        if _ask("Again: ") != word:
            raise StoreRefused("The two are not the same.", do="Try again.")
    if len(word) < _LENGTH_MIN:
        raise StoreRefused(f"A passphrase has {_LENGTH_MIN} characters or more.", do="Take a longer one.")
    return word


def _ask(prompt: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise StoreRefused(
            "The encrypted file of secrets needs its passphrase, and nobody is here to type it.",
            means="It stays as it is; without the secrets in it nothing is bought or sold.",
            do=_UNATTENDED,
        )
    return getpass.getpass(prompt)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            if sys.platform != "win32" and os.fstat(stream.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise StoreRefused(f"Other users can read {path}.", do=f"Run: chmod 600 '{path}'")
            text = stream.read(_BYTES_MAX).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StoreRefused(f"KEYS_PASSPHRASE_FILE {path} cannot be read: {why}.", do="Mend it.") from None
    word = text.partition("\n")[0].rstrip("\r")
    if not word:
        raise StoreRefused(f"KEYS_PASSPHRASE_FILE {path} is empty.", do="Write the passphrase into its first line.")
    return word
