"""The outside of one run: which exchange account, which prices, which clock, and what the database is bound to."""

import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from autotrader_v2.app.settings import Mode, Settings
from autotrader_v2.app.values import PAPER_ACCOUNT, FeedKind
from autotrader_v2.application.paper_reset import started_with
from autotrader_v2.application.ports import (
    AccountFeed,
    Binding,
    CandleSource,
    Clock,
    Exchange,
    FeedStatus,
    Journal,
    JournalState,
    MarketFeed,
    RateUse,
)
from autotrader_v2.domain.cycle import Active, TradingCycle
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock

if TYPE_CHECKING:
    from autotrader_v2.infrastructure.feeds.sources import PriceSource
    from autotrader_v2.infrastructure.store import SqlJournal
    from autotrader_v2.infrastructure.store.backups import Backups

_log = structlog.get_logger()
_REACHABLE_WITHIN_S = 3.0
# A replay begins again at its first candle, but its journal already knows later times: its time is moved past them.
_AFTER_JOURNAL_MS = 60_000


@dataclass(slots=True)
class Settle:
    """A hook that is told later what to call: prices exist before the trader that must keep up with them."""

    call: Callable[[], None] = field(default=lambda: None)

    def __call__(self) -> None:
        """Wait until the trader has dealt with everything due."""
        self.call()


@dataclass(frozen=True, slots=True)
class Outside:
    """An exchange account, its prices, its clock.

    `settle`: what prices at full speed wait for. `pace`: how many times faster than the wall the clock may run.
    `candles`: the past of the prices, for charts. `rate_use`: how much of our own rate limits is used.
    `restore`: makes a paper account hold exactly what it is given.
    """

    exchange: Exchange
    feed: MarketFeed
    clock: Clock
    markets: tuple[Market, ...]
    account_feed: AccountFeed | None = None
    settle: Settle = field(default_factory=Settle)
    pace: float = 1.0
    candles: CandleSource | None = None
    rate_use: Callable[[], Sequence[RateUse]] = tuple
    restore: Callable[[Mapping[str, Decimal]], None] | None = None

    def settle_with(self, wait: Callable[[], None]) -> None:
        """Tell prices at full speed what to wait for."""
        self.settle.call = wait


class ShiftedSource:
    """A price source moved in time, so that a replay that starts again goes on after what the journal knows."""

    def __init__(self, source: "PriceSource", shift_ms: int) -> None:
        self._source = source
        self._shift_ms = shift_ms

    @property
    def markets(self) -> tuple[Market, ...]:
        """See `PriceSource`."""
        return self._source.markets

    @property
    def start_ms(self) -> int:
        """See `PriceSource`."""
        return self._source.start_ms + self._shift_ms

    def quotes(self) -> Iterator[Quote]:
        """See `PriceSource`."""
        shift_ms = self._shift_ms
        for quote in self._source.quotes():
            yield quote._replace(exchange_ms=quote.exchange_ms + shift_ms, confirmed_ms=quote.confirmed_ms + shift_ms)


def feed_kind_of(settings: Settings) -> FeedKind:
    """Where prices come from: `auto` on paper is Gate when it answers within 3 s, else the synthetic market."""
    if settings.mode is not Mode.PAPER:
        return FeedKind.GATE
    if settings.feed_kind is not FeedKind.AUTO:
        return settings.feed_kind
    from autotrader_v2.infrastructure.gate.public import reachable

    if reachable(settings.gate_host, timeout_s=_REACHABLE_WITHIN_S):
        return FeedKind.GATE
    _log.warning("Gate cannot be reached; prices are synthetic (made up) in this run")
    return FeedKind.SYNTHETIC


def binding_of(settings: Settings, kind: FeedKind) -> Binding:
    """What the database of this run belongs to. The account is told by a label of its key, never by the key."""
    if settings.mode is Mode.PAPER:
        host = settings.replay_path.name if settings.replay_path else kind.value
        return Binding(settings.mode.value, host, PAPER_ACCOUNT, kind.value)
    return Binding(settings.mode.value, settings.gate_host, account_of(_key(settings)), kind.value)


