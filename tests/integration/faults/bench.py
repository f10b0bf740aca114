"""The real engine and the real adapter on the exchange in a box, whose faults a test injects."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from autotrader_v2.application.floor import TraderConfig
from autotrader_v2.application.ports import Clock
from autotrader_v2.domain.cycle import Active
from autotrader_v2.domain.orders import Side
from autotrader_v2.domain.situation import Pause
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.market_feed import GateMarketFeed
from autotrader_v2.matching.knobs import Knobs
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests.engine import Engine, a_price
from tests.gate import a_gate_exchange, an_account_feed
from tests.integration.faults.box import inject
from tests.integration.test_unknown_orders import QUICK_PROOF

ETH = rules_for("ETH")
MONEY = Decimal(1000)


@dataclass
class Bench:
    """One coin, one engine, one exchange in which anything may go wrong."""

    sim: Simulator
    engine: Engine
    streams: bool = False

    def inject(self, kind: str, **words: Any) -> None:
        """Put a rule in force, as a fault file would."""
        inject(self.sim, kind, **words)

    def price(self, price: str | Decimal) -> None:
        """The market's price is now this."""
        if self.streams:
            self.sim.feed(a_price(ETH.market, Decimal(price), ETH.tick))
        else:
            self.engine.price("ETH", price)

    def until(self, price: str | Decimal, what: str, holds: Any, patience_s: float = 15.0) -> None:
        """Keep the price until something holds."""

        def told() -> bool:
            self.price(price)
            return bool(holds())

        self.engine.until(what, told, patience_s)

    def on(self) -> None:
        """Switch the coin on."""
        self.engine.desk.switch("ETH", "on", "test")

    def start_buy(self, price: str = "2500") -> Active:
        """Switch on and wait for the cycle."""
        self.on()
        self.until(price, "a start buy", lambda: self.engine.state("ETH") == "ACTIVE")
        return self.cycle()

    def sale(self, price: str = "2600") -> None:
        """Take the profit and let the coin rest."""
        self.engine.desk.switch("ETH", "finish", "test")
        self.until(price, "the sale", lambda: self.engine.state("ETH") == "IDLE")

    def cycle(self) -> Active:
        """The running cycle."""
        cycle = self.engine.slot("ETH").state.cycle
        assert isinstance(cycle, Active)
        return cycle

    def pause(self) -> Pause | None:
        """Why the coin is halted, if it is."""
        return self.engine.slot("ETH").state.pause

    def hold(self) -> str:
        """Why the coin does nothing."""
        return str(self.engine.slot("ETH").hold.reason)

    def outcomes(self) -> dict[str, str]:
        """Client id -> how the order ended, as the page shows it."""
        return {row["client_id"]: row["outcome"] for row in self.engine.desk.orders("ETH", 30)}

    def orders(self, side: Side = Side.BUY) -> list[str]:
        """Client ids of the orders of a side that the exchange carried out, each as often as it did."""
        return [one.text for one in self.sim.account().orders if one.side is side and one.filled_base]

    def alerts(self) -> list[str]:
        """Codes of the alerts so far."""
        return [alert.code for alert in self.engine.told]

    def agree(self) -> bool:
        """Whether the books have the coins the account has."""
        cycle = self.engine.slot("ETH").state.cycle
        held = cycle.held if isinstance(cycle, Active) else Decimal(0)
        return held + cycle.tally.dust.coins == self.sim.account().total("ETH")

    def booked_once(self) -> None:
        """One buy was carried out, it is booked once, and nothing is open or reserved."""
        [client_id] = self.orders()
        self.engine.until("it is booked", lambda: self.engine.state("ETH") == "ACTIVE" and self.agree())
        assert self.cycle().bought[0].client_ids == (client_id,)
        self.engine.until("nothing is in flight", lambda: self.engine.floor.in_flight == set())
        self.engine.until("nothing is reserved", lambda: self.engine.floor.wallet.funds().reserved == 0)


@contextmanager
def a_bench(
    folder: Path,
    *,
    streams: bool = False,
    knobs: Knobs | None = None,
    config: TraderConfig = QUICK_PROOF,
    sim: Simulator | None = None,
    clock: Clock | None = None,
) -> Iterator[Bench]:
    """A new exchange, or `sim` with what is in it. `streams`: prices come over the adapter's own feed.

    `clock`: the machine's, where it is not right; prices that the test tells are dated by the right one.
    """
    if sim is None:
        with Simulator([ETH], {"USDT": MONEY}, seed=5, knobs=knobs) as made:
            made.feed(a_price(ETH.market, Decimal(2500), ETH.tick))
            with a_bench(folder, streams=streams, config=config, sim=made, clock=clock) as bench:
                yield bench
        return
    clock = clock or SystemClock()
    exchange = a_gate_exchange(sim, clock=clock)
    feed = GateMarketFeed(sim.ws_url, exchange, clock) if streams else None
    with Engine(
        exchange,
        sim.feed,
        [ETH.market],
        folder,
        account_feed=an_account_feed(sim, exchange, clock=clock),
        config=config,
        market_feed=feed,
        clock=clock,
    ) as engine:
        bench = Bench(sim, engine, streams)
        bench.price("2500")
        yield bench
    exchange.close()
