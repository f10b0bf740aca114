"""Wrong prices and real crashes on the real engine with its usual limits: rows M8, M11; late decisions: row P19."""

import random
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.events import Intended, Record
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.limits import FEW_MINUTES_MS, OrderLimits
from autotrader_v2.domain.money import HUNDRED, floor_to
from autotrader_v2.domain.orders import Fill, Side
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import table_for
from tests.engine import Engine
from tests.played import APART_MS, BEGINS_MS, Played

D = Decimal
(ETH,) = table_for(("ETH",))
PER_MIN = 60_000 // APART_MS
START = D(2500)


def quiet(minutes: float) -> list[Decimal]:
    """A price that stays where it is."""
    return [START] * round(minutes * PER_MIN)


def buys(trades: Sequence[Fill]) -> list[Fill]:
    return [fill for fill in trades if fill.side is Side.BUY]


# Of the true price. A single wrong price of less than 20 % passes the screen and is stopped by the band.
WRONG = ("0.80", "0.79", "0.5", "0.1", "0.01", "1.21", "1.99", "10", "0.94", "0.85")


@pytest.mark.parametrize("times", WRONG)
def test_m8_a_single_wrong_price_places_no_order(tmp_path: Path, times: str) -> None:
    """A cycle is open, its next buy 3 % away and its exit nearer: every wrong price would trade, the true ones not."""
    wrong = floor_to(START * D(times), ETH.tick)
    run = Played(
        ETH,
        quiet(4),
        tmp_path,
        {"start_quote": "20", "drop_step_pct": "3", "max_slippage_pct": "50", "rebuy_pause_s": "0"},
        wrong={3 * PER_MIN: wrong},
    ).run()
    assert [fill.side for fill in run.trades] == [Side.BUY], "the start buy, and nothing after it"
    cycle = run.cycle
    assert isinstance(cycle, Active)
    assert wrong <= cycle.table.rows[cycle.table.done].price or wrong >= cycle.take_profit, "it would have traded"
    held = [row["reason"] for row in run.decisions if row["kind"] == "hold"]
    within = abs(D(times) - 1) < D("0.20") or times == "0.80"
    assert ("outside_band" in held) is within, held


def test_m8_wrong_prices_of_every_size_place_no_order(tmp_path: Path) -> None:
    """A hundred of them at random in ten minutes, none next to another; the seed repeats it."""
    seed = 20261121
    rng = random.Random(seed)
    places = rng.sample(range(2 * PER_MIN, 10 * PER_MIN, 4), 100)
    wrong = {at: floor_to(START * D(str(round(rng.uniform(0.01, 0.94), 4))), ETH.tick) for at in places}
    params = {"start_quote": "20", "drop_step_pct": "3", "max_slippage_pct": "50", "rebuy_pause_s": "0"}
    run = Played(ETH, quiet(10), tmp_path, params, wrong=wrong).run()
    assert [fill.side for fill in run.trades] == [Side.BUY], seed


def test_m8_without_the_band_the_order_book_is_the_second_source_that_says_no(tmp_path: Path) -> None:
    """A wrong price inside the screen: 5 % from the last one the book is read first, and it tells the true price."""
    off = TraderConfig(order_limits=OrderLimits.none())
    params = {"start_quote": "20", "drop_step_pct": "3", "max_slippage_pct": "50", "rebuy_pause_s": "0"}
    wrong = {3 * PER_MIN: floor_to(START * D("0.85"), ETH.tick)}
    run = Played(ETH, quiet(4), tmp_path, params, wrong=wrong, config=off).run()
    assert len(buys(run.trades)) == 1


def a_crash() -> list[Decimal]:
    """Three minutes of rest, -40 % in one minute, twelve minutes at the bottom, back up above everything."""
    low = START * D("0.6")
    fall = [START - (START - low) * at / PER_MIN for at in range(1, PER_MIN + 1)]
    rise = [low + (START * D("1.1") - low) * at / (4 * PER_MIN) for at in range(1, 4 * PER_MIN + 1)]
    path = [*quiet(3), *fall, *([low] * (12 * PER_MIN)), *rise, *([START * D("1.1")] * PER_MIN)]
    return [floor_to(price, ETH.tick) for price in path]


CRASH = {
    "start_quote": "20",
    "steps": 12,
    "drop_step_pct": "2",
    "drop_growth_pct": "0",
    "size_mode": "fixed",
    "rebuy_pause_s": "15",
    "max_slippage_pct": "1",
    "profit_pct": "1",
}


