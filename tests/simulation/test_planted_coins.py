"""Coins that books take in, leave alone or give up otherwise than the exchange and the owner say must be caught."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application import commands
from autotrader_v2.application.commands import Commands
from autotrader_v2.domain.cycle import Adopted, CycleReset, ExitAtBreakeven, OutsideIgnored, WrittenOff
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.situation import BaseReading
from autotrader_v2.simulation.campaign import run_worlds
from autotrader_v2.simulation.compare import terms_told
from autotrader_v2.simulation.ledger import Ledger
from autotrader_v2.simulation.process import CONFIG
from autotrader_v2.simulation.world import Plan
from tests.builders import RULES
from tests.simulation.planted import first_caught

Patch = pytest.MonkeyPatch
PEOPLE = {"hand_buy": 0.2, "person_adopt": 0.5, "person_ignore": 0.2, "person_exit": 0.2, "person_reset": 0.1}
# No balance lags where no rate says so.
PROMPT = replace(CONFIG, balance_lag_s=0)


def plan(rates: Mapping[str, float]) -> Plan:
    """Few markets, so that people come to each of them often."""
    return Plan(seed=0, rates=rates, markets=2, config=PROMPT)


@pytest.mark.parametrize("rates", [PEOPLE, {**PEOPLE, "hand_withdraw_coins": 0.2, "person_write_off": 0.3}])
def test_what_people_do_with_coins_breaks_nothing(rates: Mapping[str, float]) -> None:
    assert not run_worlds(range(1, 4), plan(rates), 600).breaks


@pytest.mark.parametrize(
    "wrong",
    [
        lambda event: replace(event, coins=event.coins * 2),
        lambda event: replace(event, coins=event.coins / 2),
        lambda event: replace(event, cost=event.cost * 2),
        lambda event: replace(event, cost=event.cost / 2),
    ],
)
def test_coins_adopted_wrongly_are_caught(monkeypatch: Patch, wrong: Callable[[Adopted], Adopted]) -> None:
    """Coins that are not there, some left out, and a cost that is neither asked for nor what was paid."""
    right = Commands._adopted
    monkeypatch.setattr(Commands, "_adopted", lambda self, *values: wrong(right(self, *values)))
    assert first_caught(plan(PEOPLE)) == "I6"


def test_coins_left_alone_that_are_not_there_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(commands, "OutsideIgnored", lambda coins: OutsideIgnored(coins=coins + 1))
    assert first_caught(plan(PEOPLE)) == "I6"


def test_an_exit_that_was_not_asked_for_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(commands, "ExitAtBreakeven", lambda wanted: ExitAtBreakeven(wanted=not wanted))
    assert first_caught(plan(PEOPLE)) == "I6"


@pytest.mark.parametrize("event", [WrittenOff, CycleReset])
def test_a_cycle_that_ends_though_nobody_asked_is_caught(monkeypatch: Patch, event: type) -> None:
    """An engine that gives a cycle up, or forgets it, when its owner wants out at breakeven."""
    monkeypatch.setattr(commands, "ExitAtBreakeven", lambda wanted: event(time_ms=0))
    assert first_caught(plan({"person_exit": 0.3})) == "I6"


def test_coins_put_aside_of_which_nothing_was_sold_are_caught() -> None:
    """Too few by rules that have changed, they wait for the next step or for their owner."""
    small = terms_told(LadderParams(), replace(RULES, min_quote=Decimal(50)))
    ledger = Ledger()
    ledger.adopted(Decimal(1), Decimal(10), terms_told(LadderParams(), RULES))
    ledger.terms = small
    assert not ledger.rest_left()
    ledger.terms = terms_told(LadderParams(), RULES)
    ledger.sold_by_hand(Decimal("0.1"), Decimal(1), closes=False)
    assert not ledger.rest_left(), "it could be sold"
    ledger.terms = small
    assert ledger.rest_left()


def test_coins_written_off_that_are_there_are_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Commands, "_reading_now", lambda self, slot: BaseReading(Decimal(0), Decimal(0)))
    assert first_caught(plan({"person_write_off": 0.3})) == "I6"


def test_a_ladder_that_the_owner_did_not_choose_is_caught(monkeypatch: Patch) -> None:
    right = commands._own_with

    def dearer(slot: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {**right(slot, changes), "profit_pct": "0.1"}

    monkeypatch.setattr(commands, "_own_with", dearer)
    assert first_caught(plan({"person_params": 0.3})) == "I3"
