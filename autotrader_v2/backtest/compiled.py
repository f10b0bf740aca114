"""The averaging rules as machine code: the same `Result` as `run_exact`, thousands of times faster.

What it cannot run exactly it refuses by name (`NotCovered`); nothing is approximated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from autotrader_v2.backtest import columns as c
from autotrader_v2.backtest.machine import play
from autotrader_v2.backtest.prepared import (
    NotCovered,
    Outline,
    Prepared,
    Whole,
    aligned,
    outline_of,
    prepare,
    rows_of,
)
from autotrader_v2.backtest.result import BacktestFailed, Result, Trade, Unpaid, price_leaped, with_rests
from autotrader_v2.backtest.terms import MONEY_DIGITS, digits_of, money, terms_of
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.quotes import leaps

__all__ = ["NotCovered", "Prepared", "make_ready", "prepare", "run_compiled"]

_ROOM_FIRST = 1 << 10
_KEPT_SETS = 4
_LOW = (1 << 64) - 1
_REFUSALS = {
    c.TOO_LARGE: "amounts beyond what 64 bits of a lot's worth hold",
    c.UNDECIDABLE: "an average that equals its limit to the last of sixty digits",
    c.TOO_CLOSE: "prices of one market within half a second",
}
_FAILURES = {
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
    trades = []
    # What is the same for all trades of a market, looked up once: there may be many thousands.
    terms = [_Words.of(one.rules) for one in markets]
    for at_ms, number, step, lots, worth, cycle, _ in run.trades.tolist():
        pair, base, quote, lot, part, fee = terms[number]
        coins, paid = lots * lot, worth * part
        trades.append(
            Trade(at_ms, pair, "sell", None, coins, paid, paid * fee, quote, cycle)
            if step < 0
            else Trade(at_ms, pair, "buy", step, coins, paid, coins * fee, base, cycle)
        )
    return Result(
        budget=budget,
        trades=with_rests(trades, run.open_cycles),
        unpaid=tuple(
            Unpaid(ts_ms=at_ms, symbol=markets[number].market.pair, cycle_id=cycle, step=step)
            for at_ms, number, cycle, step in run.unpaid.tolist()
        ),
        quote=run.money,
        coins={one.market.pair: coins for one, coins in zip(markets, run.coins, strict=True)},
        ladder_steps=params.steps,
    )


class _Words(NamedTuple):
    """A market in the words of its trades. `part`: a tick times a lot."""

    pair: str
    base: str
    quote: str
    lot: Decimal
    part: Decimal
    fee: Decimal

    @classmethod
    def of(cls, rules: MarketRules) -> "_Words":
        market, part = rules.market, Decimal((0, (1,), -digits_of(rules).worth))
        return cls(market.pair, market.base, market.quote, rules.lot, part, rules.fee)


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
        rows=rows_of(one, one * 60_000, one, one, one, one),
    )
    play_markets([candle], LadderParams(), Decimal(1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """What a run left. `trades` and `unpaid` by `columns.py`; `coins` held of each market, dust included.

    `open_cycles`: of the markets that are in one, its id.
    """

    markets: Sequence[Prepared]
    first: Whole
    last: Whole
    trades: Whole
    unpaid: Whole
    money: Decimal
    coins: Sequence[Decimal]
    open_cycles: Mapping[str, int]


class Joined(NamedTuple):
    """The candles of several markets one behind the other: where each begins, the rows, and their outline."""

    begin: tuple[int, ...]
    rows: Whole
    outline: Outline


def joined(markets: tuple[Prepared, ...]) -> Joined:
    """One market's rows are taken as they are."""
    if len(markets) == 1:
        return Joined((0,), markets[0].rows, markets[0].outline)
    return _joined(markets)


@lru_cache(maxsize=_KEPT_SETS)
def _joined(markets: tuple[Prepared, ...]) -> Joined:
    begin = np.cumsum([0, *(len(one) for one in markets)])
    rows = aligned(np.concatenate([one.rows for one in markets]))
    return Joined(tuple(int(one) for one in begin[:-1]), rows, outline_of(rows))


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
    work, shared = terms.work.copy(), terms.shared.copy()
    shared[c.MONEY_HIGH], shared[c.MONEY_LOW] = high, low
    trades = np.empty((_ROOM_FIRST, c.TRADE_COLUMNS), np.int64)
    unpaid = np.empty((_ROOM_FIRST, c.UNPAID_COLUMNS), np.int64)
    paths = np.empty((len(markets), markets[0].points), np.int64)
    scratch, queue = np.empty(32, np.uint64), np.empty(len(markets), np.int64)
    while True:
        shared[c.FAULT] = c.FINE
        play(
            work,
            shared,
            terms.book,
            terms.text,
            paths,
            scratch,
            queue,
            first,
            last,
            candles.rows,
            candles.outline.spans,
            candles.outline.blocks,
            trades,
            unpaid,
        )
        if shared[c.FAULT] != c.LITTLE_ROOM:
            break
        trades, unpaid = _with_more_room(trades), _with_more_room(unpaid)
    _judge(int(shared[c.FAULT]), markets, work)
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
        open_cycles={
            one.market.pair: int(row[c.CYCLE]) for one, row in zip(markets, work, strict=True) if row[c.ACTIVE]
        },
    )


def _with_more_room(rows: Whole) -> Whole:
    room = np.empty((4 * len(rows), rows.shape[1]), np.int64)
    room[: len(rows)] = rows
    return room


def _judge(fault: int, markets: Sequence[Prepared], work: Whole) -> None:
    if fault == c.NO_ROOM:
        raise AssertionError("a market traded more often at one price than it can")
    if fault in _REFUSALS:
        raise NotCovered(_REFUSALS[fault])
    if fault == c.PRICE_LEAPED:
        raise _leap(markets, work)
    if fault in _FAILURES:
        raise BacktestFailed(f"The engine would have stopped trading: {_FAILURES[fault]}.")


def _leap(markets: Sequence[Prepared], work: Whole) -> BacktestFailed:
    """The market that leaped is the one whose last bid its engine has not taken as known."""
    for one, row in zip(markets, work, strict=True):
        tick, known, bid = one.rules.tick, int(row[c.KNOWN]), int(row[c.SEEN_BID])
        if known >= 0 and leaps(known * tick, bid * tick):
            return price_leaped(one.market.pair, int(row[c.SEEN_MS]), known * tick, bid * tick)
    raise AssertionError("a price leaped, but that of no market")
