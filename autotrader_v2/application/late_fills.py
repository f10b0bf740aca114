"""Trades of our own orders that nobody waits for any more: each is booked as soon as its market is free.

Every own trade that is told (stream, reconciliation) passes here. Those of an order in flight are booked by whoever
waits for it; what is left when that has ended came late: the order counted as ended, had more trades than it told, or
something between us and the exchange sent it twice.
"""

import threading
from collections.abc import Sequence
from decimal import Decimal

import structlog

from autotrader_v2.application.booking import Booking
from autotrader_v2.application.events import AttemptUnknown, PauseSet, Priority, SettingSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import JournalRefused, OpenAttempt, TradingError
from autotrader_v2.application.slot import Slot
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import ZERO, plain
from autotrader_v2.domain.orders import ClientId, Fill
from autotrader_v2.domain.situation import Pause

_log = structlog.get_logger()
_LINGER_S = 0.2
_LOOK_S = 1.0
_RETRY_MAX_S = 30.0
_IDLE_S = 60.0
_TOLD_MAX = 1000
SETTING = "orders_not_in_journal"


class LateFills:
    """Thread-safe, idempotent by trade id; the order in which trades are offered does not matter."""

    def __init__(self, floor: Floor, booking: Booking, instance: str, known: Sequence[str] = ()) -> None:
        """`known`: labels of orders that are not in the journal and about which the owner was told before."""
        self._floor = floor
        self._booking = booking
        self._instance = instance
        self._waiting: dict[str, dict[str, Fill]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        # Labels of this database under which the exchange knows orders that the journal does not.
        self.unknown: dict[str, Market] = {}
        self._told = list(known)
        self._unlisted: set[str] = set()
        # Orders in flight of which the journal says that they have traded.
        self._kept: set[str] = set()
        self._booked: list[tuple[Market, str, Decimal]] = []

    def is_ours(self, client_id: str) -> bool:
        """Whether a label is one of this database."""
        label = ClientId.parse(client_id)
        return label is not None and label.instance == self._instance

    def offer(self, fill: Fill) -> None:
        """Take a trade of ours; returns at once."""
        slot = self._floor.slots.get(fill.market)
        if slot is not None:
            slot.has_traded(fill.client_id)
        with self._lock:
            self._waiting.setdefault(fill.client_id, {})[fill.trade_id] = fill
        self._wake.set()

    def take_booked(self) -> list[tuple[Market, str, Decimal]]:
        """(market, label, coins) of what was booked late since this was asked last."""
        with self._lock:
            booked, self._booked = self._booked, []
        return booked

    def run(self, stopping: threading.Event) -> None:
        """Book what waits until told to stop."""
        clock, retry_s = self._floor.clock, _LOOK_S
        while not stopping.is_set():
            if clock.wait(self._wake, retry_s if self._waiting else _IDLE_S):
                # Nearly always the order's own answer is a moment behind its trades.
                clock.wait(stopping, _LINGER_S)
            self._wake.clear()
            if stopping.is_set():
                return
            try:
                self.book_waiting()
                retry_s = _LOOK_S
            except TradingError as error:
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                _log.error("late trades could not be booked yet; they are tried again", what=error.what)

    def stop(self) -> None:
        """Let `run` see that it should end."""
        self._wake.set()

    def book_waiting(self) -> int:
        """Book what can be booked now; how many orders had trades that were new. Errors: `JournalUnavailable`."""
        with self._lock:
            waiting = {client_id: dict(fills) for client_id, fills in self._waiting.items()}
        count = 0
        for client_id, fills in waiting.items():
            done, new = self._book(client_id, tuple(fills.values()))
            count += new
            if done:
                self._forget(client_id, fills)
        return count

    def _forget(self, client_id: str, fills: dict[str, Fill]) -> None:
        with self._lock:
            left = self._waiting.get(client_id, {})
            for trade_id in fills:
                left.pop(trade_id, None)
            if not left:
                self._waiting.pop(client_id, None)
                self._kept.discard(client_id)

    def _book(self, client_id: str, fills: tuple[Fill, ...]) -> tuple[bool, bool]:
        """(whether nothing is left to do, whether something was booked)."""
        floor = self._floor
        slot = floor.slots.get(fills[0].market)
        if slot is None:
            return not self._of_one_that_left(client_id, fills), False
        if slot.state.order is not None:
            self._keep_told(slot, client_id)
            return False, False
        booked = {fill.trade_id for fill in floor.journal.fills_of(client_id)}
        new = sorted((one for one in fills if one.trade_id not in booked), key=_in_time)
        if not new:
            return True, False
        attempt = floor.journal.attempt_of(client_id)
        if attempt is None or attempt.intent.market != slot.market:
            self._not_known(slot, client_id, new)
            return True, False
        return self._claimed(slot, attempt, tuple(new))

    def _keep_told(self, slot: Slot, client_id: str) -> None:
        """That an order of unknown outcome has traded is known to the next life too. Its own line books it."""
        floor = self._floor
        with slot.book_lock:
            order = slot.state.order
            if order is None or order.intent is None or order.intent.client_id != client_id or not order.unknown:
                return
            if client_id not in self._kept:
                told = AttemptUnknown(
                    client_id=client_id, detail="a trade was told", time_ms=floor.clock.now_ms(), traded=True
                )
                floor.journal.write(told)
                self._kept.add(client_id)

    def _of_one_that_left(self, client_id: str, fills: tuple[Fill, ...]) -> bool:
        """Trades of our order in a market that is not on the list any more: they wait, and the owner is told once."""
        floor, market = self._floor, fills[0].market
        if floor.journal.attempt_of(client_id) is None:
            return False
        booked = {fill.trade_id for fill in floor.journal.fills_of(client_id)}
        new = [one for one in fills if one.trade_id not in booked]
        if new and client_id not in self._unlisted:
            self._unlisted.add(client_id)
            coins = plain(sum((fill.base for fill in new), ZERO))
            values = {"client_id": client_id, "coin": market.base, "side": new[0].side.value, "coins": coins}
            floor.alert("late_fill_unlisted", Priority.HIGH, None, values)
        return bool(new)

    def _claimed(self, slot: Slot, attempt: OpenAttempt, new: tuple[Fill, ...]) -> tuple[bool, bool]:
        floor = self._floor
        if not slot.claim("late_fill", floor.clock.now_ms()):
            return False, False
        claimed = True
        try:
            booked = self._booking.book_late(slot, attempt.intent, new)
            claimed = not booked
            if booked:
                with self._lock:
                    self._booked.append((slot.market, attempt.intent.client_id, sum((fill.base for fill in new), ZERO)))
        except JournalRefused as error:
            values = {"client_id": attempt.intent.client_id, "what": error.what}
            floor.alert("late_fill_refused", Priority.HIGH, slot.market, values)
            market_log(slot.market).error("the journal refuses a late trade", **values)
            return True, False
        finally:
            # Booking ends the wait by itself.
            if claimed:
                slot.release()
                floor.board.mark_due(slot.market)
        return True, booked

    def _not_known(self, slot: Slot, client_id: str, fills: list[Fill]) -> None:
        """The label is this database's, the journal never wrote it: an older copy of the journal was put back."""
        if client_id in self._told:
            return
        floor = self._floor
        values = {
            "client_id": client_id,
            "side": fills[0].side.value,
            "coins": plain(sum((fill.base for fill in fills), ZERO)),
        }
        now_ms = floor.clock.now_ms()
        pause = Pause(cause="order_not_in_journal", since_ms=now_ms, values=tuple(values.items()))
        alert = floor.alert("order_not_in_journal", Priority.HIGH, slot.market, values, kept=True)
        told = [*self._told, client_id][-_TOLD_MAX:]
        with slot.book_lock:
            floor.journal.write(
                PauseSet(market=slot.market, pause=pause, by="engine", time_ms=now_ms),
                SettingSet(name=SETTING, value=told, by="engine", time_ms=now_ms),
                alert,
            )
            self._told = told
            slot.change(pause=pause)
        self.unknown[client_id] = slot.market
        floor.board.mark_due(slot.market)
        floor.changed(slot)


def _in_time(fill: Fill) -> tuple[int, int, str]:
    return fill.time_ms, len(fill.trade_id), fill.trade_id
