"""Which data a choice may see, and which it is judged by: by time, by coin, and walking forward.

All windows are half-open, `[from_ms, to_ms)`, so that parts that touch share no candle.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_DAY_MS = 86_400_000
# From so many coins on some are held back whole.
COINS_LEAST = 3


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Candles of one market without a long gap, played on their own with the whole budget."""

    symbol: str
    from_ms: int
    to_ms: int

    @property
    def span_ms(self) -> int:
        """How long."""
        return self.to_ms - self.from_ms


@dataclass(frozen=True, slots=True)
class Split:
    """`seen` is what choices are made on, `segments` the same in pieces of about equal length, oldest first.

    Held back: `later`, what comes after it of the same coins, and `others`, coins that are not in it at all.
    """

    seen: tuple[Stretch, ...]
    segments: tuple[tuple[Stretch, ...], ...]
    later: tuple[Stretch, ...]
    others: tuple[Stretch, ...]

    @property
    def cut_ms(self) -> int:
        """When what is seen ends."""
        return max(one.to_ms for one in self.seen)


class TooLittleData(ValueError):
    """Nothing would be left to choose on, or to judge by."""


def split(
    stretches: Sequence[Stretch], *, hold_out_pct: int, folds: int, seed: int, coins: Sequence[str] | None = None
) -> Split:
    """Hold back the last `hold_out_pct` percent of the time covered, and whole coins; cut the rest for `folds` folds.

    `coins` names the ones held back; None draws as many percent of them by `seed`, from three coins on.
    Errors: `TooLittleData`, ValueError (unknown coin).
    """
    symbols = sorted({one.symbol for one in stretches})
    unknown = sorted(set(coins or ()) - set(symbols))
    if unknown:
        raise ValueError(f"there are no candles of {', '.join(unknown)} to hold back; there are {', '.join(symbols)}")
    kept_back = set(_drawn(symbols, hold_out_pct, seed) if coins is None else coins)
    searched = [one for one in stretches if one.symbol not in kept_back]
    if not searched:
        raise TooLittleData("every coin is held back, so there is nothing to search on")
    cut_ms = _quantile_ms(searched, 100 - hold_out_pct, 100)
    seen = _between(searched, 0, cut_ms)
    marks = [0, *(_quantile_ms(seen, number, folds + 1) for number in range(1, folds + 1)), cut_ms]
    segments = tuple(_between(seen, begin, end) for begin, end in pairwise(marks))
    if not seen or not all(segments):
        raise TooLittleData(f"too few candles for {folds} folds and {hold_out_pct} % held back")
    return Split(
        seen=seen,
        segments=segments,
        later=_between(searched, cut_ms, max(one.to_ms for one in searched)),
        others=tuple(sorted(one for one in stretches if one.symbol in kept_back)),
    )


def _drawn(symbols: Sequence[str], hold_out_pct: int, seed: int) -> list[str]:
    if len(symbols) < COINS_LEAST or not hold_out_pct:
        return []
    count = min(max(1, round(len(symbols) * hold_out_pct / 100)), len(symbols) - 1)
    return sorted(symbols, key=lambda one: hashlib.blake2b(f"{seed}:{one}".encode()).digest())[:count]


def _between(stretches: Sequence[Stretch], from_ms: int, to_ms: int) -> tuple[Stretch, ...]:
    cut = (replace(one, from_ms=max(one.from_ms, from_ms), to_ms=min(one.to_ms, to_ms)) for one in stretches)
    return tuple(sorted(one for one in cut if one.span_ms > 0))


def _quantile_ms(stretches: Sequence[Stretch], part: int, whole: int) -> int:
    """When `part / whole` of the time that the stretches cover, added up, is over."""
    marks = sorted({mark for one in stretches for mark in (one.from_ms, one.to_ms)})
    wanted = sum(one.span_ms for one in stretches) * part
    covered = 0
    for begin, end in pairwise(marks):
        running = sum(one.from_ms <= begin and end <= one.to_ms for one in stretches)
        following = covered + running * (end - begin) * whole
        if running and following >= wanted:
            return begin + -(-(wanted - covered) // (running * whole))
        covered = following
    return marks[-1] if marks else 0
