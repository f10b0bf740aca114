"""A search handed to a Dask cluster of two local workers ends as one on this machine does."""

import json
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.sweep_workers import DASK_SCHEDULER, DASK_WORKER
from tests.unit.test_sweep_command import _candles, _finished, _run

pytestmark = pytest.mark.slow
_WORDS = ("--param", "drop_step_pct=1:4:0.5", "--param", "steps=2,4", "--folds", "1", "--json")


@pytest.fixture(scope="module")
def cluster() -> Any:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as made:
        yield made


def test_two_workers_of_a_cluster_give_what_this_machine_gives(tmp_path: Path, cluster: Any) -> None:
    data = str(_candles(tmp_path, count=300))
    (tmp_path / "here").mkdir()
    alone = _run(tmp_path / "here", "--data", data, *_WORDS)
    assert alone.returncode == 0, alone.stderr
    shared = _run(tmp_path, "--data", data, *_WORDS, "--cluster", cluster.scheduler_address)
    assert shared.returncode == 0, shared.stderr
    assert {**json.loads(shared.stdout), "db": ""} == {**json.loads(alone.stdout), "db": ""}
    assert _finished(tmp_path / "data" / "studies.db") == _finished(tmp_path / "here" / "data" / "studies.db")


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    data = str(_candles(tmp_path, count=100))
    done = _run(tmp_path, "--data", data, *_WORDS, "--cluster", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr
    assert DASK_SCHEDULER in done.stderr and DASK_WORKER in done.stderr
