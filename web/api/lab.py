"""The Lab: ladders over recorded candles, in a process beside the engine. Nothing here trades."""

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import BeforeValidator, Field

from autotrader_v2.application.lab import COINS_MAX, LabWish, SearchWish
from autotrader_v2.application.refusals import CommandRefused
from web.api.ladder import Ladder, LadderTold
from web.api.queries import Nothing, OneCurrency
from web.endpoints import Answer, asks, commands, desk
from web.fields import Amount, Done, Number, Part, Positive, Reply, Request, Values, whole

blueprint = Blueprint("lab", __name__, url_prefix="/api/lab")

_TIME_MAX = 2**53
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$", examples=["0123456789ab"])]
_Name = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["calm, BTC 2022"])]
_Pair = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}_[A-Z0-9]{2,10}$", examples=["BTC_USDT"])]
_Time = Annotated[int, Field(ge=0, le=_TIME_MAX)]


class _Wish(Request):
    """Candles that begin in [from_ms, to_ms), all coins on one balance. A run with a name is kept until deleted."""

    name: _Name = ""
    symbols: Annotated[list[_Pair], Field(min_length=1, max_length=COINS_MAX)]
    interval_ms: Annotated[int, Field(ge=1000, le=604_800_000, examples=[300_000])]
    from_ms: _Time = 0
    to_ms: _Time | None = None
    budget: Positive
    ladder: Ladder


class NewRun(_Wish):
    """One ladder. `rules_ms`: the markets' rules fit the first price from then on; null: from `from_ms`."""

    rules_ms: _Time | None = None


class SearchRange(Request):
    """The values `begin`, `begin` + `step` … up to `end`."""

    name: Annotated[str, Field(max_length=40, pattern="^[a-z_]+$", examples=["drop_step_pct"])]
    begin: Number
    end: Number
    step: Positive


class NewSearch(_Wish):
    """A run over every combination of the ranges, or over as many `trials` as are likely to be good.

    A quarter of the candles is held back, as by the command. What is found is kept as a study.
    """

    ranges: Annotated[list[SearchRange], Field(min_length=1, max_length=8)]
    trials: Annotated[int, Field(ge=1, le=100_000, examples=[200])]
    objectives: Annotated[
        list[Literal["profit", "worst", "drawdown", "mean_drawdown", "under_water", "capital", "ran_dry"]],
        Field(min_length=1, max_length=7),
    ]


class OneRun(Request):
    """Which."""

    id: _Id


class NewName(Request):
    """An empty name: it is kept no longer than others."""

    id: _Id
    name: _Name


class CandleFile(Part):
    """What a file holds, or `files` of them that follow on each other; `problem`: why it cannot be used, in English.

    The same for other languages: `problem_code`, and `problem_where`: file, row and column as far as they are known.
    `problem_reason` with its `problem_values` tells it more exactly, "" where only `problem` does.
    `holes`: from when to when candles are missing for more than a day, which no run goes across.
    """

    name: str
    files: int
    symbol: str
    first_ms: int | None
    last_ms: int | None
    interval_ms: int | None
    candles: int | None
    holes: list[tuple[int, int]]
    problem: str | None
    problem_code: Literal["missing", "unreadable", "no_market", "empty", "bad_data", "not_looked_at"] | None
    problem_where: str | None
    problem_reason: str | None
    problem_values: Values | None


class Data(Reply):
    """`reading`: some files are still being looked at; ask again. `defaults`: the ladder of who changes nothing.

    `compiled`: the quick machine is installed; the exact one always is.
    """

    folder: str
    reading: bool
    files: list[CandleFile]
    candles_max: int
    coins_max: int
    defaults: LadderTold
    compiled: bool


class Failure(Part):
    """`what`: in the worker's own words. For other languages `code`, and more exactly `reason` with its `values`.

    `reason` "": only `what` tells it. `where`: file, row and column as far as they are known.
    """

    code: str
    what: str
    where: str
    reason: str
    values: Values


class Summary(Part):
    """The figures of a run that lists show."""

    pnl: Amount
    pnl_pct: Amount
    max_drawdown_pct: Amount
    cycles_closed: int
    cycles_open: int
    ran_dry: int
    begin_ms: int
    end_ms: int


