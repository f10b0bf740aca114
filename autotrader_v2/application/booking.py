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
from autotrader_v2.application.ports import ContractBroken, JournalRefused, JournalUnavailable
from autotrader_v2.application.slot import FAILURES_BEFORE_PAUSE, NO_BACKOFF, InFlight, Slot
from autotrader_v2.domain.cycle import Active, BuyBooked, CycleEvent, Idle, SaleBooked, TradingCycle, apply
from autotrader_v2.domain.ladder import LadderParams
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, reported
from autotrader_v2.domain.orders import ClientId, Fill, OrderIntent, Side, Why
from autotrader_v2.domain.situation import Pause, SwitchMode

_TOKEN_CURRENCY = "GT"  # noqa: S105  (a currency, not a secret)


class Booking:
    """Books fills and endings of our orders: journal first, then memory in one assignment."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        # Orders whose trades were told after they had counted as ended; aim: none.
        self.late_fills = 0

    def book_fills(
        self, slot: Slot, order: InFlight, fills: Sequence[Fill], *, order_id: str, note: str = ""
    ) -> TradingCycle:
        """Book a finished order's trades and end the wait. Returns the cycle after it.

        Trades already booked are left out. Without any trade the attempt ends as unfilled and its side backs off.
        Errors: `JournalUnavailable`, `JournalRefused`, `ContractBroken`; then nothing changed and the order is still
        open.
        """
        intent = order.intent
        if intent is None:
            raise ValueError("only an order can be booked")
        _check(intent, fills)
        with slot.book_lock:
            booked = {fill.trade_id for fill in self._floor.journal.fills_of(intent.client_id)}
            new = tuple(fill for fill in fills if fill.trade_id not in booked)
            if not new:
                outcome = Outcome.FILLED if booked else Outcome.UNFILLED
                self.close(slot, intent, outcome, label=note or "unfilled", order_id=order_id)
                return slot.state.cycle
            return self._book(slot, order, intent, new, order_id, note)

    def book_shown(self, slot: Slot, order: InFlight, fills: Sequence[Fill], *, order_id: str, note: str = "") -> None:
        """Book what shows of an order that has ended and of whose trades the rest has been waited for long enough.

        The market pauses until a person has looked; trades that show later are booked then. Errors: as `book_fills`.
        """
        intent = order.intent
        if intent is None:
            raise ValueError("only an order can be booked")
        _check(intent, fills)
        with slot.book_lock:
            booked = {fill.trade_id for fill in self._floor.journal.fills_of(intent.client_id)}
            new = tuple(fill for fill in fills if fill.trade_id not in booked)
            if new:
                self._book(slot, order, intent, new, order_id, note, whole=False)
            else:
                outcome = Outcome.FILLED if booked else Outcome.UNFILLED
                self.close(slot, intent, outcome, label="not_shown", order_id=order_id, halts=True)

    def take_back(self, slot: Slot, intent: OrderIntent) -> None:
        """A claim that never reached the journal ends as if it had not been: the next price decides again.

        Its number is not used again where there are others: whether the refused row exists is the journal's secret.
        """
        floor = self._floor
        slot.retry = None
        try:
            slot.spare_number = floor.journal.new_number()
        except JournalUnavailable as error:
            # A journal that cannot be written to for so long. Nothing has left under this one; and if its row exists,
            # it keeps any other order of the market out as well, until the next start has looked at it.
            market_log(slot.market).error("no order number is left, the same one is used again", what=error.what)
        floor.wallet.never_sent(intent.client_id, slot.market)
        floor.buy_limits.never_sent(intent.client_id, slot.market)
        slot.release()
        floor.in_flight.discard(intent.client_id)
        floor.board.mark_due(slot.market)
        floor.changed(slot)

    def book_late(self, slot: Slot, intent: OrderIntent, fills: Sequence[Fill]) -> bool:
        """Book trades of an order that counts as ended; the caller has claimed the market. True: something was new.

        They join the cycle they were meant for. When that has closed meanwhile a buy's coins lie outside every cycle,
        where nothing sells them by itself and no start is bought beside them. The owner is told either way.
        Errors: `JournalUnavailable`, `JournalRefused`, `ContractBroken`; then nothing changed.
        """
        floor = self._floor
        _check(intent, fills)
        with slot.book_lock:
            booked = floor.journal.fills_of(intent.client_id)
            known = {fill.trade_id for fill in booked}
            new = tuple(fill for fill in fills if fill.trade_id not in known)
            if not new:
                return False
            before = slot.state.cycle
            # What the order was claimed with is not durable; what a sale took beyond the cycle was never the cycle's.
            order = InFlight(
                "late_fill",
                floor.clock.now_ms(),
                intent,
                outside=_beyond(before, intent, new),
            )
            event = self._event(slot, order, intent, new)
            after = apply(before, event)
            values = {
                "client_id": intent.client_id,
                "coins": plain(sum((fill.base for fill in new), ZERO)),
                "side": intent.side.value,
                "quote": plain(sum((fill.quote for fill in new), ZERO)),
            }
            records = self._records(slot, intent, new, event, after, order_id=new[-1].order_id, note="late")
            if after == before:
                records.append(floor.alert("late_fill_outside", Priority.HIGH, slot.market, values, kept=True))
            else:
                records.append(floor.alert("late_fill", Priority.HIGH, slot.market, values, kept=True))
            pause = self._doubled(slot, intent, (*booked, *new), records)
            number = floor.journal.new_number()
            floor.journal.write(*records)
            self._settle(slot, intent, new, after, number, pause)
        floor.buy_limits.bought_after_all(intent.client_id, slot.market, intent.max_cost)
        self.late_fills += 1
        market_log(slot.market).error("an order that counted as ended has traded; it is booked now", **values)
        self._done(slot, intent)
        self._tell(slot, intent, new, before, after, floor.clock.now_ms())
        return True

    def close(
        self,
        slot: Slot,
        intent: OrderIntent,
        outcome: Outcome,
        *,
        label: str,
        order_id: str = "",
        lasting: bool = False,
        by_rules: bool = False,
        halts: bool = False,
    ) -> None:
        """An attempt ended without trading: journal it, free the money, back off.

        After `FAILURES_BEFORE_PAUSE` in a row, or at once for a lasting cause, the market pauses and shows the label.
        What never left this machine backs off but never pauses: nothing is wrong with the order. `halts`: the exchange
        said that it traded and does not show how, so the market pauses until a person has looked.
        """
        floor = self._floor
        now_ms = floor.clock.now_ms()
        backoff = slot.state.backoff(intent.side)
        if outcome is not Outcome.FILLED:
            backoff = backoff.failed(floor.exchange.now_ms(), intent.seen_price, by_rules=by_rules)
        records: list[Record] = [_closed(slot, intent, outcome, time_ms=now_ms, label=label[:200], order_id=order_id)]
        pause: Pause | None = None
        counts = outcome in (Outcome.UNFILLED, Outcome.REFUSED, Outcome.ABSENT)
        if halts:
            pause = self._not_shown(slot, intent, records)
        elif counts and (lasting or backoff.failures >= FAILURES_BEFORE_PAUSE):
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
            if outcome is Outcome.NOT_SENT:
                floor.buy_limits.never_sent(intent.client_id, slot.market)
            elif outcome is not Outcome.FILLED:
                floor.buy_limits.bought_nothing(intent.client_id, slot.market)
            state = slot.state.with_backoff(intent.side, backoff)
            # Before the market may decide again: the next claim must not take this attempt's number.
            self._take_number(slot, intent, outcome, number)
            changes = {} if pause is None else {"pause": pause}
            slot.release(buy_backoff=state.buy_backoff, sell_backoff=state.sell_backoff, **changes)
        self._done(slot, intent)
        market_log(slot.market).warning(
            f"{intent.side.value} order {intent.client_id} ended: {outcome.value}", label=label, order_id=order_id
        )

    def close_absent(self, slot: Slot, intent: OrderIntent, *, waited_long: bool) -> bool:
        """An order that could have arrived no more, and that complete reads do not show, ended without trading.

        False: the exchange has said that it traded, so it is waited for; unless that was `waited_long`, then the market
        pauses until a person has looked.
        """
        # Asked last: the stream may tell a trade while the lists do not.
        with slot.book_lock:
            order = slot.state.order
            traded = order is not None and order.traded
            if traded and not waited_long:
                return False
            label = "not_shown" if traded else "proven_absent"
            try:
                self.close(slot, intent, Outcome.ABSENT, label=label, halts=traded)
            except JournalRefused:
                if self._floor.journal.attempt_of(intent.client_id) is not None:
                    raise
                # What failed before it was durable has not left.
                self.take_back(slot, intent)
            return True

    def _book(
        self,
        slot: Slot,
        order: InFlight,
        intent: OrderIntent,
        fills: tuple[Fill, ...],
        order_id: str,
        note: str,
        *,
        whole: bool = True,
    ) -> TradingCycle:
        """`whole` False: it has traded more than these, and how is not shown."""
        floor = self._floor
        now_ms = floor.clock.now_ms()
        before = slot.state.cycle
        event = self._event(slot, order, intent, fills)
        after = apply(before, event)
        records = self._records(slot, intent, fills, event, after, order_id=order_id, note=note)
        pause: Pause | None = None
        if order.then_pause:
            pause = Pause(cause="sold_by_you", since_ms=now_ms)
            if isinstance(after, Active):
                # What the book did not take is still to be sold, at a profit and by the stop-loss.
                pause = Pause(cause="sold_in_part_by_you", since_ms=now_ms, sells=True)
            records.append(PauseSet(market=slot.market, pause=pause, by="person", time_ms=now_ms))
        if not whole:
            pause = self._not_shown(slot, intent, records)
        pause = self._doubled(slot, intent, (*floor.journal.fills_of(intent.client_id), *fills), records) or pause
        if isinstance(after, Active) and intent.step and after.next_step is None:
            records.append(self._ladder_used_up(slot, after))
        if after == before:
            values = {
                "client_id": intent.client_id,
                "coins": plain(sum((fill.base for fill in fills), ZERO)),
                "side": intent.side.value,
                "quote": plain(sum((fill.quote for fill in fills), ZERO)),
            }
            records.append(floor.alert("late_fill_outside", Priority.HIGH, slot.market, values, kept=True))
        # Before the write: once it is durable nothing may fail until memory says the same.
        number = floor.journal.new_number()
        floor.journal.write(*records)
        self._settle(slot, intent, fills, after, number, pause)
        self._done(slot, intent)
        self._tell(slot, intent, fills, before, after, now_ms)
        return after

    def _records(
        self,
        slot: Slot,
        intent: OrderIntent,
        fills: tuple[Fill, ...],
        event: CycleEvent,
        after: TradingCycle,
        *,
        order_id: str,
        note: str,
    ) -> list[Record]:
        """What becomes durable together: trades, the order's end, the cycle, and a `finish` that has come true."""
        now_ms, state = self._floor.clock.now_ms(), slot.state
        records: list[Record] = [
            FillsBooked(intent.client_id, fills),
            _closed(slot, intent, Outcome.FILLED, time_ms=now_ms, label=note, order_id=order_id),
            CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms),
        ]
        if _closes(state.cycle, after) and state.switch is SwitchMode.FINISH:
            records.append(SwitchSet(market=slot.market, mode=SwitchMode.OFF, by="finish", time_ms=now_ms))
        return records

    def _settle(
        self,
        slot: Slot,
        intent: OrderIntent,
        fills: tuple[Fill, ...],
        after: TradingCycle,
        number: int,
        pause: Pause | None,
    ) -> None:
        """Memory follows what is durable, and the market goes on."""
        bought = intent.side is Side.BUY
        spent = sum((fill.quote for fill in fills), ZERO) if bought else ZERO
        got = ZERO if bought else sum((fill.quote_received for fill in fills), ZERO)
        self._floor.wallet.resolved(intent.client_id, slot.market, spent, got)
        self._take_number(slot, intent, Outcome.FILLED, number)
        with slot.lock:
            state = slot.state
            # The switch may have been set while the journal wrote: only `finish` that closed turns it off.
            finished = state.switch is SwitchMode.FINISH and _closes(state.cycle, after)
            slot.state = replace(
                state,
                cycle=after,
                order=None,
                switch=SwitchMode.OFF if finished else state.switch,
                pause=pause or state.pause,
                quote_after_ms=max(state.quote_after_ms, *(fill.time_ms for fill in fills)),
                buy_backoff=NO_BACKOFF,
                sell_backoff=NO_BACKOFF,
            )

    def _not_shown(self, slot: Slot, intent: OrderIntent, records: list[Record]) -> Pause:
        """The exchange said that it traded and does not show how; the market stops until a person has looked."""
        now_ms = self._floor.clock.now_ms()
        values = {"client_id": intent.client_id, "side": intent.side.value}
        pause = Pause(cause="order_not_shown", since_ms=now_ms, values=tuple(values.items()))
        records.append(PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms))
        records.append(self._floor.alert("order_not_shown", Priority.HIGH, slot.market, values, kept=True))
        return pause

    def _doubled(self, slot: Slot, intent: OrderIntent, fills: Sequence[Fill], records: list[Record]) -> Pause | None:
        """Two orders under one label: something between us and the exchange repeated the request (row O8).

        Both are ours and booked; the market stops until a person has looked.
        """
        first = fills[0].order_id
        excess = tuple(fill for fill in fills if fill.order_id != first)
        if not excess:
            return None
        now_ms = self._floor.clock.now_ms()
        values = {
            "client_id": intent.client_id,
            "orders": ", ".join(dict.fromkeys(fill.order_id for fill in fills)),
            "side": intent.side.value,
            "coins": plain(sum((fill.base for fill in excess), ZERO)),
            "quote": plain(sum((fill.quote for fill in excess), ZERO)),
        }
        pause = Pause(cause="order_doubled", since_ms=now_ms, values=tuple(values.items()))
        records.append(PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms))
        records.append(self._floor.alert("order_doubled", Priority.HIGH, slot.market, values, kept=True))
        return pause

    def _ladder_used_up(self, slot: Slot, cycle: Active) -> Alert:
        """Told once per cycle, when its last step is bought: what it cost and where it sells."""
        values = {
            "invested": plain(reported(cycle.invested)),
            "breakeven": plain(cycle.breakeven),
            "take_profit": plain(cycle.take_profit),
        }
        return self._floor.alert("ladder_used_up", Priority.MEDIUM, slot.market, values, kept=True)

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
        if isinstance(cycle, Active):
            params = cycle.params
        else:
            # The ladder of now: its owner may have changed it while the order was out.
            params = start_params(slot.state.params, intent)
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


