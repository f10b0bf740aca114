"""What a person is told, once: the same again within a while is counted, and the next one says how often it came."""

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from autotrader_v2.application.events import Alert, Priority
from autotrader_v2.application.ports import Clock, Journal, TradingError

KEPT = 50
WINDOW_MS = {Priority.HIGH: 900_000, Priority.MEDIUM: 3_600_000, Priority.LOW: 21_600_000}
# Values that differ each time the same thing happens.
_TELLS_NOT_APART = frozenset({"count", "ms", "seconds", "times", "what"})
_REMEMBERED = 1000
_WAITING_MAX = 100
_LOOK_S = 1.0
_RETRY_S = 5.0

_log = structlog.get_logger()


@dataclass(slots=True)
class Told:
    """An alert a person was told. `times`: how often it came; `untold`: how often since it was last told."""

    alert: Alert
    last_ms: int
    times: int = 1
    untold: int = 0


class Alerts:
    """Thread-safe. `offer` decides, `run` (a line of work) makes durable what was told, `recent` is for the page."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: OrderedDict[tuple[Any, ...], Told] = OrderedDict()
        self._waiting: deque[Alert] = deque(maxlen=_WAITING_MAX)
        self._wake = threading.Event()

    def offer(self, alert: Alert) -> Alert | None:
        """The alert as it is to be told, with how often it came meanwhile; None: it was told already and is counted."""
        key = _key(alert)
        with self._lock:
            told = self._told.get(key)
            if told is not None and alert.time_ms - told.alert.time_ms < WINDOW_MS[alert.priority]:
                told.times += 1
                told.untold += 1
                told.last_ms = alert.time_ms
                return None
            untold, times = (told.untold, told.times) if told is not None else (0, 0)
            alert = replace(alert, times=untold + 1)
            self._told[key] = Told(alert, alert.time_ms, times + 1)
            self._told.move_to_end(key)
            while len(self._told) > _REMEMBERED:
                self._told.popitem(last=False)
        return alert

    def keep(self, alert: Alert) -> None:
        """Have it written to the journal soon; the oldest are dropped when the disk takes none for long."""
        self._waiting.append(alert)
        self._wake.set()

    def recall(self, alerts: Sequence[Alert]) -> None:
        """What the journal knows from earlier runs; it does not silence what happens now."""
        with self._lock:
            for alert in alerts:
                self._told.setdefault(("recalled", alert.time_ms, *_key(alert)), Told(alert, alert.time_ms))

    def recent(self) -> list[Told]:
        """The newest, newest first."""
        with self._lock:
            told = [replace(one) for one in self._told.values()]
        return sorted(told, key=lambda one: -one.last_ms)[:KEPT]

    def run(self, stopping: threading.Event, clock: Clock, journal: Journal) -> None:
        """Write what waits until told to stop."""
        while not stopping.is_set():
            clock.wait(self._wake, _LOOK_S)
            self._wake.clear()
            if not self.write(journal):
                clock.wait(stopping, _RETRY_S)

    def stop(self) -> None:
        """Let `run` see that it should end."""
        self._wake.set()

    def write(self, journal: Journal) -> bool:
        """Write what waits; False when the journal does not take it now."""
        waiting = list(self._waiting)
        if not waiting:
            return True
        try:
            journal.write(*waiting)
        except TradingError as error:
            _log.warning("alerts could not be written down yet", what=error.what, count=len(waiting))
            self._wake.set()
            return False
        written = set(map(id, waiting))
        while self._waiting and id(self._waiting[0]) in written:
            self._waiting.popleft()
        return True


def _key(alert: Alert) -> tuple[Any, ...]:
    values = sorted((name, value) for name, value in (alert.values or {}).items() if name not in _TELLS_NOT_APART)
    return (alert.code, alert.market, *values)
