"""The command line: translates words into calls. What is heavy is imported inside the command that needs it."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

import autotrader_v2

if TYPE_CHECKING:
    from autotrader_v2.app.settings import Loaded, Settings
    from autotrader_v2.domain.market import Market

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_ABOUT_ALL = frozenset({"--help", "-h", "--version"})

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


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mTrade {autotrader_v2.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


@app.command()
def serve(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
    life: Annotated[str, typer.Option("--life", hidden=True)] = "",
) -> None:
    """Serve the page and trade. This is what happens without a command."""
    settings = _load(_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    raise typer.Exit(_serve(settings, open_browser=not no_browser, life=life))


@app.command()
def restart(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
) -> None:
    """Stop the running one and start it again, with the flags it had and those given here."""
    from autotrader_v2.app import instance, wishes
    from autotrader_v2.app.restart import Stopped, is_watched, restart_watched, stop_running

    given = _flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir)
    folder = _folder(data_dir)
    # Settings that would not start must not stop what runs, so they are read before anything is asked.
    settings = _load({**instance.last_flags(folder), **given})
    if is_watched(folder):
        return restart_watched(folder, given, _say)
    if wishes.take_watched_before_update(folder):
        from autotrader_v2.app.watchdog import run_watchdog

        raise typer.Exit(run_watchdog(settings, open_browser=False))
    how = stop_running(folder, _say)
    # The person's page is already open in the other case, and comes back by itself.
    raise typer.Exit(_serve(settings, open_browser=how is Stopped.WAS_FREE and not no_browser))


@app.command()
def stop(
    data_dir: DataDirFlag = None,
    for_update: Annotated[bool, typer.Option("--for-update", hidden=True)] = False,
) -> None:
    """Stop the running one: it finishes what is in flight, writes it down and leaves; its watchdog with it."""
    from autotrader_v2.app import wishes
    from autotrader_v2.app.restart import is_watched, stop_running, stop_watched

    folder = _folder(data_dir)
    if is_watched(folder):
        stop_watched(folder, _say)
        if for_update:
            wishes.note_watched_before_update(folder)
        return
    stop_running(folder, _say)


@app.command()
def watchdog(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    no_browser: NoBrowserFlag = False,
) -> None:
    """Serve and trade under a watchdog that brings a crashed or hung engine back and tells you."""
    settings = _load(_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    from autotrader_v2.app.watchdog import run_watchdog

    raise typer.Exit(run_watchdog(settings, open_browser=not no_browser))


@app.command("sell-out")
def sell_out(
    yes: Annotated[bool, typer.Option("--yes", help="Really sell. Without it nothing happens.")] = False,
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
    by: Annotated[str, typer.Option("--by", hidden=True)] = "sell-out",
) -> None:
    """Sell everything that cycles bought, at market, and leave all coins switched off; the engine must be stopped."""
    settings = _load(_flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir))
    _require("--yes", yes, "is needed: every open position is sold at the price of the moment, at a loss if need be")
    from autotrader_v2.app.sell_out import run_sell_out

    raise typer.Exit(run_sell_out(settings, by))


@app.command()
def autostart(
    what: Annotated[str, typer.Argument(metavar="on|off|status", show_default=False)],
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    speed: SpeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Have mTrade start under its watchdog whenever you log on, with these flags and what `.env` says; or not."""
    _require("on|off|status", what in ("on", "off", "status"), "is one of these three words")
    flags = _flags(host=host, port=port, mode=mode, feed=feed, speed=speed, data_dir=data_dir)
    from autotrader_v2.app import autostart as system
    from autotrader_v2.app.values import ROOT

    try:
        if what == "off":
            code = system.switch_off(_say)
        elif what == "status":
            code = system.status(_say)
        else:
            from autotrader_v2.app.watchdog import watchdog_command

            settings = _load(flags)  # what would be refused at log-on is refused here
            _require_unattended(settings)
            code = system.switch_on(watchdog_command(settings.flags), ROOT, _say)
    except system.CannotAutostart as error:
        _say(str(error))
        code = _FAILED
    raise typer.Exit(code)


