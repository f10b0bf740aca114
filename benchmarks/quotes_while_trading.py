"""Quotes from a real WebSocket onto the board while 500 markets trade on paper with a journal on disk.

The other process sends so many a second: how many arrive, how old they are when they reach the board, and how much of
one core the whole engine takes. Aim: at least 20,000 a second.
"""

import sys
import time
from collections.abc import Collection, Sequence
from decimal import Decimal
from pathlib import Path

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.infrastructure.paper import PaperExchange
from benchmarks import report
from benchmarks.children import Child
from benchmarks.markets import markets, rules_of
from tests.engine import UNLIMITED, Engine

_AIM_PER_S = 20_000
_WARM_UP_S = 2.0
_STARTS_WITHIN_S = 30.0


class _NoReads:
    """Prices come over the WebSocket only."""

    def tickers(self, only: Collection[Market] | None = None) -> Sequence[Quote]:
        """See `TickerSource`."""
        return ()

    def now_ms(self) -> int:
        """See `TickerSource`."""
        return SystemClock().now_ms()


def measure(folder: Path, short: bool) -> report.Figures:
    """At the rate of the aim, then above it; an engine of its own for each."""
    count, rates = (20, (1000,)) if short else (500, (_AIM_PER_S, 30_000))
    figures: report.Figures = {"markets": count}
    for rate in rates:
        inside = folder / str(rate)
        inside.mkdir()
        figures[f"sent_{rate}_per_s"] = _measured(inside, count, rate, 0.5 if short else 10.0)
    figures["aim_per_s"] = _AIM_PER_S
    return figures


def _measured(folder: Path, count: int, rate: int, for_s: float) -> report.Figures:
    some, clock = markets(count), SystemClock()
    exchange = PaperExchange(rules_of(some), {"USDT": Decimal(10**9)}, clock=clock, seed=1)
    ages_ns: list[int] = []
    taken = 0

    def on_quote(quote: Quote) -> None:
        nonlocal taken
        taken += 1
        if not taken % 10:
            ages_ns.append(time.time_ns() - quote.exchange_ms * 1_000_000)
        engine.feed.tell(quote)

    with (
        Child("prices_process", str(rate / count)) as prices,
        Engine(exchange, exchange.feed, some, folder, config=UNLIMITED, on=some) as engine,
    ):
        feed = GateMarketFeed(prices.url, _NoReads(), clock)
        feed.start(some, on_quote)
        try:
            _wait_for_cycles(engine)
            time.sleep(_WARM_UP_S / 4 if for_s < _WARM_UP_S else _WARM_UP_S)
            orders, before, cpu_s, began_s = _orders(engine), taken, time.process_time(), time.perf_counter()
            ages_ns.clear()
            time.sleep(for_s)
            took_s = time.perf_counter() - began_s
            return {
                "quotes_per_s": round((taken - before) / took_s),
                "orders_per_s": round((_orders(engine) - orders) / took_s, 1),
                "cores_used": round((time.process_time() - cpu_s) / took_s, 2),
                "age_at_board": report.spread(ages_ns),
                "bad_messages": feed.bad_messages,
            }
        finally:
            feed.stop()


def _wait_for_cycles(engine: Engine) -> None:
    """Until nearly every market has begun its first cycle; the storm of starts is not what is measured."""
    ends_s = time.monotonic() + _STARTS_WITHIN_S
    slots = engine.trader.get_all_cycles()
    while (begun := sum(slot.state.cycle.tally.last_cycle_id > 0 for slot in slots)) < 0.95 * len(slots):
        if time.monotonic() > ends_s:
            raise AssertionError(f"only {begun} of {len(slots)} markets began to trade")
        time.sleep(0.05)


def _orders(engine: Engine) -> int:
    """How many trades were booked so far; each order here is one."""
    return len(engine.journal.trades(None, 1_000_000))


if __name__ == "__main__":
    sys.exit(report.main("quotes_while_trading", measure))
