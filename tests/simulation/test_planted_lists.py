"""A list of markets that is changed as nobody asked for, or forgets what it should keep, must be caught."""

from types import SimpleNamespace

import pytest

from autotrader_v2.application import market_list
from autotrader_v2.application.market_list import MarketList
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Idle
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.situation import SwitchMode
from autotrader_v2.simulation.campaign import run_worlds
from autotrader_v2.simulation.world import Plan
from tests.simulation.planted import FEW, SEEDS, STEPS, first_caught

Patch = pytest.MonkeyPatch
LEAVING = Plan(seed=0, rates={**FEW, "person_leave": 0.4, "person_primary": 0.1, "person_params": 0.2})


def test_coins_that_join_and_leave_break_nothing() -> None:
    tally = run_worlds(SEEDS, LEAVING, STEPS)
    assert not tally.breaks
    assert tally.faults["person_leave"] > 40


def test_a_coin_that_leaves_in_the_middle_of_its_cycle_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(market_list, "Active", SimpleNamespace)
    assert first_caught(LEAVING) == "I2"


def test_a_coin_that_leaves_while_its_order_is_out_is_caught(monkeypatch: Patch) -> None:
    claim = Slot.claim
    monkeypatch.setattr(Slot, "claim", lambda self, what, now_ms: what == "remove" or claim(self, what, now_ms))
    assert first_caught(LEAVING) == "I2"


def test_a_coin_that_joins_switched_on_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(market_list, "SwitchMode", SimpleNamespace(OFF=SwitchMode.ON, FINISH=SwitchMode.FINISH))
    assert first_caught(LEAVING) == "I8"


def test_a_coin_that_is_lost_from_the_list_is_caught(monkeypatch: Patch) -> None:
    value = market_list._value
    monkeypatch.setattr(market_list, "_value", lambda coins, primary, removed: value(coins[:2], primary, removed))
    assert first_caught(LEAVING) == "I8"


def test_a_coin_that_is_back_without_what_it_earned_is_caught(monkeypatch: Patch) -> None:
    begin = MarketList._begin

    def forgets(self: MarketList, slot: Slot, rules: MarketRules) -> None:
        begin(self, slot, rules)
        slot.change(cycle=Idle(market=slot.market))

    monkeypatch.setattr(MarketList, "_begin", forgets)
    assert first_caught(LEAVING) == "I7"


def test_a_coin_that_is_back_without_its_own_ladder_is_caught(monkeypatch: Patch) -> None:
    begin = MarketList._begin

    def forgets(self: MarketList, slot: Slot, rules: MarketRules) -> None:
        begin(self, slot, rules)
        slot.change(own_params={})

    monkeypatch.setattr(MarketList, "_begin", forgets)
    assert first_caught(LEAVING) in {"I3", "I6"}, "whichever of the ladder's figures is met first"
