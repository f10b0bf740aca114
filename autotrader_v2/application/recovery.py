"""Start-up: journal -> slots. What was open when we ended is unknown until the exchange has told.

The account's part and what can be shown come from the journal alone, before the exchange is asked.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from autotrader_v2.application.booking import start_params
from autotrader_v2.application.events import CycleChanged, Priority, SwitchSet
from autotrader_v2.application.floor import JOURNAL_REPLACED, Floor, market_log
from autotrader_v2.application.funds import Limits
from autotrader_v2.application.ports import Doubt, JournalState, OpenAttempt, merged_params
from autotrader_v2.application.slot import InFlight, Slot, SlotState
from autotrader_v2.domain.cycle import Active, Idle, TermsChanged, TradingCycle, apply
from autotrader_v2.domain.ladder import LadderParams, changed
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import ZERO
from autotrader_v2.domain.orders import OrderIntent, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode


def restore_account(floor: Floor, state: JournalState) -> None:
    """What holds for all markets: common ladder, switch, pause, limits. Asks nobody but the journal.

    Errors: `JournalUnavailable`, `JournalRefused`.
    """
    floor.common = changed(LadderParams(), dict(state.params.get(None, {})))
    floor.global_switch = state.switches.get(None, SwitchMode.ON)
    floor.account_pause = _account_pause(state.settings.get("account_pause"))
    _doubt(floor, state)
    limits = state.settings.get("limits")
    if limits:
        floor.wallet.set_limits(Limits(Decimal(limits["total_budget"]), int(limits["max_active_cycles"])))
    order_limits = state.settings.get("order_limits")
    if order_limits:
        floor.buy_limits.set_limits(floor.config.order_limits.changed(order_limits))
    floor.buy_limits.restore(state.recent_buys, floor.clock.now_ms())


def known_slots(floor: Floor, state: JournalState, markets: Sequence[Market]) -> tuple[Slot, ...]:
    """Open cycles and orders of unknown outcome as the journal alone tells them, for eyes only: nothing trades on them.

    A cycle has the rules it was last known by; of a market without one only the digits of its order are known.
    """
    known = []
    for market in markets:
        cycle, attempt = _cycle_of(state, market), _open_order(state, market)
        if isinstance(cycle, Active):
            rules = cycle.rules
        elif attempt is not None:
            rules = _digits_of(attempt.intent)
        else:
            continue
        known.append(Slot(_state_of(floor, state, cycle, rules, state.switches.get(market, SwitchMode.OFF)), 0))
    return tuple(known)


def restore(
    floor: Floor, state: JournalState, rules: Mapping[Market, MarketRules], first_switches: Mapping[Market, SwitchMode]
) -> Sequence[Slot]:
    """Fill the floor with the markets that the exchange knows; returns the slots whose order has no known outcome.

    `first_switches` are the settings of the first start: journalled now, so that the database wins from here on.
    """
    now_ms = floor.clock.now_ms()
    first = [
        SwitchSet(market=market, mode=mode, by="first start", time_ms=now_ms)
        for market, mode in first_switches.items()
        if market in rules and market not in state.switches
    ]
    if first:
        floor.journal.write(*first)
    unknown = []
    for market, market_rules in rules.items():
        cycle = _cycle_of(state, market)
        if isinstance(cycle, Active) and cycle.rules != market_rules:
            cycle = new_terms(floor, market, cycle, market_rules)
        switch = state.switches.get(market) or first_switches.get(market, SwitchMode.OFF)
        slot = Slot(_state_of(floor, state, cycle, market_rules, switch), floor.journal.new_number())
        order = slot.state.order
        slot.known_price = _last_price(cycle)
        floor.slots[market] = slot
        floor.publish_cycle(slot)
        if order is not None and order.intent is not None:
            floor.wallet.order_out(order.intent.client_id, market, order.intent.max_cost)
            market_log(market).warning("an order of the last run has no known outcome; the market waits")
            unknown.append(slot)
    floor.board.follow(rules)
    return unknown


def _cycle_of(state: JournalState, market: Market) -> TradingCycle:
    return state.cycles.get(market, Idle(market=market))


def _open_order(state: JournalState, market: Market) -> OpenAttempt | None:
    return next((attempt for attempt in state.open_attempts if attempt.intent.market == market), None)


def _state_of(
    floor: Floor, state: JournalState, cycle: TradingCycle, rules: MarketRules, switch: SwitchMode
) -> SlotState:
    """A market as the journal tells it; its order, if one is open, has no known outcome."""
    market = cycle.market
    own = state.params.get(market, {})
    params = merged_params(floor.common, own)
    attempt = _open_order(state, market)
    order = None
    if attempt is not None:
        intent = attempt.intent
        order = InFlight(
            what=f"{intent.why.value}{'' if intent.step is None else f' {intent.step}'}",
            since_ms=intent.decided_ms,
            intent=intent,
            params=cycle.params if isinstance(cycle, Active) else start_params(params, intent),
            unknown=True,
            traded=attempt.traded,
            order_id=attempt.order_id,
            # What its owner wanted after it was in memory only: whoever has sold everything buys nothing unasked.
            then_pause=intent.why is Why.SELL_ALL,
            coins_before=_at_least(cycle) if intent.side is Side.BUY else None,
        )
    return SlotState(
        cycle=cycle,
        rules=rules,
        params=params,
        own_params=own,
        switch=switch,
        pause=state.pauses.get(market),
        order=order,
        quote_after_ms=cycle.bought[-1].time_ms if isinstance(cycle, Active) else cycle.tally.closed_ms,
    )


def _at_least(cycle: TradingCycle) -> Decimal | None:
    """What the account had of a cycle's coin before a buy of it, as far as the books know.

    Whatever else lay there costs two minutes of waiting at most. No start is bought beside coins outside anyway.
    """
    return cycle.held + cycle.tally.dust.coins + cycle.tally.ignored if isinstance(cycle, Active) else None


def _digits_of(intent: OrderIntent) -> MarketRules:
    price, amount = (max(0, -int(one.as_tuple().exponent)) for one in (intent.seen_price, intent.amount))
    return MarketRules(market=intent.market, price_precision=price, amount_precision=amount, fee=ZERO)


def _last_price(cycle: TradingCycle) -> Decimal | None:
    """What the newest step of a running cycle was bought at; an adopted row's price is a person's word."""
    if isinstance(cycle, Idle):
        return None
    return next((row.price for row in reversed(cycle.bought) if row.step is not None), None)


def new_terms(floor: Floor, market: Market, cycle: Active, rules: MarketRules) -> Active:
    """The running cycle under new fees or precisions, which act at once. Errors: `JournalUnavailable`."""
    event = TermsChanged(params=cycle.params, rules=rules)
    after = apply(cycle, event)
    floor.journal.write(CycleChanged(market=market, event=event, after=after, time_ms=floor.clock.now_ms()))
    if not isinstance(after, Active):
        raise TypeError("new terms never close a cycle")
    return after


def _doubt(floor: Floor, state: JournalState) -> None:
    """A journal that may be an older copy trades nothing until its owner has confirmed it (row P10)."""
    now = floor.account_pause
    if state.doubt is not Doubt.NONE:
        values = {"doubt": state.doubt.value}
        floor.alert("journal_in_doubt", Priority.HIGH, None, values)
        if now is None or now.cause != JOURNAL_REPLACED:
            pause = Pause(cause="journal_replaced", since_ms=floor.clock.now_ms(), values=tuple(values.items()))
            floor.pause_account(pause, by="engine")
    elif now is not None and now.cause == JOURNAL_REPLACED:
        # Confirmed while the engine was not running.
        floor.pause_account(None, by="engine")


def _account_pause(value: Mapping[str, object] | None) -> Pause | None:
    if not value:
        return None
    pairs = value.get("values") or []
    return Pause(
        cause=str(value["cause"]),
        since_ms=int(str(value["since_ms"])),
        sells=bool(value.get("sells")),
        values=tuple((str(name), str(text)) for name, text in pairs),  # type: ignore[attr-defined]
    )
