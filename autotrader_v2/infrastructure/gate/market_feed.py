"""Prices from Gate: the WebSocket first, one read of all tickers every two seconds beside it.

The read confirms markets where nothing moves, tells what a connection missed, and is the feed while there is none.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from autotrader_v2.application.ports import Clock, ExchangeUnavailable, FeedStatus
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate.shard import Place, Shard

FAMILY = "gate"
_ROUND_S = 2.0
# An exchange that has not answered for so long is left in peace: it is asked twice a minute.
_CALM_AFTER_S = 60.0
_CALM_ROUND_S = 30.0
_PAIRS_A_CONNECTION = 100
# What the stream told within this time it told later than any read: a read may come from a cache.
_LIVELY_MS = 2_000
# A confirmed price is dated back by this, so that a change already on its way is not taken for an older one.
_DATED_BACK_MS = 200

_log = structlog.get_logger()


class TickerSource(Protocol):
    """What the feed reads beside the WebSocket."""

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """Best prices now; `exchange_ms` when the read began. Errors: `ExchangeUnavailable`."""

    def now_ms(self) -> int:
        """The exchange's time."""


class GateMarketFeed:
    """The `MarketFeed` port. `pairs_per_connection`: a new connection is opened for every so many markets."""

    def __init__(
        self, ws_url: str, exchange: TickerSource, clock: Clock, *, pairs_per_connection: int = _PAIRS_A_CONNECTION
    ) -> None:
        self._url = ws_url
        self._exchange = exchange
        self._clock = clock
        self._per_connection = pairs_per_connection
        self._places: dict[str, Place] = {}
        self._shards: list[Shard] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._rounds = threading.Thread(target=self._read_rounds, name="gate-tickers", daemon=True)
        self._on_quote: Callable[[Quote], None] = lambda _quote: None
        self._read_ms = 0
        self._failing_since_s: float | None = None

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """See the port."""
        self._on_quote = on_quote
        self.watch(markets)
        self._rounds.start()

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """See the port: only a subscription shows what is not streamed, and the read knows every market."""
        wanted = {market.pair: market for market in markets}
        with self._lock:
            gone, new = self._places.keys() - wanted.keys(), wanted.keys() - self._places.keys()
            for pair in gone:
                del self._places[pair]
            for pair in new:
                self._places[pair] = Place(wanted[pair])
            for shard in self._shards:
                leaving = shard.subscriptions.pairs & gone
                if leaving:
                    shard.subscriptions.remove(leaving)
            self._spread(sorted(new))
        return ()

    def status(self) -> FeedStatus:
        """See the port."""
        shards = list(self._shards)
        up = sum(shard.stream.connected for shard in shards)
        heard_ms = max((shard.heard_ms for shard in shards), default=0)
        reading = self._clock.now_ms() - self._read_ms < 3 * _ROUND_S * 1000
        if shards and up == len(shards):
            detail = "WebSocket"
        elif up:
            detail = f"WebSocket {up}/{len(shards)}, REST"
        else:
            detail = "REST" if reading else "offline"
        return FeedStatus(FAMILY, detail, bool(up) or reading, max(heard_ms, self._read_ms))

    @property
    def refused(self) -> frozenset[str]:
        """Pairs that the exchange does not stream."""
        return frozenset(pair for shard in list(self._shards) for pair in shard.subscriptions.refused)

    @property
    def bad_messages(self) -> int:
        """Messages dropped because they held no sane numbers."""
        return sum(shard.bad_messages for shard in list(self._shards))

    def stop(self) -> None:
        """See the port."""
        self._stopping.set()
        with self._lock:
            shards = list(self._shards)
        for shard in shards:
            shard.stream.stop()
        if self._rounds.is_alive():
            self._rounds.join()

    def _spread(self, pairs: list[str]) -> None:
        """Give new pairs to connections that have room, then to new ones."""
        for shard in self._shards:
            room = self._per_connection - len(shard.subscriptions.pairs)
            if room > 0 and pairs:
                shard.subscriptions.add(pairs[:room])
                pairs = pairs[room:]
        while pairs:
            shard = Shard(
                self._url,
                self._clock,
                f"gate-prices-{len(self._shards) + 1}",
                self._places,
                self._on_quote,
                self._exchange.now_ms,
            )
            shard.subscriptions.add(pairs[: self._per_connection])
            pairs = pairs[self._per_connection :]
            self._shards.append(shard)
            shard.stream.start()

    def _read_rounds(self) -> None:
        """Every two seconds, counted from the first: a slow read does not push the next one back."""
        next_s = self._clock.monotonic_s()
        while not self._stopping.is_set():
            try:
                self._round()
            except Exception:
                # Without this thread quiet markets would stop for good; what went wrong is told in full.
                _log.exception("a round of price reads failed")
            now_s = self._clock.monotonic_s()
            away = self._failing_since_s is not None and now_s - self._failing_since_s > _CALM_AFTER_S
            next_s = max(next_s + (_CALM_ROUND_S if away else _ROUND_S), now_s)
            self._clock.wait(self._stopping, next_s - now_s)

    def _round(self) -> None:
        missed: set[str] = set()
        try:
            quotes = self._exchange.tickers([place.market for place in list(self._places.values())])
        except ExchangeUnavailable as error:
            if self._failing_since_s is None:
                self._failing_since_s = self._clock.monotonic_s()
                _log.warning("prices cannot be read; they are tried again every two seconds", what=error.what)
        else:
            if self._failing_since_s is not None:
                _log.info("prices can be read again")
            self._failing_since_s = None
            self._read_ms = self._clock.now_ms()
            missed = {quote.market.pair for quote in quotes if self._read(quote)}
        for shard in list(self._shards):
            shard.look(missed=not missed.isdisjoint(shard.subscriptions.pairs))

    def _read(self, read: Quote) -> bool:
        """Take one row of a read in. True when it shows a price that the stream should have told and did not."""
        place = self._places.get(read.market.pair)
        if place is None:
            return False
        place.last = read.last
        known = place.quote
        dated_ms = read.exchange_ms - _DATED_BACK_MS
        if known is None:
            quote = read._replace(exchange_ms=dated_ms)
        elif known.bid == read.bid and known.ask == read.ask:
            quote = known._replace(
                last=read.last,
                exchange_ms=max(known.exchange_ms, dated_ms),
                confirmed_ms=max(known.confirmed_ms, read.confirmed_ms),
            )
        elif place.heard_ms > read.confirmed_ms - _LIVELY_MS or dated_ms < known.exchange_ms:
            return False
        else:
            quote = read._replace(exchange_ms=dated_ms)
        place.quote = quote
        self._on_quote(quote)
        return known is not None and place.heard_ms > 0 and known.bid_size is not None and quote.bid_size is None
