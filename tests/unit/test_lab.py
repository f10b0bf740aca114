"""The Lab: runs wait their turn, work in a process of their own, and are told honestly however they end."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.lab import LabRoom
from autotrader_v2.app.lab_files import joined, seen_in
from autotrader_v2.app.lab_histories import together
from autotrader_v2.app.lab_process import LabProcess, WorkerFailed
from autotrader_v2.app.lab_studies import study_told
from autotrader_v2.app.lab_wishes import budget_of
from autotrader_v2.application import lab as limits
from autotrader_v2.application.lab import LabWish, SearchWish
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.infrastructure.studies import Studies
from tests.lab_files import BEGIN_MS, WAITS, WISH, a_file, a_study, a_worker, waves

# The first run of all compiles the rules, at low priority.
_WAIT_S = 240.0


def until(what: str, seen: Callable[[], bool]) -> None:
    """Wait for it."""
    end_s = time.monotonic() + _WAIT_S
    while not seen():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with candles of BTC."""
    a_file(tmp_path / "candles", "BTC_USDT_5m.csv", waves())
    return tmp_path


Make = Callable[..., LabRoom]


@pytest.fixture
def a_room(folder: Path) -> Iterator[Make]:
    """Rooms over that folder; each is stopped in the end."""
    made: list[LabRoom] = []

    def make(*command: str, started: bool = True) -> LabRoom:
        studies = folder / "studies.db"
        room = LabRoom(folder / "lab", folder / "candles", studies=studies, **({"command": command} if command else {}))
        made.append(room)
        if started:
            room.start()
        return room

    yield make
    for room in made:
        room.stop()


def ready(room: LabRoom) -> LabRoom:
    """Its files have been looked at."""
    until("files read", lambda: not room.data()["reading"])
    return room


def status(room: LabRoom, run_id: str) -> str:
    return str(room.run(run_id)["run"]["status"])


def done(room: LabRoom, run_id: str) -> dict[str, Any]:
    """The run, once it is over."""
    until("over", lambda: status(room, run_id) not in ("queued", "running"))
    return dict(room.run(run_id))


def test_a_run_gives_figures_curves_and_fills(a_room: Make) -> None:
    """From the files to the result, over the real worker."""
    room = ready(a_room())
    told = done(room, room.begin(WISH)["id"])
    run, result = told["run"], told["result"]
    assert run["status"] == "done", run["error"]
    assert run["progress"] == 1
    figures = result["figures"]
    assert result["candles"] == 399
    assert (run["ladder"]["steps"], run["ladder"]["size_mode"]) == (3, "geometric")
    assert figures["cycles_closed"] > 3
    assert Decimal(figures["realised"]) > 0
    assert Decimal(figures["realised"]) + Decimal(figures["unrealised"]) == Decimal(figures["pnl"])
    assert run["summary"]["pnl"] == figures["pnl"]
    chart = result["charts"][0]
    assert chart["symbol"] == "BTC_USDT"
    assert sum(mark["count"] for mark in chart["marks"]) == figures["trades"]
    assert {mark["time_ms"] for mark in chart["marks"]} <= {candle[0] for candle in chart["candles"]}
    # Both are shown to 12 digits.
    assert abs(Decimal(result["curve"][-1]["equity"]) - 500 - Decimal(figures["pnl"])) < Decimal("1e-8")
    lows = min(Decimal(point["fall_pct"]) for point in result["curve"])
    assert -lows == Decimal(figures["max_drawdown_pct"])
    assert {"short", "one_coin"} <= {one["code"] for one in result["warnings"]}


def test_the_result_is_that_of_the_command(a_room: Make, folder: Path) -> None:
    """`mTrade.py backtest --engine exact` over the same file tells the same figures."""
    from autotrader_v2.app.backtest_data import PaperOutside, open_tapes
    from autotrader_v2.backtest.exact import run_exact
    from autotrader_v2.domain.ladder import changed

    room = ready(a_room())
    figures = done(room, room.begin(WISH)["id"])["result"]["figures"]
    tapes, rules = open_tapes(folder / "candles")
    params = changed(LadderParams(), dict(WISH.ladder))
    result = run_exact(tapes, params, Decimal(500), PaperOutside(rules, Decimal(500)))
    assert figures["trades"] == len(result.trades)
    assert figures["cycles_closed"] == sum(one.side == "sell" for one in result.trades)


def test_runs_wait_their_turn_and_can_be_cancelled(a_room: Make, tmp_path: Path) -> None:
    """One works, the next waits; a cancelled one is over at once, whether it waited or worked."""
    room = ready(a_room(*a_worker(tmp_path, WAITS)))
    first, second, third = (room.begin(WISH)["id"] for _ in range(3))
    until("progress", lambda: room.run(first)["run"]["progress"] == 0.25)
    assert [status(room, one) for one in (first, second, third)] == ["running", "queued", "queued"]
    room.cancel(second)
    assert status(room, second) == "cancelled"
    room.cancel(first)
    until("the third works", lambda: status(room, third) == "running")
    assert status(room, first) == "cancelled"
    room.cancel(first)
    assert status(room, first) == "cancelled"


def test_a_crash_of_the_worker_is_told_with_its_last_words(a_room: Make, tmp_path: Path) -> None:
    """And the next run works."""
    body = "print('it broke here', file=sys.stderr)\nos._exit(9)\n"
    room = ready(a_room(*a_worker(tmp_path, body)))
    run = done(room, room.begin(WISH)["id"])["run"]
    assert run["status"] == "failed"
    assert run["error"]["code"] == "crashed"
    assert "it broke here" in run["error"]["what"]
    assert done(room, room.begin(WISH)["id"])["run"]["status"] == "failed"


