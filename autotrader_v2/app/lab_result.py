"""What a run tells the page: figures, warnings in codes, curves and candles thinned to what a screen can show."""

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from autotrader_v2.app.backtest_figures import metrics_over, metrics_told, prices_of, told
from autotrader_v2.backtest.metrics import Metrics, Price, following, samples_of
from autotrader_v2.backtest.result import Rest, Result, Trade
from autotrader_v2.domain.money import HUNDRED, ONE, ZERO, plain, reported
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape

_POINTS = 320
# How much of the time has passed when the figures are counted, and when the curve is.
_FIGURES_SHARE, _CURVE_SHARE = 0.4, 0.9
_CANDLES_SHOWN = 360
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_STEPS_MIN = (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 10_080, 43_200)
_CYCLES_FEW = 20
_DAYS_FEW = 30


def told_of(
    result: Result,
    tapes: Sequence[CandleTape],
    fee: Decimal,
    on_part: Callable[[float], None] = lambda _share: None,
) -> dict[str, Any]:
    """The whole answer. `on_part`: the share of it that there is."""
    on_part(0)
    metrics = metrics_over(result, tapes, fee)
    on_part(_FIGURES_SHARE)
    curve = curve_of(result, prices_of(tapes), fee)
    on_part(_CURVE_SHARE)
    return {
        "figures": figures_of(result, metrics),
        "warnings": warnings_of(metrics, tapes),
        "curve": curve,
        "charts": [chart_of(tape, result.trades) for tape in tapes],
        "gaps": [
            {"symbol": tape.market.pair, "count": len(gaps), "ms": sum(end - begin for begin, end in gaps)}
            for tape in tapes
            if (gaps := tape.gaps())
        ],
        "candles": sum(map(len, tapes)),
        "data": fingerprint(tapes),
    }


def figures_of(result: Result, metrics: Metrics) -> dict[str, Any]:
    """Every figure by its name, money and percentages as text; None where there is none."""
    return metrics_told(metrics) | {
        "trades": len(result.trades),
        "fees": told(sum((_fee_quote(trade) for trade in result.trades), ZERO)),
        "longest_cycle_ms": longest_cycle_ms(result.trades, metrics.end_ms),
        "ladder_steps": result.ladder_steps,
        # Of what is told, so that the two add up to the profit that stands beside them.
        "unrealised": plain(reported(metrics.pnl) - reported(metrics.realised)),
    }


def warnings_of(metrics: Metrics, tapes: Sequence[CandleTape]) -> list[dict[str, Any]]:
    """What makes the figures mislead: codes with values."""
    days = (metrics.end_ms - metrics.begin_ms) // _DAY_MS
    gaps = [gap for tape in tapes for gap in tape.gaps()]
    found: list[tuple[str, Mapping[str, str]]] = []
    if metrics.ran_dry:
        found.append(("ran_dry", {"count": str(metrics.ran_dry)}))
    if metrics.unpaid:
        found.append(("unpaid", {"count": str(metrics.unpaid)}))
    if metrics.cycles_open and metrics.pnl < metrics.realised:
        found.append(("open_loss", {"amount": plain(reported(metrics.pnl - metrics.realised))}))
    if metrics.cycles_closed < _CYCLES_FEW:
        found.append(("few_cycles", {"count": str(metrics.cycles_closed)}))
    if days < _DAYS_FEW:
        found.append(("short", {"count": str(days)}))
    if gaps:
        found.append(("gaps", {"count": str(len(gaps))}))
    if metrics.buy_and_hold.pnl > metrics.pnl:
        found.append(("hold_better", {"amount": plain(reported(metrics.buy_and_hold.pnl))}))
    if len(tapes) == 1:
        found.append(("one_coin", {}))
    return [{"code": code, "values": dict(values)} for code, values in found]


def longest_cycle_ms(trades: Iterable[Trade], end_ms: int) -> int:
    """The longest time from a first buy to the last sale of its cycle, or to the end."""
    begun: dict[tuple[str, int], int] = {}
    over: dict[tuple[str, int], int] = {}
    for trade in trades:
        key = trade.symbol, trade.cycle_id
        begun.setdefault(key, trade.ts_ms)
        if trade.side == "sell" and trade.rest is not Rest.HELD:
            over[key] = trade.ts_ms
        else:
            over.pop(key, None)
        if trade.rest is Rest.RESTARTED:
            begun[following(trade)] = trade.ts_ms
    return max((over.get(key, end_ms) - at_ms for key, at_ms in begun.items()), default=0)


