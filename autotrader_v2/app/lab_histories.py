"""What ladders did on a coin's recorded candles, worked out once for each ladder and set of files, and kept."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2 import __version__
from autotrader_v2.app.lab_wishes import budget_of
from autotrader_v2.app.private_files import read_private, write_private
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.money import HUNDRED, ZERO, plain, reported

_KEPT_MAX = 300
# What was worked out in another way is worked out again.
_RECKONED = "by stretches, each worst by itself, with what was left out"
_SUMMED = ("ran_dry", "unpaid", "cycles_closed", "cycles_open")


class LabHistories:
    """Files of a folder, one for each; the oldest go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def known(self, key: str) -> Mapping[str, Any]:
        """The figures; empty when nobody has worked them out."""
        return read_private(self._file(key))

    def keep(self, key: str, figures: Mapping[str, Any]) -> None:
        """Keep what the worker found. Errors: OSError."""
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in kept[: max(0, len(kept) - _KEPT_MAX + 1)]:
            old.unlink(missing_ok=True)
        write_private(file, figures)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def history_job(files: Mapping[str, Sequence[int]], ladder: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The worker's job for these files (with their stamps), and the key under which its answer is kept.

    Errors: `BadLadder`.
    """
    job = {
        "files": sorted(files),
        "from_ms": 0,
        "to_ms": None,
        "ladder": dict(ladder),
        "budget": plain(budget_of(changed(LadderParams(), dict(ladder)))),
    }
    text = json.dumps([__version__, _RECKONED, sorted(files.items()), job], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24], job


def together(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What stretches that were each begun with the whole budget tell as one: counts summed, else the worst of them.

    The deepest fall in money and the one in percent (of the peak before it) may be of different times.
    """
    pnl, budget = sum((Decimal(one["pnl"]) for one in parts), ZERO), Decimal(parts[0]["budget"])
    return {
        "begin_ms": min(one["begin_ms"] for one in parts),
        "end_ms": max(one["end_ms"] for one in parts),
        "budget": parts[0]["budget"],
        "pnl": plain(pnl),
        "pnl_pct": plain(reported(pnl * HUNDRED / budget)),
        "max_drawdown": max((one["max_drawdown"] for one in parts), key=Decimal),
        "max_drawdown_pct": max((one["max_drawdown_pct"] for one in parts), key=Decimal),
        "longest_cycle_ms": max(one["longest_cycle_ms"] for one in parts),
    } | {name: sum(one[name] for one in parts) for name in _SUMMED}
