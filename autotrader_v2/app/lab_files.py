"""The candle files that the Lab offers, and what its worker found in each of them."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autotrader_v2.app.private_files import read_private, write_private
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.infrastructure.feeds.candle_rows import HOLE_MS
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.feeds.file_names import market_in_name

_ENDINGS = (".parquet", ".csv", ".csv.gz")
# A folder with more files than that is no folder of candles.
_FILES_MAX = 20_000
_SEEN_S = 1.0
# A file that cannot be used has none of these.
_NOTHING: Mapping[str, Any] = {
    "holes": [],
    **dict.fromkeys(("first_ms", "last_ms", "interval_ms", "candles")),
    **dict.fromkeys(("problem", "problem_code", "problem_where", "problem_reason", "problem_values")),
}
# Size and time of the last change.
Stamp = list[int]


class LabFiles:
    """Of folders and of the folders in them. `index` keeps what was found; whoever calls brings the lock for that."""

    def __init__(self, index: Path, folders: Sequence[Path]) -> None:
        self._file, self._folders = index, folders
        # What an older mTrade noted did not tell the holes: it is looked at again.
        self._index = {name: one for name, one in read_private(index).items() if "holes" in one["told"]}
        self._seen: tuple[float, dict[str, tuple[Stamp, str]]] = (float("-inf"), {})

    def there(self) -> dict[str, tuple[Stamp, str]]:
        """See `seen_in`; looked at once a second at most, and none is opened here."""
        seen_s, found = self._seen
        if time.monotonic() - seen_s > _SEEN_S:
            found = seen_in(self._folders)
            self._seen = time.monotonic(), found
        return found

    def unknown(self) -> dict[str, Stamp]:
        """Those that the worker has to look at: new ones, and changed ones."""
        return {
            name: stamp for name, (stamp, _) in self.there().items() if self._index.get(name, {}).get("stamp") != stamp
        }

    def told(self) -> list[dict[str, Any]]:
        """What is known of them, those that follow on each other as one."""
        unknown = self.unknown()
        return joined(
            [
                {"name": Path(name).name, "files": 1, "symbol": symbol, **_NOTHING, **self._index[name]["told"]}
                for name, (_, symbol) in self.there().items()
                if name not in unknown and name in self._index
            ]
        )

    def looked_at(self) -> list[tuple[str, str, int]]:
        """Those that can be used: (file, symbol, length of its candles in ms)."""
        unknown = self.unknown()
        return [
            (name, symbol, int(self._index[name]["told"]["interval_ms"]))
            for name, (_, symbol) in self.there().items()
            if name not in unknown and self._index.get(name, {}).get("told", {}).get("interval_ms")
        ]

    def note(self, told: Mapping[str, Any]) -> None:
        """Keep what the worker found. Errors: OSError."""
        files = self.there()
        self._index = {name: entry for name, entry in self._index.items() if name in files}
        for name, one in told.items():
            if name in files:
                self._index[name] = {"stamp": files[name][0], "told": one}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_private(self._file, self._index)

    def of(self, symbols: Sequence[str], interval_ms: int) -> list[str]:
        """The files of these markets with candles of that length. Errors: `CommandRefused`."""
        wanted, unknown = set(symbols), self.unknown()
        fitting = [
            (symbol, name)
            for name, (_, symbol) in self.there().items()
            if symbol in wanted
            and name not in unknown
            and name in self._index
            and self._index[name]["told"].get("interval_ms") == interval_ms
        ]
        missing = wanted - {symbol for symbol, _ in fitting}
        if missing:
            raise CommandRefused(
                "no_candles",
                f"There are no such candles of {', '.join(sorted(missing))}.",
                field="symbols",
                values={"symbols": ", ".join(sorted(missing))},
            )
        if len({symbol.split("_")[1] for symbol in wanted}) > 1:
            raise CommandRefused(
                "two_quotes", "One balance has one currency: choose coins of one quote currency.", field="symbols"
            )
        return [name for _, name in fitting]


def stamp_of(file: Path) -> Stamp:
    """Its size and the time of its last change."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def seen_in(folders: Sequence[Path]) -> dict[str, tuple[Stamp, str]]:
    """The candle files of folders and of the folders in them: (size and time of the last change, symbol)."""
    found: dict[str, tuple[Stamp, str]] = {}
    for folder in folders:
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        for place in [folder, *(one for one in inside if one.is_dir())]:
            for file in inside if place == folder else sorted(place.iterdir()):
                if len(found) >= _FILES_MAX or not file.name.lower().endswith(_ENDINGS) or not file.is_file():
                    continue
                try:
                    symbol = "_".join(market_in_name(file))
                except SourceError:
                    symbol = ""
                found[str(file)] = stamp_of(file), symbol
    return found


def joined(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Files of one market and length of candle that follow on each other, such as one for each day, as one.

    A hole of one stays where another has candles of its time: a run plays the one that begins first to its end.
    """
    whole = sorted(
        (one for one in files if one["candles"]), key=lambda one: (one["symbol"], one["interval_ms"], one["first_ms"])
    )
    made: list[dict[str, Any]] = [dict(one) for one in files if not one["candles"]]
    last: dict[str, Any] | None = None
    for one in whole:
        each_ms = one["interval_ms"]
        fits = last is not None and (last["symbol"], last["interval_ms"]) == (one["symbol"], each_ms)
        if last is None or not fits or one["first_ms"] > last["last_ms"] + each_ms:
            last = dict(one)
            made.append(last)
            continue
        known_ms = last["last_ms"] + each_ms
        held = [[max(begin, known_ms), end] for begin, end in one["holes"]]
        last["holes"] = [*last["holes"], *(hole for hole in held if hole[1] - hole[0] > HOLE_MS)]
        twice = max(0, (min(last["last_ms"], one["last_ms"]) - one["first_ms"]) // each_ms + 1)
        last["files"] += 1
        last["candles"] += max(0, one["candles"] - twice)
        last["last_ms"] = max(last["last_ms"], one["last_ms"])
    return made
