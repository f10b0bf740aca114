"""What became of an order of unknown outcome: the exchange's own books are asked until it is proven.

Not finding an order proves nothing by itself. It is absent only when it can no longer arrive (its expiry, the clock's
error and the exchange's visibility delay are over) and several complete reads, some seconds apart, do not show it. A
buy beside which the account has got more of its coin is waited for some time longer. One that the exchange has said to
have traded is never absent: its trades are waited for, and when they do not show for long, what shows is booked and
the market stops until a person has looked.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

from autotrader_v2.application.booking import Booking
from autotrader_v2.application.events import Priority
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import AccessRefused, ExchangeUnavailable, Found, NotSeen, TradingError
from autotrader_v2.application.readings import BalanceReader
from autotrader_v2.application.slot import InFlight, Slot
from autotrader_v2.domain.money import ZERO, plain
from autotrader_v2.domain.orders import Side

_LOOKS_AFTER_S = (1.0, 1.0, 2.0, 2.0, 3.0)
_AFTER_A_FAILED_READ_S = 1.0
# So many orders are asked for at once: after an outage every market may have one, and each look takes several requests.
_AT_ONCE = 8
_SOON_S = 0.01
_ALERT_AFTER_S = 60.0
# An order that has traded is shown by then, or never. Looks count, for a machine that sleeps does not look.
_SHOWN_WITHIN_S = 600.0
_SHOWN_WITHIN_LOOKS = 190
# What lists did not show so long ago, before a sleep of the machine most likely, proves nothing of now.
_LOOK_TAKES_S = 30.0
# Coins that came beside a buy that no list shows may be its own, or a deposit: then this is all that it costs.
_COINS_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class _Watch:
    slot: Slot
    client_id: str
    since_s: float
    looks: int = 0
    # Of them so many were answered.
    answered: int = 0
    absent_reads: int = 0
    last_absent_s: float = 0.0
    alerted: bool = False
    # When to look again, in seconds from then on.
    wait_s: float = _LOOKS_AFTER_S[0]


class Resolver:
    """Owns every unknown order until it is known. `run` is a thread's body.

    `start` has a sender call something soon.
    """

    def __init__(self, floor: Floor, booking: Booking, reader: BalanceReader, start: Callable[..., object]) -> None:
        self._floor = floor
        self._booking = booking
        self._reader = reader
        self._start = start
        self._looking = 0
        self._heap: list[tuple[float, int, _Watch]] = []
        self._order = count()
        self._lock = threading.Lock()
        self._wake = threading.Event()

    def watch(self, slot: Slot) -> None:
        """Take over the slot's order; the first look comes after a second."""
        order = slot.state.order
        if order is None or order.intent is None:
            return
        now_s = self._floor.clock.monotonic_s()
        self._push(now_s + _LOOKS_AFTER_S[0], _Watch(slot, order.intent.client_id, now_s))

    def run(self, stopping: threading.Event) -> None:
        """Look at what is due until told to stop."""
        clock = self._floor.clock
        while not stopping.is_set():
            self._wake.clear()
            self.look_at_due()
            with self._lock:
                idle = not self._heap or self._looking >= _AT_ONCE
                wait_s = 1.0 if idle else self._heap[0][0] - clock.monotonic_s()
            clock.wait(self._wake, max(0.01, min(wait_s, 1.0)))

    def stop(self) -> None:
        """Let `run` see that it should end."""
        self._wake.set()

    def look_at_due(self) -> None:
        """Have every order that is due looked at, a few at once."""
        while True:
            now_s = self._floor.clock.monotonic_s()
            with self._lock:
                if not self._heap or self._heap[0][0] > now_s or self._looking >= _AT_ONCE:
                    return
                _, _, watch = heapq.heappop(self._heap)
                self._looking += 1
            self._start(self._look_once, watch)

    def _look_once(self, watch: _Watch) -> None:
        again: _Watch | None = watch
        try:
            again = self._look(watch)
        except Exception:
            # A defect must not lose sight of the order.
            market_log(watch.slot.market).exception("looking for the unknown order failed; it is asked for again")
        finally:
            with self._lock:
                self._looking -= 1
            if again is None:
                self._wake.set()
            else:
                self._push(self._floor.clock.monotonic_s() + again.wait_s, again)

    def _push(self, due_s: float, watch: _Watch) -> None:
        with self._lock:
            heapq.heappush(self._heap, (due_s, next(self._order), watch))
        self._wake.set()

    def _look(self, watch: _Watch) -> _Watch | None:
        """Ask once. None when the order is known now."""
        slot, floor = watch.slot, self._floor
        order = slot.state.order
        if order is None or order.intent is None or order.intent.client_id != watch.client_id:
            return None
        now_s = floor.clock.monotonic_s()
        watch = replace(watch, looks=watch.looks + 1)
        watch = replace(watch, wait_s=_LOOKS_AFTER_S[min(watch.looks, len(_LOOKS_AFTER_S) - 1)])
        if not watch.alerted and now_s - watch.since_s > _ALERT_AFTER_S:
            floor.alert("order_still_unknown", Priority.HIGH, slot.market, {"client_id": watch.client_id})
            watch = replace(watch, alerted=True)
        try:
            found = floor.exchange.find(order.intent, order.order_id)
        except ExchangeUnavailable as error:
            return self._not_read(watch, slot, error)
        watch = replace(watch, answered=watch.answered + 1)
        waited_long = now_s - watch.since_s >= _SHOWN_WITHIN_S and watch.answered >= _SHOWN_WITHIN_LOOKS
        try:
            match found:
                case Found(result=result, finished=True):
                    self._booking.book_fills(slot, order, result.fills, order_id=result.order_id, note=result.note)
                    return None
                case Found(result=result, traded=True, rests=False) if waited_long:
                    self._booking.book_shown(slot, order, result.fills, order_id=result.order_id, note=result.note)
                    return None
                case Found(result=result, traded=traded):
                    with slot.lock:
                        # As it is now: the stream may have told a trade meanwhile.
                        now = slot.state.order or order
                        seen = replace(now, order_id=result.order_id, traded=now.traded or traded)
                        slot.state = replace(slot.state, order=seen)
                    return replace(watch, absent_reads=0)
                case NotSeen():
                    return self._not_seen(watch, slot, order, now_s, waited_long=waited_long)
        except TradingError as error:
            market_log(slot.market).error("the order is known but could not be booked yet", what=error.what)
            return watch

    def _not_read(self, watch: _Watch, slot: Slot, error: ExchangeUnavailable) -> _Watch:
        if isinstance(error, AccessRefused):
            self._floor.refused_account(error.label, error.what)
        market_log(slot.market).warning("cannot ask for the unknown order yet", what=error.what)
        return replace(watch, wait_s=min(watch.wait_s, _AFTER_A_FAILED_READ_S))

    def _not_seen(
        self, watch: _Watch, slot: Slot, order: InFlight, now_s: float, *, waited_long: bool
    ) -> _Watch | None:
        floor, config, intent = self._floor, self._floor.config, order.intent
        if intent is None:
            return None
        cannot_arrive_ms = intent.expires_ms + config.clock_error_ms + config.visibility_ms
        left_s = (cannot_arrive_ms - floor.exchange.now_ms()) / 1000
        if left_s >= 0:
            # The first look that can prove anything comes as soon as it can.
            return replace(watch, wait_s=min(watch.wait_s, left_s + _SOON_S))
        gap_s = config.absence_gap_s
        if watch.absent_reads and now_s - watch.last_absent_s < gap_s:
            return replace(watch, wait_s=gap_s - (now_s - watch.last_absent_s) + _SOON_S)
        watch = replace(watch, absent_reads=watch.absent_reads + 1, last_absent_s=now_s, wait_s=gap_s + _SOON_S)
        if watch.absent_reads < config.absence_reads:
            return watch
        if now_s - watch.since_s < _COINS_WAIT_S:
            try:
                came = self._coins_came(slot, order)
            except ExchangeUnavailable as error:
                return self._not_read(watch, slot, error)
            if came:
                if watch.absent_reads == config.absence_reads:
                    market_log(slot.market).warning(
                        "no list shows the unknown order, but coins have come: it is waited for", coins=plain(came)
                    )
                return watch
        if floor.clock.monotonic_s() - now_s > _LOOK_TAKES_S:
            return replace(watch, absent_reads=0)
        return None if self._booking.close_absent(slot, intent, waited_long=waited_long) else watch

    def _coins_came(self, slot: Slot, order: InFlight) -> Decimal:
        """What the account has more of a buy's coin than before it, but for what other trades since then explain.

        Errors: `ExchangeUnavailable`.
        """
        floor, intent = self._floor, order.intent
        if intent is None or order.coins_before is None:
            return ZERO
        # What is booked the balance of before has already, whatever the clocks say.
        decided_ms = intent.expires_ms - floor.config.order_life_ms
        since_ms = max(decided_ms, slot.state.quote_after_ms + 1)
        # Asked before the balance: what trades in between counts as unexplained, and one more look finds out.
        listed = floor.exchange.own_trades(slot.market, since_ms)
        others = [one for one in listed if one.client_id != intent.client_id]
        held = self._reader.read().get(slot.market.base)
        now = held.total if held is not None else ZERO
        explained = sum((one.base_received if one.side is Side.BUY else -one.base for one in others), ZERO)
        return max(ZERO, now - order.coins_before - explained)
