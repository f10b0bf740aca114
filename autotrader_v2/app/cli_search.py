"""The command that searches ladders over the past."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

import typer

from autotrader_v2.app.cli_words import (
    CandlesFlag,
    DataDirFlag,
    FromFlag,
    JsonFlag,
    LadderFlag,
    SymbolsFlag,
    ToFlag,
    app,
    beginning,
    folder_of,
    given_flags,
    named_values,
    read_option,
    read_span,
    require,
    require_engine,
    several_markets,
)

_INTERRUPTED = 130
_STOPPED = (
    "Stopped outside the search itself: this start lost no finished ladder. What was tried before is kept; the same "
    "command goes on from there, or begins where nothing was."
)
_ParamFlag = Annotated[
    list[str],
    typer.Option("--param", metavar="NAME=FROM:TO:STEP", help="A range to search, or NAME=A,B,C; may be repeated."),
]
_SetFlag = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of --ladder that stays; may be repeated."),
]
_BudgetFlag = Annotated[
    str, typer.Option("--budget", help="What each coin has for itself, in quote currency; full: what its ladder costs.")
]
_TrialsFlag = Annotated[
    int | None, typer.Option("--trials", min=1, help="How many ladders (default: every combination).")
]
_SamplerFlag = Annotated[str, typer.Option("--sampler", help="grid, random or tpe (default: grid; tpe with --trials).")]
_ObjectiveFlag = Annotated[
    list[str] | None,
    typer.Option("--objective", help="What counts; may be repeated (default: profit, drawdown, capital)."),
]
_WinnerFlag = Annotated[str, typer.Option("--winner", help="Who wins: ratio (profit by drawdown) or an objective.")]
_LimitFlag = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="OBJECTIVE=VALUE", help="What a winner must keep, such as drawdown=40."),
]
_HoldOutFlag = Annotated[int, typer.Option("--hold-out", min=0, max=80, help="Percent of the data held back.")]
_HoldOutCoinsFlag = Annotated[
    str | None,
    typer.Option("--hold-out-coins", help="Coins held back whole, by comma (default: drawn, from 3 coins on)."),
]
_FoldsFlag = Annotated[int, typer.Option("--folds", min=0, max=20, help="Steps of walking forward.")]
_StudyFlag = Annotated[str, typer.Option("--study", help="Name of the study (default: made from what it is).")]
_StudiesFlag = Annotated[
    str, typer.Option("--db", help="Database of studies by URL (default: studies.db in the data folder).")
]
_JobsFlag = Annotated[int, typer.Option("--jobs", min=0, help="Processes; 0 takes one for each core.")]
_ClusterFlag = Annotated[str, typer.Option("--cluster", help="A Dask scheduler to hand the work to: tcp://...")]
_SeedFlag = Annotated[int, typer.Option("--seed", min=0, help="Draws trials, coins held back and what-ifs.")]
_EngineFlag = Annotated[str, typer.Option("--engine", help="compiled, or exact: the trading engine itself, slow.")]


@app.command()
def sweep(
    data: CandlesFlag,
    param: _ParamFlag,
    changes: _SetFlag = None,
    ladder: LadderFlag = None,
    budget: _BudgetFlag = "1000",
    symbols: SymbolsFlag = None,
    from_day: FromFlag = "",
    to_day: ToFlag = "",
    trials: _TrialsFlag = None,
    sampler: _SamplerFlag = "",
    objective: _ObjectiveFlag = None,
    winner: _WinnerFlag = "ratio",
    limit: _LimitFlag = None,
    hold_out: _HoldOutFlag = 25,
    hold_out_coins: _HoldOutCoinsFlag = None,
    folds: _FoldsFlag = 4,
    study: _StudyFlag = "",
    db: _StudiesFlag = "",
    jobs: _JobsFlag = 0,
    cluster: _ClusterFlag = "",
    seed: _SeedFlag = 0,
    engine: _EngineFlag = "compiled",
    data_dir: DataDirFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Search ladders over recorded prices, and judge the best on what they were not chosen by."""
    from_ms, to_ms = read_span(from_day, to_day)
    begun = beginning(ladder, given_flags(data_dir=data_dir))
    sampler = sampler or ("tpe" if trials else "grid")
    objectives, limits = _aims(sampler, objective, winner, limit, engine)
    try:
        from autotrader_v2.app.sweep_command import Search, run_sweep

        search = Search(
            data=data,
            params=param,
            fixed=_fixed(begun, param, changes),
            budget=_money(budget),
            symbol=several_markets(symbols),
            from_ms=from_ms,
            to_ms=to_ms,
            trials=trials,
            sampler=sampler,
            objectives=objectives,
            winner=winner,
            limits=limits,
            hold_out_pct=hold_out,
            hold_out_coins=_coins(hold_out_coins),
            folds=folds,
            study=study,
            db=db,
            data_dir=folder_of(data_dir),
            jobs=jobs,
            cluster=cluster,
            seed=seed,
            engine=engine,
            as_json=as_json,
        )
        code = run_sweep(search)
    except KeyboardInterrupt:
        # While the program loads, while candles are read, before a ladder is tried, or while the last ones are judged.
        typer.echo(f"\n{_STOPPED}", err=True)
        code = _INTERRUPTED
    raise typer.Exit(code)


def _aims(
    sampler: str, objective: Sequence[str] | None, winner: str, limit: Sequence[str] | None, engine: str
) -> tuple[Sequence[str], Mapping[str, float]]:
    """The objectives, and the worst value of each that a winner may have."""
    from autotrader_v2.domain.money import amount
    from autotrader_v2.search.samplers import SAMPLERS
    from autotrader_v2.search.trials import DEFAULT_OBJECTIVES, OBJECTIVES
    from autotrader_v2.search.verdict import WINNER_RULES

    require_engine(engine)
    require("--sampler", sampler in SAMPLERS, f"must be one of {', '.join(SAMPLERS)}")
    objectives = tuple(objective or DEFAULT_OBJECTIVES)
    for name in objectives:
        require("--objective", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    require("--objective", len(set(objectives)) == len(objectives), "names each once")
    require("--winner", winner in WINNER_RULES, f"must be one of {', '.join(WINNER_RULES)}")
    named = read_option("--limit", named_values, limit or [])
    for name in named:
        require("--limit", name in OBJECTIVES, f"must be of {', '.join(OBJECTIVES)}")
    return objectives, {name: float(read_option("--limit", amount, value)) for name, value in named.items()}


def _fixed(begun: Mapping[str, str], param: Sequence[str], changes: Sequence[str] | None) -> Mapping[str, str]:
    """What stays: the ladder begun with but for what is searched, and what was set."""
    searched = {one.partition("=")[0].strip() for one in param}
    kept = {name: value for name, value in begun.items() if name not in searched}
    return {**kept, **read_option("--set", named_values, changes or [])}


def _money(budget: str) -> Decimal | None:
    """None: what each ladder costs in full."""
    from autotrader_v2.app import values

    money = None if budget == "full" else read_option("--budget", values.read_amount, budget)
    require("--budget", money is None or money > 0, "must be above 0")
    return money


def _coins(text: str | None) -> Sequence[str] | None:
    from autotrader_v2.app import values

    return None if text is None else values.split_list(text.upper())
