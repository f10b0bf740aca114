"""`record` and `fetch-candles` as processes against the exchange in a box, over real connections that are cut."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app import settings
from autotrader_v2.app.backtest_data import open_tapes
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.feeds.day_files import QUOTES, DayFiles
from autotrader_v2.infrastructure.feeds.sources import open_source
from autotrader_v2.matching.core import MatchingCore
from autotrader_v2.simulator import Simulator
from tests.integration.faults.box import inject
from tests.integration.simulated import a_simulator
from tests.processes import DOOR, Started

MINUTE_MS = 60_000
# 2026-01-31 20:40 UTC; two days are touched.
BEGIN_MS = 1_769_892_000_000
LTC = Market("gate", "LTC", "USDT")
D = Decimal
# The same commands, which write every third of a second and call a second's silence a gap.
QUICK = (
    "import sys; sys.path.insert(0, '.');"
    "from autotrader_v2.app import record_command as r; r._FLUSH_S = 0.3; r._MERGE_S = 1.0; r._RETRY_S = 0.2;"
    "from autotrader_v2.infrastructure.feeds import recorder as q; q._GAP_MS = {gap_ms}; q._REPEAT_MS = 200;"
    "from autotrader_v2.app.cli import main; sys.exit(main(sys.argv[1:]))"
)


def _price(minute: int) -> Decimal:
    return D(64) + D(minute % 37) / 100


def _with_past(sim: Simulator, clock: list[int], minutes: int, missing: range = range(0)) -> None:
    """Bars of LTC for so many minutes from `BEGIN_MS`; the exchange's time is then 30 s into the next minute."""

    def mark(core: MatchingCore) -> None:
        tape = core.pits["LTC_USDT"].tape
        for minute in range(minutes):
            at_ms = BEGIN_MS + minute * MINUTE_MS
            if minute not in missing:
                for offset_ms, change in ((0, D(0)), (20_000, D("0.5")), (30_000, D("-0.25")), (40_000, D("0.01"))):
                    tape.mark(_price(minute) + change, at_ms + offset_ms)
        clock[0] = (BEGIN_MS + minutes * MINUTE_MS + 30_000) * 1000

    sim.call(mark)


@pytest.fixture
def past() -> Iterator[tuple[Simulator, list[int]]]:
    """An exchange whose clock stands in January 2026."""
    clock = [BEGIN_MS * 1000]
    with a_simulator(clock_us=lambda: clock[0]) as sim:
        yield sim, clock


def _environment(sim_url: str) -> dict[str, str]:
    return settings.environment_with(MTRADE_ENV_FILE="", GATE_HOST=sim_url)


def _fetch(sim: Simulator, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, DOOR, "fetch-candles", "--out", str(out), *words]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, env=_environment(sim.url)
    )


