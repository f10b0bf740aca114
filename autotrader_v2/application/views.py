"""Read models: a slot's frozen state as text for people. Money exact, figures to 12 digits, None where unknown."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autotrader_v2.application.deciding import table_of_start, texts
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.slot import InFlight, Slot
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.ladder import BadLadder, BreakevenTable, LadderParams, breakeven_price, project, warnings
from autotrader_v2.domain.ladder import take_profit_price as take_profit_at
from autotrader_v2.domain.money import HUNDRED, ZERO, floor_to, plain, reported
from autotrader_v2.domain.quotes import Quote, average_for_base, average_for_quote
from autotrader_v2.domain.situation import Hold, Reason, SwitchMode

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2


def text(value: Decimal | None) -> str | None:
    """Exact text, None as None."""
    return None if value is None else plain(value)


def figure(value: Decimal | None) -> str | None:
    """A figure to 12 significant digits."""
    return None if value is None else plain(reported(value))


def hold_of(slot: Slot) -> Hold:
    """Why nothing else happens: the order that is out, else the last decision."""
    return hold_with(slot.state.order, slot.hold)


def hold_with(order: InFlight | None, decided: Hold) -> Hold:
    """Why nothing else happens than that order, else what was decided."""
    if order is None:
        return decided
    if order.intent is None:
        return Hold(Reason.BUSY, (("what", order.what), ("since_ms", order.since_ms)))
    reason = Reason.ORDER_UNKNOWN if order.unknown else Reason.ORDER_IN_FLIGHT
    intent = order.intent
    return Hold(
        reason,
        (
            ("what", order.what),
            ("client_id", intent.client_id),
            ("since_ms", order.since_ms),
            ("amount", intent.amount),
        ),
    )


def if_sold(cycle: Active, quote: Quote) -> Decimal:
    """What the position would earn if sold now, both fees included: by the bids' depth where it is known."""
    coins = floor_to(cycle.held, cycle.rules.lot)
    average = average_for_base(quote.bids, coins) if quote.bids and coins else None
    return cycle.held * (average or quote.bid) * (1 - cycle.rules.fee) - cycle.invested


def stats_view(floor: Floor, slot: Slot) -> dict[str, Any]:
    """One currency's entry of GET /api/autotrader/stats."""
    state = slot.state
    cycle = state.cycle
    active = cycle if isinstance(cycle, Active) else None
    quote = floor.board.newest(slot.market)
    row = active.next_step if active else None
    hold = hold_of(slot)
    return {
        "state": "ACTIVE" if active else "IDLE",
        "enabled": state.switch is not SwitchMode.OFF,
        "switch": state.switch.value,
        "paused": state.pause is not None,
        "cycle_id": active.cycle_id if active else None,
        "active_step": active.position.step if active else None,
        "start_price": figure(active.bought[0].price) if active else None,
        "last_buy_price": figure(active.bought[-1].price) if active else None,
        "invested_quote": figure(active.invested) if active else "0",
        "held_base": text(active.held) if active else "0",
        "breakeven_price": text(active.breakeven) if active else None,
        "take_profit_price": text(active.sell_price) if active else None,
        "next_buy_price": text(row.price) if row else None,
        "last_price": text(quote.last) if quote else None,
        "hold_reason": {"code": hold.reason.value, "values": texts(hold.values)},
        "completed_cycles": cycle.tally.completed,
        "realised_profit_quote": figure(cycle.tally.realised),
    }


