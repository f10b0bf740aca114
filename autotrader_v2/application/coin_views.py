"""Every coin as the page shows it, worked out anew only when something that it shows has changed.

A view has everything but the price's age, which never stands still. It is shared by all who look: nobody changes it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from autotrader_v2.application.deciding import texts
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.slot import Plan, Slot, SlotState
from autotrader_v2.application.views import figure, hold_with, if_sold, text
from autotrader_v2.domain.cycle import Active, Idle, TradingCycle
from autotrader_v2.domain.money import HUNDRED, ZERO, plain
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import BaseReading, Hold, SwitchMode


class Facts(NamedTuple):
    """What a coin's view is made of, but for its price. `today`: its result of today, in quote."""

    state: SlotState
    decided: Hold
    plan: Plan | None
    mode: SwitchMode
    reading: BaseReading | None
    today: Decimal


class _Known(NamedTuple):
    """`still` is the part of the view that a price does not move; `result`: what the cycle would earn if sold now."""

    facts: Facts
    still: Mapping[str, Any]
    quote: Quote | None
    result: Decimal | None
    view: Mapping[str, Any]


class CoinViews:
    """Thread-safe: what is known of a coin is replaced in one assignment."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._known: dict[str, _Known] = {}

    def view(self, slot: Slot, quote: Quote | None, today: Decimal) -> Mapping[str, Any]:
        """The coin's row on the page; the very object of before while nothing has changed."""
        floor, market = self._floor, slot.market
        mode, reading = floor.mode_of(slot), floor.wallet.base_reading(market)
        facts = Facts(slot.state, slot.hold, slot.plan, mode, reading, today)
        known = self._known.get(market.base)
        same = known is not None and facts == known.facts
        if known is None or not same or not _same_prices(quote, known.quote):
            cycle = facts.state.cycle
            result = if_sold(cycle, quote) if quote is not None and isinstance(cycle, Active) else None
            still = known.still if known is not None and same else still_part(facts)
            known = _Known(facts, still, quote, result, {**still, **moving_part(cycle, quote, result)})
            self._known[market.base] = known
        return known.view

    def if_sold(self, cycle: Active, quote: Quote) -> Decimal:
        """See `views.if_sold`; not worked out again when a view of the same has it."""
        known = self._known.get(cycle.market.base)
        if known is None or known.facts.state.cycle is not cycle or not _same_prices(quote, known.quote):
            return if_sold(cycle, quote)
        assert known.result is not None  # noqa: S101  (there are a cycle and a quote)
        return known.result

    def forget_others(self, slots: Iterable[Slot]) -> None:
        """Drop what is known of coins that have left the list."""
        for currency in self._known.keys() - {slot.market.base for slot in slots}:
            self._known.pop(currency, None)


def _same_prices(one: Quote | None, other: Quote | None) -> bool:
    """Whether both show the same: a price that was only confirmed again changes nothing."""
    if one is other or one is None or other is None:
        return one is other
    return one.bid == other.bid and one.ask == other.ask and one.last == other.last and one.bids == other.bids


def still_part(facts: Facts) -> dict[str, Any]:
    """A coin's row on the page, as far as it stands while only the price moves."""
    state = facts.state
    cycle, rules = state.cycle, state.rules
    market = cycle.market
    hold = hold_with(state.order, facts.decided)
    pause, order = state.pause, state.order
    outside = None
    if facts.reading is not None:
        held = cycle.held if isinstance(cycle, Active) else ZERO
        outside = facts.reading.total - held - cycle.tally.dust.coins - cycle.tally.ignored
    view: dict[str, Any] = {
        "currency": market.base,
        "symbol": market.pair,
        "name": rules.name or market.base,
        "state": "ACTIVE" if isinstance(cycle, Active) else "IDLE",
        "switch": state.switch.value,
        "effective_switch": facts.mode.value,
        "paused": None
        if pause is None
        else {
            "cause": pause.cause,
            "since_ms": pause.since_ms,
            "way_out": pause.way_out,
            "values": dict(pause.values),
        },
        "price_precision": rules.price_precision,
        "amount_precision": rules.amount_precision,
        "fee_pct": plain(rules.fee * HUNDRED),
        "realised": figure(cycle.tally.realised),
        "today": figure(facts.today),
        "completed_cycles": cycle.tally.completed,
        "hold": {"reason": hold.reason.value, "values": texts(hold.values)},
        "order": None
        if order is None or order.intent is None
        else {
            "client_id": order.intent.client_id,
            "what": order.what,
            "since_ms": order.since_ms,
            "unknown": order.unknown,
        },
        "outside": text(outside),
        "market_status": rules.status.value,
    }
    return view | (_active_part(cycle) if isinstance(cycle, Active) else _idle_part(state, cycle, facts.plan))


def _active_part(cycle: Active) -> dict[str, Any]:
    row = cycle.next_step
    return {
        "cycle_id": cycle.cycle_id,
        "average": figure(cycle.invested / cycle.held),
        "breakeven": text(cycle.breakeven),
        "take_profit": text(cycle.sell_price),
        "exit_at_breakeven": cycle.exit_at_breakeven,
        "next_buy": None if row is None else {"step": row.number, "price": text(row.price), "quote": text(row.quote)},
        "steps_used": cycle.position.step,
        "steps_total": cycle.params.steps,
        "invested": figure(cycle.invested),
        "held": text(cycle.held),
        "ladder_cost": figure(cycle.invested + cycle.table.cost_ahead),
        "first_order": None,
        "budget": text(cycle.params.budget_quote) if cycle.params.budget_quote else None,
    }


def _idle_part(state: SlotState, cycle: Idle, plan: Plan | None) -> dict[str, Any]:
    params = state.params
    return {
        "cycle_id": cycle.tally.last_cycle_id or None,
        "average": None,
        "breakeven": None,
        "take_profit": None,
        "exit_at_breakeven": False,
        "next_buy": None,
        "steps_used": 0,
        "steps_total": params.steps,
        "invested": "0",
        "held": "0",
        "ladder_cost": figure(plan.cost) if plan and not plan.error else None,
        "first_order": text(plan.first_order) if plan and not plan.error else None,
        "budget": text(params.budget_quote) if params.budget_quote else None,
    }


def moving_part(cycle: TradingCycle, quote: Quote | None, result: Decimal | None) -> dict[str, Any]:
    """What of the row goes with the price. `result`: what the cycle would earn if sold now, in quote."""
    active = cycle if isinstance(cycle, Active) else None
    row = active.next_step if active else None
    dust = cycle.tally.dust
    return {
        "bid": text(quote.bid) if quote else None,
        "ask": text(quote.ask) if quote else None,
        "last": text(quote.last) if quote else None,
        "spread_pct": figure(quote.spread_pct) if quote else None,
        "dust": {
            "coins": text(dust.coins),
            "cost": figure(dust.cost),
            "worth": figure(dust.coins * quote.bid) if quote else None,
        },
        "distance_buy_pct": figure((row.price / quote.ask - 1) * HUNDRED) if quote and row else None,
        "distance_sell_pct": figure((active.sell_price / quote.bid - 1) * HUNDRED) if quote and active else None,
        "unrealised": figure(result),
        "unrealised_pct": figure(result / active.invested * HUNDRED) if active and result is not None else None,
    }
