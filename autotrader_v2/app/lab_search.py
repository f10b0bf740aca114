"""A search of the Lab in its worker process: what `mTrade.py sweep` does; a stop keeps what is done."""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autotrader_v2.app.signals import interrupt_as_event
from autotrader_v2.app.sweep_command import MAY_CHANGE, Search, about_of, machine_of, name_of
from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.app.sweep_verdict import Judge, kept_with_study
from autotrader_v2.app.sweep_workers import Here, Job
from autotrader_v2.infrastructure.studies import StoredStudy, Studies
from autotrader_v2.search.drive import drive
from autotrader_v2.search.samplers import sampler_of
from autotrader_v2.search.space import read_space
from autotrader_v2.search.splits import split
from autotrader_v2.search.trials import OBJECTIVES, Machine
from autotrader_v2.search.verdict import RATIO, rule_of

# As the command has them.
_HELD_BACK_PCT, _FOLDS, _SEED = 25, 4, 0
_RULE = rule_of(RATIO)


def searched(data: SweepData, job: Mapping[str, Any], tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Search until all is tried, or an interrupt. Errors: those of `run_sweep` for input that cannot be used."""
    space = read_space(job["ranges"], job["fixed"])
    whole = job["trials"] >= space.size
    budget, db = Decimal(job["budget"]), Path(job["db"])
    engine, machine = _machine(data, budget)
    wish = Search(
        data=Path(),
        params=job["ranges"],
        fixed=job["fixed"],
        budget=budget,
        symbol="",
        from_ms=job["from_ms"],
        to_ms=job["to_ms"],
        trials=None if whole else job["trials"],
        sampler="grid" if whole else "tpe",
        objectives=job["objectives"],
        winner=RATIO,
        limits={},
        hold_out_pct=_HELD_BACK_PCT,
        hold_out_coins=None,
        folds=_FOLDS,
        study="",
        db="",
        data_dir=db.parent,
        jobs=1,
        cluster="",
        seed=_SEED,
        engine=engine,
        as_json=False,
    )
    objectives = [OBJECTIVES[name] for name in wish.objectives]
    sampler = sampler_of(wish.sampler, space, wish.trials, _SEED, objectives)
    parts = split(data.stretches(), hold_out_pct=_HELD_BACK_PCT, folds=_FOLDS, seed=_SEED, coins=None)
    about = about_of(wish, space, data, parts)
    name = name_of(about)
    studies = Studies(db)
    try:
        study = studies.open(name, about, may_change=MAY_CHANGE)
        workers = Here(Job(machine, space, parts))
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        try:
            with interrupt_as_event() as asked:
                stopped = not drive(
                    study, sampler, workers, owner, lambda counts: tell(counts.finished, sampler.total), asked
                )
        finally:
            workers.close()
        if not stopped:
            _judge(
                study,
                Judge(
                    space=space,
                    split=parts,
                    data=data,
                    machine=machine,
                    objectives=objectives,
                    rule=_RULE,
                    budget=budget,
                ),
            )
        return {"name": name, "tried": study.counts().finished, "of": sampler.total, "stopped": stopped}
    finally:
        studies.close()


def _judge(study: StoredStudy, judge: Judge) -> None:
    """Keep with the study how its winner does on what was held back."""
    standings = judge.standings(study.trials())
    if standings.best is not None:
        verdict = judge.verdict(standings, standings.best)
        study.judge(kept_with_study(standings, verdict, judge.doubts(standings, verdict)))


def _machine(data: SweepData, budget: Decimal) -> tuple[str, Machine]:
    """The quick one where it is installed and covers the data."""
    if find_spec("numba"):
        from autotrader_v2.backtest.prepared import NotCovered

        with suppress(NotCovered):
            return "compiled", machine_of("compiled", data, budget)
    return "exact", machine_of("exact", data, budget)
