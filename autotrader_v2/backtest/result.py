"""What a backtest gives, whichever machine ran it: values that two machines can be compared by, trade by trade."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from autotrader_v2.domain.money import plain, reported


class BacktestFailed(RuntimeError):
    """The engine could not trade on, so what it would have done is not known.

    `reason` with `values`: the same for other languages, "" where only the message tells it.
    """

    def __init__(self, message: str, *, reason: str = "", values: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.reason, self.values = reason, dict(values or {})


def price_leaped(symbol: str, at_ms: int, before: Decimal, bid: Decimal) -> BacktestFailed:
    """The bid trebled or fell to a third from one decision to the next; the same words from every machine."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    went = f"its bid went from {plain(before)} to {plain(bid)}, more than threefold, from one decision to the next"
    return BacktestFailed(
        f"The engine would have stopped trading {symbol} at {at} UTC: {went}. Look at the candle of that time:"
        " repair the file if no market had that price, or choose other --from and --to.",
        reason="price_leaped",
        values={"symbol": symbol, "time": at, "before": plain(before), "bid": plain(bid)},
    )


class Rest(StrEnum):
    """What a sale left of its cycle: nothing that can be sold, a part to be sold later, or as little as a start buy
    spends, with which the next cycle begins.
    """

    NONE = "none"
    HELD = "held"
    RESTARTED = "restarted"


class Trade(NamedTuple):
    """One order that traded, all its fills together.

    Units: `base` in coins and `quote` in quote currency, both before the fee; `fee` in `fee_currency`. `side` is buy
    or sell; `step` 0 is the start buy, None a sale. `cycle_id` counts the cycles of a symbol from 1.
    `rest`: of a sale.
    """

    ts_ms: int
    symbol: str
    side: str
    step: int | None
    base: Decimal
    quote: Decimal
    fee: Decimal
    fee_currency: str
    cycle_id: int
    rest: Rest = Rest.NONE

    @property
    def price(self) -> Decimal:
        """The average price."""
        return self.quote / self.base

    def as_json(self) -> dict[str, Any]:
        """Money as text."""
        return {
            "ts_ms": self.ts_ms,
            "symbol": self.symbol,
            "side": self.side,
            "step": self.step,
            "price": plain(reported(self.price)),
            "base": plain(self.base),
            "quote": plain(self.quote),
            "fee": plain(self.fee),
            "fee_currency": self.fee_currency,
            "cycle_id": self.cycle_id,
        }


def with_rests(trades: Sequence[Trade], open_cycles: Mapping[str, int]) -> tuple[Trade, ...]:
    """The same trades, each sale with what it left. `open_cycles`: of symbols that are in one at the end, its id.

    What follows tells it: the same cycle goes on, or the next one does without having begun with a buy of its own.
    """
    ahead = {symbol: (cycle_id, False) for symbol, cycle_id in open_cycles.items()}
    told = list(trades)
    for at in range(len(told) - 1, -1, -1):
        trade = told[at]
        cycle_id, begins = ahead.get(trade.symbol, (0, True))
        if trade.side == "sell" and not begins:
            told[at] = trade._replace(rest=Rest.HELD if cycle_id == trade.cycle_id else Rest.RESTARTED)
        ahead[trade.symbol] = trade.cycle_id, trade.step == 0
    return tuple(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaid:
    """A buy the ladder wanted and the account could not pay: once for each step of a cycle, when it was first wanted.

    `step` 0: the start of that cycle.
    """

    ts_ms: int
    symbol: str
    cycle_id: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What happened. `ladder_steps`: how many steps each symbol's ladder has behind its start buy.

    `quote` is the quote currency that is there at the end, `coins` what is held of each symbol.
    """

    budget: Decimal
    trades: tuple[Trade, ...]
    unpaid: tuple[Unpaid, ...]
    quote: Decimal
    coins: Mapping[str, Decimal]
    ladder_steps: int
