"""`mTrade.py replay`: time travel through a journal: what the engine saw, decided and why, and if it would again."""

import json
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from autotrader_v2.app.past_run import quotes_in
from autotrader_v2.app.past_state import PastMarket, quote_of_decision
from autotrader_v2.app.recordings import utc
from autotrader_v2.app.values import TIME_END_MS
from autotrader_v2.app.what_if import Asked, tell_what_if, what_if
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.backtest.rerun import (
    Inputs,
    Outcome,
    Rerun,
    Source,
    agrees,
    decided,
    described,
    fits,
    from_outside,
    order_quote,
    rerun_hold,
    rerun_order,
)
from autotrader_v2.backtest.result import BacktestFailed
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import BadLadder
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Reason
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.store.past import Past, PastDecision, PastOrder
from autotrader_v2.simulation.silence import quiet

_DIFFERS, _USAGE_ERROR = 1, 2
# A decision is noted, and an order decided, this long after its price at the most.
_PRICE_AGE_MS = 5_000
_WORDS = {
    Outcome.SAME: "decided the same again",
    Outcome.DIFFERS: "decided differently",
    Outcome.PERSON: "a person's own",
    Outcome.OUTSIDE: "follow from the outside of that moment, which no journal keeps",
    Outcome.NOT_KEPT: "their price is not kept",
}
_PRICES = {
    Source.RECORDED: "recorded",
    Source.JOURNAL: "kept in the journal",
    Source.ORDER: "the order's own side only",
    Source.NONE: "not kept",
}


class Replayed(NamedTuple):
    """One decision of the journal with its re-run. `source`: where the price of the re-run is from."""

    time_ms: int
    market: Market
    source: Source
    rerun: Rerun
    client_id: str = ""


