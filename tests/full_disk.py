"""A disk that fills up under the engine, played on any volume; `python -m tests.full_disk FOLDER`: on a real one.

The folder must lie on a small volume of its own: all of its room is taken.
"""

import os
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from autotrader_v2.application.events import CommandGiven, Intended
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import NO_TRAVEL
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.infrastructure.store.examine import problems_of
from autotrader_v2.infrastructure.store.room import Room, reserve_path
from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults import slow
from tests.engine import BINDING, Engine, a_price
from tests.gate import a_gate_exchange
from tests.unit.test_store_values import an_intent

RULES = table_for(("ETH", "BTC"))
# Larger than what the log may have left from before: it never fits without new room.
LARGE = "x" * 400_000
RESERVE_BYTES = 2 * 1024 * 1024
CONFIG = TraderConfig(loop_interval_s=0.05, balance_retry_s=0.1)


class Volume(Protocol):
    """Where the journal lies."""

    @property
    def room(self) -> Room:
        """The journal's reserve on it."""

    def fill(self, journal: SqlJournal) -> None:
        """Leave no room."""

    def relieve(self) -> None:
        """The owner frees some space."""


class Pages:
    """A volume of so many of SQLite's own pages; the reserve counts as so many of them."""

    class _Reserve(Room):
        def __init__(self, database: Path, volume: "Pages") -> None:
            super().__init__(database, RESERVE_BYTES, lambda _: volume.free, leeway=0)
            self._volume = volume

        def give_up(self) -> None:
            super().give_up()
            self._volume.limit(self._volume.pages() + RESERVE_BYTES // 4096)

    def __init__(self, database: Path) -> None:
        self.room: Room = self._Reserve(database, self)
        self.free = 1 << 30
        self._journal: SqlJournal | None = None

    def fill(self, journal: SqlJournal) -> None:
        """See `Volume`."""
        self._journal, self.free = journal, 0
        self.limit(self.pages())

    def relieve(self) -> None:
        """See `Volume`."""
        self.limit(1 << 30)
        self.free = 1 << 30

    def pages(self) -> int:
        """So many it has now."""
        return self._pragma("page_count")

    def limit(self, pages: int) -> None:
        """No more than so many from now on."""
        self._pragma(f"max_page_count = {pages}")

    def _pragma(self, text: str) -> int:
        assert self._journal is not None
        row = self._journal._commits._connection.cursor().execute(f"PRAGMA {text}").fetchone()
        return int(row[0])


class Disk:
    """A real small volume: another file takes its room."""

    def __init__(self, database: Path) -> None:
        self.room = Room(database, RESERVE_BYTES, leeway=256 * 1024)
        self._filler = database.with_name("somebody else's film.mkv")

    def fill(self, _journal: SqlJournal) -> None:
        """See `Volume`."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue

    def relieve(self) -> None:
        """See `Volume`."""
        self._filler.unlink()


def play(folder: Path, volume_of: Callable[[Path], Volume]) -> None:
    """P7 from end to end: an order out while it happens, then no buy, a sale, room again. Errors: AssertionError."""
    volume = volume_of(folder / "journal.sqlite3")
    with Simulator(RULES, {"USDT": 1000}) as sim:
        for rules, price in zip(RULES, ("2500", "60000"), strict=True):
            sim.feed(a_price(rules.market, Decimal(price), rules.tick))
        markets = [rules.market for rules in RULES]
        with Engine(a_gate_exchange(sim), sim.feed, markets, folder, config=CONFIG, room=volume.room) as engine:
            _play(sim, engine, volume)
        assert problems_of(folder / "journal.sqlite3", BINDING.account, full=True) == ()
        again = SqlJournal(folder / "journal.sqlite3", BINDING, account=BINDING.account)
        held = {market: cycle.held for market, cycle in again.load().cycles.items() if isinstance(cycle, Active)}
        again.close()
        assert held == {Market("gate", "BTC", "USDT"): sim.account().total("BTC")}, "the books are the exchange's"


def _play(sim: Simulator, engine: Engine, volume: Volume) -> None:
    reserve = reserve_path(engine.folder / "journal.sqlite3")
    # It is written piece by piece.
    engine.until("the reserve is made", lambda: reserve.exists() and reserve.stat().st_size == RESERVE_BYTES)
    assert not volume.room.full

    # The disk fills up while a start buy is out: its fill is booked all the same.
    sim.faults.add(slow(1))
    engine.desk.switch("ETH", "on", "test")
    # Claimed is not yet durable: what is asked is that the exchange has it.
    engine.until_price("ETH", "2500", "an order is out", lambda: engine.slot("ETH").travel is not NO_TRAVEL)
    volume.fill(engine.journal)
    save = CommandGiven(market=None, name="a_large_wish", values={"note": LARGE}, by="person", time_ms=1)
    engine.journal.write(save)
    assert volume.room.full and not reserve.exists(), "the reserve was given up for it"
    engine.until("the fill is booked", lambda: engine.state("ETH") == "ACTIVE")

    # Nothing is bought, by nobody, and the page says why; switches still answer.
    bought = len(sim.account().trades)
    engine.desk.switch("BTC", "on", "test")
    engine.until_price("ETH", "2300", "a rebuy says why not", lambda: says_full(engine, "ETH"))
    engine.until_price("BTC", "60000", "a start says why not", lambda: says_full(engine, "BTC"))
    try:
        engine.desk.quick_buy("BTC", Decimal(10), "test")
        raise AssertionError("a buy by hand was not refused")
    except CommandRefused as refused:
        assert refused.code == "journal_full"
    intent_of_a_racing_claim(engine)
    engine.desk.switch("ETH", "finish", "test")
    assert len(sim.account().trades) == bought
    assert [alert.code for alert in engine.told].count("journal_full") == 1
    journal_part = next(part for part in engine.trader.health().parts if part.name == "journal")
    assert (journal_part.ok, journal_part.code) == (False, "full")
    [halt] = engine.desk.halts()["halts"]
    assert (halt["kind"], halt["code"], halt["stops"]) == ("account", "journal_full", "buys"), halt
    assert [one["way"] for one in halt["ways"]] == ["free_disk"]
    assert Decimal(halt["stake"]["invested"]) > 0

    # What is held is sold.
    engine.until_price("ETH", "2700", "sold at a profit", lambda: engine.state("ETH") == "IDLE")
    assert len(sim.account().trades) == bought + 1
    assert engine.journal.load().switches[Market("gate", "ETH", "USDT")] is SwitchMode.OFF, "it had finished"

    # Room again: it goes on by itself.
    volume.relieve()
    engine.until_price("BTC", "60000", "buying goes on", lambda: engine.state("BTC") == "ACTIVE")
    assert reserve.stat().st_size == RESERVE_BYTES
    assert "journal_has_room" in [alert.code for alert in engine.told]
    assert engine.desk.halts()["halts"] == []


def says_full(engine: Engine, currency: str) -> bool:
    """Whether the coin shows that the disk is full."""
    return engine.slot(currency).hold.reason.value == "journal_full"


def intent_of_a_racing_claim(engine: Engine) -> None:
    """A buy that was claimed a moment before is stopped at the journal."""
    try:
        engine.journal.write(Intended(an_intent(market=Market("gate", "BTC", "USDT"))))
    except JournalUnavailable as error:
        assert "full" in error.what
    else:
        raise AssertionError("the intent of a buy became durable on a full disk")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    assert os.statvfs(place).f_blocks * os.statvfs(place).f_frsize < 64 << 20, "not a small volume"
    play(place, Disk)
    print("PLAYED")
