"""`replay --set` beside what the journal's orders did: the same time, each market's own ladder, the fees as booked."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.infrastructure.store.past import Past
from tests.journalled import BEGIN_MS, MINUTE_MS, candles, command, written

UNCHANGED = ("--set", "cooldown_s=0")
COINS = "ETH,LTC"
# From when on LTC has a ladder of its own.
SINCE = "2026-01-31T23:03"
OWN = {"drop_step_pct": "0.7", "steps": "6", "profit_pct": "0.5"}


def _cut(folder: Path, path: Path, begin: int, end: int) -> None:
    """Minutes of a candle file, as a file of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    (folder / path.name).write_text("\n".join([header, *rows[begin:end]]) + "\n", encoding="utf-8")


def _span(journal: Path) -> tuple[int, int]:
    with closing(Past(journal)) as past:
        return past.span()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A journal of two markets up to the middle of their candles, LTC with a ladder of its own."""
    folder = tmp_path_factory.mktemp("two")
    # A journal is named after its candles: the same name, so that the second run goes on in the first one's.
    whole, before, after = (folder / name / "candles" for name in ("whole", "before", "after"))
    whole.mkdir(parents=True)
    for coin, begin in (("ETH", "140"), ("LTC", "100")):
        path = candles(whole / f"{coin}_USDT_1m.csv", begin=begin)
        _cut(before, path, 0, 3)
        _cut(after, path, 3, 130)
    named = {"available_symbols": COINS, "active_symbols": COINS}
    journal = written(folder / "data", before, **named)
    # Who leaves it open keeps what is written next out of the file that is copied below.
    with closing(Past(journal)) as past:
        market = next(str(one) for one in past.markets() if one.base == "LTC")
    _change(
        journal,
        "INSERT INTO params (account, market, payload, given_by, time_ms) SELECT account, "
        f"'{market}', '{json.dumps(OWN)}', 'page', {BEGIN_MS + 3 * MINUTE_MS - 1} FROM params LIMIT 1",
    )
    return written(folder / "data", after, **named), whole


@pytest.fixture
def journal(two: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copy(two[0], tmp_path / "copy.sqlite3")
    return tmp_path / "copy.sqlite3"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """What a command prints with --json."""

    def run(*words: object) -> dict[str, Any]:
        capsys.readouterr()
        code = command(*words, "--seed", "3", "--json")
        out, err = capsys.readouterr()
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found

    return run


def _change(journal: Path, *statements: str) -> None:
    with closing(sqlite3.connect(journal)) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement


def test_both_sides_end_where_the_journal_does(
    two: tuple[Path, Path], told: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Candles went on for weeks, and so did the other ladder: it looked 246 better than itself."""
    words = ("replay", "--db", two[0], "--data", two[1], *UNCHANGED, "--from", SINCE, "--symbol", "LTC")
    found = told(*words)
    assert found["other"] == found["journal"] and found["journal"]["trades"] > 10
    assert found["from_ms"] == BEGIN_MS + 3 * MINUTE_MS
    # What it wrote last was inside a candle: both end before that one.
    last_ms = _span(two[0])[1]
    assert found["to_ms"] == last_ms // MINUTE_MS * MINUTE_MS < BEGIN_MS + 130 * MINUTE_MS
    assert max(trade["ts_ms"] for trade in found["trades"]) < found["to_ms"]
    earlier = told(*words, "--to", "2026-02-01T00:10:30")
    assert earlier["to_ms"] == BEGIN_MS + 70 * MINUTE_MS
    assert earlier["other"] == earlier["journal"] != found["journal"]
    assert command(*words, "--seed", "3") == 0
    assert "from 2026-01-31 23:03:00 until 2026-02-01 01:09:00 UTC" in capsys.readouterr().out


