"""The compiled rules against the engine that trades: the same trades, amounts and balances, to the last unit.

`MTRADE_BACKTEST_WORLDS` (`run_tests.py --backtest-worlds N`): so many worlds, and every candle of every file.
"""

import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from autotrader_v2.app.backtest_data import PaperOutside, open_tapes
from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest import compiled, levels
from autotrader_v2.backtest.compiled import run_compiled
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.metrics import Price, Sample, metrics_of, samples_of
from autotrader_v2.backtest.prepared import NotCovered, Prepared, prepare
from autotrader_v2.backtest.result import Result
from autotrader_v2.backtest.summary import Summary, summarise
from autotrader_v2.backtest.terms import Terms, terms_of
from autotrader_v2.domain import situation
from autotrader_v2.domain.ladder import LadderParams, Reserve
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.infrastructure.feeds.candle_rows import Candle, TickColumns, rows_in_ticks
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.feeds.file_names import market_in_name
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulation.silence import quiet
from tests.backtest_worlds import World, thin_world, world

_CANDLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "candles"
_FILES = sorted(_CANDLES.glob("*.parquet"))
_LONG = int(os.environ.get("MTRADE_BACKTEST_WORLDS", "0"))
_SHORT = 48
# Of these `thin_world`s every one has a cycle that was sold in parts.
_THIN = (6, 18, 22, 33)
_BATCH = 12
_STRETCH = 240
_DIGITS_14 = Decimal("1e-13")
# Worlds that an earlier version got wrong.
_REMEMBERED = (134, 370, 456, 645)


@cache
def _played(seed: int, make: Callable[[int], World] = world) -> tuple[World, Result | str]:
    here = make(seed)
    return here, here.exact()


def _differs(seed: int, make: Callable[[int], World] = world) -> str:
    """What is not the same, for people; empty when all is, or the compiled rules refuse."""
    here, exact = _played(seed, make)
    fast = here.compiled()
    if fast == exact or (isinstance(fast, str) and fast.startswith("refused")):
        return ""
    if isinstance(exact, str) or isinstance(fast, str):
        return f"seed {seed}: exact {str(exact)[:300]}, compiled {str(fast)[:300]}"
    for number, (one, other) in enumerate(zip(exact.trades, fast.trades, strict=False)):
        if one != other:
            return f"seed {seed}, trade {number}: exact {one}, compiled {other}"
    return f"seed {seed}: exact {exact}, compiled {fast}"


@pytest.mark.timeout(0 if _LONG else 300)
@pytest.mark.parametrize("begin", range(0, _LONG or _SHORT, _BATCH))
def test_the_same_trades_as_the_engine_in_random_worlds(begin: int) -> None:
    found = [text for seed in range(begin, min(begin + _BATCH, _LONG or _SHORT)) if (text := _differs(seed))]
    if _LONG:
        _played.cache_clear()
    assert found == []


