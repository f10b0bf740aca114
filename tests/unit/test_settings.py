"""Settings: where values come from, what is refused and in which words (issue: modes, feeds, names)."""

import math
import re
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autotrader_v2.app import env_file, settings
from autotrader_v2.app.settings import BadSettings, Mode, Settings, load
from autotrader_v2.app.values import ROOT, FeedKind
from autotrader_v2.infrastructure.feeds.sources import open_source

KEYS = {"api_key": "a-key", "api_secret": "a-secret"}
SANDBOX = {"mode": "sandbox", "gate_host": "http://127.0.0.1:8790/api/v4", **KEYS}
LIVE = {"mode": "live", "live": "yes", **KEYS}


def refused(**flags: str) -> dict[str, str]:
    """Load what must be refused; return the reasons by setting."""
    with pytest.raises(BadSettings) as caught:
        load(flags)
    return {problem.name: str(problem) for problem in caught.value.problems}


def test_a_start_without_any_setting_is_paper_on_this_machine() -> None:
    """A stranger's first start needs no configuration, and cannot touch money."""
    loaded = load().settings
    assert (loaded.mode, loaded.host, loaded.feed_kind) == (Mode.PAPER, "127.0.0.1", FeedKind.AUTO)
    assert (loaded.primary_market.base, loaded.active_symbols) == ("BTC", ())
    assert loaded.paper_balance == (("USDT", Decimal(10_000)),)
    assert loaded.data_dir == ROOT / "data"
    assert loaded.database == ROOT / "data" / "paper.sqlite3"


def test_practice_has_a_price_of_every_coin_that_is_traded_by_default() -> None:
    """`sim` plays the synthetic market: a coin that it did not know was an error at every first start."""
    played = open_source("synthetic").markets
    assert set(load().settings.markets) <= set(played)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags, environment, `.env`, defaults: in this order."""
    file = tmp_path / ".env"
    file.write_text("PORT=1001\nSEED=1002\nQUOTE=USDC\n", encoding="utf-8-sig")  # as Notepad saves it
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    monkeypatch.setenv("PORT", "2001")
    monkeypatch.setenv("SEED", "2002")
    loaded = load({"port": "3001", "host": None}).settings
    assert (loaded.port, loaded.seed, loaded.quote) == (3001, 2002, "USDC")
    assert loaded.flags == {"port": "3001"}


def test_an_empty_value_means_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env.example` copied as it is leaves many names empty."""
    monkeypatch.setenv("PORT", "")
    assert load().settings.port == 8787