def test_a_worker_that_says_nothing_sensible_has_crashed(a_room: Make, tmp_path: Path) -> None:
    """What is no JSON is no answer."""
    room = ready(a_room(*a_worker(tmp_path, "print('<<<')\n")))
    assert done(room, room.begin(WISH)["id"])["run"]["error"]["code"] == "crashed"


def test_damaged_candles_are_told_with_their_row(a_room: Make, folder: Path) -> None:
    """The file changed since it was looked at."""
    room = ready(a_room())
    file = folder / "candles" / "BTC_USDT_5m.csv"
    stamp = file.stat()
    text = file.read_text().splitlines()
    text[7] = text[7].replace(text[7].split(",")[2], "x" * len(text[7].split(",")[2]))
    file.write_text("\n".join(text) + "\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    told = room.data()
    if told["reading"]:  # the size is another: it is looked at again, and says what is wrong
        until("read", lambda: not room.data()["reading"])
        (one,) = room.data()["files"]
        assert "8" in one["problem"]
        assert (one["problem_code"], one["problem_where"]) == ("bad_data", "BTC_USDT_5m.csv:8:high")
        with pytest.raises(CommandRefused, match="no such candles"):
            room.begin(WISH)
        return
    run = done(room, room.begin(WISH)["id"])["run"]
    assert run["error"]["code"] == "bad_data"
    assert "8" in run["error"]["what"]


def test_runs_survive_a_restart_and_one_under_way_is_interrupted(a_room: Make, tmp_path: Path) -> None:
    """Also when the program was killed: what is on the disk then says `running`."""
    room = ready(a_room(*a_worker(tmp_path, WAITS)))
    run_id = room.begin(replace(WISH, name="kept one"))["id"]
    waiting = room.begin(WISH)["id"]
    until("it works", lambda: status(room, run_id) == "running")
    on_disk = tmp_path / "lab" / f"{run_id}.run.json"
    as_killed = on_disk.read_text()
    room.stop()
    assert json.loads(on_disk.read_text())["status"] == "interrupted"
    on_disk.write_text(as_killed)
    after = a_room()
    assert status(after, run_id) == "interrupted"
    assert status(after, waiting) == "interrupted"
    assert after.run(run_id)["run"]["name"] == "kept one"


def test_a_stop_ends_the_worker(a_room: Make, tmp_path: Path) -> None:
    """At once, though it would go on for ever."""
    pid_file = tmp_path / "pid"
    body = f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\nwhile True: time.sleep(1)\n"
    room = ready(a_room(*a_worker(tmp_path, body)))
    room.begin(WISH)
    until("it works", lambda: pid_file.exists() and pid_file.read_text() != "")
    working = room._runs_line.working
    assert working is not None
    room.stop()
    assert not any(thread.is_alive() for thread in room._threads)
    assert working[1]._child is None


def test_the_worker_ends_when_nobody_listens_any_more(tmp_path: Path) -> None:
    """Its input ends with the program that asked, however that ended."""
    from autotrader_v2.app.lab_process import COMMAND
    from autotrader_v2.app.values import ROOT

    fifo = tmp_path / "candles" / "BTC_USDT_5m.csv"
    a_file(fifo.parent, fifo.name, waves(200_000))
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdin is not None
    job = {"kind": "history", "files": [str(fifo)], "from_ms": 0, "to_ms": None, "ladder": {}, "budget": "500"}
    child.stdin.write(json.dumps(job).encode() + b"\n")
    child.stdin.close()
    assert child.wait(_WAIT_S) == 3
    assert child.stdout is not None
    child.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="priorities have other names there")
def test_the_worker_steps_back_for_trading(tmp_path: Path) -> None:
    """It says of itself that it is nicer than we are, and has no secret in its environment."""
    os.environ["API_SECRET"] = "made-up"
    try:
        told = LabProcess((sys.executable, "-c", _TELLS_ITSELF)).do({"kind": "look", "files": []}, lambda *_: None)
    finally:
        del os.environ["API_SECRET"]
    assert told == {"nice": os.nice(0) + 15, "secret": None}


_TELLS_ITSELF = """
import json, os, sys
sys.stdin.readline()
from autotrader_v2.app import lab_worker
lab_worker._step_back()
print(json.dumps({"nice": os.nice(0), "secret": os.environ.get("API_SECRET")}))
"""


def test_what_cannot_work_is_refused_before_it_waits(a_room: Make, folder: Path) -> None:
    """Ladder, budget, dates, coins; the field is named."""
    a_file(folder / "candles", "ETH_BTC_5m.csv", [0.05, 0.051, 0.05])
    room = ready(a_room())
    for changes, code in (
        ({"ladder": {"steps": 3, "drop_step_pct": "150"}}, "bad_ladder"),
        ({"ladder": {"size_multiplier": "0"}}, "bad_ladder"),
        ({"budget": "0"}, "bad_budget"),
        ({"from_ms": 5, "to_ms": 5}, "bad_dates"),
        ({"symbols": ("DOGE_USDT",)}, "no_candles"),
        ({"interval_ms": 60_000}, "no_candles"),
        ({"symbols": ("BTC_USDT", "ETH_BTC")}, "two_quotes"),
    ):
        with pytest.raises(CommandRefused) as refused:
            room.begin(replace(WISH, **changes))  # type: ignore[arg-type]
        assert refused.value.code == code
    assert room.runs()["runs"] == []


def test_a_time_without_candles_is_told(a_room: Make) -> None:
    """By the worker, which alone opens files."""
    room = ready(a_room())
    run = done(room, room.begin(replace(WISH, from_ms=BEGIN_MS * 2))["id"])["run"]
    assert run["error"]["code"] == "no_candles"


