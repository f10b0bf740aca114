"""What the exchange confirmed becomes what we own: the only writer of cycles from fills, idempotent by trade id."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from autotrader_v2.application.events import (
    Alert,
    AttemptClosed,
    Booked,
    CycleChanged,
    FillsBooked,
    Outcome,
    PauseSet,
    Priority,
    Record,
    SwitchSet,
)
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.slot import FAILURES_BEFORE_PAUSE, NO_BACKOFF, InFlight, Slot
from autotrader_v2.domain.cycle import Active, BuyBooked, CycleEvent, Idle, SaleBooked, TradingCycle, apply
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode

_TOKEN_CURRENCY = "GT"  # noqa: S105  (a currency, not a secret)


class Booking:
    """Books fills and endings of our orders: journal first, then memory in one assignment."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def book_fills(
        self, slot: Slot, order: InFlight, fills: Sequence[Fill], *, order_id: str, note: str = ""
    ) -> TradingCycle:
        """Book a finished order's trades and end the wait. Returns the cycle after it.

        Trades already booked are left out. Without any trade the attempt ends as unfilled and its side backs off.
        Errors: `JournalUnavailable`, `JournalRefused`; then nothing changed and the order is still open.
        """
        intent = order.intent
        if intent is None:
            raise ValueError("only an order can be booked")
        with slot.book_lock:
            booked = {fill.trade_id for fill in self._floor.journal.fills_of(intent.client_id)}
            new = tuple(fill for fill in fills if fill.trade_id not in booked)
            if not new:
                outcome = Outcome.FILLED if booked else Outcome.UNFILLED
                self.close(slot, intent, outcome, label=note or "unfilled", order_id=order_id)
                return slot.state.cycle
            return self._book(slot, order, intent, new, order_id, note)

    def close(
        self,
        slot: Slot,
        intent: OrderIntent,
        outcome: Outcome,
        *,
        label: str,
        order_id: str = "",
        lasting: bool = False,
    ) -> None:
        """An attempt ended without trading: journal it, free the money, back off.

        After `FAILURES_BEFORE_PAUSE` in a row, or at once for a lasting cause, the market pauses and shows the label.
        What never left this machine backs off but never pauses: nothing is wrong with the order.
        """
        floor = self._floor
        now_ms = floor.clock.now_ms()
        backoff = slot.state.backoff(intent.side)
        if outcome is not Outcome.FILLED:
            backoff = backoff.failed(floor.exchange.now_ms(), intent.seen_price)
        records: list[Record] = [
            AttemptClosed(
                client_id=intent.client_id, outcome=outcome, time_ms=now_ms, label=label[:200], order_id=order_id
            )
        ]
        pause: Pause | None = None
        counts = outcome in (Outcome.UNFILLED, Outcome.REFUSED, Outcome.ABSENT)
        if counts and (lasting or backoff.failures >= FAILURES_BEFORE_PAUSE):
            pause = Pause(
                cause="orders_fail",
                since_ms=now_ms,
                values=(("label", label[:200]), ("side", intent.side.value), ("times", str(backoff.failures))),
            )
            records.append(PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms))
            records.append(
                floor.alert("market_paused", Priority.HIGH, slot.market, {"label": label[:200], "side": intent.side})
            )
        number = floor.journal.new_number()
        with slot.book_lock:
            floor.journal.write(*records)
            if outcome in (Outcome.NOT_SENT, Outcome.REFUSED):
                floor.wallet.never_sent(intent.client_id, slot.market)
            else:
                floor.wallet.resolved(intent.client_id, slot.market, ZERO)
            state = slot.state.with_backoff(intent.side, backoff)
            # Before the market may decide again: the next claim must not take this attempt's number.
            self._take_number(slot, intent, outcome, number)
            changes = {} if pause is None else {"pause": pause}
            slot.release(buy_backoff=state.buy_backoff, sell_backoff=state.sell_backoff, **changes)
        self._done(slot, intent)
        market_log(slot.market).warning(
            f"{intent.side.value} order {intent.client_id} ended: {outcome.value}", label=label, order_id=order_id
        )

    def _book(
        self,
        slot: Slot,
        order: InFlight,
        intent: OrderIntent,
        fills: tuple[Fill, ...],
        order_id: str,
        note: str,
    ) -> TradingCycle:
        floor = self._floor
        now_ms = floor.clock.now_ms()
        state = slot.state
        before = state.cycle
        event = self._event(slot, order, intent, fills)
        after = apply(before, event)
        records: list[Record] = [
            FillsBooked(intent.client_id, fills),
            AttemptClosed(
                client_id=intent.client_id, outcome=Outcome.FILLED, time_ms=now_ms, label=note, order_id=order_id
            ),
            CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms),
        ]
        switch, pause = state.switch, state.pause
        closed = isinstance(before, Active) and isinstance(after, Idle)
        if closed and switch is SwitchMode.FINISH:
            switch = SwitchMode.OFF
            records.append(SwitchSet(market=slot.market, mode=switch, by="finish", time_ms=now_ms))
        if order.then_pause:
            pause = Pause(cause="sold_by_you", since_ms=now_ms)
            records.append(PauseSet(market=slot.market, pause=pause, by="person", time_ms=now_ms))
        if isinstance(after, Active) and intent.step and after.next_step is None:
            records.append(self._ladder_used_up(slot, after))
        if after == before:
            values = {"client_id": intent.client_id, "coins": plain(sum((fill.base for fill in fills), ZERO))}
            records.append(floor.alert("late_fill", Priority.HIGH, slot.market, values))
        # Before the write: once it is durable nothing may fail until memory says the same.
        number = floor.journal.new_number()
        floor.journal.write(*records)
        spent = sum((fill.quote for fill in fills), ZERO) if intent.side is Side.BUY else ZERO
        floor.wallet.resolved(intent.client_id, slot.market, spent)
        self._take_number(slot, intent, Outcome.FILLED, number)
        with slot.lock:
            # The switch may have been set while the journal wrote: only `finish` that closed turns it off.
            switch_now = slot.state.switch
            slot.state = replace(
                slot.state,
                cycle=after,
                order=None,
                switch=switch if switch_now is SwitchMode.FINISH else switch_now,
                pause=pause if order.then_pause else slot.state.pause,
                quote_after_ms=max(fill.time_ms for fill in fills),
                buy_backoff=NO_BACKOFF,
                sell_backoff=NO_BACKOFF,
            )
        self._done(slot, intent)
        self._tell(slot, intent, fills, before, after, now_ms)
        return after

    def _ladder_used_up(self, slot: Slot, cycle: Active) -> Alert:
        """Told once per cycle, when its last step is bought: what it cost and where it sells."""
        values = {
            "invested": plain(reported(cycle.invested)),
            "breakeven": plain(cycle.breakeven),
            "take_profit": plain(cycle.take_profit),
        }
        return self._floor.alert("ladder_used_up", Priority.MEDIUM, slot.market, values)

    def _event(self, slot: Slot, order: InFlight, intent: OrderIntent, fills: tuple[Fill, ...]) -> CycleEvent:
        fee_quote, estimated = self._fees_elsewhere(slot, fills)
        if intent.side is Side.SELL:
            return SaleBooked(
                client_id=intent.client_id,
                cycle_id=intent.cycle_id,
                why=intent.why,
                fills=fills,
                fee_quote=fee_quote,
                outside=order.outside,
            )
        cycle = slot.state.cycle
        params = order.params or (cycle.params if isinstance(cycle, Active) else slot.state.params)
        return BuyBooked(
            client_id=intent.client_id,
            cycle_id=intent.cycle_id,
            why=intent.why,
            step=None if intent.why is Why.QUICK_BUY and intent.step is None else intent.step,
            seen_price=intent.seen_price,
            fills=fills,
            params=params,
            rules=slot.state.rules,
            fee_quote=fee_quote,
            fee_estimated=estimated,
        )

    def _fees_elsewhere(self, slot: Slot, fills: Sequence[Fill]) -> tuple[Decimal, bool]:
        """(worth in quote of fees taken neither in coins nor in quote, whether that worth is an estimate)."""
        total, estimated = ZERO, False
        for fill in fills:
            if fill.fee_currency in (slot.market.base, slot.market.quote) or not fill.fee:
                continue
            bid = self._bid_of(fill.fee_currency)
            if bid is not None:
                total += fill.fee * bid
            else:
                total += fill.quote * slot.state.rules.fee
                estimated = True
        return total, estimated

    def _bid_of(self, currency: str) -> Decimal | None:
        if currency != _TOKEN_CURRENCY:
            return None
        quote = self._floor.board.newest(Market(self._floor.exchange.name, currency, self._floor.home_quote))
        return quote.bid if quote else None

    @staticmethod
    def _take_number(slot: Slot, intent: OrderIntent, outcome: Outcome, number: int) -> None:
        """What surely placed nothing is retried as a new attempt of the same number; the rest gets a new number."""
        label = ClientId.parse(intent.client_id)
        if label is not None and outcome in (Outcome.NOT_SENT, Outcome.ABSENT):
            slot.retry = (label.number, label.attempt + 1, (intent.cycle_id, intent.step, intent.side))
        else:
            slot.retry = None
        slot.spare_number = number

    def _done(self, slot: Slot, intent: OrderIntent) -> None:
        floor = self._floor
        floor.in_flight.discard(intent.client_id)
        floor.publish_cycle(slot)
        floor.want_balances.set()
        floor.board.mark_due(slot.market)
        floor.changed(slot)

    def _tell(
        self,
        slot: Slot,
        intent: OrderIntent,
        fills: tuple[Fill, ...],
        before: TradingCycle,
        after: TradingCycle,
        now_ms: int,
    ) -> None:
        base = sum((fill.base for fill in fills), ZERO)
        quote = sum((fill.quote for fill in fills), ZERO)
        result = after.tally.realised - before.tally.realised if intent.side is Side.SELL else None
        self._floor.bus.tell(
            Booked(
                market=slot.market,
                client_id=intent.client_id,
                side=intent.side,
                why=intent.why,
                step=intent.step,
                base=base,
                quote=quote,
                time_ms=now_ms,
                result=result,
            )
        )
        self._floor.afterwards.do(_log_filled, slot.market, intent, base, quote, result)


def _log_filled(market: Market, intent: OrderIntent, base: Decimal, quote: Decimal, result: Decimal | None) -> None:
    market_log(market).info(
        f"{intent.side.value} filled: {plain(base)} {market.base} for {plain(quote)} {market.quote}",
        why=intent.why.value,
        client_id=intent.client_id,
        **({"result": plain(result)} if result is not None else {}),
    )
