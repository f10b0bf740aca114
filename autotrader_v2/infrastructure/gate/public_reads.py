"""What Gate tells everybody: time, prices, books, market rules. No key, no SDK, so paper mode starts quickly."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlencode

import certifi
import msgspec
import structlog
import urllib3

from autotrader_v2.application.ports import Clock, ExchangeUnavailable
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import amount
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.gate import wire
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, error_answer, read_failure
from autotrader_v2.infrastructure.gate.budget import READ, Budget
from autotrader_v2.infrastructure.gate.connections import POOLS
from autotrader_v2.infrastructure.gate.server_time import ServerTime

_CONNECT_S = 3
_READ_S = 8
_OK = 200
_PATIENCE_S = 2.0
_TIME_FRESH_S = 300.0
_BOOK_LEVELS = 50

_log = structlog.get_logger()


class PublicReads:
    """Public endpoints of one host. Thread-safe; nothing is repeated here.

    `connections`: how many threads read at once; each keeps one, and a further one would be made anew for each read.
    Errors of every call unless it says otherwise: `ErrorAnswer`, `urllib3.exceptions.HTTPError`, ValueError for an
    answer that cannot be read, `ExchangeUnavailable` when our own rate budget is used up.
    """

    def __init__(self, host: str, clock: Clock, time: ServerTime, *, exchange: str, connections: int) -> None:
        self._host = host
        self._clock = clock
        self._time = time
        self._exchange = exchange
        self.budget = Budget(clock, READ)
        self._last: dict[str, Decimal] = {}
        self._pools = urllib3.PoolManager(
            num_pools=1, maxsize=connections, retries=False, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()
        )
        self._pools.pool_classes_by_scheme = dict(POOLS)
        self._headers = {"Accept": "application/json", **urllib3.make_headers(accept_encoding="gzip")}

    def measure_time(self, timeout_s: float = _READ_S) -> None:
        """Compare the clocks once."""
        began_s = self._clock.monotonic_s()
        body = wire.time_of(self._get("/spot/time", timeout_s=timeout_s))
        self._time.measured(body.server_time, began_s)

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """Best prices of all markets (or of `only` these) in one read; a market without both prices is left out.

        `exchange_ms` is the exchange's time when the read began. Errors: `ExchangeUnavailable`.
        """
        try:
            if self._time.age_s > _TIME_FRESH_S:
                self.measure_time()
            began_ms, exchange_ms = self._clock.now_ms(), self._time.now_ms()
            body = self._get("/spot/tickers")
            rows = _ticker_rows(body)
        except (ErrorAnswer, urllib3.exceptions.HTTPError, ValueError) as error:
            raise read_failure(error, "its prices") from error
        wanted = None if only is None else {market.pair for market in only}
        quotes = []
        for row in rows:
            if wanted is None or row.currency_pair in wanted:
                quote = self._ticker(row, exchange_ms, began_ms)
                if quote is not None:
                    quotes.append(quote)
        return quotes

    def book(self, market: Market) -> Quote:
        """The order book with its levels. Errors: `ExchangeUnavailable` for one that is empty on a side."""
        began_ms = self._clock.now_ms()
        query = {"currency_pair": market.pair, "limit": str(_BOOK_LEVELS)}
        body = wire.book_of(self._get("/spot/order_book", query))
        bids, asks = wire.levels_of(body.bids), wire.levels_of(body.asks)
        if not bids or not asks:
            # A sister host of Gate answers a request beyond its limits with an empty book instead of an error.
            raise ExchangeUnavailable(f"The book of {market.pair} is empty on one side.", do="It is asked again.")
        return Quote(
            market,
            bid=bids[0][0],
            ask=asks[0][0],
            last=self._last.get(market.pair, bids[0][0]),
            exchange_ms=body.current,
            confirmed_ms=began_ms,
            bid_size=bids[0][1],
            ask_size=asks[0][1],
            bids=bids,
            asks=asks,
            from_book_read=True,
        )

    def pairs(self, wanted: Collection[str]) -> Mapping[str, wire.PairRow]:
        """Rules of these pairs; one that is unknown there, or whose row cannot be read, is missing."""
        rows = {}
        for raw in wire.rows_of(self._get("/spot/currency_pairs")):
            try:
                row = wire.pair_of(raw)
            except msgspec.ValidationError as error:
                _log.warning("a market of Gate.io cannot be read", error=str(error))
                continue
            if row.id in wanted:
                rows[row.id] = row
        return rows

    def candlesticks(self, query: Mapping[str, str]) -> bytes:
        """The answer to a question for candles, as it came."""
        return self._get("/spot/candlesticks", query)

    def close(self) -> None:
        """Give connections back."""
        self._pools.clear()

    def _ticker(self, row: wire.TickerRow, exchange_ms: int, began_ms: int) -> Quote | None:
        if not (row.last and row.lowest_ask and row.highest_bid):
            return None
        try:
            bid, ask, last = amount(row.highest_bid), amount(row.lowest_ask), amount(row.last)
        except ValueError:
            return None
        if bid <= 0 or ask <= 0 or last <= 0:
            return None
        self._last[row.currency_pair] = last
        return Quote(wire.market_of(row.currency_pair, self._exchange), bid, ask, last, exchange_ms, began_ms)

    def _get(self, path: str, query: Mapping[str, str] | None = None, *, timeout_s: float = _READ_S) -> bytes:
        if not self.budget.take(path, _PATIENCE_S):
            raise ExchangeUnavailable("Too many reads of Gate.io's prices at once.", do="They are read a little later.")
        url = f"{self._host}{path}?{urlencode(query)}" if query else f"{self._host}{path}"
        timeout = urllib3.Timeout(connect=min(_CONNECT_S, timeout_s), read=timeout_s)
        answer = self._pools.request("GET", url, headers=self._headers, timeout=timeout)
        if answer.status != _OK:
            error = error_answer(answer.status, answer.data, answer.headers)
            if error.is_limit:
                self.budget.close(path, error.reset_ms - self._time.now_ms())
            raise error
        return answer.data


def _ticker_rows(body: bytes) -> list[wire.TickerRow]:
    """All rows; when one cannot be read, the others are read one by one."""
    try:
        return wire.tickers_of(body)
    except msgspec.ValidationError:
        rows = []
        for raw in wire.rows_of(body):
            try:
                rows.append(wire.ticker_of(raw))
            except msgspec.ValidationError as error:
                _log.warning("a price of Gate.io cannot be read", error=str(error))
        return rows
