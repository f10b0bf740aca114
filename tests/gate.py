"""The Gate adapter on the simulator, as tests use it."""

from autotrader_v2.application.ports import AccountFeed, Clock
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.simulator import Simulator


def a_gate_exchange(
    sim: Simulator, key: str = "key", secret: str = "secret", *, clock: Clock | None = None
) -> GateExchange:
    """The real adapter over real HTTP. `clock`: the machine's, where it is not right."""
    exchange = GateExchange(sim.url, key, secret, clock or SystemClock())
    exchange.warm()
    return exchange


def an_account_feed(sim: Simulator, exchange: GateExchange, *, clock: Clock | None = None) -> AccountFeed:
    """Own trades over a real WebSocket."""
    return GateAccountFeed(sim.ws_url, exchange, clock or SystemClock())
