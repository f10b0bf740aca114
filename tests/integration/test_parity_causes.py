"""Which cause `parity` names when a journal's own tries failed, and how far from an order it looks for one."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.parity_causes import explained
from autotrader_v2.app.past_run import tapes_of
from autotrader_v2.app.past_state import PastMarket
from autotrader_v2.backtest.parity import Cause, Compared, Difference
from autotrader_v2.backtest.result import Trade
from autotrader_v2.infrastructure.store.past import Past
from tests.journalled import BEGIN_MS, MINUTE_MS, candles, command, written

DAY, DAY_END_MS = "2026-01-31", BEGIN_MS + 60 * MINUTE_MS
TOO_LATE = "decided_too_long_ago"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A journal and the candles it was written over."""
    folder = tmp_path_factory.mktemp("causes")
    recording = candles(folder / "LTC_USDT_1m.csv", minutes=60)
    return written(folder / "data", recording), recording


@pytest.fixture
def journal(played: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copy(played[0], tmp_path / "copy.sqlite3")
    return tmp_path / "copy.sqlite3"


@pytest.fixture
def compared(journal: Path, played: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """Run parity; its exit code and the first difference."""

    def run() -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        words = ("parity", "--db", journal, "--day", DAY, "--data", played[1], "--seed", "3", "--json")
        code = command(*words)
        out, err = capsys.readouterr()
        assert out, err
        return code, json.loads(out)["differences"][0]

    return run


class Step:
    """The journal's first buy of a step."""

    def __init__(self, journal: Path, number: int) -> None:
        self._journal = journal
        with closing(sqlite3.connect(journal)) as database:
            database.row_factory = sqlite3.Row
            asked = "SELECT * FROM attempts WHERE step = ? ORDER BY seq LIMIT 1"
            self.row = dict(database.execute(asked, (number,)).fetchone())
        self.label, self.decided_ms = str(self.row["client_id"]), int(self.row["decided_ms"])

    def change(self, *statements: str) -> None:
        with closing(sqlite3.connect(self._journal)) as database, database:
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement

    def later(self, by_ms: int) -> None:
        """Let it be made and filled so much later."""
        self._undecided()
        self.change(
            f"UPDATE fills SET time_ms = time_ms + {by_ms} WHERE client_id = '{self.label}'",
            f"UPDATE attempts SET decided_ms = decided_ms + {by_ms} WHERE client_id = '{self.label}'",
        )

    def missing(self) -> None:
        """Let it never have been made."""
        self._undecided()
        self.change(
            f"DELETE FROM fills WHERE client_id = '{self.label}'",
            f"DELETE FROM attempts WHERE client_id = '{self.label}'",
        )

    def _undecided(self) -> None:
        self.change(
            "DELETE FROM decisions WHERE kind = 'buy'"
            f" AND time_ms BETWEEN {self.decided_ms} AND {self.decided_ms + 5_000}"
        )

    def tried(self, after_ms: int, *, step: int | None = None) -> None:
        """Let an attempt at it (or at another step) have been given up so long behind it."""
        row = {name: value for name, value in self.row.items() if name != "seq"}
        row |= {
            "client_id": f"{self.label}-{after_ms}",
            "attempt": 100 + after_ms // 1000,
            "state": "not_sent",
            "label": TOO_LATE,
            "decided_ms": self.decided_ms + after_ms,
            "step": row["step"] if step is None else step,
        }
        with closing(sqlite3.connect(self._journal)) as database, database:
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO attempts ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    def decided(self, after_ms: int, kind: str, reason: str, payload: str = "{}") -> None:
        """Let that have been decided so long behind it."""
        at_ms = self.decided_ms + after_ms
        self.change(
            f"UPDATE decisions SET id = id + 1000000 WHERE time_ms > {at_ms}",
            "INSERT INTO decisions (id, account, market, book, kind, reason, payload, time_ms) SELECT"
            f" max(id) + 1, account, market, book, '{kind}', '{reason}', '{payload}', {at_ms}"
            f" FROM decisions WHERE time_ms <= {at_ms}",
        )


@pytest.mark.parametrize("shift_ms", [20 * MINUTE_MS, 40_000])
def test_the_cause_of_an_order_that_came_late_is_its_own_failed_sends(
    shift_ms: int, journal: Path, compared: Callable[[], tuple[int, dict[str, Any]]]
) -> None:
    """They were looked for within a minute of the backtest's guess only, and a late fill was "filled otherwise"."""
    step = Step(journal, 2)
    step.later(shift_ms)
    step.change(f"UPDATE fills SET quote = '19.5' WHERE client_id = '{step.label}'")
    for number in range(1, 7):
        step.tried(shift_ms * number // 8 // 1000 * 1000)
    code, first = compared()
    assert code == 0 and first["cause"] == "fault" and first["client_id"] == step.label
    assert "6 times" in first["detail"] and f"6 x not_sent {TOO_LATE}" in first["detail"]


def test_a_send_given_up_before_it_was_journalled_is_a_failed_one(
    journal: Path, compared: Callable[[], tuple[int, dict[str, Any]]]
) -> None:
    step = Step(journal, 2)
    step.later(20 * MINUTE_MS)
    step.decided(10 * MINUTE_MS, "buy", "rebuy", '{"step": "2"}')
    code, first = compared()
    assert code == 0 and first["cause"] == "fault" and "given up before it was sent" in first["detail"]


def test_failed_sends_of_another_step_are_no_cause(
    journal: Path, compared: Callable[[], tuple[int, dict[str, Any]]]
) -> None:
    step = Step(journal, 2)
    step.later(20 * MINUTE_MS)
    step.tried(2 * MINUTE_MS, step=3)
    step.tried(8 * MINUTE_MS, step=3)
    step.decided(9 * MINUTE_MS, "buy", "rebuy", '{"step": "3"}')
    code, first = compared()
    assert code == 1 and first["cause"] == "moment"


def test_a_few_minutes_are_another_moment_where_candles_are_of_one(
    journal: Path, compared: Callable[[], tuple[int, dict[str, Any]]]
) -> None:
    step = Step(journal, 2)
    step.later(5 * MINUTE_MS)
    code, first = compared()
    assert code == 1 and first["cause"] == "moment" and first["client_id"] == step.label


def test_what_held_some_minutes_before_is_no_cause(
    journal: Path, compared: Callable[[], tuple[int, dict[str, Any]]]
) -> None:
    """A wide spread behind the buy before, over long since; and a try at that buy."""
    step, before = Step(journal, 2), Step(journal, 1)
    assert 2 * MINUTE_MS < step.decided_ms - before.decided_ms < 10 * MINUTE_MS
    step.missing()
    before.tried(-1000)
    step.change(
        "UPDATE decisions SET reason = 'spread_too_wide' WHERE id = (SELECT min(id) FROM decisions"
        f" WHERE reason = 'waits_for_new_quote' AND time_ms >= {before.decided_ms})"
    )
    _, first = compared()
    assert first["cause"] == "price" and first["backtest"]["step"] == 2


@pytest.mark.parametrize(("candle_ms", "cause"), [(300_000, Cause.SPREAD), (60_000, Cause.PRICE)])
def test_a_hold_as_far_off_as_a_candle_is_long_is_a_cause(
    candle_ms: int, cause: Cause, journal: Path, played: tuple[Path, Path]
) -> None:
    """The backtest guesses when inside its candle a price was there."""
    step = Step(journal, 2)
    step.missing()
    step.decided(4 * MINUTE_MS, "hold", "spread_too_wide")
    past = Past(journal)
    (one,) = (PastMarket(past, market, past.wishes(DAY_END_MS)) for market in past.markets())
    trade = Trade(
        ts_ms=step.decided_ms + 1000,
        symbol=one.market.pair,
        side="buy",
        step=2,
        base=1,
        quote=20,
        fee=0,
        fee_currency="LTC",
        cycle_id=step.row["cycle_id"],
    )
    outcome = Compared(same=0, differences=(Difference(symbol=one.market.pair, order=None, trade=trade),))
    tape = tapes_of([one], played[1], Path(), BEGIN_MS, DAY_END_MS, 3).tapes[0]
    (found,) = explained(outcome, one, [], tape, BEGIN_MS, candle_ms, candles=True)
    past.close()
    assert found.cause is cause