def run_replay(asked: Asked, *, as_json: bool) -> int:
    """Replay and print; returns the exit code: 1 when a decision would be another one now, 2 what cannot be read."""
    quiet()
    try:
        with closing(Past(asked.db)) as past:
            return _replay(asked, past, as_json=as_json)
    except (JournalUnavailable, SourceError, BadLadder, BacktestFailed, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR


def _replay(asked: Asked, past: Past, *, as_json: bool) -> int:
    markets = markets_of(past, asked.symbol, asked.to_ms)
    replayer = Replayer(asked.recorded)
    if asked.at_ms is not None:
        told = [replayer.at(one, asked.at_ms) for one in markets]
        _print(told, as_json, _tell_moment)
        return 0
    if asked.changes:
        what = what_if(asked, past, markets)
        _print(what, as_json, tell_what_if)
        return 0
    found = [one for market in markets for one in replayer.replay(market, asked.from_ms, asked.to_ms)]
    found.sort(key=lambda one: one.time_ms)
    _print(_as_json(found, markets, asked), as_json, _tell)
    return _DIFFERS if any(one.rerun.outcome is Outcome.DIFFERS for one in found) else 0


def markets_of(past: Past, symbol: str, to_ms: int) -> list[PastMarket]:
    """The journal's markets, or the one named. Errors: ValueError, `JournalUnavailable`."""
    wishes = past.wishes(to_ms)
    known = past.markets()
    wanted = [one for one in known if not symbol or symbol.upper() in (one.base, one.pair)]
    if not wanted:
        there = ", ".join(one.pair for one in known) or "no market at all"
        raise ValueError(f"The journal knows {there}" + (f", but not {symbol}." if symbol else "."))
    return [PastMarket(past, one, wishes) for one in wanted]


class Replayer:
    """Decisions of a journal taken again; recorded prices are used where there are any."""

    def __init__(self, recorded: Path) -> None:
        self._recorded = recorded if (recorded / "quotes").is_dir() else None
        self._quotes: list[Quote] = []

    def replay(self, one: PastMarket, from_ms: int, to_ms: int) -> list[Replayed]:
        """Every order and every hold of the time, in order."""
        orders = one.orders(from_ms, to_ms)
        holds = [decision for decision in one.decisions(from_ms, to_ms) if decision.kind == "hold"]
        self._look_up(
            one.market, [*(order.intent.decided_ms for order in orders), *(decision.time_ms for decision in holds)]
        )
        found = [self.order(one, order) for order in orders] + [self.hold(one, decision) for decision in holds]
        return sorted(found, key=lambda row: row.time_ms)

    def order(self, one: PastMarket, order: PastOrder) -> Replayed:
        """One order's decision."""
        intent = order.intent
        at_ms = intent.decided_ms
        event, before = one.event_of(intent.client_id), one.cycle_before(intent.client_id)
        cycle = before if before is not None else one.cycle_at(at_ms)
        rules = getattr(event.event, "rules", None) if event is not None else None
        rules = rules or (cycle.rules if isinstance(cycle, Active) else one.rules_at(at_ms))
        params = cycle.params if isinstance(cycle, Active) else one.params_at(at_ms)
        if rules is None:
            rerun = Rerun(Outcome.NOT_KEPT, f"{intent.side.value} {intent.why.value}", "the rules are not kept")
            return Replayed(at_ms, one.market, Source.NONE, rerun, intent.client_id)
        near = [quote for quote in self._near(at_ms) if agrees(quote, intent)]
        beside = self._beside(one, at_ms)
        # What was kept beside the decision was the engine's own; a recording heard it over a line of its own.
        if beside is not None and agrees(beside, intent):
            quote, source = beside, Source.JOURNAL
        elif near:
            quote, source = near[-1], Source.RECORDED
        else:
            quote, source = order_quote(intent, rules), Source.ORDER
        inputs = Inputs(
            cycle=cycle,
            params=params,
            rules=rules,
            mode=one.mode_at(at_ms),
            pause=one.pause_at(at_ms),
            at_ms=at_ms,
            quote=quote,
            source=source,
        )
        return Replayed(at_ms, one.market, source, rerun_order(inputs, intent), intent.client_id)

    def hold(self, one: PastMarket, decision: PastDecision) -> Replayed:
        """One decision to hold."""
        inputs = self._inputs(one, decision.time_ms, decision)
        if inputs is None:
            rerun = Rerun(Outcome.NOT_KEPT, f"hold {decision.reason}", "the market's rules are not kept")
            return Replayed(decision.time_ms, one.market, Source.NONE, rerun)
        rerun = rerun_hold(inputs, decision.reason, decision.values)
        return Replayed(decision.time_ms, one.market, inputs.source, rerun)

    def at(self, one: PastMarket, at_ms: int) -> dict[str, Any]:
        """What there was at one moment, what was decided last, and what is decided on it now."""
        self._look_up(one.market, [at_ms])
        cycle, decision = one.cycle_at(at_ms), one.decision_at(at_ms)
        inputs = self._inputs(one, at_ms, decision)
        quote = inputs.quote if inputs is not None else None
        pause, mode = one.pause_at(at_ms), one.mode_at(at_ms)
        out = [order for order in one.orders(0, at_ms + 1) if order.closed_ms is None or order.closed_ms > at_ms]
        told: dict[str, Any] = {
            "symbol": one.market.pair,
            "at_ms": at_ms,
            "mode": mode.value,
            "pause": None if pause is None else pause.cause,
            "order_in_flight": out[-1].intent.client_id if out else None,
            "cycle": _cycle(cycle) if isinstance(cycle, Active) else None,
            "realised": plain(cycle.tally.realised),
            "saw": None,
            "decided": None,
            "again": None,
            "held_back_by": _held_back_by(out, decision),
            "rules_alone": None,
        }
        if inputs is not None and quote is not None:
            told["saw"] = {
                "bid": plain(quote.bid),
                "ask": plain(quote.ask),
                "source": inputs.source.value,
                "age_ms": at_ms - quote.confirmed_ms,
            }
            # How much money was free is not kept; a hold for want of it tells what there was.
            short = decision is not None and decision.reason == "needs_money"
            free = Decimal(decision.values["has"]) if short and decision is not None else Decimal(10) ** 18
            # The rules alone know nothing of what held it back, so theirs is not the engine's decision.
            told["rules_alone" if told["held_back_by"] else "again"] = described(decided(inputs, free=free))
        if decision is not None:
            words = "".join(f" {name}={value}" for name, value in decision.values.items())
            told["decided"] = {"at_ms": decision.time_ms, "what": f"{decision.kind} {decision.reason}{words}"}
        return told

    def _inputs(self, one: PastMarket, at_ms: int, decision: PastDecision | None) -> Inputs | None:
        rules = one.rules_at(at_ms)
        if rules is None:
            return None
        near = self._near(at_ms)
        values = decision.values if decision is not None else {}
        # Of an older decision the price has moved on; what was recorded since then is what was seen.
        just_decided = decision is not None and decision.time_ms > at_ms - _PRICE_AGE_MS
        fitting = [quote for quote in near if not just_decided or fits(quote, values)]
        beside = quote_of_decision(decision) if decision is not None else None
        quote: Quote | None = None
        source = Source.NONE
        kept = beside is not None and fits(beside, values)
        if kept and just_decided:
            quote, source = beside, Source.JOURNAL
        elif fitting:
            quote, source = fitting[-1], Source.RECORDED
        elif kept:
            quote, source = beside, Source.JOURNAL
        elif decision is not None and "bid" in values and "ask" in values:
            bid, ask = Decimal(values["bid"]), Decimal(values["ask"])
            quote, source = Quote(one.market, bid, ask, bid, decision.time_ms, decision.time_ms), Source.JOURNAL
        return Inputs(
            cycle=one.cycle_at(at_ms),
            params=one.params_at(at_ms),
            rules=rules,
            mode=one.mode_at(at_ms),
            pause=one.pause_at(at_ms),
            at_ms=at_ms,
            quote=quote,
            source=source,
        )

    def _look_up(self, market: Market, moments: Sequence[int]) -> None:
        """Keep the recorded prices from the seconds before these moments: all of months would fill the memory."""
        self._quotes = []
        if self._recorded is None or not moments:
            return
        ordered = sorted(moments)
        for quote in quotes_in(self._recorded, market, ordered[0] - 2 * _PRICE_AGE_MS, ordered[-1] + _PRICE_AGE_MS):
            following = bisect_left(ordered, _true_ms(quote))
            if following < len(ordered) and ordered[following] - _true_ms(quote) < _PRICE_AGE_MS:
                self._quotes.append(quote)
        self._quotes.sort(key=_true_ms)

    def _near(self, at_ms: int) -> list[Quote]:
        """Recorded prices from the seconds before, oldest first."""
        begin = bisect_right(self._quotes, at_ms - _PRICE_AGE_MS, key=_true_ms)
        return self._quotes[begin : bisect_right(self._quotes, at_ms, key=_true_ms)]

    @staticmethod
    def _beside(one: PastMarket, at_ms: int) -> Quote | None:
        """The price kept beside the decision of an order, noted just after it."""
        for decision in one.decisions(at_ms, at_ms + _PRICE_AGE_MS):
            if decision.kind in ("buy", "sell"):
                return quote_of_decision(decision)
        return None


def _true_ms(quote: Quote) -> int:
    """Since when it was the price: a recording hears over a line of its own, and may hear later than the engine did."""
    return min(quote.exchange_ms, quote.confirmed_ms)


def _held_back_by(out: Sequence[PastOrder], decision: PastDecision | None) -> str | None:
    """What stood against any decision of the rules at that moment: an order out, a limit, the outside."""
    if out:
        return Reason.ORDER_IN_FLIGHT.value
    held = decision is not None and decision.kind == "hold" and from_outside(decision.reason)
    return decision.reason if decision is not None and held else None


def _cycle(cycle: Active) -> dict[str, Any]:
    row = cycle.next_step
    return {
        "cycle_id": cycle.cycle_id,
        "step": cycle.position.step,
        "held": plain(cycle.held),
        "invested": plain(cycle.invested),
        "breakeven": plain(cycle.breakeven),
        "take_profit": plain(cycle.take_profit),
        "next_buy": None if row is None else plain(row.price),
    }


def _as_json(found: Sequence[Replayed], markets: Sequence[PastMarket], asked: Asked) -> dict[str, Any]:
    oldest = {one.market.pair: one.decisions_since_ms for one in markets}
    return {
        "from_ms": asked.from_ms,
        "to_ms": asked.to_ms,
        "decisions": len(found),
        "outcomes": dict(Counter(one.rerun.outcome.value for one in found)),
        "prices": dict(Counter(one.source.value for one in found)),
        "holds_kept_since_ms": oldest,
        "differences": [_row(one) for one in found if one.rerun.outcome is Outcome.DIFFERS],
    }


def _row(one: Replayed) -> dict[str, Any]:
    return {
        "time_ms": one.time_ms,
        "symbol": one.market.pair,
        "client_id": one.client_id,
        "price_from": one.source.value,
        "journal": one.rerun.took,
        "again": one.rerun.takes,
    }


def _print(told: Any, as_json: bool, tell: Any) -> None:
    if as_json:
        print(json.dumps(told))
    else:
        tell(told)


def _range(from_ms: int, to_ms: int) -> str:
    """What was asked for; an end that was not given is not told."""
    begin = f"from {utc(from_ms)}" if from_ms else ""
    end = f"until {utc(to_ms)}" if to_ms < TIME_END_MS else ""
    return f"{f'{begin} {end}'.strip()} UTC" if begin or end else "in the whole journal"


def _tell(told: Mapping[str, Any]) -> None:
    print(f"{told['decisions']} decisions {_range(told['from_ms'], told['to_ms'])}:")
    for outcome, words in _WORDS.items():
        if count := told["outcomes"].get(outcome.value):
            print(f"  {count} {words}")
    prices = ", ".join(f"{_PRICES[Source(name)]} {count}" for name, count in told["prices"].items())
    print(f"Where their prices are from: {prices or 'none'}.")
    for row in told["differences"]:
        print(f"{utc(row['time_ms'])} {row['symbol']} {row['client_id']} (price: {row['price_from']})")
        print(f"  the journal: {row['journal']}")
        print(f"  again:       {row['again']}")


def _tell_moment(told: Sequence[Mapping[str, Any]]) -> None:
    for one in told:
        cycle, saw, decision = one["cycle"], one["saw"], one["decided"]
        print(f"{one['symbol']} at {utc(one['at_ms'])} UTC: switch {one['mode']}, pause {one['pause'] or 'none'}")
        if cycle is None:
            print("  no cycle")
        else:
            print(
                f"  cycle {cycle['cycle_id']} at step {cycle['step']}: {cycle['held']} coins for {cycle['invested']},"
                f" breakeven {cycle['breakeven']}, take-profit {cycle['take_profit']},"
                f" next buy {cycle['next_buy'] or 'none'}"
            )
        if one["order_in_flight"]:
            print(f"  order in flight: {one['order_in_flight']}")
        if saw is None:
            print("  the price it saw is not kept")
        else:
            print(f"  saw bid {saw['bid']}, ask {saw['ask']} ({saw['source']}, {saw['age_ms']} ms before)")
        if decision is None:
            print("  no decision of before is kept")
        else:
            print(f"  decided at {utc(decision['at_ms'])}: {decision['what']}")
        if one["again"]:
            print(f"  decides now, with enough money: {one['again']}")
        if one["rules_alone"]:
            print(f"  held back by {one['held_back_by']} then; what the rules alone want: {one['rules_alone']}")
