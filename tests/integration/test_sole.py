"""One mTrade per database and per account, whatever the data folders: real processes beside each other (row P11)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autotrader_v2.app import sole
from autotrader_v2.app.instance import AlreadyTrading, holder_of
from autotrader_v2.app.outside import account_of
from autotrader_v2.app.settings import GATE_TESTNET_HOSTS, Settings, environment_with
from autotrader_v2.app.values import ROOT
from autotrader_v2.application.ports import Binding
from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Client, Simulator
from tests.engine import a_price
from tests.integration.test_reconcile import D
from tests.processes import END_LIMIT_S, Serving

ETH = rules_for("ETH")
PAPER = Binding("paper", "synthetic", "paper", "synthetic")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    simulator = Simulator(
        [ETH], {"USDT": 1000}, clients=[Client(key="other", secret="others", balances={"USDT": 1000})]
    ).start()
    simulator.feed(a_price(ETH.market, D(2500), ETH.tick))
    yield simulator
    simulator.stop()


def serving(folder: Path, name: str, *, wait: bool = True, **environment: str) -> Serving:
    environment = {"LOCK_DIR": str(folder / "locks"), **environment}
    return Serving("--data-dir", str(folder / name), log=folder / f"{name}.log", wait=wait, **environment)


def account(sim: Simulator, key: str = "key", secret: str = "secret") -> dict[str, str]:
    return {
        "MODE": "sandbox",
        "GATE_HOST": sim.url,
        "API_KEY": key,
        "API_SECRET": secret,
        "AVAILABLE_SYMBOLS": "ETH",
        "ACTIVE_SYMBOLS": "ETH",
    }


def assert_leaves(second: Serving, *said: str) -> None:
    """It ends with code 1, never ready, and tells who is there, what it means for the money, what to do."""
    try:
        assert second.process.wait(END_LIMIT_S) == 1
        log = second.log_path.read_text("utf-8")
        assert "Two would trade the same money twice" in log
        assert "it has sent no order and changed nothing" in log
        assert "mTrade.py stop --data-dir" in log
        assert all(one in log for one in said), log
        assert not any(line.startswith("READY") for line in second.said)
    finally:
        second.__exit__()


def test_p11_a_second_data_folder_with_the_same_key_leaves(sim: Simulator, tmp_path: Path) -> None:
    with serving(tmp_path, "first", **account(sim)) as first:
        pid = holder_of(tmp_path / "first").process.pid  # type: ignore[union-attr]
        assert_leaves(
            serving(tmp_path, "second", wait=False, **account(sim)), f"process {pid}", str(tmp_path / "first"), sim.url
        )
        assert first.get("/api/autotrader/stats")["running"], "the first goes on"
        with serving(tmp_path, "third", **account(sim, "other", "others")) as third:
            assert third.get("/api/autotrader/stats")["running"], "another account is nobody's"
        first.kill()
        with serving(tmp_path, "second", **account(sim)) as second:
            assert second.get("/api/autotrader/stats")["running"], "a lock left by a kill is free"
    assert sum(order.side is Side.BUY for order in sim.account().orders) <= 2


def test_p11_a_second_one_of_an_account_leaves_before_the_page_is_loaded(tmp_path: Path) -> None:
    """Loading it takes seconds on a busy machine."""
    key = {"MODE": "sandbox", "GATE_HOST": "http://127.0.0.1:1/api/v4", "API_KEY": "key", "API_SECRET": "secret"}
    account = Binding("sandbox", key["GATE_HOST"], account_of("key"), "gate")
    tell = (
        "import sys; from autotrader_v2.app.cli import main; code = main(sys.argv[1:]); "
        "print('web.server' in sys.modules); sys.exit(code)"
    )
    with sole.sole(settings_of(tmp_path, "first")) as hold:
        hold(tmp_path / "one.sqlite3", account)
        environment = environment_with(MTRADE_ENV_FILE="", LOCK_DIR=str(tmp_path / "locks"), **key)
        words = ["serve", "--no-browser", "--port", "0", "--data-dir", str(tmp_path / "second")]
        second = subprocess.run(
            [sys.executable, "-c", tell, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=END_LIMIT_S,
            check=False,
        )
    assert (second.returncode, second.stdout) == (1, "False\n"), second.stderr
    assert "Two would trade the same money twice" in second.stderr


def test_p11_a_second_data_folder_with_the_same_database_leaves(tmp_path: Path) -> None:
    """By whatever name: here through a link to its folder."""
    books = tmp_path / "books"
    books.mkdir()
    synthetic = {"FEED": "synthetic"}
    with serving(tmp_path, "first", DB_PATH=str(books / "one.sqlite3"), **synthetic) as first:
        try:
            (tmp_path / "link").symlink_to(books, target_is_directory=True)
            same = tmp_path / "link" / "one.sqlite3"
        except OSError:
            same = books / ".." / "books" / "one.sqlite3"  # links need a right on Windows
        second = serving(tmp_path, "second", wait=False, DB_PATH=str(same), **synthetic)
        assert_leaves(second, str(tmp_path / "first"), "one.sqlite3")
        assert first.get("/api/health")["ok"]
        with serving(tmp_path, "third", DB_PATH=str(books / "two.sqlite3"), **synthetic) as third:
            assert third.get("/api/autotrader/stats")["running"], "another database is nobody's"


def test_p11_without_a_folder_for_the_locks_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    alone = serving(tmp_path, "alone", wait=False, FEED="synthetic", LOCK_DIR=str(tmp_path / "file" / "locks"))
    try:
        assert alone.process.wait(END_LIMIT_S) == 1
        assert "LOCK_DIR" in alone.log_path.read_text("utf-8")
    finally:
        alone.__exit__()


def settings_of(folder: Path, name: str) -> Settings:
    return Settings(data_dir=folder / name, lock_dir=folder / "locks")


def test_p11_the_testnet_has_two_names_for_one_account(tmp_path: Path) -> None:
    one, two = (Binding("sandbox", host, "key-aaaa", "gate") for host in GATE_TESTNET_HOSTS)
    elsewhere = Binding("sandbox", "http://127.0.0.1:1/api/v4", "key-aaaa", "gate")
    with sole.sole(settings_of(tmp_path, "one")) as hold:
        hold(tmp_path / "one.sqlite3", one)
        with (
            sole.sole(settings_of(tmp_path, "two")) as again,
            pytest.raises(AlreadyTrading, match="trades this account"),
        ):
            again(tmp_path / "two.sqlite3", two)
        with sole.sole(settings_of(tmp_path, "two")) as again:
            again(tmp_path / "two.sqlite3", elsewhere)
    with sole.sole(settings_of(tmp_path, "two")) as after:
        after(tmp_path / "one.sqlite3", two)


def test_p11_paper_money_of_two_databases_is_not_the_same(tmp_path: Path) -> None:
    with sole.sole(settings_of(tmp_path, "one")) as hold, sole.sole(settings_of(tmp_path, "two")) as again:
        hold(tmp_path / "one.sqlite3", PAPER)
        again(tmp_path / "two.sqlite3", PAPER)
        with pytest.raises(AlreadyTrading, match=f"works with the database .*{'one.sqlite3'}"):
            again(tmp_path / "one.sqlite3", PAPER)


def test_no_key_and_no_database_can_be_read_from_the_locks(tmp_path: Path) -> None:
    with sole.sole(settings_of(tmp_path, "one")) as hold:
        hold(tmp_path / "one.sqlite3", Binding("sandbox", "http://127.0.0.1:1/api/v4", "key-aaaa", "gate"))
        files = list((tmp_path / "locks").iterdir())
        assert len(files) == 4
        assert not any("key-aaaa" in one.name or "one.sqlite3" in one.name for one in files)
        notes = [json.loads(one.read_text("utf-8")) for one in files if one.suffix == ".json"]
        assert all(set(note) == {"pid", "data_dir"} for note in notes)