class Run(Part):
    """`data`: the same for runs over the same candles. `progress`: 0 to 1."""

    id: str
    name: str
    kept: bool
    status: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    progress: float
    symbols: list[str]
    interval_ms: int
    from_ms: int
    to_ms: int | None
    budget: Amount
    ladder: LadderTold
    made_ms: int
    ended_ms: int | None
    error: Failure | None
    summary: Summary | None
    candles: int | None
    data: str | None


class Runs(Reply):
    """Newest first. Beyond `runs_max` the oldest one without a name is forgotten."""

    runs: list[Run]
    runs_max: int
    queue_max: int


class LineTold(Part):
    """Another way of spending the budget."""

    pnl: Amount
    pnl_pct: Amount
    max_drawdown_pct: Amount


class Figures(Part):
    """Units: `*_pct` percent, `*_ms` milliseconds, the rest quote currency or counts; docs/BACKTESTING.md explains."""

    begin_ms: int
    end_ms: int
    budget: Amount
    pnl: Amount
    pnl_pct: Amount
    realised: Amount
    unrealised: Amount
    annualised_pct: Amount | None
    max_drawdown_pct: Amount
    max_drawdown: Amount
    under_water_ms: int
    cycles_closed: int
    cycles_open: int
    cycles_won: int
    win_rate_pct: Amount | None
    deepest: dict[str, int]
    ran_dry: int
    unpaid: int
    capital_p50: Amount
    capital_p95: Amount
    capital_max: Amount
    exposure_pct: Amount
    buy_and_hold: LineTold
    periodic: LineTold
    trades: int
    fees: Amount
    longest_cycle_ms: int
    ladder_steps: int


class Warning(Part):
    """What makes the figures mislead."""

    code: str
    values: Values


class Point(Part):
    """`fall_pct`: the worst fall from a height since the point before; `hold`: what buying at once had made."""

    time_ms: int
    equity: Amount
    fall_pct: Amount
    hold: Amount


class Mark(Part):
    """Orders of one side in one candle: how many, the deepest step."""

    time_ms: int
    side: Literal["buy", "sell"]
    count: int
    step: int


class ChartTold(Part):
    """`candles`: [time_ms, open, high, low, close]."""

    symbol: str
    interval_ms: int
    precision: int
    candles: list[tuple[int, Amount, Amount, Amount, Amount]]
    marks: list[Mark]


class GapTold(Part):
    """Where candles are missing."""

    symbol: str
    count: int
    ms: int


class Result(Part):
    """What a run gave. Curves and candles are thinned to what a screen can show; the figures are of all candles."""

    figures: Figures
    warnings: list[Warning]
    curve: list[Point]
    charts: list[ChartTold]
    gaps: list[GapTold]
    candles: int
    data: str
    engine: Literal["exact", "compiled"]
    took_s: float


class RunTold(Reply):
    """`result`: null until it is done."""

    run: Run
    result: Result | None


class RunBegun(Reply):
    """It waits its turn."""

    id: str


class LeftOut(Part):
    """From `from_ms` up to `to_ms` the candles of `path` were not used, as those of `instead` were.

    `differ` of the `compared` longer candles are not what the shorter ones make together.
    """

    path: str
    instead: str
    interval_ms: int
    instead_interval_ms: int
    from_ms: int
    to_ms: int
    compared: int
    differ: int


class HistoryFigures(Part):
    """What the ladder did in stretches without a hole of more than a day, each with money enough for a whole ladder.

    `span_ms`: how long they are together.
    """

    begin_ms: int
    end_ms: int
    pnl: Amount
    pnl_pct: Amount
    max_drawdown: Amount
    max_drawdown_pct: Amount
    ran_dry: int
    unpaid: int
    cycles_closed: int
    cycles_open: int
    longest_cycle_ms: int
    budget: Amount
    candles: int
    span_ms: int
    stretches: int
    unused: list[LeftOut]


class History(Reply):
    """`state` none: there are no candles of the coin; unknown: nobody has asked yet; failed: `code` says why.

    `where`: the file, row and column it is about, as far as they are known; `what`: the same in English words.
    """

    state: Literal["none", "unknown", "working", "failed", "known"]
    figures: HistoryFigures | None
    code: str | None
    where: str | None
    what: str | None


