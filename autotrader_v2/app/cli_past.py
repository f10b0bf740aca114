"""Commands over the past: keep prices, try ladders on them, search them, take decisions again."""

from pathlib import Path
from typing import Annotated

import typer

from autotrader_v2.app.cli_words import (
    DataDirFlag,
    JsonFlag,
    ModeFlag,
    app,
    folder_of,
    given_flags,
    keyless,
    markets_of,
    named_values,
    read_option,
    require,
    say,
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

    require("--engine", engine in ("compiled", "exact"), "must be compiled or exact")
    named = read_option("--set", named_values, changes or [])
    money = read_option("--budget", values.read_amount, budget)
    require("--budget", money > 0, "must be above 0")
    from_ms = read_option("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else None
    require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    if report is not None:
        require("--report", report.parent.is_dir() and not report.is_dir(), "must be a file in a folder that is there")

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

    require("--engine", engine in ("compiled", "exact"), "must be compiled or exact")
    sampler = sampler or ("tpe" if trials else "grid")
    require("--sampler", sampler in SAMPLERS, f"must be one of {', '.join(SAMPLERS)}")
    objectives = tuple(objective or DEFAULT_OBJECTIVES)
    for name in objectives:
        require("--objective", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    require("--objective", len(set(objectives)) == len(objectives), "names each once")
    require("--winner", winner in WINNER_RULES, f"must be one of {', '.join(WINNER_RULES)}")
    limits = {
        name: float(read_option("--limit", amount, value))
        for name, value in read_option("--limit", named_values, limit or []).items()
    }
    for name in limits:
        require("--limit", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    named = read_option("--set", named_values, changes or [])
    money = None if budget == "full" else read_option("--budget", values.read_amount, budget)
    require("--budget", money is None or money > 0, "must be above 0")
    from_ms = read_option("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else None
    require("--to", to_ms is None or to_ms > from_ms, "must be later than --from")
    folder = folder_of(data_dir)

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

    from_ms = read_option("--from", values.read_utc_ms, from_day) if from_day else 0
    to_ms = read_option("--to", values.read_utc_ms, to_day) if to_day else values.TIME_END_MS
    at_ms = read_option("--at", values.read_utc_ms, at) if at else None
    require("--to", to_ms > from_ms, "must be later than --from")
    require("--at", at_ms is None or not changes, "shows one moment; it does not go with --set")
    named = read_option("--set", named_values, changes or [])
    money = read_option("--budget", values.read_amount, budget)
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

    day_ms = read_option("--day", values.read_utc_ms, day)
    require("--day", day_ms % 86_400_000 == 0, "is a day, such as 2026-01-31")
    money = read_option("--budget", values.read_amount, budget)
    require("--engine", engine in ("exact", "compiled"), "must be exact or compiled")
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
