"""The only way to place an order: rate and age, durable intent, one send, the answer by quantities.

Protocol: reliability.md §2. Whatever is not surely an answer or surely not sent is unknown, and stays so until the
exchange's own books have told.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from autotrader_v2.application.booking import Booking
from autotrader_v2.application.events import AttemptUnknown, Intended, Outcome, PauseSet, Priority
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.market_rules import RulesKeeper
from autotrader_v2.application.outbox import Claim
from autotrader_v2.application.ports import (
    About,
    ContractBroken,
    JournalRefused,
    JournalUnavailable,
    NotSent,
    OutcomeUnknown,
    Rejected,
    TradingError,
)
from autotrader_v2.application.resolve import Resolver
from autotrader_v2.application.slot import NO_TRAVEL, InFlight, Slot, Travel
from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.money import plain
from autotrader_v2.domain.orders import OrderIntent, OrderResult, Side, Why
from autotrader_v2.domain.situation import Pause, Reason

_log = structlog.get_logger()


class ExecuteTrade:
    """Carries claimed intents out, on a sender's thread."""

    def __init__(self, floor: Floor, booking: Booking, resolver: Resolver, rules: RulesKeeper) -> None:
        self._floor = floor
        self._rules = rules
        self._booking = booking
        self._resolver = resolver

    def __call__(self, slot: Slot, intent: OrderIntent) -> Outcome | None:
        """Journal, send once, book. None: the outcome is unknown and the resolver has it."""
        if (late := self._late(slot, intent)) is not None:
            return self._not_sent(slot, intent, late, journalled=False)
        committed = self._made_durable(slot, intent)
        return self.send(slot, committed) if isinstance(committed, OrderIntent) else committed

    def make_durable(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Commit many in one transaction; returns those that may be sent, the others are dealt with.

        When the journal does not take them together each is committed by itself, so that one bad intent stops no other.
        """
        standing = []
        for slot, intent in claims:
            if (late := self._late(slot, intent)) is not None:
                self._not_sent(slot, intent, late, journalled=False)
            else:
                standing.append((slot, intent))
        if len(standing) > 1:
            try:
                committed = self._commit(standing)
            except (JournalUnavailable, JournalRefused) as error:
                _log.warning("intents could not be made durable together; each is tried by itself", what=error.what)
            else:
                if not committed:
                    for slot, intent in standing:
                        self._not_sent(slot, intent, "slow_journal", journalled=True)
                return committed
        each = [(slot, self._made_durable(slot, intent)) for slot, intent in standing]
        return [(slot, intent) for slot, intent in each if isinstance(intent, OrderIntent)]

    def send(self, slot: Slot, committed: OrderIntent) -> Outcome | None:
        """Send a durable intent once and book it. None: the outcome is unknown and the resolver has it.

        Among many it may have waited for a sender, so its price is looked at again.
        """
        if (late := self._late(slot, committed)) is not None:
            return self._not_sent(slot, committed, late, journalled=True)
        clock = self._floor.clock
        slot.travel = sent = Travel(committed.client_id, clock.now_ms())
        try:
            result = self._floor.exchange.send(committed)
        except NotSent as error:
            slot.travel = NO_TRAVEL
            return self._not_sent(slot, committed, error.what, journalled=True)
        except Rejected as error:
            slot.travel = replace(sent, answered_ms=clock.now_ms())
            return self._refused(slot, committed, error)
        except OutcomeUnknown as error:
            return self._unknown(slot, committed, error.what, error.order_id, traded=error.traded, halts=error.halts)
        except Exception as error:
            # An adapter's defect must not lose an order: what we do not understand is unknown, never "not placed".
            market_log(slot.market).exception("unexpected failure while sending; the order counts as unknown")
            return self._unknown(slot, committed, type(error).__name__, "")
        slot.travel = Travel(sent.client_id, sent.sent_ms, clock.now_ms())
        return self._answered(slot, committed, result)

    def _late(self, slot: Slot, intent: OrderIntent) -> str | None:
        """Why the decision no longer stands: switched off, another ladder or fee, its price has aged or moved away."""
        if self._floor.sending_ended.is_set():
            return "sending_ended"
        standstill = self._floor.standstill
        if standstill.now is not None:
            return standstill.now.reason.value
        if not self._allowed(slot, intent.why):
            return "switched_off"
        if intent.why in (Why.START, Why.REBUY) and _ladder_changed(slot):
            return "ladder_changed"
        if _target_moved(slot.state.cycle, intent):
            return "target_moved"
        quote = self._floor.board.newest(slot.market)
        if quote is None:
            return "no_quote"
        if quote.confirmed_ms < standstill.confirmed_after_ms:
            return "quote_too_old"
        now_ms, limit_ms = self._floor.clock.now_ms(), self._floor.config.max_quote_age_ms
        if now_ms - quote.confirmed_ms > limit_ms:
            return "quote_too_old"
        if now_ms - intent.decided_ms > limit_ms:
            return "decided_too_long_ago"
        if intent.worst_price > 0:
            if intent.side is Side.BUY and quote.ask > intent.worst_price:
                return "price_moved"
            if intent.side is Side.SELL and quote.bid < intent.worst_price:
                return "price_moved"
        if intent.side is Side.BUY:
            order = slot.state.order
            params = order.params if order is not None and order.params is not None else slot.state.params
            if (held := self._floor.buy_limits.at_door(intent, quote.ask, params, now_ms)) is not None:
                return held.reason.value
            if not self._floor.wallet.still_allowed(slot.market, starts=intent.why is Why.START):
                return Reason.LIMIT_REACHED.value
        return None

    def _allowed(self, slot: Slot, why: Why) -> bool:
        """Whether switches and pauses still let the engine do that; a person's own order asks no switch."""
        if self._floor.holding.is_set() and why not in (Why.QUICK_BUY, Why.SELL_ALL):
            return False
        mode, pause = self._floor.mode_of(slot), slot.state.pause
        match why:
            case Why.START:
                return mode.starts and pause is None
            case Why.REBUY:
                return mode.rebuys and pause is None
            case Why.TAKE_PROFIT | Why.STOP_LOSS:
                return mode.sells and (pause is None or pause.sells)
            case Why.QUICK_BUY:
                return self._floor.stops_persons_buy(slot) is None
            case Why.SELL_ALL:
                return True

    def _made_durable(self, slot: Slot, intent: OrderIntent) -> OrderIntent | Outcome | None:
        """The durable intent, or what became of it."""
        try:
            committed = self._commit([(slot, intent)])
        except (JournalUnavailable, JournalRefused) as error:
            return self._not_journalled(slot, intent, error)
        if not committed:
            return self._not_sent(slot, intent, "slow_journal", journalled=True)
        return committed[0][1]

    def _commit(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """The intents, durable; none when the commit was so slow that the prices may be gone."""
        floor = self._floor
        began_s = floor.clock.monotonic_s()
        floor.journal.write(*[Intended(intent) for _, intent in claims])
        took_ms = (floor.clock.monotonic_s() - began_s) * 1000
        floor.journal_failing = ""
        return claims if took_ms <= floor.config.slow_commit_ms else []

    def _answered(self, slot: Slot, intent: OrderIntent, result: OrderResult) -> Outcome | None:
        order = slot.state.order or InFlight("order", intent.decided_ms, intent)
        try:
            self._booking.book_fills(slot, order, result.fills, order_id=result.order_id, note=result.note)
        except ContractBroken as error:
            return self._unknown(slot, intent, error.what, result.order_id, halts="contract_broken")
        except TradingError as error:
            # The money moved but the book could not be written: unknown, never "apply in memory only".
            return self._unknown(slot, intent, error.what, result.order_id)
        return Outcome.FILLED if result.fills else Outcome.UNFILLED

    def _not_sent(self, slot: Slot, intent: OrderIntent, why: str, *, journalled: bool) -> Outcome | None:
        if not journalled:
            self._booking.take_back(slot, intent)
            return Outcome.NOT_SENT
        try:
            self._booking.close(slot, intent, Outcome.NOT_SENT, label=why)
        except TradingError as error:
            return self._unknown(slot, intent, error.what, "")
        return Outcome.NOT_SENT

    def _not_journalled(self, slot: Slot, intent: OrderIntent, error: TradingError) -> Outcome:
        """Without a durable intent nothing is sent; the side backs off so that a full disk is not hammered."""
        floor = self._floor
        # A buy that a full disk refuses is told as that: sales go on.
        if intent.side is Side.SELL or not floor.journal.full:
            floor.journal_failing = error.what
        backoff = slot.state.backoff(intent.side).failed(floor.exchange.now_ms(), intent.seen_price)
        with slot.lock:
            slot.state = slot.state.with_backoff(intent.side, backoff)
        self._booking.take_back(slot, intent)
        floor.alert("journal_failed", Priority.HIGH, slot.market, {"what": error.what})
        market_log(slot.market).error("the intent could not be made durable; nothing was sent", what=error.what)
        return Outcome.NOT_SENT

    def _refused(self, slot: Slot, intent: OrderIntent, error: Rejected) -> Outcome | None:
        try:
            again = slot.state.backoff(intent.side).by_rules
            if error.about is About.RULES and not again:
                # Once: decided anew by fresh rules. When that is refused too, waiting will not mend it.
                self._rules.refresh((slot.market,))
            self._booking.close(
                slot,
                intent,
                Outcome.REFUSED,
                label=error.label,
                lasting=(error.lasting or (error.about is About.RULES and again)) and not error.whole_account,
                by_rules=error.about is About.RULES,
            )
        except TradingError as failed:
            return self._unknown(slot, intent, failed.what, "")
        if error.about is About.BALANCE:
            # The balance is read at once anyway; what our model of it missed is named by a reconciliation.
            self._floor.want_reconcile.set()
        if error.whole_account:
            self._floor.refused_account(error.label, error.what)
        return Outcome.REFUSED

    def _halt(self, slot: Slot, intent: OrderIntent, cause: str, detail: str) -> None:
        """Stop the market until a person has looked, whatever becomes of the order."""
        floor = self._floor
        values = {"client_id": intent.client_id, "what": detail[:200]}
        now_ms = floor.clock.now_ms()
        if cause == "contract_broken":
            pause = Pause(cause="contract_broken", since_ms=now_ms, values=tuple(values.items()))
            alert = floor.alert("contract_broken", Priority.HIGH, slot.market, values, kept=True)
        else:
            pause = Pause(cause="unknown_label", since_ms=now_ms, values=tuple(values.items()))
            alert = floor.alert("unknown_label", Priority.HIGH, slot.market, values, kept=True)
        # A resume at the same moment is before it or after it, in memory as in the journal.
        with slot.book_lock:
            slot.change(pause=pause)
            try:
                floor.journal.write(PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms), alert)
            except TradingError as error:
                market_log(slot.market).error("the pause holds but could not be noted", what=error.what)

    def _unknown(
        self, slot: Slot, intent: OrderIntent, detail: str, order_id: str, *, traded: bool = False, halts: str = ""
    ) -> Outcome | None:
        """Keep the market waiting, its money reserved, and hand the order to the resolver. Always None: not known."""
        floor = self._floor
        if halts:
            self._halt(slot, intent, halts, detail)
        with slot.lock:
            order = slot.state.order
            if order is not None:
                # The stream may have told a trade before the answer was lost.
                traded = traded or order.traded
                unknown = replace(
                    order, intent=intent, unknown=True, traded=traded, order_id=order_id or order.order_id
                )
                slot.state = replace(slot.state, order=unknown)
        try:
            floor.journal.write(
                AttemptUnknown(
                    client_id=intent.client_id,
                    detail=detail[:200],
                    time_ms=floor.clock.now_ms(),
                    order_id=order_id,
                    sent_ms=slot.travel_of(intent.client_id).sent_ms,
                    traded=traded,
                )
            )
        except TradingError as error:
            # The durable intent alone already makes it unknown after a restart; only the hint is lost.
            market_log(slot.market).error("the unknown order could not be noted", what=error.what)
        market_log(slot.market).warning(
            f"order {intent.client_id} has no known outcome; the market waits", detail=detail, order_id=order_id
        )
        floor.alert(
            "order_unknown",
            Priority.MEDIUM,
            slot.market,
            {"client_id": intent.client_id, "amount": plain(intent.amount), "side": intent.side.value},
        )
        self._resolver.watch(slot)
        floor.changed(slot)
        return None


def _ladder_changed(slot: Slot) -> bool:
    """Whether the ladder that the buy in flight was decided with is no longer the market's."""
    order, cycle = slot.state.order, slot.state.cycle
    if order is None or order.params is None:
        return False
    now = cycle.params if isinstance(cycle, Active) else slot.state.params
    if now is order.params:
        return False
    if now.start_balance_pct:
        # Decided as the amount that the share came to then.
        now = replace(now, start_quote=order.params.start_quote, start_balance_pct=order.params.start_balance_pct)
    return now != order.params


def _target_moved(cycle: TradingCycle, intent: OrderIntent) -> bool:
    """Whether the cycle of now would not trade there: a fee, its rules or what its owner wants has changed since."""
    match intent.why:
        case Why.REBUY:
            row = cycle.next_step if isinstance(cycle, Active) else None
            if row is None or row.number != intent.step:
                return True
            return intent.max_cost > row.quote or intent.seen_price > row.price
        case Why.TAKE_PROFIT:
            if not isinstance(cycle, Active):
                return True
            return intent.worst_price < cycle.breakeven or intent.seen_price < cycle.sell_price
        case Why.STOP_LOSS:
            stop = cycle.stop_price if isinstance(cycle, Active) else None
            return stop is None or intent.seen_price > stop
        case _:
            return False