def table_view(floor: Floor, slot: Slot, params: LadderParams | None = None) -> dict[str, Any]:
    """The breakeven table: the engine's own object, or (with parameters) what it would become."""
    state = slot.state
    cycle, rules = state.cycle, state.rules
    quote = floor.board.newest(slot.market)
    price = quote.ask if quote else None
    error: dict[str, str] | None = None
    table: BreakevenTable | None = None
    active_step: int | None = None
    base_price = price
    used = params or state.params
    if isinstance(cycle, Active):
        used = params or cycle.params
        active_step, base_price = cycle.position.step, cycle.position.base_price
        table = cycle.table
        if params is not None:
            table, _, _ = project(params, rules, cycle.table.rows[: cycle.table.done], cycle.position)
    elif price is not None:
        _, free = floor.wallet.free_pair(slot.market)
        try:
            table = table_of_start(used.resolved(max(free, ZERO), rules.qstep), rules, price)
        except BadLadder as bad:
            error = {"field": bad.field, "message": bad.reason}
        base_price = table.rows[0].price if table else price
    rows = []
    if table is not None:
        active_at = table.done - 1
        rows = [{**row.as_json(), "active": position == active_at} for position, row in enumerate(table.rows)]
    return {
        "currency": slot.market.base,
        "base_price": text(base_price),
        "price": text(price),
        "bid": text(quote.bid) if quote else None,
        "rows": rows,
        "active_step": active_step,
        "cost": figure(table.cost) if table else None,
        "cost_ahead": figure(table.cost_ahead) if table else None,
        "warnings": [
            {"code": one.code, "values": dict(one.values)} for one in (warnings(table, used, rules) if table else ())
        ],
        "error": error,
    }


def worst_case_view(floor: Floor, slot: Slot, slots: Sequence[Slot]) -> dict[str, Any]:
    """What switching a coin on means: its ladder's cost, how deep it reaches, what all coins need together."""
    state = slot.state
    quote = floor.board.newest(slot.market)
    view: dict[str, Any] = {
        "currency": slot.market.base,
        "price_age_ms": floor.clock.now_ms() - quote.confirmed_ms if quote else None,
        "error": None,
        "rows": [],
    }
    cycle = state.cycle
    table: BreakevenTable | None = None
    if isinstance(cycle, Active):
        table = cycle.table
    elif quote is not None:
        _, free = floor.wallet.free_pair(slot.market)
        try:
            table = table_of_start(state.params.resolved(max(free, ZERO), state.rules.qstep), state.rules, quote.ask)
        except BadLadder as bad:
            view["error"] = {"field": bad.field, "message": bad.reason}
    needed, free = ladders_need(floor, slots), floor.wallet.free()
    own = table.cost_ahead if table else ZERO
    others = needed - (own if state.switch is not SwitchMode.OFF else ZERO)
    with_it = others + own
    view |= {
        "all_need": figure(with_it),
        "free": figure(free),
        "missing": figure(max(with_it - free, ZERO)),
        "coverage_pct_before": figure(_coverage(free, others)),
        "coverage_pct_after": figure(_coverage(free, with_it)),
    }
    if table is not None:
        last = table.rows[-1]
        view |= {
            "first_order": text(table.rows[0].quote),
            "ladder_cost": figure(table.cost),
            "deepest_fall_pct": figure(last.drop_total_pct),
            "loss_there": figure(table.loss_at_end),
            "rows": [row.as_json() for row in table.rows],
        }
    return view


def _coverage(free: Decimal, need: Decimal) -> Decimal | None:
    return min(free / need * HUNDRED, HUNDRED) if need > 0 else None


def ladders_need(floor: Floor, slots: Sequence[Slot]) -> Decimal:
    """What the ladders of all coins that are on still need, in quote."""
    total = ZERO
    for slot in slots:
        state = slot.state
        if isinstance(state.cycle, Active):
            total += state.cycle.table.cost_ahead if floor.mode_of(slot).rebuys else ZERO
        elif state.switch is SwitchMode.ON and slot.plan is not None:
            total += slot.plan.cost
    return total


def money_view(
    floor: Floor,
    slots: Sequence[Slot],
    today: Mapping[str, Decimal],
    sold: Callable[[Active, Quote], Decimal] = if_sold,
) -> dict[str, Any]:
    """Money of all coins together, in quote. `sold`: `if_sold`, by who may know it already."""
    funds = floor.wallet.funds()
    worth = invested = realised = ZERO
    unrealised = ZERO
    priced = True
    for slot in slots:
        cycle = slot.state.cycle
        realised += cycle.tally.realised
        if not isinstance(cycle, Active):
            continue
        invested += cycle.invested
        quote = floor.board.newest(slot.market)
        if quote is None:
            priced = False
            continue
        result = sold(cycle, quote)
        unrealised += result
        worth += cycle.invested + result
    need = ladders_need(floor, slots)
    return {
        "quote": floor.home_quote,
        "free": figure(funds.free) if funds.known else None,
        "reserved": figure(funds.reserved),
        "in_positions": figure(invested),
        "unrealised": figure(unrealised) if priced else None,
        "equity": figure(funds.owned + worth) if priced and funds.known else None,
        "today": figure(sum(today.values(), ZERO)),
        "realised_all": figure(realised),
        "ladders_need": figure(need),
        "ladders_missing": figure(max(need - funds.free, ZERO)),
    }