@pytest.mark.timeout(0 if _LONG else 300)
def test_the_same_trades_as_the_engine_where_sales_eat_through_the_book() -> None:
    seeds = range(_LONG // 4) if _LONG else _THIN
    found = [text for seed in seeds if (text := _differs(seed, thin_world))]
    assert found == []


@pytest.mark.parametrize("seed", _REMEMBERED)
def test_worlds_that_once_differed(seed: int) -> None:
    assert _differs(seed) == ""


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_m4_a_wild_price_of_any_market_is_told_in_the_same_words(seed: int, up: bool) -> None:
    here = world(seed)
    tape = here.tapes[-1]
    if up:
        tape.high[30] *= 1_000
    else:
        tape.low[30] = max(1, tape.low[30] // 1_000)
    exact = here.exact()
    assert isinstance(exact, str) and f"stopped trading {tape.market.pair} at " in exact
    assert here.compiled() == exact


def test_the_worlds_are_worth_comparing() -> None:
    worlds = [_played(seed) for seed in range(_SHORT)]
    results = [exact for _, exact in worlds if isinstance(exact, Result)]
    trades = [trade for result in results for trade in result.trades]
    refused = [here.compiled() for here, _ in worlds]
    assert len(results) > _SHORT * 0.9
    assert sum(isinstance(one, str) and one.startswith("refused") for one in refused) <= 2
    assert sum(trade.side == "sell" for trade in trades) > 100
    assert sum(bool(result.unpaid) for result in results) > 5
    assert max(trade.step or 0 for trade in trades) >= 5
    assert any(len(result.coins) > 1 and result.trades for result in results)


@pytest.mark.parametrize("seed", _THIN)
def test_the_thin_worlds_sell_in_parts(seed: int) -> None:
    exact = _played(seed, thin_world)[1]
    assert isinstance(exact, Result)
    sales = Counter(trade.cycle_id for trade in exact.trades if trade.side == "sell")
    assert max(sales.values()) > 1


@pytest.mark.parametrize("seed", [6, 22])
def test_a_shorter_pause_behind_a_part_sold_would_be_seen(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here, exact = _played(seed, thin_world)
    monkeypatch.setattr(situation, "_REST_PAUSE_MS", 30_000)
    assert here.exact() != exact


def _planted(change: Callable[[Terms], None], monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(markets: tuple[Prepared, ...], params: LadderParams) -> Terms:
        right = terms_of(markets, params)
        copied = Terms(*(part.copy() for part in right))
        change(copied)
        return copied

    monkeypatch.setattr(compiled, "terms_of", wrong)


def _more(column: int, by: int) -> Callable[[Terms], None]:
    def change(terms: Terms) -> None:
        terms.work[:, column] += by

    return change


def _sizes_rounded_up(terms: Terms) -> None:
    terms.work[:, c.SIZES_AT :] += 1


def _take_profit_a_tick_higher(terms: Terms) -> None:
    terms.shared[c.STEPS_AT + c.STEP_PROFIT :: c.STEP_COLUMNS] += 1


def _breakeven_too_low(terms: Terms) -> None:
    terms.work[:, c.HELD_TIMES] += terms.work[:, c.HELD_TIMES] // 1000


def _a_deeper_book(terms: Terms) -> None:
    terms.book[:, levels.TOP_QUOTE] *= 1.0001


def _other(column: int, *values: int) -> Callable[[Terms], None]:
    """Another of the values that a switch of the ladder has."""

    def change(terms: Terms) -> None:
        terms.shared[column] = values[(values.index(terms.shared[column]) + 1) % len(values)]

    return change


def _waits(column: int, seconds: int) -> Callable[[Terms], None]:
    def change(terms: Terms) -> None:
        terms.shared[column] += seconds * 1000

    return change


def _no_dust(terms: Terms) -> None:
    terms.work[:, c.LEAST] = 1


def _stop_never(terms: Terms) -> None:
    terms.shared[c.HAS_STOP] = 0


def _a_step_less(terms: Terms) -> None:
    terms.shared[c.STEPS] -= terms.shared[c.STEPS] > 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_other(c.FROM_LAST_BUY, 0, 1), id="rebuys fall from the other price"),
        pytest.param(_other(c.CAPPED, 0, 1), id="the other order style"),
        pytest.param(_other(c.RESERVE, c.RESERVE_NONE, c.RESERVE_NEXT, c.RESERVE_LADDER), id="another reserve"),
        pytest.param(_waits(c.REBUY_MS, 60), id="a minute more between buys"),
        pytest.param(_waits(c.COOLDOWN_MS, 60), id="a minute more behind a sale"),
        pytest.param(_other(c.HAS_START_LIMIT, 0, 1), id="a start limit where there is none"),
        pytest.param(_other(c.HAS_BUDGET, 0, 1), id="a budget where there is none"),
        pytest.param(_no_dust, id="no least amount"),
        pytest.param(_stop_never, id="the stop never sells"),
        pytest.param(_a_step_less, id="the last step is not bought"),
        pytest.param(_sizes_rounded_up, id="sizes rounded up"),
        pytest.param(_take_profit_a_tick_higher, id="profit a millionth too large"),
        pytest.param(_a_deeper_book, id="a deeper book"),
        pytest.param(_more(c.KEPT, 1), id="fee one part too small"),
        pytest.param(_breakeven_too_low, id="breakeven a thousandth too low"),
        pytest.param(_more(c.MARGIN_WORTH, 10**12), id="minimum too large"),
        pytest.param(_more(c.SEED, 1), id="another order book"),
        pytest.param(_more(c.SPREAD_PPM, 25), id="a wider spread"),
    ],
)
def test_a_planted_mistake_is_seen(change: Callable[[Terms], None], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _differs(1)
    _planted(change, monkeypatch)
    assert any(_differs(seed) for seed in range(_SHORT))


def test_a_planted_mistake_in_the_way_inside_a_candle_is_seen() -> None:
    """The other extreme first."""
    seen = []
    for seed in range(_SHORT):
        here, exact = _played(seed)
        if len(here.tapes) > 1 or not isinstance(exact, Result):
            continue
        right = here.compiled()
        rows = here.prepared[0].rows
        known = rows[:, c.WAY].copy()
        assert set(known.tolist()) <= {0, 1, 2}
        rows[:, c.WAY] = (3 - known) * (known > 0)
        seen.append(here.compiled() != right)
        rows[:, c.WAY] = known
        assert here.compiled() == right
    assert any(seen)


@pytest.mark.parametrize("room", [1, 3, 20])
def test_a_run_that_needs_more_room_goes_on_where_it_was(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it began again from the first candle, so that ten times the candles took twenty times as long."""
    found = {seed: _played(seed)[0].compiled() for seed in range(_SHORT)}
    played = []
    monkeypatch.setattr(compiled, "_ROOM_FIRST", room)
    monkeypatch.setattr(compiled, "play", lambda *arrays, play=compiled.play: played.append(1) or play(*arrays))
    for seed, result in found.items():
        assert _played(seed)[0].compiled() == result, f"seed {seed}"
    assert len(played) > _SHORT * 1.2


def test_a_pickled_market_is_the_same_in_another_process() -> None:
    """As the workers of a search get it: its rows lie in lines of the cache again."""
    here, _ = _played(2)
    again = [pickle.loads(pickle.dumps(one)) for one in here.prepared]
    for one, other in zip(here.prepared, again, strict=True):
        assert (other.rows == one.rows).all() and other.rows.ctypes.data % 64 == 0 == one.rows.ctypes.data % 64
    assert run_compiled(again, here.params, here.budget) == here.compiled()


def _under_water_ms(budget: Decimal, samples: Sequence[Sample], nearly: Decimal) -> int:
    """The longest time below an earlier peak, where reaching that much of it counts as reaching it."""
    peak, peak_ms, longest_ms, below = budget, samples[0].at_ms, 0, False
    for at_ms, value, _ in samples:
        recovered = value >= peak * (nearly if below or nearly < 1 else 1)
        if below or not recovered:
            longest_ms = max(longest_ms, at_ms - peak_ms)
        if recovered:
            peak, peak_ms = max(value, peak) if below else value, at_ms
        below = not recovered
    return longest_ms


def _prices_of(tape: CandleTape) -> list[Price]:
    return [
        Price(open_ms + interval_ms, tape.market.pair, ticks * tape.tick)
        for open_ms, interval_ms, ticks in zip(tape.open_ms, tape.interval_ms, tape.closed, strict=True)
    ]


def _assert_same_figures(exact: Result, prices: list[Price], fee: Decimal, summary: Summary, where: str) -> None:
    budget, metrics = exact.budget, metrics_of(exact, prices, fee)
    samples = list(samples_of(budget, exact.trades, prices))
    # What differs in the 14th digit may count as equal, or not.
    least, most = (_under_water_ms(budget, samples, nearly) for nearly in (1 - _DIGITS_14, 1 + _DIGITS_14))
    assert least <= summary.under_water_ms <= most, f"{metrics.under_water_ms}, {where}"
    for name in ("begin_ms", "end_ms", "cycles_closed", "cycles_open", "ran_dry", "unpaid"):
        assert getattr(summary, name) == getattr(metrics, name), f"{name}, {where}"
    for name in ("pnl", "pnl_pct", "max_drawdown", "max_drawdown_pct", "capital_max"):
        figure = float(getattr(metrics, name))
        assert getattr(summary, name) == pytest.approx(figure, rel=1e-9, abs=1e-9 * float(budget)), f"{name}, {where}"
    assert summary.buy_and_hold_pnl == pytest.approx(float(metrics.buy_and_hold.pnl), rel=1e-9), where
    assert summary.deepest_step == max(metrics.deepest, default=-1), where


def test_a_summary_tells_the_figures_of_the_trades() -> None:
    for seed in range(_SHORT):
        here, exact = _played(seed)
        if not isinstance(exact, Result) or isinstance(here.compiled(), str):
            continue
        summary = summarise(here.prepared, here.params, here.budget)
        prices, fee = here.prices(), here.rules[0].fee
        _assert_same_figures(exact, prices, fee, summary, f"seed {seed}")
        assert (summary.trades, summary.candles) == (len(exact.trades), len(prices)), f"seed {seed}"


def test_a_window_is_what_its_candles_alone_would_be() -> None:
    for seed in range(0, _SHORT, 4):
        here, _ = _played(seed)
        from_ms, to_ms = here.tapes[0].open_ms[11], here.tapes[0].open_ms[47]
        cut = []
        for tape, rules in zip(here.tapes, here.rules, strict=True):
            part = CandleTape([_Rows(tape, from_ms, to_ms)], tape.market, tape.tick, seed=tape.seed)  # type: ignore[list-item]
            if len(part):
                cut.append(prepare(part, rules))
        if len(cut) != len(here.tapes):
            continue  # another first market draws other books
        try:
            alone = run_compiled(cut, here.params, here.budget)
        except NotCovered:
            continue
        assert run_compiled(here.prepared, here.params, here.budget, from_ms=from_ms, to_ms=to_ms) == alone


class _Rows:
    """Some candles of a tape, or of a list, as a file."""

    def __init__(self, tape: CandleTape, from_ms: int, to_ms: int) -> None:
        self._candles = [
            Candle(open_ms, *(Decimal(part) * tape.tick for part in parts))
            for open_ms, *parts in zip(tape.open_ms, tape.opened, tape.high, tape.low, tape.closed, strict=True)
            if from_ms <= open_ms < to_ms
        ]
        self.first_ms = self._candles[0].open_ms if self._candles else 0
        self.last_ms = self._candles[-1].open_ms if self._candles else 0
        self.interval_ms = tape.interval_ms[0]

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self._candles, tick)


class _Stretch:
    """Some candles of a parquet from its middle on, read without the rest."""

    def __init__(self, path: Path) -> None:
        file = pq.ParquetFile(path)
        table = file.read()
        rows = table.slice(table.num_rows // 2, _STRETCH).to_pylist()
        self.rows = [
            Candle(
                row[table.column_names[0]],
                *(Decimal(repr(float(row[name]))) for name in ("open", "high", "low", "close")),
            )
            for row in rows
        ]
        self.first_ms, self.last_ms = self.rows[0].open_ms, self.rows[-1].open_ms
        self.interval_ms = min(
            after.open_ms - before.open_ms
            for before, after in zip(self.rows, self.rows[1:], strict=False)
        )  # fmt: skip

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self.rows, tick)


def _file(path: Path) -> tuple[list[CandleTape], list[MarketRules]]:
    if _LONG:
        return open_tapes(path)
    base, quote = market_in_name(path)
    stretch: Any = _Stretch(path)
    rules = rules_for(base, quote, price=stretch.rows[0].open)
    return [CandleTape([stretch], Market("gate", base, quote), rules.tick)], [rules]


def test_the_shared_candles_are_there_where_everything_must_run() -> None:
    """Without them the test below has no case and would pass by that."""
    if not _FILES and os.environ.get("CI") != "true":
        pytest.skip("the shared candles are not there")
    assert _FILES


@pytest.mark.timeout(0 if _LONG else 300)
@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_the_same_trades_as_the_engine_on_every_candle_file(path: Path) -> None:
    quiet()
    tapes, rules = _file(path)
    budget, ladder = Decimal(1000), LadderParams(reserve=Reserve.LADDER)
    exact = run_exact(tapes, ladder, budget, PaperOutside(rules, budget))
    prepared = [prepare(tape, one) for tape, one in zip(tapes, rules, strict=True)]
    assert run_compiled(prepared, ladder, budget) == exact
    summary = summarise(prepared, ladder, budget)
    _assert_same_figures(exact, _prices_of(tapes[0]), rules[0].fee, summary, path.stem)


def test_what_it_cannot_run_exactly_it_refuses_by_name() -> None:
    here = world(3)
    with pytest.raises(NotCovered, match=r"pays the account's fees; use --engine exact"):
        _with_rules(here, pays_fees=True)
    with pytest.raises(NotCovered, match="19 decimals"):
        _with_rules(here, fee=Decimal(1).scaleb(here.rules[0].price_precision + here.rules[0].amount_precision - 19))
    with pytest.raises(NotCovered, match="not tradable on both sides"):
        _with_rules(here, delisting_s=1)


def _with_rules(here: World, **changes: Any) -> None:
    from dataclasses import replace

    run_compiled([prepare(here.tapes[0], replace(here.rules[0], **changes))], here.params, here.budget)
