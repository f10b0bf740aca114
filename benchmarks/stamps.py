"""When an order left: noted after its last byte was handed to the operating system, on the sender's own thread."""

import threading
import time
from typing import Any

from autotrader_v2.application.events import Intended, Record
from autotrader_v2.application.ports import Clock, Journal
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.orders import OrderIntent, OrderResult
from autotrader_v2.infrastructure.gate.connections import POOLS
from autotrader_v2.infrastructure.gate.exchange import GateExchange


class _Departed(threading.local):
    at_ns = 0


_departed = _Departed()


_Pool: Any = POOLS["http"]


class _StampedConnection(_Pool.ConnectionCls):  # type: ignore[misc]
    def send(self, data: Any) -> None:
        super().send(data)
        _departed.at_ns = time.perf_counter_ns()


class _StampedPool(_Pool):  # type: ignore[misc]
    ConnectionCls = _StampedConnection


def stamp_departures(client: Any) -> None:
    """Have this client of the SDK note its departures."""
    client.rest_client.pool_manager.pool_classes_by_scheme = {"http": _StampedPool}


def departed_ns() -> int:
    """When this thread's last request left."""
    return _departed.at_ns


class StampedExchange(GateExchange):
    """The adapter as it is; `sent` keeps by market when the last order was handed to it and when it left."""

    def __init__(self, host: str, key: str, secret: str, clock: Clock) -> None:
        super().__init__(host, key, secret, clock)
        stamp_departures(self._order_client)
        self.sent: dict[Market, tuple[int, int]] = {}

    def send(self, intent: OrderIntent) -> OrderResult:
        """See the port."""
        began_ns = time.perf_counter_ns()
        try:
            return super().send(intent)
        finally:
            self.sent[intent.market] = (began_ns, departed_ns())


class StampedJournal:
    """A journal as it is; `intended` keeps by market when the last intent began to be written and was durable."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.intended: dict[Market, tuple[int, int]] = {}

    def write(self, *records: Record) -> None:
        """See the port."""
        began_ns = time.perf_counter_ns()
        self._journal.write(*records)
        stamps = (began_ns, time.perf_counter_ns())
        for record in records:
            if isinstance(record, Intended):
                self.intended[record.intent.market] = stamps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)
