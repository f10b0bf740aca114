"""A coin's chart: candles of what was told, recorded or read, with the real engine's fills and levels."""

import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from autotrader_v2.application.chart import Charts
from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import Candle, ExchangeUnavailable
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.market import Market
from autotrader_v2.domain.quotes import Quote
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.feeds.recorded_candles import RecordedCandles
from autotrader_v2.infrastructure.gate.candles import GateCandles
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import rules_for
from tests.engine import Engine
from tests.integration.simulated import a_simulator

ETH = rules_for("ETH")
D = Decimal
MINUTE_MS = 60_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    paper = PaperExchange([ETH], {"USDT": D(1000)}, clock=SystemClock())
    config = TraderConfig(loop_interval_s=0.05)
    with Engine(paper, paper.feed, [ETH.market], tmp_path, account_feed=paper, config=config) as one:
        yield one


class Source:
    """Answers with one candle, or fails; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.wait = threading.Event()
        self.wait.set()

    def candles(self, market: Market, interval_ms: int, limit: int) -> Sequence[Candle]:
        """See the port."""
        self.asked += 1
        self.wait.wait(5)
        if self.fails:
            raise ExchangeUnavailable("The candles cannot be read.", do="They are read again.")
        return [Candle(interval_ms, D(1), D(3), D(1), D(2), D(5))]


def test_a_chart_shows_candles_fills_and_levels(engine: Engine) -> None:
    """Every number is text; a level says what it means."""
    engine.desk.switch("ETH", "on", "test")
    engine.until_price("ETH", "2500", "a start buy", lambda: engine.state("ETH") == "ACTIVE")
    told = engine.desk.chart("eth/usdt", "1m", 10)
    assert (told["symbol"], told["interval"], told["problem"]) == ("ETH_USDT", "1m", None)
    assert {D(one["close"]) for one in told["candles"]} == {D(2500)}
    fill = told["fills"][0]
    assert set(fill) == {"time_ms", "side", "why", "step", "price", "base", "quote", "client_id"}
    assert (fill["side"], fill["step"]) == ("buy", 0)
    coin = engine.desk.coin("ETH")
    levels = told["levels"]
    assert [one["kind"] for one in levels[:4]] == ["average", "breakeven", "take_profit", "step"]
    assert levels[1]["price"] == coin["breakeven"]
    assert levels[2]["price"] == coin["take_profit"]
    assert levels[3] == {"kind": "step", "step": 1, "price": coin["next_buy"]["price"]}


def test_an_idle_coin_has_no_levels(engine: Engine) -> None:
    """And a strange interval is refused."""
    assert engine.desk.chart("ETH", "1h", 5)["levels"] == []
    with pytest.raises(CommandRefused, match="interval"):
        engine.desk.chart("ETH", "7m", 5)


def test_candles_are_read_once_for_many_who_ask(engine: Engine) -> None:
    """Kept some seconds; those who ask at the same moment wait for one read."""
    source = Source()
    charts = Charts(engine.floor, source)
    source.wait.clear()
    slot = engine.slot("ETH")
    asking = [threading.Thread(target=charts.view, args=(slot, "1m", 10)) for _ in range(5)]
    for one in asking:
        one.start()
    source.wait.set()
    for one in asking:
        one.join(5)
    assert charts.view(slot, "1m", 10)["candles"][0]["volume"] == "5"
    assert source.asked == 1


def test_a_source_that_fails_leaves_fills_and_levels(engine: Engine) -> None:
    """The chart says why its candles are missing; nothing raises, and the source is not asked again at once."""
    source = Source()
    source.fails = True
    charts = Charts(engine.floor, source)
    told = charts.view(engine.slot("ETH"), "1m", 10)
    assert told["candles"] == []
    assert told["problem"]["code"] == "candles_unavailable"
    charts.view(engine.slot("ETH"), "1m", 10)
    assert source.asked == 1


def test_recorded_minutes_become_longer_candles() -> None:
    """First, highest, lowest, last; the oldest are forgotten first."""
    kept = RecordedCandles(1)
    market = ETH.market
    for at_ms, price in ((0, 10), (20_000, 14), (50_000, 8), (MINUTE_MS, 9), (5 * MINUTE_MS, 20)):
        kept.note(Quote(market, D(price), D(price), D(price), at_ms, at_ms))
    assert list(kept.candles(market, MINUTE_MS, 10)) == [
        Candle(0, D(10), D(14), D(8), D(8), D(0)),
        Candle(MINUTE_MS, D(9), D(9), D(9), D(9), D(0)),
        Candle(5 * MINUTE_MS, D(20), D(20), D(20), D(20), D(0)),
    ]
    assert next(iter(kept.candles(market, 5 * MINUTE_MS, 10))) == Candle(0, D(10), D(14), D(8), D(9), D(0))
    assert len(kept.candles(market, MINUTE_MS, 2)) == 2
    assert list(kept.candles(Market("gate", "X", "USDT"), MINUTE_MS, 2)) == []


def test_gate_tells_candles() -> None:
    """Read from the simulator over HTTP, in Gate's own order of fields."""
    with a_simulator() as sim:
        for price in ("64.00", "70.00", "60.00", "65.00"):
            sim.price("LTC_USDT", price, str(D(price) + D("0.01")))
        source = GateCandles(sim.url, SystemClock())
        told = source.candles(Market("gate", "LTC", "USDT"), MINUTE_MS, 5)
        newest = told[-1]
        assert newest.low <= newest.close <= newest.high
        assert newest.time_ms % MINUTE_MS == 0
        with pytest.raises(ExchangeUnavailable):
            source.candles(Market("gate", "NOPE", "USDT"), MINUTE_MS, 5)
    with pytest.raises(ExchangeUnavailable):
        GateCandles(sim.url, SystemClock()).candles(Market("gate", "LTC", "USDT"), MINUTE_MS, 5)
