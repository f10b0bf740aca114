"""Two tabs ask for something at the same moment, or a moment after a trade: the books say what the exchange has."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application.commands import Commands
from autotrader_v2.application.events import CycleChanged, ParamsSet, Record
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.trader import AutoTraderV2
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation.people import Hands
from autotrader_v2.simulation.process import CONFIG
from autotrader_v2.simulation.world import Plan, World
from tests.simulation.planted import first_caught

PLAN = Plan(seed=1, rates={}, markets=1, config=replace(CONFIG, balance_lag_s=0))


def until(world: World, holds: Callable[[], bool], turns: int = 4000) -> None:
    """Let it live until that is so."""
    for _ in range(turns):
        if holds():
            return
        world.step()
    pytest.fail(f"never happened; {world.holds()}")


def running(plan: Plan = PLAN) -> tuple[World, AutoTraderV2, Slot]:
    """A world of coins that are switched off, so that nothing trades by itself; the first of them."""
    world = World(plan)
    world.store.switches.update(dict.fromkeys(world.markets, SwitchMode.OFF))
    for walk in world.walks.values():
        walk.steady = True
    until(world, lambda: bool(world.slots()) and all(slot.known_price for slot in world.slots()))
    assert world.process is not None
    return world, world.process.trader, world.slots()[0]


def pressed(world: World, *wishes: Callable[[], None]) -> list[str]:
    """Each in a tab of its own, all at once; how each was answered, "" where it was done."""
    answers: list[str] = []

    def tab(wish: Callable[[], None]) -> None:
        try:
            wish()
            answers.append("")
        except CommandRefused as refused:
            answers.append(refused.code)

    assert world.process is not None
    for wish in wishes:
        world.hub.spawn(world.process.group, lambda wish=wish: tab(wish))  # type: ignore[misc]
    until(world, lambda: len(answers) == len(wishes))
    return sorted(answers)


def test_p14_coins_adopted_in_two_tabs_at_once_are_taken_in_once() -> None:
    """Both had read how many lie outside before one of them took these in: a position of twice what is there."""
    world, trader, slot = running()
    market = slot.market
    Hands(world.dice, world.venue).trade(market, Side.BUY, 1.0)

    def adopt() -> None:
        with world.asks("adopt", market, None):
            trader.adopt(market.base, price=None, from_trades=True, by="test")

    assert pressed(world, adopt, adopt)[0] == ""
    cycle = slot.state.cycle
    assert isinstance(cycle, Active)
    assert cycle.held == world.venue.account.balances[market.base].total


def test_p14_a_ladder_changed_in_two_tabs_at_once_has_both_changes() -> None:
    """Seed 94000001: each had taken the values before the other's change, and wrote them back."""
    world, trader, slot = running()
    market = slot.market

    def change(values: dict[str, str]) -> Callable[[], None]:
        def wish() -> None:
            with world.asks("params", market, values):
                trader.commands.set_params(market.base, values, "test")

        return wish

    assert pressed(world, change({"profit_pct": "2"}), change({"cooldown_s": "3"})) == ["", ""]
    assert (str(slot.state.params.profit_pct), str(slot.state.params.cooldown_s)) == ("2", "3")
    assert world.store.params[market]["profit_pct"] == "2"


def test_a1_coins_of_a_trade_a_moment_ago_are_neither_adopted_nor_given_up() -> None:
    """A balance lags behind trades: coins just sold would be taken in, coins just bought written off."""
    world, trader, slot = running(replace(PLAN, config=CONFIG))
    market = slot.market

    def buy() -> None:
        trader.buy(market.base, slot.state.params.start_quote + 5, "test")

    assert pressed(world, buy) == [""]
    asked: dict[str, Callable[[], None]] = {
        "write_off": lambda: trader.commands.write_off(market.base, "test"),
        "ignore": lambda: trader.commands.ignore_coins(market.base, "test"),
        "adopt": lambda: trader.adopt(market.base, price=slot.known_price, from_trades=False, by="test"),
    }
    for wish in asked.values():
        assert pressed(world, wish) == ["balance_lags"]
    assert isinstance(slot.state.cycle, Active)


def test_a3_coins_that_are_there_are_not_written_off() -> None:
    """A press too much would have closed the cycle with its whole cost as a loss."""
    world, trader, slot = running()
    market = slot.market
    assert pressed(world, lambda: trader.buy(market.base, slot.state.params.start_quote + 5, "test") and None) == [""]

    bought_ms = world.hub.now_ms
    until(world, lambda: world.hub.now_ms > bought_ms + 1000)

    def write_off() -> None:
        with world.asks("write_off", market, None):
            trader.commands.write_off(market.base, "test")

    assert pressed(world, write_off) == ["coins_there"]
    assert isinstance(slot.state.cycle, Active)


