"""Every setting of the product, and the only reader of the environment.

Sources, strongest first: command-line flags, environment, `.env` beside `mTrade.py`, for secrets the store of
`mTrade.py keys`, defaults. They seed the first start; what a person changes on the page is kept in the database, which
wins afterwards. A bad value stops the start.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from autotrader_v2.app import env_file as env_files
from autotrader_v2.app import passphrase, values
from autotrader_v2.app.secret_store import SecretStore
from autotrader_v2.app.values import ENV_FILE_NAME, ROOT, FeedKind
from autotrader_v2.application.events import Priority
from autotrader_v2.domain.market import Market

_DEFAULT_ENV_FILE = ROOT / ".env"

GATE_LIVE_HOST = "https://api.gateio.ws/api/v4"
GATE_LIVE_HOSTS = (GATE_LIVE_HOST,)
GATE_TESTNET_HOSTS = ("https://api-testnet.gateapi.io/api/v4", "https://fx-api-testnet.gateio.ws/api/v4")

_COMMON_SYMBOLS = "BTC,ETH,SOL,XRP,DOGE,ADA,LTC,TRX,DOT,LINK,AVAX,NEAR"
_TOKEN_LENGTH_MIN = 16
# The webhook's address is one too: many services put the right to post into it.
STORABLE = ("API_KEY", "API_SECRET", "API_TOKEN", "NOTIFY_WEBHOOK_URL", "NOTIFY_WEBHOOK_SECRET")
SECRETS = frozenset({*STORABLE, passphrase.VARIABLE})
_OF_THE_ACCOUNT = ("API_KEY", "API_SECRET")
_STORE = "the store of secrets"
_NOT_OPENED = SecretStr("not-opened")


class Mode(StrEnum):
    """Where orders go."""

    PAPER = "paper"
    SANDBOX = "sandbox"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused setting: its name, what is wrong with it, a value that would do, and where it came from."""

    name: str
    what: str
    example: str
    source: str

    def __str__(self) -> str:
        origin = f" (from {self.source})" if self.source else ""
        return f"{self.name}{origin}: {self.what}. Example: {self.name}={self.example}"


class BadSettings(Exception):
    """The start was refused: nothing was opened, no order was sent. Each problem names its setting."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that passed, and what is odd about them but stops nothing."""

    settings: "Settings"
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where each given setting came from, in words. Settings of other sources with the same values are the same."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False)


