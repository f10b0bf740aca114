"""The whole program on the exchange in a box, recorded by `record` beside it; its journal replayed and compared."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from autotrader_v2.simulator import Simulator
from tests.integration.simulated import a_simulator
from tests.journalled import command
from tests.processes import Serving, Started

PATIENCE_S = 120
QUICK = (
    "import sys; sys.path.insert(0, '.');"
    "from autotrader_v2.app import record_command as r; r._FLUSH_S = 0.3;"
    "from autotrader_v2.app.cli import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A journal with a start, a rebuy, a sale and the next start, and the days that it was written on."""
    folder = tmp_path_factory.mktemp("lived")
    days = [_today()]
    with a_simulator() as sim:
        _price(sim, "3100.02")
        environment = {"GATE_HOST": sim.url, "AVAILABLE_SYMBOLS": "ETH", "ACTIVE_SYMBOLS": "ETH"}
        recording = Started(
            *("record", "--symbol", "ETH", "--out", str(folder / "data" / "recorded")),
            log=folder / "record.log",
            program=("-c", QUICK),
            GATE_HOST=sim.url,
        )
        serving = Serving(
            *("--mode", "sandbox", "--data-dir", str(folder / "data")),
            log=folder / "serve.log",
            API_KEY="key",
            API_SECRET="secret",
            **environment,
        )
        # On a crowded machine either of the two may hear a price much later than the other.
        with recording:
            _recorded(folder, "3100.02")
            with serving:
                serving.until("a start", lambda: _step(serving) == 0)
                lower = f"{float(serving.cycle('ETH')['next_buy_price']) - 1:.2f}"
                _price(sim, lower)
                serving.until("a rebuy", lambda: _step(serving) == 1)
                # A rebuy waits for its pause: the recording must show that the price stood until then.
                _recorded(folder, lower, after_ms=_now_ms())
                higher = f"{float(serving.cycle('ETH')['take_profit_price']) + 1:.2f}"
                _price(sim, higher)
                serving.until("a sale and the next start", lambda: serving.cycle("ETH")["completed_cycles"] == 1)
                serving.until("the next start", lambda: _step(serving) == 0)
                # On one price the backtest sells, on another it starts: a crowded recorder may have heard one.
                for _ in range(2):
                    _recorded(folder, higher, after_ms=_now_ms())
                assert serving.stop() == 0
            assert recording.stop() == 0
    days.append(_today())
    (journal,) = (folder / "data").glob("*.sqlite3")
    yield journal, sorted(set(days))


def _recorded(folder: Path, bid: str, after_ms: int = 0) -> None:
    """Wait until that price of a time after that is in a file."""
    ends = time.monotonic() + PATIENCE_S
    while not any(
        Decimal(kept["bid"]) == Decimal(bid) and kept["exchange_ms"] > after_ms
        for file in (folder / "data" / "recorded" / "quotes").rglob("*.parquet")
        for kept in pq.read_table(file, columns=["bid", "exchange_ms"]).to_pylist()
    ):
        assert time.monotonic() < ends, f"{bid} was never recorded"
        time.sleep(0.1)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _price(sim: Simulator, bid: str) -> None:
    sim.price("ETH_USDT", bid, f"{float(bid) + 0.01:.2f}")


def _step(serving: Serving) -> Any:
    return serving.cycle("ETH")["active_step"]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command with --json; its exit code and what it printed."""

    def run(*words: object) -> tuple[int, Any]:
        capsys.readouterr()
        code = command(*words, "--json")
        out, err = capsys.readouterr()
        assert out, err
        return code, json.loads(out)

    return run


def test_decisions_of_a_real_run_are_taken_again_on_recorded_prices(
    lived: tuple[Path, list[str]], told: Callable[..., tuple[int, Any]]
) -> None:
    code, found = told("replay", "--db", lived[0])
    assert (code, found["differences"]) == (0, [])
    # The engine kept its own prices; what it did not keep the recording has.
    assert found["outcomes"]["same"] >= 4 and found["prices"].keys() <= {"journal", "recorded"}


def test_a_real_run_is_the_backtests_but_for_what_the_exchange_filled(
    lived: tuple[Path, list[str]], told: Callable[..., tuple[int, Any]]
) -> None:
    orders = 0
    for day in lived[1]:
        code, found = told("parity", "--db", lived[0], "--day", day, "--budget", "10000")
        orders += found["orders"]
        # Which orders are made is the same; what they fill is up to the exchange's book, and at a moment's price.
        assert code == 0 and found["orders"] == found["trades"]
        assert set(found["causes"]) <= {"fill", "follows"}
    assert orders == 4
