"""Another mTrade on the same account: its labels are seen at the exchange, and both stop buying (row P12).

The other one may have a database of its own, or a copy of ours: then its labels carry our instance, a life that is not
ours, and stand on orders that our journal does not know. Labels of our own life are ours, whatever the journal says.

Whoever comes later cannot tell an instance that goes on from one that has ended: one that traded in the day before our
start counts as going on until the owner resumes, which says that it has ended. That is kept in the journal.
"""

import threading
from collections.abc import Mapping
from typing import Any

from autotrader_v2.application.events import Priority, SettingSet
from autotrader_v2.application.floor import Floor, market_log
from autotrader_v2.application.ports import TradingError
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import ClientId
from autotrader_v2.domain.situation import Pause

CAUSE = "second_instance"
# Until when (exchange time) other instances have ended, by the owner's word.
SETTING = "other_instances_ended"
# As far as a start reads the account's trades anyway.
LOOKED_BACK_MS = 86_400_000
_SEEN_MAX = 10_000


class SecondInstance:
    """Looks at the label of every order of the account that traded or rests. Thread-safe."""

    def __init__(self, floor: Floor, instance: str, life: str, ended: Mapping[str, Any] | None = None) -> None:
        """`ended`: what the journal has under `SETTING`."""
        self._floor = floor
        self._instance = instance
        self._life = life
        self._ended_ms = int((ended or {}).get("until_ms", 0))
        self._since_ms: int | None = None
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def started(self) -> None:
        """We begin now: what our database did before was an earlier life of it.

        By the exchange's clock, as the times of trades and orders are: how wrong our own goes does not matter. What
        is left, the error of one reading of it, is less than a start takes.
        """
        self._since_ms = self._floor.exchange.now_ms()

    def ended(self, by: str) -> None:
        """A person resumes the account: the others have ended, whatever they did until now.

        Errors: `JournalUnavailable`.
        """
        floor = self._floor
        if not self._seen and (floor.account_pause is None or floor.account_pause.cause != CAUSE):
            return
        until_ms = floor.exchange.now_ms()
        value = {"until_ms": until_ms}
        floor.journal.write(SettingSet(name=SETTING, value=value, by=by, time_ms=floor.clock.now_ms()))
        self._ended_ms = until_ms

    def look(self, label: str, market: Market, time_ms: int) -> bool:
        """A label at the exchange, with the exchange's time of its trade or order; whether another mTrade made it.

        Errors: `JournalUnavailable`, when only the journal could tell.
        """
        other = ClientId.parse(label)
        if other is None or self._since_ms is None:
            return False
        if other.instance == self._instance:
            if time_ms < self._since_ms or not self._is_of_a_copy(other, label):
                return False
        elif time_ms <= max(self._ended_ms, self._since_ms - LOOKED_BACK_MS):
            return False
        with self._lock:
            if label in self._seen:
                return True
            if len(self._seen) >= _SEEN_MAX:
                self._seen.clear()
            self._seen.add(label)
        self._stop_buying(other.instance, label, market)
        return True

    def _is_of_a_copy(self, label: ClientId, text: str) -> bool:
        """Whether a label of our database, on an order of our time, was made by a copy of it.

        What an earlier life of ours sent late is in our journal: an intent is durable before it leaves.
        """
        return label.life != self._life and self._floor.journal.attempt_of(text) is None

    def _stop_buying(self, instance: str, label: str, market: Market) -> None:
        floor, now = self._floor, self._floor.account_pause
        if now is not None and now.cause == CAUSE:
            return
        values = {"instance": instance, "client_id": label, "currency": market.base}
        floor.alert("second_instance", Priority.HIGH, None, values)
        market_log(market).error("another mTrade trades on this account; nothing is bought any more", **values)
        if now is not None and not now.sells:
            return  # a stricter pause holds already
        pause = Pause(cause="second_instance", since_ms=floor.clock.now_ms(), sells=True, values=tuple(values.items()))
        try:
            floor.pause_account(pause, by="engine")
        except TradingError as error:
            market_log(market).error("the account's pause holds but could not be noted", what=error.what)
        for one in floor.slots:
            floor.board.mark_due(one)
