"""The command's answers: figures, and what it says of data and ladders it cannot use."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from autotrader_v2.app.backtest_command import run_backtest

_ROOT = Path(__file__).resolve().parents[2]


def _run(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(_ROOT / "mTrade.py"), "backtest", *words]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False, env=os.environ | settings
    )


def _candles(folder: Path, count: int = 120, coin: str = "LTC", price: str = "100") -> Path:
    """Falls 3 % in the first half and comes back in the second; ten minutes are missing in the middle."""
    rows = ["timestamp_ms,open,high,low,close"]
    begin_ms, worth = 1_640_995_200_000, Decimal(price)
    for number in range(count):
        following = worth + (Decimal("-0.05") if number < count // 2 else Decimal("0.06")) * Decimal(price) / 100
        at_ms = begin_ms + 60_000 * (number + (10 if number >= count // 2 else 0))
        rows.append(f"{at_ms},{worth},{max(worth, following)},{min(worth, following)},{following}")
        worth = following
    path = folder / f"{coin}_USDT_1m.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_json_holds_figures_trades_and_gaps(tmp_path: Path) -> None:
    done = _run("--data", str(_candles(tmp_path)), "--set", "drop_step_pct=1", "--budget", "500", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["candles"] == 120
    assert told["ladder"]["drop_step_pct"] == "1" and told["ladder"]["steps"] == 8 and told["seed"] == 0
    assert told["data"] == {"LTC_USDT": [str(tmp_path / "LTC_USDT_1m.csv")]}
    assert [(one["side"], one["step"]) for one in told["trades"]][:3] == [("buy", 0), ("buy", 1), ("buy", 2)]
    assert told["trades"][0].keys() == {
        *("ts_ms", "symbol", "side", "step", "price", "base", "quote", "fee", "fee_currency", "cycle_id")
    }
    assert any(one["side"] == "sell" for one in told["trades"])
    assert all(isinstance(told["trades"][0][name], str) for name in ("price", "base", "quote", "fee"))
    assert told["gaps"] == {"LTC_USDT": [{"from_ms": 1_640_998_800_000, "to_ms": 1_640_999_400_000}]}
    assert told["metrics"]["cycles_closed"] >= 1 and Decimal(told["metrics"]["realised"]) > 0


def test_table_and_a_part_of_the_time(tmp_path: Path) -> None:
    done = _run("--data", str(_candles(tmp_path)), "--from", "2022-01-01T00:10", "--to", "2022-01-01T00:20")
    assert done.returncode == 0, done.stderr
    assert "Worst drawdown" in done.stdout and "10 candles" in done.stdout


def test_it_begins_with_the_ladder_of_a_first_start(tmp_path: Path) -> None:
    """By the setting LADDER, or as `--ladder` says; `--set` changes that one."""
    data = ("--data", str(_candles(tmp_path)), "--json")

    def trades(*words: str, **settings: str) -> list[dict[str, str]]:
        done = _run(*data, *words, **settings)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout)["trades"])

    careful = trades(LADDER="careful")
    assert careful == trades("--ladder", "careful", LADDER="basic") == trades("--set", "steps=12", LADDER="balanced")
    basic = trades(LADDER="basic")
    assert basic == trades("--ladder", "basic", LADDER="careful")
    assert len(careful) == 1 < len(basic)
    refused = _run(*data, "--ladder", "brave")
    assert refused.returncode == 2 and "--ladder" in refused.stderr and "balanced" in refused.stderr


def test_refusals_are_sentences_with_exit_code_2(tmp_path: Path) -> None:
    path = str(_candles(tmp_path))
    for words, told in (
        (("--data", str(tmp_path / "nowhere.csv")), "no file or folder"),
        (("--data", path, "--symbol", "ETH"), "only of LTC_USDT"),
        (("--data", path, "--symbol", ""), "--symbol"),
        (("--data", path, "--symbol", "LTC,ETH"), "no candles of ETH, only of LTC_USDT"),
        (("--data", path, "--budget", "1e30"), "beyond any account; use --engine exact"),
        (("--data", path, "--set", "steps=many"), "steps"),
        (("--data", path, "--from", "yesterday"), "yesterday"),
        (("--data", path, "--from", "2030-01-01"), "its candles are of 2022-01-01 00:00:00 to 2022-01-01 02:10:00 UTC"),
        (("--data", path, "--budget", "0"), "--budget"),
        (("--data", path, "--engine", "guess"), "--engine"),
    ):
        done = _run(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert told in done.stderr and "Traceback" not in done.stderr, (words, done.stderr)


def test_ctrl_c_says_that_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended without a word."""
    from autotrader_v2.app import backtest_command, cli

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backtest_command, "open_tapes", interrupted)
    assert cli.main(["backtest", "--data", str(_candles(tmp_path))]) == 130
    assert "Stopped before its end" in capsys.readouterr().err


