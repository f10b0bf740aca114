"""Each doubt is raised when there is reason to and only then, and has a sentence for whoever reads it."""

import string
from decimal import Decimal as D
from typing import Any

import pytest

from autotrader_v2.app import sweep_words
from autotrader_v2.search.doubts import Doubt, doubts, market_kinds
from autotrader_v2.search.figures import Figures
from autotrader_v2.search.space import read_space
from autotrader_v2.search.splits import Split, Stretch
from autotrader_v2.search.trials import Trial
from autotrader_v2.search.verdict import Fold, Judged, Verdict
from autotrader_v2.search.views import heat_map, pareto_points

_DAY_MS = 86_400_000
_KINDS = {"falling": 30.0, "sideways": 40.0, "rising": 30.0}
_SPACE = read_space(["steps=2,4,8", "size_mode=fixed,geometric"], {})


def _figures(pnl_pct: float, **changes: Any) -> Figures:
    one = Figures(
        runs=1,
        span_ms=365 * _DAY_MS,
        pnl_pct=pnl_pct,
        worst_pnl_pct=pnl_pct,
        drawdown_pct=10,
        mean_drawdown_pct=10,
        under_water_ms=_DAY_MS,
        capital_max=100,
        cycles_closed=100,
        cycles_open=1,
        ran_dry=0,
        unpaid=0,
        trades=400,
        hold_pnl_pct=0,
    )
    return one._replace(**changes)


def _judged(seen: float, later: float, others: float, *, number: int = 0, steps: str = "4", **changes: Any) -> Judged:
    point = {"steps": steps, "size_mode": "fixed"}
    trial = Trial(number=number, point=point, seen=_figures(seen, **changes))
    return Judged(trial, _figures(later), _figures(others))


def _codes(winner: Judged, *, front: tuple[Judged, ...] = (), folds: tuple[Fold, ...] = (), **more: Any) -> list[str]:
    split = more.pop("split", Split((Stretch("A_U", 0, 400 * _DAY_MS),), (), (), ()))
    found = doubts(
        Verdict(winner, front or (winner,), folds),
        _SPACE,
        split,
        more.pop("kinds", _KINDS),
        refused=more.pop("refused", 0),
        tried=9,
        within=more.pop("within", True),
        budget=more.pop("budget", None),
    )
    for one in found:
        assert sweep_words.sentence(one)
    return [one.code for one in found]


def test_a_winner_that_holds_on_unseen_data_raises_no_doubt() -> None:
    assert _codes(_judged(20, 18, 15)) == []


def test_a_winner_that_fails_on_unseen_data_is_told() -> None:
    assert _codes(_judged(20, -1, 15)) == ["winner_loses_later", "winner_fades"]
    assert "winner_loses_others" in _codes(_judged(20, 30, -1))
    assert _codes(_judged(20, 4, 4)) == ["winner_fades"]
    assert _codes(_judged(-3, 4, 4)) == ["winner_loses"]


def test_a_winner_that_bought_nothing_is_told_so_and_not_that_it_lost() -> None:
    """Once a budget of 3 that pays no first buy read as "lost: 0.0 %", here, afterwards and in every stretch."""
    idle = _judged(0, 0, 0, steps="2", trades=0, cycles_closed=0, cycles_open=0, unpaid=4)
    folds = tuple(Fold(at, idle.trial, _figures(0), _figures(0)) for at in (1, 2))
    assert _codes(idle, folds=folds, budget=D(3)) == ["first_buy_unpaid"]
    assert _codes(_judged(0, 0, 0, trades=0, cycles_closed=0), folds=folds, budget=D(3)) == ["nothing_bought"]
    assert _codes(_judged(0, 0, 0, trades=0, unpaid=4), within=False) == ["limits_broken", "nothing_bought"]


def test_neither_gain_nor_loss_is_no_loss() -> None:
    winner = _judged(20, 0, 0)
    assert _codes(winner, folds=(Fold(1, winner.trial, _figures(9), _figures(0)),)) == ["winner_fades"]
    assert _codes(_judged(0, 0, 0)) == []


def test_few_cycles_unpaid_buys_and_refused_ladders_are_told() -> None:
    assert _codes(_judged(20, 18, 15, cycles_closed=29)) == ["few_cycles"]
    assert _codes(_judged(20, 18, 15, unpaid=2)) == ["unpaid"]
    assert _codes(_judged(20, 18, 15), refused=3) == ["refused"]
    assert _codes(_judged(20, 18, 15), within=False) == ["limits_broken"]


def test_a_winner_at_an_end_of_a_range_is_told_but_not_at_the_end_of_a_list_of_words() -> None:
    assert _codes(_judged(20, 18, 15, steps="8")) == ["edge"]
    assert _codes(_judged(20, 18, 15, steps="2")) == ["edge"]


