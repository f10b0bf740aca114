"""Halts on the real engine: they appear with their money, name ways that the API takes, and end when one is taken."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.events import Priority, SwitchSet
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import ExchangeUnavailable, Found, Journal, JournalUnavailable, OutcomeUnknown
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.matching.markets import table_for
from tests.engine import BINDING, Engine

RULES = table_for(("ETH", "BTC"))
D = Decimal
QUICK = TraderConfig(loop_interval_s=0.02, balance_retry_s=0.1)


class Flaky(PaperExchange):
    """Loses answers, and tells of nothing, while asked to."""

    silent = False

    def send(self, intent: OrderIntent) -> Any:
        result = super().send(intent)
        if self.silent:
            raise OutcomeUnknown("The answer was lost.")
        return result

    def find(self, intent: OrderIntent, order_id: str = "") -> Any:
        if self.silent:
            raise ExchangeUnavailable("No answer.", do="Wait.")
        found = super().find(intent, order_id)
        assert isinstance(found, Found)
        return found


class Halted:
    """The engine, and what of it stands still."""

    def __init__(self, engine: Engine, paper: Flaky) -> None:
        self.engine, self.paper = engine, paper

    def codes(self) -> set[tuple[str | None, str]]:
        return {(halt["currency"], halt["code"]) for halt in self.all()}

    def all(self) -> list[dict[str, Any]]:
        return list(self.engine.desk.halts()["halts"])

    def one(self, code: str) -> dict[str, Any]:
        self.engine.until_price("ETH", "2500", f"{code} is told", lambda: code in {one for _, one in self.codes()})
        return next(halt for halt in self.all() if halt["code"] == code)

    def start(self) -> Active:
        self.engine.desk.switch("ETH", "on", "test")
        self.engine.until_price("ETH", "2500", "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle


@pytest.fixture
def halted(tmp_path: Path) -> Iterator[Halted]:
    paper = Flaky(RULES, {"USDT": D(1000)}, clock=SystemClock())
    markets = [one.market for one in RULES]
    with Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=QUICK) as engine:
        engine.until_price("ETH", "2500", "a price", lambda: engine.floor.board.newest(RULES[0].market))
        one = Halted(engine, paper)
        assert one.all() == [], "a coin that is off, or waits for its price, is no halt"
        yield one


def test_an_order_of_unknown_outcome_tells_what_stays_reserved_and_ends_when_it_is_known(halted: Halted) -> None:
    halted.paper.silent = True
    halted.engine.desk.switch("ETH", "on", "test")
    halt = halted.one("order_unknown")
    assert (halt["currency"], halt["stops"], halt["stake"]["reserved"]) == ("ETH", "all", "10")
    assert [way["way"] for way in halt["ways"]] == ["wait", "see_order"]
    halted.paper.silent = False
    halted.engine.until("it is known", lambda: halted.all() == [])


def test_a_pause_by_a_person_tells_the_coins_outside_and_ends_by_adoption_and_resume(halted: Halted) -> None:
    held = halted.start().held
    halted.engine.desk.reset_cycle("ETH", "test")
    halt = halted.one("reset_by_you")
    assert (halt["kind"], halt["stake"]["coins"]) == ("pause", str(held))
    assert D(halt["stake"]["worth"]) == held * D(2500)
    assert {way["way"]: way["post"] for way in halt["ways"]} == {
        "resume": "/api/autotrader/resume_cycle",
        "adopt": "/api/autotrader/adopt",
        "ignore": "/api/autotrader/ignore_coins",
    }
    halted.engine.desk.adopt("ETH", price=D(2500), from_trades=False, by="test")
    halted.engine.desk.resume_cycle("ETH", "test")
    assert halted.all() == []


def test_an_accounts_pause_has_all_positions_at_stake_and_its_own_resume(halted: Halted) -> None:
    invested = halted.start().invested
    floor = halted.engine.floor
    pause = Pause(cause="account_refused", since_ms=floor.clock.now_ms(), values=(("label", "INVALID_KEY"),))
    floor.pause_account(pause, by="engine")
    halt = halted.one("account_refused")
    assert (halt["kind"], halt["currency"], halt["values"]) == ("account_pause", None, {"label": "INVALID_KEY"})
    assert D(halt["stake"]["invested"]) == invested
    assert [way["way"] for way in halt["ways"]] == ["check_key", "resume_account"]
    halted.engine.desk.resume_cycle(None, "test")
    assert halted.all() == []


def test_a_journal_that_cannot_write_and_a_held_engine_are_told_and_end(halted: Halted) -> None:
    journal: Journal = halted.engine.floor.journal
    write: Any = journal.write

    def full(*_records: Any) -> None:
        raise JournalUnavailable("The disk is full.", do="Free some space.")

    halted.engine.desk.switch("ETH", "on", "test")
    journal.write = full  # type: ignore[method-assign]
    halt = halted.one("journal_failing")
    assert [way["way"] for way in halt["ways"]] == ["free_disk", "wait"]
    journal.write = write  # type: ignore[method-assign]
    halted.engine.until_price("ETH", "2500", "it buys again", lambda: halted.engine.state("ETH") == "ACTIVE")
    halted.engine.desk.stop("test")
    assert halted.one("engine_held")["ways"] == [{"way": "start", "post": "/api/autotrader/start"}]
    halted.engine.desk.start("test")
    halted.engine.until("nothing stands still", lambda: halted.all() == [])


def test_p11_another_program_in_the_journal_halts_the_engine_and_is_told(halted: Halted) -> None:
    """Beyond the reach of the locks: another user, another machine. What it wrote ends what we may write."""
    invested = halted.start().invested
    engine = halted.engine
    other = SqlJournal(engine.folder / "journal.sqlite3", BINDING, account=BINDING.account)
    other.load()
    other.write(SwitchSet(market=RULES[0].market, mode=SwitchMode.ON, by="the other one", time_ms=1))
    with pytest.raises(JournalUnavailable, match="Another program"):
        engine.desk.switch("ETH", "sell_only", "test")
    halt = halted.one("journal_taken")
    assert (halt["kind"], halt["stops"], D(halt["stake"]["invested"])) == ("account", "all", invested)
    assert [way["way"] for way in halt["ways"]] == ["stop_other", "restart"]
    [part] = [part for part in engine.trader.health().parts if part.name == "journal"]
    assert (part.ok, part.code) == (False, "taken")
    assert not engine.trader.health().ok
    [alert] = [alert for alert in engine.told if alert.code == "journal_taken"]
    assert alert.priority is Priority.HIGH
    assert "journal_taken" in {one.alert.code for one in engine.floor.alerts.recent()}
    orders = len(halted.paper.account_trades(0))
    for _ in range(20):
        engine.price("ETH", "2700")
    assert len(halted.paper.account_trades(0)) == orders, "no order leaves"
    other.close()


def test_a_used_up_ladder_and_a_reached_limit_are_told_with_their_ways(halted: Halted) -> None:
    halted.engine.desk.set_params("ETH", {"steps": 1, "rebuy_pause_s": "0"}, "test")
    halted.start()
    halted.engine.desk.set_order_limits({"coin_orders_day": 1}, "test")
    halted.engine.until_price("ETH", "2400", "the limit", lambda: ("ETH", "limit_reached") in halted.codes())
    halt = next(halt for halt in halted.all() if halt["code"] == "limit_reached")
    assert (halt["stops"], halt["values"]["which"]) == ("buys", "coin_orders_day")
    assert halt["until_ms"] == int(halt["values"]["until_ms"]) > halt["since_ms"]
    assert {"way": "change_limits", "post": "/api/order_limits"} in halt["ways"]
    halted.engine.desk.set_order_limits({"coin_orders_day": 0}, "test")
    halted.engine.until_price("ETH", "2400", "the last step", lambda: ("ETH", "ladder_used_up") in halted.codes())
    halted.engine.desk.set_params("ETH", {"steps": 3}, "test")
    halted.engine.until_price("ETH", "2400", "it has steps again", lambda: halted.all() == [])