def account_of(key: str) -> str:
    """A label of an account: told from its key, but nothing of the key can be told from it."""
    return "key-" + hashlib.sha256(key.encode()).hexdigest()[:12]


def database_of(settings: Settings, kind: FeedKind) -> Path:
    """The database file: DB_PATH, or one per mode and, on paper, per kind of prices."""
    if settings.db_path is not None or settings.mode is not Mode.PAPER:
        return settings.database
    name = kind.value
    if settings.replay_path is not None:
        name += "-" + re.sub(r"[^A-Za-z0-9._-]+", "_", settings.replay_path.stem)
    return settings.data_dir / f"{settings.mode}-{name}.sqlite3"


def journal_of(settings: Settings, kind: FeedKind) -> "SqlJournal":
    """The journal of this run, with its reserve for a full disk; not loaded yet."""
    from autotrader_v2.infrastructure.store import SqlJournal
    from autotrader_v2.infrastructure.store.room import RESERVE_BYTES, Room

    binding, database = binding_of(settings, kind), database_of(settings, kind)
    return SqlJournal(database, binding, account=binding.account, room=Room(database, RESERVE_BYTES))


def backups_of(settings: Settings, kind: FeedKind) -> "Backups":
    """The backups of this run's database."""
    from autotrader_v2.infrastructure.store.backups import Backups

    return Backups(database_of(settings, kind), binding_of(settings, kind).account, settings.backups)


def outside_of(
    settings: Settings, kind: FeedKind, markets: Sequence[Market], journal: Journal, state: JournalState
) -> Outside:
    """Build it for these markets. Errors: ValueError with the reason when prices cannot be read."""
    if settings.mode is not Mode.PAPER:
        return _gate(settings, markets)
    if kind is FeedKind.GATE:
        return _paper_on_gate(settings, markets, journal, state)
    return _paper_on_played(settings, kind, markets, journal, state)


def _paper_on_played(
    settings: Settings, kind: FeedKind, wanted: Sequence[Market], journal: Journal, state: JournalState
) -> Outside:
    from autotrader_v2.infrastructure.feeds.played_feed import PlayedFeed
    from autotrader_v2.infrastructure.feeds.recorded_candles import RecordedCandles
    from autotrader_v2.infrastructure.feeds.sources import open_source
    from autotrader_v2.infrastructure.paper import PaperExchange
    from autotrader_v2.matching.markets import rules_for, rules_of

    spec = f"replay:{settings.replay_path}" if kind is FeedKind.REPLAY else kind.value
    clock_ms = SystemClock().now_ms() if kind is FeedKind.SYNTHETIC else None
    if kind is FeedKind.REPLAY and "available_symbols" not in settings.model_fields_set:
        wanted = ()  # nobody chose coins: trade what the recording holds
    source: PriceSource = open_source(
        spec, seed=settings.seed, markets=wanted, exchange=settings.exchange, start_ms=clock_ms, ticks=_ticks(wanted)
    )
    if kind is FeedKind.REPLAY:
        rules = rules_of(source.markets, source.quotes())
    else:
        rules = [rules_for(market.base, market.quote) for market in source.markets]
    shift_ms = last_known_ms(state) + _AFTER_JOURNAL_MS - source.start_ms
    if last_known_ms(state) and shift_ms > 0:
        source = ShiftedSource(source, shift_ms)
    settle = Settle()
    paper: list[PaperExchange] = []
    candles = RecordedCandles(len(source.markets))

    def tap(quote: Quote) -> None:
        """The paper exchange hears each price first; it is made after the feed because it lives by the feed's clock."""
        paper[0].feed(quote)
        candles.note(quote)

    feed = PlayedFeed(
        source,
        spec,
        speed=None if math.isinf(settings.speed) else settings.speed,
        settle=settle,
        tap=tap,
    )
    balances = journal.balances(started_with(dict(settings.paper_balance), state.settings))
    paper.append(PaperExchange(rules, balances, clock=feed.clock, seed=settings.seed))
    pace = 1.0 if math.isinf(settings.speed) else max(1.0, settings.speed)
    return Outside(
        paper[0], feed, feed.clock, source.markets, paper[0], settle, pace, candles, restore=paper[0].restore
    )


