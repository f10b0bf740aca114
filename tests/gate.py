"""The Gate adapter on the simulator, as tests use it."""

from autotrader_v2.application.ports import AccountFeed
from autotrader_v2.infrastructure.clock import SystemClock
from autotrader_v2.infrastructure.gate.account_feed import GateAccountFeed
from autotrader_v2.infrastructure.gate.exchange import GateExchange
from autotrader_v2.simulator import Simulator


def a_gate_exchange(sim: Simulator, key: str = "key", secret: str = "secret") -> GateExchange:
    """The real adapter over real HTTP."""
    exchange = GateExchange(sim.url, key, secret, SystemClock())
    exchange.warm()
    return exchange


def an_account_feed(sim: Simulator, exchange: GateExchange) -> AccountFeed:
    """Own trades over a real WebSocket."""
    return GateAccountFeed(sim.ws_url, exchange, SystemClock())
