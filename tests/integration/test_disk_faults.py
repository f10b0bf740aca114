"""The journal's file fails under the engine: full, held, damaged, gone, an older one. No order leaves unwritten."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import Doubt, JournalUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active
from autotrader_v2.infrastructure.store.backups import Backups
from autotrader_v2.infrastructure.store.upkeep import Upkeep
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.engine import BINDING, Engine, a_price
from tests.full_disk import Pages, play
from tests.gate import a_gate_exchange

ETH = rules_for("ETH")
CONFIG = TraderConfig(loop_interval_s=0.05, balance_retry_s=0.1)
IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator([ETH], {"USDT": 1000}) as sim:
        sim.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
        yield sim


def an_engine(sim: Simulator, folder: Path) -> Engine:
    return Engine(a_gate_exchange(sim), sim.feed, [ETH.market], folder, config=CONFIG)


def told(engine: Engine, code: str) -> int:
    """How often an alert came."""
    return sum(alert.code == code for alert in engine.told)


def halt(engine: Engine, code: str) -> dict[str, Any]:
    """What `/api/halts` tells under that code; the ways by their names."""
    [found] = [one for one in engine.desk.halts()["halts"] if one["code"] == code]
    return {**found, "ways": [one["way"] for one in found["ways"]]}


def test_p7_on_a_full_disk_nothing_is_bought_and_what_is_out_is_booked(tmp_path: Path) -> None:
    """P7 from end to end, on a volume of so many pages."""
    play(tmp_path, Pages)


def _no_small_volume() -> bool:
    try:
        done = subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False, timeout=10)
    except OSError:
        return True
    return done.returncode != 0


@pytest.mark.skipif(sys.platform == "win32" or _no_small_volume(), reason="no small volume can be mounted here")
def test_p7_on_a_real_small_volume(tmp_path: Path) -> None:
    """The same where the disk itself says that it is full."""
    command = f"mount -t tmpfs -o size=12m none '{tmp_path}' && exec '{sys.executable}' -m tests.full_disk '{tmp_path}'"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*IN_A_NAMESPACE, "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=env,
        cwd=ROOT,
    )
    assert done.stdout.endswith("PLAYED\n"), done.stdout[-3000:] + done.stderr[-6000:]


def test_p8_while_another_program_holds_the_journal_nothing_is_sent(sim: Simulator, tmp_path: Path) -> None:
    """P8: no send and an alert within two seconds and a bit, then it trades on by itself."""
    with an_engine(sim, tmp_path) as engine:
        engine.desk.switch("ETH", "on", "test")
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            engine.until_price("ETH", "2500", "it was tried and told", lambda: told(engine, "journal_failed") > 0)
            assert not sim.account().orders
            assert engine.state("ETH") == "IDLE"
            other.execute("ROLLBACK")
        engine.until_price("ETH", "2500", "it trades on", lambda: engine.state("ETH") == "ACTIVE")
        assert len(sim.account().trades) == 1


def test_p9_damage_found_while_it_runs_stops_every_order(sim: Simulator, tmp_path: Path) -> None:
    """P9: a flipped digit that no page check sees; the daily check reads what each commit wrote."""
    with an_engine(sim, tmp_path) as engine:
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "bought", lambda: engine.state("ETH") == "ACTIVE")
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3", timeout=5)) as other:
            other.execute("UPDATE fills SET quote = '9.99'")
            other.commit()
        backups = Backups(tmp_path / "journal.sqlite3", BINDING.account, tmp_path / "backups")
        upkeep = Upkeep(engine.journal, backups, every_s=3600, first_after_s=0.05)
        upkeep.start()
        try:
            engine.until("it is told", lambda: told(engine, "journal_damaged") == 1)
        finally:
            upkeep.stop()
        assert backups.list() == [], "a damaged copy is no backup"
        assert "damaged" in engine.journal.status().trouble
        damage = halt(engine, "journal_damaged")
        cycle = engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        assert (damage["kind"], damage["stops"], damage["ways"]) == ("account", "all", ["restore_backup"])
        assert Decimal(damage["stake"]["invested"]) == cycle.invested
        assert "is damaged" in damage["values"]["what"]
        engine.until_price("ETH", "2700", "a sale was tried", lambda: told(engine, "journal_failed") > 0)
        assert len(sim.account().trades) == 1
        assert [one["code"] for one in engine.desk.halts()["halts"]].count("journal_failing") == 0, "told by its cause"


def test_p10_a_journal_moved_away_while_it_runs_stops_every_order(sim: Simulator, tmp_path: Path) -> None:
    """P10: told within seconds, no order leaves; put back where it was, it trades on."""
    database, aside = tmp_path / "journal.sqlite3", tmp_path / "aside.sqlite3"
    with an_engine(sim, tmp_path) as engine:
        try:
            database.rename(aside)
        except PermissionError:
            return  # Windows does not let it happen
        engine.until("it is told", lambda: told(engine, "journal_misplaced") == 1)
        gone = halt(engine, "journal_misplaced")
        assert (gone["kind"], gone["stops"], gone["ways"]) == ("account", "all", ["put_back", "restore_backup"])
        switched_on_without_a_journal(engine)
        for _ in range(20):
            engine.price("ETH", "2500")
        assert not sim.account().orders
        aside.rename(database)
        engine.until("it is found again", lambda: not engine.journal.status().trouble)
        assert engine.desk.halts()["halts"] == []
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "it trades on", lambda: engine.state("ETH") == "ACTIVE")


def switched_on_without_a_journal(engine: Engine) -> None:
    """A switch that cannot be kept is refused."""
    with pytest.raises(JournalUnavailable, match="deleted or moved"):
        engine.desk.switch("ETH", "on", "test")


@pytest.mark.parametrize("how", ["another file", "cut short"])
def test_p10_a_journal_replaced_while_it_runs_stops_every_order(sim: Simulator, tmp_path: Path, how: str) -> None:
    """P10: what would be written into the old file is found by nobody."""
    database = tmp_path / "journal.sqlite3"
    with an_engine(sim, tmp_path) as engine:
        engine.desk.switch("ETH", "on", "test")
        try:
            if how == "another file":
                shutil.copyfile(database, tmp_path / "copy.sqlite3")
                os.replace(tmp_path / "copy.sqlite3", database)
            else:
                os.truncate(database, 4096)
        except PermissionError:
            return  # Windows does not let it happen
        engine.until_price("ETH", "2500", "it is told", lambda: told(engine, "journal_misplaced") == 1)
        engine.until_price("ETH", "2500", "a buy was tried", lambda: told(engine, "journal_failed") > 0)
        assert halt(engine, "journal_misplaced")["stops"] == "all"
        assert not sim.account().orders


def test_p10_an_older_copy_trades_only_after_its_owner_confirmed_it(sim: Simulator, tmp_path: Path) -> None:
    """P10: paused with the reason, not to be resumed with a click; a comparison confirmed by the owner ends it."""
    database, older = tmp_path / "journal.sqlite3", tmp_path / "older.sqlite3"
    with an_engine(sim, tmp_path) as engine:
        engine.desk.switch("ETH", "on", "test")
    shutil.copyfile(database, older)
    with an_engine(sim, tmp_path) as engine:
        engine.until_price("ETH", "2500", "bought", lambda: engine.state("ETH") == "ACTIVE")
    shutil.copyfile(older, database)
    for _ in range(2):
        with an_engine(sim, tmp_path) as engine:
            assert engine.journal.status().doubt is not Doubt.NONE
            assert told(engine, "journal_in_doubt") == 1
            pause = engine.floor.account_pause
            assert pause is not None
            assert pause.cause == "journal_replaced"
            board = engine.floor.board
            engine.until_price("ETH", "2500", "it has a price", lambda: board.newest(ETH.market) is not None)  # noqa: B023
            with pytest.raises(CommandRefused, match="resume the whole account"):
                engine.trader.resume_cycle("ETH", "test")
            with pytest.raises(CommandRefused, match="by hand either") as refused:
                engine.desk.quick_buy("ETH", Decimal(10), "test")
            assert (refused.value.code, refused.value.values["cause"]) == ("paused", "journal_replaced")
            assert len(sim.account().trades) == 1
    with an_engine(sim, tmp_path) as engine:
        completed, engine.trader.reconciler.completed = engine.trader.reconciler.completed, 0
        with pytest.raises(CommandRefused, match="Compare the account"):
            engine.desk.resume_cycle(None, "test")
        engine.trader.reconciler.completed = completed
        engine.desk.resume_cycle(None, "test")
        assert engine.floor.account_pause is None
    with an_engine(sim, tmp_path) as engine:
        assert engine.journal.status().doubt is Doubt.NONE
        assert engine.floor.account_pause is None


def test_p10_confirmed_while_the_engine_was_not_running_it_trades_at_the_next_start(
    sim: Simulator, tmp_path: Path
) -> None:
    """P10: the pause ends with what it was for."""
    with an_engine(sim, tmp_path):
        pass
    (tmp_path / "journal.sqlite3.head").unlink()
    with an_engine(sim, tmp_path) as engine:
        assert engine.journal.status().doubt is Doubt.UNPROVEN
        assert engine.floor.account_pause is not None
        engine.journal.confirm("reconcile")
    with an_engine(sim, tmp_path) as engine:
        assert engine.floor.account_pause is None
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", "2500", "it trades", lambda: engine.state("ETH") == "ACTIVE")