def test_several_markets_by_comma_share_the_balance_as_a_folder_of_them_does(tmp_path: Path) -> None:
    _candles(tmp_path)
    path = _candles(tmp_path, coin="ETH")
    path.with_name("XRP_USDT_1m.csv").write_text(path.read_text("utf-8"), encoding="utf-8")
    words = ("--data", str(tmp_path), "--json", "--set", "drop_step_pct=1", "--engine", "exact")
    done = _run(*words, "--symbol", "ltc,ETH/USDT")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {one["symbol"] for one in told["trades"]} == set(told["data"]) == {"LTC_USDT", "ETH_USDT"}
    repeated = json.loads(_run(*words, "--symbol", "LTC", "--symbol", "ETHUSDT").stdout)
    (tmp_path / "XRP_USDT_1m.csv").unlink()
    assert json.loads(_run(*words).stdout)["metrics"] == told["metrics"] == repeated["metrics"]


@pytest.mark.parametrize(
    ("changes", "budget", "reason", "words"),
    [
        ({"start_quote": "100000"}, "100000000", "bad_ladder", "does not work in this market (size_multiplier: step 3"),
        ({"max_spread_pct": "0.001"}, "1000", "spread_too_wide", "spread was above max_spread_pct"),
        ({"start_quote": "50"}, "40", "needs_money", "budget did not pay"),
        ({"start_limit": "0.001"}, "1000", "above_start_limit", "above start_limit"),
    ],
)
def test_a_run_that_buys_nothing_says_why(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    budget: str,
    reason: str,
    words: str,
) -> None:
    """In text, JSON and report: the obstacle that the engine met, at every price it was asked at."""
    asked = partial(
        run_backtest,
        data=_candles(tmp_path, count=30, coin="ONE", price="0.9"),
        symbol="",
        changes=changes,
        budget=Decimal(budget),
        from_ms=0,
        to_ms=None,
        engine="exact",
    )
    assert asked(as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["trades"] == [] and told["not_bought"]["reasons"] == {reason: told["not_bought"]["looked_at"]}
    assert told["not_bought"]["looked_at"] >= 30
    report = tmp_path / "report.html"
    assert asked(as_json=False, report=report) == 0
    assert "Nothing was bought" in (text := capsys.readouterr().out) and words in text
    assert words in report.read_text(encoding="utf-8")


def test_both_engines_tell_the_same(tmp_path: Path) -> None:
    words = ("--data", str(_candles(tmp_path)), "--set", "drop_step_pct=1", "--json")
    told = []
    for engine in ("compiled", "exact"):
        done = _run(*words, "--engine", engine)
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
        assert told[-1]["engine"] == engine and told[-1]["trades"]
        for name in ("engine", "took_s", "candles_per_s"):
            del told[-1][name]
    assert told[0] == told[1]


def test_what_the_compiled_engine_refuses_names_the_way_out(tmp_path: Path) -> None:
    done = _run("--data", str(_candles(tmp_path)), "--set", "drop_step_pct=1.1234567890123456789")
    assert done.returncode == 2
    assert "falls or profits with too many digits; use --engine exact" in done.stderr


def test_m4_one_wild_price_is_named_with_market_time_and_prices_by_both_engines(tmp_path: Path) -> None:
    path = _candles(tmp_path)
    rows = path.read_text("utf-8").splitlines()
    at_ms, opened, _, low, closed = rows[40].split(",")
    rows[40] = f"{at_ms},{opened},99999,{low},{closed}"
    path.write_text("\n".join(rows), encoding="utf-8")
    exact, compiled = (_run("--data", str(path), "--engine", engine) for engine in ("exact", "compiled"))
    assert exact.returncode == compiled.returncode == 1 and exact.stderr == compiled.stderr
    assert "LTC_USDT at 2022-01-01 00:39:" in exact.stderr and "its bid went from 98.0" in exact.stderr
    assert "repair the file" in exact.stderr


def test_h1_holes_of_more_than_a_day_are_refused_with_the_stretches_there_are(tmp_path: Path) -> None:
    """Each stretch as it is offered can be played; a hole of a day is a note; a coin may begin later than another."""
    day_ms, begin_ms = 86_400_000, 1_640_995_200_000
    starts = [begin_ms + 3 * day_ms * number for number in range(8)]
    rows = [f"{at + minute * 60_000},1,1,1,1" for at in starts for minute in range(10)]
    path = tmp_path / "LTC_USDT_1m.csv"
    path.write_text("\n".join(["time,open,high,low,close", *rows]), encoding="utf-8")
    (tmp_path / "ADA_USDT_1m.csv").write_text(
        "\n".join(["time,open,high,low,close", *rows[:5], f"{begin_ms + day_ms + 300_000},1,1,1,1"]), encoding="utf-8"
    )
    done = _run("--data", str(tmp_path))
    assert done.returncode == 2 and done.stdout == ""
    assert "LTC_USDT has no candles between 2022-01-01T00:10 and 2022-01-04T00:00 UTC" in done.stderr
    assert "first of 7 such holes" in done.stderr and "nobody knows" in done.stderr and "and 2 more" in done.stderr
    offered = [line.split() for line in done.stderr.splitlines() if line.startswith("  --from")]
    assert len(offered) == 6
    for words, count in ((offered[0], "15 candles"), (offered[5], "10 candles")):
        played = _run("--data", str(tmp_path), *words)
        assert played.returncode == 0 and count in played.stdout, played.stderr
    noted = _run("--data", str(tmp_path), "--symbol", "ADA", "--json")
    assert noted.returncode == 0, noted.stderr
    assert [gap["to_ms"] - gap["from_ms"] for gap in json.loads(noted.stdout)["gaps"]["ADA_USDT"]] == [day_ms]


def _of_minutes(folder: Path, name: str, first: int, prices: list[int], minutes: int = 1) -> None:
    """Candles of so many minutes that open at one price and close at the next."""
    begin_ms = 1_640_995_200_000 + first * 60_000
    rows = [
        f"{begin_ms + at * minutes * 60_000},{one},{max(one, other)},{min(one, other)},{other}"
        for at, (one, other) in enumerate(pairwise(prices))
    ]
    (folder / name).write_text("\n".join(["time,open,high,low,close", *rows]), encoding="utf-8")


def test_m3_files_of_one_market_that_contradict_each_other_are_refused_by_name_and_time(tmp_path: Path) -> None:
    """Of the same length of candle or of another; a time that only one of them covers can be played."""
    prices = [1000 + at for at in range(121)]
    _of_minutes(tmp_path, "AAA_USDT_a.csv", 0, prices)
    for other, at in (("1m", "01:30:00"), ("5m", "01:00:00")):
        path = tmp_path / f"AAA_USDT_{other}.csv"
        changed = prices[60:] if other == "1m" else [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]
        if other == "1m":
            changed[31] += 1
        _of_minutes(tmp_path, path.name, 60, changed, 1 if other == "1m" else 5)
        done = _run("--data", str(tmp_path))
        assert done.returncode == 2 and done.stdout == ""
        assert "AAA_USDT_a.csv and " in done.stderr and path.name in done.stderr
        assert f"the first at 2022-01-01 {at} UTC" in done.stderr and "Take one of them away" in done.stderr
        assert _run("--data", str(tmp_path), "--to", "2022-01-01T01:00").returncode == 0
        path.unlink()


def test_m3_what_agrees_is_taken_once_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    prices = [1000 + at * 7 % 13 for at in range(241)]
    whole = tmp_path / "whole"
    whole.mkdir()
    _of_minutes(whole, "AAA_USDT.csv", 0, prices)
    _of_minutes(tmp_path, "AAA_USDT_a.csv", 0, prices[:121])
    _of_minutes(tmp_path, "AAA_USDT_b.csv", 60, prices[60:])
    twice, once = (json.loads(_run("--data", str(one), "--json").stdout) for one in (tmp_path, whole))
    assert twice["candles"] == once["candles"] == 240 and twice["trades"] == once["trades"]
    assert twice["unused"] == once["unused"] == []
    opens = [*range(1000, 1240, 5), 1240]
    _of_minutes(whole, "AAA_USDT.csv", 0, list(range(1000, 1241)))
    _of_minutes(whole, "AAA_USDT_5m.csv", 0, opens, 5)
    told = json.loads(_run("--data", str(whole), "--json").stdout)
    assert told["candles"] == 240
    assert told["unused"] == [
        "AAA_USDT: the 5 min candles of AAA_USDT_5m.csv were not used from 2022-01-01 00:00:00 to 2022-01-01 04:00:00"
        " UTC: AAA_USDT.csv has 1 min candles there."
    ]
    assert "AAA_USDT_5m.csv were not used" in _run("--data", str(whole)).stdout