def _utc(minute: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(BEGIN_MS / 1000 + minute * 60, UTC).strftime("%Y-%m-%dT%H:%M")


def _times(folder: Path) -> list[int]:
    ((tape,), _) = open_tapes(folder)
    return list(tape.open_ms)


def _no_half_file(folder: Path) -> None:
    import pyarrow.parquet as pq

    for file in folder.rglob("*.parquet"):
        assert pq.ParquetFile(file).metadata.num_rows > 0


def _until(holds: Callable[[], object], within_s: float = 60) -> None:
    ends = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


# --- fetch-candles ---


def test_pages_of_history_become_files_that_backtest_and_replay_read(
    past: tuple[Simulator, list[int]], tmp_path: Path
) -> None:
    sim, clock = past
    _with_past(sim, clock, 2_500, missing=range(700, 705))
    done = _fetch(sim, tmp_path, "--symbol", "ltc", "--from", _utc(0), "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["markets"]
    gap = {"from_ms": BEGIN_MS + 700 * MINUTE_MS, "to_ms": BEGIN_MS + 705 * MINUTE_MS}
    assert (told["fetched"], told["had"], told["gaps"]) == (2_495, 0, [gap])
    folder = tmp_path / "candles" / "1m"
    days = ["gate_LTC_USDT_1m_20260131.parquet", "gate_LTC_USDT_1m_20260201.parquet"]
    days.append("gate_LTC_USDT_1m_20260202.parquet")
    assert sorted(file.name for file in folder.iterdir()) == days
    ((tape,), _) = open_tapes(folder)
    assert list(tape.open_ms) == [BEGIN_MS + n * MINUTE_MS for n in range(2_500) if n not in range(700, 705)]
    assert tape.gaps() == [(gap["from_ms"], gap["to_ms"])]
    for at, minute in ((1, 1), (999, 1004), (2_494, 2_499)):
        wanted = [_price(minute) + change for change in (D(0), D("0.5"), D("-0.25"), D("0.01"))]
        found = [column[at] * tape.tick for column in (tape.opened, tape.high, tape.low, tape.closed)]
        assert found == wanted
    assert open_source(f"replay:{folder}").start_ms == BEGIN_MS


def test_a_fetch_of_the_future_says_so(past: tuple[Simulator, list[int]], tmp_path: Path) -> None:
    """Once "0 candles fetched" was all it said."""
    sim, clock = past
    _with_past(sim, clock, 10)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", "2190-01-01")
    assert done.returncode == 0 and "0 candles fetched" in done.stdout
    assert "2190-01-01 00:00:00 UTC is in the future" in done.stderr


def test_an_unknown_market_is_refused_and_the_others_are_fetched(
    past: tuple[Simulator, list[int]], tmp_path: Path
) -> None:
    """It ended the whole fetch, with advice about the amounts of orders."""
    sim, clock = past
    _with_past(sim, clock, 10)
    done = _fetch(sim, tmp_path, "--symbol", "NOPE,LTC", "--from", _utc(0), "--json")
    assert done.returncode == 2 and "Gate does not know NOPE_USDT" in done.stderr
    (told,) = json.loads(done.stdout)["markets"]
    assert (told["symbol"], told["fetched"]) == ("LTC_USDT", 10)


def test_a_folder_that_cannot_be_used_names_the_option_that_chose_it(
    past: tuple[Simulator, list[int]], tmp_path: Path
) -> None:
    """It was --data-dir, which names another folder."""
    (tmp_path / "file").write_text("no folder")
    done = _fetch(past[0], tmp_path / "file", "--symbol", "LTC", "--from", _utc(0))
    assert done.returncode == 1 and "--out" in done.stderr and "--data-dir" not in done.stderr


def test_a_fetch_that_was_refused_goes_on_where_it_stopped(past: tuple[Simulator, list[int]], tmp_path: Path) -> None:
    sim, clock = past
    _with_past(sim, clock, 2_500)
    # Two pages come; the third fails however often it is asked for.
    inject(sim, "error", path="/spot/candlesticks", method="GET", skip=2, times=3, status=500)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", _utc(0), "--json")
    assert done.returncode == 1 and "goes on from there" in done.stderr
    (told,) = json.loads(done.stdout)["markets"]
    assert told["fetched"] == 2_000
    assert told["gaps"] == [{"from_ms": BEGIN_MS + 2_000 * MINUTE_MS, "to_ms": BEGIN_MS + 2_500 * MINUTE_MS}]
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", _utc(0), "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["markets"]
    assert (told["had"], told["fetched"], told["gaps"]) == (2_000, 500, [])
    assert _times(tmp_path / "candles" / "1m") == [BEGIN_MS + n * MINUTE_MS for n in range(2_500)]


@pytest.mark.parametrize("how", ["cut", "reset", "half_json", "too_long"])
def test_cut_answers_are_read_again(how: str, past: tuple[Simulator, list[int]], tmp_path: Path) -> None:
    sim, clock = past
    _with_past(sim, clock, 1_200)
    inject(sim, "spoilt", how=how, path="/spot/candlesticks", method="GET", skip=1, times=1)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", _utc(0))
    assert done.returncode == 0, done.stderr
    assert "1200 candles fetched" in done.stdout and "0 gaps" in done.stdout
    assert _times(tmp_path / "candles" / "1m") == [BEGIN_MS + n * MINUTE_MS for n in range(1_200)]


@pytest.mark.parametrize(
    "how",
    [
        "kill",
        # A process group of its own, which a test needs there, gets no Ctrl-C.
        pytest.param("interrupt", marks=pytest.mark.skipif(sys.platform == "win32", reason="no Ctrl-C to send")),
    ],
)
def test_a_fetch_that_is_ended_leaves_whole_files_and_goes_on(
    how: str, past: tuple[Simulator, list[int]], tmp_path: Path
) -> None:
    sim, clock = past
    _with_past(sim, clock, 2_500)
    inject(sim, "slow", path="/spot/candlesticks", method="GET", skip=1, times=0, seconds=3)
    command = [sys.executable, DOOR, "fetch-candles", "--out", str(tmp_path), "--symbol", "LTC", "--from", _utc(0)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=_environment(sim.url)) as process:
        _until(lambda: list(tmp_path.rglob("*.parquet")))
        if how == "kill":
            process.kill()
        else:
            process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(60) == (130 if how == "interrupt" else process.returncode), told
    assert how == "kill" or "Stopped." in told
    _no_half_file(tmp_path)
    kept = _times(tmp_path / "candles" / "1m")
    assert kept and kept == [BEGIN_MS + n * MINUTE_MS for n in range(len(kept))]
    sim.faults.replace([], 0)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", _utc(0), "--json")
    assert done.returncode == 0, done.stderr
    (told_again,) = json.loads(done.stdout)["markets"]
    assert told_again["had"] == len(kept) and told_again["fetched"] == 2_500 - len(kept)
    assert _times(tmp_path / "candles" / "1m") == [BEGIN_MS + n * MINUTE_MS for n in range(2_500)]


def test_what_gate_does_not_tell_is_told(past: tuple[Simulator, list[int]], tmp_path: Path) -> None:
    sim, clock = past
    _with_past(sim, clock, 50)
    done = _fetch(sim, tmp_path / "a", "--symbol", "LTC", "--from", "2025-12-01", "--json")
    assert done.returncode == 0 and "newest 10,000 candles" in done.stderr
    (told,) = json.loads(done.stdout)["markets"]
    assert told["fetched"] == 50
    # The time before is a gap, not silence.
    assert told["gaps"][0]["to_ms"] == BEGIN_MS
    done = _fetch(sim, tmp_path / "b", "--symbol", "NOPE", "--from", _utc(0))
    assert done.returncode == 2 and "NOPE_USDT" in done.stderr and "Traceback" not in done.stderr
    for words, says in (
        (("--symbol", "LTC"), "--from"),
        (("--from", _utc(0)), "--symbol"),
        (("--symbol", "LTC", "--from", _utc(0), "--interval", "7m"), "--interval"),
        (("--symbol", "LTC", "--from", _utc(5), "--to", _utc(1)), "--to"),
    ):
        done = _fetch(sim, tmp_path / "c", *words)
        assert done.returncode == 2 and says in done.stderr, (words, done.stderr)


def test_no_key_is_asked_for_whatever_the_mode(past: tuple[Simulator, list[int]], tmp_path: Path) -> None:
    sim, clock = past
    _with_past(sim, clock, 5)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--from", _utc(0), "--mode", "sandbox")
    assert done.returncode == 0 and "5 candles fetched" in done.stdout, done.stderr


def test_longer_intervals_lie_in_a_folder_of_their_own_by_month(
    past: tuple[Simulator, list[int]], tmp_path: Path
) -> None:
    sim, clock = past
    _with_past(sim, clock, 600)
    done = _fetch(sim, tmp_path, "--symbol", "LTC", "--interval", "1h", "--from", _utc(0), "--to", _utc(540))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "candles" / "1h"
    assert sorted(file.name for file in folder.iterdir()) == [
        "gate_LTC_USDT_1h_202601.parquet",
        "gate_LTC_USDT_1h_202602.parquet",
    ]
    ((tape,), _) = open_tapes(folder)
    # The minutes begin at 20:40: the first whole hour asked for is 21:00.
    assert len(tape) == 9 and set(tape.interval_ms) == {3_600_000}


# --- record ---


def _record(sim_url: str, out: Path, log: Path, *, gap_ms: int = 30_000, symbols: str = "LTC,BTC") -> Started:
    return Started(
        *("record", "--symbol", symbols, "--out", str(out)),
        log=log,
        program=("-c", QUICK.format(gap_ms=gap_ms)),
        GATE_HOST=sim_url,
    )


def _played(folder: Path, market: Market = LTC) -> list[Decimal]:
    """The bids that a replay of the recording plays, each change once."""
    bids: list[Decimal] = []
    for quote in open_source(f"replay:{folder / 'quotes'}", markets=[market]).quotes():
        if not bids or bids[-1] != quote.bid:
            bids.append(quote.bid)
    return bids


def _show(sim: Simulator, folder: Path, prices: Sequence[Decimal]) -> None:
    """Each price once it is sure that the one before was heard (the disk shows it)."""
    for price in prices:
        sim.price("LTC_USDT", price, price + D("0.01"))
        _until(lambda price=price: _newest(folder) == price)


def _newest(folder: Path) -> Decimal | None:
    row: dict[str, Any] | None = None
    if (folder / "quotes").is_dir():
        try:
            row = DayFiles(folder / "quotes", QUOTES).newest("LTC_USDT")
        except FileNotFoundError:  # parts have just been put together
            return None
    return None if row is None else D(row["bid"])


def test_recorded_prices_are_played_again_and_a_cut_connection_loses_none(tmp_path: Path) -> None:
    wanted = [D(64) + D(n) / 10 for n in range(1, 7)]
    out = tmp_path / "out"
    with a_simulator() as sim, _record(sim.url, out, tmp_path / "log") as recording:
        _show(sim, out, wanted[:3])
        sim.drop_websockets()
        _show(sim, out, wanted[3:])
        assert recording.stop() == 0
    told = (tmp_path / "log").read_text("utf-8")
    assert "Recorded" in told and "2 markets" in told and "0 gaps" in told
    played = _played(out)
    assert played[-len(wanted) :] == wanted
    _no_half_file(out)
    # Stopped in order: the parts are in their days' files.
    assert not list(out.rglob("*.0*.parquet"))
    assert {file.name.split("_")[1] for file in (out / "quotes").iterdir()} == {"LTC", "BTC"}


def test_a_killed_recorder_loses_only_its_last_moments_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, second = [D("64.1"), D("64.2")], [D("65.1"), D("65.2")]
    with a_simulator() as sim:
        with _record(sim.url, out, tmp_path / "log") as recording:
            _show(sim, out, first)
            recording.kill()
        _no_half_file(out)
        assert _played(out)[-2:] == first
        with _record(sim.url, out, tmp_path / "log2") as recording:
            _show(sim, out, second)
            assert recording.stop() == 0
    played = _played(out)
    assert [bid for bid in played if bid in first + second] == first + second
    assert not list(out.rglob("*.tmp"))


def test_time_without_the_exchange_is_a_gap_that_is_told_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with a_simulator() as sim:
        port = int(sim.url.split(":")[2].split("/")[0])
        with _record(sim.url, out, tmp_path / "log", gap_ms=4_000, symbols="LTC") as recording:
            _show(sim, out, [D("64.1")])
            sim.stop()
            time.sleep(5)
            with a_simulator(port=port) as again:
                _show(again, out, [D("66.6")])
                assert recording.stop() == 0
    told = (tmp_path / "log").read_text("utf-8")
    assert "Gap: LTC_USDT prices" in told
    (head, row) = (out / "gaps.csv").read_text("utf-8").splitlines()
    assert head == "symbol,what,from,to" and row.startswith("LTC_USDT,prices,")
    quotes = list(open_source(f"replay:{out / 'quotes'}").quotes())
    longest = max(after.exchange_ms - before.exchange_ms for before, after in pairwise(quotes))
    assert longest >= 4_000


def test_two_recorders_do_not_share_a_folder_and_unknown_markets_are_refused(tmp_path: Path) -> None:
    with a_simulator() as sim:
        with _record(sim.url, tmp_path / "out", tmp_path / "log"):
            done = _fetch(sim, tmp_path / "out", "--symbol", "LTC", "--from", "2026-01-01")
            assert done.returncode == 1 and "Another record or fetch-candles" in done.stderr
        command = [sys.executable, DOOR, "record", "--symbol", "NOPE", "--out", str(tmp_path / "b")]
        refused = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=dict(_environment(sim.url), **_plain()),
        )
        assert refused.returncode == 2 and "NOPE_USDT" in refused.stderr


def _plain() -> dict[str, str]:
    return {"PYTHONUTF8": "1", "PATH": os.environ.get("PATH", "")}
