"""The account checked as after a crash: when time has leapt, or the exchange was away for long (rows M13, M16).

Until it is done nothing leaves. Prices must be confirmed anew, the clocks compared, balances read and a whole
reconciliation complete; orders of unknown outcome keep their own markets waiting beyond that.
"""

import threading

import structlog

from autotrader_v2.application.floor import Floor
from autotrader_v2.application.reconcile import Reconciler
from autotrader_v2.domain.situation import Hold, Reason

_REPEAT_S = 2.0
_LOOK_S = 1.0

_log = structlog.get_logger()


class Recheck:
    """`demand` from any thread; `run` is a line of work."""

    def __init__(self, floor: Floor, reconciler: Reconciler) -> None:
        self._floor = floor
        self._reconciler = reconciler
        self._wake = threading.Event()
        # How many checks were demanded: one that comes while another is under way begins it anew.
        self._demanded = 0

    def demand(self, cause: str) -> None:
        """Stand still from now on until everything is checked."""
        floor = self._floor
        floor.standstill.confirmed_after_ms = floor.clock.now_ms()
        floor.standstill.begin(Hold(Reason.CHECKING, (("cause", cause), ("since_ms", floor.clock.now_ms()))))
        self._demanded += 1
        self._wake.set()

    def run(self, stopping: threading.Event) -> None:
        """Check what was demanded until told to stop."""
        clock = self._floor.clock
        while not stopping.is_set():
            if clock.wait(self._wake, _LOOK_S) and not stopping.is_set():
                self._wake.clear()
                self._check(stopping)

    def stop(self) -> None:
        """Let `run` see that it should end."""
        self._wake.set()

    def again(self) -> None:
        """What was demanded is demanded still (the line had failed)."""
        self._wake.set()

    def _check(self, stopping: threading.Event) -> None:
        floor, reconciler = self._floor, self._reconciler
        began_s = floor.clock.monotonic_s()
        demanded, wanted = self._demanded, reconciler.begun + 1
        # It measures the exchange's time too.
        floor.exchange.warm()
        while reconciler.completed < wanted:
            floor.want_reconcile.set()
            if floor.clock.wait(stopping, _REPEAT_S):
                return
            if demanded != self._demanded:
                return  # begun anew at once
        if demanded == self._demanded:
            floor.standstill.end(Reason.CHECKING)
            _log.info("the account is checked; trading goes on", took_s=round(floor.clock.monotonic_s() - began_s, 1))
            for market in list(floor.slots):
                floor.board.mark_due(market)
