"""Read models of the market list: what every market is, what its worker does, what may be done with it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autotrader_v2.application.deciding import texts
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.views import figure, hold_of, text
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import HUNDRED, ZERO, plain
from autotrader_v2.domain.situation import SwitchMode

if TYPE_CHECKING:
    from autotrader_v2.application.trader import AutoTraderV2


def symbols_view(trader: "AutoTraderV2") -> list[dict[str, Any]]:
    """Every market of the list; `traded` false: the exchange did not know it at the start."""
    slots = trader.floor.slots
    return [_symbol(trader, market, slots.get(market)) for market in trader.market_list.available]


def _symbol(trader: "AutoTraderV2", market: Market, slot: Slot | None) -> dict[str, Any]:
    primary = market == trader.market_list.primary
    view: dict[str, Any] = {
        "symbol": market.pair,
        "currency": market.base,
        "quote": market.quote,
        "name": market.base,
        "traded": slot is not None,
        "primary": primary,
        "active": False,
        "switch": None,
        "state": None,
        "kept_by": "primary" if primary else None,
        "rules": None,
    }
    if slot is None:
        return view
    state, rules = slot.state, slot.state.rules
    open_cycle = isinstance(state.cycle, Active)
    return view | {
        "name": rules.name or market.base,
        "active": state.switch is not SwitchMode.OFF,
        "switch": state.switch.value,
        "state": "ACTIVE" if open_cycle else "IDLE",
        "kept_by": "primary" if primary else "order" if state.order else "open_cycle" if open_cycle else None,
        "rules": {
            "price_precision": rules.price_precision,
            "amount_precision": rules.amount_precision,
            "min_base": plain(rules.min_base),
            "min_quote": plain(rules.min_quote),
            "fee_pct": plain(rules.fee * HUNDRED),
            "status": rules.status.value,
            "delisting_ms": rules.delisting_s * 1000 or None,
            "special": rules.special,
        },
    }


def status_view(trader: "AutoTraderV2", today: Mapping[str, Decimal], only: Market | None = None) -> dict[str, Any]:
    """The engine, and each market's worker: `working`, `waiting` (and why), `failing`, `off`."""
    floor = trader.floor
    status = trader.get_status()
    failing = frozenset(trader.isolation.markets)
    slots = [slot for slot in trader.get_all_cycles() if only is None or slot.market == only]
    return {
        "running": trader.running,
        "phase": trader.phase,
        "version": status["version"],
        "global_switch": floor.global_switch.value,
        "paused": None if floor.account_pause is None else floor.account_pause.cause,
        "orders_in_flight": status["orders_in_flight"],
        "markets": {slot.market.pair: _worker(trader, slot, failing, today) for slot in slots},
    }


def _worker(
    trader: "AutoTraderV2", slot: Slot, failing: frozenset[Market], today: Mapping[str, Decimal]
) -> dict[str, Any]:
    floor, state, hold = trader.floor, slot.state, hold_of(slot)
    quote = floor.board.newest(slot.market)
    mode = floor.mode_of(slot)
    cycle = state.cycle
    return {
        "currency": slot.market.base,
        "worker": "failing"
        if slot.market in failing
        else "off"
        if mode is SwitchMode.OFF
        else "working"
        if state.order is not None
        else "waiting",
        "switch": state.switch.value,
        "effective_switch": mode.value,
        "paused": None if state.pause is None else state.pause.cause,
        "state": "ACTIVE" if isinstance(cycle, Active) else "IDLE",
        "step": cycle.position.step if isinstance(cycle, Active) else None,
        "invested": figure(cycle.invested) if isinstance(cycle, Active) else "0",
        "last": text(quote.last) if quote else None,
        "price_age_ms": floor.clock.now_ms() - quote.confirmed_ms if quote else None,
        "today": figure(today.get(slot.market.pair, ZERO)),
        "hold": {"reason": hold.reason.value, "values": texts(hold.values)},
    }