def start_params(params: LadderParams, intent: OrderIntent) -> LadderParams:
    """The ladder that a start buy was decided with: a share of the balance is the amount that it was."""
    if not params.start_balance_pct or intent.side is not Side.BUY:
        return params
    return replace(params, start_quote=intent.max_cost, start_balance_pct=ZERO)


def _closed(
    slot: Slot, intent: OrderIntent, outcome: Outcome, *, time_ms: int, label: str, order_id: str
) -> AttemptClosed:
    travel = slot.travel_of(intent.client_id)
    return AttemptClosed(
        client_id=intent.client_id,
        outcome=outcome,
        time_ms=time_ms,
        label=label,
        order_id=order_id,
        sent_ms=travel.sent_ms,
        answered_ms=travel.answered_ms,
    )


def _check(intent: OrderIntent, fills: Sequence[Fill]) -> None:
    """Errors: `ContractBroken` for trades that cannot be the order's."""
    for fill in fills:
        if fill.side is not intent.side or fill.market != intent.market:
            raise ContractBroken(
                f"The exchange tells of {intent.client_id}, a {intent.side} of {intent.market.pair}, the {fill.side} "
                f"{fill.trade_id} of {fill.market.pair}.",
                do="It is not booked. Look at this order at the exchange.",
            )


def _closes(before: TradingCycle, after: TradingCycle) -> bool:
    return isinstance(before, Active) and isinstance(after, Idle)


def _beyond(cycle: TradingCycle, intent: OrderIntent, fills: Sequence[Fill]) -> Decimal:
    """How many coins of a sale the cycle it belongs to never had."""
    if intent.side is Side.BUY or not isinstance(cycle, Active) or cycle.cycle_id != intent.cycle_id:
        return ZERO
    own = cycle.held + cycle.tally.dust.coins
    return max(sum((fill.base for fill in fills), ZERO) - own, ZERO)


def _log_filled(market: Market, intent: OrderIntent, base: Decimal, quote: Decimal, result: Decimal | None) -> None:
    market_log(market).info(
        f"{intent.side.value} filled: {plain(base)} {market.base} for {plain(quote)} {market.quote}",
        why=intent.why.value,
        client_id=intent.client_id,
        **({"result": plain(result)} if result is not None else {}),
    )