@app.command()
def health(
    data_dir: DataDirFlag = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again each second, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how the running engine is, from its heartbeat; the exit code is 0 when it is at work and well."""
    from autotrader_v2.app.health_command import run_health

    folder = _folder(data_dir)
    try:
        raise typer.Exit(run_health(folder, as_json=as_json, watch=watch))
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


@app.command()
def doctor(
    host: HostFlag = None,
    port: PortFlag = None,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
    notify: Annotated[bool, typer.Option("--notify", help="Send a test alert through every channel.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for what could keep this machine, folder or account from trading well; trades nothing."""
    from autotrader_v2.app.doctor import run_doctor

    loaded = _read_settings(_flags(host=host, port=port, mode=mode, feed=feed, data_dir=data_dir))
    raise typer.Exit(run_doctor(loaded.settings, loaded.warnings, as_json=as_json, notify=notify))


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, not even in the books.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Compare the account at the exchange with the books; they follow what its trades explain. Nothing is traded."""
    from autotrader_v2.app import instance
    from autotrader_v2.app.reconcile_command import run_reconcile

    given = _flags(mode=mode, data_dir=data_dir)
    folder = _folder(data_dir)
    settings = _load({**instance.last_flags(folder), **given}, quiet=True)
    raise typer.Exit(run_reconcile(settings, dry_run=dry_run, as_json=as_json, say=_say))


token = typer.Typer(help="Tokens for scripts: create (shown once), list, revoke.", no_args_is_help=True)
app.add_typer(token, name="token")


@token.command("create")
def token_create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[str, typer.Option(help="read, trade or admin")] = "read",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Make a token; it is printed this once and kept only hashed."""
    wish = {"do": "create", "name": name, "scope": scope}
    _token(wish, _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@token.command("list")
def token_list(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Every token that is good, with its last use."""
    _token({"do": "list"}, _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@token.command("revoke")
def token_revoke(
    id: Annotated[str, typer.Argument(help="Its id or its name.")],
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Make a token worthless from now on."""
    _token({"do": "revoke", "id": id}, _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=False)


def _token(wish: dict[str, str], given: dict[str, str], *, as_json: bool) -> None:
    from autotrader_v2.app import instance
    from autotrader_v2.app.token_command import run_token

    data_dir = given.get("data_dir")
    folder = _folder(Path(data_dir) if data_dir else None)
    settings = _load({**instance.last_flags(folder), **given}, quiet=True)
    raise typer.Exit(run_token(settings, wish, as_json=as_json, say=_say))


keys = typer.Typer(
    help="Keys and other secrets outside of .env: set, show, forget; in the system's key ring or an encrypted file.",
    no_args_is_help=True,
)
app.add_typer(keys, name="keys")
SecretNames = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="API_KEY, API_SECRET, ...", show_default=False)
]


@keys.command("set")
def keys_set(
    names: SecretNames = None,
    store: Annotated[str, typer.Option("--store", help="auto, keyring or file")] = "auto",
    data_dir: DataDirFlag = None,
) -> None:
    """Ask for secrets without showing them (API_KEY and API_SECRET by default) and keep them; or read them from lines
    of standard input, one for each name."""
    _require("--store", store in ("auto", "keyring", "file"), "is auto, keyring or file")
    _keys("set", names, data_dir, store=store)


@keys.command("show")
def keys_show(
    data_dir: DataDirFlag = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell which secrets are set, where, and a fingerprint of each; never a secret."""
    _keys("show", None, data_dir, as_json=as_json)


@keys.command("forget")
def keys_forget(
    names: SecretNames = None,
    everything: Annotated[bool, typer.Option("--all", help="Every secret that is kept.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    data_dir: DataDirFlag = None,
) -> None:
    """Remove secrets from the store; the exchange shows a key's secret only once, so keep it if you still need it."""
    _require("NAME", bool(names) != everything, "or --all is needed, and not both")
    _keys("forget", names, data_dir, yes=yes)


def _keys(do: str, names: list[str] | None, data_dir: Path | None, **wish: Any) -> None:
    from autotrader_v2.app.keys_command import run_keys
    from autotrader_v2.app.settings import STORABLE, read_unopened

    wanted = [name.upper() for name in names or []]
    unknown = [name for name in wanted if name not in STORABLE]
    _require("NAME", not unknown, f"is one of {', '.join(STORABLE)}")
    settings = _unless_refused(lambda: read_unopened(_flags(data_dir=data_dir)))
    raise typer.Exit(run_keys(settings, do, wanted, say=_say, **wish))


maintenance = typer.Typer(
    help="Look after the journal's file: backups, the whole check, restore, vacuum.", no_args_is_help=True
)
app.add_typer(maintenance, name="maintenance")
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@maintenance.command("backup")
def maintenance_backup(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Copy the journal now and verify the copy, also while mTrade runs."""
    _maintain("backup", _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("list")
def maintenance_list(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Name the backups, newest first."""
    _maintain("list", _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("integrity")
def maintenance_integrity(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Check the whole journal: every page, every commit against its rows, the fold from the first event."""
    _maintain("integrity", _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@maintenance.command("restore")
def maintenance_restore(
    name: Annotated[str, typer.Argument(metavar="NAME|latest", help="A name from `maintenance list`.")],
    mode: ModeFlag = None,
    feed: FeedFlag = None,
    data_dir: DataDirFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a backup in the journal's place; mTrade must be stopped. What was there is kept beside it."""
    _maintain("restore", _flags(mode=mode, feed=feed, data_dir=data_dir), name=name, as_json=as_json)


@maintenance.command("vacuum")
def maintenance_vacuum(
    mode: ModeFlag = None, feed: FeedFlag = None, data_dir: DataDirFlag = None, as_json: JsonFlag = False
) -> None:
    """Make the journal's file as small as it can be; mTrade must be stopped."""
    _maintain("vacuum", _flags(mode=mode, feed=feed, data_dir=data_dir), as_json=as_json)


@app.command()
def table(
    price: Annotated[str, typer.Option("--price", help="Price of the start buy.", show_default=False)],
    precision: Annotated[int, typer.Option("--precision", min=0, max=18, help="Decimals of the market's prices.")] = 2,
    amount_precision: Annotated[
        int, typer.Option("--amount-precision", min=0, max=18, help="Decimals of the market's amounts.")
    ] = 4,
    fee: Annotated[str, typer.Option("--fee", help="Taker fee as a fraction: 0.002 is 0.2 %.")] = "0.002",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A ladder parameter, such as steps=4; may be repeated."),
    ] = None,
    min_base: Annotated[str, typer.Option("--min-base", help="The market's smallest order, in coins.")] = "0",
    min_quote: Annotated[str, typer.Option("--min-quote", help="The market's smallest order, in quote.")] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Show the breakeven table of a ladder, and what the whole of it costs, before a cent is spent."""
    from autotrader_v2.app import values

    start_price = _read("--price", values.read_amount, price)
    fee_rate = _read("--fee", values.read_amount, fee)
    _require("--price", start_price > 0, "must be above 0")
    _require("--fee", fee_rate < 1, "is a fraction below 1: write 0.002 for 0.2 %")
    smallest_base = _read("--min-base", values.read_amount, min_base)
    smallest_quote = _read("--min-quote", values.read_amount, min_quote)
    named = _read("--set", _named_values, changes or [])

    from autotrader_v2.app.table_command import run_table

    raise typer.Exit(
        run_table(
            price=start_price,
            precision=precision,
            amount_precision=amount_precision,
            fee=fee_rate,
            changes=named,
            min_base=smallest_base,
            min_quote=smallest_quote,
            as_json=as_json,
        )
    )


@app.command()
def sim(
    host: Annotated[str, typer.Option("--host", help="Address to serve on; this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8790,
    feed: Annotated[str, typer.Option("--feed", help="Prices: synthetic or replay:PATH.")] = "synthetic",
    speed: Annotated[str, typer.Option("--speed", help="How fast its prices run, or max.")] = "1",
    balance: Annotated[
        list[str] | None,
        typer.Option(
            "--balance",
            metavar="CURRENCY=AMOUNT",
            help="What the account holds; may be repeated (default: USDT=10000).",
            show_default=False,
        ),
    ] = None,
    key: Annotated[str, typer.Option("--key", help="API key of its one account.")] = "key",
    secret: Annotated[str, typer.Option("--secret", help="Secret to that key.")] = "secret",  # noqa: S107 a box's own
    seed: Annotated[int, typer.Option("--seed", min=0, help="Makes its prices and its faults repeatable.")] = 1,
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults", metavar="FILE|PROFILE", help="What goes wrong: calm, gate_as_seen, hostile or a file."
        ),
    ] = None,
    control_token: Annotated[
        str | None,
        typer.Option("--control-token", help="Token of its control routes /sim/...; made and printed when not given."),
    ] = None,
) -> None:
    """Run an exchange in a box: Gate's API on this machine, with play money."""
    from autotrader_v2.app import values

    address = _read("--host", values.read_loopback, host)
    prices = _read("--feed", values.read_feed, feed)
    _require("--feed", prices == "synthetic" or prices.startswith("replay:"), "must be synthetic or replay:PATH")
    pace = _read("--speed", values.read_speed, speed)
    balances = _read("--balance", values.read_balances, balance or ["USDT=10000"])
    token = None if control_token is None else _read("--control-token", values.read_token, control_token)

    from autotrader_v2.app.sim_command import read_faults, run_sim

    plan = None if faults is None else _read("--faults", read_faults, faults)

    raise typer.Exit(
        run_sim(
            host=address,
            port=port,
            feed=prices,
            speed=pace,
            balances=balances,
            key=key,
            secret=secret,
            seed=seed,
            faults=plan,
            control_token=token,
        )
    )


@app.command()
def simulate(
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="How many worlds (default: 100; 1 with --seed).")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Events delivered in each before all heals.")] = 2000,
    profile: Annotated[str, typer.Option("--profile", help="calm, gate_as_seen or hostile.")] = "hostile",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first world; repeats one that broke.")] = 0,
    without: Annotated[str, typer.Option("--without", help="Kinds of events left out, by comma.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Processes; 0 takes one for each core.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let the engine live in simulated worlds where everything fails, and check its books after every step."""
    from autotrader_v2.simulation.faults import PROFILES

    _require("--profile", profile in PROFILES, f"must be one of {', '.join(PROFILES)}")
    left_out = frozenset(kind.strip() for kind in without.split(",") if kind.strip())
    unknown = sorted(left_out - PROFILES[profile].keys())
    _require("--without", not unknown, f"{profile} has no {', '.join(unknown)}")

    from autotrader_v2.app.simulate_command import run_simulate

    raise typer.Exit(
        run_simulate(
            first_seed=seed,
            seeds=seeds or (1 if seed else 100),
            steps=steps,
            profile=profile,
            without=left_out,
            jobs=jobs,
            as_json=as_json,
        )
    )


@app.command()
def backtest(
    data: Annotated[Path, typer.Option("--data", help="A candle file (parquet, csv) or a folder of them.")],
    symbol: Annotated[str, typer.Option("--symbol", help="Only this market: BTC or BTC_USDT.")] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A ladder parameter, such as steps=4; may be repeated."),
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="What the account begins with, in quote currency.")] = "1000",
    from_day: Annotated[str, typer.Option("--from", help="First day or time, UTC: 2022-01-01.")] = "",
    to_day: Annotated[str, typer.Option("--to", help="The day or time before which it ends, UTC.")] = "",
    engine: Annotated[
        str,
        typer.Option("--engine", help="compiled: its rules as machine code, proven equal. exact: the engine itself."),
    ] = "compiled",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, trades included.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Write one HTML file with charts.")
    ] = None,
) -> None:
    """Show what a ladder would have done to recorded prices, worst times included."""
    from autotrader_v2.app import values

    _require("--engine", engine in ("compiled", "exact"), "must be compiled or exact")
    named = _read("--set", _named_values, changes or [])
    money = _read("--budget", values.read_amount, budget)
    _require("--budget", money > 0, "must be above 0")
    from_ms = _read("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = _read("--to", values.read_utc_ms, to_day) if to_day else None
    _require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    if report is not None:
        _require("--report", report.parent.is_dir() and not report.is_dir(), "must be a file in a folder that is there")

    from autotrader_v2.app.backtest_command import run_backtest

    raise typer.Exit(
        run_backtest(
            data=data,
            symbol=symbol,
            changes=named,
            budget=money,
            from_ms=from_ms,
            to_ms=to_ms,
            as_json=as_json,
            engine=engine,
            report=report,
        )
    )


SymbolsFlag = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="COIN[,COIN]", help="Markets, such as BTC,ETH; may be repeated."),
]
OutFlag = Annotated[
    Path | None, typer.Option("--out", help="Folder of recordings (default: recorded, in the data folder).")
]


@app.command()
def record(
    symbols: SymbolsFlag = None, out: OutFlag = None, mode: ModeFlag = None, data_dir: DataDirFlag = None
) -> None:
    """Keep Gate's public prices and closed minutes in parquet files by day, until Ctrl-C. Needs no key."""
    settings = _keyless(_flags(mode=mode, data_dir=data_dir))
    markets = _markets(settings, symbols) or settings.markets
    from autotrader_v2.app.record_command import run_record

    raise typer.Exit(run_record(settings, markets, out, _say))


@app.command("fetch-candles")
def fetch_candles(
    symbols: SymbolsFlag = None,
    interval: Annotated[str, typer.Option("--interval", help="1m, 5m, 15m, 30m, 1h, 4h or 1d.")] = "1m",
    from_day: Annotated[
        str, typer.Option("--from", help="First day or time, UTC: 2026-01-01.", show_default=False)
    ] = "",
    to_day: Annotated[str, typer.Option("--to", help="The day or time before which it ends, UTC (default: now).")] = "",
    out: OutFlag = None,
    as_json: JsonFlag = False,
    mode: ModeFlag = None,
    data_dir: DataDirFlag = None,
) -> None:
    """Fetch Gate's candles of the past into files that `backtest --data` and `--feed replay:` read. Needs no key."""
    from autotrader_v2.app import values
    from autotrader_v2.infrastructure.gate.candles import INTERVALS_MS

    _require("--interval", interval in INTERVALS_MS, f"must be one of {', '.join(INTERVALS_MS)}")
    _require("--from", from_day, "is needed: the first day or time, UTC")
    from_ms = _read("--from", values.read_utc_ms, from_day)
    to_ms = _read("--to", values.read_utc_ms, to_day) if to_day else None
    _require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    settings = _keyless(_flags(mode=mode, data_dir=data_dir))
    markets = _markets(settings, symbols)
    _require("--symbol", markets, "is needed: which markets, such as BTC,ETH")
    from autotrader_v2.app.fetch_command import run_fetch

    raise typer.Exit(
        run_fetch(
            settings, markets, interval=interval, from_ms=from_ms, to_ms=to_ms, out=out, as_json=as_json, say=_say
        )
    )


@app.command()
def sweep(
    data: Annotated[Path, typer.Option("--data", help="A candle file (parquet, csv) or a folder of them.")],
    param: Annotated[
        list[str],
        typer.Option("--param", metavar="NAME=FROM:TO:STEP", help="A range to search, or NAME=A,B,C; may be repeated."),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A ladder parameter that stays; may be repeated."),
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", help="What each run begins with, in quote currency; full: what its ladder costs.")
    ] = "1000",
    symbol: Annotated[str, typer.Option("--symbol", help="Only this market: BTC or BTC_USDT.")] = "",
    from_day: Annotated[str, typer.Option("--from", help="First day or time, UTC: 2022-01-01.")] = "",
    to_day: Annotated[str, typer.Option("--to", help="The day or time before which it ends, UTC.")] = "",
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many ladders (default: every combination).")
    ] = None,
    sampler: Annotated[
        str, typer.Option("--sampler", help="grid, random or tpe (default: grid; tpe with --trials).")
    ] = "",
    objective: Annotated[
        list[str] | None,
        typer.Option("--objective", help="What counts; may be repeated (default: profit, drawdown, capital)."),
    ] = None,
    winner: Annotated[
        str, typer.Option("--winner", help="Who wins: ratio (profit by drawdown) or an objective.")
    ] = "ratio",
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="OBJECTIVE=VALUE", help="What a winner must keep, such as drawdown=40."),
    ] = None,
    hold_out: Annotated[int, typer.Option("--hold-out", min=0, max=80, help="Percent of the data held back.")] = 25,
    hold_out_coins: Annotated[
        str | None,
        typer.Option("--hold-out-coins", help="Coins held back whole, by comma (default: drawn, from 3 coins on)."),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=0, max=20, help="Steps of walking forward.")] = 4,
    study: Annotated[str, typer.Option("--study", help="Name of the study (default: made from what it is).")] = "",
    db: Annotated[
        str, typer.Option("--db", help="Database of studies by URL (default: studies.db in the data folder).")
    ] = "",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Processes; 0 takes one for each core.")] = 0,
    cluster: Annotated[str, typer.Option("--cluster", help="A Dask scheduler to hand the work to: tcp://...")] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws trials, coins held back and what-ifs.")] = 0,
    engine: Annotated[
        str, typer.Option("--engine", help="compiled, or exact: the trading engine itself, slow.")
    ] = "compiled",
    data_dir: DataDirFlag = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search ladders over recorded prices, and judge the best on what they were not chosen by."""
    from autotrader_v2.app import values
    from autotrader_v2.domain.money import amount
    from autotrader_v2.search.samplers import SAMPLERS
    from autotrader_v2.search.trials import DEFAULT_OBJECTIVES, OBJECTIVES
    from autotrader_v2.search.verdict import WINNER_RULES

    _require("--engine", engine in ("compiled", "exact"), "must be compiled or exact")
    sampler = sampler or ("tpe" if trials else "grid")
    _require("--sampler", sampler in SAMPLERS, f"must be one of {', '.join(SAMPLERS)}")
    objectives = tuple(objective or DEFAULT_OBJECTIVES)
    for name in objectives:
        _require("--objective", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    _require("--objective", len(set(objectives)) == len(objectives), "names each once")
    _require("--winner", winner in WINNER_RULES, f"must be one of {', '.join(WINNER_RULES)}")
    limits = {
        name: float(_read("--limit", amount, value))
        for name, value in _read("--limit", _named_values, limit or []).items()
    }
    for name in limits:
        _require("--limit", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    named = _read("--set", _named_values, changes or [])
    money = None if budget == "full" else _read("--budget", values.read_amount, budget)
    _require("--budget", money is None or money > 0, "must be above 0")
    from_ms = _read("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = _read("--to", values.read_utc_ms, to_day) if to_day else None
    _require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    folder = _folder(data_dir)

    from autotrader_v2.app.sweep_command import Search, run_sweep

    raise typer.Exit(
        run_sweep(
            Search(
                data=data,
                params=param,
                fixed=named,
                budget=money,
                symbol=symbol,
                from_ms=from_ms,
                to_ms=to_ms,
                trials=trials,
                sampler=sampler,
                objectives=objectives,
                winner=winner,
                limits=limits,
                hold_out_pct=hold_out,
                hold_out_coins=None if hold_out_coins is None else values.split_list(hold_out_coins.upper()),
                folds=folds,
                study=study,
                db=db,
                data_dir=folder,
                jobs=jobs,
                cluster=cluster,
                seed=seed,
                engine=engine,
                as_json=as_json,
            )
        )
    )


DbFlag = Annotated[Path, typer.Option("--db", help="The journal: a file such as data/live.sqlite3; only read.")]
RecordedFlag = Annotated[
    Path | None, typer.Option("--recorded", help="What `record` kept (default: recorded, beside the journal).")
]


@app.command()
def replay(
    db: DbFlag,
    from_day: Annotated[str, typer.Option("--from", help="First day or time, UTC (default: the beginning).")] = "",
    to_day: Annotated[str, typer.Option("--to", help="The day or time before which it ends, UTC.")] = "",
    at: Annotated[str, typer.Option("--at", help="One moment, UTC: what was seen and decided then.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", help="Only this market: BTC or BTC_USDT.")] = "",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another ladder from --from on; may be repeated."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="With --set: candles of that time, where no prices were recorded.")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="With --set: money free at --from.")] = "1000",
    seed: Annotated[int, typer.Option("--seed", min=0, help="With --data: which way prices go inside a candle.")] = 0,
    recorded: RecordedFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Travel in time: re-run a journal's decisions with the inputs they had; --at shows one moment, --set a what-if."""
    from autotrader_v2.app import values

    from_ms = _read("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = _read("--to", values.read_utc_ms, to_day) if to_day else values.TIME_END_MS
    at_ms = _read("--at", values.read_utc_ms, at) if at else None
    _require("--to", to_ms > from_ms, "must be later than --from")
    _require("--at", at_ms is None or not changes, "shows one moment; it does not go with --set")
    named = _read("--set", _named_values, changes or [])
    money = _read("--budget", values.read_amount, budget)
    if at_ms is not None:
        from_ms, to_ms = at_ms, at_ms + 1
    from autotrader_v2.app.replay_command import Asked, run_replay

    asked = Asked(
        db=db,
        symbol=symbol,
        from_ms=from_ms,
        to_ms=to_ms,
        at_ms=at_ms,
        changes=named,
        data=data,
        recorded=recorded or db.parent / "recorded",
        free=money,
        seed=seed,
    )
    raise typer.Exit(run_replay(asked, as_json=as_json))


@app.command()
def parity(
    db: DbFlag,
    day: Annotated[str, typer.Option("--day", help="The day, UTC: 2026-01-31.")],
    symbol: Annotated[str, typer.Option("--symbol", help="Only this market: BTC or BTC_USDT.")] = "",
    data: Annotated[
        Path | None, typer.Option("--data", help="Candles of that day, where no prices were recorded.")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Money free when the day began.")] = "1000",
    seed: Annotated[int, typer.Option("--seed", min=0, help="With --data: which way prices go inside a candle.")] = 0,
    recorded: RecordedFlag = None,
    engine: Annotated[
        str,
        typer.Option("--engine", help="exact: the trading engine itself; compiled: candles, from a day without coins."),
    ] = "exact",
    as_json: JsonFlag = False,
) -> None:
    """Run a recorded day through the backtest and list each order that differs from the journal, with its cause."""
    from autotrader_v2.app import values

    day_ms = _read("--day", values.read_utc_ms, day)
    _require("--day", day_ms % 86_400_000 == 0, "is a day, such as 2026-01-31")
    money = _read("--budget", values.read_amount, budget)
    _require("--engine", engine in ("exact", "compiled"), "must be exact or compiled")
    from autotrader_v2.app.parity_command import Asked, run_parity

    asked = Asked(
        db=db,
        day_ms=day_ms,
        symbol=symbol,
        data=data,
        recorded=recorded or db.parent / "recorded",
        free=money,
        seed=seed,
        compiled=engine == "compiled",
    )
    raise typer.Exit(run_parity(asked, as_json=as_json))


@app.command()
def smoke() -> None:
    """Try the whole chain on paper in about five seconds; the exit code tells."""
    from autotrader_v2.app.smoke import run_smoke

    raise typer.Exit(run_smoke())


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 well, 1 failed, 2 input refused."""
    from autotrader_v2.app import early_look

    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a letter must not stop a trader.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in _ABOUT_ALL):
        words = ["serve", *words]
    try:
        early_look.refuse_a_second(words)
        code = app(words, prog_name="mTrade.py", standalone_mode=False)
    except typer.TyperException as error:
        _say(f"Refused: {error.format_message()}")
        _say("Try `mTrade.py --help`, or `--help` behind a command.")
        return error.exit_code
    except typer.Abort:
        return _INTERRUPTED
    except _expected() as error:
        _say(str(error))
        return _FAILED
    return code if isinstance(code, int) else 0


def _require_unattended(settings: "Settings") -> None:
    from autotrader_v2.app.passphrase import VARIABLE

    typed = (
        settings.stored and settings.origins.get(VARIABLE) == "the environment" and not settings.keys_passphrase_file
    )
    needed = "is needed: nobody types the passphrase of the secrets at log-on; name a file that only you can read"
    _require("KEYS_PASSPHRASE_FILE", not typed, needed)


def _expected() -> tuple[type[Exception], ...]:
    """What ends a command with a sentence of its own. Loaded when something ended one, not at every start."""
    from autotrader_v2.app.instance import AlreadyRecording, AlreadyRunning, AlreadyWatched, DataDirUnusable
    from autotrader_v2.app.restart import CannotStop

    return AlreadyRecording, AlreadyRunning, AlreadyWatched, DataDirUnusable, CannotStop


def _maintain(what: str, flags: Mapping[str, str], *, name: str = "", as_json: bool) -> None:
    settings = _load(flags, quiet=True)
    from autotrader_v2.app.maintenance_command import run_maintenance

    raise typer.Exit(run_maintenance(settings, what, name=name, as_json=as_json))


def _serve(settings: "Settings", *, open_browser: bool, life: str = "") -> int:
    from autotrader_v2.app import instance

    # Whoever holds the folder is told of before anything heavy is loaded.
    instance.refuse_a_second(settings.data_dir)
    from autotrader_v2.app.compose import serve as run

    return run(settings, open_browser=open_browser, life=life)


def _read_settings(flags: Mapping[str, str]) -> "Loaded":
    """Read the settings or leave with exit code 2, every problem on a line of its own."""
    from autotrader_v2.app.secret_store import StoreRefused
    from autotrader_v2.app.settings import load

    try:
        return _unless_refused(lambda: load(flags))
    except StoreRefused as error:
        _say(str(error))
        raise typer.Exit(_FAILED) from None


def _folder(data_dir: Path | None) -> Path:
    """The data folder; the store of secrets stays closed."""
    from autotrader_v2.app.settings import read_unopened

    return _unless_refused(lambda: read_unopened(_flags(data_dir=data_dir))).data_dir


def _keyless(flags: Mapping[str, str]) -> "Settings":
    """The settings of a command that needs no account: the store of secrets stays closed."""
    from autotrader_v2.app.settings import read_unopened

    return _unless_refused(lambda: read_unopened(flags))


def _unless_refused(read: Callable[[], T]) -> T:
    from autotrader_v2.app.settings import BadSettings

    try:
        return read()
    except BadSettings as error:
        for problem in error.problems:
            _say(f"Refused: {problem}")
        raise typer.Exit(_BAD_INPUT) from None


def _load(flags: Mapping[str, str], *, quiet: bool = False) -> "Settings":
    """Read the settings, and tell what is odd about them."""
    loaded = _read_settings(flags)
    for warning in () if quiet else loaded.warnings:
        _say(f"Note: {warning}")
    return loaded.settings


def _flags(**given: str | Path | None) -> dict[str, str]:
    """Keep what was given. A path on the command line is meant from where the person stands."""
    return {
        name: str(Path.cwd() / value.expanduser()) if isinstance(value, Path) else value
        for name, value in given.items()
        if value is not None
    }


def _read(option: str, reader: Callable[[Any], T], given: object) -> T:
    """Read an option's text, or leave with exit code 2 naming the option and the reason."""
    try:
        return reader(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _markets(settings: "Settings", texts: list[str] | None) -> "tuple[Market, ...]":
    """The markets named, each once, in the spelling of the exchange."""
    from autotrader_v2.app import values
    from autotrader_v2.domain.market import Market

    named = [part for text in texts or [] for part in values.split_list(text)]
    pairs = dict.fromkeys(
        _read("--symbol", lambda text: values.read_symbol(text, settings.quote), one) for one in named
    )
    return tuple(Market(settings.exchange, *pair.split("_")) for pair in pairs)


def _require(option: str, holds: object, otherwise: str) -> None:
    if not holds:
        raise typer.BadParameter(otherwise, param_hint=option)


def _named_values(texts: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise ValueError(f"{text[:60]!r} is not NAME=VALUE")
        if name in named:
            raise ValueError(f"{name} is given twice")
        named[name] = value
    return named


def _say(line: str) -> None:
    """Tell the person something. Standard output is kept for what other programs read."""
    typer.echo(line, err=True)