class WhichSweep(Request):
    """`x`, `y`: searched parameters; `figure`: what the heat map shows, of the best ladder with these two values."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    x: Annotated[str, Field(max_length=40, pattern="^[a-z_]+$", examples=["drop_step_pct"])]
    y: Annotated[str, Field(max_length=40, pattern="^[a-z_]+$", examples=["size_multiplier"])]
    figure: Literal["profit", "drawdown", "capital", "ran_dry"] = "profit"


class Sweep(Part):
    """`ranges`: how many values each searched parameter takes; `open`: ladders that nobody has played yet."""

    name: str
    done: int
    refused: int
    open: int
    ranges: dict[str, int]
    budget: Amount
    data: str


class SweepList(Part):
    """Newest first."""

    sweeps: list[Sweep]


class SearchTold(Part):
    """The search begun here last: ladders `done` of `of`, the `name` it is kept under, why it failed."""

    status: Literal["working", "stopping", "done", "stopped", "failed"]
    name: str | None
    done: int
    of: int
    failure: Failure | None


class Sweeps(Reply):
    """`state` working: ask again; failed: `code` and `what` say why. `search`: null before any was begun here."""

    state: Literal["working", "failed", "known"]
    code: str | None
    what: str | None
    told: SweepList | None
    search: SearchTold | None


class HeatCell(Part):
    """The figure of the best ladder that has these two values, and its number."""

    value: Amount
    number: int


class Heat(Part):
    """`rows[y][x]`; null where no ladder was played."""

    x_values: list[str]
    y_values: list[str]
    rows: list[list[HeatCell | None]]


class SweepPoint(Part):
    """A ladder over what the search may see. `profit`: % of the budget a year; `fall`: the deepest, %."""

    number: int
    ladder: dict[str, str]
    profit: Amount
    fall: Amount
    front: bool
    cycles: int
    ran_dry: int
    capital: Amount


class JudgedPart(Part):
    """The winner over one part of the candles. Units: % of the budget (a year, a run on average); its fall in %."""

    year_pct: Amount
    drawdown_pct: Amount
    run_pct: Amount
    hold_run_pct: Amount
    cycles: int
    ran_dry: int


class SweepVerdict(Part):
    """The winner where it was chosen (`seen`), on the same coins afterwards and on coins held back; null: none were.

    `doubts`: what speaks against it, gravest first.
    """

    number: int
    ladder: dict[str, str]
    seen: JudgedPart
    later: JudgedPart | None
    others: JudgedPart | None
    doubts: list[Warning]


class SweepShown(Part):
    """`heat` null: too many values for a picture. `points`: the front, the heat map's, and some of the others.

    `verdict` null: none since the last ladder was tried; it is made at the end of a search.
    """

    heat: Heat | None
    points: list[SweepPoint]
    trials: int
    verdict: SweepVerdict | None


class SweepTold(Reply):
    """As `Sweeps`."""

    state: Literal["working", "failed", "known"]
    code: str | None
    what: str | None
    told: SweepShown | None


class WhichLadder(Request):
    """The search's name, and the ladder's number in it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    number: Annotated[int, BeforeValidator(whole), Field(ge=0, le=2**53)]


class StretchFigures(Part):
    """Units: % of the budget; `fall` of the height before; `hold`: what buying at once had made."""

    profit: Amount
    fall: Amount
    hold: Amount
    cycles: int
    cycles_open: int
    ran_dry: int


class StretchTold(Part):
    """Candles of one coin without a long gap, that begin in [from_ms, to_ms). `problem`: why there are no figures."""

    symbol: str
    interval_ms: int
    from_ms: int
    to_ms: int
    problem: Literal["other_candles", "too_many_candles"] | None
    figures: StretchFigures | None


class LadderPlayed(Part):
    """What a run of it over one of the stretches needs to do the same."""

    ladder: LadderTold
    budget: Amount
    rules_ms: int
    stretches: list[StretchTold]


class LadderStretches(Reply):
    """As `Sweeps`. `code` old_search: an older mTrade searched it and did not keep which candles."""

    state: Literal["working", "failed", "known"]
    code: str | None
    what: str | None
    told: LadderPlayed | None


