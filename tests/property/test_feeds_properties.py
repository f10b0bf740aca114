"""Played prices, whatever they are: inside their candles, ordered by time, the same for the same seed, at any speed."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.feeds.candles import low_first, path_inside
from autotrader_v2.infrastructure.feeds.clock import CATCH_UP_S, PlayedClock
from autotrader_v2.infrastructure.feeds.player import Player
from autotrader_v2.infrastructure.feeds.quoter import Quoter
from autotrader_v2.infrastructure.feeds.sources import open_source

BTC = Market("gate", "BTC", "USDT")
COINS = [Market("gate", base, "USDT") for base in ("BTC", "ETH", "ODD1", "ODD2")]
T0 = 1_700_000_040_000
PATIENCE_S = 60


@st.composite
def candles(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Open, high, low, close in ticks, of a candle that can be."""
    low, opened, closed, high = (draw(st.integers(1, 10**9)) for _ in range(4))
    low, *middle, high = sorted((low, opened, closed, high))
    opened, closed = draw(st.permutations(middle))
    return opened, high, low, closed


@given(candle=candles(), points=st.integers(4, 40), low_before_high=st.booleans())
def test_a_path_touches_open_both_extremes_and_close_in_order(
    candle: tuple[int, int, int, int], points: int, low_before_high: bool
) -> None:
    opened, high, low, closed = candle
    path = path_inside(opened, high, low, closed, low_before_high=low_before_high, points=points)
    assert len(path) == points
    assert (path[0], path[-1]) == (opened, closed)
    assert all(low <= price <= high for price in path)
    first, second = (low, high) if low_before_high else (high, low)
    assert second in path[path.index(first) :]
    # The points between the corners are spread over the legs by length: no step is longer than its share of the way.
    way = abs(opened - first) + (high - low) + abs(closed - second)
    longest = max(abs(after - before) for before, after in pairwise(path))
    assert longest <= way / max(1, points - 4) + 1


@given(seed=st.integers(), open_ms=st.integers(0, 2**45))
def test_the_path_of_a_candle_depends_on_seed_market_and_time_alone(seed: int, open_ms: int) -> None:
    assert low_first(seed, "BTC_USDT", open_ms) == low_first(seed, "BTC_USDT", open_ms)


def test_both_paths_are_about_as_frequent() -> None:
    lows = sum(low_first(1, "BTC_USDT", T0 + minute * 60_000) for minute in range(2_000))
    assert 900 < lows < 1_100


@given(
    ticks=st.lists(st.integers(1, 10**9), min_size=1, max_size=20),
    decimals=st.integers(0, 10),
    base=st.sampled_from(["BTC", "DOGE", "PEPE"]),
)
def test_a_quote_lies_around_its_price_in_whole_ticks(ticks: list[int], decimals: int, base: str) -> None:
    tick = Decimal(1).scaleb(-decimals)
    quoter = Quoter(Market("gate", base, "USDT"), tick)
    for number in ticks:
        quote = quoter.quote(number, T0)
        assert 0 < quote.bid <= quote.last < quote.ask
        assert quote.last == number * tick
        assert all(price % tick == 0 for price in (quote.bid, quote.ask))
        assert (quote.ask - quote.bid) <= max(tick, quote.last / 1000)
        assert quote.bid_size
        assert quote.ask_size
        assert 5_000 < quote.bid_size * quote.bid < 100_000 or quote.bid * 2 < 20 * tick


@st.composite
def folders(draw: st.DrawFn) -> dict[str, list[str]]:
    """Csv texts of some markets on overlapping grids, with gaps."""
    files: dict[str, list[str]] = {}
    for name in draw(st.lists(st.sampled_from(["BTC_USDT", "ETH_USDT", "SOL_USDT"]), min_size=1, unique=True)):
        interval_s = draw(st.sampled_from([60, 300]))
        opens = sorted(draw(st.sets(st.integers(0, 30), min_size=2, max_size=8)))
        files[f"{name}_x.csv"] = [
            f"{T0 // 1000 + number * interval_s},{opened}.25,{high}.5,{low}.25,{closed}.25"
            for number, (opened, high, low, closed) in zip(
                opens, draw(st.lists(candles(), min_size=len(opens), max_size=len(opens))), strict=True
            )
        ]
    return files


