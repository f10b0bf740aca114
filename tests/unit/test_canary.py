"""The scanner for secrets sees every form in which one leaks; otherwise its silence would mean nothing."""

import base64
import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.canary import ALL, KEY, SECRET, TOKEN, leaks, no_secret_in

PLANTED = {
    "plain": SECRET.encode(),
    "first eight": SECRET[:8].encode(),
    "last eight": SECRET[-8:].encode(),
    "reversed": SECRET[::-1].encode(),
    "first eight reversed": SECRET[:8][::-1].encode(),
    "hex": SECRET.encode().hex().encode(),
    "HEX": SECRET.encode().hex().upper().encode(),
    "url": quote(SECRET, safe="").encode(),
    "json": json.dumps({"key": SECRET}).replace("/", "\\/").encode(),
    "utf-16": SECRET.encode("utf-16-le"),
    "basic": base64.b64encode(f"{KEY}:{SECRET}".encode()),
    "base64": base64.b64encode(SECRET.encode()),
    "base64 shifted": base64.b64encode(b"x" + SECRET.encode()),
    "base64 shifted twice": base64.urlsafe_b64encode(b"xy" + SECRET.encode()),
}


@pytest.mark.parametrize("form", PLANTED)
def test_i11_w9_a_planted_secret_is_found_in_every_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "some.log").write_bytes(b"before " * 1000 + PLANTED[form] + b" after" * 1000)
    assert leaks(tmp_path)
    assert leaks(PLANTED[form])
    with pytest.raises(AssertionError, match="secrets got out") as told:
        no_secret_in(tmp_path)
    assert SECRET not in str(told.value)


def test_i11_w9_a_secret_is_found_in_a_database_a_packed_log_a_file_name_and_an_error(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.sqlite3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE note (what TEXT)")
        database.execute("INSERT INTO note VALUES (?)", (f"the token is {TOKEN}",))
        database.commit()
        assert any(name.startswith("a.sqlite3-wal") for name in leaks(tmp_path)), "still in the write-ahead log"
    assert leaks(tmp_path)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "old.log.gz").write_bytes(gzip.compress(SECRET.encode()))
    assert any("unpacked" in name for name in leaks(tmp_path / "packed"))
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / f"{TOKEN[-8:]}.txt").touch()
    assert leaks(tmp_path / "named")
    assert leaks(ValueError(f"refused with {KEY}"))


def test_i11_w9_ordinary_text_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("an order of 10 USDT at 2500, key-1a2b3c4d5e6f\n" * 1000)
    assert no_secret_in(tmp_path, "a sentence", b"\x00" * 100, ValueError("refused")) > 40_000
    assert len({secret[:8] for secret in ALL} | {secret[-8:] for secret in ALL}) == 2 * len(ALL)
