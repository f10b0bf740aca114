"""What the commands share: the program they belong to, flags, reading words, refusing them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from autotrader_v2.app.settings import Loaded, Settings
    from autotrader_v2.domain.market import Market

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130


app = typer.Typer(
    help="mTrade averages into coins on drawdowns and sells the whole position at a profit. "
    "Without a command it serves the page and trades; without keys it does so on paper.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
)
T = TypeVar("T")
HostFlag = Annotated[
    str | None, typer.Option("--host", help="Address of the page; this machine only (default: 127.0.0.1).")
]
PortFlag = Annotated[str | None, typer.Option("--port", help="Port of the page; 0 takes a free one (default: 8787).")]
ModeFlag = Annotated[str | None, typer.Option("--mode", help="paper, sandbox or live (default: paper).")]
FeedFlag = Annotated[
    str | None, typer.Option("--feed", help="Prices for paper: auto, gate, synthetic or replay:PATH (default: auto).")
]
SpeedFlag = Annotated[
    str | None, typer.Option("--speed", help="How fast replayed or synthetic time runs, or max (default: 1).")
]
DataDirFlag = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of database and logs (default: data, beside mTrade.py).")
]
NoBrowserFlag = Annotated[bool, typer.Option("--no-browser", help="Print the link and open no browser.")]
CandlesFlag = Annotated[Path, typer.Option("--data", help="A candle file (parquet, csv) or a folder of them.")]
SymbolFlag = Annotated[str | None, typer.Option("--symbol", help="Only this market: BTC or BTC_USDT.")]
SymbolsFlag = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="COIN[,COIN]", help="Markets, such as BTC,ETH; may be repeated."),
]
FromFlag = Annotated[str, typer.Option("--from", help="First day or time, UTC: 2022-01-01.")]
ToFlag = Annotated[str, typer.Option("--to", help="The day or time before which it ends, UTC.")]
LadderFlag = Annotated[
    str | None,
    typer.Option(
        "--ladder",
        help="What to begin with: careful, balanced, eager or basic (default: that of a first start, setting LADDER).",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def read_settings(flags: Mapping[str, str]) -> "Loaded":
    """Read the settings or leave with exit code 2, every problem on a line of its own."""
    from autotrader_v2.app.secret_store import StoreRefused
    from autotrader_v2.app.settings import load

    try:
        return unless_refused(lambda: load(flags))
    except StoreRefused as error:
        say(str(error))
        raise typer.Exit(_FAILED) from None


def folder_of(data_dir: Path | None, mode: str | None = None) -> Path:
    """The data folder; the store of secrets stays closed."""
    from autotrader_v2.app.settings import read_unopened

    return unless_refused(lambda: read_unopened(given_flags(data_dir=data_dir, mode=mode))).data_dir


def keyless(flags: Mapping[str, str]) -> "Settings":
    """The settings of a command that needs no account: the store of secrets stays closed."""
    from autotrader_v2.app.settings import read_unopened

    return unless_refused(lambda: read_unopened(flags))


def beginning(ladder: str | None, flags: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters that `--ladder` names, or that a first start by these settings begins with."""
    from autotrader_v2.application.shipped_ladders import BEGINNINGS

    named = ladder or keyless(flags).ladder
    require("--ladder", named in BEGINNINGS, f"must be one of {', '.join(BEGINNINGS)}")
    return BEGINNINGS[named]


def read_span(from_day: str, to_day: str) -> tuple[int, int | None]:
    """`--from` and `--to` in ms; from the beginning, and None for no end, where they are empty."""
    from autotrader_v2.app import values

    from_ms = read_option("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else None
    require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    return from_ms, to_ms


def unless_refused(read: Callable[[], T]) -> T:
    """What it reads; bad settings end the command with exit code 2, every problem on a line of its own."""
    from autotrader_v2.app.settings import BadSettings

    try:
        return read()
    except BadSettings as error:
        for problem in error.problems:
            say(f"Refused: {problem}")
        raise typer.Exit(_BAD_INPUT) from None


def settings_of(flags: Mapping[str, str], *, quiet: bool = False) -> "Settings":
    """Read the settings, and tell what is odd about them."""
    loaded = read_settings(flags)
    for warning in () if quiet else loaded.warnings:
        say(f"Note: {warning}")
    return loaded.settings


def given_flags(**given: str | Path | None) -> dict[str, str]:
    """Keep what was given. A path on the command line is meant from where the person stands."""
    return {
        name: str(Path.cwd() / value.expanduser()) if isinstance(value, Path) else value
        for name, value in given.items()
        if value is not None
    }


def read_option(option: str, reader: Callable[[Any], T], given: object) -> T:
    """Read an option's text, or leave with exit code 2 naming the option and the reason."""
    try:
        return reader(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def markets_of(settings: "Settings", texts: list[str] | None) -> "tuple[Market, ...]":
    """The markets named, each once, in the spelling of the exchange."""
    from autotrader_v2.app import values
    from autotrader_v2.domain.market import Market

    named = [part for text in texts or [] for part in values.split_list(text)]
    pairs = dict.fromkeys(
        read_option("--symbol", lambda text: values.read_symbol(text, settings.quote), one) for one in named
    )
    return tuple(Market(settings.exchange, *pair.split("_")) for pair in pairs)


def one_market(given: str | None) -> str:
    """The market that `--symbol` names; empty where it was not given."""
    require("--symbol", given is None or given.strip(), "names a market, such as BTC; leave it out for all")
    return (given or "").strip()


def several_markets(given: list[str] | None) -> str:
    """The markets that `--symbol` names, by comma; empty where it was not given."""
    from autotrader_v2.app import values

    named = [part for text in given or [] for part in values.split_list(text)]
    require("--symbol", named or not given, "names markets, such as BTC,ETH; leave it out for all")
    return ",".join(dict.fromkeys(named))


def require(option: str, holds: object, otherwise: str) -> None:
    """Leave with exit code 2, naming the option and what it must be, unless that holds."""
    if not holds:
        raise typer.BadParameter(otherwise, param_hint=option)


@contextmanager
def ctrl_c_said() -> Iterator[None]:
    """For a command that only reads: Ctrl-C ends it with a sentence, from its first import on."""
    try:
        yield
    except KeyboardInterrupt:
        say("\nStopped before its end. Nothing was changed; the same command begins anew.")
        raise typer.Exit(_INTERRUPTED) from None


def require_engine(engine: str) -> None:
    """Of the two that play the past."""
    require("--engine", engine in ("compiled", "exact"), "must be compiled or exact")


def named_values(texts: list[str]) -> dict[str, str]:
    """NAME=VALUE, each name once. Errors: ValueError."""
    named: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise ValueError(f"{text[:60]!r} is not NAME=VALUE")
        if name in named:
            raise ValueError(f"{name} is given twice")
        named[name] = value
    return named


def say(line: str) -> None:
    """Tell the person something. Standard output is kept for what other programs read."""
    typer.echo(line, err=True)
