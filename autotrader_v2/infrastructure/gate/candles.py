"""Candles from Gate, over connections of their own: nothing that trades waits for a chart."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import Candle, Clock
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import amount
from autotrader_v2.infrastructure.gate.answers import ErrorAnswer, read_failure
from autotrader_v2.infrastructure.gate.public_reads import PublicReads
from autotrader_v2.infrastructure.gate.server_time import ServerTime

_NAMES = {
    60_000: "1m",
    300_000: "5m",
    900_000: "15m",
    1_800_000: "30m",
    3_600_000: "1h",
    14_400_000: "4h",
    86_400_000: "1d",
}
_LIMIT_MAX = 1000
_EXCHANGE = "gate"

_rows = msgspec.json.Decoder(list[list[str]])


class GateCandles:
    """The `CandleSource` port. `host` is a REST base URL; no key is sent."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._reads = PublicReads(host, clock, ServerTime(clock), exchange=_EXCHANGE)

    def candles(self, market: Market, interval_ms: int, limit: int) -> Sequence[Candle]:
        """See the port. Intervals: 1, 5, 15, 30 minutes, 1, 4 hours, 1 day. Read once, never repeated."""
        query = {"currency_pair": market.pair, "interval": _NAMES[interval_ms], "limit": str(min(limit, _LIMIT_MAX))}
        try:
            return [_candle_of(row) for row in _rows.decode(self._reads.candlesticks(query))]
        except (ErrorAnswer, HTTPError, ValueError) as error:
            raise read_failure(error, f"the candles of {market.pair}") from error


def _candle_of(row: list[str]) -> Candle:
    """Gate's order: seconds, quote volume, close, high, low, open, base volume, closed."""
    if len(row) < 6:
        raise ValueError(f"a candle has {len(row)} fields")
    close, high, low, opened = (amount(text) for text in row[2:6])
    if not Decimal(0) < low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("a candle's prices contradict each other")
    return Candle(int(row[0]) * 1000, opened, high, low, close, amount(row[6]) if len(row) > 6 else Decimal(0))