@pytest.mark.parametrize(
    ("flags", "name", "reason"),
    [
        ({"mode": "lvie"}, "MODE", "'lvie' is refused"),
        ({"exchange": "mtgox"}, "EXCHANGE", "'mtgox'"),
        ({"port": "65536"}, "PORT", "'65536' is refused"),
        ({"port": "web"}, "PORT", "valid integer"),
        ({"host": "0.0.0.0"}, "HOST", "other machines"),
        ({"host": "example.com"}, "HOST", "other machines"),
        ({"speed": "0"}, "SPEED", "above 0, or max"),
        ({"speed": "nan"}, "SPEED", "above 0, or max"),
        ({"speed": "fast"}, "SPEED", "above 0, or max"),
        ({"feed": "rumours"}, "FEED", "not a feed"),
        ({"feed": "replay"}, "FEED", "not a feed"),
        ({"feed": "gate:x"}, "FEED", "not a feed"),
        ({"feed": "replay:no/such/file.csv"}, "FEED", "no recording at 'no/such/file.csv'"),
        ({"feed": "replay:"}, "FEED", "needs the path"),
        ({"log_level": "loud"}, "LOG_LEVEL", "'LOUD'"),
        ({"log_format": "xml"}, "LOG_FORMAT", "'xml'"),
        ({"loop_interval_s": "0.009"}, "LOOP_INTERVAL_S", "0.01"),
        ({"loop_interval_s": "nan"}, "LOOP_INTERVAL_S", "refused"),
        ({"seed": "-1"}, "SEED", "'-1'"),
        ({"quote": "US$"}, "QUOTE", "not a currency"),
        ({"available_symbols": "BTC,B!TC"}, "AVAILABLE_SYMBOLS", "not a symbol"),
        ({"available_symbols": "ETH/BTC"}, "AVAILABLE_SYMBOLS", "not traded against USDT"),
        ({"active_symbols": "PEPE"}, "ACTIVE_SYMBOLS", "not among AVAILABLE_SYMBOLS"),
        ({"primary_symbol": "PEPE"}, "PRIMARY_SYMBOL", "not among AVAILABLE_SYMBOLS"),
        ({"ladder": "brave"}, "LADDER", "'brave'"),
        ({"paper_balance": "USDT"}, "PAPER_BALANCE", "CURRENCY=AMOUNT"),
        ({"paper_balance": "USDT=-1"}, "PAPER_BALANCE", "0 or more"),
        ({"paper_balance": "USDT=inf"}, "PAPER_BALANCE", "0 or more"),
        ({"paper_balance": "USDT=1,usdt=2"}, "PAPER_BALANCE", "given twice"),
        ({"api_token": "short"}, "API_TOKEN", "too easy to guess"),
        ({"live": "maybe"}, "LIVE", "yes or no"),
        ({"notify_os": "yes"}, "NOTIFY_OS", "on or off"),
        ({"notify_os_min_priority": "loud"}, "NOTIFY_OS_MIN_PRIORITY", "'loud'"),
        ({"notify_language": "de"}, "NOTIFY_LANGUAGE", "'de'"),
        ({"notify_webhook_url": "http://example.com/x"}, "NOTIFY_WEBHOOK_URL", "must begin with https://"),
        ({"notify_webhook_url": "ftp://example.com/x"}, "NOTIFY_WEBHOOK_URL", "must be an https:// address"),
        ({"notify_webhook_url": "https://user:pass@example.com"}, "NOTIFY_WEBHOOK_URL", "without name"),
        ({"notify_webhook_url": "https://example.com:99999/"}, "NOTIFY_WEBHOOK_URL", "is not an address"),
        ({"notify_webhook_url": "https://example.com/a b"}, "NOTIFY_WEBHOOK_URL", "%XX"),
        ({"notify_webhook_secret": "short"}, "NOTIFY_WEBHOOK_SECRET", "too easy to guess"),
        ({"dead_man": "yes"}, "DEAD_MAN", "neither off nor sell:MINUTES"),
        ({"dead_man": "sell"}, "DEAD_MAN", "neither off nor sell:MINUTES"),
        ({"dead_man": "sell:-5"}, "DEAD_MAN", "neither off nor sell:MINUTES"),
        ({"dead_man": "sell:4"}, "DEAD_MAN", "between 5 and"),
        ({"dead_man": "sell:999999"}, "DEAD_MAN", "between 5 and"),
    ],
)
def test_a_bad_value_is_refused_with_name_reason_and_example(flags: dict[str, str], name: str, reason: str) -> None:
    """The person learns what to change without reading code."""
    problems = refused(**flags)
    assert reason in problems[name]
    assert f"(from --{name.lower().replace('_', '-')})" in problems[name]
    assert f"Example: {name}=" in problems[name]


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one more with every start; and each says where it came from."""
    monkeypatch.setenv("PORT", "web")
    problems = refused(mode="lvie", speed="fast")
    assert set(problems) == {"MODE", "PORT", "SPEED"}
    assert "(from the environment)" in problems["PORT"]


@pytest.mark.parametrize("spelling", ["BTC", "btc", "BTCUSDT", "BTC_USDT", "BTC/USDT", "BTC-USDT"])
def test_every_spelling_names_the_same_market(spelling: str) -> None:
    """Row B: symbols are accepted in any spelling; the same coin twice is one coin."""
    loaded = load({"available_symbols": f"ETH,{spelling},BTC", "active_symbols": spelling}).settings
    assert loaded.available_symbols == ("ETH_USDT", "BTC_USDT")
    assert [market.pair for market in loaded.active_markets] == ["BTC_USDT"]


def test_the_primary_coin_follows_what_is_available() -> None:
    """Who trades no BTC need not say so twice."""
    assert load({"available_symbols": "SOL,ETH"}).settings.primary_symbol == "SOL_USDT"


def test_live_needs_keys_and_a_second_yes() -> None:
    """One wrong word must not trade real money."""
    assert set(refused(mode="live")) == {"LIVE"}
    assert set(refused(mode="live", live="yes")) == {"API_KEY", "API_SECRET"}
    assert set(refused(**{**LIVE, "live": "no"})) == {"LIVE"}
    assert load(LIVE).settings.gate_host == settings.GATE_LIVE_HOST


@pytest.mark.parametrize(
    "host",
    ["http://127.0.0.1:8790/api/v4", "https://api-testnet.gateapi.io/api/v4", "https://api.gateio.ws.evil.com/api/v4"],
)
def test_live_knows_only_the_compiled_in_hosts(host: str) -> None:
    """Keys of a real account go nowhere else."""
    assert set(refused(**LIVE, gate_host=host)) == {"GATE_HOST"}


@pytest.mark.parametrize(
    "host",
    [
        "https://api.gateio.ws/api/v4",
        "https://api-testnet.gateapi.io.evil.com/api/v4",
        "http://127.0.0.1@evil.com/api/v4",
        "http://127.0.0.1.evil.com/api/v4",
        "http://10.0.0.1/api/v4",
        "ftp://127.0.0.1/api/v4",
        "127.0.0.1:8790",
        "http://127.0.0.1:99999/api/v4",
        "http://[::1/api/v4",
    ],
)
def test_sandbox_never_reaches_real_money(host: str) -> None:
    """Only this machine and Gate's testnet."""
    assert set(refused(**{**SANDBOX, "gate_host": host})) == {"GATE_HOST"}


