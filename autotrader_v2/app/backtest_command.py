"""`mTrade.py backtest`: what a ladder would have done to recorded candles."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autotrader_v2.app.backtest_data import PaperOutside, open_tapes
from autotrader_v2.app.backtest_figures import metrics_over, metrics_told, prices_of
from autotrader_v2.app.backtest_report import Asked, write_report
from autotrader_v2.app.not_bought import why_not_bought
from autotrader_v2.app.stretches import refuse_holes
from autotrader_v2.application.commands import params_as_text
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.metrics import Line, Metrics
from autotrader_v2.backtest.result import BacktestFailed, Result
from autotrader_v2.domain.ladder import BadLadder, LadderParams, changed
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.simulation.silence import quiet

_FAILED = 1
_USAGE_ERROR = 2
_CENT = Decimal("0.01")
_GAPS_SHOWN = 5


def run_backtest(
    *,
    data: Path,
    symbol: str,
    changes: Mapping[str, str],
    budget: Decimal,
    from_ms: int,
    to_ms: int | None,
    as_json: bool,
    engine: str = "exact",
    report: Path | None = None,
) -> int:
    """Run it and print the result; returns the exit code. 2: the ladder or the data cannot be used, 1: it failed.

    `engine`: compiled or exact. `report`: an HTML file to write as well.
    """
    quiet()
    try:
        params = changed(LadderParams(), dict(changes))
        tapes, rules = open_tapes(data, symbol=symbol, from_ms=from_ms, to_ms=to_ms)
        refuse_holes(tapes)
        play = _compiled(tapes, rules) if engine == "compiled" else partial(_with_progress, tapes, rules)
        began_s = perf_counter()
        result = play(params, budget)
        took_s = perf_counter() - began_s
    except BadLadder as error:
        print(f"{error.field}: {error.reason}", file=sys.stderr)
        return _USAGE_ERROR
    except (SourceError, ValueError) as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    except BacktestFailed as error:
        print(f"{error} The figures up to there would mislead, so there are none.", file=sys.stderr)
        return _FAILED
    metrics = metrics_over(result, tapes, rules[0].fee)
    not_bought = None if result.trades else why_not_bought(tapes, rules, params, budget)
    gaps = {tape.market.pair: tape.gaps() for tape in tapes}
    candles = sum(len(tape) for tape in tapes)
    unused = [one.told(tape.market.pair) for tape in tapes for one in tape.unused]
    if as_json:
        told = _as_json(engine, result, metrics, gaps, candles, took_s)
        told |= {"not_bought": not_bought and not_bought.as_json(), "unused": unused}
        print(json.dumps(_of_what(params, tapes) | told))
    else:
        for line in unused:
            print(line)
        _tell(result, metrics, gaps, candles, took_s)
        if not_bought is not None:
            print("Nothing was bought, so these figures say nothing about the ladder:")
            for line in not_bought.lines():
                print(f"  {line}.")
    if report is not None:
        asked = Asked(engine, data, symbol, params, budget, from_ms, to_ms)
        why = () if not_bought is None else not_bought.lines()
        return write_report(report, asked, tapes, rules, result, metrics, prices_of(tapes), _rows(result, metrics), why)
    return 0


def _compiled(tapes: Sequence[CandleTape], rules: Sequence[MarketRules]) -> Callable[[LadderParams, Decimal], Result]:
    """The compiled rules over these tapes, with their machine code loaded or, the first time, made."""
    from autotrader_v2.backtest.compiled import make_ready, prepare, run_compiled

    make_ready()
    return partial(run_compiled, [prepare(tape, one) for tape, one in zip(tapes, rules, strict=True)])


def _with_progress(
    tapes: Sequence[CandleTape], rules: Sequence[MarketRules], params: LadderParams, budget: Decimal
) -> Result:
    console = Console(stderr=True)
    with Progress(
        TextColumn("candles"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("candles", total=sum(len(tape) for tape in tapes))
        return run_exact(
            tapes,
            params,
            budget,
            PaperOutside(rules, budget),
            on_progress=lambda done: progress.update(task, completed=done),
        )


def _of_what(params: LadderParams, tapes: Sequence[CandleTape]) -> dict[str, Any]:
    """What the figures are of, so that they can be had again: every parameter, the files, the way inside candles."""
    return {
        "ladder": params_as_text(params),
        "data": {tape.market.pair: [str(file.path) for file in tape.files] for tape in tapes},
        "seed": tapes[0].seed,
    }


def _as_json(
    engine: str,
    result: Result,
    metrics: Metrics,
    gaps: Mapping[str, list[tuple[int, int]]],
    candles: int,
    took_s: float,
) -> dict[str, Any]:
    return {
        "engine": engine,
        "candles": candles,
        "took_s": round(took_s, 3),
        "candles_per_s": round(candles / took_s),
        "metrics": metrics_told(metrics),
        "gaps": {
            symbol: [{"from_ms": begin, "to_ms": end} for begin, end in all_of] for symbol, all_of in gaps.items()
        },
        "unpaid": [asdict(one) for one in result.unpaid],
        "trades": [trade.as_json() for trade in result.trades],
    }


def _tell(
    result: Result, metrics: Metrics, gaps: Mapping[str, list[tuple[int, int]]], candles: int, took_s: float
) -> None:
    from rich.table import Table

    view = Table(title=f"Backtest of {', '.join(result.coins)}, {_when(metrics.begin_ms)} to {_when(metrics.end_ms)}")
    view.add_column("Figure")
    view.add_column("Value", justify="right")
    for name, value in _rows(result, metrics):
        view.add_row(name, value)
    Console().print(view)
    missing = [(symbol, *gap) for symbol, all_of in gaps.items() for gap in all_of]
    if missing:
        print(f"{_counted(len(missing), 'gap')} in the data; nothing was traded there:")
        for symbol, begin_ms, end_ms in missing[:_GAPS_SHOWN]:
            print(f"  {symbol} {_when(begin_ms)} to {_when(end_ms)}")
        if len(missing) > _GAPS_SHOWN:
            print(f"  and {len(missing) - _GAPS_SHOWN} more (--json lists all)")
    print(f"{_counted(candles, 'candle')} in {took_s:.1f} s, {candles / took_s:.0f} a second.")
    print("The past of one coin proves nothing about its future: docs/BACKTESTING.md says where these figures mislead.")


def _rows(result: Result, metrics: Metrics) -> list[tuple[str, str]]:
    steps = ", ".join(f"{step}: {count}" for step, count in metrics.deepest.items())
    return [
        ("Budget", _money(metrics.budget)),
        ("Profit after fees", f"{_money(metrics.pnl)} ({_pct(metrics.pnl_pct)})"),
        ("  of closed cycles", _money(metrics.realised)),
        ("A year", _pct(metrics.annualised_pct)),
        ("Worst drawdown", f"{_money(metrics.max_drawdown)} ({_pct(metrics.max_drawdown_pct)})"),
        ("Longest under water", f"{metrics.under_water_ms / 86_400_000:.1f} days"),
        ("Trades", str(len(result.trades))),
        ("Cycles closed / open", f"{metrics.cycles_closed} / {metrics.cycles_open}"),
        ("Cycles won", _pct(metrics.win_rate_pct)),
        ("Cycles by deepest step", steps or "none"),
        ("Times the ladder ran dry", str(metrics.ran_dry)),
        ("Buys not affordable", str(metrics.unpaid)),
        (
            "Capital used, half / 95 % / most",
            " / ".join(map(_money, (metrics.capital_p50, metrics.capital_p95, metrics.capital_max))),
        ),
        ("Holding coins", f"{_pct(metrics.exposure_pct)} of the time"),
        ("Buy and hold", _against(metrics.buy_and_hold)),
        ("Buying a part each day", _against(metrics.periodic)),
    ]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _against(line: Line) -> str:
    return f"{_money(line.pnl)} ({_pct(line.pnl_pct)}), drawdown {_pct(line.max_drawdown_pct)}"


def _money(value: Decimal) -> str:
    return f"{value.quantize(_CENT):,}"


def _pct(value: Decimal | None) -> str:
    return "-" if value is None else f"{value.quantize(_CENT):,} %"


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
