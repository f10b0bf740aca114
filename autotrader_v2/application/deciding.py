"""One market brought up to its newest quote: look, decide, claim. Sending happens elsewhere."""

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple, assert_never

from autotrader_v2.application.events import Decision, Priority, SwitchSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.slot import InFlight, Plan, Slot, SlotState
from autotrader_v2.domain.cycle import Active, Idle
from autotrader_v2.domain.ladder import BadLadder, BreakevenTable, LadderParams, OrderStyle, planned
from autotrader_v2.domain.market import MarketRules
from autotrader_v2.domain.money import ZERO, ceil_to, floor_to, plain, reported
from autotrader_v2.domain.orders import ClientId, OrderIntent, OrderType, Side
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.domain.situation import Action, Buy, Hold, NeedBook, Reason, Sell, Situation, SwitchMode, decide

# A reason whose numbers move with every price is one decision as long as the reason stays.
_WANTS_BALANCES = frozenset({Reason.BALANCE_UNKNOWN, Reason.SHORTAGE, Reason.HOLDS_COINS, Reason.NEEDS_MONEY})


class Step(NamedTuple):
    """What a decision wants carried out, and `news`: the action when it is another one than before."""

    wanted: OrderIntent | NeedBook | None
    news: Action | None


_NOTHING = Step(None, None)