class Settings(BaseSettings):
    """What a start was told. Frozen; a value here has passed every check, those across settings included.

    The names in the environment and in `.env` are these in capitals. Symbols are kept as `BTC_USDT`. The order of
    the fields matters: a check may look at the fields above its own.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        validate_default=True,
        env_ignore_empty=True,
        env_file_encoding="utf-8-sig",
        hide_input_in_errors=True,
    )

    mode: Mode = Field(Mode.PAPER, description="paper, sandbox or live", examples=["paper"])
    live: Annotated[bool, NoDecode] = Field(False, description="the second key that MODE=live needs", examples=["yes"])
    exchange: Literal["gate"] = Field("gate", description="the exchange to trade on", examples=["gate"])
    gate_host: str = Field(
        "",
        description="address of the exchange's REST API; needed by MODE=sandbox, fixed in MODE=live",
        examples=["http://127.0.0.1:8790/api/v4"],
    )
    api_key: SecretStr | None = Field(
        None, description="key of the exchange account", examples=["<key of the account>"]
    )
    api_secret: SecretStr | None = Field(None, description="secret to that key", examples=["<secret to that key>"])
    api_token: SecretStr | None = Field(
        None, description="token that scripts send to the API of this program", examples=["<24 random characters>"]
    )
    keys_passphrase_file: Path | None = Field(
        None,
        description="file whose first line opens the encrypted file of secrets, for starts without a person",
        examples=["/home/me/.mtrade-passphrase"],
    )
    keys_passphrase: SecretStr | None = Field(
        None, description="that passphrase itself; for the environment, not for .env", examples=["<the passphrase>"]
    )
    quote: str = Field("USDT", description="the currency that buys and that profit is counted in", examples=["USDT"])
    available_symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="coins that can be traded", examples=["BTC,ETH,SOL"]
    )
    active_symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="coins switched on at the first start", examples=["BTC,ETH"]
    )
    primary_symbol: str = Field("", description="the coin that the page opens with", examples=["BTC"])
    ladder: Literal["careful", "balanced", "eager", "basic"] = Field(
        "balanced",
        description="ladder that all coins begin with at the first start: careful, balanced, eager or basic",
        examples=["balanced"],
    )
    feed: str = Field(
        "auto",
        description="where paper takes prices from: auto, gate, synthetic or replay:PATH",
        examples=["replay:data/btc.csv"],
    )
    speed: float = Field(1.0, description="how fast replayed and synthetic time runs", examples=["60"])
    seed: int = Field(1, ge=0, le=2**63 - 1, description="makes synthetic prices repeatable", examples=["7"])
    paper_balance: Annotated[tuple[tuple[str, Decimal], ...], NoDecode] = Field(
        (), description="what the paper account starts with", examples=["USDT=10000,BTC=0.1"]
    )
    loop_interval_s: float = Field(
        1.0, ge=0.01, le=60, description="seconds between sweeps for what no price triggers", examples=["1"]
    )
    reconcile_s: float = Field(
        60.0, ge=5, le=3600, description="seconds between comparisons of the account with the books", examples=["60"]
    )
    host: str = Field("127.0.0.1", description="address that the page is served on", examples=["127.0.0.1"])
    port: int = Field(8787, ge=0, le=65535, description="port of the page; 0 takes a free one", examples=["8787"])
    data_dir: Path = Field(Path("data"), description="folder of the database and the logs", examples=["data"])
    db_path: Path | None = Field(
        None, description="the database, when it is not in DATA_DIR", examples=["data/paper.sqlite3"]
    )
    lock_dir: Path | None = Field(
        None,
        description="folder where the mTrades of this machine see each other, when it is not the user's own",
        examples=["/home/me/.local/state/mtrade/locks"],
    )
    backup_dir: Path | None = Field(
        None, description="folder of the database's backups, when it is not in DATA_DIR", examples=["data/backups"]
    )
    backup_every_s: int = Field(
        3600, ge=0, le=86_400, description="seconds between verified backups; 0: none", examples=["3600"]
    )
    candle_dir: Path | None = Field(
        None,
        description="folder of the candle files that the Lab offers, when it is not in DATA_DIR",
        examples=["data/candles"],
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least important line that is logged", examples=["INFO"]
    )
    log_format: Literal["console", "json"] = Field("console", description="form of the log lines", examples=["json"])

    notify_os: Annotated[bool, NoDecode] = Field(
        True, description="whether alerts appear as notifications of the desktop", examples=["on"]
    )
    notify_os_min_priority: Priority = Field(
        Priority.HIGH, description="least important alert that appears on the desktop", examples=["high"]
    )
    notify_language: Literal["auto", "en", "ru"] = Field(
        "auto", description="language of the desktop's notifications; auto takes the system's", examples=["en"]
    )
    notify_webhook_private: Annotated[bool, NoDecode] = Field(
        False, description="whether the webhook may lie in a private network, also over http", examples=["no"]
    )
    notify_webhook_url: SecretStr | None = Field(
        None, description="address that alerts are posted to", examples=["https://example.com/hook"]
    )
    notify_webhook_secret: SecretStr | None = Field(
        None, description="secret that signs what is posted", examples=["<24 random characters>"]
    )
    notify_webhook_min_priority: Priority = Field(
        Priority.MEDIUM, description="least important alert that is posted", examples=["medium"]
    )
    dead_man: Annotated[int, NoDecode] = Field(
        0,
        description="off, or sell:MINUTES: sell everything when the watchdog cannot bring the engine back for so long",
        examples=["sell:60"],
    )

    _flags: tuple[tuple[str, str], ...] = PrivateAttr(default=())
    _stored: tuple[tuple[str, SecretStr], ...] = PrivateAttr(default=())
    _sources: Sources = PrivateAttr(default_factory=Sources)

    @property
    def flags(self) -> dict[str, str]:
        """The command-line flags this start was given, by setting: what `restart` starts again with."""
        return dict(self._flags)

    @property
    def stored(self) -> dict[str, SecretStr]:
        """What the store of secrets gave to this start, by setting."""
        return dict(self._stored)

    @property
    def origins(self) -> dict[str, str]:
        """Where each given setting came from, in words."""
        return dict(self._sources.origins)

    @property
    def elsewhere(self) -> dict[str, str]:
        """Of those, what did not come from the store of secrets."""
        return {name: origin for name, origin in self.origins.items() if origin != _STORE}

    @property
    def markets(self) -> tuple[Market, ...]:
        """Every market that can be traded."""
        return tuple(self._market(symbol) for symbol in self.available_symbols)

    @property
    def active_markets(self) -> tuple[Market, ...]:
        """The markets named in ACTIVE_SYMBOLS; empty when it was not given."""
        return tuple(self._market(symbol) for symbol in self.active_symbols)

    @property
    def primary_market(self) -> Market:
        """The market that the page opens with."""
        return self._market(self.primary_symbol)

    @property
    def feed_kind(self) -> FeedKind:
        """Where prices come from."""
        return FeedKind(self.feed.partition(":")[0])

    @property
    def replay_path(self) -> Path | None:
        """The recording to replay; only with `FeedKind.REPLAY`."""
        return Path(self.feed.partition(":")[2]) if self.feed_kind is FeedKind.REPLAY else None

    @property
    def database(self) -> Path:
        """The database file: DB_PATH, or one per mode in the data folder, so that a paper one is never opened live."""
        return self.db_path or self.data_dir / f"{self.mode}.sqlite3"

    @property
    def candles(self) -> Path:
        """The folder of candle files: recorded, fetched, or put there by a person."""
        return self.candle_dir or self.data_dir / "candles"

    @property
    def backups(self) -> Path:
        """The folder of the backups."""
        return self.backup_dir or self.data_dir / "backups"

    def _market(self, symbol: str) -> Market:
        base, quote = symbol.split("_")
        return Market(self.exchange, base, quote)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no log, page or message."""
        given = (getattr(self, name.lower()) for name in sorted(SECRETS))
        return tuple(one.get_secret_value() for one in given if one is not None)

    @field_validator(
        "mode",
        "exchange",
        "log_format",
        "notify_os_min_priority",
        "notify_webhook_min_priority",
        "notify_language",
        mode="before",
    )
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("live", "notify_webhook_private", mode="before")
    @classmethod
    def _yes_or_no(cls, value: object) -> bool:
        return value if isinstance(value, bool) else values.read_word(str(value), yes="yes", no="no")

    @field_validator("notify_os", mode="before")
    @classmethod
    def _on_or_off(cls, value: object) -> bool:
        return value if isinstance(value, bool) else values.read_word(str(value), yes="on", no="off")

    @field_validator("dead_man", mode="before")
    @classmethod
    def _dead_man(cls, value: object) -> int:
        return value if isinstance(value, int) else values.read_dead_man(str(value))

    @field_validator("notify_webhook_url")
    @classmethod
    def _webhook(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            values.check_webhook(value.get_secret_value(), private=bool(info.data.get("notify_webhook_private")))
        return value

    @field_validator("notify_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _TOKEN_LENGTH_MIN:
            raise ValueError(f"is too easy to guess: use at least {_TOKEN_LENGTH_MIN} random characters")
        return _printable(value)

    @field_validator("live")
    @classmethod
    def _live_twice(cls, value: bool, info: ValidationInfo) -> bool:
        if info.data.get("mode") is Mode.LIVE and not value:
            raise ValueError("MODE=live trades real money and starts only when LIVE=yes says so too")
        return value

    @field_validator("gate_host")
    @classmethod
    def _gate_host(cls, value: str, info: ValidationInfo) -> str:
        mode = info.data.get("mode")
        if not value.strip():
            if mode is Mode.SANDBOX:
                raise ValueError("MODE=sandbox needs the address of a simulator on this machine or of Gate's testnet")
            return GATE_LIVE_HOST
        host = values.read_address(value)
        if mode is Mode.LIVE and host not in GATE_LIVE_HOSTS:
            raise ValueError(f"MODE=live sends keys and orders only to {GATE_LIVE_HOST}; leave GATE_HOST out")
        allowed = GATE_TESTNET_HOSTS + (GATE_LIVE_HOSTS if mode is not Mode.SANDBOX else ())
        if host not in allowed and not values.is_loopback(urlsplit(host).hostname or ""):
            raise ValueError(
                f"keys and orders go only to this machine (127.0.0.1) or to Gate's own {' or '.join(allowed)}"
            )
        return host

    @field_validator("api_key", "api_secret")
    @classmethod
    def _keys(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        mode = info.data.get("mode")
        if mode is Mode.PAPER:
            return None  # Paper signs nothing: what it does not hold it cannot leak or use.
        if value is None and mode is not None:
            raise ValueError(f"MODE={mode} trades with an exchange account and needs its key")
        return _printable(value)

    @field_validator("api_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < _TOKEN_LENGTH_MIN:
            raise ValueError(f"is too easy to guess: use at least {_TOKEN_LENGTH_MIN} random characters")
        return _printable(value)

    @field_validator("quote")
    @classmethod
    def _currency(cls, value: str) -> str:
        return values.read_currency(value)

    @field_validator("available_symbols", mode="before")
    @classmethod
    def _available(cls, value: object, info: ValidationInfo) -> tuple[str, ...]:
        return _symbols(value or _COMMON_SYMBOLS, info.data.get("quote", "USDT"))

    @field_validator("active_symbols", mode="before")
    @classmethod
    def _active(cls, value: object, info: ValidationInfo) -> tuple[str, ...]:
        symbols = _symbols(value, info.data.get("quote", "USDT"))
        return tuple(_one_of_available(symbol, info) for symbol in symbols)

    @field_validator("primary_symbol")
    @classmethod
    def _primary(cls, value: str, info: ValidationInfo) -> str:
        available: tuple[str, ...] = info.data.get("available_symbols", ())
        quote = info.data.get("quote", "USDT")
        if value.strip():
            return _one_of_available(values.read_symbol(value, quote), info)
        bitcoin = f"BTC_{quote}"
        return bitcoin if bitcoin in available or not available else available[0]

    @field_validator("feed")
    @classmethod
    def _feed(cls, value: str, info: ValidationInfo) -> str:
        feed = values.read_feed(value)
        mode = info.data.get("mode")
        if mode in (Mode.SANDBOX, Mode.LIVE) and feed not in ("auto", "gate"):
            raise ValueError(f"MODE={mode} takes prices only from the exchange it trades on; leave FEED out")
        return feed

    @field_validator("speed", mode="before")
    @classmethod
    def _speed(cls, value: object, info: ValidationInfo) -> float:
        speed = values.read_speed(str(value))
        mode = info.data.get("mode")
        if mode in (Mode.SANDBOX, Mode.LIVE) and speed != 1:
            raise ValueError(f"MODE={mode} runs at the exchange's own speed; leave SPEED out")
        return speed

    @field_validator("paper_balance", mode="before")
    @classmethod
    def _paper_balance(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            return tuple(values.read_balances(values.split_list(value)).items())
        return value or ((info.data.get("quote", "USDT"), Decimal(10_000)),)

    @field_validator("host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        return values.read_loopback(value)

    @field_validator("data_dir", "db_path", "lock_dir", "backup_dir", "candle_dir", "keys_passphrase_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        """Anchor at the program's folder: the same `.env` means the same files whatever the working directory."""
        return None if value is None else Path(os.path.abspath(ROOT / value.expanduser()))

    @model_validator(mode="after")
    def _database_is_a_file(self) -> Self:
        if self.db_path and self.db_path.is_dir():
            raise ValueError("DB_PATH is a folder; name a file in it")
        return self


def load(flags: Mapping[str, str | None] | None = None) -> Loaded:
    """Read flags (None means not given), environment, `.env` and the store of secrets, asking for its passphrase where
    it needs one. Errors: `BadSettings`, `StoreRefused`."""
    given, in_file, before = _read(flags)
    stored = _from_store(before)
    settings = _checked(in_file, given, stored)
    settings._flags, settings._stored = tuple(sorted(given.items())), tuple(sorted(stored.items()))
    return Loaded(settings, (*in_file.warnings, *env_files.near_misses(os.environ, names())))


def read_unopened(flags: Mapping[str, str | None] | None = None) -> Settings:
    """The settings without the store of secrets: those of the account may be missing. Errors: `BadSettings`."""
    return _read(flags)[2]


def built(
    file: Path | None, in_file: Iterable[str], flags: Mapping[str, str], stored: Mapping[str, SecretStr]
) -> Settings:
    """The settings of these sources; `in_file`: what the file sets. Errors: pydantic's `ValidationError`."""
    origins = _origins(flags, in_file)
    lacking: dict[str, Any] = {name.lower(): value for name, value in stored.items() if name not in origins}
    given: dict[str, Any] = {**flags, **lacking}
    settings = Settings(_env_file=file, **given)
    ours = {name: origin for name, origin in origins.items() if name in names()}
    settings._sources = Sources({**ours, **{name.upper(): _STORE for name in lacking}})
    return settings


def _read(flags: Mapping[str, str | None] | None) -> tuple[dict[str, str], env_files.EnvFile, Settings]:
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        in_file = env_files.inspect(env_file(), names(), SECRETS)
    except env_files.UnreadableEnvFile as error:
        raise BadSettings(Problem(".env", str(error), "MODE=paper", "")) from None
    # The store lies in the data folder, which only the settings tell.
    return given, in_file, _checked(in_file, given, dict.fromkeys(_OF_THE_ACCOUNT, _NOT_OPENED))


def _checked(in_file: env_files.EnvFile, flags: Mapping[str, str], stored: Mapping[str, SecretStr]) -> Settings:
    try:
        return built(env_file(), in_file.names, flags, stored)
    except ValidationError as error:
        origins = dict.fromkeys(stored, _STORE) | _origins(flags, in_file.names)
        raise BadSettings(*(_problem(detail, origins) for detail in error.errors(include_url=False))) from None


def _from_store(before: Settings) -> dict[str, SecretStr]:
    """What this start lacks and the store has. Paper opens nothing for the account's keys. Errors: `StoreRefused`."""
    store = SecretStore(before.data_dir)
    unused = _OF_THE_ACCOUNT if before.mode is Mode.PAPER else ()
    wanted = [name for name in store.fingerprints() if name in STORABLE and name not in {*before.elsewhere, *unused}]
    if not wanted:
        return {}
    word = before.keys_passphrase.get_secret_value() if before.keys_passphrase else None
    read = store.read(wanted, lambda: passphrase.given(word, before.keys_passphrase_file) or passphrase.typed())
    return {name: SecretStr(value) for name, value in read.items()}


def refusals(settings: Settings, name: str, value: SecretStr) -> tuple[Problem, ...]:
    """What is wrong with a secret before it is kept; nothing when it would do."""
    try:
        _printable(value)
        given: dict[str, Any] = {"notify_webhook_private": settings.notify_webhook_private, name.lower(): value}
        Settings(_env_file=None, **given)
    except ValidationError as error:
        problems = (_problem(detail, {}) for detail in error.errors(include_url=False))
        return tuple(problem for problem in problems if problem.name == name)
    except ValueError as error:
        return (Problem(name, str(error), str(Settings.model_fields[name.lower()].examples[0]), ""),)  # type: ignore[index]
    return ()


def environment_with(**changes: str) -> dict[str, str]:
    """Return an environment for a child process: this one's, without any setting of ours, and with these."""
    ours = {*names(), ENV_FILE_NAME}
    return {name: value for name, value in os.environ.items() if name.upper() not in ours} | changes


def env_file() -> Path | None:
    """The file that a start reads: `.env` beside mTrade.py, the one MTRADE_ENV_FILE names, or (empty) none."""
    named = os.environ.get(ENV_FILE_NAME)
    if named is None:
        return _DEFAULT_ENV_FILE
    return Path(named) if named else None


def in_environment(name: str) -> bool:
    """Whether the environment of this process sets that setting to something."""
    return bool(os.environ.get(name))


def names() -> tuple[str, ...]:
    """Every setting by its name in the environment."""
    return tuple(field.upper() for field in Settings.model_fields)


def _printable(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("holds a space or a character that no key has; copy it again")
    return value


def _symbols(value: object, quote: str) -> tuple[str, ...]:
    """Return the markets in the order given, each once."""
    match value:
        case str():
            texts: Iterable[object] = values.split_list(value)
        case Iterable():
            texts = value
        case _:
            raise ValueError("is not a list of symbols")
    return tuple(dict.fromkeys(values.read_symbol(str(text), quote) for text in texts))


def _one_of_available(symbol: str, info: ValidationInfo) -> str:
    available: tuple[str, ...] = info.data.get("available_symbols", ())
    if available and symbol not in available:
        raise ValueError(f"{symbol} is not among AVAILABLE_SYMBOLS; add it there first")
    return symbol


def _origins(flags: Mapping[str, str], in_file: Iterable[str]) -> dict[str, str]:
    """Say for each given setting where the winning value came from."""
    origins = dict.fromkeys(in_file, "the .env file")
    origins |= {name.upper(): "the environment" for name, value in os.environ.items() if value}
    return origins | {name.upper(): f"--{name.replace('_', '-')}" for name in flags}


def _problem(detail: Any, origins: Mapping[str, str]) -> Problem:
    """Say it in a person's words. Our own messages stand; pydantic's get the value, unless it is a secret."""
    field = str(detail["loc"][0]) if detail["loc"] else "db_path"
    name, what, given = field.upper(), str(detail["msg"]).removeprefix("Value error, "), detail.get("input")
    if name not in SECRETS and isinstance(given, str) and detail["type"] != "value_error":
        what = f"{values.shown(given)} is refused: {what[:1].lower()}{what[1:]}"
    example = (Settings.model_fields[field].examples or [""])[0]
    return Problem(name, what, str(example), origins.get(name, ""))
