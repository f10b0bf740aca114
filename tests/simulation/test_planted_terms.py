"""A cycle that goes by a ladder its owner did not choose, or by rules the exchange did not tell, must be caught."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application import booking, commands, recovery
from autotrader_v2.application.commands import Commands
from autotrader_v2.domain.cycle import BuyBooked, TermsChanged
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.simulation.world import Plan
from tests.simulation.planted import first_caught

Patch = pytest.MonkeyPatch


def _greedier(event: Any) -> Any:
    return replace(event, params=replace(event.params, profit_pct=event.params.profit_pct * 2))


def _free(event: Any) -> Any:
    return replace(event, rules=replace(event.rules, fee=Decimal(0)))


@pytest.mark.parametrize("wrong", [_greedier, _free])
def test_a_cycle_that_begins_on_other_terms_is_caught(monkeypatch: Patch, wrong: Callable[[Any], Any]) -> None:
    monkeypatch.setattr(booking, "BuyBooked", lambda **values: wrong(BuyBooked(**values)))
    assert first_caught(Plan(seed=0, rates={})) == "I6"


def test_a_running_cycle_that_does_not_follow_its_owner_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(commands, "TermsChanged", lambda **values: _greedier(TermsChanged(**values)))
    assert first_caught(Plan(seed=0, rates={"person_params": 0.3})) == "I6"


def test_a_running_cycle_that_follows_other_rules_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(recovery, "TermsChanged", lambda **values: _free(TermsChanged(**values)))
    assert first_caught(Plan(seed=0, rates={"rules_change": 0.5, "crash_idle": 0.2})) == "I6"


def test_rules_that_change_the_ladder_too_are_caught(monkeypatch: Patch) -> None:
    def changed(params: LadderParams, rules: MarketRules) -> TermsChanged:
        return TermsChanged(params=replace(params, steps=params.steps + 1), rules=rules)

    monkeypatch.setattr(recovery, "TermsChanged", changed)
    assert first_caught(Plan(seed=0, rates={"rules_change": 0.5, "crash_idle": 0.2})) == "I6"


def test_coins_adopted_on_another_ladder_are_caught(monkeypatch: Patch) -> None:
    right = Commands._adopted
    monkeypatch.setattr(Commands, "_adopted", lambda self, *values: _greedier(right(self, *values)))
    rates = {"hand_buy": 0.2, "person_adopt": 0.5, "person_reset": 0.1, "person_sell_all": 0.1}
    assert first_caught(Plan(seed=0, rates=rates, markets=2)) == "I6"