def test_more_candles_than_a_run_may_have_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody fills the memory by mistake; a history takes the newest of them."""
    from autotrader_v2.app import lab_worker

    monkeypatch.setattr(lab_worker, "CANDLES_MAX", 100)
    files = [str(folder / "candles" / "BTC_USDT_5m.csv")]
    job = {"files": files, "from_ms": 0, "to_ms": None, "ladder": {}, "budget": "100"}
    with pytest.raises(lab_worker.Impossible) as refused:
        lab_worker._tapes(job, lab_worker._files(job), lambda read: None)
    assert refused.value.code == "too_many_candles"
    assert lab_worker._history(job, lambda *_: None)["candles"] == 100  # type: ignore[arg-type]


def test_the_queue_and_the_kept_runs_have_an_end(a_room: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it a run is refused; the oldest without a name makes room for a new one, a named one never."""
    from autotrader_v2.app import lab

    monkeypatch.setattr(lab, "RUNS_MAX", 3)
    room = ready(a_room(*a_worker(tmp_path, "tell({'failed': 'bad_data', 'what': 'x'})\n")))
    ids = []
    for at in range(4):
        ids.append(room.begin(replace(WISH, name="first" if at == 0 else ""))["id"])
        done(room, ids[-1])
    assert [run["id"] for run in room.runs()["runs"]] == [ids[3], ids[2], ids[0]]
    assert not list((tmp_path / "lab").glob(f"{ids[1]}.*"))
    room.rename(ids[2], "second")
    room.rename(ids[3], "third")
    with pytest.raises(CommandRefused, match="delete one first"):
        room.begin(WISH)
    room.delete(ids[0])
    room.begin(WISH)
    monkeypatch.setattr(lab, "RUNS_MAX", 50)
    still = ready(a_room(*a_worker(tmp_path, WAITS)))
    for _ in range(limits.QUEUE_MAX + 1):
        still.begin(WISH)
        until("one works", lambda: any(run["status"] == "running" for run in still.runs()["runs"]))
    with pytest.raises(CommandRefused, match="wait already"):
        still.begin(WISH)


def test_the_history_of_a_ladder_is_worked_out_once(a_room: Make, folder: Path) -> None:
    """Asked for, then known; known again after a restart; another ladder or other candles are another question."""
    room = ready(a_room())
    ladder = dict(WISH.ladder)
    assert room.history("BTC_USDT", ladder, ask=False)["state"] == "unknown"
    assert room.history("DOGE_USDT", ladder, ask=True)["state"] == "none"
    assert room.history("BTC_USDT", ladder, ask=True)["state"] == "working"
    until("known", lambda: room.history("BTC_USDT", ladder, ask=False)["state"] == "known")
    figures = room.history("BTC_USDT", ladder, ask=False)["figures"]
    assert figures["candles"] == 399
    assert figures["longest_cycle_ms"] > 0
    again = a_room(started=False)
    assert again.history("BTC_USDT", ladder, ask=False) == room.history("BTC_USDT", ladder, ask=False)
    assert again.history("BTC_USDT", {**ladder, "steps": 2}, ask=False)["state"] == "unknown"
    a_file(folder / "candles", "BTC_USDT_1m.csv", waves(50), 60_000)
    until("seen", lambda: again.history("BTC_USDT", ladder, ask=False)["state"] == "unknown")


def _with_a_hole(folder: Path) -> Path:
    """Three hours, twelve days of nothing, three hours, two days of nothing, one candle of twice the price."""
    from tests.lab_files import MINUTES_5

    file = a_file(folder / "candles", "ETH_USDT_5m.csv", [price / 10 for price in waves(37)])
    head, *rows = file.read_text("utf-8").splitlines()
    moved = [line.split(",") for line in rows]
    later = [[str(int(one[0]) + 12 * 86_400_000), *one[1:]] for one in moved]
    last = str(int(later[-1][0]) + 2 * 86_400_000 + 2 * MINUTES_5)
    lines = [head, *rows, *(",".join(one) for one in later), f"{last},6000,6000,6000,6000"]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_h1_a_run_over_a_long_hole_is_refused_with_what_can_be_run(a_room: Make, folder: Path) -> None:
    """The page's sentence is of its own language; what comes with it are dates."""
    _with_a_hole(folder)
    room = ready(a_room())
    run = done(room, room.begin(replace(WISH, symbols=("ETH_USDT",)))["id"])["run"]
    assert run["error"]["code"] == "holes"
    lines = run["error"]["what"].splitlines()
    assert len(lines) == 3 and all(line.startswith("ETH_USDT: 20") and " – " in line for line in lines)
    until_ms = BEGIN_MS + 86_400_000
    run = done(room, room.begin(replace(WISH, symbols=("ETH_USDT",), to_ms=until_ms))["id"])["run"]
    assert run["status"] == "done", run["error"]


def test_h2_a_history_plays_each_stretch_by_itself_and_adds_them_up(folder: Path) -> None:
    """No position waits through a hole: the longest wait is that of one stretch; the days are those with candles."""
    from autotrader_v2.app import lab_worker

    file = _with_a_hole(folder)
    job = {"files": [str(file)], "from_ms": 0, "to_ms": None, "ladder": dict(WISH.ladder), "budget": "500"}
    told = lab_worker._history(job, lambda *_: None)
    one = lab_worker._history({**job, "to_ms": BEGIN_MS + 86_400_000}, lambda *_: None)
    assert (told["stretches"], one["stretches"], told["candles"]) == (3, 1, 73)
    assert told["span_ms"] == 73 * 300_000
    assert one["cycles_closed"] + one["cycles_open"] > 0
    for name in ("cycles_closed", "ran_dry", "unpaid"):
        assert told[name] == 2 * one[name]
    assert told["cycles_open"] == 2 * one["cycles_open"] + 1
    assert told["longest_cycle_ms"] == one["longest_cycle_ms"] <= 3 * 3_600_000
    assert told["max_drawdown"] == one["max_drawdown"]
    assert told["end_ms"] - told["begin_ms"] > 14 * 86_400_000


