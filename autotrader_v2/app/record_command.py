"""`mTrade.py record`: keeps Gate's public prices and closed candles until it is stopped. No key, no order."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from autotrader_v2.app import instance, logs, signals
from autotrader_v2.app.recordings import GapList, candle_files, folder_of, quote_files
from autotrader_v2.app.settings import Settings
from autotrader_v2.application.ports import ExchangeUnavailable
from autotrader_v2.domain.market import Market
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.feeds.errors import SourceError
from autotrader_v2.infrastructure.feeds.recorder import CandleRecorder, QuoteRecorder
from autotrader_v2.infrastructure.gate.candles import GateCandles
from autotrader_v2.infrastructure.gate.public import GatePublicFeed

_INTERVAL, _INTERVAL_MS = "1m", 60_000
# What a kill loses at most.
_FLUSH_S = 30.0
_CANDLES_S = 60.0
_MERGE_S = 1800.0
# A minute is not closed at Gate the moment it is over.
_CLOSED_AFTER_S = 3.0
_RETRY_S = 10.0
_REFUSED, _FAILED = 2, 1


def run_record(settings: Settings, markets: Sequence[Market], out: Path | None, say: Callable[[str], None]) -> int:
    """Record until asked to stop; returns the exit code. 2: a market that Gate does not know, 1: what it has could
    not be written."""
    logs.configure(level="ERROR", form=settings.log_format, secrets=settings.secrets)
    stopping = threading.Event()
    signals.install(stopping.set)
    folder = folder_of(settings, out)
    clock = SystemClock()
    with instance.write_recordings(folder):
        feed = GatePublicFeed(clock, settings.gate_host)
        candles = GateCandles(settings.gate_host, clock)
        try:
            known = _known(feed, markets, stopping, say)
            if known is None:
                return 0
            unknown = [market.pair for market in markets if market not in known]
            if unknown:
                say(f"Refused: Gate does not know {', '.join(unknown)}. Nothing was recorded; leave it out.")
                return _REFUSED
            return _Recording(folder, markets, feed, candles, say).run(stopping)
        except (OSError, SourceError) as error:
            say(f"The recording cannot go on in {folder}: {error}")
            return _FAILED
        finally:
            feed.stop()
            candles.close()


def _known(
    feed: GatePublicFeed, markets: Sequence[Market], stopping: threading.Event, say: Callable[[str], None]
) -> set[Market] | None:
    """The markets that Gate knows, asked until it answers; None: told to stop before."""
    told = False
    while not stopping.is_set():
        try:
            return {rules.market for rules in feed.rules(markets)}
        except ExchangeUnavailable as error:
            if not told:
                say(f"{error.what} It is asked every {_RETRY_S:.0f} seconds.")
            told = True
            stopping.wait(_RETRY_S)
    return None


class _Recording:
    """One run, from the first price to the last file."""

    def __init__(
        self,
        folder: Path,
        markets: Sequence[Market],
        feed: GatePublicFeed,
        candles: GateCandles,
        say: Callable[[str], None],
    ) -> None:
        self._folder, self._markets, self._feed, self._say = folder, markets, feed, say
        self._gaps = GapList(folder, say)
        self._clock = SystemClock()
        self._quote_files = quote_files(folder)
        self._candle_files = candle_files(folder, _INTERVAL, _INTERVAL_MS)
        for files in (self._quote_files, self._candle_files):
            files.begin()
        self._quotes = QuoteRecorder(self._quote_files, markets, self._gaps)
        self._candles = CandleRecorder(self._candle_files, candles, _INTERVAL_MS, _INTERVAL, self._gaps)
        self._failing: set[str] = set()

    def run(self, stopping: threading.Event) -> int:
        """Record until then; what is in memory is written before it returns."""
        self._feed.start(self._markets, self._quotes.take)
        print(f"READY {self._folder}", flush=True)
        now_s = self._clock.monotonic_s()
        flush_s, merge_s, candles_s = now_s + _FLUSH_S, now_s + _MERGE_S, now_s
        while not stopping.is_set():
            now_s = self._clock.monotonic_s()
            if now_s >= flush_s:
                flush_s = now_s + _FLUSH_S
                self._try("prices", self._quotes.flush)
            if now_s >= candles_s:
                candles_s = now_s + self._until_next_candle_s()
                self._catch_up(stopping)
            if now_s >= merge_s:
                merge_s = now_s + _MERGE_S
                self._merge()
            stopping.wait(max(0.05, min(flush_s, merge_s, candles_s) - self._clock.monotonic_s()))
        self._feed.stop()
        self._quotes.flush()
        # What cannot be put together now is when it begins again.
        self._merge()
        self._say(
            f"Recorded {self._quotes.taken} prices and {self._candles.taken} candles of {len(self._markets)} markets in"
            f" {self._folder}, {self._gaps.count} gaps."
        )
        return 0

    def _until_next_candle_s(self) -> float:
        into_s = self._clock.now_ms() % _INTERVAL_MS / 1000
        return _CANDLES_S - into_s + _CLOSED_AFTER_S

    def _catch_up(self, stopping: threading.Event) -> None:
        for market in self._markets:
            if stopping.is_set():
                return
            self._try(f"candles of {market.pair}", partial(self._candles.catch_up, market))

    def _merge(self) -> None:
        self._try("prices' files", self._quote_files.merge)
        self._try("candles' files", self._candle_files.merge)

    def _try(self, what: str, call: Callable[[], None]) -> None:
        """What fails is told once and tried again; the recording goes on."""
        try:
            call()
        except (ExchangeUnavailable, OSError, SourceError) as error:
            if what not in self._failing:
                self._say(f"The {what} wait: {error} They are tried again.")
            self._failing.add(what)
        else:
            if what in self._failing:
                self._say(f"The {what} are recorded again.")
            self._failing.discard(what)
