"""Where recordings lie, and how their gaps are told: what `record`, `fetch-candles`, `replay` and `parity` share."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from autotrader_v2.app.settings import Settings
from autotrader_v2.infrastructure.feeds.day_files import QUOTES, DayFiles, candles_of
from autotrader_v2.infrastructure.feeds.recorder import Gap

_FOLDER = "recorded"
_GAPS = "gaps.csv"
_GAPS_HEAD = "symbol,what,from,to\n"
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would end its lines otherwise


def folder_of(settings: Settings, out: Path | None) -> Path:
    """Where recordings go: `--out`, or `recorded` in the data folder."""
    return out if out is not None else settings.data_dir / _FOLDER


def quote_files(folder: Path) -> DayFiles:
    """The recorded prices."""
    return DayFiles(folder / "quotes", QUOTES)


def recorded_candles(settings: Settings) -> Path:
    """The folder with one of candle files for each interval."""
    return folder_of(settings, None) / "candles"


def candle_files(folder: Path, interval: str, interval_ms: int) -> DayFiles:
    """The candles of an interval; `backtest --data` takes this very folder."""
    return DayFiles(folder / "candles" / interval, candles_of(interval, interval_ms))


class GapList:
    """Gaps, told as they end and kept in `gaps.csv` (UTC) beside what was recorded."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._path = folder / _GAPS
        self._say = say
        self.count = 0

    def __call__(self, gap: Gap) -> None:
        """Take one in; the recording goes on when it cannot be kept, and says so."""
        self.count += 1
        begin, end = utc(gap.from_ms), utc(gap.to_ms)
        self._say(f"Gap: {gap.symbol} {gap.what}, {begin} to {end} UTC.")
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY, 0o644)
            try:
                head = "" if os.fstat(handle).st_size else _GAPS_HEAD
                os.write(handle, f"{head}{gap.symbol},{gap.what},{begin},{end}\n".encode())
            finally:
                os.close(handle)
        except OSError as error:
            self._say(f"It could not be written into {self._path}: {error.strerror or error}.")


def utc(at_ms: int) -> str:
    """2026-01-31 13:10:00"""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
