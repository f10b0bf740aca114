"""Gate without a key: its prices for trading on paper, and whether it can be reached at all."""

import threading
from collections.abc import Collection, Sequence
from decimal import Decimal

import structlog
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import Clock, TradingError
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.money import HUNDRED
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.hosts import LIVE_HOST, ws_url_of
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.infrastructure.gate.public_reads import PublicReads
from autotrader_v2.infrastructure.gate.server_time import ServerTime
from autotrader_v2.infrastructure.gate.wire import optional, rules_of

_NAME = "gate"
_STANDARD_FEE = Decimal("0.002")

# The feed's line, whoever keeps the rules fresh, and whoever adds a market.
_CONNECTIONS = 4

_log = structlog.get_logger()


class _Public:
    """Tickers and time of a host."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._time = ServerTime(clock)
        self.reads = PublicReads(host, clock, self._time, exchange=_NAME, connections=_CONNECTIONS)

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """Best prices now."""
        return self.reads.tickers(only)

    def now_ms(self) -> int:
        """The exchange's time."""
        return self._time.now_ms()


class GatePublicFeed(GateMarketFeed):
    """The `MarketFeed` port without keys; the official SDK is not even loaded."""

    def __init__(self, clock: Clock, host: str = LIVE_HOST) -> None:
        self._public = _Public(host, clock)
        super().__init__(ws_url_of(host), self._public, clock)

    def rules(self, markets: Sequence[Market]) -> tuple[MarketRules, ...]:
        """Rules of those markets that Gate knows, with the fee of an account without any discount.

        Errors: `ExchangeUnavailable`.
        """
        from autotrader_v2.infrastructure.gate.retrying import read  # noqa: PLC0415 - not needed before

        wanted = {market.pair: market for market in markets}
        try:
            rows = read("the markets' rules", lambda: self._public.reads.pairs(wanted))
            return tuple(
                rules_of(row, wanted[pair], optional(row.fee) / HUNDRED or _STANDARD_FEE) for pair, row in rows.items()
            )
        except (ErrorAnswer, ValueError) as error:
            raise read_failure(error, "the markets' rules") from error

    def stop(self) -> None:
        """See the port."""
        super().stop()
        self._public.reads.close()


def reachable(host: str = LIVE_HOST, *, timeout_s: float = 3.0) -> bool:
    """Whether Gate answers there within that time. Any failure is a no."""
    answered = threading.Event()

    def ask() -> None:
        public = _Public(host, SystemClock())
        try:
            public.reads.measure_time(timeout_s)
        except (HTTPError, ErrorAnswer, ValueError, TradingError) as error:
            _log.info("Gate does not answer", host=host, error=type(error).__name__)
        else:
            answered.set()
        finally:
            public.reads.close()

    # On a thread of its own: looking a name up knows no time limit.
    asking = threading.Thread(target=ask, name="gate-reachable", daemon=True)
    asking.start()
    asking.join(timeout_s)
    return answered.is_set()
