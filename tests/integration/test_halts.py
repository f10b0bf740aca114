"""Halts on the real engine: they appear with their money, name ways that the API takes, and end when one is taken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from autotrader_v2.application.events import Priority, SwitchSet
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.halt_ways import BOOK_UNREAD_AFTER_MS
from autotrader_v2.application.ports import (
    AccessRefused,
    ExchangeUnavailable,
    Found,
    Journal,
    JournalUnavailable,
    OutcomeUnknown,
)
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import OrderIntent
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Pause, SwitchMode
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.infrastructure.store import SqlJournal
from autotrader_v2.matching.markets import table_for
from tests.engine import BINDING, Engine, a_price

RULES = table_for(("ETH", "BTC"))
D = Decimal
# No balance of this exchange lags behind a trade.
QUICK = TraderConfig(loop_interval_s=0.02, balance_retry_s=0.1, balance_lag_s=0)


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

    def book(self, market: Market) -> Quote:
        if self.silent:
            raise ExchangeUnavailable("No answer.", do="Wait.")
        return super().book(market)


class LateToStart(Flaky):
    """Refuses to tell the rules so often; `asked` is called each time that they are asked for."""

    refusals: ClassVar[list[ExchangeUnavailable]] = []

    def asked(self) -> None:
        """Replaced by a test."""

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        self.asked()
        if self.refusals:
            raise self.refusals.pop()
        return super().rules(markets)


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
    assert [way["way"] for way in halt["ways"]] == ["free_disk", "stop_other", "wait"]
    assert halt["values"]["what"] == "The disk is full."
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


def test_a_journal_so_slow_that_orders_are_dropped_is_told(halted: Halted) -> None:
    journal = halted.engine.floor.journal
    slow = replace(journal.status(), commit_ms=900.0)
    journal.status = lambda: slow  # type: ignore[method-assign]
    halt = halted.one("journal_slow")
    assert (halt["stops"], halt["values"], [way["way"] for way in halt["ways"]]) == (
        "all",
        {"what": "900 ms"},
        ["wait", "ease_disk"],
    )


def test_an_order_book_that_is_not_given_is_told_with_the_position_that_waits_for_it(halted: Halted) -> None:
    invested = halted.start().invested
    engine, slot = halted.engine, halted.engine.slot("ETH")
    halted.paper.silent = True

    def waits_for_the_book() -> bool:
        # It tells no size: what a sale would get is in the book alone.
        engine.feed.tell(a_price(RULES[0].market, D(2700), RULES[0].tick, bid_size=None))
        return slot.book_wanted_ms > 0

    engine.until("it wants the book", waits_for_the_book)
    with slot.lock:  # nothing is decided meanwhile
        assert halted.all() == [], "a book is read within a moment"
        slot.book_wanted_ms -= BOOK_UNREAD_AFTER_MS
        [halt] = [halt for halt in halted.all() if halt["code"] == "book_unread"]
    assert (halt["currency"], D(halt["stake"]["invested"])) == ("ETH", invested)
    assert engine.state("ETH") == "ACTIVE"
    # Else the next cycle may have begun before anybody sees that this one is sold.
    engine.desk.switch("ETH", "finish", "test")
    halted.paper.silent = False
    engine.until_price("ETH", "2700", "it is sold", lambda: engine.state("ETH") == "IDLE")
    assert halted.all() == []


@pytest.mark.parametrize(
    ("refusal", "code", "ways"),
    [
        (ExchangeUnavailable("Gate.io does not answer.", do="Wait."), "start_waits", ["wait", "check_connection"]),
        (AccessRefused("The key is refused.", do="Look.", label="INVALID_KEY"), "start_refused", ["check_key", "wait"]),
    ],
)
def test_a_start_that_waits_for_the_exchange_is_told_with_what_the_journal_holds(
    tmp_path: Path, refusal: ExchangeUnavailable, code: str, ways: list[str]
) -> None:
    paper = LateToStart(RULES, {"USDT": D(1000)}, clock=SystemClock())
    markets = [one.market for one in RULES]
    with Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=QUICK) as first:
        invested = Halted(first, paper).start().invested
    second = Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=QUICK)
    seen: list[list[dict[str, Any]]] = []
    paper.refusals = [refusal]
    paper.asked = lambda: seen.append(second.desk.halts()["halts"])
    with second:
        assert second.desk.halts()["halts"] == []
    before, [halt] = seen[-2], seen[-1]
    assert before == [], "not yet refused"
    assert (halt["kind"], halt["code"], halt["stops"]) == ("account", code, "all")
    assert (halt["values"], D(halt["stake"]["invested"])) == ({"what": refusal.what}, invested)
    assert [way["way"] for way in halt["ways"]] == ways
    assert halt["since_ms"] > 0


def test_a_coin_that_the_exchange_does_not_know_is_told_with_and_without_a_cycle(tmp_path: Path) -> None:
    paper = Flaky(RULES, {"USDT": D(1000)}, clock=SystemClock())
    markets = [one.market for one in RULES]
    with Engine(paper, paper.feed, markets, tmp_path, account_feed=paper, config=QUICK) as first:
        first.desk.switch("BTC", "on", "test")
        invested = Halted(first, paper).start().invested
    [other] = table_for(("LTC",))
    without = Flaky([other], {"USDT": D(1000)}, clock=SystemClock(), more_rules=lambda _: ())
    with Engine(without, without.feed, [other.market, *markets], tmp_path, account_feed=without, config=QUICK) as last:
        halts = {halt["currency"]: halt for halt in last.desk.halts()["halts"]}
        assert {name: halt["code"] for name, halt in halts.items()} == {
            "ETH": "market_missing",
            "BTC": "market_unknown",
        }
        assert D(halts["ETH"]["stake"]["invested"]) == invested
        assert D(halts["BTC"]["stake"]["invested"]) == 0


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
