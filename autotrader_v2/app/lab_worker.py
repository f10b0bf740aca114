"""The Lab's worker process: one job by a line of JSON on its input, progress and the answer by lines on its output.

It ends when its input does: nobody waits for it any more. Run as `python -m autotrader_v2.app.lab_worker`.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from autotrader_v2.app.backtest_data import PaperOutside, span_of, tapes_of
from autotrader_v2.app.lab_failures import Impossible, failure_of, where_of, why_of
from autotrader_v2.app.lab_histories import together
from autotrader_v2.app.lab_result import told_of
from autotrader_v2.app.lab_studies import studies_told, study_told
from autotrader_v2.app.not_bought import why_not_bought
from autotrader_v2.app.private_files import write_private
from autotrader_v2.app.stretches import refuse_holes, stretches_of
from autotrader_v2.app.sweep_data import SweepData
from autotrader_v2.app.sweep_machines import tape_of
from autotrader_v2.application.lab import CANDLES_MAX
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.result import BacktestFailed, Result
from autotrader_v2.domain.ladder import BadLadder, LadderParams, changed
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.infrastructure.feeds.candle_files import CandleFile
from autotrader_v2.infrastructure.feeds.candle_overlaps import Unused
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.feeds.file_names import market_in_name
from autotrader_v2.matching.markets import EXCHANGE
from autotrader_v2.search.samplers import SpaceTooLarge
from autotrader_v2.search.space import BadRange
from autotrader_v2.search.splits import TooLittleData
from autotrader_v2.search.trials import LadderRefused, StudyUnavailable
from autotrader_v2.simulation.silence import quiet

_NICE = 15
# How long a candle takes to be read, played by the exact engine, and counted; the compiled one plays in no time.
_READ, _PLAY, _COUNT = 1, 2, 3
_TELL_S = 0.3
_ORPHANED = 3
# Of a file; one with more is told when it is run.
_HOLES_TOLD = 500


def main() -> int:
    """Do the one job."""
    # Whatever else prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    # Nor may anybody else look at the input that a thread reads from: Windows lets them wait for one another, and
    # numpy's libraries look at it as they load.
    orders = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    _step_back()
    quiet()
    job = json.loads(orders.readline())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(orders,), daemon=True).start()
    try:
        answer = _JOBS[job["kind"]](job, _Teller(answers))
    except (
        BadLadder,
        BacktestFailed,
        Impossible,
        SourceError,
        StudyUnavailable,
        ValueError,
        OSError,
        MemoryError,
    ) as error:
        answer = failure_of(error)
    except KeyboardInterrupt:
        answer = {"failed": "cancelled"}
    print(json.dumps(answer), file=answers, flush=True)
    return 0


def _step_back() -> None:
    """Trading comes first; and when memory runs out it is this process that goes. Windows: see `LabProcess`."""
    if sys.platform != "win32":
        os.nice(_NICE)
        if sys.platform == "linux":
            # Niceness shares out time; this also gives way at once to whoever wakes up.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(OSError):  # a system without it
            Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with(orders: IO[bytes]) -> None:
    """Wait for the end of the input; whatever comes before it asks to stop and to keep what is done."""
    asked = False
    while orders.read(1):
        if not asked:
            asked = True
            interrupt_main()
    os._exit(_ORPHANED)


class _Teller:
    """Progress, not more often than a person can see."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers
        self._after_s = 0.0

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._after_s:
            self._after_s = time.monotonic() + _TELL_S
            print(json.dumps({"done": done, "of": of}), file=self._answers, flush=True)


