"""Candles from Gate, over connections of their own: nothing that trades waits for a chart."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial

import msgspec
from urllib3.exceptions import HTTPError

from autotrader_v2.application.ports import Candle, Clock, ExchangeUnavailable
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
INTERVALS_MS: Mapping[str, int] = {name: length_ms for length_ms, name in _NAMES.items()}
_LIMIT_MAX = 1000
# Gate tells no candle that is more than 10,000 intervals old; some are kept back for the time that asking takes.
_POINTS_BACK = 9_990
_TIME_FRESH_S = 300.0
# Charts that are opened at once, in all tabs.
_CONNECTIONS = 16
_EXCHANGE = "gate"
_CLOSED = 7

_UNKNOWN_PAIR = "INVALID_CURRENCY_PAIR"

_rows = msgspec.json.Decoder(list[list[str]])


class UnknownPair(ExchangeUnavailable):
    """Gate has no such market: asking again does not help."""


class GateCandles:
    """The `CandleSource` port. `host` is a REST base URL; no key is sent."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._time = ServerTime(clock)
        self._reads = PublicReads(host, clock, self._time, exchange=_EXCHANGE, connections=_CONNECTIONS)

    def candles(self, market: Market, interval_ms: int, limit: int) -> Sequence[Candle]:
        """See the port. Intervals: 1, 5, 15, 30 minutes, 1, 4 hours, 1 day. Read once, never repeated."""
        query = {"currency_pair": market.pair, "interval": _NAMES[interval_ms], "limit": str(min(limit, _LIMIT_MAX))}
        try:
            return [_candle_of(row) for row in _rows.decode(self._reads.candlesticks(query))]
        except (ErrorAnswer, HTTPError, ValueError) as error:
            raise read_failure(error, f"the candles of {market.pair}") from error

    def history(self, market: Market, interval_ms: int, from_ms: int, to_ms: int) -> Iterator[Sequence[Candle]]:
        """Closed candles that begin in `[from_ms, to_ms)`, page by page, oldest first; what Gate lacks is missing.

        The range must not begin before `earliest_ms`. Each page is read repeatedly for some seconds when the
        connection fails. Errors: `ExchangeUnavailable`, of a market that is not known `UnknownPair`.
        """
        from autotrader_v2.infrastructure.gate.retrying import read  # noqa: PLC0415 - charts do without

        for begin_ms in range(from_ms, to_ms, _LIMIT_MAX * interval_ms):
            end_ms = min(begin_ms + _LIMIT_MAX * interval_ms, to_ms)
            query = {
                "currency_pair": market.pair,
                "interval": _NAMES[interval_ms],
                "from": str(begin_ms // 1000),
                # Gate counts the last one in.
                "to": str((end_ms - interval_ms) // 1000),
            }
            try:
                rows = read(f"the candles of {market.pair}", partial(self._page, query))
                candles = [_candle_of(row) for row in rows if len(row) <= _CLOSED or row[_CLOSED] == "true"]
            except (ErrorAnswer, ValueError) as error:
                if isinstance(error, ErrorAnswer) and error.label == _UNKNOWN_PAIR:
                    what = f"Gate does not know {market.pair}."
                    raise UnknownPair(what, do="Check its name, or leave it out.") from error
                raise read_failure(error, f"the candles of {market.pair}") from error
            yield [one for one in candles if begin_ms <= one.time_ms < end_ms]

    def _page(self, query: Mapping[str, str]) -> list[list[str]]:
        return _rows.decode(self._reads.candlesticks(query))

    def now_ms(self) -> int:
        """The exchange's time, asked for when it was not asked for lately. Errors: `ExchangeUnavailable`."""
        from autotrader_v2.infrastructure.gate.retrying import read  # noqa: PLC0415 - charts do without

        if self._time.age_s > _TIME_FRESH_S:
            try:
                read("its time", self._reads.measure_time)
            except ErrorAnswer as error:
                raise read_failure(error, "its time") from error
        return self._time.now_ms()

    def earliest_ms(self, interval_ms: int) -> int:
        """When the oldest candle begins that Gate still tells. Errors: `ExchangeUnavailable`."""
        return (self.now_ms() // interval_ms - _POINTS_BACK) * interval_ms

    def close(self) -> None:
        """Give connections back."""
        self._reads.close()


def _candle_of(row: list[str]) -> Candle:
    """Gate's order: seconds, quote volume, close, high, low, open, base volume, closed."""
    if len(row) < 6:
        raise ValueError(f"a candle has {len(row)} fields")
    close, high, low, opened = (amount(text) for text in row[2:6])
    if not Decimal(0) < low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("a candle's prices contradict each other")
    return Candle(int(row[0]) * 1000, opened, high, low, close, amount(row[6]) if len(row) > 6 else Decimal(0))
