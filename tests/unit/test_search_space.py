"""Ranges as a person types them, and what is refused before anything runs."""

from decimal import Decimal

import pytest

from autotrader_v2.domain.ladder import BadLadder
from autotrader_v2.search.samplers import SpaceTooLarge, sampler_of
from autotrader_v2.search.space import BadRange, read_range, read_space
from autotrader_v2.search.splits import Stretch, TooLittleData, split


def test_a_range_holds_both_ends() -> None:
    assert read_range("drop_step_pct=0.5:2:0.5").values == ("0.5", "1", "1.5", "2")
    assert read_range("drop_step_pct=0.5:2:0.4").values == ("0.5", "0.9", "1.3", "1.7")
    assert read_range("steps=3:3:1").values == ("3",)


def test_a_list_is_put_in_order_and_holds_nothing_twice() -> None:
    assert read_range("steps=8, 2,4,2.0").values == ("2", "4", "8")
    named = read_range("size_mode=martingale,fixed")
    assert (named.values, named.numeric) == (("martingale", "fixed"), False)
    # The page's word for it.
    assert read_range("size_mode=doubling,fixed") == named


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("drop_step_pct=1:2:0", "step must be above 0"),
        ("drop_step_pct=1:2:-1", "step must be above 0"),
        ("drop_step_pct=4:2:1", "begins above its end"),
        ("drop_step_pct=1:2", "FROM:TO:STEP"),
        ("drop_step_pct=1:zwei:1", "zwei"),
        ("drop_step_pct=nan:2:1", "finite"),
        ("drop_step_pct=0:1:0.000001", "1000001 values"),
        ("drop_step_pct=-1:1:1", "0 or more"),
        ("steps=1:2:0.5", "whole number"),
        ("steps=,", "no value"),
        ("depth=1:2:1", "no ladder parameter"),
        ("sizes=1:2:1", "cannot be searched"),
        ("size_mode=huge", r"size_mode: .* not one of fixed, geometric, martingale \(or doubling\), custom"),
        ("drop_step_pct", "NAME=FROM:TO:STEP"),
    ],
)
def test_a_range_that_cannot_be_searched_says_why(text: str, why: str) -> None:
    with pytest.raises(BadRange, match=why):
        read_range(text)


def test_a_parameter_is_searched_once_or_set() -> None:
    with pytest.raises(BadRange, match="nothing to search"):
        read_space([], {})
    with pytest.raises(BadRange, match="two ranges"):
        read_space(["steps=1", "steps=2"], {})
    with pytest.raises(BadRange, match="both searched and set"):
        read_space(["steps=1"], {"steps": "2"})
    with pytest.raises(BadRange, match="no ladder parameter"):
        read_space(["steps=1"], {"stepz": "2"})
    with pytest.raises(BadRange, match="drop_step_pct"):
        read_space(["steps=1"], {"drop_step_pct": "much"})


def test_a_point_becomes_a_whole_ladder() -> None:
    space = read_space(["steps=2,4", "drop_step_pct=1:90:1"], {"start_quote": "25"})
    ladder = space.ladder({"steps": "4", "drop_step_pct": "3"})
    assert (ladder.steps, ladder.drop_step_pct, ladder.start_quote) == (4, Decimal(3), Decimal(25))
    with pytest.raises(BadLadder, match="fall 100 %"):
        read_space(["steps=40", "drop_step_pct=99"], {}).ladder({"steps": "40", "drop_step_pct": "99"})


def test_a_grid_of_a_million_millions_is_refused_with_the_count() -> None:
    space = read_space([f"{name}=0.001:10:0.001" for name in ("drop_step_pct", "profit_pct", "drop_growth_pct")], {})
    for sampler, trials in (("grid", None), ("tpe", None), ("random", None)):
        with pytest.raises(SpaceTooLarge, match="1000000000000 combinations"):
            sampler_of(sampler, space, trials, 0, [])
    with pytest.raises(SpaceTooLarge, match="its first ones"):
        sampler_of("grid", space, 100, 0, [])
    assert sampler_of("random", space, 100, 0, []).total == 100


def test_too_little_to_split_is_said() -> None:
    one = Stretch("A_U", 0, 5)
    with pytest.raises(TooLittleData):
        split([one], hold_out_pct=30, folds=9, seed=0)
    with pytest.raises(TooLittleData, match="every coin"):
        split([one], hold_out_pct=30, folds=1, seed=0, coins=["A_U"])
    with pytest.raises(ValueError, match="no candles of B_U"):
        split([one], hold_out_pct=30, folds=1, seed=0, coins=["B_U"])