def _run(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    began_s = time.perf_counter()
    answer = _played(job, tell)
    answer |= {"took_s": round(time.perf_counter() - began_s, 2)}
    write_private(Path(job["result"]), answer)
    return {"summary": answer["figures"], "candles": answer["candles"], "data": answer["data"]}


def _history(job: Mapping[str, Any], tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Of more candles than one run may have: the newest. Each stretch without a long hole is played by itself."""
    files = [CandleFile(Path(name)) for name in job["files"]]
    if sum(file.rows for file in files) > CANDLES_MAX:
        shortest_ms = min(file.interval_ms for file in files)
        job = {**job, "from_ms": max(file.last_ms for file in files) - (CANDLES_MAX - 1) * shortest_ms}
    params, budget, play = changed(LadderParams(), job["ladder"]), Decimal(job["budget"]), _quick_machine()
    tapes, rules = _tapes(job, _files(job), lambda _read: None)
    stretches = stretches_of(tapes)
    parts: list[dict[str, Any]] = []
    of_market = {tape.market.pair: (tape, one) for tape, one in zip(tapes, rules, strict=True)}
    for stretch in stretches:
        tell(len(parts), len(stretches))
        tape, one = of_market[stretch.symbol]
        part = tape_of(tape, stretch)
        result, _ = _result([part], [one], params, budget, play, lambda _done: None)
        parts.append(told_of(result, [part], one.fee)["figures"])
    span_ms = sum(stretch.span_ms for stretch in stretches)
    told = {"candles": sum(map(len, tapes)), "span_ms": span_ms, "stretches": len(stretches)}
    return together(parts) | told | {"unused": [_left_out(one) for tape in tapes for one in tape.unused]}


def _left_out(one: Unused) -> dict[str, Any]:
    """For the page; see `Unused`."""
    return {**one._asdict(), "path": one.path.name, "instead": one.instead.name}


def _played(job: Mapping[str, Any], tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Progress begins when the rules are compiled: until then nobody can say how long it takes."""
    params, budget = changed(LadderParams(), job["ladder"]), Decimal(job["budget"])
    play = _quick_machine()
    files = _files(job)
    rows = sum(file.rows for of_one in files.values() for file in of_one)
    of = rows * (_READ + _COUNT + (_PLAY if play is None else 0))
    tapes, rules = _tapes(job, files, lambda read: tell(read * _READ, of))
    refuse_holes(tapes)
    with_exact = rows * (_READ + _COUNT + _PLAY)
    result, engine = _result(
        tapes, rules, params, budget, play, lambda done: tell(rows * _READ + done * _PLAY, with_exact)
    )
    of = with_exact if engine == "exact" else of
    told = told_of(
        result,
        tapes,
        rules[0].fee,
        on_part=lambda share: tell(of - rows * _COUNT + int(rows * _COUNT * share), of),
    )
    if not result.trades:
        told["warnings"] = [*why_not_bought(tapes, rules, params, budget).warnings(), *told["warnings"]]
    return told | {"engine": engine}


def _result(
    tapes: Sequence[CandleTape],
    rules: Sequence[MarketRules],
    params: LadderParams,
    budget: Decimal,
    play: "_Play | None",
    on_progress: Callable[[int], None],
) -> tuple[Result, str]:
    """With the name of the engine that played: the exact one where the compiled one is not there, or does not cover."""
    result = None if play is None else play(tapes, rules, params, budget)
    if result is not None:
        return result, "compiled"
    return run_exact(tapes, params, budget, PaperOutside(rules, budget), on_progress=on_progress), "exact"


_Play = Callable[[Sequence[CandleTape], Sequence[MarketRules], LadderParams, Decimal], Result | None]


def _quick_machine() -> _Play | None:
    """The same result, thousands of times sooner, ready to play; None where that machine is not installed."""
    try:
        from autotrader_v2.backtest.compiled import NotCovered, make_ready, prepare, run_compiled
    except ModuleNotFoundError as missing:
        if missing.name not in ("numba", "numpy"):
            raise
        return None
    make_ready()

    def play(
        tapes: Sequence[CandleTape], rules: Sequence[MarketRules], params: LadderParams, budget: Decimal
    ) -> Result | None:
        """None for what it does not cover."""
        try:
            return run_compiled([prepare(*one) for one in zip(tapes, rules, strict=True)], params, budget)
        except NotCovered:
            return None

    return play


def _files(job: Mapping[str, Any]) -> dict[Market, list[CandleFile]]:
    files: dict[Market, list[CandleFile]] = {}
    for name in job["files"]:
        base, quote = market_in_name(Path(name))
        files.setdefault(Market(EXCHANGE, base, quote), []).append(CandleFile(Path(name)))
    return files


def _tapes(
    job: Mapping[str, Any],
    files: Mapping[Market, Sequence[CandleFile]],
    on_read: Callable[[int], None],
    *,
    of_a_run: bool = True,
) -> tuple[list[CandleTape], list[MarketRules]]:
    """`on_read`: how many of the files' candles have been read. `rules_ms`: the rules fit the first price from then."""
    tapes, rules = tapes_of(
        files, from_ms=job["from_ms"], to_ms=job["to_ms"], rules_ms=job.get("rules_ms"), on_read=on_read
    )
    candles = sum(map(len, tapes))
    if not candles:
        begin, end = span_of(files)
        raise Impossible("no_candles", "There is no candle in that time.", "covered", begin=begin, end=end)
    if of_a_run and candles > CANDLES_MAX:
        what = f"{candles} candles; at most {CANDLES_MAX} of one run."
        raise Impossible("too_many_candles", what, "count", candles=str(candles), most=str(CANDLES_MAX))
    return tapes, rules


def _look(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    """What candle files hold; a file that cannot be used says why."""
    told: dict[str, Any] = {}
    for at, name in enumerate(job["files"]):
        tell(at, len(job["files"]))
        try:
            market_in_name(Path(name))
            file = CandleFile(Path(name))
            told[name] = {
                "first_ms": file.first_ms,
                "last_ms": file.last_ms,
                "interval_ms": file.interval_ms,
                "candles": file.rows,
                "holes": file.holes[:_HOLES_TOLD],
            }
        except (SourceError, OSError, ValueError) as error:
            code = (
                error.code
                if isinstance(error, SourceError)
                else "missing"
                if isinstance(error, OSError)
                else "bad_data"
            )
            told[name] = {"problem": str(error), "problem_code": code, "problem_where": where_of(error), "holes": []}
            told[name] |= {f"problem_{what}": value for what, value in why_of(error).items()}
    return {"files": told}


def _studies(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    return {"sweeps": studies_told(Path(job["db"]))}


def _study(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    try:
        return study_told(Path(job["db"]), job["name"], x=job["x"], y=job["y"], figure=job["figure"])
    except KeyError as error:
        raise Impossible("unknown_sweep", f"There is no {error} in that study.") from error


def _ladder(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    from autotrader_v2.app.lab_ladders import NotKept, stretches_told

    def load(files: Sequence[str], from_ms: int, to_ms: int | None) -> SweepData:
        asked = {"files": files, "from_ms": from_ms, "to_ms": to_ms}
        return SweepData(*_tapes(asked, _files(asked), lambda _read: None, of_a_run=False))

    try:
        return stretches_told(job, load)
    except NotKept as error:
        raise Impossible("old_search", "It was searched by an older mTrade.") from error
    except LadderRefused as error:
        raise Impossible("bad_ladder", str(error)) from error
    except KeyError as error:
        raise Impossible("unknown_sweep", f"There is no {error} among the searches.") from error


def _search(job: Mapping[str, Any], tell: _Teller) -> dict[str, Any]:
    from autotrader_v2.app.lab_search import searched

    tapes, rules = _tapes(job, _files(job), lambda _read: None)
    try:
        return searched(SweepData(tapes, rules), job, tell)
    except TooLittleData as error:
        raise Impossible("too_little_data", str(error)) from error
    except (BadRange, SpaceTooLarge) as error:
        raise Impossible("bad_search", str(error)) from error


_JOBS: Mapping[str, Callable[[Mapping[str, Any], _Teller], dict[str, Any]]] = {
    "run": _run,
    "history": _history,
    "look": _look,
    "studies": _studies,
    "study": _study,
    "ladder": _ladder,
    "search": _search,
}

if __name__ == "__main__":
    # At once: a thread still waits for the end of the input.
    os._exit(main())