def truth_view(trader: "AutoTraderV2") -> dict[str, Any]:
    """What the person must be able to trust: ages, unknown orders, the journal, the last reconciliation."""
    floor = trader.floor
    now_ms = floor.clock.now_ms()
    ages = []
    unknown = []
    for slot in trader.get_all_cycles():
        order = slot.state.order
        if order is not None and order.unknown and order.intent is not None:
            unknown.append(
                {
                    "client_id": order.intent.client_id,
                    "currency": slot.market.base,
                    "what": order.what,
                    "since_ms": order.since_ms,
                }
            )
        quote = floor.board.newest(slot.market)
        if floor.mode_of(slot) is not SwitchMode.OFF and quote is not None:
            ages.append(now_ms - quote.confirmed_ms)
    commit_ms = floor.journal.last_commit_ms
    return {
        "price_age_ms": max(ages) if ages else None,
        "unknown_orders": unknown,
        "journal_ms": None if commit_ms is None else round(commit_ms, 2),
        "journal_ok": not (floor.journal_failing or floor.journal.full),
        "balances_ok": not trader.reader.failing,
        "clock_offset_ms": floor.exchange.now_ms() - now_ms,
        "own_trades": trader.reconciler.stream_view(),
        "late_fill_total": trader.get_status()["late_fill_total"],
        "reconciled_ms": trader.reconciler.last_ms or None,
        "corrected": trader.reconciler.corrected,
    }


def preview_view(floor: Floor, slot: Slot, quote_amount: Decimal | None) -> dict[str, Any]:
    """What a Quick Trade buy of that amount, and selling all, would do at the prices known now."""
    state = slot.state
    cycle, rules = state.cycle, state.rules
    quote = floor.board.newest(slot.market)
    if quote is None:
        return {"side": "buy", "amount": text(quote_amount), "average": None, "sell": None}
    amount = floor_to(quote_amount if quote_amount is not None else state.params.size(0), rules.qstep)
    average = average_for_quote(quote.asks, amount) or quote.ask
    coins = floor_to(amount / average, rules.lot)
    net = coins * (1 - rules.fee)
    active = cycle if isinstance(cycle, Active) else None
    held = net + (active.held if active else ZERO)
    invested = coins * average + (active.invested if active else ZERO)
    params = active.params if active else state.params
    breakeven = breakeven_price(invested, held, rules) if held else None
    step = active.position.step if active else 0
    sell = None
    if active:
        own = floor_to(active.held + active.tally.dust.coins, rules.lot)
        sell = {
            "amount": text(own),
            "average": figure(average_for_base(quote.bids, own) or quote.bid),
            "brings": figure(own * (average_for_base(quote.bids, own) or quote.bid)),
            "result": figure(if_sold(active, quote)),
        }
    return {
        "side": "buy",
        "amount": text(amount),
        "average": figure(average),
        "slippage_pct": figure((average / quote.ask - 1) * HUNDRED),
        "fee": figure(coins * rules.fee),
        "coins": text(coins),
        "cost": figure(coins * average),
        "gets": text(net),
        "breakeven_before": text(active.breakeven) if active else None,
        "breakeven_after": text(breakeven),
        "take_profit_before": text(active.sell_price) if active else None,
        "take_profit_after": text(take_profit_at(breakeven, params.profit_at(step), rules)) if breakeven else None,
        "free_after": figure(floor.wallet.free() - amount),
        "sell": sell,
        "price_age_ms": floor.clock.now_ms() - quote.confirmed_ms,
    }