def test_a_front_that_does_not_survive_is_told() -> None:
    winner = _judged(20, 18, 15)
    lost = tuple(_judged(21 + one, -5 - one, -5, number=1 + one) for one in range(3))
    assert _codes(winner, front=(winner, *lost)) == ["front_loses", "front_reorders"]
    same = tuple(_judged(21 + one, 19 + one, 16, number=1 + one) for one in range(3))
    assert _codes(winner, front=(winner, *same)) == []
    assert _codes(Judged(winner.trial, None, None)) == ["nothing_held_back"]


def test_lost_folds_are_told() -> None:
    winner = _judged(20, 18, 15)
    folds = tuple(Fold(at, winner.trial, _figures(9), _figures(pnl)) for at, pnl in ((1, 5), (2, -5)))
    assert _codes(winner, folds=folds) == ["folds_lost"]


def test_little_data_and_data_of_one_kind_are_told() -> None:
    short = Split((Stretch("A_U", 0, 100 * _DAY_MS),), (), (), ())
    assert _codes(_judged(20, 18, 15), split=short) == ["little_data"]
    rising = {"falling": 0.0, "sideways": 5.0, "rising": 95.0}
    assert _codes(_judged(20, 18, 15), kinds=rising) == ["one_kind"]
    assert _codes(_judged(20, 18, 15), kinds={**rising, "sideways": 50.0, "rising": 50.0}) == ["no_fall"]


def test_a_budget_that_each_coin_had_for_itself_is_told() -> None:
    """An account has it once: `backtest` shares it among the coins, a search does not."""
    held_back = Split((Stretch("A_U", 0, 400 * _DAY_MS),), (), (), (Stretch("B_U", 0, 400 * _DAY_MS),))
    assert _codes(_judged(20, 18, 15), split=held_back, budget=D(1000)) == ["each_alone"]
    assert _codes(_judged(20, 18, 15), split=held_back, budget=None) == []
    assert _codes(_judged(20, 18, 15), budget=D(1000)) == []


def test_months_are_told_apart_by_what_the_price_did() -> None:
    def days(begin: float, a_day: float, count: int) -> list[tuple[int, float]]:
        return [(day * _DAY_MS, begin * (1 + a_day) ** day) for day in range(count)]

    assert market_kinds({"A": days(9, 0.01, 91)}) == {"falling": 0, "sideways": 0, "rising": 100}
    assert market_kinds({"A": days(9, -0.01, 91), "B": days(9, 0, 91)}) == {"falling": 50, "sideways": 50, "rising": 0}
    assert sum(market_kinds({"A": days(9, 0, 20)}).values()) == 0
    # A gap of a year is no month that rose.
    assert sum(market_kinds({"A": [(0, 1.0), (365 * _DAY_MS, 5.0)]}).values()) == 0


def test_every_sentence_names_only_what_it_is_given() -> None:
    """The values of the tests above fill every sentence; none is left without a test of its code."""
    used = {
        *("winner_loses", "winner_loses_later", "winner_loses_others", "winner_fades", "folds_lost", "few_cycles"),
        *("unpaid", "nothing_held_back", "front_loses", "front_reorders", "little_data", "one_kind", "no_fall"),
        *("edge", "refused", "limits_broken", "first_buy_unpaid", "nothing_bought", "each_alone"),
    }
    assert used == set(sweep_words.SENTENCES)
    with pytest.raises(KeyError):
        sweep_words.sentence(Doubt("unheard_of"))
    for text in sweep_words.SENTENCES.values():
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(text))


def test_a_heat_map_has_the_mean_and_the_best_of_each_cell() -> None:
    space = read_space(["steps=2,4", "drop_step_pct=1,2", "profit_pct=1,2"], {})
    trials = [
        Trial(number=index, point=space.point(index), seen=_figures(float(index))) for index in range(space.size - 1)
    ]
    trials.append(Trial(number=7, point=space.point(7), refused="too deep"))
    found = heat_map(trials, space, "drop_step_pct", "steps", "profit")
    assert (found.x_values, found.y_values) == (("1", "2"), ("2", "4"))
    year = _figures(1).year_pct
    assert found.best[0] == pytest.approx((1 * year, 3 * year))
    assert found.mean[1] == pytest.approx((4.5 * year, 6 * year))
    assert found.trials == ((2, 2), (2, 1))
    empty = heat_map(trials[:1], space, "drop_step_pct", "steps", "drawdown")
    assert empty.mean == ((10.0, None), (None, None))
    with pytest.raises(KeyError):
        heat_map(trials, space, "cooldown_s", "steps", "profit")


def test_the_scatter_marks_its_front() -> None:
    trials = [
        Trial(number=number, point={}, seen=_figures(pnl, drawdown_pct=fall))
        for number, (pnl, fall) in enumerate([(10.0, 5.0), (20.0, 9.0), (9.0, 6.0)])
    ]
    points = pareto_points([*trials, Trial(number=3, point={}, refused="too deep")], ["profit", "drawdown"])
    assert [(one.number, one.on_front) for one in points] == [(0, True), (1, True), (2, False)]
    assert points[1].values[1] == 9.0