@given(files=folders(), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_folder_is_ordered_by_time_and_repeatable(files: dict[str, list[str]], seed: int) -> None:
    with TemporaryDirectory() as folder:
        for name, rows in files.items():
            (Path(folder) / name).write_text("\n".join(["time,open,high,low,close", *rows]), encoding="utf-8")
        source = open_source(f"replay:{folder}", seed=seed)
        quotes = list(source.quotes())
        assert quotes == list(source.quotes()) == list(open_source(f"replay:{folder}", seed=seed).quotes())
    times = [quote.exchange_ms for quote in quotes]
    assert times == sorted(times)
    assert times[0] == source.start_ms
    assert {quote.market for quote in quotes} == set(source.markets)
    assert len(quotes) == 12 * sum(map(len, files.values()))


@given(
    seed=st.integers(0, 10**6),
    regime=st.sampled_from(["", ":calm", ":trend", ":crash", ":recovery"]),
    markets=st.lists(st.sampled_from(COINS), min_size=1, unique=True),
)
@settings(max_examples=25, deadline=None)
def test_the_same_seed_gives_the_same_market(seed: int, regime: str, markets: list[Market]) -> None:
    source = open_source(f"synthetic{regime}", seed=seed, markets=markets)
    quotes = list(islice(source.quotes(), 200))
    assert quotes == list(islice(open_source(f"synthetic{regime}", seed=seed, markets=markets).quotes(), 200))
    assert all(before.exchange_ms <= after.exchange_ms for before, after in pairwise(quotes))
    assert all(0 < quote.bid <= quote.last < quote.ask for quote in quotes)


class Wall:
    """Wall time that passes only when somebody sleeps, then by as much as asked and a drawn delay."""

    def __init__(self, delays: list[float]) -> None:
        self.now_s = 50.0
        self._delays = iter(delays)

    def monotonic_s(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.now_s += timeout_s + next(self._delays, 0.0)
        return event.is_set()


class Listed:
    """A source of given quotes."""

    def __init__(self, quotes: list[Quote]) -> None:
        self._quotes = quotes
        self.markets = tuple(dict.fromkeys(quote.market for quote in quotes))
        self.start_ms = quotes[0].exchange_ms

    def quotes(self) -> Iterator[Quote]:
        return iter(self._quotes)


@given(
    steps=st.lists(st.tuples(st.sampled_from(COINS), st.integers(0, 20_000)), min_size=1, max_size=25),
    delays=st.lists(st.one_of(st.floats(0, 0.2), st.floats(1, 5_000)), max_size=30),
    speed=st.sampled_from([0.5, 1.0, 7.0, 600.0, 10_000.0, None]),
)
@settings(max_examples=120, deadline=None)
def test_however_the_machine_stalls_prices_come_in_order_once_and_never_faster(
    steps: list[tuple[Market, int]], delays: list[float], speed: float | None
) -> None:
    """The clock never runs back, every real quote is handed on once, none more than the catch-up ahead of its time."""
    at_ms = T0
    quotes: list[Quote] = []
    for number, (market, pause_ms) in enumerate(steps):
        at_ms += pause_ms
        price = Decimal(100 + number)
        quotes.append(Quote(market, price, price + 1, price, at_ms, at_ms))
    wall = Wall(delays)
    clock = PlayedClock(T0, speed=speed, wall=wall)
    seen: list[tuple[Quote, int, float]] = []
    player = Player(
        Listed(quotes),
        on_quote=lambda quote: seen.append((quote, clock.now_ms(), wall.now_s)),
        speed=speed,
        clock=clock,
    )
    player.start()
    assert player.wait_finished(PATIENCE_S)
    assert player.error is None
    real = set(map(id, quotes))
    handed_on = [(quote, now_ms, wall_s) for quote, now_ms, wall_s in seen if id(quote) in real]
    assert [quote for quote, _, _ in handed_on] == quotes
    assert all(now_ms == quote.exchange_ms for quote, now_ms, _ in handed_on)
    assert all(before[1] <= after[1] for before, after in pairwise(seen))
    for market in COINS:
        times = [quote.exchange_ms for quote, _, _ in seen if quote.market == market]
        assert times == sorted(times)
        last_prices = [quote.last for quote, _, _ in seen if quote.market == market]
        assert list(dict.fromkeys(last_prices)) == [quote.last for quote in quotes if quote.market == market]
    if speed is not None:
        for (_, before_ms, before_s), (_, after_ms, after_s) in pairwise(handed_on):
            assert (after_ms - before_ms) / 1000 / speed <= after_s - before_s + CATCH_UP_S + 1e-3