def test_the_worst_fall_of_stretches_is_the_worst_in_money_and_the_worst_in_percent() -> None:
    """A fall of a small account may be the deeper one in percent."""
    same = {"begin_ms": 0, "end_ms": 1, "budget": "500", "pnl": "0", "longest_cycle_ms": 1}
    same |= dict.fromkeys(("ran_dry", "unpaid", "cycles_closed", "cycles_open"), 0)
    parts = [
        same | {"max_drawdown": "54.66", "max_drawdown_pct": "9.5"},
        same | {"max_drawdown": "9.9", "max_drawdown_pct": "12.4"},
    ]
    told = together(parts)
    assert (told["max_drawdown"], told["max_drawdown_pct"]) == ("54.66", "12.4")


def test_a_history_that_cannot_be_known_says_why(a_room: Make, tmp_path: Path) -> None:
    """And is not tried again and again."""
    room = ready(a_room(*a_worker(tmp_path, "tell({'failed': 'bad_data', 'what': 'row 7', 'where': 'a.csv:7'})\n")))
    room.history("BTC_USDT", {}, ask=True)
    until("told", lambda: room.history("BTC_USDT", {}, ask=True)["state"] == "failed")
    told = room.history("BTC_USDT", {}, ask=True)
    assert (told["code"], told["where"], told["what"]) == ("bad_data", "a.csv:7", "row 7")


def test_a_history_of_bad_candles_is_a_code_with_file_row_and_column(folder: Path) -> None:
    """The page has the sentence in its own language."""
    file = folder / "candles" / "BTC_USDT_5m.csv"
    lines = file.read_text().splitlines()
    cells = lines[6].split(",")
    lines[6] = ",".join([cells[0], "NaN", *cells[2:]])
    file.write_text("\n".join(lines))
    job = {"kind": "history", "files": [str(file)], "from_ms": 0, "to_ms": None, "ladder": {}, "budget": "500"}
    with pytest.raises(WorkerFailed) as caught:
        LabProcess().do(job, lambda *_: None)
    assert (caught.value.code, caught.value.where) == ("bad_data", f"{file.name}:7:open")
    assert caught.value.reason == "cell"


