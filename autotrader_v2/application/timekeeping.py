"""The machine's clock under watch: leaps (it slept, it was set) and its difference from the exchange's (M12, M13)."""

import structlog

from autotrader_v2.application.events import Priority
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import TimeCheck
from autotrader_v2.application.recheck import Recheck
from autotrader_v2.domain.situation import Hold, Reason

LOOK_S = 1.0
LEAP_MS = 5_000
WARN_MS = 1_000
WRONG_MS = 5_000
# It counts as right again a little below, so that a clock at the limit does not flicker.
RIGHT_MS = 4_500

_log = structlog.get_logger()


class Timekeeper:
    """`look` is to be called once a second, `compare` when a start has heard from the exchange; neither blocks."""

    def __init__(self, floor: Floor, recheck: Recheck) -> None:
        self._floor = floor
        self._recheck = recheck
        self._looked_s = self._ahead_ms = 0.0
        self._leapt_s = float("-inf")
        # Leaps whose kind is told when the exchange's time has been measured anew: (ms, exchange ahead before, when).
        self._untold: tuple[float, float, float] | None = None
        self.offset_ms: int | None = None

    def begin(self) -> None:
        """The looks begin now."""
        self._looked_s = self._floor.clock.monotonic_s()
        self._ahead_ms = self._floor.clock.wall_ms() - self._looked_s * 1000

    def compare(self) -> None:
        """Our clock against the exchange's before anything trades; the first look may be a second away."""
        clock = self._floor.clock
        now_s, wall_ms = clock.monotonic_s(), clock.wall_ms()
        check = self._floor.exchange.time_check()
        if check is not None and check.age_s < now_s - self._leapt_s:
            self._judge(check, wall_ms)

    def look(self) -> None:
        """See what time did since the last look."""
        clock = self._floor.clock
        now_s, wall_ms = clock.monotonic_s(), clock.wall_ms()
        ahead_ms, gap_ms = wall_ms - now_s * 1000, (now_s - self._looked_s - LOOK_S) * 1000
        leap_ms = ahead_ms - self._ahead_ms
        self._looked_s, self._ahead_ms = now_s, ahead_ms
        if abs(leap_ms) > LEAP_MS:
            self._leapt(leap_ms, now_s)
        elif gap_ms > LEAP_MS:
            # Where the monotonic clock counts sleep; or nothing of this program ran for so long.
            self._tell("machine_slept", gap_ms)
            self._recheck.demand("machine_slept")
        self._compare(now_s, wall_ms)

    def _leapt(self, leap_ms: float, now_s: float) -> None:
        self._leapt_s = now_s
        self._untold = (leap_ms, self._exchange_ahead_ms(now_s), now_s)
        self._recheck.demand("time_leapt")

    def _exchange_ahead_ms(self, now_s: float) -> float:
        return self._floor.exchange.now_ms() - now_s * 1000

    def _compare(self, now_s: float, wall_ms: int) -> None:
        """Our clock against the exchange's, as measured after the newest leap."""
        check = self._floor.exchange.time_check()
        if check is None:
            self._tell_leap(None)
            return
        if check.age_s >= now_s - self._leapt_s:
            self.offset_ms = None
            return
        self._tell_leap(self._exchange_ahead_ms(now_s))
        self._judge(check, wall_ms)

    def _judge(self, check: TimeCheck, wall_ms: int) -> None:
        offset_ms = self.offset_ms = self._floor.exchange.now_ms() - wall_ms
        sure_ms = abs(offset_ms) - check.error_ms
        seconds = str(round(abs(offset_ms) / 1000, 1))
        standstill = self._floor.standstill
        if sure_ms > WRONG_MS:
            if standstill.begin(Hold(Reason.CLOCK_WRONG, (("seconds", seconds),))):
                self._floor.alert("clock_wrong", Priority.HIGH, None, {"seconds": seconds})
                _log.error("the machine's clock is wrong; nothing is sent until it is set right", seconds=seconds)
        elif abs(offset_ms) < RIGHT_MS and standstill.end(Reason.CLOCK_WRONG):
            self._floor.alert("clock_right", Priority.LOW, None, {"seconds": seconds})
            self._recheck.demand("clock_right")
        elif sure_ms > WARN_MS:
            self._floor.alert("clock_off", Priority.MEDIUM, None, {"seconds": seconds})

    def _tell_leap(self, exchange_ahead_ms: float | None) -> None:
        """After sleep the exchange's clock has run on with ours; when ours was set it has not."""
        if self._untold is None:
            return
        (leap_ms, before_ms, _), self._untold = self._untold, None
        if exchange_ahead_ms is None:
            slept = leap_ms > 0
        else:
            slept = abs(exchange_ahead_ms - before_ms - leap_ms) < abs(leap_ms) / 2
        self._tell("machine_slept" if slept else "clock_jumped", leap_ms)

    def _tell(self, code: str, leap_ms: float) -> None:
        values = {"seconds": str(round(leap_ms / 1000))}
        _log.warning("time leapt; the account is checked before anything is sent", code=code, **values)
        self._floor.alert(code, Priority.MEDIUM, None, values)
