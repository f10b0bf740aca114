"""The averaging rules as machine code: the same `Result` as `run_exact`, thousands of times faster.

What it cannot run exactly it refuses by name (`NotCovered`); nothing is approximated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest.machine import BLOCK_BITS, play
from autotrader_v2.backtest.prepared import NotCovered, Prepared, Whole, prepare
from autotrader_v2.backtest.result import BacktestFailed, Result, Trade, Unpaid
from autotrader_v2.backtest.terms import MONEY_DIGITS, digits_of, money, terms_of
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO

__all__ = ["NotCovered", "Prepared", "make_ready", "prepare", "run_compiled"]

_TRADES_FIRST = 1 << 12
_KEPT_SETS = 4
_LOW = (1 << 64) - 1
_REFUSALS = {
    c.TOO_LARGE: "amounts beyond what 64 bits of a lot's worth hold",
    c.UNDECIDABLE: "an average that equals its limit to the last of sixty digits",
    c.TOO_CLOSE: "prices of one market within half a second",
}
_FAILURES = {
    c.PRICE_LEAPED: "a price trebled or fell to a third from one decision to the next",
    c.REFUSED: "the exchange refuses the order by the market's maximum or minimum",
}


def run_compiled(
    prepared: Sequence[Prepared],
    params: LadderParams,
    budget: Decimal,
    *,
    from_ms: int = 0,
    to_ms: int | None = None,
) -> Result:
    """Let the ladder trade every market, all on one balance of `budget`; candles that begin in `[from_ms, to_ms)`.

    Errors: `NotCovered` (use `run_exact`), `BacktestFailed` where the engine would have stopped trading, ValueError
    (no candle).
    """
    run = play_markets(prepared, params, budget, from_ms=from_ms, to_ms=to_ms)
    markets = run.markets
    digits = [digits_of(one.rules) for one in markets]
    quotes = [Decimal((0, (1,), -one.worth)) for one in digits]
    trades = []
    for at_ms, number, step, lots, worth, cycle, _ in run.trades.tolist():
        rules = markets[number].rules
        base, quote = lots * rules.lot, worth * quotes[number]
        trades.append(
            Trade(
                ts_ms=at_ms,
                symbol=rules.market.pair,
                side="sell" if step < 0 else "buy",
                step=None if step < 0 else step,
                base=base,
                quote=quote,
                fee=(quote if step < 0 else base) * rules.fee,
                fee_currency=rules.market.quote if step < 0 else rules.market.base,
                cycle_id=cycle,
            )
        )
    return Result(
        budget=budget,
        trades=tuple(trades),
        unpaid=tuple(
            Unpaid(ts_ms=at_ms, symbol=markets[number].market.pair, cycle_id=cycle, step=step)
            for at_ms, number, cycle, step in run.unpaid.tolist()
        ),
        quote=run.money,
        coins={one.market.pair: coins for one, coins in zip(markets, run.coins, strict=True)},
        ladder_steps=params.steps,
    )


def make_ready() -> None:
    """Load the machine code, or make it: half a minute, once. Whoever runs anything has it done by itself."""
    market = Market("none", "A", "B")
    one = np.ones(1, np.int64)
    candle = Prepared(
        market=market,
        rules=MarketRules(market=market, price_precision=1, amount_precision=1, fee=ZERO),
        spread_ppm=0,
        points=4,
        text="",
        open_ms=one,
        interval_ms=one * 60_000,
        opened=one,
        high=one,
        low=one,
        closed=one,
    )
    play_markets([candle], LadderParams(), Decimal(1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """What a run left. `trades` and `unpaid` by `columns.py`; `coins` held of each market, dust included."""

    markets: Sequence[Prepared]
    first: Whole
    last: Whole
    trades: Whole
    unpaid: Whole
    money: Decimal
    coins: Sequence[Decimal]


@dataclass(frozen=True, eq=False)
class Joined:
    """The candles of several markets in one row each, one market behind the other."""

    begin: tuple[int, ...]
    open_ms: Whole
    interval_ms: Whole
    opened: Whole
    high: Whole
    low: Whole
    closed: Whole
    block_high: Whole
    block_low: Whole
    block_closed_high: Whole
    block_closed_low: Whole
    ways: NDArray[np.int8]


@lru_cache(maxsize=_KEPT_SETS)
def joined(markets: tuple[Prepared, ...]) -> Joined:
    """One market's arrays are taken as they are."""
    begin = np.cumsum([0, *(len(one) for one in markets)])
    columns: dict[str, Whole] = {}
    for name in ("open_ms", "interval_ms", "opened", "high", "low", "closed"):
        parts = [getattr(one, name) for one in markets]
        columns[name] = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts))
    size = 1 << BLOCK_BITS
    whole = len(columns["high"]) // size * size
    return Joined(
        begin=tuple(int(one) for one in begin[:-1]),
        block_high=columns["high"][:whole].reshape(-1, size).max(axis=1),
        block_low=columns["low"][:whole].reshape(-1, size).min(axis=1),
        block_closed_high=columns["closed"][:whole].reshape(-1, size).max(axis=1),
        ways=np.zeros(len(columns["high"]), np.int8),
        block_closed_low=columns["closed"][:whole].reshape(-1, size).min(axis=1),
        **columns,
    )


