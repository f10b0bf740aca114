"""`mTrade.py sweep` on a small made-up market: what it prints, how it stops, goes on, and what it refuses."""

import json
import math
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autotrader_v2.app import cli  # noqa: F401 - it adds the commands
from autotrader_v2.app.cli_words import app
from autotrader_v2.app.sweep_workers import DASK_SCHEDULER, DASK_WORKER

_ROOT = Path(__file__).resolve().parents[2]
_BEGIN_MS = 1_640_995_200_000
_HOUR_MS = 3_600_000
_RANGES = ("--ladder", "basic", "--param", "drop_step_pct=1:3:1", "--param", "steps=2,4", "--set", "start_quote=20")


def _command(folder: Path, *words: str) -> list[str]:
    jobs = () if "--jobs" in words else ("--jobs", "1")
    return [sys.executable, str(_ROOT / "mTrade.py"), "sweep", "--data-dir", str(folder / "data"), *jobs, *words]


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(folder, *words), capture_output=True, text=True, encoding="utf-8", timeout=240, check=False
    )


def _candles(folder: Path, coin: str = "LTC", count: int = 900, begin_ms: int = _BEGIN_MS) -> Path:
    """Hours of a price that swings by some percent around 100, differently for each coin."""
    rng = random.Random(coin)
    rows, price = ["timestamp_ms,open,high,low,close"], Decimal(100)
    for number in range(count):
        following = Decimal(round(100 + 8 * math.sin(number / 30) + rng.uniform(-1, 1), 2)).quantize(Decimal("0.01"))
        high, low = max(price, following), min(price, following)
        rows.append(f"{begin_ms + number * _HOUR_MS},{price},{high},{low},{following}")
        price = following
    path = folder / f"{coin}_USDT_1h.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A search over four coins, as JSON, and the folder it was made in."""
    folder = tmp_path_factory.mktemp("sweep")
    market = folder / "candles"
    market.mkdir()
    for coin in ("LTC", "XRP", "ADA", "ETC"):
        _candles(market, coin)
    done = _run(folder, "--data", str(market), *_RANGES, "--folds", "2", "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_the_front_is_judged_on_time_and_coins_held_back(told: tuple[Path, dict[str, Any]]) -> None:
    _, report = told
    assert report["trials"] == 6 and report["refused"] == {}
    seen = {one["symbol"] for one in report["split"]["seen"]}
    others = {one["symbol"] for one in report["split"]["others"]}
    assert len(seen) == 3 and len(others) == 1 and not seen & others
    assert {one["symbol"] for one in report["split"]["later"]} == seen
    assert len(report["walk_forward"]) == 2
    assert report["winner"] in report["front"]
    winner = report["winner"]
    assert set(winner["params"]) == {"drop_step_pct", "steps"}
    for part in ("seen", "later", "others"):
        assert winner[part]["cycles_closed"] > 0
    codes = {one["code"] for one in report["warnings"]}
    assert {"little_data", "each_alone"} <= codes and all(one["text"] for one in report["warnings"])
    assert report["monte_carlo"]["paths"] > 0


def test_the_figures_of_the_winner_are_those_of_backtest(told: tuple[Path, dict[str, Any]]) -> None:
    """The coin held back whole: the same candles, ladder and budget through the other command."""
    folder, report = told
    other = report["split"]["others"][0]["symbol"]
    words = [f"--set={name}={value}" for name, value in report["winner"]["params"].items()]
    done = subprocess.run(
        [
            *(sys.executable, str(_ROOT / "mTrade.py"), "backtest", "--data", str(folder / "candles")),
            *("--symbol", other, "--ladder", "basic", "--set", "start_quote=20", "--engine", "exact", "--json", *words),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    metrics, figures = json.loads(done.stdout)["metrics"], report["winner"]["others"]
    assert figures["pnl_pct"] == pytest.approx(float(metrics["pnl_pct"]), rel=1e-9)
    assert figures["drawdown_pct"] == pytest.approx(float(metrics["max_drawdown_pct"]), rel=1e-9)
    assert figures["capital_max"] == pytest.approx(float(metrics["capital_max"]), rel=1e-9)
    for name in ("cycles_closed", "cycles_open", "ran_dry", "unpaid", "under_water_ms"):
        assert figures[name] == metrics[name], name


def test_the_same_command_has_nothing_left_to_do(told: tuple[Path, dict[str, Any]]) -> None:
    folder, report = told
    done = _run(folder, "--data", str(folder / "candles"), *_RANGES, "--folds", "2", "--json")
    assert json.loads(done.stdout) == report


@pytest.mark.slow
def test_several_processes_find_what_one_finds(told: tuple[Path, dict[str, Any]]) -> None:
    folder, report = told
    (folder / "apart").mkdir()
    words = ("--data", str(folder / "candles"), *_RANGES, "--folds", "2", "--json", "--jobs", "3")
    done = _run(folder / "apart", *words)
    assert done.returncode == 0, done.stderr
    assert {**json.loads(done.stdout), "db": ""} == {**report, "db": ""}


def test_several_markets_are_searched_by_comma(told: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = told
    done = _run(folder, "--data", str(folder / "candles"), "--symbol", "LTC,XRP", *_RANGES, "--folds", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert {one["symbol"] for one in json.loads(done.stdout)["split"]["seen"]} == {"LTC_USDT", "XRP_USDT"}


def test_what_starts_a_cluster_is_told_as_the_docs_tell_it_and_is_there() -> None:
    """As modules of mTrade's own Python: a `dask` on the PATH is another's, or none."""
    pytest.importorskip("distributed")
    page = (_ROOT / "docs" / "BACKTESTING.md").read_text(encoding="utf-8")
    for told in (DASK_SCHEDULER, DASK_WORKER):
        python, run_module, module = told.split()
        assert (python, run_module) == ("python", "-m") and find_spec(module) is not None
        assert told in page
    assert "dask worker " not in page and "dask scheduler" not in page


def test_ctrl_c_before_the_first_ladder_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autotrader_v2.app.sweep_command.load", interrupted)
    done = CliRunner().invoke(app, ["sweep", "--data", str(tmp_path), "--data-dir", str(tmp_path), *_RANGES])
    assert done.exit_code == 130
    assert "Stopped" in done.output and "lost no finished ladder" in done.output and "goes on" in done.output


def test_tables_and_sentences(told: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = told
    done = _run(folder, "--data", str(folder / "candles"), *_RANGES, "--folds", "2")
    assert done.returncode == 0, done.stderr
    for words in ("Front of profit, drawdown, capital", "Winner by ratio: --set", "Walking forward", "! Little data"):
        assert words in done.stdout


def test_what_is_not_searched_or_set_is_of_the_ladder_begun_with(tmp_path: Path) -> None:
    words = ("--data", str(_candles(tmp_path)), "--folds", "0", "--ladder", "careful")
    done = _run(tmp_path, *words, "--param", "steps=2,4", "--set", "profit_pct=1")
    assert done.returncode == 0, done.stderr
    (winner,) = (line for line in done.stdout.splitlines() if line.startswith("Winner by ratio: "))
    told = dict(word.split("=") for word in winner.split() if "=" in word)
    assert told.pop("steps") in ("2", "4")
    assert told == {"drop_step_pct": "8", "drop_growth_pct": "4", "size_multiplier": "1.3", "profit_pct": "1"}


def test_a_study_says_what_differs(told: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = told
    words = ("--data", str(folder / "candles"), "--study", "mine", "--symbol", "LTC", "--folds", "1")
    assert _run(folder, *words, "--param", "steps=2,3").returncode == 0
    done = _run(folder, *words, "--param", "steps=2,4")
    assert done.returncode == 2
    assert "The study mine is about something else" in done.stderr and "ranges" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_compiled_rules_and_the_engine_itself_find_the_same(tmp_path: Path) -> None:
    """Every figure of every trial, and with it the winner, the folds and the what-ifs."""
    words = ("--data", str(_candles(tmp_path, count=500)), *_RANGES, "--budget", "full", "--folds", "1", "--json")
    reports = []
    for engine in ("compiled", "exact"):
        done = _run(tmp_path, *words, "--engine", engine)
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stdout))
    first, second = (_flat({**report, "study": "", "engine": ""}) for report in reports)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value == (pytest.approx(second[name], rel=1e-9) if isinstance(value, float) else second[name]), name


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for at, part in parts for key, one in _flat(part, f"{name}.{at}").items()}
    return {name: value}


def test_the_budget_can_be_what_each_ladder_costs(tmp_path: Path) -> None:
    words = ("--data", str(_candles(tmp_path, count=300)), "--param", "steps=2,4", "--set", "size_mode=fixed")
    done = _run(tmp_path, *words, "--set", "start_quote=50", "--budget", "full", "--folds", "1", "--json")
    assert done.returncode == 0, done.stderr
    for one in json.loads(done.stdout)["front"]:
        steps = int(one["params"]["steps"])
        assert one["seen"]["unpaid"] == 0 and one["seen"]["capital_max"] <= 50 * (steps + 1)
    refused = _run(tmp_path, *words, "--set", "start_balance_pct=10", "--budget", "full", "--folds", "1")
    assert refused.returncode == 1 and "needs a budget that is an amount" in refused.stderr


def test_ladders_that_cannot_be_played_are_counted_and_told(tmp_path: Path) -> None:
    data = str(_candles(tmp_path, count=200))
    words = ("--data", data, "--param", "steps=2,60", "--param", "drop_growth_pct=0.3,2", "--folds", "1", "--json")
    done = _run(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert sum(report["refused"].values()) == 1 and "fall 100 %" in next(iter(report["refused"]))
    assert "refused" in {one["code"] for one in report["warnings"]}


def test_refusals_are_sentences_with_exit_code_2(tmp_path: Path) -> None:
    path = str(_candles(tmp_path, count=60))
    for words, why in (
        (("--param", "steps=1:4:0"), "step must be above 0"),
        (("--param", "depth=1:4:1"), "no ladder parameter"),
        (("--param", "steps=9:4:1"), "begins above its end"),
        (
            tuple(f"--param={one}=0.001:10:0.001" for one in ("drop_step_pct", "profit_pct", "drop_growth_pct")),
            "1000000000000 combinations",
        ),
        (("--param", "steps=2", "--sampler", "guess"), "--sampler"),
        (("--param", "steps=2", "--objective", "luck"), "--objective"),
        (("--param", "steps=2", "--winner", "luck"), "--winner"),
        (("--param", "steps=2", "--hold-out-coins", "DOGE"), "DOGE"),
        (("--param", "steps=2", "--from", "2030-01-01"), "--from"),
        (("--param", "steps=2", "--engine", "guess"), "--engine"),
    ):
        done = _run(tmp_path, "--data", path, *words)
        assert done.returncode == 2, (words, done.stderr)
        assert why in done.stderr and "Traceback" not in done.stderr, (words, done.stderr)
    assert not (tmp_path / "data" / "studies.db").exists()


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """It ended in a traceback."""
    (tmp_path / "data").write_text("no folder")
    done = _run(tmp_path, "--data", str(_candles(tmp_path, count=60)), *_RANGES)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot be used" in done.stderr and "--data-dir" in done.stderr


def _finished(database: Path) -> list[tuple[int, str, str]]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'search_trials'").fetchone():
            return []
        rows = connection.execute(
            "SELECT number, point, result FROM search_trials WHERE state = 'done' ORDER BY number"
        )
        return [(int(number), str(point), str(result)) for number, point, result in rows]


def _begun(folder: Path, words: tuple[str, ...], least: int) -> subprocess.Popen[str]:
    """A search that has finished some trials and not all."""
    running = subprocess.Popen(_command(folder, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    database = folder / "data" / "studies.db"
    deadline_s = time.monotonic() + 120
    while len(_finished(database)) < least:
        assert running.poll() is None and time.monotonic() < deadline_s, "it ended before it could be stopped"
        time.sleep(0.05)
    return running


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ctrl_c", "kill"])
def test_a_search_that_was_stopped_goes_on_and_ends_with_the_same_set(tmp_path: Path, how: str) -> None:
    if how == "ctrl_c" and sys.platform == "win32":
        pytest.skip("a console's Ctrl-C cannot be sent to one process alone")
    data = str(_candles(tmp_path, count=600))
    words = (
        *("--data", data, "--param", "drop_step_pct=0.5:4:0.1", "--param", "steps=1:6:1", "--folds", "1"),
        *("--trials", "60", "--sampler", "random", "--seed", "7", "--engine", "exact", "--jobs", "2", "--json"),
    )
    running = _begun(tmp_path, words, least=3)
    if how == "ctrl_c":
        running.send_signal(signal.SIGINT)
    else:
        running.kill()
    _, errors = running.communicate(timeout=120)
    kept = _finished(tmp_path / "data" / "studies.db")
    if how == "ctrl_c":
        assert running.returncode == 130, errors
        assert "the same command goes on from there" in errors and "Traceback" not in errors
        assert "Best by ratio so far" in errors and "--set drop_step_pct=" in errors
        with closing(sqlite3.connect(tmp_path / "data" / "studies.db")) as connection:
            held = connection.execute("SELECT count(*) FROM search_trials WHERE state = 'running'").fetchone()[0]
        assert held == 0, "claims were given back"
    else:
        _expire(tmp_path / "data" / "studies.db")
    assert 3 <= len(kept) < 60
    done = _run(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    finished = _finished(tmp_path / "data" / "studies.db")
    assert [number for number, _, _ in finished] == list(range(60))
    assert set(kept) <= set(finished)
    (tmp_path / "undisturbed").mkdir()
    assert _run(tmp_path / "undisturbed", *words).returncode == 0
    assert _finished(tmp_path / "undisturbed" / "data" / "studies.db") == finished


def _expire(database: Path) -> None:
    """Let the minute pass after which the claims of the silent are free."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE search_trials SET until_ms = 0 WHERE state = 'running'")


@pytest.mark.slow
def test_two_processes_work_on_one_study(tmp_path: Path) -> None:
    data = str(_candles(tmp_path, count=400))
    words = ("--data", data, "--param", "drop_step_pct=0.5:4:0.1", "--param", "steps=3,4", "--folds", "1", "--json")
    running = [
        subprocess.Popen(_command(tmp_path, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [one.communicate(timeout=240) for one in running]
    assert [one.returncode for one in running] == [0, 0], told
    first, second = (json.loads(output) for output, _ in told)
    assert first == second and first["trials"] == 72
    assert [number for number, _, _ in _finished(tmp_path / "data" / "studies.db")] == list(range(72))
