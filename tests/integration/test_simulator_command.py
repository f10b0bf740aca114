"""`mTrade.py sim` as a process: ready, serving, replaying, stopping when asked."""

import http.client
import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest

from autotrader_v2.app import cli_worlds, logs

ROOT = Path(__file__).parents[2]
CODE = "from autotrader_v2.app.cli import app; app()"


@contextmanager
def a_sim(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the URL it printed."""
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    command = [sys.executable, "-c", CODE, "sim", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
        creationflags=flags,
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("READY "), (line, process.stderr and process.stderr.read())
            yield process, line.split()[1]
        finally:
            if process.poll() is None:
                process.kill()


def ask(url: str, path: str) -> object:
    """The decoded answer of a public call."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.request("GET", parts.path + path)
    return json.loads(connection.getresponse().read())


def a_recording(folder: Path) -> Path:
    """Candles of a coin, cheap as in its youth."""
    path = folder / "binance_SOL_USDT_1m_20210101_20210101.csv"
    rows = [f"{1_609_459_200_000 + minute * 60_000},1.5,1.52,1.49,1.51,1000" for minute in range(30)]
    path.write_text("\n".join(["timestamp_ms,open,high,low,close,volume", *rows]) + "\n")
    return path


def test_it_replays_serves_and_stops_when_asked(tmp_path: Path) -> None:
    with a_sim("--feed", f"replay:{a_recording(tmp_path)}", "--speed", "60", "--balance", "USDT=10") as (process, url):
        (ticker,) = ask(url, "/spot/tickers?currency_pair=SOL_USDT")  # type: ignore[misc]
        assert 1.48 < float(ticker["last"]) < 1.53
        # The table's tick would be 0.7 % of this price.
        pair = ask(url, "/spot/currency_pairs/SOL_USDT")
        assert isinstance(pair, dict) and pair["precision"] == 4
        process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)
        assert process.wait(60) == 0


def test_with_told_prices_nothing_has_a_price_before_it_is_told() -> None:
    with a_sim("--feed", "told", "--control-token", "a-made-up-token") as (_, url):
        assert isinstance(pairs := ask(url, "/spot/currency_pairs"), list)
        assert {"BTC_USDT", "ETH_USDT", "PEPE_USDT"} <= {one["id"] for one in pairs}
        assert ask(url, "/spot/order_book?currency_pair=ETH_USDT") == {
            "current": ANY,
            "update": ANY,
            "bids": [],
            "asks": [],
        }


def test_its_default_key_and_secret_are_no_words_that_errors_use() -> None:
    """Whatever is a secret is hidden in every line: with the key `key`, "Invalid key" was told as "Invalid ***"."""
    key, secret = (inspect.signature(cli_worlds.sim).parameters[name].default for name in ("key", "secret"))
    hide = logs._Redact((key, secret))
    for said in ("Invalid key provided", "The secret of the key is wrong", "a start for practice"):
        assert hide(None, "error", {"event": said})["event"] == said
    assert hide(None, "error", {"event": f"{key} and {secret}"})["event"] == "*** and ***"


@pytest.mark.parametrize(("name", "words"), [("none.csv", "Error"), ("bad.csv", "sim cannot start")])
def test_a_feed_that_cannot_be_played_ends_it_with_a_reason(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "bad.csv").write_text("nothing\n")
    command = [sys.executable, "-c", CODE, "sim", "--port", "0", "--feed", f"replay:{tmp_path / name}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 2
    assert words in done.stderr and "READY" not in done.stdout


@pytest.mark.skipif(
    not (ROOT / "../shared/data/gate").is_dir() and os.environ.get("CI") != "true", reason="no recordings"
)
def test_it_replays_the_recorded_books() -> None:
    recording = ROOT / "../shared/data/gate/gate_spot_orderbooks_SOL_USDT_20250903.csv.gz"
    with a_sim("--feed", f"replay:{recording}", "--speed", "1") as (_, url):
        book = ask(url, "/spot/order_book?currency_pair=SOL_USDT&limit=20")
        assert isinstance(book, dict) and len(book["asks"]) == 20
        assert 208 < float(book["bids"][0][0]) < float(book["asks"][0][0]) < 210


def test_it_injects_the_faults_of_a_file_and_its_token_is_told(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[rules]]\nkind = "error"\npath = "/spot/time"\nmethod = "GET"\ntimes = 2\n')
    with a_sim("--faults", str(tmp_path / "faults.toml"), "--seed", "3") as (process, url):
        assert [ask(url, "/spot/time") for _ in range(2)] == [{"label": "SERVER_ERROR", "message": ANY}] * 2
        assert "server_time" in ask(url, "/spot/time")  # type: ignore[operator]
        assert process.stderr
        told = process.stderr.readline()
        assert told.startswith("control routes: http://127.0.0.1:")
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=60)
        connection.request("GET", "/sim/faults", headers={"Authorization": f"Bearer {told.split()[-1]}"})
        listed = json.loads(connection.getresponse().read())
        assert (listed["seed"], listed["counts"]) == (3, {"error": 2})


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--feed", "gate"), "synthetic, replay:PATH or told"),
        (("--feed", "told:now"), "synthetic, replay:PATH or told"),
        (("--faults", "windy"), "profiles are calm, gate_as_seen, hostile"),
        (("--faults", "{bad}"), "bad.toml: rules[0].chance must be a number from 0 to 1, not 7"),
        (("--control-token", ""), "--control-token"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, option: tuple[str, str], words: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('[[rules]]\nkind = "late"\nchance = 7\n')
    command = [sys.executable, str(ROOT / "mTrade.py"), "sim", "--port", "0", option[0], option[1].format(bad=bad)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 2
    assert words in done.stderr and "READY" not in done.stdout