def _ticks(markets: Iterable[Market]) -> dict[Market, Decimal]:
    """Price steps of the markets we have a table for; a recording's own digits tell the others."""
    from autotrader_v2.matching.markets import known_coins, rules_for

    known = known_coins()
    return {market: rules_for(market.base, market.quote).tick for market in markets if market.base in known}


def last_known_ms(state: JournalState) -> int:
    """The latest exchange time in the journal; 0 when it is new."""
    known = [_last_ms(cycle) for cycle in state.cycles.values()]
    known += [attempt.intent.expires_ms for attempt in state.open_attempts]
    known += [pause.since_ms for pause in state.pauses.values()]
    return max(known, default=0)


def _last_ms(cycle: TradingCycle) -> int:
    closed_ms = cycle.tally.closed_ms
    return max(closed_ms, cycle.bought[-1].time_ms, cycle.rest_since_ms) if isinstance(cycle, Active) else closed_ms


def _key(settings: Settings) -> str:
    if settings.api_key is None:
        raise ValueError("this mode trades with an account and needs API_KEY")
    return settings.api_key.get_secret_value()


class TappedFeed:
    """A market feed whose every quote another hears first: the paper exchange fills at the price that decided."""

    def __init__(self, feed: MarketFeed, tap: Callable[[Quote], None]) -> None:
        self._feed = feed
        self._tap = tap

    def start(self, markets: Sequence[Market], on_quote: Callable[[Quote], None]) -> None:
        """See the port."""

        def both(quote: Quote) -> None:
            self._tap(quote)
            on_quote(quote)

        self._feed.start(markets, both)

    def watch(self, markets: Sequence[Market]) -> Collection[Market]:
        """See the port."""
        return self._feed.watch(markets)

    def status(self) -> FeedStatus:
        """See the port."""
        return self._feed.status()

    def stop(self) -> None:
        """See the port."""
        self._feed.stop()


def _paper_on_gate(settings: Settings, markets: Sequence[Market], journal: Journal, state: JournalState) -> Outside:
    """Gate's public prices, fills on this machine; no key is held and nothing is signed."""
    from autotrader_v2.infrastructure.gate.candles import GateCandles
    from autotrader_v2.infrastructure.gate.public import GatePublicFeed
    from autotrader_v2.infrastructure.paper import PaperExchange

    clock = SystemClock()
    feed = GatePublicFeed(clock, settings.gate_host)
    rules = feed.rules(markets)
    balances = journal.balances(started_with(dict(settings.paper_balance), state.settings))
    paper = PaperExchange(rules, balances, clock=clock, seed=settings.seed, more_rules=feed.rules)
    return Outside(
        paper,
        TappedFeed(feed, paper.feed),
        clock,
        tuple(markets),
        paper,
        candles=GateCandles(settings.gate_host, clock),
        restore=paper.restore,
    )


def _gate(settings: Settings, markets: Sequence[Market]) -> Outside:
    """The account at the exchange, its prices and its own trades; prices come only from where it trades."""
    from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
    from autotrader_v2.infrastructure.gate.candles import GateCandles
    from autotrader_v2.infrastructure.gate.exchange import GateExchange
    from autotrader_v2.infrastructure.gate.hosts import ws_url_of
    from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed

    clock = SystemClock()
    secret = settings.api_secret.get_secret_value() if settings.api_secret else ""
    exchange = GateExchange(settings.gate_host, _key(settings), secret, clock)
    ws_url = ws_url_of(settings.gate_host)
    return Outside(
        exchange,
        GateMarketFeed(ws_url, exchange, clock),
        clock,
        tuple(markets),
        GateAccountFeed(ws_url, exchange, clock),
        candles=GateCandles(settings.gate_host, clock),
        rate_use=exchange.rate_use,
    )