@pytest.mark.parametrize(
    ("host", "kept"),
    [
        ("http://localhost:8790", "http://127.0.0.1:8790/api/v4"),
        ("http://127.0.0.1:8790/api/v4/", "http://127.0.0.1:8790/api/v4"),
        ("http://[::1]:8790/api/v4", "http://[::1]:8790/api/v4"),
        ("https://api-testnet.gateapi.io/api/v4", "https://api-testnet.gateapi.io/api/v4"),
        ("https://fx-api-testnet.gateio.ws/api/v4", "https://fx-api-testnet.gateio.ws/api/v4"),
    ],
)
def test_sandbox_takes_this_machine_and_the_testnet(host: str, kept: str) -> None:
    """In one spelling, because a database is bound to it."""
    assert load({**SANDBOX, "gate_host": host}).settings.gate_host == kept


def test_sandbox_needs_an_address_and_keys() -> None:
    """Nothing is guessed where orders are signed."""
    assert set(refused(mode="sandbox")) == {"GATE_HOST"}
    given = {name: value for name, value in SANDBOX.items() if name not in KEYS}
    assert set(refused(**given)) == {"API_KEY", "API_SECRET"}


@pytest.mark.parametrize("start", [SANDBOX, LIVE])
def test_prices_come_from_the_exchange_that_is_traded_on(start: dict[str, str]) -> None:
    """Made-up or recorded prices must never place an order at an exchange."""
    assert set(refused(**start, feed="synthetic", speed="2")) == {"FEED", "SPEED"}


def test_paper_holds_no_keys() -> None:
    """What is not there cannot sign, leak or be logged."""
    loaded = load(KEYS).settings
    assert (loaded.api_key, loaded.api_secret) == (None, None)


def test_no_secret_is_ever_shown() -> None:
    """Neither in an error, nor when the settings are printed."""
    assert "hush hush" not in str(refused(**{**SANDBOX, "api_key": "hush hush", "api_token": "hush hush"}))
    loaded = load({**SANDBOX, "api_secret": "hushhush", "api_token": "hushhush" * 3})
    assert "hushhush" not in repr(loaded) + str(loaded.settings) + loaded.settings.model_dump_json()


def test_settings_cannot_change_after_the_start() -> None:
    """Frozen: what was checked is what runs."""
    with pytest.raises(ValidationError):
        load().settings.port = 1  # type: ignore[misc]


def test_a_replay_keeps_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is meant from where the person stands, whatever its letters."""
    recording = tmp_path / "Запись 1.csv"
    recording.touch()
    monkeypatch.chdir(tmp_path)
    loaded = load({"feed": "REPLAY:Запись 1.csv", "speed": "max"}).settings
    assert loaded.replay_path == recording
    assert loaded.speed == math.inf


def test_slips_in_the_env_file_are_pointed_out_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt name does nothing, so it must not do so silently. Its value may be a secret."""
    file = tmp_path / ".env"
    file.write_text("API_KYE=hushhush\nSOMETHING_ELSE=1\nthis is no line\nMODE=paper\n", encoding="utf-8")
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    warnings = "\n".join(load().warnings)
    assert "API_KYE is not a setting and does nothing; did you mean API_KEY?" in warnings
    assert "SOMETHING_ELSE is not a setting" in warnings
    assert "line 3" in warnings
    assert "hushhush" not in warnings


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bits")
def test_a_file_with_keys_that_others_can_read_is_pointed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """chmod 600 silences it."""
    file = tmp_path / ".env"
    file.write_text("API_KEY=hushhush\n", encoding="utf-8")
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    file.chmod(0o644)
    assert any("chmod 600" in warning for warning in load().warnings)
    file.chmod(0o600)
    assert load().warnings == ()


