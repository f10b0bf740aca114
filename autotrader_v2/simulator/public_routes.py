"""What anybody may ask: time, markets, prices."""

from typing import Any

import msgspec

from autotrader_v2.domain.money import plain
from autotrader_v2.matching.matcher import Pit
from autotrader_v2.matching.tape import Bar
from autotrader_v2.simulator.desk import Desk
from autotrader_v2.simulator.errors import ApiError, bad_value
from autotrader_v2.simulator.params import Params, encoded
from autotrader_v2.simulator.shapes import (
    book_shape,
    currencies,
    currency_shape,
    pair_shape,
    public_trade_shape,
    ticker_shape,
)
from autotrader_v2.simulator.trading import LIST_LIMIT_MAX, page_of, period_of

INTERVALS_MS = {
    "1s": 1_000,
    "10s": 10_000,
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "8h": 28_800_000,
    "1d": 86_400_000,
    "7d": 604_800_000,
    "30d": 2_592_000_000,
}
_POINTS_MAX = 1_000
_HOUR_MS = 3_600_000
_POINTS_BACK_MAX = 10_000


def server_time(desk: Desk, _params: Params) -> dict[str, int]:
    """GET /spot/time"""
    return {"server_time": desk.clock_ms()}


def all_currencies(desk: Desk, _params: Params) -> list[dict[str, Any]]:
    """GET /spot/currencies"""
    return [currency_shape(currency, name) for currency, name in currencies(desk.core).items()]


def one_currency(desk: Desk, _params: Params, currency: str) -> dict[str, Any]:
    """GET /spot/currencies/{currency}"""
    name = currencies(desk.core).get(currency)
    if name is None:
        raise ApiError("INVALID_CURRENCY", f"Invalid currency {currency[:40]}")
    return currency_shape(currency, name)


def all_pairs(desk: Desk, _params: Params) -> list[dict[str, Any]]:
    """GET /spot/currency_pairs"""
    return [pair_shape(pit.rules, pit.book.profile.slippage, st=pit.st) for pit in desk.core.pits.values()]


def one_pair(desk: Desk, _params: Params, pair: str) -> dict[str, Any]:
    """GET /spot/currency_pairs/{currency_pair}"""
    pit = desk.core.pit(pair)
    return pair_shape(pit.rules, pit.book.profile.slippage, st=pit.st)


def tickers(desk: Desk, params: Params) -> list[Any]:
    """GET /spot/tickers; markets without any price yet are left out."""
    now_ms = desk.core.now_ms()
    if params.has("currency_pair"):
        pit = desk.core.pit(params.text("currency_pair"))
        return [ticker_shape(pit, now_ms, sizes=True)] if pit.book.quote else []
    return [_cached_ticker(desk, pit, now_ms) for pit in desk.core.pits.values() if pit.book.quote]


def order_book(desk: Desk, params: Params) -> dict[str, Any]:
    """GET /spot/order_book"""
    pit = desk.core.pit(params.needed("currency_pair"))
    limit = params.whole("limit", 10, least=1, most=_POINTS_MAX)
    with_id = params.text("with_id").lower() == "true"
    return book_shape(pit, limit, desk.core.now_ms(), with_id=with_id)


def trades(desk: Desk, params: Params) -> list[dict[str, Any]]:
    """GET /spot/trades, newest first"""
    pit = desk.core.pit(params.needed("currency_pair"))
    from_ms, to_ms = period_of(params)
    found = [
        trade
        for trade in reversed(pit.tape.prints)
        if trade.time_ms >= from_ms and (to_ms is None or trade.time_ms <= to_ms)
    ]
    return [public_trade_shape(trade) for trade in page_of(found, params, most=LIST_LIMIT_MAX)]


def candlesticks(desk: Desk, params: Params) -> list[list[str]]:
    """GET /spot/candlesticks, oldest first"""
    pit = desk.core.pit(params.needed("currency_pair"))
    name = params.text("interval", "30m")
    interval_ms = INTERVALS_MS.get(name)
    if interval_ms is None:
        raise bad_value("interval", name)
    now_ms = desk.core.now_ms()
    if params.has("limit") and (params.has("from") or params.has("to")):
        raise ApiError("INVALID_PARAM_VALUE", "limit cannot be used together with from and to")
    from_ms, to_ms = period_of(params)
    if not params.has("from"):
        points = params.whole("limit", 100, least=1, most=_POINTS_MAX)
        last_ms = now_ms if to_ms is None else to_ms
        from_ms = last_ms - last_ms % interval_ms - (points - 1) * interval_ms
    to_ms = now_ms if to_ms is None else to_ms
    if to_ms - from_ms >= _POINTS_MAX * interval_ms:
        raise ApiError(
            "INVALID_PARAM_VALUE",
            f"Candlestick range too broad. Maximum {_POINTS_MAX} data points are allowed per request",
        )
    if now_ms - from_ms > _POINTS_BACK_MAX * interval_ms:
        raise ApiError(
            "INVALID_PARAM_VALUE", f"Candlestick too long ago. Maximum {_POINTS_BACK_MAX} points ago are allowed"
        )
    return [_candle(bar, interval_ms, now_ms) for bar in pit.tape.bars(interval_ms, from_ms, to_ms)]


def margin_pairs(_desk: Desk, _params: Params) -> list[Any]:
    """GET /margin/currency_pairs: there is no margin here, but ccxt asks."""
    return []


def candle_update(pit: Pit, name: str, now_ms: int) -> dict[str, Any] | None:
    """The current candle as the WebSocket shows it; None without any price."""
    interval_ms = INTERVALS_MS[name]
    bars = pit.tape.bars(interval_ms, now_ms - now_ms % interval_ms, now_ms)
    if not bars:
        return None
    bar = bars[-1]
    return {
        "t": str(bar.open_ms // 1000),
        "v": plain(bar.quote),
        "c": plain(bar.close),
        "h": plain(bar.high),
        "l": plain(bar.low),
        "o": plain(bar.open),
        "n": f"{name}_{pit.rules.market.pair}",
        "a": plain(bar.base),
        "w": False,
    }


def _cached_ticker(desk: Desk, pit: Pit, now_ms: int) -> msgspec.Raw:
    """A ticker's JSON, made again only when the market moved or an hour passed: everybody asks for all of them."""
    pair, state = pit.rules.market.pair, (pit.book.update_id, pit.tape.sequence, now_ms // _HOUR_MS)
    known = desk.tickers.get(pair)
    if known is None or known[0] != state:
        known = desk.tickers[pair] = (state, msgspec.Raw(encoded(ticker_shape(pit, now_ms, sizes=False))))
    return known[1]


def _candle(bar: Bar, interval_ms: int, now_ms: int) -> list[str]:
    """Gate's column order: time, quote volume, close, high, low, open, base volume, whether it is over."""
    return [
        str(bar.open_ms // 1000),
        plain(bar.quote),
        plain(bar.close),
        plain(bar.high),
        plain(bar.low),
        plain(bar.open),
        plain(bar.base),
        "true" if bar.open_ms + interval_ms <= now_ms else "false",
    ]
