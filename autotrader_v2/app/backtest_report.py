"""Writes the HTML report of a backtest: gathers what it tells beside the figures."""

import hashlib
import os
import shlex
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import autotrader_v2
from autotrader_v2.backtest.metrics import Metrics, Price
from autotrader_v2.backtest.report import DataUsed, Story, html_of
from autotrader_v2.backtest.result import Result
from autotrader_v2.domain.ladder import BadLadder, BreakevenTable, LadderParams, planned
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import floor_to, plain
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.files import replace_file

_FAILED = 1


class Asked(NamedTuple):
    """What was run, as asked for."""

    engine: str
    data: Path
    symbol: str
    params: LadderParams
    budget: Decimal
    from_ms: int
    to_ms: int | None


def write_report(
    path: Path,
    asked: Asked,
    tapes: Sequence[CandleTape],
    rules: Sequence[MarketRules],
    result: Result,
    metrics: Metrics,
    prices: Sequence[Price],
    figures: Sequence[tuple[str, str]],
    not_bought: Sequence[str],
) -> int:
    """Write it and say where; returns the exit code."""
    story = Story(
        engine=asked.engine,
        version=autotrader_v2.__version__,
        command=command_of(asked),
        figures=figures,
        ladder=ladder_words(asked.params),
        tables={tape.market.pair: _table(asked, tape, rule) for tape, rule in zip(tapes, rules, strict=True)},
        files=[used for tape in tapes for used in _files(tape)],
        gaps={tape.market.pair: tape.gaps() for tape in tapes},
        prices=prices,
        fee=rules[0].fee,
        not_bought=not_bought,
    )
    page = html_of(result, metrics, story)
    # A full disk or a Ctrl-C must not leave half a report, nor take the one that was there.
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        fresh.write_text(page, encoding="utf-8")
        replace_file(fresh, path)
    except OSError as error:
        print(
            f"The report could not be written to {path}: {error.strerror or error}. The figures above are whole; name"
            " another file with --report.",
            file=sys.stderr,
        )
        return _FAILED
    finally:
        fresh.unlink(missing_ok=True)
    print(f"Report: {path}", file=sys.stderr)
    return 0


def ladder_words(params: LadderParams) -> list[tuple[str, str]]:
    """Every parameter as `--set` takes it; an empty list of sizes has no spelling and is left out."""
    words = []
    for one in fields(params):
        value = getattr(params, one.name)
        if isinstance(value, tuple):
            if value:
                words.append((one.name, ",".join(map(plain, value))))
        else:
            words.append((one.name, plain(value) if isinstance(value, Decimal) else str(value)))
    return words


def command_of(asked: Asked) -> str:
    """The command that repeats it, every ladder parameter named: tomorrow's defaults may be others."""
    words = ["python3", "mTrade.py", "backtest", "--data", str(asked.data)]
    if asked.symbol:
        words += ["--symbol", asked.symbol]
    for name, value in ladder_words(asked.params):
        words += ["--set", f"{name}={value}"]
    words += ["--budget", plain(asked.budget)]
    if asked.from_ms:
        words += ["--from", _time(asked.from_ms)]
    if asked.to_ms is not None:
        words += ["--to", _time(asked.to_ms)]
    words += ["--engine", asked.engine]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")


def _table(asked: Asked, tape: CandleTape, rules: MarketRules) -> BreakevenTable | str:
    params = asked.params.resolved(asked.budget, rules.qstep)
    price = tape.opened[0] * tape.tick
    start = min(price, params.start_limit) if params.start_limit else price
    try:
        return planned(params, rules, floor_to(start, rules.tick))
    except BadLadder as error:
        return f"no ladder at its first price, {plain(price)}: {error.field} {error.reason}"


def _files(tape: CandleTape) -> list[DataUsed]:
    """Only files that gave candles: one may lie outside the time asked for, or wholly inside another."""
    used, at = [], 0
    for file in tape.files:
        end = bisect_left(tape.open_ms, file.last_ms + 1, lo=at)
        if end > at:
            with file.path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            begin_ms, last_ms = tape.open_ms[at], tape.open_ms[end - 1]
            used.append(
                DataUsed(
                    symbol=tape.market.pair,
                    name=file.path.name,
                    candles=end - at,
                    begin_ms=begin_ms,
                    end_ms=last_ms,
                    sha256=digest,
                )
            )
        at = end
    return used
