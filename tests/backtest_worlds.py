"""Random markets, ladders and market rules, as wide as a person and an exchange can set them."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from autotrader_v2.app.backtest_data import PaperOutside
from autotrader_v2.backtest.compiled import run_compiled
from autotrader_v2.backtest.exact import run_exact
from autotrader_v2.backtest.metrics import Price, merged
from autotrader_v2.backtest.prepared import NotCovered, Prepared, prepare
from autotrader_v2.backtest.result import BacktestFailed, Result
from autotrader_v2.domain.ladder import (
    BadLadder,
    DropReference,
    LadderParams,
    OrderStyle,
    Reserve,
    SizeMode,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO, floor_to, step_of
from autotrader_v2.infrastructure.feeds.candle_rows import Candle, TickColumns, rows_in_ticks
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape
from autotrader_v2.simulation.silence import quiet

_BEGIN_MS = 1_600_000_000_000
# Deep and shallow books, narrow and wide spreads, a coin of no table.
_COINS = ("BTC", "DOGE", "ADA", "XRP", "BNB", "MATIC", "PEPE", "NOBODY")


class Walk:
    """A candle file that a random walk made."""

    def __init__(self, rng: random.Random, price: float, count: int, interval_ms: int, wild: float) -> None:
        at_ms = _BEGIN_MS + rng.choice((0, 0, 1, rng.randrange(100))) * interval_ms // 4
        self.interval_ms = interval_ms
        self._candles: list[Candle] = []
        drift = rng.choice((0.0, 0.0, -wild / 4, wild / 5))
        for _ in range(count):
            opened = price
            closed = max(price * 0.3, opened * (1 + drift + rng.gauss(0, wild)))
            if rng.random() < 0.01:
                closed = opened * rng.choice((0.6, 0.75, 0.9, 1.1, 1.3))
            high = max(opened, closed) * (1 + abs(rng.gauss(0, wild)))
            low = min(opened, closed) * (1 - min(0.5, abs(rng.gauss(0, wild))))
            self._candles.append(Candle(at_ms, *(Decimal(repr(part)) for part in (opened, high, low, closed))))
            at_ms += interval_ms * (rng.randrange(2, 200) if rng.random() < 0.01 else 1)
            price = closed
        self.first_ms, self.last_ms = self._candles[0].open_ms, self._candles[-1].open_ms

    def in_ticks(self, tick: Decimal) -> Iterator[TickColumns]:
        return rows_in_ticks(self._candles, tick)


@dataclass(frozen=True)
class World:
    """One backtest. `seed` repeats it."""

    seed: int
    tapes: Sequence[CandleTape]
    rules: Sequence[MarketRules]
    params: LadderParams
    budget: Decimal

    def exact(self) -> Result | str:
        """What the engine does; a text where it stops trading."""
        quiet()
        try:
            return run_exact(self.tapes, self.params, self.budget, PaperOutside(self.rules, self.budget))
        except BacktestFailed as error:
            return _failure(error)

    @cached_property
    def prepared(self) -> list[Prepared]:
        return [prepare(tape, rules) for tape, rules in zip(self.tapes, self.rules, strict=True)]

    def compiled(self) -> Result | str:
        """What the compiled rules do; a text where the engine would stop, or where they refuse."""
        try:
            return run_compiled(self.prepared, self.params, self.budget)
        except BacktestFailed as error:
            return _failure(error)
        except NotCovered as error:
            return f"refused: {error}"

    def prices(self) -> list[Price]:
        """The last price of each candle, as `metrics_of` takes them."""
        return merged(
            [
                Price(open_ms + interval_ms, tape.market.pair, ticks * tape.tick)
                for open_ms, interval_ms, ticks in zip(tape.open_ms, tape.interval_ms, tape.closed, strict=True)
            ]
            for tape in self.tapes
        )


def _failure(error: BacktestFailed) -> str:
    """A leap is told in the same words by all; of what else stops trading the machine code keeps no more than that."""
    return str(error) if "its bid went from" in str(error) else "failed"


def world(seed: int, *, candles: int = 60) -> World:
    """The world of that seed."""
    rng = random.Random(f"world {seed}")
    coins = rng.sample(_COINS, rng.choice((1, 1, 1, 2, 3)))
    wild = rng.choice((0.0005, 0.002, 0.008, 0.03))
    intervals_ms = rng.choices((60_000, 60_000, 300_000, 3_600_000, 15_000), k=1 if rng.random() < 0.7 else len(coins))
    # What an order is worth: small against the book, or large enough to eat through it.
    start = Decimal(rng.choice((5, 10, 25, 60, 300, 3_000, 30_000)))
    tapes, rules = [], []
    for number, coin in enumerate(sorted(coins)):
        price = 10 ** rng.uniform(-5, 4.7)
        one = _rules(rng, coin, price, float(start))
        walk: Any = Walk(rng, price, candles, intervals_ms[number % len(intervals_ms)], wild)
        tapes.append(CandleTape([walk], one.market, one.tick, seed=rng.choice((0, seed))))
        rules.append(one)
    while True:
        try:
            params = _params(rng, start, Decimal(tapes[0].opened[0]) * rules[0].tick)
            break
        except BadLadder:
            continue
    budget = start * Decimal(rng.choice(("1.3", "4", "30", "1000"))) + rng.choice((ZERO, Decimal("0.123456")))
    return World(seed, tapes, rules, params, budget)


def thin_world(seed: int, *, candles: int = 40) -> World:
    """A market whose book a large sale eats through: prices so coarse that an order reaches a few levels only."""
    rng = random.Random(f"thin world {seed}")
    digits = rng.randrange(5)
    price = rng.uniform(60, 200) / 10**digits
    start = Decimal(rng.choice((40_000, 100_000)))
    rules = MarketRules(
        market=Market("gate", rng.choice(("NOBODY", "ADA", "BTC")), "USDT"),
        price_precision=digits,
        amount_precision=rng.choice((2, 4)) if price > 1 else 1,
        fee=Decimal(rng.choice(("0.002", "0.001", "0"))),
        min_base=ZERO,
        min_quote=Decimal(3),
    )
    walk: Any = Walk(rng, price, candles, rng.choice((60_000, 60_000, 120_000)), rng.choice((0.05, 0.1)))
    params = LadderParams(
        start_quote=start,
        steps=rng.choice((8, 14, 20)),
        drop_step_pct=Decimal(rng.choice(("0.7", "1.5", "2.5"))),
        drop_growth_pct=ZERO,
        drop_reference=rng.choice(tuple(DropReference)),
        size_multiplier=Decimal(rng.choice(("1", "1.1", "1.2"))),
        profit_pct=Decimal(rng.choice(("0.1", "0.3"))),
        max_spread_pct=Decimal(5),
        max_slippage_pct=Decimal(20),
        rebuy_pause_s=Decimal(rng.choice(("0", "5"))),
        order_style=rng.choice(tuple(OrderStyle)),
    )
    return World(seed, [CandleTape([walk], rules.market, rules.tick, seed=seed)], [rules], params, start * 500)


def _rules(rng: random.Random, coin: str, price: float, start: float) -> MarketRules:
    tick_digits = round(math.log10(10 ** rng.uniform(1.7, 6) / price))
    lot_digits = round(math.log10(price / start * 10 ** rng.uniform(0.5, 6)))
    price_precision, amount_precision = min(max(tick_digits, 0), 10), min(max(lot_digits, 0), 8)
    lots_of_start = Decimal(start / price)

    def cap(least: int, most: int) -> Decimal:
        return Decimal(rng.randrange(least, most)) if rng.random() < 0.2 else ZERO

    return MarketRules(
        market=Market("gate", coin, "USDT"),
        price_precision=price_precision,
        amount_precision=amount_precision,
        fee=Decimal(rng.choice(("0.002", "0.002", "0.001", "0.00075", "0.0015", "0", "0.02"))),
        min_base=rng.choice((ZERO, step_of(amount_precision), floor_to(lots_of_start / 3, step_of(amount_precision)))),
        min_quote=rng.choice((Decimal(3), ZERO, Decimal(1))) if price_precision + amount_precision else ZERO,
        max_base=floor_to(lots_of_start * cap(8, 400), step_of(amount_precision)),
        max_quote=Decimal(start) * cap(8, 400),
        market_max_base=floor_to(lots_of_start * cap(1, 40), step_of(amount_precision)),
        market_max_quote=Decimal(start) * cap(1, 100),
    )


def _params(rng: random.Random, start: Decimal, price: Decimal) -> LadderParams:
    def number(*texts: str) -> Decimal:
        return Decimal(rng.choice(texts))

    steps = rng.choice((0, 1, 2, 3, 5, 8, 20))
    mode = rng.choice(tuple(SizeMode))
    params = LadderParams(
        start_quote=start * number("1", "1", "0.937", "1.01234567"),
        start_balance_pct=number("0", "0", "0", "3", "25", "100", "0.7"),
        steps=steps,
        drop_step_pct=number("0.1", "0.5", "1.5", "4", "0.37"),
        drop_growth_pct=number("0", "0.3", "0.125"),
        drop_reference=rng.choice(tuple(DropReference)),
        size_mode=mode,
        size_multiplier=number("1.4", "1", "1.05", "2.5", "0.9", "1.123456789"),
        sizes=tuple(start * number("1", "2", "0.5", "1.337") for _ in range(steps + 1))
        if mode is SizeMode.CUSTOM
        else (),
        profit_pct=number("0.8", "0.2", "2", "0.05"),
        profit_decay_pct=number("0.02", "0", "0.3"),
        min_profit_pct=number("0.2", "0", "0.01"),
        start_limit=price * number("0", "0", "0", "1.001", "0.995", "1.05333333"),
        cooldown_s=number("0", "0", "600", "7200", "33.3"),
        rebuy_pause_s=number("5", "5", "0", "900", "0.5"),
        max_spread_pct=number("1", "1", "0.03", "5"),
        max_slippage_pct=number("0.3", "0.3", "0", "0.05", "20"),
        order_style=rng.choice(tuple(OrderStyle)),
        reserve=rng.choice(tuple(Reserve)),
        stop_loss_pct=number("0", "0", "1", "6", "10"),
        budget_quote=start * number("0", "0", "0", "3", "7.7"),
    )
    if rng.random() < 0.3:
        # Near what the program ships with, so that most of what people use is met often.
        usual = LadderParams()
        names = rng.sample(("drop_step_pct", "size_mode", "order_style", "stop_loss_pct", "start_limit"), 3)
        params = replace(
            usual, start_quote=params.start_quote, **{one: getattr(params, one) for one in names if one != "size_mode"}
        )
    return params
