"""What the tests of the box's faults share: rules in the words of a fault file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import connect

from autotrader_v2.simulator import Simulator
from autotrader_v2.simulator.faults.kinds import read_rule
from tests.integration.ws_client import Client

PAIR = "LTC_USDT"
MARKET_BUY = {"currency_pair": PAIR, "side": "buy", "type": "market", "amount": "50", "time_in_force": "ioc"}


def inject(sim: Simulator, kind: str, **words: Any) -> None:
    """Put a rule in force, as a fault file would."""
    sim.faults.add(read_rule({"kind": kind, **words}, "rule"))


@contextmanager
def listening(sim: Simulator) -> Iterator[Client]:
    """A WebSocket client."""
    with connect(sim.ws_url, compression=None, proxy=None) as connection:
        yield Client(connection)
