"""Searching: the front is exactly what nothing beats, splits never look ahead, the same seed gives the same trials."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.search.drive import try_all
from autotrader_v2.search.figures import Figures, added
from autotrader_v2.search.montecarlo import resampled
from autotrader_v2.search.pareto import dominates, front_of, goodness
from autotrader_v2.search.samplers import ROUND, Fixed, Tpe, sampler_of, shuffled
from autotrader_v2.search.space import Space, read_space
from autotrader_v2.search.splits import Split, Stretch, TooLittleData, split
from autotrader_v2.search.trials import DEFAULT_OBJECTIVES, OBJECTIVES, Ask, Counts, LadderRefused, Trial
from autotrader_v2.search.verdict import RATIO, Rule, Standings, rank_correlation, rule_of

_DAY_MS = 86_400_000
_GOODNESS = st.lists(st.tuples(*[st.integers(0, 6).map(float)] * 3), max_size=40)


@given(points=_GOODNESS)
def test_the_front_is_exactly_what_nothing_dominates(points: list[tuple[float, ...]]) -> None:
    wanted = [at for at, one in enumerate(points) if not any(dominates(other, one) for other in points)]
    assert front_of(points) == wanted


@st.composite
def _stretches(draw: st.DrawFn) -> list[Stretch]:
    found = []
    for symbol in draw(st.lists(st.sampled_from(["A_U", "B_U", "C_U", "D_U", "E_U"]), min_size=1, unique=True)):
        at_day = draw(st.integers(0, 400))
        for _ in range(draw(st.integers(1, 3))):
            days = draw(st.integers(5, 200))
            found.append(Stretch(symbol, at_day * _DAY_MS, (at_day + days) * _DAY_MS))
            at_day += days + draw(st.integers(2, 90))
    return found


@given(stretches=_stretches(), pct=st.integers(0, 60), folds=st.integers(0, 6), seed=st.integers(0, 99))
@settings(max_examples=300)
def test_splits_never_overlap_and_never_look_ahead(stretches: list[Stretch], pct: int, folds: int, seed: int) -> None:
    try:
        parts = split(stretches, hold_out_pct=pct, folds=folds, seed=seed)
    except TooLittleData:
        return
    pieces = [*parts.seen, *parts.later, *parts.others]
    assert not any(
        one.symbol == other.symbol and one.from_ms < other.to_ms and other.from_ms < one.to_ms
        for one, other in combinations(pieces, 2)
    )
    assert sum(one.span_ms for one in pieces) == sum(one.span_ms for one in stretches)
    assert not {one.symbol for one in parts.others} & {one.symbol for one in (*parts.seen, *parts.later)}
    assert all(one.from_ms >= parts.cut_ms for one in parts.later)
    assert len(parts.segments) == folds + 1
    assert sum(one.span_ms for part in parts.segments for one in part) == sum(one.span_ms for one in parts.seen)
    for before, after in zip(parts.segments, parts.segments[1:], strict=False):
        assert max(one.to_ms for one in before) <= min(one.from_ms for one in after)
    if pct == 0:
        assert not parts.later and not parts.others
    else:
        covered = sum(one.span_ms for one in (*parts.seen, *parts.later))
        assert abs(sum(one.span_ms for one in parts.later) * 100 - covered * pct) <= 600 * len(stretches)


@given(size=st.integers(1, 3000), seed=st.integers(0, 5))
@settings(max_examples=40)
def test_a_shuffle_holds_every_number_once(size: int, seed: int) -> None:
    assert sorted(shuffled(number, size, seed) for number in range(size)) == list(range(size))


def _space() -> Space:
    return read_space(["drop_step_pct=1:4:0.5", "steps=2:8:2", "order_style=market,capped"], {"start_quote": "20"})


class _Made:
    """A machine whose figures hang on nothing but ladder and stretch."""

    def __init__(self, changed: frozenset[Stretch] = frozenset()) -> None:
        self.changed = changed
        self.asked: set[Stretch] = set()

    def figures(self, ladder: LadderParams, stretch: Stretch) -> Figures:
        self.asked.add(stretch)
        rng = random.Random(f"{ladder.drop_step_pct} {ladder.steps} {ladder.order_style} {stretch}")
        if stretch in self.changed:
            rng.random()
        return _figures(rng, stretch.span_ms)

    def daily_returns(self, ladder: LadderParams, stretch: Stretch) -> list[float]:
        return []


class _Picky(_Made):
    """One that cannot play ladders of four steps over what comes after the first stretch."""

    def figures(self, ladder: LadderParams, stretch: Stretch) -> Figures:
        if ladder.steps == 4 and stretch.from_ms:
            raise LadderRefused(f"not over {stretch}")
        return super().figures(ladder, stretch)


def test_a_ladder_of_a_batch_is_tried_as_if_alone() -> None:
    """Stretch by stretch for all of them; one that is refused on its way, or is none at all, hinders no other."""
    space = read_space(["drop_step_pct=1,2,100", "steps=2:8:2"], {"start_quote": "20"})
    parts = split([Stretch("A_U", 0, 300 * _DAY_MS)], hold_out_pct=25, folds=2, seed=0)
    asks = [Ask(n, space.point(n)) for n in range(space.size)]
    together = try_all(_Picky(), space, parts, asks).trials
    assert list(together) == [one for ask in asks for one in try_all(_Picky(), space, parts, [ask]).trials]
    refused = {one.number for one in together if one.refused}
    assert refused == {ask.number for ask in asks if ask.point["steps"] == "4" or ask.point["drop_step_pct"] == "100"}
    assert all((one.seen is None) == (one.number in refused) for one in together)


def _figures(rng: random.Random, span_ms: int = _DAY_MS) -> Figures:
    pnl = rng.uniform(-30, 40)
    return Figures(
        runs=1,
        span_ms=span_ms,
        pnl_pct=pnl,
        worst_pnl_pct=pnl,
        drawdown_pct=rng.uniform(0, 60),
        mean_drawdown_pct=rng.uniform(0, 60),
        under_water_ms=rng.randrange(span_ms),
        capital_max=rng.uniform(10, 900),
        cycles_closed=rng.randrange(200),
        cycles_open=rng.randrange(2),
        ran_dry=rng.randrange(3),
        unpaid=0,
        trades=rng.randrange(900),
        hold_pnl_pct=rng.uniform(-80, 80),
    )


def _tried(machine: _Made, parts: Split) -> list[Trial]:
    space = _space()
    return list(try_all(machine, space, parts, [Ask(n, space.point(n)) for n in range(space.size)]).trials)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rule", [RATIO, "profit", "drawdown"])
def test_the_choice_never_sees_what_is_held_back(seed: int, rule: str) -> None:
    """All of it changed: the same winner, the same front, the same folds; and no trial ever asked for it."""
    rng = random.Random(seed)
    stretches = [Stretch(coin, 0, rng.randrange(100, 900) * _DAY_MS) for coin in ("A_U", "B_U", "C_U", "D_U")]
    parts = split(stretches, hold_out_pct=30, folds=3, seed=seed)
    assert parts.later and parts.others
    held_back = frozenset((*parts.later, *parts.others))
    machines = _Made(), _Made(held_back)
    first, second = (_tried(machine, parts) for machine in machines)
    assert not any(machine.asked & held_back for machine in machines)
    one, other = (_standings(trials, rule_of(rule)) for trials in (first, second))
    assert one.best is not None and one.best == other.best
    assert one.front() == other.front() != []
    assert len(one.folds()) == 3 and one.folds() == other.folds()
    # The change is one that would be noticed.
    hidden = parts.later[0]
    assert machines[0].figures(LadderParams(), hidden) != machines[1].figures(LadderParams(), hidden)


def _standings(trials: Sequence[Trial], rule: Rule) -> Standings:
    found = Standings([OBJECTIVES[name] for name in DEFAULT_OBJECTIVES], rule)
    for trial in trials:
        found.add(trial)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_standings_hang_on_the_trials_and_not_on_the_order_they_come_in(seed: int) -> None:
    """Several machines finish them as it happens. The leader is the best, the front what nothing beats."""
    rng = random.Random(seed)
    trials = [
        Trial(number=number, point={}, seen=_figures(rng), segments=tuple(_figures(rng) for _ in range(4)))
        for number in range(40)
    ]
    trials.append(Trial(number=40, point={}, refused="too deep"))
    rule, objectives = rule_of(RATIO), [OBJECTIVES[name] for name in DEFAULT_OBJECTIVES]
    found = _standings(trials, rule)
    again = _standings(rng.sample(trials, len(trials)), rule)
    assert (again.best, again.front(), again.folds()) == (found.best, found.front(), found.folds())
    assert (found.tried, found.refused["too deep"]) == (41, 1)
    played = [(one, one.seen) for one in trials if one.seen is not None]
    assert found.best == max(played, key=lambda one: rule(one[1]))[0]
    front = front_of([goodness(seen, objectives) for _, seen in played])
    assert {one.number for one in found.front()} == set(front)
    same = Trial(number=99, point={"steps": "9"}, seen=found.front()[0].seen, segments=trials[0].segments)
    assert _standings([*trials, same], rule).front() == found.front()


@pytest.mark.parametrize("seed", range(5))
def test_no_fold_sees_its_own_segment_or_a_later_one(seed: int) -> None:
    """Whatever happens from a segment on, the choice that is judged there stays the same."""
    rng = random.Random(seed)
    trials = [
        Trial(number=number, point={}, seen=_figures(rng), segments=tuple(_figures(rng) for _ in range(5)))
        for number in range(30)
    ]
    rule = rule_of(RATIO)
    for fold in _standings(trials, rule).folds():
        at = fold.segment
        otherwise = [
            replace(one, segments=(*one.segments[:at], *(_figures(rng) for _ in range(5 - at)))) for one in trials
        ]
        again = _standings(otherwise, rule).folds()[at - 1]
        assert again.winner.number == fold.winner.number
        assert again.chosen_on == fold.chosen_on
        assert again.judged_on == otherwise[fold.winner.number].segments[at]


def _played(asks: list[Ask], space: Space) -> list[Trial]:
    machine = _Made()
    parts = split([Stretch("A_U", 0, 300 * _DAY_MS)], hold_out_pct=25, folds=2, seed=0)
    return list(try_all(machine, space, parts, asks).trials)


@pytest.mark.parametrize("name", ["grid", "random", "tpe"])
def test_the_same_seed_gives_the_same_trials_and_none_twice(name: str) -> None:
    """However often it is stopped in between: what comes next hangs on what is finished alone."""
    space, objectives = _space(), [OBJECTIVES[one] for one in DEFAULT_OBJECTIVES]
    total = space.size if name == "grid" else 50

    def all_of(seed: int) -> list[Ask]:
        asks: list[Ask] = []
        done: list[Trial] = []
        while True:
            # A new sampler each time, as after a restart.
            sampler = sampler_of(name, space, None if name == "grid" else total, seed, objectives)
            new = sampler.following(Counts(0, 0, len(done), 0, len(asks) - 1), done.copy)
            if not new:
                return asks
            asks += new
            done += _played(new, space)

    first = all_of(1)
    assert [ask.number for ask in first] == list(range(total))
    assert len({space.index(ask.point) for ask in first}) == total
    assert all_of(1) == first
    assert (all_of(2) == first) is (name == "grid")


def test_tpe_waits_for_a_round_to_end() -> None:
    space = _space()
    sampler = Tpe(space, 200, 1, [OBJECTIVES["profit"]])
    assert isinstance(sampler_of("random", space, 10, 1, []), Fixed)
    assert sampler.following(Counts(0, 3, ROUND - 3, 0, ROUND - 1), list) == []


def test_tpe_ends_with_every_combination_tried() -> None:
    """A space smaller than what is asked for is tried whole, without a repetition and without an endless search."""
    space = read_space(["steps=1:9:1", "drop_step_pct=1:5:1"], {})
    sampler = sampler_of("tpe", space, 500, 3, [OBJECTIVES["profit"]])
    assert sampler.total == 45
    asks = sampler.following(Counts(0, 0, 0, 0, -1), list)
    asks += sampler.following(Counts(0, 0, len(asks), 0, len(asks) - 1), lambda: _played(asks, space))
    assert len({space.index(ask.point) for ask in asks}) == 45


def test_tpe_comes_nearer_to_what_is_good_than_chance() -> None:
    """Of 96 trials in a space of 6,400 with one hill, TPE's last half is better than a shuffle's."""
    space = read_space(["drop_step_pct=0.5:40:0.5", "steps=1:80:1"], {"drop_growth_pct": "0"})
    wanted = OBJECTIVES["profit"]

    def height(ask: Ask) -> Trial:
        figures = _figures(random.Random(0))
        off = abs(float(ask.point["drop_step_pct"]) - 12) / 40 + abs(int(ask.point["steps"]) - 30) / 80
        return Trial(number=ask.number, point=ask.point, seen=figures._replace(pnl_pct=100 * (1 - off)))

    def last_half(name: str, seed: int) -> float:
        sampler, done = sampler_of(name, space, 96, seed, [wanted]), []
        while len(done) < 96:
            done += [height(ask) for ask in sampler.following(Counts(0, 0, len(done), 0, len(done) - 1), done.copy)]
        return sum(trial.seen.pnl_pct for trial in done[48:] if trial.seen) / 48

    assert all(last_half("tpe", seed) > last_half("random", seed) + 10 for seed in range(3))


@given(seed=st.integers(0, 500), limit=st.integers(5, 60))
def test_a_limit_comes_before_every_other_reason_to_win(seed: int, limit: int) -> None:
    rng = random.Random(seed)
    trials = [Trial(number=number, point={}, seen=_figures(rng)) for number in range(12)]
    leader = _standings(trials, rule_of("profit", {"drawdown": limit, "worst": -10})).best
    best = leader.seen if leader else None
    within = [one.seen for one in trials if one.seen and one.seen.drawdown_pct <= limit and one.seen.pnl_pct >= -10]
    if within:
        assert best is not None and best in within
        assert best.year_pct == max(one.year_pct for one in within)
    assert _standings(trials, rule_of("profit", {})).front() == _standings(trials, rule_of("profit")).front()


@given(st.data())
def test_points_and_numbers_are_the_same_thing(data: st.DataObject) -> None:
    space = _space()
    number = data.draw(st.integers(0, space.size - 1))
    assert space.index(space.point(number)) == number


def test_sums_of_figures_are_the_same_however_they_are_grouped() -> None:
    rng = random.Random(3)
    every = [_figures(rng, rng.randrange(1, 99) * _DAY_MS) for _ in range(9)]
    whole, grouped = added(every), added([added(every[:4]), added(every[4:])])
    assert grouped.year_pct == pytest.approx(whole.year_pct)
    assert grouped.mean_drawdown_pct == pytest.approx(whole.mean_drawdown_pct)
    assert (grouped.drawdown_pct, grouped.worst_pnl_pct, grouped.runs) == (
        whole.drawdown_pct,
        whole.worst_pnl_pct,
        whole.runs,
    )


def test_drawn_paths_of_a_steady_gain_neither_lose_nor_fall() -> None:
    spread = resampled([[0.001] * 100], days=365, block_days=7, paths=50, seed=1)
    assert spread is not None
    assert spread.gain_p5 == spread.gain_p95 == pytest.approx((1.001**365 - 1) * 100)
    assert spread.loss_chance_pct == 0 and not any(spread.deeper_chance_pct.values())


def test_drawn_paths_keep_bad_days_together() -> None:
    """Ten falls of 5 % in a row: in blocks of ten a path that meets them falls by 40 %; day by day none ever does."""
    days = [0.002] * 490 + [-0.05] * 10
    together = resampled([days], days=40, block_days=10, paths=600, seed=2)
    alone = resampled([days], days=40, block_days=1, paths=600, seed=2)
    assert together is not None and alone is not None
    assert together.deeper_chance_pct[30] > 2 > alone.deeper_chance_pct[30]
    assert resampled([days], days=40, block_days=10, paths=600, seed=2) == together
    assert resampled([[0.01] * 5], days=40, block_days=10, paths=10, seed=2) is None


@given(values=st.lists(st.integers(0, 9).map(float), min_size=3, max_size=12))
def test_rank_correlation_ends(values: list[float]) -> None:
    same = rank_correlation(values, values)
    opposite = rank_correlation(values, [-one for one in values])
    if len(set(values)) == 1:
        assert same is None
    else:
        assert same == pytest.approx(1) and opposite == pytest.approx(-1)
