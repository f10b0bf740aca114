"""A ladder of a search for the Lab: how it goes on each stretch of the candles it was chosen by, played again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autotrader_v2.app.lab_studies import space_of, text_of
from autotrader_v2.app.sweep_command import machine_of
from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.app.sweep_machines import budget_of
from autotrader_v2.application.commands import params_as_text
from autotrader_v2.application.lab import CANDLES_MAX
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.money import plain
from autotrader_v2.infrastructure.studies import Studies
from autotrader_v2.search.splits import Stretch
from autotrader_v2.search.trials import Machine

# The candles of these files, of one coin, that begin in [from_ms, to_ms).
Load = Callable[[Sequence[str], int, int | None], SweepData]


class NotKept(Exception):
    """The search is an older program's, which did not keep its stretches."""


def stretches_told(job: Mapping[str, Any], load: Load) -> dict[str, Any]:
    """One row for each stretch. `problem`: why it cannot be played here; then it has no figures.

    `job["files"]`: (file, symbol, length of its candles in ms) of all files there are. Errors: `StudyUnavailable`,
    `NotKept`, `LadderRefused`, KeyError for a study or a ladder that is not there.
    """
    about, ladder = _ladder_of(Path(job["db"]), job["name"], job["number"])
    if "candles" not in about:
        raise NotKept
    candles = about["candles"]
    wanted = None if about["budget"] == "full" else Decimal(about["budget"])
    # The search's own, as far as it is here: both give the same.
    engine = about["engine"] if find_spec("numba") else "exact"
    rows = []
    for symbol in dict.fromkeys(symbol for symbol, *_ in candles["seen"]):
        seen = [Stretch(*one) for one in candles["seen"] if one[0] == symbol]
        coin = candles["coins"][symbol]
        data = _data_of(symbol, coin, job["files"], lambda files: load(files, candles["from_ms"], candles["to_ms"]))
        machine = machine_of(engine, data, wanted) if data else None
        rows += [_row(one, coin["interval_ms"], data, machine, ladder) for one in seen]
    return {
        "ladder": params_as_text(ladder),
        "budget": plain(budget_of(ladder, wanted)),
        "rules_ms": candles["from_ms"],
        "stretches": rows,
    }


def _ladder_of(db: Path, name: str, number: int) -> tuple[Mapping[str, Any], LadderParams]:
    home = Studies(db)
    try:
        study = home.existing(name)
        about = study.about()
        point = {trial.number: trial.point for trial in study.trials()}[number]
    finally:
        home.close()
    return about, space_of(about).ladder(point)


def _data_of(
    symbol: str, coin: Mapping[str, Any], files: Iterable[Sequence[Any]], load: Callable[[Sequence[str]], SweepData]
) -> SweepData | None:
    """None where there are no such candles, or others than the search had."""
    names = [name for name, of, interval_ms in files if (of, interval_ms) == (symbol, coin["interval_ms"])]
    data = load(names) if names else None
    return data if data and data.tapes and data.fingerprint() == coin["fingerprint"] else None


def _row(
    one: Stretch, interval_ms: int, data: SweepData | None, machine: Machine | None, ladder: LadderParams
) -> dict[str, Any]:
    figures = problem = None
    if data is None or machine is None:
        problem = "other_candles"
    elif data.candles_in([one]) > CANDLES_MAX:
        problem = "too_many_candles"
    else:
        figures = machine.figures(ladder, one)
    return {
        "symbol": one.symbol,
        "interval_ms": interval_ms,
        "from_ms": one.from_ms,
        "to_ms": one.to_ms,
        "problem": problem,
        "figures": figures
        and {
            "profit": text_of(figures.pnl_pct),
            "fall": text_of(figures.drawdown_pct),
            "hold": text_of(figures.hold_pnl_pct),
            "cycles": figures.cycles_closed,
            "cycles_open": figures.cycles_open,
            "ran_dry": figures.ran_dry,
        },
    }
