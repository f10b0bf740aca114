"""Breaks that simulated worlds found, each by what it would have cost."""

from dataclasses import replace
from decimal import Decimal

from autotrader_v2.domain.cycle import Dust, Idle, SaleBooked, Tally, apply
from autotrader_v2.domain.orders import Why
from tests.builders import ETH, a_sale


def test_coins_outside_sold_by_a_person_bring_no_result_to_the_market() -> None:
    """Seed 27: a coin from outside sold with 0.0001 of dust was booked whole as the dust's profit."""
    idle = Idle(market=ETH, tally=Tally(dust=Dust(Decimal("0.0001"), Decimal("0.25"))))
    sale = a_sale("1", "2500")
    event = SaleBooked(client_id="t-test-1.1", cycle_id=0, why=Why.SELL_ALL, fills=(sale,), outside=Decimal("0.9999"))
    after = apply(idle, event)
    assert after.tally.dust == Dust(Decimal(0), Decimal(0))
    assert after.tally.realised == Decimal("0.0001") * Decimal(2500) * (1 - Decimal("0.002")) - Decimal("0.25")
    only_outside = apply(idle, replace(event, outside=Decimal(1)))
    assert only_outside.tally == idle.tally
