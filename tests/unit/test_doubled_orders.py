"""An order that the network carried out twice (O8): the cycle earns with its own coins only."""

from decimal import Decimal

from autotrader_v2.domain.cycle import SaleBooked, apply
from autotrader_v2.domain.orders import Fill, Why
from tests.builders import a_sale, an_active_cycle


def a_sale_booked(*fills: Fill) -> SaleBooked:
    """A take-profit of the first cycle."""
    return SaleBooked(client_id="t-test-1.1", cycle_id=1, why=Why.TAKE_PROFIT, fills=fills)


def test_o8_a_doubled_sale_takes_no_result_from_the_coins_outside_that_it_sold() -> None:
    """Found by ambiguous sends: a start and its sale both carried out twice made ten USDT of profit out of nothing."""
    cycle = an_active_cycle()
    coins = str(cycle.held)
    first, second = a_sale(coins, "10.2", trade_id="1"), a_sale(coins, "10.2", trade_id="2", order_id="2")
    together = apply(cycle, a_sale_booked(first, second))
    one_by_one = apply(apply(cycle, a_sale_booked(first)), a_sale_booked(second))
    alone = apply(cycle, a_sale_booked(first))
    assert together == one_by_one == alone
    assert together.tally.realised == first.quote_received - cycle.invested
    assert Decimal(0) < together.tally.realised < Decimal(1)
