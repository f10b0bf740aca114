"""A coin's chart: candles with the own fills and the levels the engine acts on. Only for people's eyes."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotrader_v2.application.floor import Floor
from autotrader_v2.application.ports import Candle, CandleSource, ExchangeUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.application.slot import Slot
from autotrader_v2.application.views import figure, text
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.money import plain

INTERVALS_MS: Mapping[str, int] = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}
CANDLES_MAX = 1000
_KEPT_S = 3.0
# A source that failed is left in peace for so long.
_FAILED_KEPT_S = 10.0
_CHARTS_KEPT = 64
_FILLS_MAX = 1000
_FILL_FIELDS = ("time_ms", "side", "why", "step", "price", "base", "quote", "client_id")


@dataclass(frozen=True, slots=True)
class _Read:
    candles: Sequence[Candle]
    until_s: float
    problem: ExchangeUnavailable | None = None


class Charts:
    """Thread-safe. Candles are read at most every three seconds for each chart, by the thread that asks."""

    def __init__(self, floor: Floor, source: CandleSource | None) -> None:
        self._floor = floor
        self._source = source
        self._lock = threading.Lock()
        self._turns: OrderedDict[tuple[Market, int, int], threading.Lock] = OrderedDict()
        self._read: dict[tuple[Market, int, int], _Read] = {}

    def view(self, slot: Slot, interval: str, limit: int) -> dict[str, Any]:
        """Candles oldest first, fills since the first of them, levels as they stand now.

        `problem`: why the candles are old or missing; None when they are fresh. Errors: `CommandRefused` (400).
        """
        if interval not in INTERVALS_MS:
            known = ", ".join(INTERVALS_MS)
            raise CommandRefused("bad_interval", f"The interval is one of {known}.", status=400, field="interval")
        read = self._candles(slot.market, INTERVALS_MS[interval], limit)
        since_ms = read.candles[0].time_ms if read.candles else 0
        newest = self._floor.journal.trades(slot.market, _FILLS_MAX)
        return {
            "symbol": slot.market.pair,
            "interval": interval,
            "candles": [_candle(one) for one in read.candles],
            "fills": [
                {name: one[name] for name in _FILL_FIELDS} for one in reversed(newest) if one["time_ms"] >= since_ms
            ],
            "levels": levels_of(slot),
            "problem": None if read.problem is None else {"code": "candles_unavailable", "message": str(read.problem)},
        }

    def _candles(self, market: Market, interval_ms: int, limit: int) -> _Read:
        key = market, interval_ms, limit
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
            self._turns.move_to_end(key)
            while len(self._turns) > _CHARTS_KEPT:
                gone, _ = self._turns.popitem(last=False)
                self._read.pop(gone, None)
        with turn:
            kept = self._read.get(key)
            if kept is not None and time.monotonic() < kept.until_s:
                return kept
            read = self._asked(market, interval_ms, limit, kept)
            with self._lock:
                if key in self._turns:
                    self._read[key] = read
            return read

    def _asked(self, market: Market, interval_ms: int, limit: int, kept: _Read | None) -> _Read:
        if self._source is None:
            return _Read((), float("inf"))
        try:
            return _Read(tuple(self._source.candles(market, interval_ms, limit)), time.monotonic() + _KEPT_S)
        except ExchangeUnavailable as error:
            return _Read(kept.candles if kept else (), time.monotonic() + _FAILED_KEPT_S, error)


def levels_of(slot: Slot) -> list[dict[str, Any]]:
    """Prices that mean something to the open cycle, each with its kind; none without a cycle."""
    cycle = slot.state.cycle
    if not isinstance(cycle, Active):
        return []
    levels = [
        _level("average", figure(cycle.invested / cycle.held)),
        _level("breakeven", text(cycle.breakeven)),
        _level("take_profit", text(cycle.sell_price)),
    ]
    levels += [_level("step", text(row.price), row.number) for row in cycle.table.rows[cycle.table.done :]]
    stop = cycle.stop_price
    return levels if stop is None else [*levels, _level("stop", figure(stop))]


def _level(kind: str, price: str | None, step: int | None = None) -> dict[str, Any]:
    return {"kind": kind, "step": step, "price": price}


def _candle(one: Candle) -> dict[str, Any]:
    return {
        "time_ms": one.time_ms,
        "open": plain(one.open),
        "high": plain(one.high),
        "low": plain(one.low),
        "close": plain(one.close),
        "volume": plain(one.volume),
    }
