"""The synthetic market: the same on every machine, lively, crashing together, bounded."""

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from itertools import islice, takewhile

import pytest

from autotrader_v2.app.values import ROOT
from autotrader_v2.domain.ladder import LadderParams, planned
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.errors import SourceBadData
from autotrader_v2.infrastructure.feeds.sources import PriceSource, open_source
from autotrader_v2.infrastructure.feeds.synthetic import REGIMES

BTC = Market("gate", "BTC", "USDT")
UNKNOWN = Market("gate", "NOBODYKNOWS", "USDT")
CROSS = Market("gate", "ETH", "BTC")
# Of the first 5,000 quotes with seed 7. Computed once: whoever changes the market on purpose changes it here.
SEVEN = "02971661d125209e"


def first(count: int, source: PriceSource) -> list[Quote]:
    return list(islice(source.quotes(), count))


def during(seconds: int, source: PriceSource) -> Iterator[Quote]:
    until_ms = source.start_ms + seconds * 1000
    return takewhile(lambda quote: quote.exchange_ms < until_ms, source.quotes())


def fingerprint(quotes: list[Quote]) -> str:
    return sha256("\n".join(map(repr, quotes)).encode()).hexdigest()[:16]


def test_the_same_seed_gives_the_same_quotes_in_every_process_and_on_every_platform() -> None:
    source = open_source("synthetic", seed=7)
    assert fingerprint(first(5_000, source)) == fingerprint(first(5_000, source)) == SEVEN
    assert first(50, open_source("synthetic", seed=8)) != first(50, source)
    script = (
        "from tests.unit.test_feeds_synthetic import fingerprint, first, open_source\n"
        "print(fingerprint(first(5_000, open_source('synthetic', seed=7))))"
    )
    for hash_seed in ("1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.strip() == SEVEN


def test_a_market_is_the_same_whatever_is_quoted_beside_it() -> None:
    alone = first(500, open_source("synthetic", seed=3, markets=[BTC]))
    among = [quote for quote in during(600, open_source("synthetic", seed=3)) if quote.market == BTC]
    assert among[:500] == alone


def test_a_later_start_moves_the_times_and_nothing_else() -> None:
    early, late = (open_source("synthetic", seed=3, start_ms=start_ms) for start_ms in (1_000_000, 5_000_000))
    assert late.start_ms == 5_000_000
    moved = [quote._replace(exchange_ms=quote.exchange_ms + 4_000_000) for quote in first(200, early)]
    assert [quote._replace(confirmed_ms=quote.exchange_ms) for quote in moved] == first(200, late)


@pytest.mark.parametrize("spec", ["synthetic", *(f"synthetic:{regime}" for regime in REGIMES)])
def test_quotes_are_whole_ticks_in_order_and_never_a_second_apart(spec: str) -> None:
    ticks = {BTC: Decimal("0.1"), UNKNOWN: Decimal("0.00001")}
    source = open_source(spec, seed=5, markets=[BTC, UNKNOWN, CROSS], ticks=ticks)
    assert source.markets == (BTC, UNKNOWN, CROSS)
    newest: dict[Market, int] = dict.fromkeys(source.markets, source.start_ms)
    before_ms = source.start_ms
    for quote in during(300, source):
        assert before_ms <= quote.exchange_ms == quote.confirmed_ms
        before_ms = quote.exchange_ms
        assert quote.exchange_ms - newest[quote.market] <= 1000
        newest[quote.market] = quote.exchange_ms
        assert 0 < quote.bid <= quote.last < quote.ask
        assert quote.spread_pct < 1
        tick = ticks.get(quote.market)
        assert tick is None or not any(price % tick for price in (quote.bid, quote.ask, quote.last))
        assert quote.bid_size
        assert quote.ask_size
        assert quote.bid_size * quote.bid > 5_000


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_watcher_sees_rebuys_and_completed_cycles_within_five_minutes(seed: int) -> None:
    """With the default ladder on a dozen coins at speed 1; filled at the shown prices."""
    steps: dict[Market, int] = {}
    tables = {}
    starts = rebuys = cycles = 0
    for quote in during(300, open_source("synthetic", seed=seed)):
        market = quote.market
        rules = MarketRules(market=market, price_precision=10, amount_precision=10, fee=Decimal("0.002"))
        if market not in tables:
            tables[market] = planned(LadderParams(), rules, quote.ask)
            steps[market] = 0
            starts += 1
            continue
        rows = tables[market].rows
        step = steps[market]
        if quote.bid >= rows[step].take_profit:
            del tables[market]
            cycles += 1
        elif step + 1 < len(rows) and quote.ask <= rows[step + 1].price:
            steps[market] += 1
            rebuys += 1
    assert starts >= 12
    assert rebuys >= 5
    assert cycles >= 5


def test_crashes_come_together() -> None:
    source = open_source("synthetic:crash", seed=2)
    begin: dict[Market, Decimal] = {}
    lowest: dict[Market, Decimal] = {}
    for quote in during(300, source):
        begin.setdefault(quote.market, quote.last)
        lowest[quote.market] = min(quote.last, lowest.get(quote.market, quote.last))
    falls = [1 - lowest[market] / begin[market] for market in source.markets]
    assert sum(fall > Decimal("0.04") for fall in falls) >= 9


@pytest.mark.parametrize("regime", REGIMES)
def test_prices_stay_in_a_believable_range_for_hours(regime: str) -> None:
    source = open_source(f"synthetic:{regime}", seed=4, markets=[BTC])
    begin = next(iter(source.quotes())).last
    for quote in during(3 * 3600, source):
        assert begin / 5 < quote.last < begin * 5


def test_a_price_step_above_the_price_is_refused() -> None:
    with pytest.raises(SourceBadData, match="price step"):
        open_source("synthetic", markets=[BTC], ticks={BTC: Decimal(1_000_000)})