class Decider:
    """Turns quotes into claimed intents. `instance` is the 4-character label of this database in client ids."""

    def __init__(self, floor: Floor, instance: str, life: str = "") -> None:
        self._floor = floor
        self._instance = instance
        self._life = life

    def step(self, slot: Slot, quote: Quote | None = None) -> Step:
        """Decide on the newest quote (or this one) and claim the market for what came out.

        Values only, under the slot's lock. An intent returned is claimed: its money is reserved and the market waits
        for it. Never blocks: when the lock is held the market stays due. News are for `tell`, once the order is on its
        way.
        """
        floor = self._floor
        if not slot.lock.acquire(blocking=False):
            floor.board.mark_due(slot.market)
            return _NOTHING
        try:
            state = slot.state
            quote = quote or floor.board.newest(slot.market)
            action = decide(self.situation(slot, state, quote))
            if quote is not None and not isinstance(action, NeedBook):
                slot.knows(quote.bid)
            wanted: OrderIntent | NeedBook | None = None
            if isinstance(action, NeedBook) and action.side == "buy" and quote is not None:
                # A buy that is not allowed anyway needs no order book.
                action = floor.buy_limits.refusal(slot.market, quote.ask, floor.clock.now_ms()) or action
            elif isinstance(action, Buy | Sell):
                outcome = self._claim(slot, state, action)
                if isinstance(outcome, Hold):
                    action = outcome
                else:
                    wanted = outcome
            if isinstance(action, NeedBook):
                wanted = action
            return Step(wanted, action if self._remember(slot, action) else None)
        finally:
            slot.lock.release()

    def tell(self, slot: Slot, news: Action) -> None:
        """Have it written down afterwards, and what follows from it done."""
        floor = self._floor
        floor.afterwards.do(self._tell, slot, news, floor.clock.now_ms())
        if isinstance(news, Hold) and news.reason is Reason.FINISHING:
            floor.afterwards.do(self._nothing_to_finish, slot)

    def turn_off_finished(self) -> None:
        """Switch off what has finished and could not be switched off at once: the disk was full, the market busy.

        Never raises `TradingError`.
        """
        for slot in tuple(self._floor.slots.values()):
            if slot.hold.reason is Reason.FINISHING and slot.state.switch is SwitchMode.FINISH:
                self._nothing_to_finish(slot)

    def situation(self, slot: Slot, state: SlotState, quote: Quote | None) -> Situation:
        """Everything the decision needs, as of now."""
        floor = self._floor
        cycle, rules = state.cycle, state.rules
        free, free_for_start = floor.wallet.free_pair(slot.market)
        price = quote.ask if quote is not None else ZERO
        if isinstance(cycle, Active):
            params, error, refused = cycle.params, None, None
            if params.budget_quote:
                free = min(free, params.budget_quote - cycle.invested)
            buy_backoff = state.buy_backoff.until(price)
        else:
            params = state.params
            if params.start_balance_pct:
                params = params.resolved(max(free_for_start, ZERO), rules.qstep)
            if params.budget_quote:
                free_for_start = min(free_for_start, params.budget_quote)
            error = self._plan(slot, params, rules, price).error if price else None
            refused = (
                Hold(Reason.LIMIT_REACHED, (("max_active_cycles", floor.wallet.limits.max_active_cycles),))
                if floor.wallet.cycles_full(slot.market)
                else None
            )
            buy_backoff = state.buy_backoff.until(price)
        return Situation(
            cycle=cycle,
            quote=quote,
            rules=rules,
            params=params,
            mode=floor.mode_of(slot),
            now_ms=floor.clock.now_ms(),
            exchange_now_ms=floor.exchange.now_ms(),
            free_quote=free,
            free_for_start=free_for_start,
            base=floor.wallet.base_reading(slot.market),
            awaited=state.order.awaited if state.order else None,
            pause=state.pause,
            quote_after_ms=state.quote_after_ms,
            not_before_buy_ms=buy_backoff,
            not_before_sell_ms=state.sell_backoff.until(quote.bid) if quote is not None else 0,
            max_quote_age_ms=floor.config.max_quote_age_ms,
            ladder_error=error,
            start_refused=refused,
            standstill=floor.standstill.now,
            confirmed_after_ms=floor.standstill.confirmed_after_ms,
            known_price=slot.known_price,
        )

    def params_now(self, slot: Slot) -> LadderParams:
        """The ladder the market runs on, or would start with now (a share of the balance resolved to an amount)."""
        state = slot.state
        if isinstance(state.cycle, Active):
            return state.cycle.params
        if not state.params.start_balance_pct:
            return state.params
        _, free_for_start = self._floor.wallet.free_pair(slot.market)
        return state.params.resolved(max(free_for_start, ZERO), state.rules.qstep)

    def _plan(self, slot: Slot, params: LadderParams, rules: MarketRules, price: Decimal) -> Plan:
        plan = slot.plan
        if plan is None or not plan.holds_for(params, rules, price):
            plan = make_plan(params, rules, price)
            slot.plan = plan
        return plan

    def claim_for_person(
        self, slot: Slot, action: Buy | Sell, *, step: int | None, then_pause: bool = False, outside: Decimal = ZERO
    ) -> OrderIntent | Hold:
        """Claim an order a person wants, under the lock; a Hold when the money is not there or a limit forbids it.

        The caller holds `slot.lock` and has seen that no order is in flight.
        """
        return self._claim(slot, slot.state, action, step=step, then_pause=then_pause, outside=outside, by_person=True)

    def _claim(
        self,
        slot: Slot,
        state: SlotState,
        action: Buy | Sell,
        *,
        step: int | None = None,
        then_pause: bool = False,
        outside: Decimal = ZERO,
        by_person: bool = False,
    ) -> OrderIntent | Hold:
        floor, cycle = self._floor, state.cycle
        now_ms = floor.clock.now_ms()
        starts = isinstance(cycle, Idle)
        cycle_id = cycle.tally.last_cycle_id + 1 if isinstance(cycle, Idle) else cycle.cycle_id
        if isinstance(action, Buy):
            side, step = Side.BUY, step if by_person else action.step
        else:
            side, step = Side.SELL, None
        params = cycle.params if isinstance(cycle, Active) else state.params
        if params.start_balance_pct and isinstance(action, Buy):
            params = replace(params, start_quote=action.quote_amount, start_balance_pct=ZERO)
        number, attempt = self._number(slot, (cycle_id, step, side))
        capped = params.order_style is OrderStyle.CAPPED and action.worst_price > 0
        limit_price = self._limit(action, state.rules) if capped else None
        amount = action.quote_amount if isinstance(action, Buy) else action.amount
        if isinstance(action, Buy) and limit_price is not None:
            amount = floor_to(action.quote_amount / limit_price, state.rules.lot)
        cost = self._cost(action)
        # Asked before the order is out: then a reading counts as older than it.
        known = floor.wallet.base_reading(slot.market) if isinstance(action, Buy) else None
        before = known.total if known is not None else None
        intent = OrderIntent(
            client_id=str(ClientId(self._instance, number, attempt, self._life)),
            market=slot.market,
            side=side,
            type=OrderType.LIMIT if capped else OrderType.MARKET,
            amount=amount,
            why=action.why,
            cycle_id=cycle_id if side is Side.BUY or not starts else cycle.tally.last_cycle_id,
            step=step,
            worst_price=action.worst_price,
            seen_price=action.seen_price,
            decided_ms=now_ms,
            expires_ms=floor.exchange.now_ms() + floor.config.order_life_ms,
            max_cost=cost,
            limit_price=limit_price,
        )
        if side is Side.BUY:
            if floor.journal.full:
                return Hold(Reason.JOURNAL_FULL)
            ladder = self.params_now(slot)
            limits, client_id = floor.buy_limits, intent.client_id
            if (held := limits.claim(client_id, slot.market, cost, action.seen_price, ladder, now_ms)) is not None:
                return held
            if not floor.wallet.reserve(client_id, slot.market, cost, starts=starts and not by_person):
                limits.never_sent(client_id, slot.market)
                return Hold(Reason.NEEDS_MONEY, (("needs", cost), ("has", floor.wallet.free())))
        else:
            floor.wallet.order_out(intent.client_id, slot.market)
        what = f"{action.why.value}{'' if step is None else f' {step}'}"
        order = InFlight(what, now_ms, intent, params, then_pause=then_pause, outside=outside, coins_before=before)
        slot.state = replace(state, order=order)
        floor.in_flight.add(intent.client_id)
        return intent

    @staticmethod
    def _number(slot: Slot, purpose: tuple[int, int | None, Side]) -> tuple[int, int]:
        """(number, attempt): a retry of what surely placed nothing keeps its number."""
        if slot.retry is not None and slot.retry[2] == purpose:
            return slot.retry[0], slot.retry[1]
        return slot.spare_number, 1

    @staticmethod
    def _limit(action: Buy | Sell, rules: MarketRules) -> Decimal:
        """The worst price on the grid: never worse than allowed.

        The exchange values a limit order at its limit, so that of a small sale is as high as its minimum needs.
        """
        if isinstance(action, Buy):
            return floor_to(action.worst_price, rules.tick)
        return max(action.worst_price, ceil_to(rules.min_quote / action.amount, rules.tick))

    @staticmethod
    def _cost(action: Buy | Sell) -> Decimal:
        return action.quote_amount if isinstance(action, Buy) else ZERO

    def _remember(self, slot: Slot, action: Action) -> bool:
        """Keep what was decided for readers; True when its kind or reason changed."""
        before = slot.hold
        if isinstance(action, NeedBook):
            slot.book_wanted_ms = slot.book_wanted_ms or self._floor.clock.now_ms()
            return False
        slot.book_wanted_ms = 0
        if isinstance(action, Hold):
            slot.hold = action
            if action.reason is before.reason:
                # Asked for already; the sweep asks again in time. A reading decides the market anew, so that asking
                # at every decision would never end.
                return False
            slot.hold_since_ms = self._floor.clock.now_ms()
            if action.reason in _WANTS_BALANCES:
                self._floor.want_balances.set()
            if action.reason is Reason.SHORTAGE:
                self._floor.want_reconcile.set()
            return True
        slot.hold = Hold(Reason.ORDER_IN_FLIGHT)
        return True

    def _nothing_to_finish(self, slot: Slot) -> None:
        """`finish` was said while a start was on its way that never came, or as the cycle closed: the market is off.

        What fails is tried again by `turn_off_finished`.
        """
        floor = self._floor
        now_ms = floor.clock.now_ms()
        changes: dict[str, SwitchMode] = {}
        # Claimed as for an order, so that no order of a person joins a market that is being turned off.
        if slot.state.switch is not SwitchMode.FINISH or not slot.claim("finish", now_ms):
            return
        with slot.book_lock:
            try:
                if slot.state.switch is SwitchMode.FINISH and isinstance(slot.state.cycle, Idle):
                    floor.journal.write(SwitchSet(market=slot.market, mode=SwitchMode.OFF, by="finish", time_ms=now_ms))
                    changes["switch"] = SwitchMode.OFF
            except JournalUnavailable as error:
                market_log(slot.market).error("finished, but its switch cannot be written down yet", what=error.what)
            finally:
                slot.release(**changes)
        floor.board.mark_due(slot.market)
        floor.changed(slot)
        if changes:
            market_log(slot.market).info("switch: off", by="finish")

    def _tell(self, slot: Slot, action: Action, now_ms: int) -> None:
        kind, reason, values = _described(action)
        self._floor.journal.note(Decision(market=slot.market, kind=kind, reason=reason, values=values, time_ms=now_ms))
        market_log(slot.market).info(f"{kind}: {reason}", **values)
        if reason == Reason.PRICE_LEAPED:
            self._floor.alert("price_leaped", Priority.HIGH, slot.market, values)
        if reason == Reason.LIMIT_REACHED and "which" in values:
            if values["which"].startswith("account_"):
                self._floor.alert("account_limit_reached", Priority.MEDIUM, None, values)
            else:
                self._floor.alert("limit_reached", Priority.MEDIUM, slot.market, values)
        self._floor.changed(slot)


