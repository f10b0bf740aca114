"""What else could have come of a ladder: its daily returns drawn again in blocks, so that bad days stay together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

DEPTHS_PCT = (10, 20, 30, 50)
_HUNDRED = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Outcomes of `paths` drawn stretches of `days` days. Units: percent.

    `gain_p*`: what the account gained, the worst 5 %, the middle and the best 5 % of paths; `drawdown_p*` likewise,
    deeper is worse. `loss_chance_pct`: paths that ended below their begin; `deeper_chance_pct`: by depth, paths that
    once fell deeper than it.
    """

    days: int
    block_days: int
    paths: int
    gain_p5: float
    gain_p50: float
    gain_p95: float
    drawdown_p50: float
    drawdown_p95: float
    loss_chance_pct: float
    deeper_chance_pct: dict[int, float]


def resampled(series: Sequence[Sequence[float]], *, days: int, block_days: int, paths: int, seed: int) -> Spread | None:
    """Draw paths from daily returns (fractions) of several runs; no block spans two runs. None without enough days.

    Each day is equally likely to begin a block, as long as a whole one follows in its run.
    """
    runs = [run for run in series if len(run) >= block_days]
    starts = [(run, at) for run in runs for at in range(len(run) - block_days + 1)]
    if sum(len(run) for run in runs) < 2 * block_days:
        return None
    rng = random.Random(seed)
    gains, falls = [], []
    for _ in range(paths):
        equity = peak = 1.0
        deepest = 0.0
        left = days
        while left > 0:
            run, at = starts[rng.randrange(len(starts))]
            for change in run[at : at + min(block_days, left)]:
                equity *= 1 + change
                if equity > peak:
                    peak = equity
                elif peak - equity > deepest * peak:
                    deepest = (peak - equity) / peak
            left -= block_days
        gains.append((equity - 1) * _HUNDRED)
        falls.append(deepest * _HUNDRED)
    gains.sort()
    falls.sort()
    return Spread(
        days=days,
        block_days=block_days,
        paths=paths,
        gain_p5=_rank(gains, 5),
        gain_p50=_rank(gains, 50),
        gain_p95=_rank(gains, 95),
        drawdown_p50=_rank(falls, 50),
        drawdown_p95=_rank(falls, 95),
        loss_chance_pct=sum(gain < 0 for gain in gains) * _HUNDRED / paths,
        deeper_chance_pct={depth: sum(fall > depth for fall in falls) * _HUNDRED / paths for depth in DEPTHS_PCT},
    )


def _rank(ordered: Sequence[float], pct: int) -> float:
    return ordered[max(0, -(-len(ordered) * pct // 100) - 1)]
