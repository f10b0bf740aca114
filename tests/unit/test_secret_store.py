"""Secrets in a key ring or an encrypted file: kept, read back, refused when anything about them is not as it was."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import key_ring, passphrase
from autotrader_v2.app.instance import SECRETS_LOCK_NAME
from autotrader_v2.app.secret_store import FILE_NAME, Place, SecretStore, StoreRefused, fingerprint
from tests.canary import KEY, SECRET, no_secret_in

WORD = "a made-up passphrase"
BOTH = {"API_KEY": KEY, "API_SECRET": SECRET}


class ARing:
    """A key ring in memory, as a desktop session has one."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


def word() -> str:
    return WORD


def nobody() -> str:
    raise AssertionError("the passphrase is not needed here")


def a_file(folder: Path) -> SecretStore:
    """An encrypted file with both keys; there is no key ring."""
    store = SecretStore(folder, lambda: None)
    assert store.place_for_new() is Place.FILE
    store.put(BOTH, Place.FILE, word)
    return store


def test_w9_the_encrypted_file_gives_back_what_was_put_and_shows_nothing(tmp_path: Path) -> None:
    a_file(tmp_path)
    again = SecretStore(tmp_path, lambda: None)
    assert again.read(list(BOTH), word) == BOTH
    assert again.fingerprints() == {name: fingerprint(name, value) for name, value in BOTH.items()}
    assert no_secret_in(tmp_path) > 100
    if sys.platform != "win32":
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.iterdir()} == {FILE_NAME, SECRETS_LOCK_NAME}


def test_a_further_secret_joins_and_the_last_one_takes_the_file_along(tmp_path: Path) -> None:
    """The salt is new each time; forgetting all needs no passphrase, for it may be what was lost."""
    store = a_file(tmp_path)
    before = json.loads(store.path.read_text("utf-8"))["salt"]
    store.put({"API_TOKEN": "a-made-up-token-0001"}, Place.FILE, word)
    assert json.loads(store.path.read_text("utf-8"))["salt"] != before
    assert store.read(["API_SECRET", "API_TOKEN"], word)["API_SECRET"] == SECRET
    store.forget(["API_KEY"], word)
    assert set(store.fingerprints()) == {"API_SECRET", "API_TOKEN"}
    assert store.read(["API_SECRET"], word) == {"API_SECRET": SECRET}
    store.forget(list(store.fingerprints()), nobody)
    assert store.place() is None
    assert [path.name for path in tmp_path.iterdir()] == [SECRETS_LOCK_NAME]


def test_two_who_change_the_secrets_at_once_lose_none_of_them(tmp_path: Path) -> None:
    """The second is refused while the first waits for its passphrase, and changes nothing; then its turn comes."""
    asked, typed = threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        assert typed.wait(60)
        return word()

    store, other = a_file(tmp_path), SecretStore(tmp_path, lambda: None)
    first = threading.Thread(target=store.put, args=({"TELEGRAM_TOKEN": "a-made-up-one"}, Place.FILE, slow))
    first.start()
    assert asked.wait(60)
    before = store.path.read_bytes()
    changes: list[Callable[[], None]] = [
        lambda: other.put({"API_TOKEN": "another-made-up-one"}, Place.FILE, word),
        lambda: other.forget(["API_SECRET"], word),
    ]
    for change in changes:
        with pytest.raises(StoreRefused, match="Another command is just changing the secrets"):
            change()
    assert store.path.read_bytes() == before
    typed.set()
    first.join(60)
    changes[0]()
    assert {"TELEGRAM_TOKEN", "API_TOKEN", "API_KEY"} <= other.fingerprints().keys()
    assert other.read(["TELEGRAM_TOKEN"], word) == {"TELEGRAM_TOKEN": "a-made-up-one"}


def test_w9_a_wrong_passphrase_opens_nothing_and_changes_nothing(tmp_path: Path) -> None:
    store = a_file(tmp_path)
    before = store.path.read_bytes()
    for wish in (
        lambda: store.read(["API_KEY"], lambda: "another passphrase"),
        lambda: store.put({"API_KEY": "x"}, Place.FILE, lambda: "another passphrase"),
        lambda: store.forget(["API_KEY"], lambda: "another passphrase"),
    ):
        with pytest.raises(StoreRefused, match="not the passphrase") as refused:
            wish()
        no_secret_in(refused.value)
    assert store.path.read_bytes() == before