def test_both_sides_end_where_the_prices_do(
    two: tuple[Path, Path], tmp_path: Path, told: Callable[..., dict[str, Any]]
) -> None:
    _cut(tmp_path / "cut", two[1] / "LTC_USDT_1m.csv", 0, 70)
    found = told("replay", "--db", two[0], "--data", tmp_path / "cut", *UNCHANGED, "--from", SINCE)
    assert found["to_ms"] == BEGIN_MS + 70 * MINUTE_MS
    assert found["other"] == found["journal"] and found["symbols"] == ["LTC_USDT"]


def test_both_sides_begin_where_the_journal_does(
    two: tuple[Path, Path], tmp_path: Path, told: Callable[..., dict[str, Any]]
) -> None:
    """In the time before it nothing was traded."""
    header, *rows = (two[1] / "LTC_USDT_1m.csv").read_text(encoding="utf-8").splitlines()
    hour = [row.split(",", 1)[1] for row in rows[:60]]
    before = [f"{BEGIN_MS + (number - 60) * MINUTE_MS},{row}" for number, row in enumerate(hour)]
    longer = tmp_path / "LTC_USDT_1m.csv"
    longer.write_text("\n".join([header, *before, *rows]) + "\n", encoding="utf-8")
    found = told("replay", "--db", two[0], "--data", longer, *UNCHANGED)
    assert found["from_ms"] == BEGIN_MS == _span(two[0])[0]
    assert min(trade["ts_ms"] for trade in found["trades"]) >= BEGIN_MS


def test_every_market_goes_on_with_its_own_ladder(two: tuple[Path, Path], told: Callable[..., dict[str, Any]]) -> None:
    """New cycles of every coin were begun with the ladder of the first."""
    words = ("replay", "--db", two[0], "--data", two[1], "--from", SINCE)
    found = told(*words, *UNCHANGED)
    assert found["symbols"] == ["ETH_USDT", "LTC_USDT"]
    assert found["other"] == found["journal"] and found["journal"]["trades"] > 20
    # A change is made to each of them.
    changed = told(*words, "--set", "start_quote=25")["trades"]
    starts = [one for one in changed if one["step"] == 0]
    assert {one["symbol"] for one in starts} == {"ETH_USDT", "LTC_USDT"}
    assert all(20 < D(one["quote"]) <= 25 for one in starts)
    deepest = {
        one["symbol"]: max(row["step"] or 0 for row in changed if row["symbol"] == one["symbol"]) for one in starts
    }
    assert deepest["LTC_USDT"] > deepest["ETH_USDT"]


def test_parity_markets_with_their_own_ladders_share_one_balance_until_the_journal_ends(
    two: tuple[Path, Path], told: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the backtest traded behind the journal's end was told as an order that the engine missed."""
    words = ("parity", "--db", two[0], "--data", two[1], "--day", "2026-02-01")
    found = told(*words)
    assert found["differences"] == []
    assert found["same"] == found["orders"] == found["trades"] > 20
    assert found["to_ms"] == BEGIN_MS + 129 * MINUTE_MS
    assert command(*words, "--seed", "3") == 0
    assert "Compared until 2026-02-01 01:09:00 UTC" in capsys.readouterr().out


def test_a_fee_in_points_costs_what_was_booked(
    journal: Path, two: tuple[Path, Path], told: Callable[..., dict[str, Any]]
) -> None:
    """Each point, and each GT, was counted as one quote."""
    words = ("replay", "--db", journal, "--data", two[1], *UNCHANGED, "--from", SINCE)
    before = told(*words)["journal"]
    with closing(sqlite3.connect(journal)) as database:
        label, fee = database.execute(
            "SELECT client_id, fee FROM fills WHERE side = 'sell' AND fee_currency = 'USDT' ORDER BY id LIMIT 1"
        ).fetchone()
    assert D(fee) > 0
    _change(
        journal,
        f"UPDATE fills SET fee = '7', fee_currency = 'POINT' WHERE client_id = '{label}'",
        f"UPDATE cycle_events SET payload = json_set(payload, '$.fee_quote', '{fee}')"
        f" WHERE json_extract(payload, '$.client_id') = '{label}'",
    )
    assert told(*words)["journal"] == before
