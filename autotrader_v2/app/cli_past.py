"""Commands over the past: keep prices, try a ladder on them, take decisions again."""

from pathlib import Path
from typing import Annotated

import typer

from autotrader_v2.app.cli_words import (
    CandlesFlag,
    DataDirFlag,
    FromFlag,
    JsonFlag,
    LadderFlag,
    ModeFlag,
    SymbolFlag,
    SymbolsFlag,
    ToFlag,
    app,
    beginning,
    ctrl_c_said,
    given_flags,
    keyless,
    markets_of,
    named_values,
    one_market,
    read_option,
    read_span,
    require,
    require_engine,
    say,
    several_markets,
)


@app.command()
def backtest(
    data: CandlesFlag,
    symbols: SymbolsFlag = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change a parameter of --ladder, such as steps=4; may be repeated."
        ),
    ] = None,
    ladder: LadderFlag = None,
    budget: Annotated[str, typer.Option("--budget", help="What the account begins with, in quote currency.")] = "1000",
    from_day: FromFlag = "",
    to_day: ToFlag = "",
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

    require_engine(engine)
    named = read_option("--set", named_values, changes or [])
    money = read_option("--budget", values.read_amount, budget)
    require("--budget", money > 0, "must be above 0")
    from_ms, to_ms = read_span(from_day, to_day)
    if report is not None:
        require("--report", report.parent.is_dir() and not report.is_dir(), "must be a file in a folder that is there")
        # It takes the place of what has its name: of no file of candles by a slip of the hand.
        require("--report", report.suffix.lower() in (".html", ".htm"), "must end in .html")

    with ctrl_c_said():
        from autotrader_v2.app.backtest_command import run_backtest

        code = run_backtest(
            data=data,
            symbol=several_markets(symbols),
            changes={**beginning(ladder, given_flags()), **named},
            budget=money,
            from_ms=from_ms,
            to_ms=to_ms,
            as_json=as_json,
            engine=engine,
            report=report,
        )
    raise typer.Exit(code)


OutFlag = Annotated[
    Path | None, typer.Option("--out", help="Folder of recordings (default: recorded, in the data folder).")
]


@app.command()
def record(
    symbols: SymbolsFlag = None, out: OutFlag = None, mode: ModeFlag = None, data_dir: DataDirFlag = None
) -> None:
    """Keep Gate's public prices and closed minutes in parquet files by day, until Ctrl-C. Needs no key."""
    settings = keyless(given_flags(mode=mode, data_dir=data_dir))
    markets = markets_of(settings, symbols) or settings.markets
    from autotrader_v2.app.record_command import run_record

    raise typer.Exit(run_record(settings, markets, out, say))


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

    require("--interval", interval in INTERVALS_MS, f"must be one of {', '.join(INTERVALS_MS)}")
    require("--from", from_day, "is needed: the first day or time, UTC")
    from_ms = read_option("--from", values.read_utc_ms, from_day)
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else None
    require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    settings = keyless(given_flags(mode=mode, data_dir=data_dir))
    markets = markets_of(settings, symbols)
    require("--symbol", markets, "is needed: which markets, such as BTC,ETH")
    from autotrader_v2.app.fetch_command import run_fetch

    raise typer.Exit(
        run_fetch(settings, markets, interval=interval, from_ms=from_ms, to_ms=to_ms, out=out, as_json=as_json, say=say)
    )


DbFlag = Annotated[Path, typer.Option("--db", help="The journal: a file such as data/live.sqlite3; only read.")]
RecordedFlag = Annotated[
    Path | None, typer.Option("--recorded", help="What `record` kept (default: recorded, beside the journal).")
]
SeedFlag = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="With --data: which way prices go inside a candle (default: setting SEED)."),
]


@app.command()
def replay(
    db: DbFlag,
    from_day: Annotated[str, typer.Option("--from", help="First day or time, UTC (default: the beginning).")] = "",
    to_day: Annotated[
        str, typer.Option("--to", help="The day or time before which it ends, UTC (default: the journal's end).")
    ] = "",
    at: Annotated[str, typer.Option("--at", help="One moment, UTC: what was seen and decided then.")] = "",
    symbol: SymbolFlag = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Change a parameter of each market's ladder of then; may be repeated."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="With --set: candles of that time, where no prices were recorded.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", help="With --set: money free at --from (default: by the journal).")
    ] = "",
    seed: SeedFlag = None,
    recorded: RecordedFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Travel in time: re-run a journal's decisions with the inputs they had; --at shows one moment, --set a what-if."""
    from autotrader_v2.app import values

    from_ms = read_option("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else values.TIME_END_MS
    at_ms = read_option("--at", values.read_utc_ms, at) if at else None
    require("--to", to_ms > from_ms, "must be later than --from")
    require("--at", at_ms is None or not changes, "shows one moment; it does not go with --set")
    named = read_option("--set", named_values, changes or [])
    money = read_option("--budget", values.read_amount, budget) if budget else None
    for option, given in (("--data", data), ("--budget", money), ("--seed", seed)):
        require(option, given is None or changes, "goes with --set; without it decisions have the inputs they had")
    if at_ms is not None:
        from_ms, to_ms = at_ms, at_ms + 1
    with ctrl_c_said():
        from autotrader_v2.app.replay_command import run_replay
        from autotrader_v2.app.what_if import Asked

        asked = Asked(
            db=db,
            symbol=one_market(symbol),
            from_ms=from_ms,
            to_ms=to_ms,
            at_ms=at_ms,
            changes=named,
            data=data,
            recorded=recorded or db.parent / "recorded",
            free=money,
            seed=_seed(seed) if data is not None else 0,
        )
        code = run_replay(asked, as_json=as_json)
    raise typer.Exit(code)


def _seed(given: int | None) -> int:
    """No journal keeps the seed it was played with: what was not said is that of the settings, as for `serve`."""
    return keyless(given_flags()).seed if given is None else given


@app.command()
def parity(
    db: DbFlag,
    day: Annotated[str, typer.Option("--day", help="The day, UTC: 2026-01-31.")],
    symbol: SymbolFlag = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Candles of that day, where no prices were recorded.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", help="Money free when the day began (default: by the journal).")
    ] = "",
    seed: SeedFlag = None,
    recorded: RecordedFlag = None,
    engine: Annotated[
        str,
        typer.Option("--engine", help="exact: the trading engine itself; compiled: candles, from a day without coins."),
    ] = "exact",
    as_json: JsonFlag = False,
) -> None:
    """Run a recorded day through the backtest and list each order that differs from the journal, with its cause.

    Exit code 0: every difference has a known cause. 1: an order differs, or was made at another moment, and no known
    cause explains it. 2: the day cannot be compared.
    """
    from autotrader_v2.app import values

    day_ms = read_option("--day", values.read_utc_ms, day)
    require("--day", day_ms % 86_400_000 == 0, "is a day, such as 2026-01-31")
    money = read_option("--budget", values.read_amount, budget) if budget else None
    require_engine(engine)
    with ctrl_c_said():
        from autotrader_v2.app.parity_command import Asked, run_parity

        asked = Asked(
            db=db,
            day_ms=day_ms,
            symbol=one_market(symbol),
            data=data,
            recorded=recorded or db.parent / "recorded",
            free=money,
            seed=_seed(seed) if data is not None else 0,
            compiled=engine == "compiled",
        )
        code = run_parity(asked, as_json=as_json)
    raise typer.Exit(code)
