"""What is read of the exchange in a box over its control routes is what it has."""

from decimal import Decimal

import pytest

from autotrader_v2.domain.orders import Side
from autotrader_v2.matching.markets import rules_for
from autotrader_v2.simulator import Simulator
from tests import sim_process
from tests.engine import a_price
from tests.sim_process import SimControl

ETH = rules_for("ETH")


def test_the_books_read_from_outside_are_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kill rounds compare what the process shows; something lost on the way would hide a difference."""
    monkeypatch.setattr(sim_process, "_PAGE", 2)
    with Simulator([ETH], {"USDT": 1000, "ETH": 1}, control_token=sim_process.CONTROL_TOKEN) as sim:
        control = SimControl(sim.url)
        control.tell([a_price(ETH.market, Decimal("2500.01"), ETH.tick)])
        for side, amount in ((Side.BUY, "33.3"), (Side.SELL, "0.0123"), (Side.BUY, "7")):
            sim.trade_by_hand("ETH_USDT", side, amount, text="t-mine")
        sim.trade_by_hand("ETH_USDT", Side.BUY, "0.02", price=2000)
        told, own = control.account(), sim.account()
        assert told.balances == own.balances and told.total("USDT") == own.total("USDT")
        assert told.trades == own.trades and len(own.trades) == 3
        facts = ("id", "text", "pair", "side", "amount", "filled_base", "open")
        assert [[getattr(one, fact) for fact in facts] for one in told.orders] == [
            [getattr(one, fact) for fact in facts] for one in own.orders
        ]
        assert [one.id for one in told.open_orders] == [own.orders[-1].id]
        assert control.trades(own.trades[0].id) == list(own.trades[1:])
        control.close()
