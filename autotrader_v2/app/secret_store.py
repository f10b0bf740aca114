"""Where secrets lie outside of `.env`: in the system's key ring, or encrypted in the data folder.

`secrets.json` in the data folder says which secrets there are, where, and a fingerprint of each; with the key ring it
holds nothing else, otherwise also the sealed content. Nothing of it is ever in the database.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from autotrader_v2.app import key_ring, secret_file
from autotrader_v2.app.instance import AlreadyChangingSecrets, DataDirUnusable, change_secrets
from autotrader_v2.app.key_ring import Ring, RingFailed
from autotrader_v2.app.private_files import read_if_ours, write_private

T = TypeVar("T")

FILE_NAME = "secrets.json"
_VERSION = 1
_USER = "mTrade"
_SEALED = ("salt", "proof", "nonce", "sealed")


class Place(StrEnum):
    """Where the secrets of a data folder are kept; all in one place."""

    RING = "keyring"
    FILE = "file"


class StoreRefused(Exception):
    """The store cannot be used as wished: what happened, what it means for the money, what to do."""

    def __init__(self, what: str, *, means: str = "Nothing was changed.", do: str) -> None:
        super().__init__(f"{what} {means} {do}")


_NOT_STARTED = "Without them nothing is started, so nothing is bought or sold."
_SET_AGAIN = "Run `mTrade.py keys forget --all`, then `mTrade.py keys set`."


class SecretStore:
    """The secrets of one data folder. `ring`: a key ring other than the system's."""

    def __init__(self, data_dir: Path, ring: Callable[[], Ring | None] = key_ring.find) -> None:
        self.path = data_dir / FILE_NAME
        self._find_ring = ring

    def fingerprints(self) -> dict[str, str]:
        """Every secret that is kept, with its fingerprint. Nothing is opened. Errors: `StoreRefused`."""
        return {str(name): str(mark) for name, mark in self._index().get("known", {}).items()}

    def place(self) -> Place | None:
        """Where they are; None when there are none. Errors: `StoreRefused`."""
        index = self._index()
        return Place(index["where"]) if index else None

    def place_for_new(self) -> Place:
        """Where secrets would go: to those that are there, else into the key ring, else the file."""
        return self.place() or (Place.RING if self._ring_or_none() is not None else Place.FILE)

    def read(self, names: Sequence[str], passphrase: Callable[[], str]) -> dict[str, str]:
        """The secrets of these names. `passphrase` is asked only for the file. Errors: `StoreRefused`."""
        index = self._index()
        held = self._from_ring(index, names) if index["where"] == Place.RING else self._unsealed(index, passphrase())
        marks = self.fingerprints()
        for name in names:
            if name not in held or fingerprint(name, held[name]) != marks[name]:
                raise StoreRefused(
                    f"{name} in the {place_word(Place(index['where']))} is not the one that was put there.",
                    means=_NOT_STARTED,
                    do=_SET_AGAIN,
                )
        return {name: held[name] for name in names}

    def put(self, changes: Mapping[str, str], where: Place, passphrase: Callable[[], str]) -> None:
        """Keep these too, and see that they come back. Errors: `StoreRefused`, `OSError`."""
        with self._alone():
            self._put(changes, where, passphrase)

    def forget(self, names: Sequence[str], passphrase: Callable[[], str]) -> None:
        """Remove these. With the last one the file goes too, which needs no passphrase. Errors: `StoreRefused`."""
        with self._alone():
            self._forget(names, passphrase)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two who change it at once would each write what they have read before: one of them would lose a secret."""
        try:
            with change_secrets(self.path.parent):
                yield
        except AlreadyChangingSecrets:
            raise StoreRefused(
                f"Another command is just changing the secrets in {self.path}; it may be waiting for its passphrase.",
                do="Let it end, then try again.",
            ) from None
        except DataDirUnusable as error:
            raise error.__cause__ or error from None

    def _put(self, changes: Mapping[str, str], where: Place, passphrase: Callable[[], str]) -> None:
        index = self._index() or {"version": _VERSION, "where": where, "id": secrets.token_hex(8), "known": {}}
        if index["where"] != where:
            raise StoreRefused(
                f"The secrets of this data folder are in the {place_word(Place(index['where']))}.",
                do="Leave --store out, or run `mTrade.py keys forget --all` first.",
            )
        known = {**index["known"], **{name: fingerprint(name, value) for name, value in changes.items()}}
        if where is Place.RING:
            ring = self._ring()
            for name, value in changes.items():
                _ask(ring.set_password, _service(index, name), _USER, value)
            self._write({**index, "known": known})
        else:
            word = passphrase()
            held = self._unsealed(index, word) if index["known"] else {}
            self._write_sealed({**index, "known": known}, {**held, **changes}, word)
            passphrase = lambda: word  # noqa: E731 asked once
        self.read(list(changes), passphrase)

    def _forget(self, names: Sequence[str], passphrase: Callable[[], str]) -> None:
        index = self._index()
        left = {name: mark for name, mark in index["known"].items() if name not in names}
        if index["where"] == Place.RING:
            ring = self._ring()
            for name in names:
                if _ask(ring.get_password, _service(index, name), _USER) is not None:
                    _ask(ring.delete_password, _service(index, name), _USER)
        if not left:
            self.path.unlink()
        elif index["where"] == Place.RING:
            self._write({**index, "known": left})
        else:
            word = passphrase()
            held = self._unsealed(index, word)
            self._write_sealed({**index, "known": left}, {name: held[name] for name in left}, word)

    def _index(self) -> dict[str, Any]:
        """What the file says; empty when there is none. Errors: `StoreRefused`."""
        found = read_if_ours(self.path)
        if found is None and not self.path.is_symlink() and not self.path.exists():
            return {}
        good = (
            found is not None
            and found.get("version") == _VERSION
            and found.get("where") in list(Place)
            and isinstance(found.get("id"), str)
            and isinstance(found.get("known"), dict)
        )
        if found is None or not good:
            raise StoreRefused(
                f"{self.path} is damaged, of a newer mTrade, or others can read or write it.",
                means=_NOT_STARTED,
                do=f"If only its rights are wrong, run: chmod 600 '{self.path}'. Otherwise remove it and run "
                "`mTrade.py keys set`; if you do not know who changed it, make a new key at the exchange first.",
            )
        return found

    def _from_ring(self, index: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
        ring = self._ring()
        found = {name: _ask(ring.get_password, _service(index, name), _USER) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def _unsealed(self, index: Mapping[str, Any], passphrase: str) -> dict[str, str]:
        try:
            return secret_file.unseal(index, _beside(index), passphrase)
        except ImportError:
            raise _not_installed() from None
        except secret_file.WrongPassphrase:
            raise StoreRefused(
                f"That is not the passphrase of {self.path}.",
                means="The secrets stay closed; without them nothing is bought or sold.",
                do="Give the right one. If it is lost, so are the secrets in there: " + _SET_AGAIN,
            ) from None
        except secret_file.Tampered:
            raise StoreRefused(
                f"{self.path} was changed by something else than mTrade.",
                means=_NOT_STARTED,
                do="Restore the file from a copy of yours, or set the secrets again: " + _SET_AGAIN,
            ) from None

    def _write_sealed(self, index: Mapping[str, Any], held: Mapping[str, str], passphrase: str) -> None:
        try:
            self._write({**index, **secret_file.seal(held, _beside(index), passphrase)})
        except ImportError:
            raise _not_installed() from None

    def _write(self, index: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path, index, durable=True)

    def _ring(self) -> Ring:
        ring = self._ring_or_none()
        if ring is None:
            raise StoreRefused(
                "This session has no key ring of the system.",
                means="The secrets in it cannot be read; without them nothing is bought or sold.",
                do="Log on to the desktop session they were set in, or set them again with --store file: "
                f"remove {self.path}, then run `mTrade.py keys set --store file`.",
            )
        return ring

    def _ring_or_none(self) -> Ring | None:
        try:
            return self._find_ring()
        except ImportError:
            raise _not_installed() from None
        except RingFailed as error:
            raise _ring_refused(error) from None


def fingerprint(name: str, value: str) -> str:
    """Four characters that tell one secret from another, and nothing about it."""
    return hashlib.sha256(f"{name}={value}".encode("utf-8", "surrogatepass")).hexdigest()[-4:]


def place_word(place: Place) -> str:
    """As a person calls it."""
    return "system's key ring" if place is Place.RING else "encrypted file"


def _ask(call: Callable[..., T], *given: str) -> T:
    try:
        return key_ring.within(lambda: call(*given))
    except RingFailed as error:
        raise _ring_refused(error) from None


def _ring_refused(error: RingFailed) -> StoreRefused:
    return StoreRefused(
        f"The system's key ring cannot be used: {error}.",
        means="Secrets kept in it are not known; without them nothing is bought or sold.",
        do="Unlock it and try again, or keep the secrets with --store file.",
    )


def _not_installed() -> StoreRefused:
    return StoreRefused(
        "The packages that open the store of secrets are not installed.",
        means=_NOT_STARTED,
        do="Run `mTrade.py keys show`, which installs them, and start again.",
    )


def _service(index: Mapping[str, Any], name: str) -> str:
    return f"mTrade/{index['id']}/{name}"


def _beside(index: Mapping[str, Any]) -> bytes:
    """What the seal binds: everything of the file but the sealed part."""
    return json.dumps({name: part for name, part in index.items() if name not in _SEALED}, sort_keys=True).encode()
