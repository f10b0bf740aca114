"""`replay` and `parity` on a journal that the whole program wrote: the same decisions again, the same orders again."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.backtest_data import open_tapes
from autotrader_v2.app.parity_causes import _unseen
from autotrader_v2.app.recordings import quote_files
from autotrader_v2.application.events import Booked, News
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.feeds.sources import open_source
from autotrader_v2.infrastructure.store.past import Past
from tests.engine import PATIENCE_S
from tests.journalled import BEGIN_MS, MINUTE_MS, candles, command, written
from tests.processes import DOOR

DAYS = ("2026-01-31", "2026-02-01")
SEED = ("--seed", "3")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A journal and the candles it was written over."""
    folder = tmp_path_factory.mktemp("played")
    recording = candles(folder / "LTC_USDT_1m.csv")
    return written(folder / "data", recording), recording


@pytest.fixture
def journal(played: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copy(played[0], tmp_path / "copy.sqlite3")
    return tmp_path / "copy.sqlite3"


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


def _change(journal: Path, *statements: str) -> None:
    with closing(sqlite3.connect(journal)) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement


def _undecided(label: str) -> str:
    """What takes a buy's decision away: without its order that would tell of a send given up."""
    asked = f"SELECT decided_ms FROM attempts WHERE client_id = '{label}'"
    return f"DELETE FROM decisions WHERE kind = 'buy' AND time_ms = ({asked})"


def _never_made(journal: Path, label: str) -> None:
    """Let nothing have become of a buy."""
    _change(
        journal,
        _undecided(label),
        f"DELETE FROM fills WHERE client_id = '{label}'",
        f"DELETE FROM attempts WHERE client_id = '{label}'",
    )


def _label(journal: Path, where: str) -> str:
    with closing(sqlite3.connect(journal)) as database:
        (label,) = database.execute(f"SELECT client_id FROM attempts WHERE {where} ORDER BY seq LIMIT 1").fetchone()
    return str(label)


# --- replay ---


def test_every_decision_is_taken_again_from_the_journal_alone(
    played: tuple[Path, Path], told: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told("replay", "--db", played[0])
    assert (code, found["differences"]) == (0, [])
    with closing(sqlite3.connect(played[0])) as database:
        (orders,) = database.execute("SELECT count(*) FROM attempts").fetchone()
    assert orders > 20
    # What is not the same follows from the outside of its moment: an order in flight, a price not yet newer.
    assert found["outcomes"]["same"] > orders and set(found["outcomes"]) == {"same", "outside"}
    assert command("replay", "--db", played[0]) == 0
    assert "decisions in the whole journal:" in capsys.readouterr().out
    half = told("replay", "--db", played[0], "--from", "2026-02-01", "--symbol", "ltc")[1]
    assert 0 < half["decisions"] < found["decisions"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("amount = '15'", "amount=14"),
        ("worst_price = '1'", "worst="),
        ("seen_price = '100.5'", "hold between_steps"),
        ("step = 7", "buy rebuy 1"),
    ],
)
def test_a_decision_that_the_rules_do_not_take_is_listed(
    what: str, says: str, journal: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    label = _label(journal, "step = 1")
    _change(journal, f"UPDATE attempts SET {what} WHERE client_id = '{label}'")
    code, found = told("replay", "--db", journal)
    assert code == 1
    (row,) = found["differences"]
    assert row["client_id"] == label and says in row["again"]


def test_a_hold_with_another_threshold_is_listed(journal: Path, told: Callable[..., tuple[int, Any]]) -> None:
    _change(
        journal,
        "UPDATE decisions SET payload = json_set(payload, '$.next_buy', '1') WHERE id = "
        "(SELECT id FROM decisions WHERE reason = 'between_steps' LIMIT 1)",
    )
    code, found = told("replay", "--db", journal)
    assert code == 1 and len(found["differences"]) == 1
    assert "next_buy=1 " in found["differences"][0]["journal"]


def test_any_minute_shows_what_was_seen_decided_and_why(
    played: tuple[Path, Path], told: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, (one,) = told("replay", "--db", played[0], "--at", "2026-02-01T00:20")
    assert code == 0 and one["mode"] == "on" and one["pause"] is None
    cycle = one["cycle"]
    assert cycle["step"] >= 1 and D(cycle["next_buy"]) < D(cycle["breakeven"]) < D(cycle["take_profit"])
    assert one["decided"]["what"].startswith("hold between_steps")
    assert one["again"] == one["decided"]["what"] and one["saw"]["source"] == "journal"
    before = told("replay", "--db", played[0], "--at", "2026-01-31T22:00")[1][0]
    assert (before["cycle"], before["decided"], before["realised"]) == (None, None, "0")
    assert command("replay", "--db", played[0], "--at", "2026-02-01T00:20") == 0
    text = capsys.readouterr().out
    assert "cycle" in text and "decided at" in text and cycle["take_profit"] in text


def test_a_hold_by_a_limit_is_not_told_as_a_buy_now(
    journal: Path, told: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Once "decided: hold outside_band" stood above "decides now: buy start 0": the limits are not of the rules."""
    _change(
        journal,
        "UPDATE decisions SET kind = 'hold', reason = 'outside_band', payload = json_set(payload, '$.median', '90',"
        " '$._saw.confirmed_ms', time_ms) WHERE id = (SELECT min(id) FROM decisions)",
        "DELETE FROM decisions WHERE id > (SELECT min(id) FROM decisions)",
        "UPDATE cycle_events SET time_ms = time_ms + 2000",
        "UPDATE attempts SET decided_ms = decided_ms + 2000",
    )
    words = ("replay", "--db", journal, "--at", "2026-01-31T23:00")
    (one,) = told(*words)[1]
    assert one["decided"]["what"].startswith("hold outside_band") and one["again"] is None
    assert one["held_back_by"] == "outside_band" and one["rules_alone"].startswith("buy start 0")
    assert command(*words) == 0
    text = capsys.readouterr().out
    assert "held back by outside_band then" in text and "decides now" not in text


def test_the_money_of_any_moment_is_known_from_the_journal(played: tuple[Path, Path]) -> None:
    """From the reading before, or where there is none from the first after, and own fills in between."""
    with closing(Past(played[0])) as past:
        for minute in range(0, 240, 7):
            at_ms = BEGIN_MS + minute * MINUTE_MS - 1
            known = past.money_at("USDT", at_ms)
            assert known is not None
            assert known.amount == 1000 + past.moved(at_ms + 1).get("USDT", D(0)), minute
            assert known.read_ms <= max(at_ms, BEGIN_MS + 10 * MINUTE_MS)


def test_a_run_begins_with_the_money_of_its_moment(
    played: tuple[Path, Path], journal: Path, told: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("parity", "--day", DAYS[1], "--data", played[1], *SEED, "--db")
    code, found = told(*words, played[0])
    assert code == 0 and found["money"]["read_ms"] is not None
    began_ms = 1_769_904_000_000
    with closing(Past(played[0])) as past:
        assert D(found["money"]["free"]) == 1000 + past.moved(began_ms)["USDT"]
    assert told(*words, played[0], "--budget", "700")[1]["money"] == {"free": "700", "read_ms": None}
    _change(journal, "DELETE FROM equity")
    capsys.readouterr()
    assert command(*words, journal) == 2
    assert "--budget" in capsys.readouterr().err


def test_the_seed_that_was_not_said_is_that_of_the_settings_and_is_told(
    played: tuple[Path, Path],
    told: Callable[..., tuple[int, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was 0 where `serve` played with 1: another way of the prices, and not a word."""
    words = ("--db", played[0], "--data", played[1])
    assert told("parity", "--day", DAYS[0], *words)[1]["seed"] == 1
    monkeypatch.setenv("SEED", "3")
    found = told("parity", "--day", DAYS[0], *words)[1]
    assert found["seed"] == 3 and found["differences"] == []
    assert told("parity", "--day", DAYS[0], *words, "--seed", "9")[1]["seed"] == 9
    assert told("replay", *words, "--set", "profit_pct=0.8")[1]["seed"] == 3
    assert command("parity", "--day", DAYS[0], *words) == 0
    assert "seed 3" in capsys.readouterr().out


def test_what_another_ladder_would_have_done_from_there(
    played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    common = ("replay", "--db", played[0], "--data", played[1], *SEED, "--from", "2026-02-01T00:20")
    code, same = told(*common, "--set", "profit_pct=0.8")
    # The ladder it had, from the middle of a cycle on: what it did, to the last unit.
    assert code == 0 and same["other"] == same["journal"] and same["journal"]["trades"] > 10
    other = told(*common, "--set", "drop_step_pct=1")[1]
    assert other["journal"] == same["journal"] and other["other"]["trades"] > same["journal"]["trades"]
    assert [one["side"] for one in other["trades"]].count("buy") > 0


def test_recorded_prices_are_what_a_decision_is_taken_on_again(
    played: tuple[Path, Path], tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    recorded = _recorded(tmp_path / "recorded", played[1])
    code, found = told("replay", "--db", played[0], "--recorded", recorded)
    assert (code, found["differences"]) == (0, [])
    assert found["prices"]["recorded"] > found["prices"].get("order", 0)
    (one,) = told("replay", "--db", played[0], "--recorded", recorded, "--at", "2026-02-01T00:20:01")[1]
    assert one["saw"]["source"] == "recorded" and one["saw"]["age_ms"] <= 5_000
    for day in DAYS:
        code, compared = told("parity", "--db", played[0], "--day", day, "--recorded", recorded)
        assert code == 0 and compared["prices"] == "recorded"
        assert compared["same"] == compared["orders"] == compared["trades"] > 0


def test_a_recording_that_heard_a_price_after_the_engine_did_still_tells_it(
    journal: Path, played: tuple[Path, Path], tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    _change(journal, "DELETE FROM decisions WHERE kind IN ('buy', 'sell')")
    recorded = _recorded(tmp_path / "recorded", played[1], late_ms=4_000)
    code, found = told("replay", "--db", journal, "--recorded", recorded)
    assert (code, found["differences"]) == (0, [])
    assert "order" not in found["prices"] and found["prices"]["recorded"] > 20


def _recorded(folder: Path, recording: Path, late_ms: int = 0) -> Path:
    """What `record` would have kept of these prices: here every one of them, heard that late."""
    files = quote_files(folder)
    files.begin()
    rows = [
        (
            quote.exchange_ms,
            quote.confirmed_ms + late_ms,
            plain(quote.bid),
            plain(quote.ask),
            plain(quote.last),
            None if quote.bid_size is None else plain(quote.bid_size),
            None if quote.ask_size is None else plain(quote.ask_size),
        )
        for quote in open_source(f"replay:{recording}", seed=3).quotes()
    ]
    files.add("LTC_USDT", rows)
    return folder


def test_what_cannot_be_replayed_is_told(tmp_path: Path, played: tuple[Path, Path], capsys: Any) -> None:
    (tmp_path / "text.sqlite3").write_text("no database")
    with closing(sqlite3.connect(tmp_path / "foreign.sqlite3")) as foreign:
        foreign.execute("CREATE TABLE meta (name TEXT, value TEXT)")
        foreign.commit()
    for words, says in (
        (("--db", str(tmp_path / "nowhere")), "no journal"),
        (("--db", str(tmp_path / "text.sqlite3")), "cannot be read"),
        (("--db", str(tmp_path / "foreign.sqlite3")), "no journal of mTrade"),
        (("--db", str(played[0]), "--symbol", "BTC"), "not BTC"),
        (("--db", str(played[0]), "--from", "2026-02-02", "--to", "2026-02-01"), "--to"),
        (("--db", str(played[0]), "--set", "steps=2"), "no prices of that time"),
        (("--db", str(played[0]), "--set", "steps=many", "--data", str(played[1])), "steps"),
        # Without --set these changed nothing, and nobody said so.
        (("--db", str(played[0]), "--budget", "100"), "--budget"),
        (("--db", str(played[0]), "--data", str(played[1])), "--data"),
    ):
        assert command("replay", *words) == 2, words
        assert says in capsys.readouterr().err, words
    assert command("parity", "--db", played[0], "--day", "2026-02-01T05:00") == 2
    assert command("parity", "--db", played[0], "--day", "2025-02-01", "--data", played[1]) == 2


def test_replaying_changes_nothing_of_the_journal(journal: Path) -> None:
    before = journal.read_bytes()
    assert command("replay", "--db", str(journal)) == 0
    assert journal.read_bytes() == before


# --- parity ---


@pytest.mark.parametrize("day", DAYS)
def test_a_day_of_the_engine_is_the_backtests_day_to_the_last_unit(
    day: str, played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    """The second day begins in the middle of a cycle."""
    code, found = told("parity", "--db", played[0], "--day", day, "--data", played[1], *SEED)
    assert code == 0 and found["differences"] == []
    assert found["same"] == found["orders"] == found["trades"] >= 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_compiled_machine_has_the_same_day_where_it_can_begin(
    played: tuple[Path, Path], told: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("numba")
    common = ("parity", "--db", str(played[0]), "--data", str(played[1]), *SEED, "--engine", "compiled")
    code, found = told(*common, "--day", DAYS[0])
    assert code == 0 and found["same"] == found["orders"] == found["trades"] >= 10
    assert command(*common, "--day", DAYS[1]) == 2
    refused = capsys.readouterr().err
    assert "begins with coins" in refused and refused.count("use --engine exact") == 1
    assert command("parity", "--db", played[0], "--day", DAYS[0], "--engine", "guess") == 2


def test_parity_a_fault_is_named(
    journal: Path, played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    label = _label(journal, "step = 3")
    _change(
        journal,
        f"DELETE FROM fills WHERE client_id = '{label}'",
        f"UPDATE attempts SET state = 'refused', label = 'SERVER_ERROR' WHERE client_id = '{label}'",
    )
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)
    (row,) = found["differences"]
    assert code == 0 and row["cause"] == "fault" and "SERVER_ERROR" in row["detail"]
    assert row["journal"] is None and row["backtest"]["step"] == 3


@pytest.mark.parametrize(("reason", "cause"), [("spread_too_wide", "spread"), ("needs_money", "balance")])
def test_parity_a_hold_beside_it_is_the_cause(
    reason: str, cause: str, journal: Path, played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    label = _label(journal, "step = 3")
    _change(
        journal,
        "INSERT INTO decisions (account, market, book, kind, reason, payload, time_ms) SELECT account, market, book,"
        f" 'hold', '{reason}', '{{}}', decided_ms + 1 FROM attempts WHERE client_id = '{label}'",
    )
    _never_made(journal, label)
    (row,) = told("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)[1]["differences"]
    assert row["cause"] == cause and reason in row["detail"]


def test_parity_another_amount_is_a_fill(
    journal: Path, played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    label = _label(journal, "step = 1")
    _change(journal, f"UPDATE fills SET quote = '13.99' WHERE client_id = '{label}'")
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)
    (row,) = found["differences"]
    assert code == 0 and row["cause"] == "fill" and row["client_id"] == label
    assert row["journal"]["quote"] == "13.99" != row["backtest"]["quote"]


def _an_hour_later(journal: Path) -> int:
    """Let the journal's first order be of an hour later and filled otherwise; returns when it was made."""
    label = _label(journal, "step = 0")
    with closing(sqlite3.connect(journal)) as database:
        (made_ms,) = database.execute("SELECT max(time_ms) FROM fills WHERE client_id = ?", (label,)).fetchone()
    _change(
        journal,
        _undecided(label),
        f"UPDATE fills SET time_ms = time_ms + 3480000, quote = '9.9' WHERE client_id = '{label}'",
        f"UPDATE attempts SET decided_ms = decided_ms + 3480000 WHERE client_id = '{label}'",
    )
    return int(made_ms)


def test_parity_an_order_of_another_moment_is_not_another_fill(
    journal: Path,
    played: tuple[Path, Path],
    told: Callable[..., tuple[int, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once "the same decision, filled otherwise", exit code 0, with the backtest's own time nowhere to be seen."""
    made_ms = _an_hour_later(journal)
    words = ("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)
    code, found = told(*words)
    first = found["differences"][0]
    assert code == 1 and first["cause"] == "moment" and "58 min 0 s earlier" in first["detail"]
    assert first["journal"]["time_ms"] == made_ms + 3_480_000
    assert first["backtest"]["time_ms"] == first["time_ms"] == made_ms
    assert command(*words) == 1
    text = capsys.readouterr().out
    assert "at another moment" in text and "backtest: 2026-01-31 23:00" in text


def test_parity_a_limit_that_held_an_order_back_until_another_moment_is_the_cause(
    journal: Path, played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    made_ms = _an_hour_later(journal)
    _change(
        journal,
        "INSERT INTO decisions (account, market, book, kind, reason, payload, time_ms) SELECT account, market, book,"
        f" 'hold', 'outside_band', '{{}}', {made_ms} FROM decisions LIMIT 1",
    )
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)
    first = found["differences"][0]
    assert code == 0 and first["cause"] == "limit" and "outside_band" in first["detail"]


def test_parity_an_order_of_the_journal_only_at_a_price_that_was_played_has_no_cause(
    journal: Path, played: tuple[Path, Path], tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    """Once it counted as "the price was not seen", though the prices played reach it."""
    recorded = _recorded(tmp_path / "recorded", played[1])
    label = _label(journal, "step = 2")
    _change(journal, f"UPDATE attempts SET step = 9 WHERE client_id = '{label}'")
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--recorded", recorded)
    first = found["differences"][0]
    assert code == 1 and (first["cause"], first["client_id"]) == ("unexplained", label)
    assert "the prices played reach" in first["detail"]


def test_parity_an_order_that_is_missing_without_a_cause_is_told_as_such(
    journal: Path, played: tuple[Path, Path], tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    recorded = _recorded(tmp_path / "recorded", played[1])
    label = _label(journal, "step = 2")
    _never_made(journal, label)
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--recorded", recorded)
    assert code == 1 and found["causes"] == {"unexplained": 1}
    # Where only candles are known the way of the price inside them is.
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--data", played[1], *SEED)
    assert code == 0 and found["causes"] == {"price": 1}


def test_parity_a_price_that_was_not_played_is_the_cause_and_what_follows_says_so(
    journal: Path, tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    other = candles(tmp_path / "LTC_USDT_1m.csv", begin="140")
    code, found = told("parity", "--db", journal, "--day", DAYS[0], "--data", other, *SEED)
    causes = [one["cause"] for one in found["differences"]]
    assert code == 0 and causes[0] in ("price", "fill") and set(causes[1:]) <= {"follows", "price"}


def test_parity_a_persons_hand_is_the_cause(tmp_path: Path, told: Callable[..., tuple[int, Any]]) -> None:
    recording = candles(tmp_path / "LTC_USDT_1m.csv")
    switched = threading.Event()

    def watch(trader: AutoTraderV2) -> None:
        def hear(news: News) -> None:
            if isinstance(news, Booked) and news.step == 1 and not switched.is_set():
                switched.set()
                trader.switch("LTC", SwitchMode.SELL_ONLY, "page")

        trader.floor.bus.listen(hear)

    journal = written(tmp_path / "data", recording, meanwhile=watch)
    assert switched.is_set()
    causes: set[str] = set()
    for day in DAYS:
        code, found = told("parity", "--db", journal, "--day", day, "--data", recording, *SEED)
        assert code == 0
        causes |= {one["cause"] for one in found["differences"]}
        assert found["orders"] < found["trades"]
    assert causes == {"person"}


def test_parity_less_money_than_the_backtest_is_told_as_balance(
    tmp_path: Path, told: Callable[..., tuple[int, Any]]
) -> None:
    recording = candles(tmp_path / "LTC_USDT_1m.csv")
    journal = written(tmp_path / "data", recording, balance="40")
    words = ("parity", "--db", journal, "--day", DAYS[0], "--data", recording, *SEED)
    code, found = told(*words, "--budget", "1000")
    assert code == 0 and found["differences"][0]["cause"] == "balance"
    # A decision for want of money tells what there was, so it is taken again as well.
    code, again = told("replay", "--db", journal)
    assert (code, again["differences"]) == (0, [])
    same = told(*words)[1]
    assert same["money"]["free"] == "40"
    assert same["differences"] == []


def test_parity_a_backtest_with_too_little_money_is_told_as_balance(
    played: tuple[Path, Path], told: Callable[..., tuple[int, Any]]
) -> None:
    """It was the way of the price inside a candle, or a price that was not played."""
    words = ("parity", "--db", played[0], "--day", DAYS[0], "--data", played[1], *SEED, "--budget", "1")
    code, found = told(*words)
    assert (code, found["trades"]) == (0, 0) and found["orders"]
    assert found["differences"][0]["cause"] == "balance"


def test_parity_a_buy_at_the_ask_of_a_played_price_is_not_a_price_that_was_not_played(tmp_path: Path) -> None:
    """A spread of several ticks lies between the price of a candle and the ask that a buy is decided on."""
    ((tape,), _) = open_tapes(candles(tmp_path / "BTC_USDT_1m.csv", begin="30000"))
    highest = max(range(len(tape)), key=tape.high.__getitem__)
    at_ms = tape.open_ms[highest]
    quote = tape.quote(tape.high[highest], at_ms)
    assert quote.ask > (tape.high[highest] + 1) * tape.tick
    assert not _unseen(quote.ask, tape, at_ms)
    assert _unseen(quote.ask + tape.tick, tape, at_ms)


def test_a_journal_is_read_while_the_engine_writes_into_it(tmp_path: Path) -> None:
    recording = candles(tmp_path / "LTC_USDT_1m.csv", minutes=60)
    bought = threading.Event()

    def watch(trader: AutoTraderV2) -> None:
        def hear(news: News) -> None:
            if isinstance(news, Booked) and news.step == 1:
                bought.set()

        trader.floor.bus.listen(hear)

    def read() -> "subprocess.CompletedProcess[str]":
        assert bought.wait(PATIENCE_S)
        (path,) = (tmp_path / "data").glob("*.sqlite3")
        words = [sys.executable, DOOR, "replay", "--db", str(path), "--json"]
        return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        # The engine does not end before it was read, however long a crowded machine takes for that.
        written(tmp_path / "data", recording, meanwhile=watch, before_the_end=lambda: wait([reading]))
    one = reading.result()
    assert one.returncode == 0, one.stdout + one.stderr
    assert json.loads(one.stdout)["differences"] == []
