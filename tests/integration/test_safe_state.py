"""A start while the exchange is away: the journal's word is shown and told at once, and nothing is sent (row M16)."""

import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autotrader_v2.application.halt_ways import START_ASKS_MS
from autotrader_v2.application.ports import ExchangeUnavailable, Found, OutcomeUnknown
from autotrader_v2.application.refusals import CommandRefused
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.market import Market, MarketRules
from autotrader_v2.domain.orders import OrderIntent, Side
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.paper import PaperExchange
from autotrader_v2.matching.markets import table_for
from autotrader_v2.simulator import Simulator
from tests.canary import KEY, SECRET
from tests.engine import PATIENCE_S, UNLIMITED, Engine, a_price
from tests.processes import Serving, Started

RULES = table_for(("ETH", "BTC"))
MARKETS = [one.market for one in RULES]
PRICES = {"ETH": "2500", "BTC": "60000"}
D = Decimal


class Remote(PaperExchange):
    """An account that outlives the engines. `away`: nobody answers; `lost`: an answer gets lost on its way."""

    away = lost = False

    def _reach(self) -> None:
        if self.away:
            raise ExchangeUnavailable("Gate.io does not answer.", do="Wait.")

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        self._reach()
        return super().rules(markets)

    def find(self, intent: OrderIntent, order_id: str = "") -> Any:
        self._reach()
        if self.lost:
            raise ExchangeUnavailable("No answer.", do="Wait.")
        found = super().find(intent, order_id)
        assert isinstance(found, Found)
        return found

    def send(self, intent: OrderIntent) -> Any:
        result = super().send(intent)
        if self.lost:
            raise OutcomeUnknown("The answer was lost.")
        return result

    def close(self) -> None:
        """The account goes on."""


def an_engine(remote: Remote, folder: Path, *, waits: bool = True) -> Engine:
    return Engine(remote, remote.feed, MARKETS, folder, account_feed=remote, config=UNLIMITED, waits=waits)


@pytest.fixture
def remote(tmp_path: Path) -> tuple[Remote, Active]:
    """An account after a run that ended with an open cycle of ETH and a buy of BTC whose outcome is not known."""
    remote = Remote(RULES, {"USDT": D(1000)}, clock=SystemClock())
    with an_engine(remote, tmp_path) as engine:
        engine.desk.switch("ETH", "on", "test")
        engine.until_price("ETH", PRICES["ETH"], "a start buy", lambda: engine.state("ETH") == "ACTIVE")
        cycle = engine.slot("ETH").state.cycle
        remote.lost = True
        engine.desk.switch("BTC", "on", "test")

        def unknown() -> bool:
            order = engine.slot("BTC").state.order
            return order is not None and order.unknown

        engine.until_price("BTC", PRICES["BTC"], "a buy of unknown outcome", unknown)
    assert isinstance(cycle, Active)
    remote.lost = False
    return remote, cycle


def test_m16_a_start_without_the_exchange_shows_and_tells_what_the_journal_holds(
    remote: tuple[Remote, Active], tmp_path: Path
) -> None:
    exchange, cycle = remote
    exchange.away = True
    orders = len(exchange.account_trades(0))
    with an_engine(exchange, tmp_path, waits=False) as engine:
        desk, told = engine.desk, engine.told
        engine.until("it waits", lambda: engine.trader.start_waits is not None)
        overview = desk.overview()
        coins = {coin["currency"]: coin for coin in overview["coins"]}
        assert coins.keys() == {"ETH", "BTC"}
        eth = coins["ETH"]
        assert (D(eth["held"]), D(eth["breakeven"])) == (cycle.held, cycle.breakeven)
        assert (eth["state"], eth["bid"], eth["price_age_ms"]) == ("ACTIVE", None, None)
        assert coins["BTC"]["order"]["unknown"]
        assert [one["currency"] for one in overview["truth"]["unknown_orders"]] == ["BTC"]
        assert not overview["running"]
        halts = {(halt["currency"], halt["code"]): halt for halt in desk.halts()["halts"]}
        assert halts.keys() == {(None, "start_waits"), ("BTC", "order_unknown")}
        assert D(halts[None, "start_waits"]["stake"]["invested"]) == cycle.invested.quantize(D("1e-9")).normalize()
        assert D(halts[None, "start_waits"]["stake"]["reserved"]) > 0
        engine.until("one alert", lambda: "exchange_away" in [alert.code for alert in told])
        assert "exchange_away" in [alert["code"] for alert in desk.alerts()]
        assert {(halt["currency"], halt["code"]) for halt in desk.halts()["halts"]} == halts.keys(), "told once"
        with pytest.raises(CommandRefused, match="starting"):
            desk.quick_buy("ETH", D(10), "test")
        assert not engine.trader.floor.slots, "nothing decides on the journal's word alone"
        assert len(exchange.account_trades(0)) == orders
        exchange.away = False
        engine.until("it trades", lambda: engine.trader.running)
        engine.until("a summary", lambda: "exchange_back" in [alert.code for alert in told])
        assert [alert.code for alert in told].count("exchange_away") == 1
        engine.until_price("BTC", PRICES["BTC"], "the buy is found", lambda: engine.state("BTC") == "ACTIVE")
        # Else the next cycle may have begun before anybody sees that this one is sold.
        desk.switch("ETH", "finish", "test")
        engine.until_price("ETH", "2700", "the cycle goes on", lambda: engine.state("ETH") == "IDLE")