def play_markets(
    prepared: Sequence[Prepared], params: LadderParams, budget: Decimal, *, from_ms: int = 0, to_ms: int | None = None
) -> Run:
    """Run the machine. Markets without a candle in that time are left out. Errors: see `run_compiled`."""
    spans = [(one, one.span(from_ms, to_ms)) for one in prepared]
    markets = tuple(one for one, (first, last) in spans if last > first)
    if not markets:
        raise ValueError("there is no candle to play")
    candles = joined(markets)
    terms = terms_of(markets, params)
    begin = np.array(candles.begin, np.int64)
    first = begin + np.array([first for _, (first, last) in spans if last > first], np.int64)
    last = begin + np.array([last for _, (first, last) in spans if last > first], np.int64)
    high, low = money(budget, "a budget of")
    room = _TRADES_FIRST
    while True:
        work, shared = terms.work.copy(), terms.shared.copy()
        shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = high, low
        trades, unpaid = np.empty((room, c.TRADE_COLUMNS), np.int64), np.empty((room, c.UNPAID_COLUMNS), np.int64)
        play(
            work,
            shared,
            terms.book,
            terms.text,
            np.empty((len(markets), markets[0].points), np.int64),
            np.empty(32, np.uint64),
            np.empty(len(markets), np.int64),
            candles.ways,
            first,
            last,
            candles.open_ms,
            candles.interval_ms,
            candles.opened,
            candles.high,
            candles.low,
            candles.closed,
            candles.block_high,
            candles.block_low,
            trades,
            unpaid,
        )
        if shared[c.FAULT] != c.NO_ROOM:
            break
        room *= 8
    _judge(int(shared[c.FAULT]))
    coins = []
    for one, row in zip(markets, work, strict=True):
        digits = digits_of(one.rules)
        coins.append(
            Decimal(int(row[c.HELD] + row[c.DUST])).scaleb(digits.worth - digits.net - one.rules.amount_precision)
        )
    return Run(
        markets=markets,
        first=first,
        last=last,
        trades=trades[: shared[c.TRADES]],
        unpaid=unpaid[: shared[c.UNPAID]],
        money=Decimal((int(shared[c.MONEY_HIGH]) << 64) + (int(shared[c.MONEY_LOW]) & _LOW)).scaleb(-MONEY_DIGITS),
        coins=coins,
    )


def _judge(fault: int) -> None:
    if fault in _REFUSALS:
        raise NotCovered(_REFUSALS[fault])
    if fault in _FAILURES:
        raise BacktestFailed(f"The engine would have stopped trading: {_FAILURES[fault]}.")