def test_a_time_without_candles_tells_which_time_has_some(folder: Path) -> None:
    """As values of a sentence in any language."""
    file = folder / "candles" / "BTC_USDT_5m.csv"
    job = {"kind": "run", "files": [str(file)], "from_ms": BEGIN_MS * 2, "to_ms": None, "ladder": {}, "budget": "500"}
    with pytest.raises(WorkerFailed) as caught:
        LabProcess().do(job, lambda *_: None)
    assert (caught.value.code, caught.value.reason) == ("no_candles", "covered")
    assert caught.value.values == {"begin": "2023-11-14 22:10:00", "end": "2023-11-16 07:25:00"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_hole_inside_a_file_is_known_before_a_run(folder: Path, ending: str) -> None:
    """From its end to its beginning; a gap of less than a day is none."""
    import pyarrow.csv
    import pyarrow.parquet

    from autotrader_v2.infrastructure.feeds.candle_files import CandleFile

    file = _with_a_hole(folder)
    text = file.read_text("utf-8").splitlines()
    del text[5]
    file.write_text("\n".join(text), encoding="utf-8")
    if ending == "parquet":
        table = pyarrow.csv.read_csv(file)
        file = file.with_suffix(".parquet")
        # In row groups of one, so that a hole lies between two batches as well.
        pyarrow.parquet.write_table(table, file, row_group_size=1)
    times = sorted(int(line.split(",")[0]) for line in text[1:])
    day_ms = 86_400_000
    holes = [(one + 300_000, other) for one, other in pairwise(times) if other - one - 300_000 > day_ms]
    assert len(holes) == 2
    assert list(CandleFile(file).holes) == holes
    told = LabProcess().do({"kind": "look", "files": [str(file)]}, lambda *_: None)["files"][str(file)]
    assert told["holes"] == [list(one) for one in holes]


def test_files_joined_keep_their_holes_but_for_what_the_one_before_covers() -> None:
    """A run plays the one that begins first to its end."""
    day = 86_400_000
    own = {"name": "x", "files": 1, "symbol": "BTC_USDT", "interval_ms": 60_000, "candles": 9}
    first = own | {"first_ms": 0, "last_ms": 10 * day - 60_000, "holes": [[2 * day, 4 * day]]}
    second = own | {"first_ms": 8 * day, "last_ms": 30 * day, "holes": [[9 * day, 10 * day], [9 * day, 15 * day]]}
    (told,) = joined([second, first])
    assert told["holes"] == [[2 * day, 4 * day], [10 * day, 15 * day]]


def test_a_file_that_an_older_mtrade_looked_at_is_looked_at_again(folder: Path) -> None:
    """It did not note the holes."""
    from autotrader_v2.app.lab_files import LabFiles

    index = folder / "files.json"
    (name,) = LabFiles(index, [folder / "candles"]).unknown()
    for told, again in (({"candles": 9, "interval_ms": 60_000}, True), ({"candles": 9, "holes": []}, False)):
        LabFiles(index, [folder / "candles"]).note({name: told})
        assert bool(LabFiles(index, [folder / "candles"]).unknown()) is again


def test_what_is_looked_at_does_not_wait_for_a_run(a_room: Make, tmp_path: Path) -> None:
    """Once the stretches of a chosen ladder waited minutes behind a run at work."""
    (tmp_path / "studies.db").touch()
    body = "if job['kind'] == 'study':\n    tell({'points': []})\n    sys.exit()\n" + WAITS
    room = ready(a_room(*a_worker(tmp_path, body)))
    run = room.begin(WISH)["id"]
    until("the run works", lambda: status(room, run) == "running")
    until("read", lambda: room.sweep("s", "a", "b", "profit")["state"] == "known")
    assert status(room, run) == "running"


def test_no_folder_of_candles_is_no_error(tmp_path: Path) -> None:
    """There is nothing to read, and that is said."""
    room = LabRoom(tmp_path / "lab", tmp_path / "candles", studies=tmp_path / "studies.db")
    assert room.data()["files"] == []
    assert room.data()["reading"] is False
    assert room.history("BTC_USDT", {}, ask=True)["state"] == "none"


def test_a_full_disk_refuses_a_run_and_ends_no_thread(
    a_room: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written is told; what follows works."""
    from autotrader_v2.app import lab_runs

    room = ready(a_room(*a_worker(tmp_path, "time.sleep(0.3)\ntell({'failed': 'bad_data', 'what': 'x'})\n")))
    kept = lab_runs.write_private
    first = room.begin(WISH)["id"]

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab_runs, "write_private", full)
    with pytest.raises(CommandRefused) as refused:
        room.begin(WISH)
    assert refused.value.code == "no_disk"
    until("over", lambda: status(room, first) == "failed")
    monkeypatch.setattr(lab_runs, "write_private", kept)
    assert done(room, room.begin(WISH)["id"])["run"]["status"] == "failed"


def test_a_full_disk_keeps_no_program_from_starting(
    a_room: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was under way is told as interrupted all the same; trading does not depend on the Lab's files."""
    from autotrader_v2.app import lab_runs

    room = ready(a_room(*a_worker(tmp_path, WAITS)))
    run_id = room.begin(WISH)["id"]
    until("it works", lambda: status(room, run_id) == "running")
    on_disk = tmp_path / "lab" / f"{run_id}.run.json"
    as_killed = on_disk.read_text()
    room.stop()
    on_disk.write_text(as_killed)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab_runs, "write_private", full)
    monkeypatch.setattr(Path, "mkdir", full)
    assert status(a_room(started=False), run_id) == "interrupted"
    assert LabRoom(tmp_path / "elsewhere", tmp_path / "candles", studies=tmp_path / "studies.db").runs()["runs"] == []


def test_what_a_ladder_may_spend_is_its_own_cost() -> None:
    """All its orders with a margin; its budget where it has one."""
    assert budget_of(LadderParams(start_quote=Decimal(10), steps=1, size_multiplier=Decimal(2))) == Decimal("30.60")
    assert budget_of(LadderParams(budget_quote=Decimal(77))) == 77
    assert budget_of(LadderParams(start_balance_pct=Decimal(5))) == 1000


def test_a_worker_that_was_ended_before_it_began_never_begins() -> None:
    """A cancel may be as quick as the start."""
    process = LabProcess((sys.executable, "-c", "raise SystemExit(1)"))
    process.end()
    with pytest.raises(WorkerFailed):
        process.do({}, lambda *_: None)


def test_many_asking_at_once_are_answered(a_room: Make) -> None:
    """Reading needs no worker."""
    room = ready(a_room())
    run_id = room.begin(WISH)["id"]
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(50):
                room.runs()
                room.run(run_id)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    assert done(room, run_id)["run"]["status"] == "done"


def test_files_that_follow_on_each_other_are_one(folder: Path) -> None:
    """One for each day; what two hold both counts once; a gap makes two of them."""

    def a_day(first: int, candles: int, **more: Any) -> dict[str, Any]:
        ms = {"first_ms": BEGIN_MS + first * 60_000, "last_ms": BEGIN_MS + (first + candles - 1) * 60_000}
        return {
            "name": "x",
            "files": 1,
            "symbol": "BTC_USDT",
            "interval_ms": 60_000,
            "candles": candles,
            "holes": [],
            **ms,
            **more,
        }

    days = [a_day(90, 10), a_day(0, 30), a_day(30, 30), a_day(50, 20), a_day(0, 5, symbol="ETH_USDT")]
    told = joined([*days, {"name": "bad", "files": 1, "symbol": "", **dict.fromkeys(("candles", "first_ms"))}])
    assert [(one["symbol"], one["files"], one["candles"]) for one in told] == [
        ("", 1, None),
        ("BTC_USDT", 3, 70),
        ("BTC_USDT", 1, 10),
        ("ETH_USDT", 1, 5),
    ]


def test_recorded_candles_are_found_in_the_folders_of_their_intervals(tmp_path: Path) -> None:
    """As `record` and `fetch-candles` keep them: a folder for each length of candle."""
    a_file(tmp_path / "recorded" / "1m", "BTC_USDT_1m_20240101.csv", waves(5), 60_000)
    a_file(tmp_path / "recorded" / "1m" / "deeper", "BTC_USDT_1m_20240102.csv", waves(5), 60_000)
    found = seen_in([tmp_path / "none", tmp_path / "recorded"])
    assert [(Path(name).name, symbol) for name, (_, symbol) in found.items()] == [
        ("BTC_USDT_1m_20240101.csv", "BTC_USDT")
    ]


def test_both_machines_give_the_same_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without numba the exact engine plays, and is named."""
    from autotrader_v2.app import lab_worker

    job = {
        "files": [str(folder / "candles" / "BTC_USDT_5m.csv")],
        "from_ms": 0,
        "to_ms": None,
        "ladder": {},
        "budget": "800",
    }
    quick = lab_worker._played(job, lambda *_: None)
    monkeypatch.setattr(lab_worker, "_quick_machine", lambda: None)
    exact = lab_worker._played(job, lambda *_: None)
    assert (quick.pop("engine"), exact.pop("engine")) == ("compiled", "exact")
    assert quick == exact


@pytest.mark.parametrize("machine", ["compiled", "exact"])
def test_every_run_tells_how_far_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """The quick machine plays in no time; reading the candles and counting the figures are its way."""
    from autotrader_v2.app import lab_worker

    a_file(folder / "candles", "ETH_USDT_5m.csv", waves())
    job = {
        "files": [str(folder / "candles" / f"{name}_USDT_5m.csv") for name in ("BTC", "ETH")],
        "from_ms": 0,
        "to_ms": None,
        "ladder": {},
        "budget": "800",
    }
    if machine == "exact":
        monkeypatch.setattr(lab_worker, "_quick_machine", lambda: None)
    told: list[float] = []
    assert lab_worker._played(job, lambda done, of: told.append(done / of))["engine"] == machine
    assert told == sorted(told)
    assert sum(0 < share < 1 for share in told) >= 4
    assert told[-1] > 0.9


def test_reading_one_long_file_is_told_on_the_way(folder: Path) -> None:
    """A run of one market is not at 0 % until all of its candles are read."""
    from autotrader_v2.app import lab_worker

    job = {"files": [str(a_file(folder / "long", "ETH_USDT_5m.csv", waves(60_000)))], "from_ms": 0, "to_ms": None}
    told: list[int] = []
    lab_worker._tapes(job, lab_worker._files(job), told.append)
    assert told == sorted(told) and told[-1] == 59_999
    assert 0 < told[0] < 30_000


def test_a_ladder_that_buys_nothing_says_why(folder: Path) -> None:
    from autotrader_v2.app import lab_worker

    file = a_file(folder / "candles", "ONE_USDT_5m.csv", [0.01 + at / 100_000 for at in range(60)])
    job = {"files": [str(file)], "from_ms": 0, "to_ms": None, "budget": "100000000"}
    told = lab_worker._played(job | {"ladder": {"start_quote": "100000"}}, lambda *_: None)
    assert told["figures"]["trades"] == 0
    assert told["warnings"][0]["code"] == "not_bought_bad_ladder"
    told = lab_worker._played(job | {"ladder": {"steps": 2}}, lambda *_: None)
    assert told["figures"]["trades"] > 0
    assert not any(one["code"].startswith("not_bought") for one in told["warnings"])


def test_a_compiled_run_that_works_is_cancelled(a_room: Make, folder: Path) -> None:
    """The real worker, while it reads and counts; the next run is not touched by it."""
    a_file(folder / "candles", "ETH_USDT_5m.csv", waves(60_000))
    room = ready(a_room())
    long = room.begin(replace(WISH, symbols=("ETH_USDT",)))["id"]
    until("progress", lambda: room.run(long)["run"]["progress"] > 0)
    room.cancel(long)
    assert done(room, long)["run"]["status"] == "cancelled"
    assert done(room, room.begin(WISH)["id"])["run"]["status"] == "done"


# -- searches


SEARCH = SearchWish(
    **asdict(WISH) | {"ladder": {"profit_pct": "0.9"}},
    ranges={"drop_step_pct": "0.5:2:0.5", "steps": "2:4:1"},
    trials=1000,
    objectives=("profit",),
)


def search(room: LabRoom) -> dict[str, Any]:
    """How the search that was begun last is."""
    told = room.sweeps()["search"]
    assert told is not None
    return dict(told)


def over(room: LabRoom) -> dict[str, Any]:
    """It, once it is over."""
    until("over", lambda: search(room)["status"] not in ("working", "stopping"))
    return search(room)


def test_a_search_is_begun_here_and_found_among_the_searches(a_room: Make) -> None:
    """Every combination over the real worker; what the ladder sets and no range searches stays."""
    room = ready(a_room())
    assert room.sweeps()["search"] is None
    room.search(SEARCH)
    told = over(room)
    assert (told["status"], told["done"], told["of"], told["failure"]) == ("done", 12, 12, None)
    until("listed", lambda: [one["done"] for one in (room.sweeps()["told"] or {}).get("sweeps", [])] == [12])
    (one,) = room.sweeps()["told"]["sweeps"]
    assert (one["name"], one["open"]) == (told["name"], 0)
    assert (one["ranges"], one["budget"]) == ({"drop_step_pct": 4, "steps": 3}, "500")
    asked = (one["name"], "drop_step_pct", "steps", "profit")
    until("read", lambda: room.sweep(*asked)["state"] == "known")
    told = room.sweep(*asked)["told"]
    assert {point["ladder"]["profit_pct"] for point in told["points"]} == {"0.9"}
    verdict = told["verdict"]
    best = next(point for point in told["points"] if point["number"] == verdict["number"])
    assert (verdict["ladder"], verdict["seen"]["year_pct"]) == (best["ladder"], best["profit"])
    assert (verdict["later"]["cycles"] > 0, verdict["others"]) == (True, None)
    assert {"code": "little_data", "values": {"days": "1.0391", "least": "180"}} in verdict["doubts"]


def ladder(room: LabRoom, name: str, number: int) -> dict[str, Any]:
    """What is told of it, once it is known or has failed."""
    until("ladder told", lambda: room.ladder(name, number)["state"] != "working")
    return dict(room.ladder(name, number))


def test_a_ladder_of_a_search_is_run_as_the_search_had_it(a_room: Make, folder: Path) -> None:
    """On each stretch of each coin: the same figures together as the search's, and each run's are its row's.

    The coin of no table has its rules from the first price of the search, also in a stretch that begins at another.
    """
    day = 288
    there = waves(day + 1)
    for name, worth in (("XYZ_USDT_5m.csv", 30_000), ("ETH_USDT_5m.csv", 10)):
        file = a_file(folder / "candles", name, [round(one / worth, 4) for one in there])
        later = a_file(folder / "later", name, [round(one / worth * 12, 4) for one in there])
        rows = later.read_text().splitlines()[1:]
        moved = [f"{int(row.split(',')[0]) + 3 * 86_400_000},{row.split(',', 1)[1]}" for row in rows]
        file.write_text(file.read_text() + "\n".join(moved) + "\n")
    room = ready(a_room())
    wish = replace(SEARCH, symbols=("XYZ_USDT", "ETH_USDT"), ranges={"steps": "2:3:1"})
    room.search(wish)
    name = over(room)["name"]
    told = ladder(room, name, 1)
    assert told["state"] == "known", told
    rows = told["told"]["stretches"]
    assert [one["symbol"] for one in rows] == ["ETH_USDT", "ETH_USDT", "XYZ_USDT", "XYZ_USDT"]
    home = Studies(folder / "studies.db")
    try:
        seen = next(trial.seen for trial in home.existing(name).trials() if trial.number == 1)
    finally:
        home.close()
    assert seen is not None
    assert sum(float(one["figures"]["profit"]) for one in rows) == pytest.approx(seen.pnl_pct, abs=0.001)
    assert sum(one["figures"]["cycles"] for one in rows) == seen.cycles_closed > 0
    for one in rows:
        span = {name: one[name] for name in ("interval_ms", "from_ms", "to_ms")}
        shared = {name: told["told"][name] for name in ("ladder", "budget", "rules_ms")}
        figures = done(room, room.begin(LabWish(name="", symbols=(one["symbol"],), **span, **shared))["id"])["result"]
        assert float(figures["figures"]["pnl_pct"]) == pytest.approx(float(one["figures"]["profit"]), abs=0.0001)
        assert figures["figures"]["cycles_closed"] == one["figures"]["cycles"]
        assert figures["figures"]["ran_dry"] == one["figures"]["ran_dry"]


def test_a_ladder_whose_candles_are_not_here_says_so(a_room: Make, folder: Path) -> None:
    """Gone, changed, or of a search that did not keep which; there is no figure then, and none is made up."""
    room = ready(a_room())
    room.search(SEARCH)
    name = over(room)["name"]
    a_file(folder / "candles", "BTC_USDT_5m.csv", waves(300))
    (row,) = ladder(ready(room), name, 0)["told"]["stretches"]
    assert (row["problem"], row["figures"]) == ("other_candles", None)
    a_study(folder / "studies.db")
    told = ladder(room, "sweep-1", 0)
    assert (told["state"], told["code"], told["told"]) == ("failed", "old_search", None)
    assert ladder(room, "sweep-1", 99)["code"] == "unknown_sweep"


def test_it_is_the_search_of_the_command(a_room: Make, folder: Path) -> None:
    """`mTrade.py sweep` with the same ranges finds the study finished and plays nothing anew."""
    room = ready(a_room())
    room.search(SEARCH)
    name = over(room)["name"]
    command = [
        sys.executable,
        "mTrade.py",
        "sweep",
        f"--data={folder / 'candles'}",
        "--ladder=basic",
        "--set=profit_pct=0.9",
    ]
    ranges = [f"--param={one}={values}" for one, values in SEARCH.ranges.items()]
    told = subprocess.run(
        [*command, *ranges, "--budget=500", f"--data-dir={folder}", "--jobs=1", "--objective=profit", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=_WAIT_S,
        check=True,
    )
    assert json.loads(told.stdout)["study"] == name


def test_a_verdict_is_about_the_ladders_of_then(a_room: Make, tmp_path: Path) -> None:
    """When others were tried since, none is shown until the search has come to its end again."""
    a_study(tmp_path / "studies.db")
    home = Studies(tmp_path / "studies.db")
    study = home.existing("sweep-1")
    figures = {"year_pct": 1.5, "drawdown_pct": 4.0, "run_pct": 0.5, "hold_run_pct": -2.0, "cycles": 7, "ran_dry": 1}
    told = {"number": 1, "seen": figures, "later": None, "others": None, "doubts": []}
    asked = (tmp_path / "studies.db", "sweep-1")
    try:
        study.judge({**told, "tried": 3})
        assert study_told(*asked, x="steps", y="steps", figure="profit")["verdict"] is None
        study.judge({**told, "tried": 4})
        shown = study_told(*asked, x="steps", y="steps", figure="profit")["verdict"]
    finally:
        home.close()
    assert shown["ladder"] == {"profit_pct": "0.9", "drop_step_pct": "1", "steps": "4"}
    texts = {"year_pct": "1.5000", "drawdown_pct": "4.0000", "run_pct": "0.5000", "hold_run_pct": "-2.0000"}
    assert shown["seen"] == {**figures, **texts}


def test_a_stopped_search_keeps_what_is_done_and_goes_on_from_there(a_room: Make) -> None:
    """As Ctrl-C does; nothing is tried twice, and a second one waits until the first is over."""
    room = ready(a_room())
    wish = replace(SEARCH, ranges={"drop_step_pct": "0.5:3:0.002", "profit_pct": "0.5:2:0.1"}, trials=100_000)
    room.search(wish)
    until("some are tried", lambda: search(room)["done"] > 0)
    with pytest.raises(CommandRefused) as refused:
        room.search(SEARCH)
    assert refused.value.code == "search_busy"
    room.stop_search()
    told = over(room)
    assert told["status"] == "stopped"
    assert 0 < told["done"] < told["of"] == 1251 * 16
    room.search(wish)
    until("some more are tried", lambda: search(room)["done"] > 0)
    assert search(room)["done"] >= told["done"]
    room.stop_search()
    assert over(room)["done"] >= told["done"]
    until("listed", lambda: (room.sweeps()["told"] or {}).get("sweeps"))
    assert len(room.sweeps()["told"]["sweeps"]) == 1


def test_a_search_that_does_not_listen_is_ended_by_a_second_stop(a_room: Make, tmp_path: Path) -> None:
    """And one whose worker dies says why."""
    room = ready(a_room(*a_worker(tmp_path, "tell({'done': 1, 'of': 4})\ntime.sleep(600)\n")))
    room.search(SEARCH)
    until("it works", lambda: search(room)["done"] == 1)
    room.stop_search()
    assert search(room)["status"] == "stopping"
    room.stop_search()
    assert over(room)["status"] == "stopped"
    (tmp_path / "worker.py").write_text("import sys\nsys.exit('no memory')\n")
    room.search(SEARCH)
    told = over(room)
    assert (told["status"], "no memory" in told["failure"]["what"]) == ("failed", True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ranges": {"drop_step_pct": "2:1:1"}}, "range_upside_down"),
        ({"ranges": {"drop_step_pct": "1:2:0.00001"}}, "range_too_long"),
        ({"ranges": {"steps": "1:200:1"}}, "bad_range"),
        ({"ranges": {"no_such": "1:2:1"}}, "bad_range"),
        ({"ranges": {}}, "bad_range"),
        ({"ladder": {"drop_step_pct": "150"}}, "bad_ladder"),
        ({"symbols": ("XYZ_USDT",)}, "no_candles"),
        ({"budget": "0"}, "bad_budget"),
    ],
)
def test_a_search_that_cannot_work_is_refused(a_room: Make, changes: dict[str, Any], code: str) -> None:
    """Before a worker is begun."""
    room = ready(a_room())
    with pytest.raises(CommandRefused) as refused:
        room.search(replace(SEARCH, **changes))
    assert refused.value.code == code
    assert room.sweeps()["search"] is None


def test_a_range_that_is_refused_names_its_parameter_for_the_page(a_room: Make) -> None:
    """The page calls it otherwise than the command line, so the reason comes without the name, and its values too."""
    room = ready(a_room())
    with pytest.raises(CommandRefused) as refused:
        room.search(replace(SEARCH, ranges={"drop_step_pct": "2:1:1"}))
    assert (refused.value.field, refused.value.values) == (
        "drop_step_pct",
        {"what": "the range begins above its end, 2 > 1", "begin": "2", "end": "1"},
    )


def test_a_search_is_told_as_heat_map_and_points(a_room: Make, tmp_path: Path) -> None:
    """Read by the worker; the front is what nothing beats in both; each cell names its ladder."""
    a_study(tmp_path / "studies.db")
    room = LabRoom(tmp_path / "lab", tmp_path / "candles", studies=tmp_path / "studies.db")
    room.start()
    try:
        until("listed", lambda: room.sweeps()["state"] == "known")
        (one,) = room.sweeps()["told"]["sweeps"]
        assert (one["name"], one["done"], one["refused"]) == ("sweep-1", 3, 1)
        asked = ("sweep-1", "drop_step_pct", "steps", "profit")
        until("read", lambda: room.sweep(*asked)["state"] == "known")
        told = room.sweep(*asked)["told"]
        assert told["heat"]["rows"] == [
            [{"value": "1.0000", "number": 0}, {"value": "1.5000", "number": 2}],
            [{"value": "2.0000", "number": 1}, None],
        ]
        assert [(point["number"], point["front"]) for point in told["points"]] == [(0, True), (1, True), (2, False)]
        assert told["points"][2]["ladder"] == {"profit_pct": "0.9", "drop_step_pct": "2", "steps": "3"}
        wrong = ("sweep-1", "nothing", "steps", "profit")
        until("told", lambda: room.sweep(*wrong)["state"] == "failed")
        assert "nothing" in str(room.sweep(*wrong)["what"])
    finally:
        room.stop()


def test_without_a_search_there_is_nothing_to_show(a_room: Make) -> None:
    """And nothing is read."""
    room = a_room(started=False)
    assert room.sweeps() == {"state": "known", "code": None, "what": None, "told": {"sweeps": []}, "search": None}
    with pytest.raises(CommandRefused):
        room.sweep("x", "y", "z", "profit")


def test_the_worker_ends_quietly_after_its_answer(tmp_path: Path) -> None:
    """Also while its input is still open: the thread that waits for the end of it once made the interpreter abort."""
    from autotrader_v2.app.lab_process import COMMAND
    from autotrader_v2.app.values import ROOT

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(COMMAND, cwd=ROOT, **pipes) as child:  # type: ignore[call-overload]
        assert child.stdin is not None
        child.stdin.write(json.dumps({"kind": "look", "files": []}).encode() + b"\n")
        child.stdin.flush()
        assert child.wait(_WAIT_S) == 0
        assert child.stdout.read() == b'{"files": {}}\n'
        assert child.stderr.read() == b""