def _described(action: Action) -> tuple[str, str, dict[str, str]]:
    """(kind, reason, values as text) of a decision, for journal and log."""
    match action:
        case Buy(why=why, step=step, quote_amount=amount, seen_price=price):
            return "buy", why.value, {"step": str(step), "amount": plain(amount), "price": plain(price)}
        case Sell(why=why, amount=amount, seen_price=price):
            return "sell", why.value, {"amount": plain(amount), "price": plain(price)}
        case Hold(reason=code, values=pairs):
            return "hold", code.value, texts(pairs)
        case NeedBook(side=side):
            return "hold", "need_book", {"side": side}
        case _:
            assert_never(action)


def make_plan(params: LadderParams, rules: MarketRules, price: Decimal) -> Plan:
    """What a start at that price would cost, or the field and reason that forbid it."""
    try:
        table = table_of_start(params, rules, price)
    except BadLadder as error:
        return Plan(params, rules, price, error=(error.field, error.reason))
    return Plan(params, rules, price, table.cost, table.rows[0].quote, table.loss_at_end)


def table_of_start(params: LadderParams, rules: MarketRules, price: Decimal) -> BreakevenTable:
    """The ladder of a start at that price. Errors: `BadLadder`."""
    base_price = min(price, params.start_limit) if params.start_limit else price
    return planned(params, rules, floor_to(base_price, rules.tick))


def texts(pairs: tuple[tuple[str, Decimal | int | str], ...]) -> dict[str, str]:
    """Values as text: decimals plain and to 12 digits."""
    return {name: plain(reported(value)) if isinstance(value, Decimal) else str(value) for name, value in pairs}
