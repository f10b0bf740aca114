"""Hundreds of orders whose answers are lost in every way: all resolved right, none twice, none lost.

`python run_tests.py --ambiguous-sends 10000` (or MTRADE_AMBIGUOUS_SENDS) sends as many as wanted, one process per
core; MTRADE_AMBIGUOUS_SEED repeats a run.
"""

import json
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests import ambiguous
from tests.ambiguous import Figures

SENDS = int(os.environ.get("MTRADE_AMBIGUOUS_SENDS") or 500)
SEED = int(os.environ.get("MTRADE_AMBIGUOUS_SEED", "") or secrets.randbelow(10**6))
MARKETS = 120
# Fewer are not worth a process of their own.
_SENDS_A_PROCESS = 1000


@pytest.mark.slow
@pytest.mark.timeout(300 + SENDS)
def test_o1_o2_o4_o5_o6_o7_o8_ambiguous_sends_are_resolved_right(
    tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """Every order ends as what it was at the exchange; the exchange's books and ours agree digit by digit."""
    print(f"repeat with MTRADE_AMBIGUOUS_SENDS={SENDS} MTRADE_AMBIGUOUS_SEED={SEED}")
    jobs = max(1, min(os.cpu_count() or 1, SENDS // _SENDS_A_PROCESS))
    if jobs == 1:
        all_figures = [ambiguous.run(tmp_path / "0", sends=SENDS, markets=min(MARKETS, SENDS // 2), seed=SEED)]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            runs = [pool.submit(one, str(tmp_path / str(job)), -(-SENDS // jobs), SEED + job) for job in range(jobs)]
            all_figures = [run.result() for run in runs]
    for found in all_figures:
        figures(json.dumps(found.as_dict()))
    for found in all_figures:
        assert found.wrong == []
        assert found.duplicates == 0
        assert found.lost == 0
        assert found.halted_as_doubled == found.doubled_by_network
    assert sum(found.sends for found in all_figures) >= SENDS


def one(folder: str, sends: int, seed: int) -> Figures:
    """A process's share."""
    return ambiguous.run(Path(folder), sends=sends, markets=MARKETS, seed=seed)
