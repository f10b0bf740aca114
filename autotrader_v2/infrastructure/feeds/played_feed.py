"""A played source as the engine's market feed."""

import logging
import threading
from collections.abc import Callable, Collection, Sequence

from autotrader_v2.application.ports import FeedStatus
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.clock import PlayedClock, Wall
from autotrader_v2.infrastructure.feeds.player import Player
from autotrader_v2.infrastructure.feeds.sources import PriceSource, family_of

log = logging.getLogger(__name__)


class PlayedFeed:
    """A `MarketFeed` over a price source; `clock` is the `Clock` to run the engine with.

    `spec` is the text the source was opened with, for people. `settle`: see `Player`. `tap` sees every quote of every
    market before the engine does, watched or not: the paper exchange's matching core hangs here, so that an order meets
    the very price it was decided on. One feed plays once: `start` after `stop` is an error.
    """

    def __init__(
        self,
        source: PriceSource,
        spec: str,
        *,
        speed: float | None = 1.0,
        settle: Callable[[], None] | None = None,
        tap: Callable[[Quote], None] | None = None,
        on_finished: Callable[[], None] | None = None,
        wall: Wall | None = None,
    ) -> None:
        self.clock = PlayedClock(source.start_ms, speed=speed, wall=wall)
        self._source = source
        self._family = family_of(spec)
        self._spec = spec
        self._tap = tap
        self._watched: frozenset[Market] = frozenset()
        self._on_quote: Callable[[Quote], None] | None = None
        self._last_message_ms = 0
        self._starting = threading.Lock()
        self._started = False
        self._player = Player(
            source, on_quote=self._pass_on, speed=speed, clock=self.clock, settle=settle, on_finished=on_finished
        )

    @property
    def markets(self) -> tuple[Market, ...]:
        """Every market this feed has prices for."""
        return self._source.markets

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """Begin to play. `on_quote` is called from the player's thread. Errors: RuntimeError at a second start."""
        with self._starting:
            if self._started:
                raise RuntimeError("a played feed starts once; open the source again to play it from the beginning")
            self._started = True
        self._on_quote = on_quote
        self.watch(markets)
        self._player.start()

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """Pass on the quotes of these markets from now on. Returns those the source does not have."""
        unknown = set(markets) - set(self._source.markets)
        if unknown:
            log.warning("no prices for %s: they are not in %s", ", ".join(sorted(map(str, unknown))), self._spec)
        self._watched = frozenset(markets)
        return unknown

    def status(self) -> FeedStatus:
        """Where the prices come from and whether they still come."""
        speed = self.clock.speed
        # In signs: the page shows it in every language.
        detail = f"{self._spec} ×{'max' if speed is None else f'{speed:g}'}"
        if self._player.error is not None:
            detail = f"{detail}: failed: {self._player.error}"
        elif self._player.finished:
            detail = f"{detail}: at its end"
        playing = self._started and not self._player.finished
        return FeedStatus(self._family, detail, playing, self._last_message_ms)

    def wait_finished(self, timeout_s: float | None = None) -> bool:
        """Wait, in wall time, until the source is played to its end; True when it is."""
        return self._player.wait_finished(timeout_s)

    def stop(self) -> None:
        """End; returns when no callback runs any more."""
        self._player.stop()

    def _pass_on(self, quote: Quote) -> None:
        self._last_message_ms = quote.confirmed_ms
        if self._tap is not None:
            self._tap(quote)
        if quote.market in self._watched and self._on_quote is not None:
            self._on_quote(quote)
