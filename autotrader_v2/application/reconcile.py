"""The exchange against memory: coins of a cycle that are gone, and why. Books are corrected, never by trading.

Coins count as gone only after two readings some seconds apart. The account's own trades must explain it; what they do
not explain (a transfer, a loan, earn) pauses the market and is the owner's to decide.
"""

import threading
from dataclasses import dataclass
from decimal import Decimal

import structlog

from autotrader_v2.application.events import Alert, CycleChanged, PauseSet, Priority, Record
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.late_fills import LateFills
from autotrader_v2.application.ports import TradingError
from autotrader_v2.application.readings import BalanceReader
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.cycle import Active, SoldByHand, apply, position_ends
from autotrader_v2.domain.money import ZERO, plain, share_of_cost
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.domain.situation import Pause

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Missing:
    """First sight of a shortage. Units: coins; seconds of the monotonic clock."""

    cycle_id: int
    coins: Decimal
    seen_s: float


class Reconciler:
    """Runs every `reconcile_s`, and at once when a shortage or a foreign trade is seen."""

    def __init__(self, floor: Floor, reader: BalanceReader, late: LateFills) -> None:
        self._floor = floor
        self._reader = reader
        self._late = late
        self._missing: dict[Slot, _Missing] = {}
        self.last_ms = 0
        self.corrected = 0

    def on_fill(self, fill: Fill) -> None:
        """A trade was seen on the account's stream: a foreign sale of a coin in a cycle is looked into at once.

        One of ours is booked by whoever waits for its order, or late.
        """
        slot = self._floor.slots.get(fill.market)
        if slot is None:
            return
        if self._late.is_ours(fill.client_id):
            self._late.offer(fill)
            return
        if fill.side is not Side.SELL:
            return
        if isinstance(slot.state.cycle, Active):
            self._floor.want_reconcile.set()
            self._floor.want_balances.set()

    def run(self, stopping: threading.Event) -> None:
        """Reconcile on time and on request until told to stop."""
        floor = self._floor
        due_s = floor.clock.monotonic_s() + floor.config.reconcile_s
        while not stopping.is_set():
            now_s = floor.clock.monotonic_s()
            if self._missing:
                due_s = min(due_s, min(one.seen_s for one in self._missing.values()) + floor.config.reconcile_confirm_s)
            asked = floor.clock.wait(floor.want_reconcile, max(0.01, due_s - now_s))
            if stopping.is_set():
                return
            if asked:
                floor.want_reconcile.clear()
            try:
                self.reconcile()
            except TradingError as error:
                _log.warning("reconciliation could not be done; it is tried again", what=error.what)
                floor.clock.wait(stopping, 1.0)
            due_s = floor.clock.monotonic_s() + floor.config.reconcile_s

    def reconcile(self) -> None:
        """Read balances, compare every running cycle. Errors: `ExchangeUnavailable`, `JournalUnavailable`."""
        self._reader.read()
        for slot in list(self._floor.slots.values()):
            self._compare(slot)
        self.last_ms = self._floor.clock.now_ms()

    def _compare(self, slot: Slot) -> None:
        floor, state = self._floor, slot.state
        cycle = state.cycle
        reading = floor.wallet.base_reading(slot.market)
        if not isinstance(cycle, Active) or state.order is not None or reading is None:
            self._missing.pop(slot, None)
            return
        gone = cycle.held - (reading.available + reading.locked)
        if gone <= cycle.rules.lot:
            self._missing.pop(slot, None)
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
        if state.pause is None or state.pause.cause != "coins_missing":
            self._explain(slot, min(gone, seen.coins))

    def _explain(self, slot: Slot, gone: Decimal) -> None:
        """Two readings agree: correct the books as far as the account's own trades explain it, else pause."""
        floor = self._floor
        if not slot.claim("reconcile", floor.clock.now_ms()):
            return
        try:
            with slot.book_lock:
                self._correct(slot, gone)
        finally:
            slot.release()
            floor.publish_cycle(slot)
            floor.board.mark_due(slot.market)
            floor.changed(slot)

    def _correct(self, slot: Slot, gone: Decimal) -> None:
        floor, cycle = self._floor, slot.state.cycle
        if not isinstance(cycle, Active):
            return
        foreign = [
            fill
            for fill in floor.exchange.own_trades(slot.market, cycle.accounted_ms)
            if not self._late.is_ours(fill.client_id) and fill.time_ms > cycle.accounted_ms
        ]
        sales = [fill for fill in foreign if fill.side is Side.SELL]
        sold = sum((fill.base for fill in sales), ZERO)
        bought = sum((fill.base_received for fill in foreign if fill.side is Side.BUY), ZERO)
        now_ms = floor.clock.now_ms()
        records: list[Record]
        if sold - bought < gone - cycle.rules.lot:
            pause = Pause(
                cause="coins_missing",
                since_ms=now_ms,
                way_out="adopt, write off or resume",
                values=(("missing", plain(gone)), ("held", plain(cycle.held))),
            )
            alert = floor.alert("coins_missing", Priority.HIGH, slot.market, {"missing": plain(gone)})
            records = [PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms), alert]
            floor.journal.write(*records)
            slot.change(pause=pause)
            return
        event = self._sold_by_hand(cycle, gone, sales, sold)
        after = apply(cycle, event)
        alert = self._alert(slot, event)
        floor.journal.write(CycleChanged(market=slot.market, event=event, after=after, time_ms=now_ms), alert)
        slot.change(cycle=after, quote_after_ms=max(slot.state.quote_after_ms, event.time_ms))
        self.corrected += 1
        market_log(slot.market).warning(
            "coins were sold at the exchange by hand; the cycle follows",
            coins=plain(event.coins),
            proceeds=plain(event.proceeds),
            closed=event.closes,
        )

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
        return self._floor.alert("sold_by_hand", Priority.MEDIUM, slot.market, values)
