"""The auditor's own arithmetic of sizes and budgets, as people in the world choose them."""

from decimal import Decimal
from typing import Any

import pytest

from autotrader_v2.application import deciding
from autotrader_v2.domain import situation
from autotrader_v2.domain.ladder import LadderParams, SizeMode
from autotrader_v2.domain.money import floor_to
from autotrader_v2.simulation.campaign import run_worlds
from autotrader_v2.simulation.compare import terms_told
from autotrader_v2.simulation.world import Plan, World
from tests.builders import RULES


@pytest.mark.parametrize("mode", SizeMode)
def test_sizes_agree_with_the_engine_in_every_mode(mode: SizeMode) -> None:
    sizes = tuple(Decimal(size) for size in ("8", "31.337", "12"))
    params = LadderParams(steps=2, size_mode=mode, sizes=sizes, size_multiplier=Decimal("1.37"))
    terms = terms_told(params, RULES)
    assert [terms.size(step) for step in range(3)] == [floor_to(params.size(step), RULES.qstep) for step in range(3)]


def test_people_choose_every_kind_of_ladder() -> None:
    chosen = [values for seed in range(1, 30) for values in World(Plan(seed=seed)).store.params.values()]
    assert {values.get("size_mode", "geometric") for values in chosen} == set(SizeMode)
    assert any("start_balance_pct" in values for values in chosen)
    assert any("budget_quote" in values for values in chosen)


def test_a_market_that_spends_beyond_its_own_budget_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    see = deciding.Decider.situation

    def generous(self: Any, slot: Any, state: Any, quote: Any) -> situation.Situation:
        seen: situation.Situation = see(self, slot, state, quote)
        return seen._replace(free_quote=Decimal(1000), free_for_start=Decimal(1000))

    monkeypatch.setattr(deciding.Decider, "situation", generous)
    tally = run_worlds(range(1, 9), Plan(seed=0, rates={}), 1500, shrink=False)
    assert {one.invariant for one in tally.breaks} == {"I3"}
    assert any("budget" in one.what for one in tally.breaks)
