"""Own trades that the stream told lately, kept for the sender whose order made them."""

import threading
from collections import OrderedDict

from autotrader_v2.domain.orders import Fill
from autotrader_v2.infrastructure.gate.wire import by_time

_ORDERS_MAX = 1_000


class RecentFills:
    """Thread-safe; remembers the trades of the newest orders. `live`: the stream runs."""

    def __init__(self) -> None:
        self.live = False
        self._changed = threading.Condition()
        self._orders: OrderedDict[str, dict[str, Fill]] = OrderedDict()

    def add(self, fill: Fill) -> None:
        """Remember a trade; twice is once."""
        with self._changed:
            self._orders.setdefault(fill.order_id, {})[fill.trade_id] = fill
            if len(self._orders) > _ORDERS_MAX:
                self._orders.popitem(last=False)
            self._changed.notify_all()

    def of(self, order_id: str) -> tuple[Fill, ...]:
        """The trades of an order that are known, oldest first."""
        with self._changed:
            return by_time(self._orders.get(order_id, {}).values())

    def wait(self, order_id: str, timeout_s: float) -> None:
        """Wait until another trade of the order comes, at most that long."""
        with self._changed:
            known = len(self._orders.get(order_id, {}))
            self._changed.wait_for(lambda: len(self._orders.get(order_id, {})) > known, timeout_s)
