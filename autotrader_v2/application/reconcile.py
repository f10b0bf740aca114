"""The exchange against memory: what differs, why, and what the books learn from it. Never corrected by trading.

Coins count as gone only after two readings some seconds apart. The account's own trades must explain it; what they do
not explain (a transfer, a loan, earn) pauses the market and is the owner's to decide. Coins that our own buy may
still be bringing are judged later: the exchange's balances lag behind its trades.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import structlog

from autotrader_v2.application.differences import Difference, Flows, Kind, ReconcileReport
from autotrader_v2.application.events import Alert, CycleChanged, PauseSet, Priority, Record
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.late_fills import LateFills
from autotrader_v2.application.ports import AccessRefused, AccountFeed, OpenOrder, TradingError
from autotrader_v2.application.readings import REFUSED_S, BalanceReader
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.second_instance import SecondInstance
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, SoldByHand, apply, position_ends
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain, share_of_cost
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.domain.situation import Pause

_log = structlog.get_logger()


# Own trades are read again this far back: what the exchange shows late, minutes even, is not lost.
_OVERLAP_MS = 900_000
# At the start: what may have traded while nobody listened.
_FIRST_LOOK_MS = 86_400_000
_LOOK_EVERY_S = 20.0
_IN_A_ROW = 3
_ASK_POLL_S = 0.05
# Of the time between two readings that must agree: so many reconciliations fit at most.
_READS_APART = 5
_QUOTE_STEP = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Missing:
    """First sight of a shortage. Units: coins; seconds of the monotonic clock."""

    cycle_id: int
    coins: Decimal
    seen_s: float


class Reconciler:
    """Runs every `reconcile_s`, and at once when a shortage or a foreign trade is seen. `report` is the newest."""

    def __init__(
        self,
        floor: Floor,
        reader: BalanceReader,
        late: LateFills,
        second: SecondInstance,
        feed: AccountFeed | None = None,
    ) -> None:
        self._floor = floor
        self._reader = reader
        self._late = late
        self._second = second
        self._feed = feed
        self._flows = Flows(floor.config.reconcile_confirm_s)
        self._missing: dict[Slot, _Missing] = {}
        self._found: list[Difference] = []
        self._known_trades: frozenset[str] = frozenset()
        self._complete_ms: int | None = None
        self._looked_ms: int | None = None
        self._left_open: frozenset[str] = frozenset()
        self._fault = ""
        self._unexplained_in_a_row = 0
        self._failed_in_a_row = 0
        self.report: ReconcileReport | None = None
        self.last_ms = 0
        # Numbers of the newest round that was begun, and of the newest that was complete.
        self.begun = self.completed = 0
        self.corrected = 0

    def on_fill(self, fill: Fill) -> None:
        """A trade was seen on the account's stream: a foreign sale of a coin in a cycle is looked into at once.

        One of ours is booked by whoever waits for its order, or late.
        """
        try:
            ours = self._is_ours(fill)
        except TradingError as error:
            market_log(fill.market).error("whose trade it is cannot be told yet; it is read again", what=error.what)
            self._floor.want_reconcile.set()
            return
        if ours:
            self._late.offer(fill)
            return
        slot = self._floor.slots.get(fill.market)
        if slot is None:
            return
        if fill.side is not Side.SELL:
            return
        if isinstance(slot.state.cycle, Active):
            self._floor.want_reconcile.set()
            self._floor.want_balances.set()

    def run(self, stopping: threading.Event) -> None:
        """Reconcile on time and on request until told to stop; look for trades meanwhile while no stream tells them."""
        floor = self._floor
        due_s = floor.clock.monotonic_s() + floor.config.reconcile_s
        while not stopping.is_set():
            # However often it is asked for: an account read again and again finds the rate limit, not the truth.
            floor.clock.wait(stopping, floor.config.reconcile_confirm_s / _READS_APART)
            now_s = floor.clock.monotonic_s()
            until_s = min((due_s, *self._confirm_due_s()))
            if self._feed is None or not self._feed.connected:
                until_s = min(until_s, now_s + _LOOK_EVERY_S)
            asked = floor.clock.wait(floor.want_reconcile, max(0.01, until_s - now_s))
            if stopping.is_set():
                return
            self._tell_fault()
            try:
                now_s = floor.clock.monotonic_s()
                if asked or now_s >= min((due_s, *self._confirm_due_s())):
                    floor.want_reconcile.clear()
                    due_s = now_s + floor.config.reconcile_s
                    self.reconcile()
                else:
                    self._look_for_trades()
            except AccessRefused as error:
                floor.refused_account(error.label, error.what)
                floor.clock.wait(stopping, REFUSED_S)
            except TradingError as error:
                _log.warning("reconciliation could not be done; it is tried again", what=error.what)
                floor.clock.wait(stopping, 1.0)

    def ask(self, timeout_s: float) -> ReconcileReport:
        """Have the line of work reconcile now; returns its report. Errors: `CommandRefused` when it takes too long."""
        floor, never = self._floor, threading.Event()
        before, ends_s = self.report, floor.clock.monotonic_s() + timeout_s
        floor.want_reconcile.set()
        while floor.clock.monotonic_s() < ends_s:
            report = self.report
            if report is not None and report is not before:
                return report
            floor.clock.wait(never, _ASK_POLL_S)
        raise CommandRefused(
            "reconcile_busy", f"The account could not be compared within {timeout_s:g} s. Try again.", status=503
        )

    def stream_view(self) -> dict[str, Any]:
        """Whether own trades are streamed, and why not; without the stream they are read."""
        if self._feed is None:
            return {"live": False, "fault": ""}
        return {"live": self._feed.connected, "fault": self._feed.fault}

    def reconcile(self) -> ReconcileReport:
        """Read the account, compare it with the books, correct these where its trades explain it, and report.

        Errors: `ExchangeUnavailable`, `JournalUnavailable`; then `report` says so too.
        """
        began_s = self._floor.clock.monotonic_s()
        self.begun += 1
        self._found = []
        try:
            self._look()
        except TradingError as error:
            self._failed_in_a_row += 1
            self._report(began_s, error.what)
            if self._failed_in_a_row == _IN_A_ROW:
                self._floor.alert("reconcile_failing", Priority.HIGH, None, {"what": error.what})
            raise
        self._failed_in_a_row = 0
        self.last_ms = self._floor.clock.now_ms()
        self.completed = self.begun
        report = self._report(began_s, "")
        self._count_unexplained(report)
        return report

    def reconcile_surely(self) -> ReconcileReport:
        """Reconcile, and look again at what counts only when it is seen twice. Errors: as `reconcile`.

        Coins that a lagging balance may still bring are waited for: as long as one may lag, not longer.
        """
        clock, never = self._floor.clock, threading.Event()
        config = self._floor.config
        ends_s = clock.monotonic_s() + config.balance_lag_s + 2 * config.reconcile_confirm_s
        report = self.reconcile()
        while (due_s := self._confirm_due_s()) and clock.monotonic_s() < ends_s:
            clock.wait(never, max(0.01, max(due_s) - clock.monotonic_s()))
            earlier = (one for one in report.differences if one.kind is not Kind.BALANCE_LAGS)
            both = (*earlier, *self.reconcile().differences)
            report = replace(report, differences=tuple(dict.fromkeys(both)))
        return report

    def _look(self) -> None:
        floor = self._floor
        asof_ms = floor.exchange.now_ms()
        busy = self._under_way()
        holdings = self._reader.read()
        open_orders = floor.exchange.open_orders()
        needed = (asof_ms - _FIRST_LOOK_MS, self._complete_ms, self._flows.oldest_ms)
        since_ms = needed[0] if self._complete_ms is None else min(one for one in needed[1:] if one is not None)
        trades = floor.exchange.account_trades(since_ms - _OVERLAP_MS)
        self._take_trades(trades)
        self._take_open_orders(open_orders)
        self._late.book_waiting()
        for market, label, coins in self._late.take_booked():
            self._find(Kind.LATE_FILL, market.base, coins, market, corrected=True, detail=label)
        for label, market in self._late.unknown.items():
            self._find(Kind.ORDER_NOT_IN_JOURNAL, market.base, ZERO, market, detail=label)
        for slot in list(floor.slots.values()):
            self._compare(slot, asof_ms)
        steps = {slot.market.base: slot.state.rules.lot for slot in floor.slots.values()}
        steps[floor.home_quote] = _QUOTE_STEP
        flows = self._flows.look(
            holdings,
            trades,
            asof_ms=asof_ms,
            now_s=floor.clock.monotonic_s(),
            busy=busy | self._under_way(),
            steps=steps,
        )
        for currency, amount in flows:
            market = Market(floor.exchange.name, currency, floor.home_quote)
            kind = Kind.DEPOSIT if amount > 0 else Kind.WITHDRAWAL
            self._find(kind, currency, amount, market if market in floor.slots else None)
        self._complete_ms = asof_ms
        self._known_trades = frozenset(fill.trade_id for fill in trades)

    def _under_way(self) -> set[str]:
        """Currencies that an order of ours may be moving now."""
        markets = [slot.market for slot in list(self._floor.slots.values()) if slot.state.order is not None]
        return {currency for market in markets for currency in (market.base, market.quote)}

    def _look_for_trades(self) -> None:
        """Own trades only: a light look between reconciliations while no stream tells them."""
        now_ms = self._floor.exchange.now_ms()
        since_ms = now_ms - _FIRST_LOOK_MS if self._looked_ms is None else self._looked_ms - _OVERLAP_MS
        for fill in self._floor.exchange.account_trades(since_ms):
            self.on_fill(fill)
        self._looked_ms = now_ms

    def _take_trades(self, trades: Sequence[Fill]) -> None:
        """Ours go where late ones are booked; foreign ones that are new are shown."""
        floor = self._floor
        first, known = self._complete_ms is None, self._known_trades
        for fill in trades:
            if fill.trade_id in known:
                continue
            if self._is_ours(fill):
                self._late.offer(fill)
                continue
            slot = floor.slots.get(fill.market)
            if slot is not None and not first:
                kind = Kind.SOLD_BY_HAND if fill.side is Side.SELL else Kind.BOUGHT_BY_HAND
                self._find(kind, fill.market.base, fill.base, fill.market, detail=fill.client_id)

    def _take_open_orders(self, orders: Sequence[OpenOrder]) -> None:
        """Ours go out immediate-or-cancel: one that rests should not exist. Foreign ones may lock a cycle's coins."""
        floor = self._floor
        left_open = set()
        for order in orders:
            others = self._second.look(order.client_id, order.market, order.created_ms)
            slot = floor.slots.get(order.market)
            if slot is None:
                continue
            if not others and self._late.is_ours(order.client_id):
                waits = slot.state.order
                if waits is not None and waits.intent is not None and waits.intent.client_id == order.client_id:
                    continue  # whoever waits for it sees it too
                left_open.add(order.order_id)
                self._find(Kind.ORDER_LEFT_OPEN, order.market.base, order.left, order.market, detail=order.client_id)
                if order.order_id not in self._left_open:
                    values = {"client_id": order.client_id, "order_id": order.order_id}
                    floor.alert("order_left_open", Priority.HIGH, order.market, values)
            elif order.side is Side.SELL and isinstance(slot.state.cycle, Active):
                self._find(Kind.LOCKED, order.market.base, order.left, order.market, detail=order.order_id)
        self._left_open = frozenset(left_open)

    def _is_ours(self, fill: Fill) -> bool:
        """Whether it is a trade of this program's order: not another's, nor of a copy of our database.

        Errors: `JournalUnavailable`.
        """
        others = self._second.look(fill.client_id, fill.market, fill.time_ms)
        return not others and self._late.is_ours(fill.client_id)

    def _find(
        self,
        kind: Kind,
        currency: str,
        amount: Decimal,
        market: Market | None = None,
        *,
        corrected: bool = False,
        detail: str = "",
    ) -> None:
        self._found.append(
            Difference(kind=kind, currency=currency, amount=amount, market=market, corrected=corrected, detail=detail)
        )

    def _report(self, began_s: float, error: str) -> ReconcileReport:
        clock = self._floor.clock
        self.report = ReconcileReport(
            time_ms=clock.now_ms(),
            took_ms=round((clock.monotonic_s() - began_s) * 1000),
            differences=tuple(self._found),
            error=error,
        )
        return self.report

    def _count_unexplained(self, report: ReconcileReport) -> None:
        self._unexplained_in_a_row = self._unexplained_in_a_row + 1 if report.unexplained else 0
        if self._unexplained_in_a_row == _IN_A_ROW:
            unexplained = [one for one in report.differences if one.kind.unexplained]
            values = {
                "count": str(len(unexplained)),
                "what": ", ".join(sorted({f"{one.currency}: {one.kind.value}" for one in unexplained})),
            }
            self._floor.alert("reconcile_unexplained", Priority.HIGH, None, values)

    def _confirm_due_s(self) -> list[float]:
        """When what was seen once should be seen again."""
        waits = [one.seen_s + self._floor.config.reconcile_confirm_s for one in self._missing.values()]
        flow = self._flows.confirm_due_s()
        return waits if flow is None else [*waits, flow]

    def _tell_fault(self) -> None:
        """The exchange refuses the stream of own trades: everything works, but later."""
        fault = "" if self._feed is None else self._feed.fault
        if fault and fault != self._fault:
            self._floor.alert("own_trades_refused", Priority.HIGH, None, {"what": fault})
        self._fault = fault

    def _compare(self, slot: Slot, asof_ms: int) -> None:
        """`asof_ms`: the account was read then or later (exchange time)."""
        floor, state = self._floor, slot.state
        cycle = state.cycle
        reading = floor.wallet.base_reading(slot.market)
        if not isinstance(cycle, Active) or state.order is not None or reading is None:
            self._missing.pop(slot, None)
            return
        gone = cycle.held - reading.total
        if gone <= cycle.rules.lot:
            self._missing.pop(slot, None)
            return
        if state.pause is not None and state.pause.cause == "coins_missing":
            self._find(Kind.COINS_MISSING, slot.market.base, gone, slot.market)
            return
        now_s = floor.clock.monotonic_s()
        seen = self._missing.get(slot)
        if seen is None or seen.cycle_id != cycle.cycle_id:
            self._missing[slot] = _Missing(cycle.cycle_id, gone, now_s)
            market_log(slot.market).warning("coins of the cycle are missing; looking again", missing=plain(gone))
            return
        if now_s - seen.seen_s < floor.config.reconcile_confirm_s:
            return
        del self._missing[slot]
        self._explain(slot, min(gone, seen.coins), asof_ms)

    def _explain(self, slot: Slot, gone: Decimal, asof_ms: int) -> None:
        """Two readings agree: correct the books as far as the account's own trades explain it, else pause."""
        floor = self._floor
        if not slot.claim("reconcile", floor.clock.now_ms()):
            return
        try:
            cycle = slot.state.cycle
            if isinstance(cycle, Active):
                # Claimed, it trades no more; and nobody waits for the exchange with the books.
                trades = floor.exchange.own_trades(slot.market, cycle.accounted_ms)
                with slot.book_lock:
                    self._correct(slot, gone, asof_ms, trades)
        finally:
            slot.release()
            floor.publish_cycle(slot)
            floor.board.mark_due(slot.market)
            floor.changed(slot)

    def _correct(self, slot: Slot, gone: Decimal, asof_ms: int, trades: Sequence[Fill]) -> None:
        floor, cycle = self._floor, slot.state.cycle
        if not isinstance(cycle, Active):
            return
        lags_from_ms = asof_ms - floor.config.balance_lag_s * 1000
        on_their_way = sum((row.net for row in cycle.bought if row.time_ms > lags_from_ms), ZERO)
        foreign = [
            fill for fill in trades if fill.time_ms > cycle.accounted_ms and not self._of_this_cycle(cycle, fill)
        ]
        sales = [fill for fill in foreign if fill.side is Side.SELL]
        sold = sum((fill.base for fill in sales), ZERO)
        bought = sum((fill.base_received for fill in foreign if fill.side is Side.BUY), ZERO)
        explained = sold - bought >= gone - cycle.rules.lot
        if on_their_way and (gone <= on_their_way + cycle.rules.lot or not explained):
            # Even a sale by hand may have been of other coins. Nothing is traded meanwhile; it is looked at again.
            self._missing[slot] = _Missing(cycle.cycle_id, gone, floor.clock.monotonic_s())
            self._find(Kind.BALANCE_LAGS, slot.market.base, gone, slot.market)
            return
        now_ms = floor.clock.now_ms()
        records: list[Record]
        if not explained:
            pause = Pause(
                cause="coins_missing",
                since_ms=now_ms,
                way_out="adopt, write off or resume",
                values=(("missing", plain(gone)), ("held", plain(cycle.held))),
            )
            alert = floor.alert("coins_missing", Priority.HIGH, slot.market, {"missing": plain(gone)}, kept=True)
            records = [PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms), alert]
            floor.journal.write(*records)
            slot.change(pause=pause)
            self._find(Kind.COINS_MISSING, slot.market.base, gone, slot.market)
            return
        event = self._sold_by_hand(cycle, gone, sales, sold)
        after = apply(cycle, event)
        alert = self._alert(slot, event)
        floor.journal.write(CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms), alert)
        slot.change(cycle=after, quote_after_ms=max(slot.state.quote_after_ms, event.time_ms))
        self.corrected += 1
        self._find(Kind.SOLD_BY_HAND, slot.market.base, event.coins, slot.market, corrected=True)
        market_log(slot.market).warning(
            "coins were sold at the exchange by hand; the cycle follows",
            coins=plain(event.coins),
            proceeds=plain(event.proceeds),
            closed=event.closes,
        )

    def _of_this_cycle(self, cycle: Active, fill: Fill) -> bool:
        """Whether the cycle has a trade already, or will have it: those of an order of its own.

        A sale of an earlier cycle that came late took coins of this one, as other hands would have.
        """
        if not self._is_ours(fill):
            return False
        attempt = self._floor.journal.attempt_of(fill.client_id)
        if attempt is None or fill.side is Side.BUY:
            return True
        return attempt.intent.cycle_id >= cycle.cycle_id or fill.client_id in cycle.bought[0].client_ids

    @staticmethod
    def _sold_by_hand(cycle: Active, gone: Decimal, sales: list[Fill], sold: Decimal) -> SoldByHand:
        proceeds = sum((fill.quote_received for fill in sales), ZERO)
        coins = min(gone, cycle.held)
        price = sales[-1].price
        closes = position_ends(cycle, cycle.held - coins, price)
        return SoldByHand(
            coins=coins,
            proceeds=share_of_cost(proceeds, min(coins, sold), sold),
            time_ms=sales[-1].time_ms,
            closes=closes,
        )

    def _alert(self, slot: Slot, event: SoldByHand) -> Alert:
        values = {"coins": plain(event.coins), "proceeds": plain(event.proceeds)}
        return self._floor.alert("sold_by_hand", Priority.MEDIUM, slot.market, values, kept=True)
