"""`mTrade.py parity`: a recorded day through the backtest engine, each order that differs from the journal with why."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.app.parity_causes import NEAR_MS, Explained, explained
from autotrader_v2.app.past_run import (
    money_at,
    money_words,
    run_compiled_from,
    run_from,
    seed_words,
    tapes_of,
    told_unused,
)
from autotrader_v2.app.past_state import PastMarket
from autotrader_v2.app.recordings import utc
from autotrader_v2.app.replay_command import markets_of
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.backtest.parity import Cause, Order, compared
from autotrader_v2.backtest.result import BacktestFailed, Trade
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.store.past import Past, PastOrder
from autotrader_v2.simulation.silence import quiet

DAY_MS = 86_400_000
_UNEXPLAINED, _USAGE_ERROR = 1, 2
# What these leave open nobody may take for explained.
_WITHOUT_CAUSE = (Cause.UNEXPLAINED, Cause.MOMENT)
_WORDS = {
    Cause.PERSON: "a person's hand",
    Cause.FAULT: "a fault",
    Cause.BALANCE: "the balance",
    Cause.LIMIT: "a limit of buys held it back, which no backtest has",
    Cause.SPREAD: "the spread or the depth forbade it",
    Cause.FILL: "another price or amount was filled",
    Cause.MOMENT: "at another moment",
    Cause.PRICE: "the price was not seen by the other one",
    Cause.FOLLOWS: "follows from an earlier difference",
    Cause.UNEXPLAINED: "no cause found",
}


class Asked(NamedTuple):
    """Which day of which journal, and which prices it is played with."""

    db: Path
    day_ms: int
    symbol: str
    data: Path | None
    recorded: Path
    free: Decimal | None
    seed: int
    compiled: bool = False


def run_parity(asked: Asked, *, as_json: bool) -> int:
    """Compare and print; returns the exit code: 1 an order differs without a known cause, 2 it cannot be compared."""
    quiet()
    try:
        told = parity(asked)
    except (JournalUnavailable, SourceError, BacktestFailed, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    if as_json:
        print(json.dumps(told))
    else:
        _tell(told)
    return _UNEXPLAINED if any(told["causes"].get(cause.value) for cause in _WITHOUT_CAUSE) else 0


def parity(asked: Asked) -> dict[str, Any]:
    """The day compared. Errors: `JournalUnavailable`, the `SourceError` family, `BacktestFailed`, ValueError."""
    with closing(Past(asked.db)) as past:
        return _parity(asked, past)


def _parity(asked: Asked, past: Past) -> dict[str, Any]:
    # Behind its last record the engine did not run, and had no chance to trade what the backtest would.
    begin_ms, end_ms = asked.day_ms, min(asked.day_ms + DAY_MS, past.span()[1] + 1)
    markets = markets_of(past, asked.symbol, end_ms)
    # Rules and prices are known from the first order or decision of a market on, and not of all markets.
    prices = tapes_of(markets, asked.data, asked.recorded, begin_ms, end_ms, asked.seed)
    played = {tape.market: (tape, rule) for tape, rule in zip(prices.tapes, prices.rules, strict=True)}
    begun = [one for one in markets if one.market in played]
    money = money_at(past, asked.free, begun, begin_ms - 1)
    same = orders_count = trades_count = 0
    found: list[Explained] = []
    first_ms = {market: tape.open_ms[0] for market, (tape, _) in played.items()}
    for group in _by_ladder(begun, begin_ms, first_ms) if asked.compiled else [begun]:
        group_ms = min(first_ms[one.market] for one in group)
        if asked.compiled:
            result = run_compiled_from(
                group,
                [played[one.market][0] for one in group],
                [played[one.market][1] for one in group],
                at_ms=begin_ms - 1,
                params=group[0].params_at(group_ms),
                free=money.free,
            )
        else:
            result, _ = run_from(group, prices, at_ms=begin_ms - 1, changes={}, free=money.free)
        for one in group:
            pair = one.market.pair
            traded = [order for order in one.orders(begin_ms, prices.to_ms) if order.traded]
            trades = [trade for trade in result.trades if trade.symbol == pair]
            orders_count, trades_count = orders_count + len(traded), trades_count + len(trades)
            tape = played[one.market][0]
            near_ms = max(NEAR_MS, *tape.interval_ms)
            outcome = compared([_order(order) for order in traded], trades, near_ms)
            same += outcome.same
            found += explained(
                outcome,
                one,
                traded,
                tape,
                group_ms,
                near_ms,
                candles=asked.data is not None,
                unpaid=[wanted for wanted in result.unpaid if wanted.symbol == pair],
            )
    found.sort(key=lambda one: one.difference.ts_ms)
    left_out = [one.market.pair for one in markets if one.market not in played]
    return {
        "day": utc(begin_ms)[:10],
        "to_ms": prices.to_ms,
        "prices": "candles" if asked.data is not None else "recorded",
        "seed": None if asked.data is None else asked.seed,
        "money": money.as_json(),
        "orders": orders_count,
        "trades": trades_count,
        "same": same,
        "without_prices": left_out,
        "unused": told_unused(prices.tapes),
        "causes": dict(Counter(one.cause.value for one in found)),
        "differences": [_row(one) for one in found],
    }


def _by_ladder(markets: Sequence[PastMarket], begin_ms: int, first_ms: Mapping[Market, int]) -> list[list[PastMarket]]:
    """Markets with the same ladder share one run and one balance; the compiled machine has one ladder."""
    groups: dict[Any, list[PastMarket]] = {}
    for one in markets:
        groups.setdefault(one.params_at(max(begin_ms, first_ms[one.market])), []).append(one)
    return list(groups.values())


def _order(past: PastOrder) -> Order:
    intent, fills = past.intent, past.fills
    return Order(
        client_id=intent.client_id,
        ts_ms=fills[-1].time_ms,
        symbol=intent.market.pair,
        side=intent.side.value,
        step=intent.step,
        cycle_id=intent.cycle_id,
        base=sum((fill.base for fill in fills), ZERO),
        quote=sum((fill.quote for fill in fills), ZERO),
    )


def _row(one: Explained) -> dict[str, Any]:
    order, trade = one.difference.order, one.difference.trade
    return {
        "time_ms": one.difference.ts_ms,
        "symbol": one.difference.symbol,
        "cause": one.cause.value,
        "detail": one.detail,
        "client_id": "" if order is None else order.client_id,
        "journal": None if order is None else _made(order),
        "backtest": None if trade is None else _made(trade),
    }


def _made(one: Order | Trade) -> dict[str, Any]:
    return {
        "time_ms": one.ts_ms,
        "side": one.side,
        "step": one.step,
        "cycle_id": one.cycle_id,
        "price": plain(reported(one.price)),
        "base": plain(one.base),
        "quote": plain(one.quote),
    }


def _tell(told: Mapping[str, Any]) -> None:
    print(
        f"{told['day']} ({told['prices']} prices): {told['orders']} orders in the journal, {told['trades']} in the"
        f" backtest, {told['same']} the same to the last unit."
    )
    if told["to_ms"] % DAY_MS:
        print(f"Compared until {utc(told['to_ms'])} UTC: the journal tells nothing of the day after that.")
    print(seed_words(told["seed"]), end="")
    print(money_words(told["money"]))
    if told["without_prices"]:
        print(f"Without prices or rules of that day, so left out: {', '.join(told['without_prices'])}")
    for line in told["unused"]:
        print(line)
    for row in told["differences"]:
        print(f"{utc(row['time_ms'])} {row['symbol']}: {_WORDS[Cause(row['cause'])]}. {row['detail']}".rstrip())
        for name in ("journal", "backtest"):
            made = row[name]
            if made is None:
                print(f"  {name}: nothing")
            else:
                print(
                    f"  {name}: {utc(made['time_ms'])} {made['side']} {_step(made)} {made['base']} at {made['price']}"
                )


def _step(made: Mapping[str, Any]) -> str:
    return f"of cycle {made['cycle_id']}" + ("" if made["step"] is None else f" step {made['step']}")
