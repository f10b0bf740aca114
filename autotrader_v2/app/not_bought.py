"""Why a backtest bought nothing: what a start would have met, asked of the engine's own rules at some of the prices."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from autotrader_v2.app.backtest_data import PaperOutside
from autotrader_v2.application.deciding import make_plan
from autotrader_v2.backtest.exact import VirtualClock
from autotrader_v2.domain.cycle import Idle
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.situation import BaseReading, Hold, Reason, Situation, SwitchMode, decide
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape

# Nothing was ever bought, so every price met the same account: a sample tells it all, and the cheapest one is in it.
_LOOKED_AT = 200
_WORDS = {
    Reason.THIN_BOOK: "the order book was too thin for the first buy within max_slippage_pct: lower start_quote",
    Reason.NEEDS_MONEY: "the budget did not pay the first buy: raise the budget or lower start_quote",
    Reason.BAD_LADDER: "the ladder does not work in this market",
    Reason.ABOVE_START_LIMIT: "the price was above start_limit: raise it, or set it to 0",
    Reason.SPREAD_TOO_WIDE: "the spread was above max_spread_pct",
}


class NotBought(NamedTuple):
    """At how many of the prices `looked_at` a start was kept back, by reason. `why`: what is wrong with the ladder."""

    looked_at: int
    reasons: Counter[str]
    why: str

    def as_json(self) -> dict[str, Any]:
        """Counts by reason."""
        return {"looked_at": self.looked_at, "reasons": dict(self.reasons.most_common()), "why": self.why or None}

    def warnings(self) -> list[dict[str, Any]]:
        """Codes with values, for the page."""
        return [
            {
                "code": f"not_bought_{reason if reason in _WORDS else 'other'}",
                "values": {"at": str(count), "of": str(self.looked_at), "why": self.why, "reason": reason},
            }
            for reason, count in self.reasons.most_common()
        ]

    def lines(self) -> list[str]:
        """For people, the most frequent reason first."""
        told = []
        for reason, count in self.reasons.most_common():
            words = _WORDS.get(Reason(reason), f"the engine held ({reason})")
            more = f" ({self.why})" if reason == Reason.BAD_LADDER and self.why else ""
            told.append(f"at {count} of {self.looked_at} prices looked at, {words}{more}")
        return told


def why_not_bought(
    tapes: Sequence[CandleTape], rules: Sequence[MarketRules], params: LadderParams, budget: Decimal
) -> NotBought:
    """For a run without a trade; the same whichever engine played it."""
    clock = VirtualClock(min(tape.open_ms[0] for tape in tapes))
    exchange = PaperOutside(rules, budget).exchange(clock)
    reasons: Counter[str] = Counter()
    looked_at, why = 0, ""
    free = min(budget, params.budget_quote) if params.budget_quote else budget
    for tape, one in zip(tapes, rules, strict=True):
        for candle, ticks in _prices(tape, max(1, _LOOKED_AT // len(tapes))):
            at_ms = clock.at_ms = tape.open_ms[candle]
            exchange.feed(tape.quote(ticks, at_ms))
            quote = exchange.book(tape.market)._replace(confirmed_ms=at_ms, exchange_ms=at_ms)
            resolved = params.resolved(budget, one.qstep)
            action = decide(
                Situation(
                    cycle=Idle(market=tape.market),
                    quote=quote,
                    rules=one,
                    params=resolved,
                    mode=SwitchMode.ON,
                    now_ms=at_ms,
                    exchange_now_ms=at_ms,
                    free_quote=free,
                    free_for_start=free,
                    base=BaseReading(ZERO, ZERO),
                    ladder_error=make_plan(resolved, one, quote.ask).error,
                )
            )
            looked_at += 1
            if isinstance(action, Hold):
                reasons[action.reason.value] += 1
                if action.reason is Reason.BAD_LADDER:
                    why = ": ".join(str(value) for _, value in action.values)
    return NotBought(looked_at, reasons, why)


def _prices(tape: CandleTape, most: int) -> Iterator[tuple[int, int]]:
    """(candle, price in ticks): the opening ones of candles over all the time, and the lowest of all."""
    lowest = min(range(len(tape)), key=tape.low.__getitem__)
    for at in range(0, len(tape), max(1, -(-len(tape) // most))):
        yield at, tape.opened[at]
    yield lowest, tape.low[lowest]