@pytest.mark.parametrize(
    "limits",
    [
        OrderLimits(),
        OrderLimits(band_pct=D(0)),
        OrderLimits(band_pct=D(0), coin_orders_5min=3),
        OrderLimits(coin_orders_5min=2, coin_orders_day=5),
    ],
    ids=["usual", "no band", "three in five minutes", "five a day"],
)
def test_m11_real_crash_is_averaged_into_within_every_limit_and_never_sold_at_a_loss(
    tmp_path: Path, limits: OrderLimits
) -> None:
    """-40 % in one minute: pauses between rungs, orders per five minutes and a day, band, total cap; then the exit."""
    prices = a_crash()
    config = TraderConfig(order_limits=limits)
    run = Played(ETH, prices, tmp_path, CRASH, config=config, total_budget="130").run()
    sales = [at for at, fill in enumerate(run.trades) if fill.side is Side.SELL]
    assert sales, "it rises above every threshold in the end"
    first_cycle = buys(run.trades[: sales[0]])
    times = [fill.time_ms for fill in buys(run.trades)]
    assert len(first_cycle) > 1, "the crash was averaged into"
    for before, after in pairwise(first_cycle):
        assert after.time_ms - before.time_ms >= 15_000, "the pause between rungs"
        assert after.price < before.price * D("1.01")
    for first, last in zip(times, times[limits.coin_orders_5min :], strict=False):
        assert last - first >= FEW_MINUTES_MS, "orders per five minutes"
    assert len(times) <= limits.coin_orders_day
    assert sum(fill.quote for fill in first_cycle) <= D(130), "the total cap"
    if limits.band_pct:
        for fill in first_cycle[1:]:
            assert_within_the_band(fill, prices, limits.band_pct)
    # Break-even once more, from the fills alone: what the coins cost, over what is left of them after both fees.
    coins = sum((fill.base_received for fill in first_cycle), D(0))
    cost = sum((fill.quote for fill in first_cycle), D(0))
    sale = run.trades[sales[0]]
    proceeds = sale.quote_received
    assert sale.price >= cost / (coins * (1 - ETH.fee))
    assert proceeds > cost * sale.base / coins, "no sale at a loss"


def assert_within_the_band(fill: Fill, prices: Sequence[Decimal], band_pct: Decimal) -> None:
    """Against medians of the true prices of the five minutes before, one each 5 s, whichever half second was first."""
    newest = (fill.time_ms - BEGINS_MS) // APART_MS
    distances = []
    for phase in range(10):
        window = sorted(prices[at] for at in range(phase, newest + 1, 10) if at > newest - 5 * PER_MIN)
        distances.append(abs(fill.price / (window[len(window) // 2] + ETH.tick / 2) - 1) * HUNDRED)
    assert min(distances) <= band_pct, (fill, distances)


def test_p19_late_decisions_are_dropped_and_not_sent_after_a_slow_disk(tmp_path: Path) -> None:
    """The intent takes two seconds to become durable: nothing is sent, the market goes on with the next price."""
    paper = PaperExchange([ETH], {"USDT": D(1000)}, clock=SystemClock())
    config = TraderConfig(loop_interval_s=0.05)
    with Engine(
        paper,
        paper.feed,
        [ETH.market],
        tmp_path,
        account_feed=paper,
        config=config,
        slow_commit_ms=config.slow_commit_ms,
    ) as engine:
        write: Any = engine.journal.write
        slow = [True]
        intended: list[str] = []

        def fsync_of_two_seconds(*records: Record) -> None:
            write(*records)
            mine = [one.intent.client_id for one in records if isinstance(one, Intended)]
            if mine and slow[0]:
                intended.extend(mine)
                time.sleep(2)

        engine.journal.write = fsync_of_two_seconds  # type: ignore[method-assign]
        engine.until_price("ETH", START, "a price", lambda: engine.floor.board.newest(ETH.market))
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", START, "the slow write is over", lambda: _ended(engine, intended))
        assert paper.own_trades(ETH.market, 0) == (), "dropped, not executed late"
        slow[0] = False
        engine.until_price("ETH", START, "a later decision buys", lambda: engine.state("ETH") == "ACTIVE")
        assert len(paper.own_trades(ETH.market, 0)) == 1


def _ended(engine: Engine, intended: Sequence[str]) -> bool:
    rows = {row["client_id"]: row for row in engine.journal.orders(None, 10)}
    return bool(intended) and rows.get(intended[0], {}).get("outcome") == "not_sent"