def _change(part: str) -> Callable[[dict[str, Any]], None]:
    def change(index: dict[str, Any]) -> None:
        text = index[part]
        index[part] = ("B" if text[0] == "A" else "A") + text[1:]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_change("sealed"), "was changed"),
        (_change("nonce"), "was changed"),
        (_change("id"), "was changed"),
        (lambda index: index["known"].update(API_KEY="0000"), "was changed"),
        (lambda index: index["known"].pop("API_SECRET"), "was changed"),
        (lambda index: index.update(extra=1), "was changed"),
        (lambda index: index.pop("sealed"), "was changed"),
        (lambda index: index.update(nonce="!"), "was changed"),
        (_change("salt"), "not the passphrase"),
        (_change("proof"), "not the passphrase"),
        (lambda index: index.update(version=2), "is damaged"),
        (lambda index: index.update(where="cloud"), "is damaged"),
        (lambda index: index.update(known=[]), "is damaged"),
    ],
)
def test_w9_a_file_that_somebody_changed_is_not_believed(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    store = a_file(tmp_path)
    index = json.loads(store.path.read_text("utf-8"))
    change(index)
    store.path.write_text(json.dumps(index), "utf-8")
    with pytest.raises(StoreRefused, match=says) as refused:
        store.read(["API_KEY"], word)
    assert "bought or sold" in str(refused.value)


def test_a_half_written_file_is_told_and_not_taken_for_none(tmp_path: Path) -> None:
    store = a_file(tmp_path)
    store.path.write_bytes(store.path.read_bytes()[:50])
    for wish in (store.fingerprints, store.place, lambda: store.put(BOTH, Place.FILE, word)):
        with pytest.raises(StoreRefused, match="is damaged"):
            wish()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bits")
def test_w9_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    store = a_file(tmp_path)
    store.path.chmod(0o644)
    with pytest.raises(StoreRefused, match="chmod 600"):
        store.read(["API_KEY"], word)
    store.path.chmod(0o600)
    assert store.read(["API_KEY"], word) == {"API_KEY": KEY}


def test_w9_the_key_ring_holds_the_secrets_and_the_folder_only_marks(tmp_path: Path) -> None:
    ring = ARing()
    store = SecretStore(tmp_path, lambda: ring)
    assert store.place_for_new() is Place.RING
    store.put(BOTH, Place.RING, nobody)
    assert store.read(list(BOTH), nobody) == BOTH
    assert sorted(ring.held.values()) == sorted(BOTH.values())
    assert no_secret_in(tmp_path) > 50
    with pytest.raises(StoreRefused, match="system's key ring"):
        store.put(BOTH, Place.FILE, word)
    store.forget(["API_KEY"], nobody)
    assert list(store.fingerprints()) == ["API_SECRET"]
    store.forget(["API_SECRET"], nobody)
    assert (ring.held, store.place()) == ({}, None)


def test_two_data_folders_have_keys_of_their_own_in_one_ring(tmp_path: Path) -> None:
    """Two accounts on one machine: neither trades with the other's key."""
    ring = ARing()
    a, b = (SecretStore(tmp_path / name, lambda: ring) for name in "ab")
    a.put({"API_KEY": "key-a"}, Place.RING, nobody)
    b.put({"API_KEY": "key-b"}, Place.RING, nobody)
    assert (a.read(["API_KEY"], nobody), b.read(["API_KEY"], nobody)) == ({"API_KEY": "key-a"}, {"API_KEY": "key-b"})


def test_a_secret_that_left_the_ring_or_was_replaced_there_is_not_used(tmp_path: Path) -> None:
    ring = ARing()
    store = SecretStore(tmp_path, lambda: ring)
    store.put(BOTH, Place.RING, nobody)
    for service, user in list(ring.held):
        ring.held[service, user] = "somebody-elses-key"
    with pytest.raises(StoreRefused, match="not the one that was put there"):
        store.read(["API_KEY"], nobody)
    ring.held.clear()
    with pytest.raises(StoreRefused, match="not the one that was put there"):
        store.read(["API_KEY"], nobody)
    store.forget(list(BOTH), nobody)
    assert store.place() is None


def test_w9_a_ring_that_refuses_or_is_gone_says_what_to_do_and_not_what_it_was_given(tmp_path: Path) -> None:
    class Refuses(ARing):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise OSError(f"cannot keep {password}")

    with pytest.raises(StoreRefused, match="cannot be used") as refused:
        SecretStore(tmp_path, Refuses).put(BOTH, Place.RING, nobody)
    no_secret_in(refused.value, tmp_path)
    ring = ARing()
    SecretStore(tmp_path, lambda: ring).put(BOTH, Place.RING, nobody)
    with pytest.raises(StoreRefused, match="no key ring"):
        SecretStore(tmp_path, lambda: None).read(["API_KEY"], nobody)


def test_a_ring_that_waits_for_a_person_is_not_waited_for_for_ever() -> None:
    with pytest.raises(key_ring.RingFailed, match="did not answer"):
        key_ring.within(lambda: time.sleep(5), patience_s=0.05)


def test_the_ring_of_this_system_is_one_of_its_own_or_none() -> None:
    """Whatever other backends are installed or configured, plain text among them, they are not taken."""
    ring = key_ring.find()
    own = ("keyring.backends.Windows", "keyring.backends.macOS", "keyring.backends.SecretService")
    assert ring is None or type(ring).__module__ in own


def test_the_passphrase_comes_from_the_setting_or_the_first_line_of_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "word"
    file.write_text(f"{WORD}\r\nmore\n", "utf-8")
    file.chmod(0o600)
    assert passphrase.given(None, file) == WORD
    assert passphrase.given("from the setting", file) == "from the setting"
    assert passphrase.given(None, None) is None
    if os.name == "posix":
        file.chmod(0o640)
        with pytest.raises(StoreRefused, match="Other users"):
            passphrase.given(None, file)
    with pytest.raises(StoreRefused, match="cannot be read"):
        passphrase.given(None, tmp_path / "none")
    with pytest.raises(StoreRefused, match="characters or more"):
        passphrase.new("short", None)