class Silent(Remote):
    """Takes a question and keeps it, until it is let go."""

    def __init__(self) -> None:
        super().__init__(RULES, {"USDT": D(1000)}, clock=SystemClock())
        self.asked = False
        self.answers = threading.Event()

    def rules(self, markets: Sequence[Market]) -> Mapping[Market, MarketRules]:
        self.asked = True
        self.answers.wait(PATIENCE_S)
        return super().rules(markets)


def test_a_first_question_without_an_answer_is_a_halt_before_it_has_failed(tmp_path: Path) -> None:
    exchange = Silent()
    with an_engine(exchange, tmp_path, waits=False) as engine:
        engine.until("it asks", lambda: exchange.asked)
        engine.trader.asks_since_ms -= START_ASKS_MS
        [halt] = engine.desk.halts()["halts"]
        assert (halt["code"], halt["stops"]) == ("start_asks", "all")
        assert [way["way"] for way in halt["ways"]] == ["wait", "check_connection"]
        exchange.answers.set()
        engine.until("it trades", lambda: engine.trader.running)
        assert engine.desk.halts()["halts"] == []


@pytest.mark.slow
def test_m16_a_program_started_while_nobody_answers_shows_its_cycle_and_trades_on_when_somebody_does(
    tmp_path: Path,
) -> None:
    """The real program, killed in a cycle; at the exchange's address nobody listens when it is started again."""
    eth = RULES[0]

    def serve(*, wait: bool) -> Serving:
        return Serving(
            *("--mode", "sandbox", "--data-dir", str(tmp_path / "data")),
            log=tmp_path / "serve.log",
            wait=wait,
            GATE_HOST=sim.url,
            API_KEY=KEY,
            API_SECRET=SECRET,
            AVAILABLE_SYMBOLS="ETH",
        )

    def until(engine: Serving, price: str | Decimal, what: str, holds: Callable[[], object]) -> None:
        def told() -> object:
            sim.feed(a_price(eth.market, D(price), eth.tick))
            return holds()

        engine.until(what, told)

    def sides() -> list[Side]:
        return [order.side for order in sim.account().orders]

    with Simulator([eth], {"USDT": 1000}, seed=5, key=KEY, secret=SECRET) as sim:
        sim.feed(a_price(eth.market, D(2500), eth.tick))
        with serve(wait=True) as engine:
            engine.post("/api/autotrader/switch", base_currency="ETH", mode="on")
            until(engine, 2500, "it is bought", lambda: engine.cycle("ETH")["state"] == "ACTIVE")
            # So that after the sale nothing is bought by right.
            engine.post("/api/autotrader/switch", base_currency="ETH", mode="finish")
            [before] = engine.get("/api/overview")["coins"]
            engine.kill()
        sim.stop()
        with serve(wait=False) as engine:
            Started.ready(engine)

            def halts() -> dict[str, Any]:
                return {halt["code"]: halt for halt in engine.get("/api/halts")["halts"]}

            engine.until("it says why it waits", lambda: "start_waits" in halts())
            halt = halts()["start_waits"]
            assert (halt["stops"], D(halt["stake"]["invested"])) == ("all", D(before["invested"]))
            overview = engine.get("/api/overview")
            [coin] = overview["coins"]
            known = ("currency", "state", "held", "invested", "breakeven", "take_profit", "next_buy")
            assert {name: coin[name] for name in known} == {name: before[name] for name in known}
            assert not overview["running"] and coin["bid"] is None
            sim.start()
            step = D(before["next_buy"]["price"]) - eth.tick
            until(engine, step, "it trades on", lambda: sides() == [Side.BUY, Side.BUY])
            until(engine, 2700, "it sells", lambda: engine.cycle("ETH")["state"] == "IDLE")
            assert sides() == [Side.BUY, Side.BUY, Side.SELL], "each step once, and all of it sold once"
            assert sim.account().total("ETH") < D("0.0002")
            assert "start_waits" not in halts()
            assert engine.stop() == 0
