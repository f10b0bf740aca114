"""Keeps what the page tells of the past: samples of equity, and the results of everything booked. A line of its own."""

import threading
from decimal import Decimal

import structlog

from autotrader_v2.application.events import Booked, News
from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import JournalUnavailable
from autotrader_v2.application.results import Results
from autotrader_v2.application.views import money_view
from autotrader_v2.domain.equity import SAMPLE_EVERY_MS, EquitySample, superfluous

_log = structlog.get_logger()

_EVERY_S = SAMPLE_EVERY_MS / 1000
# Samples at closed cycles are at least this far apart.
_APART_S = 30.0
_RETRY_S = 10.0
# An account that trades all the time is at rest for moments only.
_LOOKS, _LOOK_APART_S = 20, 0.25
_THIN_EVERY = 500
# Between two steps of the first walk through everything booked, so that others work.
_BREATHE_S = 0.02


class Bookkeeper:
    """`run` is a line of work; `look` may be driven by hand in a test."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._wanted = threading.Event()
        self._since_thinned = _THIN_EVERY
        self._walked = False
        self.results = Results(floor.journal.archive)
        floor.bus.listen(self.hear)

    def hear(self, news: News) -> None:
        """A sale moves equity from one kind to another: that is worth a sample."""
        if isinstance(news, Booked) and news.result is not None:
            self._wanted.set()

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop."""
        clock = self._floor.clock
        while not stopping.is_set():
            self._wanted.clear()
            sampled = False
            try:
                sampled = self._look_at_rest(stopping)
                if not self._walked:
                    self._walk(stopping)
            except JournalUnavailable as error:
                # The same trouble stops orders, where it is told; a figure may wait.
                _log.warning("the books of the page wait", what=error.what)
            if clock.wait(stopping, _APART_S if sampled else _RETRY_S):
                return
            if sampled:
                clock.wait(self._wanted, _EVERY_S - _APART_S)

    def _look_at_rest(self, stopping: threading.Event) -> bool:
        for _ in range(_LOOKS):
            if self.look():
                return True
            if self._floor.clock.wait(stopping, _LOOK_APART_S):
                return False
        return False

    def stop(self) -> None:
        """Let `run` see that it was told to stop."""
        self._wanted.set()

    def look(self) -> bool:
        """Take a sample; False: not everything has a price yet, or an order is on its way."""
        floor = self._floor
        sample = sample_of(floor)
        if sample is None:
            return False
        self._since_thinned += 1
        forget: tuple[int, ...] = ()
        if self._since_thinned >= _THIN_EVERY:
            self._since_thinned = 0
            forget = superfluous(floor.journal.archive.equity(), sample.time_ms)
        floor.journal.note_equity(sample, forget)
        return True

    def _walk(self, stopping: threading.Event) -> None:
        """The first walk through everything booked; later ones are short and made when somebody asks."""
        while self.results.advance():
            if self._floor.clock.wait(stopping, _BREATHE_S):
                return
        self._walked = True


def sample_of(floor: Floor) -> EquitySample | None:
    """What everything is worth now, as the page shows it; None when a price or a balance is not known.

    Nor while an order is out or its money not yet in a reading: what was paid for may be counted twice, or not at all.
    """
    funds = floor.wallet.funds()
    money = money_view(floor, list(floor.slots.values()), {})
    if money["equity"] is None or money["unrealised"] is None or not funds.settled or funds != floor.wallet.funds():
        return None
    return EquitySample(
        time_ms=floor.clock.now_ms(),
        equity=Decimal(money["equity"]),
        free=funds.owned,
        invested=Decimal(money["in_positions"]),
        unrealised=Decimal(money["unrealised"]),
        realised=Decimal(money["realised_all"]),
    )
