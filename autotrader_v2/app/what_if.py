"""What a journal's orders did in a stretch of time, beside what another ladder would have done in the same one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.app.past_run import money_at, money_words, run_from, seed_words, tapes_of
from autotrader_v2.app.past_state import PastMarket
from autotrader_v2.app.recordings import utc
from autotrader_v2.backtest.heads import Tape
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.orders import Side
from autotrader_v2.infrastructure.store.past import Past, PastOrder

# An order is decided this long after its price at the most.
_DECIDED_WITHIN_MS = 5_000


class Asked(NamedTuple):
    """What to replay. `symbol` "": every market; `to_ms` is not included."""

    db: Path
    symbol: str
    from_ms: int
    to_ms: int
    at_ms: int | None
    changes: Mapping[str, str]
    data: Path | None
    recorded: Path
    free: Decimal | None
    seed: int


def what_if(asked: Asked, past: Past, markets: Sequence[PastMarket]) -> dict[str, Any]:
    """What the journal's orders did in that time, and what another ladder would have done from its begin on.

    Both in the same time: not before the journal begins nor after its last record, as nobody traded then.
    Errors: the `SourceError` family, `BadLadder`, `BacktestFailed`, `JournalUnavailable`, ValueError, OSError.
    """
    first_ms, last_ms = past.span()
    # What was recorded just before may still be the price that the journal begins with.
    lead_ms = 0 if asked.data is not None else _DECIDED_WITHIN_MS
    from_ms, to_ms = max(asked.from_ms, first_ms - lead_ms), min(asked.to_ms, last_ms + 1)
    prices = tapes_of(markets, asked.data, asked.recorded, from_ms, to_ms, asked.seed)
    tapes = {tape.market: tape for tape in prices.tapes}
    begin_ms = min(tape.open_ms[0] for tape in prices.tapes)
    ends_ms = {market: min(prices.to_ms, _end_ms(tape)) for market, tape in tapes.items()}
    begun = [one for one in markets if one.market in tapes]
    money = money_at(past, asked.free, begun, begin_ms - 1)
    result, outside = run_from(begun, prices, at_ms=begin_ms - 1, changes=asked.changes, free=money.free)
    last = {market: tape.closed[-1] * tape.tick for market, tape in tapes.items()}
    other = result.quote - money.free
    own, trades = ZERO, 0
    for one in begun:
        market = one.market
        other += (result.coins[market.pair] - outside.coins[market.base]) * last[market]
        # Where prices end earlier the other ladder could trade no more either.
        traded = [order for order in one.orders(begin_ms, ends_ms[market]) if order.traded]
        trades += len(traded)
        own += sum((_worth(order, last[market]) - one.fees_elsewhere(order.intent.client_id) for order in traded), ZERO)
    return {
        "from_ms": begin_ms,
        "to_ms": max(ends_ms.values()),
        "set": dict(asked.changes),
        "seed": None if asked.data is None else asked.seed,
        "money": money.as_json(),
        "symbols": [one.market.pair for one in begun],
        "journal": {"trades": trades, "change": plain(reported(own))},
        "other": {"trades": len(result.trades), "change": plain(reported(other))},
        "trades": [trade.as_json() for trade in result.trades],
    }


def _end_ms(tape: Tape) -> int:
    """Until when its last price may have decided an order."""
    return tape.open_ms[-1] + max(tape.interval_ms[-1], _DECIDED_WITHIN_MS)


def _worth(order: PastOrder, price: Decimal) -> Decimal:
    """What an order's fills changed in quote, coins at that price, less fees taken in coins or in quote."""
    worth = ZERO
    for fill in order.fills:
        worth += (1 if fill.side is Side.BUY else -1) * (fill.base * price - fill.quote)
        if fill.fee_currency == fill.market.base:
            worth -= fill.fee * price
        elif fill.fee_currency == fill.market.quote:
            worth -= fill.fee
    return worth


def tell_what_if(told: Mapping[str, Any]) -> None:
    """Print it for people."""
    changes = " ".join(f"{name}={value}" for name, value in told["set"].items())
    print(f"{', '.join(told['symbols'])} from {utc(told['from_ms'])} until {utc(told['to_ms'])} UTC, for both sides;")
    print("coins valued at their last price before the end:")
    print(seed_words(told["seed"]), end="")
    print(f"  {money_words(told['money'])}")
    for name, row in (("the journal", told["journal"]), (changes, told["other"])):
        print(f"  {name}: {row['trades']} orders traded, worth changed by {row['change']}")
