"""Settings that come from the store of secrets: what wins, what is opened, what the page and doctor say of it."""

from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import cli_service, doctor_keys, settings, start_settings
from autotrader_v2.app.checkup import Level
from autotrader_v2.app.secret_store import Place, SecretStore, StoreRefused
from autotrader_v2.app.settings import Settings, load
from tests.canary import KEY, SECRET, TOKEN, no_secret_in

WORD = "a made-up passphrase"
SANDBOX = {"mode": "sandbox", "gate_host": "http://127.0.0.1:8790/api/v4"}


@pytest.fixture
def flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A data folder whose encrypted file holds the account's keys and a token; nothing else is set anywhere."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MTRADE_ENV_FILE", str(tmp_path / "my.env"))
    SecretStore(tmp_path, lambda: None).put(
        {"API_KEY": KEY, "API_SECRET": SECRET, "API_TOKEN": TOKEN}, Place.FILE, lambda: WORD
    )
    return {**SANDBOX, "data_dir": str(tmp_path)}


def told(of: Settings) -> str:
    return "\n".join(f"{one.level.value} {one.found} {one.means}" for one in doctor_keys.keys(of))


def test_the_store_gives_what_nothing_else_gives(
    flags: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Environment, then the file, then the store; an empty name in either gives nothing."""
    monkeypatch.setenv("KEYS_PASSPHRASE", WORD)
    monkeypatch.setenv("API_KEY", "of-the-environment")
    (tmp_path / "my.env").write_text("API_TOKEN=a-token-of-the-file\nAPI_SECRET=\n", "utf-8")
    loaded = load(flags).settings
    assert loaded.api_key is not None and loaded.api_secret is not None and loaded.api_token is not None
    assert loaded.api_key.get_secret_value() == "of-the-environment"
    assert loaded.api_secret.get_secret_value() == SECRET
    assert loaded.api_token.get_secret_value() == "a-token-of-the-file"
    assert {SECRET, WORD} <= set(loaded.secrets), "what is redacted from the log"
    said = told(loaded)
    assert "API_SECRET from the encrypted file" in said
    assert "warn API_KEY is set in the environment and in the encrypted file" in said
    assert "warn API_TOKEN is set in the .env file and in the encrypted file" in said
    no_secret_in(said, repr(loaded))


def test_the_page_shows_the_store_as_a_source_and_a_change_there_keeps_it(
    flags: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYS_PASSPHRASE", WORD)
    running = load(flags).settings
    start_settings.change(running, "LOG_LEVEL", "WARNING")
    shown: dict[str, Any] = dict(start_settings.described(running))
    rows = {one["name"]: one for one in shown["settings"]}
    assert shown["readable"]
    assert (rows["API_KEY"]["source"], rows["API_KEY"]["changed"]) == ("store", False)
    no_secret_in(str(shown), tmp_path / "my.env")


def test_paper_and_who_only_needs_the_folder_open_nothing(flags: dict[str, str]) -> None:
    """Without the passphrase, and nobody to type it."""
    SecretStore(Path(flags["data_dir"])).forget(["API_TOKEN"], lambda: WORD)
    assert load({"data_dir": flags["data_dir"]}).settings.api_key is None
    assert settings.read_unopened(flags).data_dir == Path(flags["data_dir"])
    with pytest.raises(StoreRefused, match="nobody is here"):
        load(flags)


def test_a_typed_passphrase_would_be_missed_at_log_on(flags: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`autostart on` refuses; with a file of the passphrase it does not."""
    monkeypatch.setenv("KEYS_PASSPHRASE", WORD)
    with pytest.raises(Exception, match="nobody types the passphrase"):
        cli_service._require_unattended(load(flags).settings)
    file = Path(flags["data_dir"]) / "word"
    file.write_text(WORD, "utf-8")
    file.chmod(0o600)
    monkeypatch.delenv("KEYS_PASSPHRASE")
    monkeypatch.setenv("KEYS_PASSPHRASE_FILE", str(file))
    cli_service._require_unattended(load(flags).settings)


def test_doctor_skips_where_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    assert [one.level for one in doctor_keys.keys(load({"data_dir": str(tmp_path)}).settings)] == [Level.SKIP]
