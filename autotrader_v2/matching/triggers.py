"""Trigger orders: they wait outside the book until the last price reaches them, then place an ordinary order.

They have an id space of their own towards their owner; the fired order's id is the only link. No money is locked
while they wait. Source: Gate API v4, `/spot/price_orders`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from autotrader_v2.domain.orders import OrderType
from autotrader_v2.matching.accounts import Account
from autotrader_v2.matching.matcher import Pit
from autotrader_v2.matching.records import Event, Order, OrderRequest, TriggerChanged
from autotrader_v2.matching.refused import Label, Refused

_EXPIRATION_MAX_S = 30 * 86_400


class Rule(StrEnum):
    """Which way the price must come."""

    AT_LEAST = ">="
    AT_MOST = "<="


class TriggerStatus(StrEnum):
    """What became of a trigger order."""

    OPEN = "open"
    CANCELLED = "cancelled"
    FINISH = "finish"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(slots=True, kw_only=True, eq=False)
class Trigger:
    """A trigger order. Read it, never write it. `fired_order_id` is 0 until it fired."""

    id: int
    account: Account
    price: Decimal
    rule: Rule
    expiration_s: int
    put: OrderRequest
    put_account: str
    created_ms: int
    finished_ms: int = 0
    fired_order_id: int = 0
    status: TriggerStatus = TriggerStatus.OPEN
    reason: str = ""


class _Exchange(Protocol):
    """What the desk needs of the core."""

    now_ms: Callable[[], int]

    def pit(self, pair: str) -> Pit: ...
    def place(self, account: Account, request: OrderRequest) -> Order: ...
    def new_id(self) -> int: ...


class TriggerDesk:
    """All trigger orders of the exchange."""

    def __init__(self, exchange: _Exchange, announce: Callable[[Event], None]) -> None:
        self._exchange = exchange
        self._announce = announce
        self._all: dict[int, Trigger] = {}
        self._waiting: dict[str, list[Trigger]] = {}

    def add(
        self, account: Account, put: OrderRequest, *, price: Decimal, rule: Rule, expiration_s: int, put_account: str
    ) -> Trigger:
        """Wait for a price. Errors: `Refused` when it is reached already, or the order could never be placed."""
        pit = self._exchange.pit(put.pair)
        if put.type is OrderType.MARKET:
            raise Refused(Label.INVALID_PARAM_VALUE, "Invalid parameter `type` with value: market")
        if price <= 0 or put.amount <= 0 or not put.price or put.price <= 0:
            raise Refused(Label.INVALID_PARAM_VALUE, "Invalid parameter: prices and amount must be above 0")
        if not 0 < expiration_s <= _EXPIRATION_MAX_S:
            raise Refused(Label.INVALID_PARAM_VALUE, f"Invalid parameter `expiration` with value: {expiration_s}")
        if pit.book.quote and _reached(rule, price, pit.book.last):
            raise Refused(Label.INVALID_PARAM_VALUE, f"The last price {pit.book.last} already is {rule} {price}")
        trigger = Trigger(
            id=self._exchange.new_id(),
            account=account,
            price=price,
            rule=rule,
            expiration_s=expiration_s,
            put=put,
            put_account=put_account,
            created_ms=self._exchange.now_ms(),
        )
        self._all[trigger.id] = trigger
        self._waiting.setdefault(put.pair, []).append(trigger)
        return trigger

    def of(self, account: Account, pair: str | None = None) -> list[Trigger]:
        """An account's trigger orders, newest first."""
        mine = [one for one in self._all.values() if one.account is account and pair in (None, one.put.pair)]
        return mine[::-1]

    def get(self, account: Account, trigger_id: int) -> Trigger:
        """One trigger order. Errors: `Refused`."""
        trigger = self._all.get(trigger_id)
        if trigger is None or trigger.account is not account:
            raise Refused(Label.ORDER_NOT_FOUND, f"Order with ID {trigger_id} not found")
        return trigger

    def cancel(self, trigger: Trigger) -> None:
        """End one that waits. Errors: `Refused` when it does not wait any more."""
        if trigger.status is not TriggerStatus.OPEN:
            raise Refused(Label.ORDER_NOT_FOUND, f"Order with ID {trigger.id} is {trigger.status}")
        self._end(trigger, TriggerStatus.CANCELLED, "cancelled by the client")

    def price_came(self, pair: str, last: Decimal) -> None:
        """Fire what the price reached."""
        for trigger in [one for one in self._waiting.get(pair, ()) if _reached(one.rule, one.price, last)]:
            try:
                order = self._exchange.place(trigger.account, replace(trigger.put, expires_ms=0))
            except Refused as refused:
                self._end(trigger, TriggerStatus.FAILED, refused.message)
            else:
                trigger.fired_order_id = order.id
                self._end(trigger, TriggerStatus.FINISH, "")

    def time_passed(self, now_ms: int) -> None:
        """End what waited too long."""
        late = [
            trigger
            for waiting in self._waiting.values()
            for trigger in waiting
            if trigger.created_ms + trigger.expiration_s * 1000 <= now_ms
        ]
        for trigger in late:
            self._end(trigger, TriggerStatus.EXPIRED, "expired")

    def _end(self, trigger: Trigger, status: TriggerStatus, reason: str) -> None:
        trigger.status, trigger.reason = status, reason
        trigger.finished_ms = self._exchange.now_ms()
        self._waiting[trigger.put.pair].remove(trigger)
        self._announce(TriggerChanged(trigger))


def _reached(rule: Rule, price: Decimal, last: Decimal) -> bool:
    return last >= price if rule is Rule.AT_LEAST else last <= price
