"""How far candles are apart, and whether all of a file lie on one grid of times."""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from autotrader_v2.infrastructure.feeds.candle_rows import bad, utc_text
from autotrader_v2.infrastructure.feeds.errors import SourceBadData

# Distances off the usual one that are so few are times that went wrong; so many are gaps of a seldom traded market.
_FEW_PCT = 10
_MINUTE_MS = 60_000


def interval_of(steps: Mapping[int, int]) -> int:
    """How long the candles last, by how often each distance in ms comes; 0 without any.

    The usual distance; in a market that is seldom traded, and so full of gaps, the whole minutes that divide all.
    """
    if not steps:
        return 0
    usual, _ = max(steps.items(), key=lambda one: (one[1], -one[0]))
    off = sum(often for step, often in steps.items() if step % usual)
    common = math.gcd(*steps)
    if off * 100 > sum(steps.values()) * _FEW_PCT and common % _MINUTE_MS == 0:
        return common
    return usual


def off_grid(path: Path, rows: Iterable[tuple[int, int]], interval_ms: int) -> SourceBadData:
    """What is said of the first of the rows (number, time in ms) that is no whole number of intervals after its last.

    Errors: AssertionError where there is none.
    """
    for (_, before_ms), (number, at_ms) in pairwise(rows):
        if (at_ms - before_ms) % interval_ms:
            apart_s, interval_s = (at_ms - before_ms) / 1000, interval_ms / 1000
            return bad(
                path,
                f"{utc_text(at_ms)} UTC is {apart_s:g} s after the row before,"
                f" no whole number of the file's candles of {interval_s:g} s",
                "off_grid",
                number,
                "time",
                {"time": utc_text(at_ms), "apart": f"{apart_s:g}", "interval": f"{interval_s:g}"},
            )
    raise AssertionError("a distance off the grid is among the distances")