def test_a_file_that_is_no_text_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trading with half of the settings would be worse."""
    file = tmp_path / ".env"
    file.write_bytes(b"MODE=\xff\xfe")
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    with pytest.raises(BadSettings, match="UTF-8"):
        load()


def test_a_slip_in_the_environment_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`API_KYE` is a slip; the names of other programs are not."""
    monkeypatch.setenv("API_KYE", "hushhush")
    monkeypatch.setenv("HOSTS", "x")
    (warning,) = load().warnings
    assert "API_KYE" in warning
    assert "did you mean API_KEY?" in warning


NAMES = st.text("ABC_", min_size=1, max_size=8)


@given(name=NAMES, letter=st.sampled_from("ABC_X"), data=st.data())
def test_every_single_slip_is_seen_as_one(name: str, letter: str, data: st.DataObject) -> None:
    """A letter added, lost or changed, or two neighbours swapped."""
    i = data.draw(st.integers(0, len(name) - 1))
    slips = {
        name[:i] + letter + name[i:],
        name[:i] + name[i + 1 :],
        name[:i] + letter + name[i + 1 :],
        name[:i] + name[i : i + 2][::-1] + name[i + 2 :],
    } - {name}
    assert all(env_file.one_slip(slip, name) for slip in slips)


@given(a=NAMES, b=NAMES)
def test_one_slip_means_the_same_both_ways(a: str, b: str) -> None:
    """And a name is not a slip of itself."""
    assert env_file.one_slip(a, b) == env_file.one_slip(b, a)
    assert not env_file.one_slip(a, a)


def test_the_example_file_lists_every_setting_and_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env.example` is the documentation of the settings, so it is complete and true."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)) == sorted(settings.names())
    monkeypatch.setenv("MTRADE_ENV_FILE", str(ROOT / ".env.example"))
    loaded = load()
    assert loaded.warnings == ()
    monkeypatch.setenv("MTRADE_ENV_FILE", "")
    assert loaded.settings == load().settings  # what it shows are the defaults


def test_every_setting_says_what_it_is_for_and_how_it_looks() -> None:
    """Errors and documentation quote these."""
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.examples, name


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://example.com/hook?x=1", "no"),
        ("http://127.0.0.1:9000/", "no"),
        ("http://localhost/x", "no"),
        ("http://192.168.1.5/x", "yes"),
        ("http://home.lan/x", "yes"),
    ],
)
def test_a_webhook_is_https_unless_it_stays_at_home(url: str, private: str) -> None:
    """W8: this machine needs no word, a private network does."""
    loaded = load({"notify_webhook_url": url, "notify_webhook_private": private}).settings
    assert loaded.notify_webhook_url
    assert loaded.notify_webhook_url.get_secret_value() == url


def test_a_refused_webhook_is_not_quoted_and_a_taken_one_is_kept_from_the_log() -> None:
    """Its address often holds the right to post there."""
    for url in ("ftp://canary-url.example", "https://canary-url.example/\n", "http://canary-url.example"):
        assert "canary" not in refused(notify_webhook_url=url)["NOTIFY_WEBHOOK_URL"]
    loaded = load(
        {"notify_webhook_url": "https://canary-url.example/x", "api_token": "a-token-of-24-letters!!"}
    ).settings
    assert loaded.secrets == ("a-token-of-24-letters!!", "https://canary-url.example/x")
    assert "canary" not in repr(loaded)


def test_the_dead_man_switch_is_off_until_chosen() -> None:
    """It sells: nobody has it without having said so."""
    assert load().settings.dead_man == 0
    assert load({"dead_man": "OFF"}).settings.dead_man == 0
    assert load({"dead_man": "sell:60"}).settings.dead_man == 60


def test_p16_a_settings_file_cut_anywhere_is_refused_or_still_only_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cut makes it trade live that did not say so in full, and none escapes as anything but a refusal."""
    whole = b"API_KEY=a-key-12345\nAPI_SECRET=a-secret-123\nMODE=live\nPORT=8788\nLIVE=yes\nQUOTE=USDT\n"
    file = tmp_path / "cut.env"
    monkeypatch.setenv("MTRADE_ENV_FILE", str(file))
    live_from = whole.index(b"LIVE=yes") + len(b"LIVE=yes")
    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        try:
            loaded = load().settings
        except BadSettings as error:
            assert "a-secret" not in str(error)
            continue
        assert (loaded.mode is Mode.LIVE) == (cut >= live_from), whole[:cut]