def curve_of(result: Result, prices: Sequence[Price], fee: Decimal) -> list[dict[str, Any]]:
    """Equity at the end of equal stretches of time, the worst fall inside each, and what buying and holding gave."""
    begin_ms, end_ms = prices[0].at_ms, prices[-1].at_ms
    each_ms = max(1, -(-(end_ms - begin_ms + 1) // _POINTS))
    symbols = {one.symbol for one in prices}
    bought: dict[str, Decimal] = {}
    worth: dict[str, Decimal] = {}
    peak, worst = result.budget, ZERO
    points: list[dict[str, Any]] = []
    part = result.budget / len(symbols)
    for at, (price, sample) in enumerate(zip(prices, samples_of(result.budget, result.trades, prices), strict=True)):
        bought.setdefault(price.symbol, part * (ONE - fee) / price.price)
        worth[price.symbol] = price.price
        peak = max(peak, sample.equity)
        worst = min(worst, (sample.equity - peak) * HUNDRED / peak)
        last = at + 1 == len(prices)
        if last or (prices[at + 1].at_ms - begin_ms) // each_ms > (price.at_ms - begin_ms) // each_ms:
            waits = part * (len(symbols) - len(bought))
            held = sum((coins * worth[symbol] for symbol, coins in bought.items()), waits)
            points.append(
                {
                    "time_ms": price.at_ms,
                    "equity": plain(reported(sample.equity)),
                    "fall_pct": plain(reported(worst)),
                    "hold": plain(reported(held)),
                }
            )
            worst = ZERO
    return points


def chart_of(tape: CandleTape, trades: Iterable[Trade]) -> dict[str, Any]:
    """Candles of a length that a screen has room for, and in which of them was bought and sold, how often, how deep."""
    span_ms = tape.open_ms[-1] - tape.open_ms[0] + tape.interval_ms[-1]
    shortest = max(tape.interval_ms)
    lengths = [step * _MINUTE_MS for step in _STEPS_MIN]
    each_ms = next((one for one in lengths if one >= shortest and span_ms / one <= _CANDLES_SHOWN), lengths[-1])
    begins: list[int] = []
    ohlc: list[list[int]] = []
    for open_ms, opened, high, low, closed in zip(
        tape.open_ms, tape.opened, tape.high, tape.low, tape.closed, strict=True
    ):
        begin = open_ms - open_ms % each_ms
        if not begins or begins[-1] != begin:
            begins.append(begin)
            ohlc.append([opened, high, low, closed])
        else:
            one = ohlc[-1]
            one[1], one[2], one[3] = max(one[1], high), min(one[2], low), closed
    marks: dict[tuple[int, str], list[int]] = {}
    symbol = tape.market.pair
    for trade in trades:
        if trade.symbol == symbol:
            at = begins[max(0, bisect_right(begins, trade.ts_ms) - 1)]
            mark = marks.setdefault((at, trade.side), [0, 0])
            mark[0] += 1
            mark[1] = max(mark[1], trade.step or 0)
    return {
        "symbol": symbol,
        "interval_ms": each_ms,
        "precision": max(0, -int(tape.tick.as_tuple().exponent)),
        "candles": [
            [begin, *(plain(ticks * tape.tick) for ticks in one)] for begin, one in zip(begins, ohlc, strict=True)
        ],
        "marks": [
            {"time_ms": at, "side": side, "count": count, "step": step}
            for (at, side), (count, step) in sorted(marks.items())
        ],
    }


def fingerprint(tapes: Iterable[CandleTape]) -> str:
    """The same for the same candles: which runs may be compared."""
    digest = hashlib.sha256()
    for tape in tapes:
        digest.update(f"{tape.market.pair} {tape.tick} {len(tape)}".encode())
        for column in (tape.open_ms, tape.opened, tape.high, tape.low, tape.closed):
            digest.update(_bytes(column))
    return digest.hexdigest()[:16]


def _bytes(column: "array[int]") -> bytes:
    return column.tobytes()


def _fee_quote(trade: Trade) -> Decimal:
    return trade.fee if trade.symbol.endswith(f"_{trade.fee_currency}") else trade.fee * trade.price
