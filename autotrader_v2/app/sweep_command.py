"""`mTrade.py sweep`: many ladders over recorded candles, the best of them judged on what they were not chosen by."""

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import autotrader_v2
from autotrader_v2.app.signals import interrupt_as_event
from autotrader_v2.app.sweep_data import SweepData, load
from autotrader_v2.app.sweep_report import Report, so_far
from autotrader_v2.app.sweep_verdict import Judge, kept_with_study
from autotrader_v2.app.sweep_workers import Cluster, ClusterUnavailable, Here, Job, Processes
from autotrader_v2.domain.ladder import BadLadder, LadderParams
from autotrader_v2.domain.money import plain
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.studies import StoredStudy, Studies
from autotrader_v2.search.drive import drive
from autotrader_v2.search.samplers import SpaceTooLarge, sampler_of
from autotrader_v2.search.space import BadRange, Space, read_space
from autotrader_v2.search.splits import Split, TooLittleData, split
from autotrader_v2.search.trials import (
    OBJECTIVES,
    Counts,
    LadderRefused,
    Machine,
    Study,
    StudyDiffers,
    StudyUnavailable,
)
from autotrader_v2.search.verdict import rule_of

_FAILED, _USAGE_ERROR, _INTERRUPTED = 1, 2, 130
_FORMAT = 1
# More at once Windows cannot wait for.
_JOBS_MAX = 60
_CANDLES = "candles"
# Of what a study was begun with: its fingerprint says already whether the candles are the same.
MAY_CHANGE = ("trials", _CANDLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What the command line asks for. Times in ms since the epoch; `db` empty: a file in `data_dir`.

    `budget` None: each ladder begins with what the whole of it costs.
    """

    data: Path
    params: Sequence[str]
    fixed: Mapping[str, str]
    budget: Decimal | None
    symbol: str
    from_ms: int
    to_ms: int | None
    trials: int | None
    sampler: str
    objectives: Sequence[str]
    winner: str
    limits: Mapping[str, float]
    hold_out_pct: int
    hold_out_coins: Sequence[str] | None
    folds: int
    study: str
    db: str
    data_dir: Path
    jobs: int
    cluster: str
    seed: int
    engine: str
    as_json: bool


def run_sweep(search: Search) -> int:
    """Search, judge and print; returns the exit code. 2: input cannot be used, 1: it failed, 130: stopped."""
    try:
        return _Sweep(search).run()
    except (BadRange, SpaceTooLarge, TooLittleData, SourceError, StudyDiffers, BadLadder, ValueError) as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    except (StudyUnavailable, ClusterUnavailable) as error:
        print(error, file=sys.stderr)
        return _FAILED
    except BrokenExecutor as error:
        print(
            f"A worker process ended by itself ({error}), perhaps for want of memory. What was finished is kept; the "
            "same command goes on, with fewer --jobs if need be.",
            file=sys.stderr,
        )
        return _FAILED


class _Sweep:
    def __init__(self, search: Search) -> None:
        self._search = search
        self._space = read_space(search.params, search.fixed)
        self._objectives = [OBJECTIVES[name] for name in search.objectives]
        self._rule = rule_of(search.winner, search.limits)
        self._sampler = sampler_of(search.sampler, self._space, search.trials, search.seed, self._objectives)
        self._data = load(search.data, symbol=search.symbol, from_ms=search.from_ms, to_ms=search.to_ms)
        for tape in self._data.tapes:
            for unused in tape.unused:
                print(unused.told(tape.market.pair), file=sys.stderr)
        self._split = split(
            self._data.stretches(),
            hold_out_pct=search.hold_out_pct,
            folds=search.folds,
            seed=search.seed,
            coins=None if search.hold_out_coins is None else self._symbols(search.hold_out_coins),
        )
        self._machine = machine_of(search.engine, self._data, search.budget)

    def run(self) -> int:
        search = self._search
        about = about_of(search, self._space, self._data, self._split)
        name = search.study or name_of(about)
        if not search.db:
            _make(search.data_dir)
        studies = Studies(search.db or search.data_dir / "studies.db")
        try:
            study = studies.open(name, about, may_change=MAY_CHANGE)
            try:
                whole = self._work(study)
            except KeyboardInterrupt:  # before the first trial, or a second one
                whole = False
            if not whole:
                done = study.counts()
                print(
                    f"\nStopped. {done.finished} of {self._sampler.total} trials are kept as study {name} in "
                    f"{studies.name}; the same command goes on from there.",
                    file=sys.stderr,
                )
                self._tell_so_far(study)
                return _INTERRUPTED
            report = self._report(study, studies.name)
        finally:
            studies.close()
        if report is None:
            return _FAILED
        if search.as_json:
            print(json.dumps(report.as_json()))
        else:
            report.tell()
        return 0

    def _tell_so_far(self, study: StoredStudy) -> None:
        """What leads of the trials that are finished; nothing held back is played for it."""
        standings = self._judge().standings(study.trials())
        if standings.best is not None:
            print(so_far(standings, self._search.fixed, self._search.winner), file=sys.stderr)

    def _work(self, study: Study) -> bool:
        """Whether all is tried; False: Ctrl-C came before."""
        begun = study.counts()
        if begun.finished >= self._sampler.total:
            return True
        self._warm_up()
        job = Job(self._machine, self._space, self._split)
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        workers = self._workers(job)
        try:
            candles = self._data.candles_in(self._split.seen)
            with interrupt_as_event() as asked, _progress(self._sampler.total, begun, candles) as told:
                return drive(study, self._sampler, workers, owner, told, asked)
        finally:
            workers.close()

    def _workers(self, job: Job) -> Cluster | Processes | Here:
        if self._search.cluster:
            return Cluster(job, self._search.cluster)
        jobs = self._jobs()
        return Processes(job, jobs) if jobs > 1 else Here(job)

    def _warm_up(self) -> None:
        """What is compiled at first use is compiled once, here, and not by every worker at the same time."""
        with suppress(LadderRefused):
            self._machine.figures(LadderParams(), min(self._split.seen, key=lambda one: one.span_ms))

    def _symbols(self, coins: Sequence[str]) -> list[str]:
        """BTC or BTC_USDT as the market's symbol; unknown ones stay as they are."""
        known = {tape.market.base: tape.market.pair for tape in self._data.tapes}
        return [known.get(coin, coin) for coin in coins]

    def _jobs(self) -> int:
        return min(self._search.jobs or os.cpu_count() or 1, self._sampler.total, _JOBS_MAX)

    def _judge(self) -> Judge:
        return Judge(
            space=self._space,
            split=self._split,
            data=self._data,
            machine=self._machine,
            objectives=self._objectives,
            rule=self._rule,
            budget=self._search.budget,
        )

    def _report(self, study: StoredStudy, where: str) -> Report | None:
        """The verdict, kept with the study too; None when no ladder could be played."""
        search, judge = self._search, self._judge()
        standings = judge.standings(study.trials())
        if standings.best is None:
            reason = next(iter(standings.refused))
            print(f"None of the {standings.tried} ladders could be played. The first: {reason}", file=sys.stderr)
            return None
        verdict = judge.verdict(standings, standings.best)
        found = judge.doubts(standings, verdict)
        study.judge(kept_with_study(standings, verdict, found))
        return Report(
            fixed=search.fixed,
            objectives=search.objectives,
            rule=search.winner,
            limits=search.limits,
            engine=search.engine,
            study=study.name,
            where=where,
            split=self._split,
            tried=standings.tried,
            refused=standings.refused,
            verdict=verdict,
            doubts=found,
            spread=judge.drawn(standings.best, search.seed),
            runs=judge.runs(standings.best),
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyUnavailable(
            f"The data folder {folder} cannot be used: {error.strerror or error}. Nothing was searched. Choose another"
            " one with --data-dir, or a database with --db."
        ) from error


def machine_of(engine: str, data: SweepData, budget: Decimal | None) -> Machine:
    """What plays the ladders. Errors: `NotCovered` for data that the compiled one cannot play exactly."""
    if engine == "exact":
        from autotrader_v2.app.sweep_machines import ExactMachine

        return ExactMachine(data, budget)
    from autotrader_v2.app.sweep_compiled import CompiledMachine

    return CompiledMachine(data, budget)


def name_of(about: Mapping[str, Any]) -> str:
    """A study's name, the same for the same command."""
    named = {what: value for what, value in about.items() if what != _CANDLES}
    return f"sweep-{sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:8]}"


def about_of(search: Search, space: Space, data: SweepData, parts: Split) -> dict[str, Any]:
    """What must be the same for two commands to work on one study."""
    symbols = ", ".join(tape.market.pair for tape in data.tapes)
    return {
        "format": _FORMAT,
        "version": autotrader_v2.__version__,
        "engine": search.engine,
        "data": f"{data.candles} candles of {symbols}, {data.fingerprint()}",
        "ranges": {one.name: list(one.values) for one in space.ranges},
        "set": dict(sorted(space.fixed.items())),
        "budget": "full" if search.budget is None else plain(search.budget),
        "held back": {
            "percent": search.hold_out_pct,
            "coins": sorted({one.symbol for one in parts.others}),
            "from_ms": parts.cut_ms,
        },
        "folds": search.folds,
        "sampler": search.sampler,
        "seed": search.seed,
        **({"objectives": list(search.objectives)} if search.sampler == "tpe" else {}),
        "trials": search.trials,
        _CANDLES: _candles_of(search, data, parts),
    }


def _candles_of(search: Search, data: SweepData, parts: Split) -> dict[str, Any]:
    """Enough to play a ladder of the study again, coin by coin. An interval of 0: candles of several lengths."""
    seen = {one.symbol for one in parts.seen}
    coins = {}
    for tape, rules in zip(data.tapes, data.rules, strict=True):
        if tape.market.pair in seen:
            lengths = set(tape.interval_ms)
            coins[tape.market.pair] = {
                "interval_ms": lengths.pop() if len(lengths) == 1 else 0,
                "fingerprint": SweepData([tape], [rules]).fingerprint(),
            }
    return {
        "from_ms": search.from_ms,
        "to_ms": search.to_ms,
        "coins": coins,
        "seen": [[one.symbol, one.from_ms, one.to_ms] for one in parts.seen],
    }


@contextmanager
def _progress(total: int, begun: Counts, candles: int) -> Iterator[Any]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("ladders"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("ladders", total=total, completed=begun.finished, rate="")

        def told(counts: Counts) -> None:
            took_s = progress.tasks[task].elapsed or 0.0
            done = counts.finished - begun.finished
            rate = f"{done / took_s:.1f} a second, {done * 2 * candles / took_s / 1e6:.0f} M candles" if took_s else ""
            progress.update(task, completed=counts.finished, rate=rate)

        yield told