@blueprint.get("/ladder")
@asks(WhichLadder, LadderStretches)
def ladder(which: WhichLadder) -> Answer:
    """How a ladder of a search went on each stretch of the candles it was chosen by."""
    return desk().lab.ladder(which.name, which.number)


@blueprint.get("/sweeps")
@asks(Nothing, Sweeps)
def sweeps(_: Nothing) -> Answer:
    """The searches that `mTrade.py sweep` keeps in the data folder, newest first."""
    return desk().lab.sweeps()


@blueprint.get("/sweep")
@asks(WhichSweep, SweepTold)
def sweep(which: WhichSweep) -> Answer:
    """A search as heat map of two parameters and as points of profit against fall."""
    return desk().lab.sweep(which.name, which.x, which.y, which.figure)


@blueprint.get("/data")
@asks(Nothing, Data)
def data(_: Nothing) -> Answer:
    """The candle files there are."""
    return desk().lab.data()


@blueprint.get("/runs")
@asks(Nothing, Runs)
def runs(_: Nothing) -> Answer:
    """Every kept run, newest first."""
    return desk().lab.runs()


@blueprint.get("/run")
@asks(OneRun, RunTold)
def run(which: OneRun) -> Answer:
    """One run with its result."""
    return desk().lab.run(which.id)


@blueprint.post("/run")
@commands(NewRun, RunBegun)
def begin(wish: NewRun) -> Answer:
    """Queue a run: one works at a time, in a process of low priority."""
    return desk().lab.begin(LabWish(**_wish(wish), rules_ms=wish.rules_ms))


@blueprint.post("/search")
@commands(NewSearch, Done)
def search(wish: NewSearch) -> None:
    """Begin a search in a process of low priority beside that of the runs; one at a time."""
    ranges = {one.name: f"{one.begin:f}:{one.end:f}:{one.step:f}" for one in wish.ranges}
    if len(ranges) < len(wish.ranges):
        named = [one.name for one in wish.ranges]
        twice = next(name for name in named if named.count(name) > 1)
        what = "it has two ranges"
        raise CommandRefused("range_twice", f"{twice}: {what}", field=twice, values={"what": what})
    objectives = tuple(dict.fromkeys(wish.objectives))
    desk().lab.search(SearchWish(**_wish(wish), ranges=ranges, trials=wish.trials, objectives=objectives))


@blueprint.post("/stop_search")
@commands(Nothing, Done)
def stop_search(_: Nothing) -> None:
    """Stop it; what is done is kept, and the same search goes on from there. A second time: at once."""
    desk().lab.stop_search()


def _wish(wish: _Wish) -> dict[str, Any]:
    return {
        "name": " ".join(wish.name.split()),
        "symbols": tuple(dict.fromkeys(wish.symbols)),
        "interval_ms": wish.interval_ms,
        "from_ms": wish.from_ms,
        "to_ms": wish.to_ms,
        "budget": format(wish.budget, "f"),
        "ladder": wish.ladder.changes(),
    }


@blueprint.post("/cancel")
@commands(OneRun, Done)
def cancel(wish: OneRun) -> None:
    """End a run that waits or works."""
    desk().lab.cancel(wish.id)


@blueprint.post("/name")
@commands(NewName, Done)
def rename(wish: NewName) -> None:
    """Keep a run under a name."""
    desk().lab.rename(wish.id, " ".join(wish.name.split()))


@blueprint.post("/delete")
@commands(OneRun, Done)
def delete(wish: OneRun) -> None:
    """Forget a run."""
    desk().lab.delete(wish.id)


@blueprint.get("/history")
@asks(OneCurrency, History)
def history(which: OneCurrency) -> Answer:
    """What a coin's ladder, as it is set now, did on the coin's recorded candles, as far as that is known."""
    return desk().lab_history(which.base_currency, ask=False)


@blueprint.post("/history")
@commands(OneCurrency, History, repeats=True)
def ask_history(wish: OneCurrency) -> Answer:
    """Find it out in the worker process; the answer does not wait for it."""
    return desk().lab_history(wish.base_currency, ask=True)
