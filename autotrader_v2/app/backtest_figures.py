"""Figures of a result over its tapes, and how they are told: what `backtest`, the Lab and the exact search share."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from autotrader_v2.backtest.metrics import Line, Metrics, Price, merged, metrics_of
from autotrader_v2.backtest.metrics_of_one import Closes, metrics_of_one
from autotrader_v2.backtest.result import Result
from autotrader_v2.domain.money import plain, reported
from autotrader_v2.infrastructure.feeds.candle_tape import CandleTape


def prices_of(tapes: Iterable[CandleTape]) -> list[Price]:
    """The last price of every candle, in order of time."""
    return merged(
        [
            Price(open_ms + interval_ms, tape.market.pair, ticks * tape.tick)
            for open_ms, interval_ms, ticks in zip(tape.open_ms, tape.interval_ms, tape.closed, strict=True)
        ]
        for tape in tapes
    )


def metrics_over(result: Result, tapes: Sequence[CandleTape], fee: Decimal) -> Metrics:
    """All figures; those of one market in a tenth of the time."""
    if len(tapes) > 1:
        return metrics_of(result, prices_of(tapes), fee)
    (tape,) = tapes
    closes = Closes(symbol=tape.market.pair, tick=tape.tick, ends_ms=tape.ends_ms(), ticks=tape.closed.tolist())
    return metrics_of_one(result, closes, fee)


def metrics_told(metrics: Metrics) -> dict[str, Any]:
    """Every figure by its name; see `told`."""
    return {name: told(value) for name, value in asdict(metrics).items()}


def told(value: Any) -> Any:
    """Money and percentages as text, also inside; None where there is none."""
    if isinstance(value, Decimal):
        return plain(reported(value))
    if isinstance(value, Line):
        return {name: told(one) for name, one in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): told(one) for name, one in value.items()}
    return value
