"""An account at Gate.io as the `Exchange` of the ports."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import structlog
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import (
    AccountFacts,
    Clock,
    Found,
    Holding,
    NotSeen,
    OpenOrder,
    RateUse,
    TimeCheck,
    TradingError,
)
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import Fill, OrderIntent, OrderResult
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate import wire
from autotrader_v2.infrastructure.gate.access import Access
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.budget import PRIVATE_READ, Budget
from autotrader_v2.infrastructure.gate.hosts import kind_of
from autotrader_v2.infrastructure.gate.lookup import find
from autotrader_v2.infrastructure.gate.placing import Placer
from autotrader_v2.infrastructure.gate.private_reads import PrivateReads
from autotrader_v2.infrastructure.gate.public_reads import PublicReads
from autotrader_v2.infrastructure.gate.recent_fills import RecentFills
from autotrader_v2.infrastructure.gate.retrying import read
from autotrader_v2.infrastructure.gate.sdk import open_client
from autotrader_v2.infrastructure.gate.server_time import ServerTime
from autotrader_v2.infrastructure.gate.signing import Signer

NAME = "gate"
_CLOCK_CHECK_S = 300.0

# Who asks beside the senders: balances, reconciliation, late fills, keeper, recheck, the feed, people's requests.
_BESIDE_SENDERS = 12

_log = structlog.get_logger()

T = TypeVar("T")


class GateExchange:
    """The `Exchange` port over API v4: orders and private reads through the official SDK, prices read directly.

    `host` is a REST base URL that `hosts.kind_of` knows. `senders`: how many orders may be under way at once, or books
    be read: each keeps a connection, and so do the engine's other lines. `recent_fills` is filled by a
    `GateAccountFeed` and spares the read of a fresh order's trades.
    Errors: ValueError for a host that is neither Gate's nor on this machine.
    """

    def __init__(self, host: str, key: str, secret: str, clock: Clock, *, name: str = NAME, senders: int = 32) -> None:
        kind_of(host)
        self._name = name
        self._host = host
        self._clock = clock
        self.time = ServerTime(clock)
        self.signer = Signer(key, secret)
        self.recent_fills = RecentFills()
        at_once = senders + _BESIDE_SENDERS
        self._public = PublicReads(host, clock, self.time, exchange=name, connections=at_once)
        self._order_client = open_client(host, self.signer, self.time.now_ms, pool_size=at_once)
        self._read_client = open_client(host, self.signer, self.time.now_ms, pool_size=at_once)
        self._private_budget = Budget(clock, PRIVATE_READ)
        self._access = Access(clock)
        shared = (self._read_client, self.time, self._compare_clocks, self._private_budget, self._access)
        self._reads = PrivateReads(*shared, exchange=name)
        self._truth = PrivateReads(*shared, exchange=name, urgent=True)
        self._placer = Placer(self._order_client, self._reads, self.recent_fills, clock, self.time)

    def __repr__(self) -> str:
        return f"GateExchange({self._host})"

    @property
    def name(self) -> str:
        """See the port."""
        return self._name

    def rate_use(self) -> Sequence[RateUse]:
        """How much of our own rate limits is used now."""
        return (
            self._placer.budget.use("orders"),
            self._private_budget.use("private_reads"),
            self._public.budget.use("public_reads"),
        )

    def now_ms(self) -> int:
        """See the port."""
        return self.time.now_ms()

    def time_check(self) -> TimeCheck:
        """See the port."""
        return self.time.check()

    def send(self, intent: OrderIntent) -> OrderResult:
        """See the port."""
        return self._placer.send(intent)

    def find(self, intent: OrderIntent, order_id: str = "") -> Found | NotSeen:
        """See the port. An answer that cannot be a number, a side or a trade counts as a failed read."""
        self._check_clock()
        try:
            return find(self._truth, intent, order_id)
        except ValueError as error:
            raise read_failure(error, f"order {intent.client_id}") from error

    def own_trades(self, market: Market, since_ms: int) -> tuple[Fill, ...]:
        """See the port; at most two years back."""
        self._check_clock()
        return self._reads.trades(market.pair, since_ms)

    def account_trades(self, since_ms: int) -> tuple[Fill, ...]:
        """See the port."""
        self._check_clock()
        return self._truth.trades(None, since_ms)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """See the port."""
        self._check_clock()
        return self._truth.all_open_orders()

    def account(self) -> AccountFacts:
        """See the port."""
        self._check_clock()
        return self._reads.account()

    def balances(self) -> Mapping[str, Holding]:
        """See the port."""
        self._check_clock()
        try:
            return {row.currency: wire.holding_of(row) for row in self._reads.accounts()}
        except ValueError as error:
            raise read_failure(error, "the balances") from error

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        """See the port. The fee is the full taker fee: GT or points that make it cheaper may run out."""
        self._check_clock()
        fee = self._reads.fee()
        wanted = {market.pair: market for market in markets}
        rows = self._told("the markets' rules", lambda: self._public.pairs(wanted))
        rules = {}
        for pair, row in rows.items():
            try:
                rules[wanted[pair]] = wire.rules_of(row, wanted[pair], fee.taker_fee, gt_pays=fee.gt_discount)
            except ValueError as error:
                _log.error("the rules of a market cannot be read; it is not traded", pair=pair, error=str(error))
        return rules

    def book(self, market: Market) -> Quote:
        """See the port. `last` is the newest known from `tickers`, the bid before that."""
        return self._told(f"the book of {market.pair}", lambda: self._public.book(market))

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """See the port; `only` spares making quotes that nobody wants. Not repeated: the next round comes soon."""
        return self._public.tickers(only)

    def warm(self) -> None:
        """See the port. Each call also compares the clocks."""
        began_s = self._clock.monotonic_s()
        try:
            body = wire.time_of(self._placer.warm())
        except (ErrorAnswer, HTTPError, ValueError) as error:
            _log.debug("no warm connection", error=type(error).__name__)
            return
        self.time.measured(body.server_time, began_s)

    def forget_refusal(self) -> None:
        """See the port."""
        self._access.forget()

    def close(self) -> None:
        """See the port."""
        self._public.close()
        for client in (self._order_client, self._read_client):
            client.rest_client.pool_manager.clear()
            client.close()

    def _check_clock(self) -> None:
        """Compare the clocks when that was not done for a while."""
        if self.time.age_s > _CLOCK_CHECK_S:
            self._compare_clocks()

    def _compare_clocks(self) -> None:
        """Compare the clocks now; a failure is the next call's problem."""
        try:
            self._public.measure_time()
        except (ErrorAnswer, HTTPError, ValueError, TradingError) as error:
            _log.warning("the exchange's time could not be read", error=type(error).__name__)

    def _told(self, what: str, call: Callable[[], T]) -> T:
        try:
            return read(what, call)
        except ErrorAnswer as error:
            raise read_failure(error, what) from None
