"""`mTrade.py fetch-candles`: pages Gate's history into candle files; run again, it fetches only what is missing."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from autotrader_v2.app import instance, logs
from autotrader_v2.app.recordings import candle_files, folder_of, utc
from autotrader_v2.app.settings import Settings
from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.feeds.day_files import DayFiles
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.feeds.recorder import candle_row
from autotrader_v2.infrastructure.gate.candles import INTERVALS_MS, GateCandles, UnknownPair

_FAILED, _REFUSED, _INTERRUPTED = 1, 2, 130
_GAPS_SHOWN = 10
# Parts are put together so that a long fetch leaves few files when it is killed.
_PAGES_A_MERGE = 20


def run_fetch(
    settings: Settings,
    markets: Sequence[Market],
    *,
    interval: str,
    from_ms: int,
    to_ms: int | None,
    out: Path | None,
    as_json: bool,
    say: Callable[[str], None],
) -> int:
    """Fetch closed candles that begin in `[from_ms, to_ms)`; returns the exit code. Ctrl-C keeps what is done.

    1: not all could be asked for, 2: a market is not known.
    """
    logs.configure(level="ERROR", form=settings.log_format, secrets=settings.secrets)
    folder = folder_of(settings, out)
    interval_ms = INTERVALS_MS[interval]
    with instance.write_recordings(folder):
        code = 0
        told: list[dict[str, Any]] = []
        files = candle_files(folder, interval, interval_ms)
        with closing(GateCandles(settings.gate_host, SystemClock())) as source:
            try:
                files.begin()
                with _progress() as progress:
                    for market in markets:
                        fetch = _Fetch(source, files, market, interval, interval_ms)
                        told.append(fetch.told)
                        try:
                            fetch.run(from_ms, to_ms, progress, say)
                        except UnknownPair as error:
                            # A slip of the pen in one name is no reason to leave out the other markets.
                            say(f"Refused: {error}")
                            told.pop()
                            code = _REFUSED
            except (ExchangeUnavailable, OSError, SourceError) as error:
                say(f"{error} What was fetched is kept; the same command goes on from there.")
                code = _FAILED
            except KeyboardInterrupt:
                say("Stopped. What was fetched is kept; the same command goes on from there.")
                code = _INTERRUPTED
            try:
                files.merge()
            except (OSError, SourceError) as error:
                say(f"The parts are left beside their files: {error}")
                code = code or _FAILED
    _tell(files.folder, told, as_json=as_json)
    return code


def missing_ranges(times_ms: Iterable[int], from_ms: int, to_ms: int, step_ms: int) -> list[tuple[int, int]]:
    """What of `[from_ms, to_ms)` has no candle, as (from, to); times in order, both ends on the step."""
    ranges, at_ms = [], from_ms
    for time_ms in times_ms:
        if not from_ms <= time_ms < to_ms:
            continue
        if time_ms > at_ms:
            ranges.append((at_ms, time_ms))
        at_ms = max(at_ms, time_ms + step_ms)
    if at_ms < to_ms:
        ranges.append((at_ms, to_ms))
    return ranges


class _Fetch:
    """One market. `told`: what there is to say of it, also when it ends early."""

    def __init__(self, source: GateCandles, files: DayFiles, market: Market, interval: str, interval_ms: int) -> None:
        self._source, self._files, self._market = source, files, market
        self._step_ms = interval_ms
        self.told: dict[str, Any] = {"symbol": market.pair, "interval": interval, "had": 0, "fetched": 0, "gaps": []}

    def run(self, from_ms: int, to_ms: int | None, progress: Progress, say: Callable[[str], None]) -> None:
        """Errors: `ExchangeUnavailable`, OSError, `SourceError`."""
        step_ms, pair = self._step_ms, self._market.pair
        now_ms = self._source.now_ms()
        end_ms = now_ms // step_ms * step_ms
        if to_ms is not None:
            end_ms = min(end_ms, -(-to_ms // step_ms) * step_ms)
        begin_ms = -(-from_ms // step_ms) * step_ms
        if from_ms > now_ms:
            say(f"{pair}: --from {utc(from_ms)} UTC is in the future; there are no candles of it yet.")
        had = [at_ms for at_ms in self._files.times_ms(pair) if begin_ms <= at_ms < end_ms]
        self.told["had"] = len(had)
        wanted = missing_ranges(had, begin_ms, end_ms, step_ms)
        earliest_ms = self._source.earliest_ms(step_ms)
        if wanted and wanted[0][0] < earliest_ms:
            say(
                f"{pair}: Gate tells only its newest 10,000 candles of an interval, so nothing before"
                f" {utc(earliest_ms)} UTC; a longer interval reaches further back."
            )
            wanted = [(max(begin, earliest_ms), end) for begin, end in wanted if end > earliest_ms]
        task = progress.add_task(pair, total=sum(end - begin for begin, end in wanted) // step_ms)
        try:
            self._page_through(wanted, progress, task)
        finally:
            self.told["gaps"] = missing_ranges(self._files.times_ms(pair), begin_ms, end_ms, step_ms)

    def _page_through(self, wanted: Sequence[tuple[int, int]], progress: Progress, task: TaskID) -> None:
        pair, step_ms = self._market.pair, self._step_ms
        pages = 0
        for begin, end in wanted:
            for page in self._source.history(self._market, step_ms, begin, end):
                pages += 1
                if page:
                    self._files.add(pair, [candle_row(one) for one in page])
                    self.told["fetched"] += len(page)
                    progress.update(task, advance=len(page))
                if pages % _PAGES_A_MERGE == 0:
                    self._files.merge()


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _tell(folder: Path, told: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        shown = [one | {"gaps": [{"from_ms": a, "to_ms": b} for a, b in one["gaps"]]} for one in told]
        print(json.dumps({"folder": str(folder), "fetched_at_ms": round(time.time() * 1000), "markets": shown}))
        return
    for one in told:
        gaps = one["gaps"]
        print(f"{one['symbol']} {one['interval']}: {one['fetched']} candles fetched, {one['had']} were there,"
              f" {len(gaps)} gaps")  # fmt: skip
        for begin_ms, end_ms in gaps[:_GAPS_SHOWN]:
            print(f"  missing {utc(begin_ms)} to {utc(end_ms)} UTC")
        if len(gaps) > _GAPS_SHOWN:
            print(f"  and {len(gaps) - _GAPS_SHOWN} more")
    print(f"Files: {folder}")
