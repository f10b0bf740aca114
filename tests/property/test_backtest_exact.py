"""What a backtest leaves out decides nothing: with and without it the same trades, to the last digit."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from autotrader_v2.app.backtest_data import PaperOutside
from autotrader_v2.application.events import Record
from autotrader_v2.application.ports import Clock
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.metrics import cycle_results
from autotrader_v2.backtest.result import BacktestFailed, Result
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import LadderParams, Reserve
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candle_rows import Candle, TickColumns, rows_in_ticks
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulation.journal import MemoryJournal, Store
from autotrader_v2.simulation.silence import quiet

_BEGIN_MS = 1_600_000_000_000


class _Walk:
    """A random candle file."""

    def __init__(self, rng: random.Random, price: float, count: int, interval_ms: int, wild: float) -> None:
        self.first_ms = _BEGIN_MS + rng.randrange(10) * interval_ms
        self.interval_ms = interval_ms
        self._candles: list[Candle] = []
        at_ms = self.first_ms
        for _ in range(count):
            opened = price
            closed = max(price * 0.3, opened * (1 + rng.gauss(0, wild)))
            if rng.random() < 0.01:
                closed = opened * rng.choice((0.75, 0.9, 1.1, 1.3))
            high = max(opened, closed) * (1 + abs(rng.gauss(0, wild)))
            low = min(opened, closed) * (1 - min(0.5, abs(rng.gauss(0, wild))))
            parts = [Decimal(repr(round(part, 8))) for part in (opened, high, low, closed)]
            self._candles.append(Candle(at_ms, *parts))
            at_ms += interval_ms * (rng.randrange(2, 200) if rng.random() < 0.01 else 1)
            price = closed
        self.last_ms = self._candles[-1].open_ms

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self._candles, tick)


def _params(rng: random.Random) -> LadderParams:
    return LadderParams(
        start_quote=Decimal(rng.choice((10, 25, 60))),
        steps=rng.choice((0, 1, 3, 8)),
        drop_step_pct=Decimal(rng.choice(("0.5", "1.5", "4"))),
        profit_pct=Decimal(rng.choice(("0.5", "0.8", "2"))),
        cooldown_s=Decimal(rng.choice((0, 0, 600, 7200))),
        rebuy_pause_s=Decimal(rng.choice((5, 5, 900))),
        stop_loss_pct=Decimal(rng.choice((0, 0, 6))),
        start_limit=Decimal(rng.choice(("0", "0", "1.02"))),
    )


class _Books(PaperOutside):
    """Keeps what the engine wrote."""

    store = Store()

    def journal(self, on_write: Callable[[Sequence[Record]], None]) -> MemoryJournal:
        self.store = Store()
        return MemoryJournal(self.store, lambda records, written: on_write(records) if written else None)


@cache
def _run(seed: int, *, leave_out: bool) -> Result:
    return _run_with_books(seed, leave_out=leave_out)[0]


def _run_with_books(seed: int, *, leave_out: bool, whole_coins: bool = False) -> tuple[Result, Store]:
    rng = random.Random(seed)
    coins = rng.sample(("ADA", "XRP", "DOGE", "MATIC"), rng.choice((1, 1, 2, 3)))
    params, tapes, rules = _params(rng), [], []
    wild, interval_ms = rng.choice((0.0005, 0.002, 0.008)), rng.choice((60_000, 300_000, 3_600_000))
    for coin in coins:
        file: Any = _Walk(rng, 1.0, 60, interval_ms, wild)
        one = rules_for(coin, price=Decimal(1))
        one = replace(one, amount_precision=0) if whole_coins else one
        tapes.append(CandleTape([file], Market("gate", coin, "USDT"), one.tick, seed=seed))
        rules.append(one)
    budget = Decimal(rng.choice((40, 150, 2000)))
    outside = _Books(rules, budget)
    return run_exact(tapes, params, budget, outside, leave_out=leave_out), outside.store


@pytest.mark.parametrize("seed", range(14))
def test_leaving_quiet_prices_out_changes_nothing(seed: int) -> None:
    assert _run(seed, leave_out=True) == _run(seed, leave_out=False)


class _Drawn:
    """Candles as given, one an hour."""

    def __init__(self, *candles: tuple[str, str, str, str]) -> None:
        self.first_ms, self.interval_ms = _BEGIN_MS, 3_600_000
        self._candles = [
            Candle(_BEGIN_MS + at * self.interval_ms, *map(Decimal, parts)) for at, parts in enumerate(candles)
        ]
        self.last_ms = self._candles[-1].open_ms

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self._candles, tick)


def _drawn(*candles: tuple[str, str, str, str], leave_out: bool) -> Result:
    file: Any = _Drawn(*candles)
    rules = rules_for("ADA", price=Decimal(1))
    tape = CandleTape([file], Market("gate", "ADA", "USDT"), rules.tick)
    outside = PaperOutside([rules], Decimal(100))
    return run_exact([tape], LadderParams(steps=0), Decimal(100), outside, leave_out=leave_out)


def test_a_leap_is_judged_from_the_price_before_it_also_when_that_was_left_out() -> None:
    """From 0.905 down to 0.305 is no leap; from the 1.00 that the engine saw last it would be one."""
    candles = ("1", "1", "1", "1"), ("1", "1", "0.905", "0.905"), ("0.305", "0.305", "0.305", "0.305")
    assert _drawn(*candles, leave_out=True) == _drawn(*candles, leave_out=False)


def test_a_price_that_leaps_fails_either_way() -> None:
    candles = ("1", "1", "1", "1"), ("1", "1", "0.98", "0.98"), ("0.305", "0.305", "0.305", "0.305")
    for leave_out in (True, False):
        with pytest.raises(BacktestFailed, match=r"ADA_USDT at 20.* UTC: its bid went from 0\.9\d* to 0\.30\d*, "):
            _drawn(*candles, leave_out=leave_out)


class _Counting(PaperOutside):
    """Tells how many prices the engine was shown."""

    shown = 0

    def exchange(self, clock: Clock) -> PaperExchange:
        exchange = super().exchange(clock)
        take = exchange.feed

        def feed(quote: Quote) -> None:
            self.shown += 1
            take(quote)

        exchange.feed = feed  # type: ignore[method-assign]
        return exchange


@cache
def _crowded(seed: int, *, leave_out: bool) -> tuple[Result, int]:
    """Three to five coins of different grids on a balance that pays a few of their steps; the prices shown too."""
    rng = random.Random(f"crowded {seed}")
    params = LadderParams(
        start_balance_pct=Decimal(rng.choice((0, 0, 0, 30))),
        steps=rng.choice((2, 5)),
        drop_step_pct=Decimal(rng.choice(("0.3", "0.8"))),
        profit_pct=Decimal(rng.choice(("0.4", "1"))),
        reserve=rng.choice(tuple(Reserve)),
        stop_loss_pct=Decimal(rng.choice((0, 0, 2))),
        start_limit=Decimal(rng.choice(("0", "0", "1.01"))),
    )
    tapes, rules = [], []
    for coin in rng.sample(("ADA", "XRP", "DOGE", "MATIC", "TRX"), rng.choice((3, 4, 5))):
        file: Any = _Walk(rng, 1.0, 70, rng.choice((60_000, 60_000, 300_000)), 0.004)
        one = rules_for(coin, price=Decimal(1))
        tapes.append(CandleTape([file], Market("gate", coin, "USDT"), one.tick, seed=seed))
        rules.append(one)
    budget = Decimal(rng.choice((35, 60, 90)))
    quiet()
    outside = _Counting(rules, budget)
    return run_exact(tapes, params, budget, outside, leave_out=leave_out), outside.shown


@pytest.mark.parametrize("seed", range(10))
def test_coins_that_wait_for_each_others_money_trade_the_same_without_their_quiet_prices(seed: int) -> None:
    assert _crowded(seed, leave_out=True)[0] == _crowded(seed, leave_out=False)[0]


def test_what_waits_for_money_is_shown_few_prices_and_often_gets_some() -> None:
    """Else the test above would say nothing, or a backtest of several coins take many times as long."""
    played = [_crowded(seed, leave_out=True) for seed in range(10)]
    every = [_crowded(seed, leave_out=False) for seed in range(10)]
    assert sum(shown for _, shown in played) * 4 < sum(shown for _, shown in every)
    paid_late = [
        one
        for result, _ in played
        for one in result.unpaid
        for trade in result.trades
        if (trade.symbol, trade.cycle_id, trade.step) == (one.symbol, one.cycle_id, one.step) and trade.side == "buy"
    ]
    assert len(paid_late) > 30


def test_the_worlds_of_this_test_trade_run_dry_and_run_out_of_money() -> None:
    results = [_run(seed, leave_out=True) for seed in range(14)]
    trades = [trade for result in results for trade in result.trades]
    assert sum(trade.side == "sell" for trade in trades) > 20
    assert max(trade.step or 0 for trade in trades) == 8
    assert any(result.unpaid for result in results)


def test_results_of_cycles_are_those_of_the_engines_books() -> None:
    """Dust with its cost included, which coarse lots leave behind each sale."""
    closed = 0
    for seed in range(8):
        result, store = _run_with_books(seed, leave_out=True, whole_coins=True)
        found = cycle_results(result.trades)
        for market, cycle in store.cycles().items():
            booked = cycle.tally.realised - (cycle.cycle_realised if isinstance(cycle, Active) else 0)
            own = [earned for (symbol, _), earned in found.items() if symbol == market.pair]
            assert abs(sum(own, Decimal(0)) - booked) < Decimal("1e-12"), f"seed {seed}"
            assert len(own) == cycle.tally.completed
            closed += len(own)
            assert cycle.tally.dust.cost > 0 or not own
    assert closed > 10


def test_the_end_balance_is_what_the_trades_moved() -> None:
    for seed in range(8):
        result = _run(seed, leave_out=True)
        quote = result.budget
        coins = dict.fromkeys(result.coins, Decimal(0))
        for trade in result.trades:
            sign = 1 if trade.side == "buy" else -1
            quote -= sign * trade.quote + (trade.fee if trade.fee_currency == "USDT" else 0)
            coins[trade.symbol] += sign * trade.base - (0 if trade.fee_currency == "USDT" else trade.fee)
        assert (result.quote, result.coins) == (quote, coins), f"seed {seed}"