@pytest.mark.parametrize("what", ["write_off", "ignore", "adopt"])
def test_a1_coins_of_a_trade_while_the_balance_is_read_are_neither_adopted_nor_given_up(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """World 4200584: nothing had traded when it was asked; two buys came then, and with them a balance of before."""
    world, trader, slot = running(replace(PLAN, config=CONFIG))
    market, right = slot.market, trader.commands._reader.read

    def slowly() -> None:
        monkeypatch.setattr(trader.commands._reader, "read", right)
        trader.buy(market.base, slot.state.params.start_quote + 5, "test")
        Hands(world.dice, world.venue).trade(market, Side.BUY, 1.0)
        right()

    monkeypatch.setattr(trader.commands._reader, "read", slowly)
    asked: dict[str, Callable[[], None]] = {
        "write_off": lambda: trader.commands.write_off(market.base, "test"),
        "ignore": lambda: trader.commands.ignore_coins(market.base, "test"),
        "adopt": lambda: trader.adopt(market.base, price=slot.known_price, from_trades=False, by="test"),
    }
    assert pressed(world, asked[what]) == ["balance_lags"]
    assert isinstance(slot.state.cycle, Active)


def test_p14_a_cycle_that_begins_while_the_balance_is_read_is_not_sold_as_coins_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sale was booked as one of coins that no cycle had: its cycle kept what was sold."""
    world, trader, slot = running()
    market, reader = slot.market, trader.reader
    for _ in range(2):  # more than the cycle will hold
        Hands(world.dice, world.venue).trade(market, Side.BUY, 1.0)
    pressed(world, lambda: dict(reader.read()).clear())
    right = reader.reading_of

    def slowly(of: Slot) -> object:
        monkeypatch.setattr(reader, "reading_of", right)
        reading = right(of)
        trader.buy(market.base, slot.state.params.start_quote + 5, "test")
        return reading

    monkeypatch.setattr(reader, "reading_of", slowly)
    assert pressed(world, lambda: trader.sell_all(market.base, "pause", "test")) == ["balance_unknown"]
    cycle, total = slot.state.cycle, world.venue.account.balances[market.base].total
    assert isinstance(cycle, Active)
    assert pressed(world, lambda: trader.sell_all(market.base, "pause", "test")) == [""]
    sold = total - world.venue.account.balances[market.base].total
    assert slot.state.cycle.tally.completed == 1
    assert sold + slot.state.cycle.tally.dust.coins == cycle.held, "the coins outside stay"


def test_a1_coins_outside_are_not_sold_by_a_balance_that_may_show_what_is_sold_already() -> None:
    """Its owner's coins that are to be left alone would go in their place."""
    world, trader, slot = running(replace(PLAN, config=CONFIG))
    market = slot.market
    pressed(world, lambda: trader.buy(market.base, slot.state.params.start_quote + 5, "test"))
    assert pressed(world, lambda: trader.sell_all(market.base, "restart", "test")) == [""]
    Hands(world.dice, world.venue).trade(market, Side.BUY, 1.0)
    assert pressed(world, lambda: trader.sell_all(market.base, "pause", "test")) == ["balance_lags"]
    lag_ms, now_ms = int(CONFIG.balance_lag_s * 1000), world.hub.now_ms
    until(world, lambda: world.hub.now_ms > now_ms + lag_ms)
    assert pressed(world, lambda: trader.sell_all(market.base, "pause", "test")) == [""]


def test_the_ladder_of_all_markets_is_written_down_at_once_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Market by market, a crash or a full disk in between left cycles that went by another ladder than the settings."""
    world, trader, _ = running(replace(PLAN, markets=3))
    for slot in world.slots():
        pressed(world, lambda slot=slot: trader.buy(slot.market.base, slot.state.params.start_quote + 5, "test"))  # type: ignore[misc]
    assert all(isinstance(slot.state.cycle, Active) for slot in world.slots())
    journal, right = trader.floor.journal, trader.floor.journal.write
    written: list[tuple[Record, ...]] = []

    def write(*records: Record) -> None:
        written.append(records)
        if len(written) == 1:
            raise JournalUnavailable("The disk is full.", do="Make room.")
        right(*records)

    def ask() -> None:
        with world.asks("params", None, {"drop_growth_pct": "1"}):
            trader.commands.set_params(None, {"drop_growth_pct": "1"}, "test")

    def refused() -> None:
        with pytest.raises(JournalUnavailable):
            ask()

    monkeypatch.setattr(journal, "write", write)
    for wish, growth in ((refused, Decimal("0.3")), (ask, Decimal(1))):
        pressed(world, wish)
        assert trader.floor.common.drop_growth_pct == growth
        for slot in world.slots():
            assert slot.state.params.drop_growth_pct == growth
            assert isinstance(slot.state.cycle, Active)
            assert slot.state.cycle.params.drop_growth_pct == growth
    kinds = [[type(one) for one in records if isinstance(one, ParamsSet | CycleChanged)] for records in written]
    assert [ParamsSet, CycleChanged, CycleChanged, CycleChanged] in kinds


def test_a_ladder_of_all_that_somebody_did_not_ask_for_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that changes one value more than its owner asked for."""
    right = Commands.set_params

    def more(self: Commands, currency: str | None, changes: Mapping[str, Any], by: str) -> None:
        right(self, currency, {**changes, "min_profit_pct": "0.1"} if currency is None else changes, by)

    rates = {"person_common": 0.3}
    monkeypatch.setattr(Commands, "set_params", more)
    assert first_caught(Plan(seed=0, rates=rates)) == "I3"


def test_b3_a_coin_whose_joining_cannot_be_written_down_is_followed_no_further() -> None:
    """The disk was full: it is not on the list, no price of it comes, and once there is space it joins."""
    world, trader, slot = running(replace(PLAN, markets=2))
    market, process = world.slots()[1].market, world.process
    assert process is not None

    def leave() -> None:
        with world.asks("leave", market, None):
            trader.market_list.remove(market.base, "test")

    def join() -> None:
        with world.asks("join", market, None):
            try:
                trader.market_list.add(market.base, "test")
            except JournalUnavailable as error:
                raise CommandRefused("disk_full", str(error)) from error

    assert pressed(world, leave) == [""]
    world.disk_full_until_ms = world.hub.now_ms + 2_000
    assert pressed(world, join) == ["disk_full"]
    assert list(process.feed.watched) == [slot.market]
    until(world, lambda: world.hub.now_ms > world.disk_full_until_ms)
    assert pressed(world, join) == [""]
    assert list(process.feed.watched) == [slot.market, market]
